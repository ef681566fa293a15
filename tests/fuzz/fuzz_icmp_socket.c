/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo replies as raw sockets bring them, IP header included: prober_icmp_receive() over a kernel
 * of ours. What is taken for a reply is one, by a reading of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"

static struct {
	struct input input;
	uint8_t packet[9300];
	size_t length;
	bool ipv6;
	uint32_t packets;
} kernel;

/* RFC 1071, by pairs of octets. */
static uint16_t sum_of(const uint8_t *octets, size_t length)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint64_t)octets[i] * 256 + octets[i + 1];
	if (length % 2)
		sum += (uint64_t)octets[length - 1] * 256;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static size_t offset_of(const uint8_t *packet, size_t length, bool ipv6)
{
	return ipv6 || length == 0 ? 0 : 4U * (packet[0] & 15);
}

/* Sums are hard to guess. */
static void repair(uint8_t *packet, size_t length, bool ipv6)
{
	size_t offset = offset_of(packet, length, ipv6);
	uint16_t sum;

	if (ipv6 || offset + 4 > length)
		return;
	packet[offset + 2] = packet[offset + 3] = 0;
	sum = (uint16_t)~sum_of(packet + offset, length - offset);
	packet[offset + 2] = (uint8_t)(sum >> 8);
	packet[offset + 3] = (uint8_t)sum;
}

static ssize_t kernel_recvfrom(int fd, void *to, size_t capacity, int flags, struct sockaddr *from,
			       socklen_t *from_length)
{
	uint8_t kind = input_octet(&kernel.input);
	size_t length = input_u16(&kernel.input);
	union {
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} address = { .ipv4.sin_family = AF_INET };

	(void)flags;
	require((fd == 1000 || fd == 1001) && *from_length >= sizeof(address));
	ASAN_UNPOISON_MEMORY_REGION(to, capacity);
	if (kernel.input.length == 0) {
		errno = EAGAIN;
		return -1;
	}
	kernel.ipv6 = fd == 1001;
	length = length < kernel.input.length ? length : kernel.input.length;
	length = length < capacity ? length : capacity;
	input_take(&kernel.input, to, length);
	if (kind & 1)
		repair(to, length, kernel.ipv6);
	memcpy(kernel.packet, to, length);
	kernel.length = length;
	kernel.packets++;
	if (kernel.ipv6)
		address.ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	memcpy(from, &address, sizeof(address));
	ASAN_POISON_MEMORY_REGION((uint8_t *)to + length, capacity - length);
	return (ssize_t)length;
}

#define recvfrom kernel_recvfrom
#include "../../src/prober_icmp.c"

static void on_reply(void *ctx, const struct echoed *reply)
{
	const uint8_t *at = kernel.packet + offset_of(kernel.packet, kernel.length, kernel.ipv6);
	size_t left = kernel.length - (size_t)(at - kernel.packet);

	(void)ctx;
	require(at + 16 <= kernel.packet + kernel.length);
	require(at[0] == (kernel.ipv6 ? 129 : 0) && at[1] == 0);
	require(at[4] == 0xc0 && at[5] == 0xde);
	require(kernel.ipv6 || sum_of(at, left) == 0xffff);
	require(reply->sequence == at[6] * 256 + at[7] && reply->flow == 0);
	require(memcmp(&reply->nonce, at + 8, 8) == 0);
	require(address_is_ipv4(&reply->peer) == !kernel.ipv6);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct prober_icmp prober;

	kernel.input = (struct input){ octets, length };
	kernel.packets = 0;
	prober.fds[FAMILY_IPV4] = 1000;
	prober.fds[FAMILY_IPV6] = 1001;
	prober.icmp_id_be = htons(0xc0de);
	require(prober_icmp_receive(&prober, on_reply, NULL) <= kernel.packets);
	return 0;
}
