/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rtnetlink says of routes, neighbours, addresses and changes: src/routes*.c over a kernel of
 * ours, whose messages are the input. What lies behind a message is poisoned.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

#define MESSAGES_MAX 64
#define IFINDEX_MAX  40 /* others are gone */

static struct {
	struct input input;
	uint32_t sequence; /* of the last question */
	uint32_t messages;
} kernel;

static int kernel_socket(int domain, int type, int protocol)
{
	(void)type;
	(void)protocol;
	require(domain == AF_NETLINK);
	return 1000;
}

static int kernel_close(int fd)
{
	require(fd == 1000);
	return 0;
}

static int kernel_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	(void)level;
	(void)option;
	(void)value;
	require(fd == 1000 && length > 0);
	return 0;
}

static ssize_t kernel_send(int fd, const void *question, size_t length, int flags)
{
	struct nlmsghdr header;

	(void)flags;
	require(fd == 1000 && length >= sizeof(header));
	memcpy(&header, question, sizeof(header));
	require(header.nlmsg_len == length);
	kernel.sequence = header.nlmsg_seq;
	return (ssize_t)length;
}

/* The sequence of all messages of the datagram is the question's, as a kernel's are. */
static void put_sequence(uint8_t *octets, size_t length)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= length;) {
		uint32_t bytes;

		memcpy(&bytes, octets + at, sizeof(bytes));
		memcpy(octets + at + offsetof(struct nlmsghdr, nlmsg_seq), &kernel.sequence,
		       sizeof(kernel.sequence));
		if (bytes < sizeof(struct nlmsghdr) || bytes > length - at)
			break;
		at += NLMSG_ALIGN(bytes);
	}
}

static ssize_t kernel_recvmsg(int fd, struct msghdr *header, int flags)
{
	struct iovec *part = header->msg_iov;
	uint8_t kind = input_octet(&kernel.input);
	size_t length = input_u16(&kernel.input);

	(void)flags;
	require(fd == 1000 && header->msg_iovlen == 1);
	ASAN_UNPOISON_MEMORY_REGION(part->iov_base, part->iov_len);
	if (kernel.input.length == 0 || kernel.messages++ == MESSAGES_MAX || kind == 0xff) {
		errno = kind == 0xff ? ENOBUFS : EAGAIN;
		return -1;
	}
	length = length < kernel.input.length ? length : kernel.input.length;
	length = length < part->iov_len ? length : part->iov_len;
	input_take(&kernel.input, part->iov_base, length);
	if (!(kind & 1))
		put_sequence(part->iov_base, length);
	((struct sockaddr_nl *)header->msg_name)->nl_pid = (kind & 6) == 6;
	header->msg_flags = (kind & 24) == 24 ? MSG_TRUNC : 0;
	ASAN_POISON_MEMORY_REGION((uint8_t *)part->iov_base + length, part->iov_len - length);
	return (ssize_t)length;
}

static int kernel_ioctl(int fd, unsigned long number, struct ifreq *request)
{
	int ifindex = request->ifr_ifindex;

	require(fd == 1000);
	if (number == SIOCGIFNAME) {
		if (ifindex < 1 || ifindex > IFINDEX_MAX) {
			errno = ENODEV;
			return -1;
		}
		memset(request->ifr_name, 'a' + ifindex % 26, sizeof(request->ifr_name));
		return 0;
	}
	require(number == SIOCGIFFLAGS);
	ifindex = request->ifr_name[0];
	request->ifr_flags = (short)((ifindex & 1 ? IFF_UP : 0) | (ifindex & 2 ? IFF_LOOPBACK : 0));
	return 0;
}

#define socket	   kernel_socket
#define close	   kernel_close
#define setsockopt kernel_setsockopt
#define send	   kernel_send
#define recvmsg	   kernel_recvmsg
#define ioctl	   kernel_ioctl
#include "../../src/routes.c"
#include "../../src/routes_neighbours.c"
#include "../../src/routes_own.c"

static struct routes routes;

static void on_link(void *ctx, uint32_t ifindex)
{
	(void)ifindex;
	++*(uint32_t *)ctx;
}

static bool preferred(void *ctx, uint32_t ifindex)
{
	(void)ctx;
	require(ifindex >= 1 && ifindex <= IFINDEX_MAX);
	return ifindex % 3 == 0;
}

static void on_own(void *ctx, const struct address *address)
{
	(void)ctx;
	require(address_why_no_host(address) == NULL);
	require(!address_is_ipv4(address) || address->octets[12] != 127);
}

static void fuzz_route(const struct address *destination)
{
	struct route route, before;
	int err;

	memset(&route, 0x5a, sizeof(route));
	before = route;
	err = routes_get(&routes, destination, &route);
	require(err <= 0);
	if (err && err != -ENETUNREACH) {
		require(memcmp(&route, &before, sizeof(route)) == 0);
		return;
	}
	require(route.count <= ROUTE_INTERFACES && (!err || route.count == 0));
	require(!route.own || route.count == 0);
	for (uint32_t i = 0; i < route.count; i++) {
		const struct interface_name *interface = &route.interfaces[i];

		require(interface->ifindex >= 1 && interface->ifindex <= IFINDEX_MAX);
		require(strnlen(interface->name, sizeof(interface->name)) ==
			sizeof(interface->name) - 1);
		for (uint32_t j = 0; j < i; j++)
			require(route.interfaces[j].ifindex != interface->ifindex);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static const struct address destinations[] = {
		{ .octets = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } },
		{ .octets = { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
	};
	uint32_t links = 0;
	uint8_t question;

	kernel.input = (struct input){ octets, length };
	kernel.messages = 0;
	question = input_octet(&kernel.input);
	routes.request_fd = routes.notice_fd = 1000;
	routes.sequence = 0;
	ASAN_UNPOISON_MEMORY_REGION(routes.message, sizeof(routes.message));
	memset(routes.message, 0x5a, sizeof(routes.message));
	switch (question & 3) {
	case 0:
		fuzz_route(&destinations[question >> 2 & 1]);
		break;
	case 1:
		(void)routes_unresolved(&routes, &destinations[question >> 2 & 1]);
		break;
	case 2:
		require(routes_own_addresses(&routes, preferred, on_own, NULL) <= 0);
		break;
	default:
		if (!routes_changed(&routes, on_link, &links))
			require(links == 0);
		require(links <= MESSAGES_MAX * MESSAGE_CAPACITY / sizeof(struct nlmsghdr));
	}
	ASAN_UNPOISON_MEMORY_REGION(routes.message, sizeof(routes.message));
	return 0;
}
