/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Over which interfaces an address is routed, by rtnetlink: owns one socket for questions and one
 * for notices. Must not know peers, nor what an interface is wanted for.
 */
#include "routes_state.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS   200	  /* the kernel answers while it is asked: never seen in practice */
#define ANSWERS_SKIPPED	    16	  /* stale ones, of questions that were given up */
#define NOTICES_PER_CALL    256	  /* then others have their turn */
#define NOTICE_BUFFER_BYTES 65536 /* lost notices are noticed, so it needs not be large */

static int open_socket(int flags)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static int join_groups(int fd)
{
	static const int groups[] = {
		RTNLGRP_LINK,	     RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_RULE,	 RTNLGRP_IPV6_RULE,  RTNLGRP_NEXTHOP,
	};
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int buffer_bytes = NOTICE_BUFFER_BYTES / 2; /* the kernel doubles it */

	/* A port of its own: without one it would pass for the sender of the kernel's notices. */
	if (bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return -errno;
	}
	return 0;
}

int routes_open_socket(void)
{
	struct timeval timeout = { .tv_usec = ANSWER_TIMEOUT_MS * 1000 };
	int fd = open_socket(0);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int routes_open(struct routes **ret)
{
	struct routes *routes = calloc(1, sizeof(*routes));
	int err = 0;

	if (!routes)
		return -ENOMEM;
	routes->request_fd = routes_open_socket();
	routes->notice_fd = open_socket(SOCK_NONBLOCK);
	if (routes->request_fd < 0)
		err = routes->request_fd;
	else if (routes->notice_fd < 0)
		err = routes->notice_fd;
	else
		err = join_groups(routes->notice_fd);
	if (err < 0) {
		routes_close(routes);
		return err;
	}
	*ret = routes;
	return 0;
}

void routes_close(struct routes *routes)
{
	if (!routes)
		return;
	if (routes->request_fd >= 0)
		close(routes->request_fd);
	if (routes->notice_fd >= 0)
		close(routes->notice_fd);
	free(routes);
}

int routes_fd(const struct routes *routes)
{
	return routes->notice_fd;
}

ssize_t routes_receive(struct routes *routes, int fd)
{
	struct sockaddr_nl from = { .nl_pid = 0 };
	struct iovec part = { .iov_base = routes->message, .iov_len = sizeof(routes->message) };
	struct msghdr header = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	ssize_t length = recvmsg(fd, &header, 0);

	if (length < 0)
		return -errno;
	return from.nl_pid != 0 || (header.msg_flags & MSG_TRUNC) ? 0 : length;
}

int routes_ask(struct routes *routes, struct nlmsghdr *question, uint16_t answer_type,
	       size_t answer_bytes)
{
	question->nlmsg_flags = NLM_F_REQUEST;
	question->nlmsg_seq = ++routes->sequence;
	if (send(routes->request_fd, question, question->nlmsg_len, 0) < 0)
		return -errno;
	for (int i = 0; i < ANSWERS_SKIPPED; i++) {
		ssize_t length = routes_receive(routes, routes->request_fd);
		struct nlmsghdr *header = (void *)routes->message;

		if (length < 0)
			return length == -EAGAIN ? -ETIMEDOUT : (int)length;
		if (!NLMSG_OK(header, (uint32_t)length) || header->nlmsg_seq != routes->sequence)
			continue;
		if (header->nlmsg_type == NLMSG_ERROR &&
		    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
			const struct nlmsgerr *answer = NLMSG_DATA(header);

			return answer->error < 0 ? answer->error : -EBADMSG;
		}
		if (header->nlmsg_type != answer_type ||
		    header->nlmsg_len < NLMSG_LENGTH(answer_bytes))
			return -EBADMSG;
		return 0;
	}
	return -ETIMEDOUT;
}

int routes_ask_route(struct routes *routes, const struct address *destination, unsigned int flags)
{
	size_t octets = routes_octets(destination);
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		uint8_t destination[16];
	} question = {
		.header = {
			.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(question.route)) +
						RTA_LENGTH(octets)),
			.nlmsg_type = RTM_GETROUTE,
		},
		.route = {
			.rtm_family = octets == 4 ? AF_INET : AF_INET6,
			.rtm_dst_len = (uint8_t)(octets * 8),
			.rtm_flags = flags,
		},
		.attribute = {
			.rta_type = RTA_DST,
			.rta_len = (uint16_t)RTA_LENGTH(octets),
		},
	};

	memcpy(question.destination, destination->octets + 16 - octets, octets);
	return routes_ask(routes, &question.header, RTM_NEWROUTE, sizeof(question.route));
}

