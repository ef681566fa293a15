/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How routes.c, routes_neighbours.c and routes_own.c put a question to rtnetlink. For them alone.
 */
#ifndef ROUTES_STATE_H
#define ROUTES_STATE_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/types.h>

#include "netlink.h"
#include "routes.h"

#define MESSAGE_CAPACITY 8192 /* a multipath route of 200 next hops */

struct routes {
	int request_fd;
	int notice_fd;
	uint32_t sequence;
	_Alignas(struct nlmsghdr) char message[MESSAGE_CAPACITY]; /* the last one received */
};

/* Octets of an address in its own family. */
static inline size_t routes_octets(const struct address *address)
{
	return address_is_ipv4(address) ? 4 : 16;
}

/* As RTA_NEXT, but where the last one is not padded nothing is left: it would count below 0, and
 * take what is behind for more. */
static inline struct rtattr *routes_next_attribute(struct rtattr *attribute, unsigned int *left)
{
	unsigned int step = RTA_ALIGN((unsigned int)attribute->rta_len);

	*left -= step < *left ? step : *left;
	return (void *)((char *)attribute + step);
}

/* A socket for questions, whose answers are waited for, bounded; or -errno. */
int routes_open_socket(void);

/* Octets of messages from the kernel itself, now in routes->message, 0 when it was somebody else or
 * did not fit, or -errno. */
ssize_t routes_receive(struct routes *routes, int fd);

/* Sends the question and waits for its answer, bounded: 0, and a message of this type and at least
 * this length is in routes->message; or -errno. */
int routes_ask(struct routes *routes, struct nlmsghdr *question, uint16_t answer_type,
	       size_t answer_bytes);

/* The same for the route to the destination, flags as in struct rtmsg. */
int routes_ask_route(struct routes *routes, const struct address *destination, unsigned int flags);

#endif
