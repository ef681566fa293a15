/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all sockets that send probes have in common: addresses, options, sending in batches. Owns
 * no socket. Must not know what a probe is.
 */
#include "probe_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

socklen_t socket_address_write(union socket_address *ret, const struct address *address,
			       uint16_t port_be)
{
	memset(ret, 0, sizeof(*ret));
	if (address_is_ipv4(address)) {
		ret->ipv4.sin_family = AF_INET;
		ret->ipv4.sin_port = port_be;
		memcpy(&ret->ipv4.sin_addr, address->octets + sizeof(address_ipv4_prefix), 4);
		return sizeof(ret->ipv4);
	}
	ret->ipv6.sin6_family = AF_INET6;
	ret->ipv6.sin6_port = port_be;
	memcpy(&ret->ipv6.sin6_addr, address->octets, 16);
	return sizeof(ret->ipv6);
}

void socket_address_read(const union socket_address *from, struct address *ret)
{
	if (from->any.sa_family == AF_INET) {
		memcpy(ret->octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
		memcpy(ret->octets + sizeof(address_ipv4_prefix), &from->ipv4.sin_addr, 4);
	} else {
		memcpy(ret->octets, &from->ipv6.sin6_addr, 16);
	}
}

int probe_socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int probe_socket_set_path(int fd, int domain, uint32_t dscp, uint32_t packets,
			  uint32_t payload_bytes)
{
	int buffer_bytes = (int)(packets / 2 * /* the kernel doubles it */
				 (payload_bytes + PROBE_SOCKET_OVERHEAD_BYTES));
	int tos = (int)(dscp << 2); /* RFC 2474: the upper six bits */
	int err = 0;

	/* Above net.core.wmem_max it takes CAP_NET_ADMIN, and else becomes what is allowed. */
	if (probe_socket_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, buffer_bytes) < 0)
		err = probe_socket_set(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
	if (!err && domain == AF_INET) {
		err = probe_socket_set(fd, IPPROTO_IP, IP_TOS, tos);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	} else if (!err) {
		err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
					       IPV6_PMTUDISC_PROBE);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	}
	return err;
}

int probe_socket_set_discovery(int fd, int discovery)
{
	bool whole = discovery == IP_PMTUDISC_DO || discovery == IP_PMTUDISC_PROBE;
	socklen_t length = sizeof(int);
	int domain;
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0)
		return -errno;
	if (domain == AF_INET)
		return probe_socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, discovery);
	/* The numbers are the same (IPV6_PMTUDISC_*). */
	err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery);
	return err ? err : probe_socket_set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, whole);
}

/* What the kernel makes of ICMP and ICMPv6 errors (icmp_err_convert, icmpv6_err_convert). They are
 * also what it says of its own routes, and does not tell which. */
static bool may_be_somebody_elses(int err)
{
	switch (err) {
	case EACCES:
	case ECONNREFUSED:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case EMSGSIZE:
	case ENETUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

/* As sendmmsg(). That of musl makes a call of each message, since the kernel reads a size_t where
 * POSIX has an int and musl a padding behind it. Nobody writes into that here: it is zero. */
static int send_messages(int fd, struct mmsghdr *messages, uint32_t count)
{
	return (int)syscall(SYS_sendmmsg, fd, messages, count, 0);
}

void probe_socket_send(int fd, struct mmsghdr *messages, uint32_t count, const uint32_t *places,
		       int *errors)
{
	uint32_t retries = 0;
	uint32_t first = 0;

	while (first < count) {
		int sent = send_messages(fd, &messages[first], count - first);
		int err = errno;
		socklen_t length = sizeof(int);
		int pending;

		if (sent > 0) {
			first += (uint32_t)sent;
			retries = 0;
			continue;
		}
		/* Cleared, should there be another one. */
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &length);
		if (retries < (may_be_somebody_elses(err) ? PROBE_SOCKET_RETRIES : 1)) {
			retries++;
			continue;
		}
		errors[places[first++]] = -err;
		retries = 0;
	}
}
