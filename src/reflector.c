/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the sockets of the user-space reflector, and knows how the clocks stand. All memory is
 * taken at open. Must not know who may ask, nor what a reply is made of.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h> /* for the next one, where the C library does not see to it */
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <unistd.h>

#include "loop.h"
#include "reflector_state.h"

#define HOP_LIMIT 255 /* RFC 8762 section 4.3 */

/* A limit, for replies that wait for a neighbour to be found. */
#define SEND_PACKETS	 2048
#define SEND_BYTES_USUAL (STAMP_BYTES + sizeof(struct stamp_tlv) + sizeof(struct stamp_identity))

/* CLOCK_REALTIME less CLOCK_MONOTONIC changes by steps only. Of so few readings one is not
 * interrupted, and tells it to a microsecond; a step below the bound passes for none, and is the
 * largest error that it brings. */
#define CLOCK_READINGS 5
#define CLOCK_STEP_NS  (50 * NS_PER_US)

struct option {
	int level;
	int name;
	int value;
};

static const struct option options_of_all[] = {
	{ SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE },
	{ SOL_SOCKET, SO_RXQ_OVFL, 1 },
};

static const struct option options_of_ipv4[] = {
	{ IPPROTO_IP, IP_TTL, HOP_LIMIT }, { IPPROTO_IP, IP_PKTINFO, 1 },
	{ IPPROTO_IP, IP_RECVTTL, 1 },	   { IPPROTO_IP, IP_RECVTOS, 1 },
	{ IPPROTO_IP, IP_RECVOPTS, 1 },	   { IPPROTO_IP, IP_RECVFRAGSIZE, 1 },
};

static const struct option options_of_ipv6[] = {
	{ IPPROTO_IPV6, IPV6_V6ONLY, 1 },	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS, 1 },	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1 },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1 },	{ IPPROTO_IPV6, IPV6_RECVRTHDR, 1 },
	{ IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1 },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int set_options(int fd, const struct option *options, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = probe_socket_set(fd, options[i].level, options[i].name, options[i].value);
	return err;
}

static int set_up(int fd, unsigned int family)
{
	int receive_bytes = REFLECTOR_WAITING_BYTES / 2; /* the kernel doubles it */
	int err = probe_socket_set_path(fd, family == FAMILY_IPV4 ? AF_INET : AF_INET6, 0,
					SEND_PACKETS, SEND_BYTES_USUAL);

	if (!err && probe_socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_bytes) < 0)
		err = probe_socket_set(fd, SOL_SOCKET, SO_RCVBUF, receive_bytes);
	if (!err)
		err = set_options(fd, options_of_all, COUNT_OF(options_of_all));
	if (!err && family == FAMILY_IPV4)
		err = set_options(fd, options_of_ipv4, COUNT_OF(options_of_ipv4));
	else if (!err)
		err = set_options(fd, options_of_ipv6, COUNT_OF(options_of_ipv6));
	return err;
}

static int open_socket(struct reflector *reflector, unsigned int family)
{
	static const struct address any[FAMILIES] = {
		[FAMILY_IPV4] = { .octets = { [10] = 0xff, [11] = 0xff } },
	};
	union socket_address address;
	socklen_t length = socket_address_write(&address, &any[family], reflector->port_be);
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	reflector->sockets[family].fd = fd;
	err = set_up(fd, family);
	if (!err && bind(fd, &address.any, length) < 0)
		err = -errno;
	return err;
}

bool reflector_clocks(struct reflector *reflector, struct local_time *ret_now, int64_t *ret_unix_ns)
{
	int64_t offset_ns = INT64_MAX;

	for (int i = 0; i < CLOCK_READINGS; i++) {
		int64_t found_ns;

		*ret_now = loop_now();
		*ret_unix_ns = loop_unix_ns();
		found_ns = *ret_unix_ns - ret_now->ns;
		if (llabs(found_ns - reflector->real_offset_ns) <= CLOCK_STEP_NS)
			return true;
		if (found_ns < offset_ns)
			offset_ns = found_ns;
	}
	reflector->real_offset_ns = offset_ns;
	reflector->steps++;
	for (unsigned int family = 0; family < FAMILIES; family++)
		reflector->sockets[family].stale = REFLECTOR_WAITING_MAX;
	return false;
}

static void prepare_messages(struct reflector *reflector)
{
	for (uint32_t i = 0; i < REFLECTOR_BATCH; i++) {
		reflector->parts[i] = (struct iovec){ .iov_base = reflector->payloads[i],
						      .iov_len = STAMP_BYTES_MAX };
		reflector->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &reflector->senders[i],
			.msg_iov = &reflector->parts[i],
			.msg_iovlen = 1,
			.msg_control = reflector->controls[i].octets,
		};
	}
}

int reflector_open(const struct reflector_settings *settings, struct reflector **ret)
{
	struct reflector *reflector = calloc(1, sizeof(*reflector));
	struct local_time now;
	int64_t unix_ns;
	int err = 0;

	if (!reflector)
		return -ENOMEM;
	reflector->port_be = settings->port_be;
	reflector->identity = *settings->identity;
	reflector_clocks(reflector, &now, &unix_ns); /* the first time */
	for (unsigned int family = 0; family < FAMILIES; family++)
		reflector->sockets[family] = (struct reflector_socket){ .fd = -1 };
	for (unsigned int family = 0; family < FAMILIES && !err; family++)
		err = open_socket(reflector, family);
	if (err) {
		reflector_close(reflector);
		return err;
	}
	prepare_messages(reflector);
	*ret = reflector;
	return 0;
}

void reflector_close(struct reflector *reflector)
{
	if (!reflector)
		return;
	for (unsigned int family = 0; family < FAMILIES; family++)
		if (reflector->sockets[family].fd >= 0)
			close(reflector->sockets[family].fd);
	free(reflector);
}

uint32_t reflector_fds(const struct reflector *reflector, int ret[static REFLECTOR_SOCKETS])
{
	uint32_t count = 0;

	for (unsigned int family = 0; family < FAMILIES; family++)
		if (reflector->sockets[family].fd >= 0)
			ret[count++] = reflector->sockets[family].fd;
	return count;
}

void reflector_use(struct reflector *reflector, const struct kernel_memory *memory,
		   struct kc_session *sessions)
{
	reflector->memory = *memory;
	reflector->memory.sessions = sessions;
}