static void add_interface(const struct routes *routes, struct route *route, int ifindex)
{
	struct ifreq request = { .ifr_ifindex = ifindex };

	for (uint32_t i = 0; i < route->count; i++) {
		if (route->interfaces[i].ifindex == (uint32_t)ifindex)
			return;
	}
	/* Any socket answers; no name: it went away meanwhile. */
	if (route->count == ROUTE_INTERFACES ||
	    ioctl(routes->request_fd, SIOCGIFNAME, &request) < 0)
		return;
	route->interfaces[route->count].ifindex = (uint32_t)ifindex;
	memcpy(route->interfaces[route->count].name, request.ifr_name, INTERFACE_NAME_CAPACITY);
	route->interfaces[route->count].name[INTERFACE_NAME_CAPACITY - 1] = '\0';
	route->count++;
}

static void add_next_hops(const struct routes *routes, struct route *route,
			  struct rtattr *attribute)
{
	const struct rtnexthop *hop = RTA_DATA(attribute);
	size_t left = RTA_PAYLOAD(attribute);

	while (left >= sizeof(*hop) && RTNH_OK(hop, (int)left)) {
		size_t step = RTNH_ALIGN(hop->rtnh_len);

		add_interface(routes, route, hop->rtnh_ifindex);
		if (step >= left)
			break;
		left -= step;
		hop = (const void *)((const char *)hop + step);
	}
}

/* Asks once and adds what is said. 0 or -errno. */
static int add_route(struct routes *routes, const struct address *destination, unsigned int flags,
		     struct route *route)
{
	struct nlmsghdr *header = (void *)routes->message;
	struct rtmsg *message = NLMSG_DATA(header);
	struct rtattr *attribute;
	unsigned int left;
	int err = routes_ask_route(routes, destination, flags);

	if (err)
		return err;
	if (message->rtm_type == RTN_LOCAL || message->rtm_type == RTN_ANYCAST) {
		route->own = true;
		return 0;
	}
	if (message->rtm_type == RTN_UNREACHABLE || message->rtm_type == RTN_BLACKHOLE ||
	    message->rtm_type == RTN_PROHIBIT || message->rtm_type == RTN_THROW)
		return -ENETUNREACH;
	left = (unsigned int)RTM_PAYLOAD(header);
	for (attribute = RTM_RTA(message); RTA_OK(attribute, left);
	     attribute = routes_next_attribute(attribute, &left)) {
		unsigned int type = attribute->rta_type & (unsigned int)NLA_TYPE_MASK;

		if (type == RTA_OIF && RTA_PAYLOAD(attribute) >= sizeof(int)) {
			int ifindex;

			memcpy(&ifindex, RTA_DATA(attribute), sizeof(ifindex));
			add_interface(routes, route, ifindex);
		} else if (type == RTA_MULTIPATH) {
			add_next_hops(routes, route, attribute);
		}
	}
	return 0;
}

/* How the kernel says unreachable, prohibit, blackhole and a family it does not have. */
static bool is_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ||
	       err == -EOPNOTSUPP || err == -EAFNOSUPPORT;
}

int routes_get(struct routes *routes, const struct address *destination, struct route *ret)
{
	struct route route = { .own = false };
	/* The route that would be used now, with its type; then all that the table has for it,
	 * where an old kernel or a route without an entry may fail. */
	int err = add_route(routes, destination, 0, &route);

	if (!err && !route.own)
		add_route(routes, destination, RTM_F_FIB_MATCH, &route);
	if (route.own)
		route.count = 0; /* its interface is the loopback, where nothing is wanted */
	if (is_no_route(err)) {
		memset(&route, 0, sizeof(route));
		err = -ENETUNREACH;
	}
	if (!err || err == -ENETUNREACH)
		*ret = route;
	return err;
}

static bool read_notices(char *message, size_t length, routes_link_fn *on_link, void *ctx)
{
	struct nlmsghdr *header = (void *)message;
	bool changed = false;
	uint32_t left = (uint32_t)length;

	for (; NLMSG_OK(header, left); header = netlink_next_message(header, &left)) {
		bool link = header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK;

		if (header->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		changed = true;
		if (link && header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg))) {
			const struct ifinfomsg *info = NLMSG_DATA(header);

			on_link(ctx, (uint32_t)info->ifi_index);
		}
	}
	return changed;
}

bool routes_changed(struct routes *routes, routes_link_fn *on_link, void *ctx)
{
	bool changed = false;

	for (int i = 0; i < NOTICES_PER_CALL; i++) {
		ssize_t length = routes_receive(routes, routes->notice_fd);

		if (length == -EAGAIN)
			break;
		/* Lost (ENOBUFS) or too long to be read: something changed. */
		if (length <= 0 || read_notices(routes->message, (size_t)length, on_link, ctx))
			changed = true;
	}
	return changed;
}
