/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way through a datagram of netlink messages. Plain data: no sockets.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <linux/netlink.h>
#include <stdint.h>

/* As NLMSG_NEXT, but where the last one is not padded nothing is left: it would count below 0, and
 * take what is behind for more. */
static inline struct nlmsghdr *netlink_next_message(struct nlmsghdr *header, uint32_t *left)
{
	uint32_t step = NLMSG_ALIGN(header->nlmsg_len);

	*left -= step < *left ? step : *left;
	return (void *)((char *)header + step);
}

#endif
