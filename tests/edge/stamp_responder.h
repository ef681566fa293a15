/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a STAMP prober, on loopback: sockets of both families on one port, which tell
 * what came and answer what they are told to. */
#ifndef STAMP_RESPONDER_H
#define STAMP_RESPONDER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "kernel_abi.h"
#include "prober_stamp.h"
#include "stamp.h"

#define WAIT_MS 5000

struct responder {
	int fds[2]; /* IPv4 and IPv6; -1: this host has none */
	uint16_t port_be;
};

union endpoint {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* A request as it came. */
struct request {
	union endpoint from;
	socklen_t from_length;
	int ttl;
	int tos;
	size_t length;
	uint8_t octets[16384];
};

static inline struct address address_of(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static inline union endpoint endpoint_of(const char *text, uint16_t port_be, socklen_t *ret_length)
{
	union endpoint endpoint = { .any.sa_family = AF_UNSPEC };

	if (strchr(text, ':')) {
		endpoint.ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						       .sin6_port = port_be };
		inet_pton(AF_INET6, text, &endpoint.ipv6.sin6_addr);
		*ret_length = sizeof(endpoint.ipv6);
	} else {
		endpoint.ipv4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port_be };
		inet_pton(AF_INET, text, &endpoint.ipv4.sin_addr);
		*ret_length = sizeof(endpoint.ipv4);
	}
	return endpoint;
}

/* A socket on the address and port (0: any, which is written back), or -1. */
static inline int bound_socket(const char *text, uint16_t *port_be)
{
	socklen_t length;
	union endpoint self = endpoint_of(text, *port_be, &length);
	int fd = socket(self.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (self.any.sa_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	}
	if (bind(fd, &self.any, length) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, &self.any, &length);
	*port_be = self.any.sa_family == AF_INET6 ? self.ipv6.sin6_port : self.ipv4.sin_port;
	return fd;
}

static inline bool host_has_ipv6(void)
{
	uint16_t port_be = 0;
	int fd = bound_socket("::1", &port_be);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static inline void responder_open(struct responder *responder)
{
	bool ipv6 = host_has_ipv6();

	for (int i = 0; i < 32; i++) {
		responder->port_be = 0;
		responder->fds[0] = bound_socket("127.0.0.1", &responder->port_be);
		responder->fds[1] = ipv6 ? bound_socket("::1", &responder->port_be) : -1;
		assert_true(responder->fds[0] >= 0);
		if (!ipv6 || responder->fds[1] >= 0)
			return;
		close(responder->fds[0]);
	}
	fail_msg("no port is free in both families");
}

static inline void responder_close(struct responder *responder)
{
	for (int i = 0; i < 2; i++) {
		if (responder->fds[i] >= 0)
			close(responder->fds[i]);
		responder->fds[i] = -1;
	}
}

static inline bool is_readable(int fd, int wait_ms)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, wait_ms) == 1 && (polled.revents & POLLIN);
}

static inline void read_request(int fd, struct request *ret)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec part = { .iov_base = ret->octets, .iov_len = sizeof(ret->octets) };
	struct msghdr header = {
		.msg_name = &ret->from,
		.msg_namelen = sizeof(ret->from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;

	assert_true(is_readable(fd, WAIT_MS));
	length = recvmsg(fd, &header, 0);
	assert_true(length >= 0);
	ret->length = (size_t)length;
	ret->from_length = header.msg_namelen;
	ret->ttl = -1;
	ret->tos = 0;
	for (struct cmsghdr *one = CMSG_FIRSTHDR(&header); one; one = CMSG_NXTHDR(&header, one)) {
		bool ipv6 = one->cmsg_level == IPPROTO_IPV6;

		if (one->cmsg_type == (ipv6 ? IPV6_HOPLIMIT : IP_TTL))
			memcpy(&ret->ttl, CMSG_DATA(one), sizeof(ret->ttl));
		else if (ipv6 && one->cmsg_type == IPV6_TCLASS)
			memcpy(&ret->tos, CMSG_DATA(one), sizeof(ret->tos));
		else if (!ipv6 && one->cmsg_type == IP_TOS)
			ret->tos = *CMSG_DATA(one);
	}
}

static inline uint16_t source_port_be(const struct request *request)
{
	return request->from.any.sa_family == AF_INET6 ? request->from.ipv6.sin6_port
						       : request->from.ipv4.sin_port;
}

/* A reply of this length as a reflector makes it of the request. */
static inline void answer(int fd, const struct request *request, size_t length)
{
	uint8_t reply[16384] = { 0 };

	memcpy(reply + 24, request->octets, 4);	     /* sequence */
	memcpy(reply + 28, request->octets + 4, 10); /* timestamp, error estimate */
	memcpy(reply + 14, request->octets + 14, 2); /* SSID */
	for (size_t i = 44; i < length; i++)
		reply[i] = (uint8_t)i;
	assert_int_equal(sendto(fd, reply, length, 0, &request->from.any, request->from_length),
			 length);
}

#endif
