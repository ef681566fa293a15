/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the kernel finds the neighbour that an address is reached by: one question for the route,
 * one for the neighbour. Must not know peers, nor what became of a packet.
 */
#include <linux/neighbour.h>
#include <string.h>
#include <sys/socket.h>

#include "routes_state.h"

/* Where a packet goes from this machine. */
struct next_hop {
	uint32_t ifindex;
	struct address address;
};

static void next_hop_read_address(struct next_hop *hop, const void *octets, size_t length)
{
	if (length != 4 && length != 16)
		return;
	if (length == 4)
		memcpy(hop->address.octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
	memcpy(hop->address.octets + 16 - length, octets, length);
}

static void next_hop_read(struct next_hop *hop, struct rtattr *attribute)
{
	size_t length = RTA_PAYLOAD(attribute);
	const char *payload = RTA_DATA(attribute);

	switch (attribute->rta_type & (unsigned int)NLA_TYPE_MASK) {
	case RTA_OIF:
		if (length >= sizeof(hop->ifindex))
			memcpy(&hop->ifindex, payload, sizeof(hop->ifindex));
		break;
	case RTA_GATEWAY:
		next_hop_read_address(hop, payload, length);
		break;
	case RTA_VIA: /* a gateway of the other family, behind the family's number */
		if (length > sizeof(struct rtvia))
			next_hop_read_address(hop, payload + sizeof(struct rtvia),
					      length - sizeof(struct rtvia));
		break;
	default:
		break;
	}
}

/* 0 or -errno. */
static int next_hop_get(struct routes *routes, const struct address *destination,
			struct next_hop *ret)
{
	struct nlmsghdr *header = (void *)routes->message;
	struct next_hop hop = { .address = *destination };
	struct rtattr *attribute;
	unsigned int left;
	int err = routes_ask_route(routes, destination, 0);

	if (err)
		return err;
	left = (unsigned int)RTM_PAYLOAD(header);
	for (attribute = RTM_RTA(NLMSG_DATA(header)); RTA_OK(attribute, left);
	     attribute = routes_next_attribute(attribute, &left))
		next_hop_read(&hop, attribute);
	*ret = hop;
	return 0;
}

/* 0 and the entry's NUD_ state, or -errno: -ENOENT where there is no entry. */
static int neighbour_get(struct routes *routes, const struct next_hop *hop, uint16_t *ret_state)
{
	size_t octets = routes_octets(&hop->address);
	struct {
		struct nlmsghdr header;
		struct ndmsg neighbour;
		struct rtattr attribute;
		uint8_t address[16];
	} question = {
		.header = {
			.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(question.neighbour)) +
						RTA_LENGTH(octets)),
			.nlmsg_type = RTM_GETNEIGH,
		},
		.neighbour = {
			.ndm_family = octets == 4 ? AF_INET : AF_INET6,
			.ndm_ifindex = (int)hop->ifindex,
		},
		.attribute = {
			.rta_type = NDA_DST,
			.rta_len = (uint16_t)RTA_LENGTH(octets),
		},
	};
	const struct ndmsg *answer = NLMSG_DATA(routes->message);
	int err;

	memcpy(question.address, hop->address.octets + 16 - octets, octets);
	err = routes_ask(routes, &question.header, RTM_NEWNEIGH, sizeof(*answer));
	if (!err)
		*ret_state = answer->ndm_state;
	return err;
}

bool routes_unresolved(struct routes *routes, const struct address *destination)
{
	struct next_hop hop;
	uint16_t state;

	return next_hop_get(routes, destination, &hop) == 0 &&
	       neighbour_get(routes, &hop, &state) == 0 &&
	       (state & (NUD_INCOMPLETE | NUD_FAILED)) != 0;
}
