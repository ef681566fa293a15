/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of this machine, by a dump of rtnetlink for each rank of interfaces: no memory is
 * needed for a host of thousands. Must not know what they are wanted for.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "routes_state.h"

#define ANSWERS_MAX 512 /* of one dump, each up to 8 KiB: 20 to 50 thousand addresses */
#define DUMP_TRIES  2	/* the second where addresses changed under the first */

enum own_rank {
	OWN_PREFERRED,
	OWN_OTHER,
	OWN_LOOPBACK_PREFERRED,
	OWN_LOOPBACK,
	OWN_RANKS,
	OWN_UNWANTED = OWN_RANKS, /* its interface is down, or gone */
};

struct own_dump {
	struct routes *routes;
	routes_preferred_fn *preferred;
	routes_own_fn *on_address;
	void *ctx;
	enum own_rank wanted;
	uint32_t seen; /* bits of ranks */
	/* A dump tells the addresses of an interface one after the other. */
	uint32_t ifindex;
	enum own_rank rank;
	bool interrupted;
	bool done;
};

static enum own_rank rank_of(struct own_dump *dump, uint32_t ifindex)
{
	struct ifreq request = { .ifr_ifindex = (int)ifindex };
	int fd = dump->routes->request_fd; /* any socket answers */
	enum own_rank rank = OWN_UNWANTED;

	if (ifindex == dump->ifindex)
		return dump->rank;
	if (ioctl(fd, SIOCGIFNAME, &request) == 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 &&
	    (request.ifr_flags & IFF_UP)) {
		bool first = dump->preferred(dump->ctx, ifindex);

		if (request.ifr_flags & IFF_LOOPBACK)
			rank = first ? OWN_LOOPBACK_PREFERRED : OWN_LOOPBACK;
		else
			rank = first ? OWN_PREFERRED : OWN_OTHER;
	}
	dump->ifindex = ifindex;
	dump->rank = rank;
	return rank;
}

/* What no other machine can send to. */
static bool is_loopback(const struct address *address)
{
	static const struct address loopback = { .octets = { [15] = 1 } };

	return address_is_ipv4(address) ? address->octets[12] == 127
					: address_equal(address, &loopback);
}

static void own_read(struct own_dump *dump, struct nlmsghdr *header)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);
	size_t octets = message->ifa_family == AF_INET ? 4 : 16;
	unsigned int left = (unsigned int)IFA_PAYLOAD(header);
	const void *own = NULL, *ours_or_other_end = NULL;
	uint32_t flags = message->ifa_flags;
	struct address address = { .octets = { 0 } };
	enum own_rank rank;

	if (message->ifa_family != AF_INET && message->ifa_family != AF_INET6)
		return;
	for (struct rtattr *attribute = IFA_RTA(NLMSG_DATA(header)); RTA_OK(attribute, left);
	     attribute = routes_next_attribute(attribute, &left)) {
		if (attribute->rta_type == IFA_FLAGS && RTA_PAYLOAD(attribute) >= sizeof(flags))
			memcpy(&flags, RTA_DATA(attribute), sizeof(flags));
		else if (attribute->rta_type == IFA_LOCAL && RTA_PAYLOAD(attribute) == octets)
			own = RTA_DATA(attribute);
		else if (attribute->rta_type == IFA_ADDRESS && RTA_PAYLOAD(attribute) == octets)
			ours_or_other_end = RTA_DATA(attribute);
	}
	/* IFA_ADDRESS is the other end of a point-to-point link, unless it stands alone. */
	if (!own)
		own = ours_or_other_end;
	if (!own || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return;
	if (octets == 4)
		memcpy(address.octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
	memcpy(address.octets + 16 - octets, own, octets);
	if (address_why_no_host(&address) || is_loopback(&address))
		return;
	rank = rank_of(dump, message->ifa_index);
	dump->seen |= 1u << rank;
	if (rank == dump->wanted)
		dump->on_address(dump->ctx, &address);
}

/* 0 or -errno. */
static int own_read_answer(struct own_dump *dump, size_t length)
{
	struct nlmsghdr *header = (void *)dump->routes->message;
	uint32_t left = (uint32_t)length;

	for (; NLMSG_OK(header, left); header = netlink_next_message(header, &left)) {
		if (header->nlmsg_seq != dump->routes->sequence)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			dump->interrupted = true;
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
			int err = 0; /* the first of the payload in both */

			if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
				memcpy(&err, NLMSG_DATA(header), sizeof(err));
			dump->done = true;
			return err < 0 ? err : 0;
		}
		if (header->nlmsg_type == RTM_NEWADDR &&
		    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
			own_read(dump, header);
	}
	return 0;
}

/* Over a socket of its own: what is left of a dump that was given up goes with it. */
static int own_dump_once(struct own_dump *dump, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
	} question = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(question.message)),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = ++dump->routes->sequence,
		},
		.message = { .ifa_family = family },
	};
	int fd = routes_open_socket();
	int err = 0;

	if (fd < 0)
		return fd;
	dump->interrupted = false;
	dump->done = false;
	dump->ifindex = 0;
	if (send(fd, &question, question.header.nlmsg_len, 0) < 0)
		err = -errno;
	for (int i = 0; i < ANSWERS_MAX && !dump->done && !err; i++) {
		ssize_t length = routes_receive(dump->routes, fd);

		if (length > 0)
			err = own_read_answer(dump, (size_t)length);
		else
			err = length == -EAGAIN ? -ETIMEDOUT : length == 0 ? -EBADMSG : (int)length;
	}
	close(fd);
	if (!err && !dump->done)
		err = -EOVERFLOW;
	return err;
}

static int own_dump_family(struct own_dump *dump, uint8_t family)
{
	int err = 0;

	dump->interrupted = true;
	for (int i = 0; i < DUMP_TRIES && dump->interrupted && !err; i++)
		err = own_dump_once(dump, family);
	return err;
}

int routes_own_addresses(struct routes *routes, routes_preferred_fn *preferred,
			 routes_own_fn *on_address, void *ctx)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct own_dump dump = {
		.routes = routes,
		.preferred = preferred,
		.on_address = on_address,
		.ctx = ctx,
	};
	int err = 0;

	/* Each family by itself: the thousands of one shall not hide the other. */
	for (unsigned int rank = 0; rank < OWN_RANKS; rank++) {
		/* Of most hosts the first dumps tell that one or two ranks are enough. */
		if (rank > 0 && !(dump.seen & (1u << rank)))
			continue;
		dump.wanted = rank;
		for (size_t i = 0; i < sizeof(families) && (!err || err == -EOVERFLOW); i++) {
			int dump_err = own_dump_family(&dump, families[i]);

			if (dump_err)
				err = dump_err;
		}
		if (err && err != -EOVERFLOW)
			return err;
	}
	return err;
}
