/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds ICMP and ICMPv6 echo in an Ethernet frame for the tools of the end-to-end tests, and mends
 * or breaks checksums. A parser of its own, on purpose: the tests must not share the program's
 * mistakes.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRAME_PAYLOAD_MIN 8 /* room for a nonce */

/* Who talks to whom, requester first. */
struct frame_flow {
	uint8_t requester[16];
	uint8_t replier[16];
	uint16_t id_be;
};

struct frame_probe {
	struct frame_flow flow;
	size_t addresses_offset; /* source, then destination */
	size_t address_bytes;
	size_t message_offset; /* of the ICMP header */
	size_t message_bytes;
	bool reply;
};

static inline bool frame_flow_equal(const struct frame_flow *a, const struct frame_flow *b)
{
	return memcmp(a->requester, b->requester, 16) == 0 &&
	       memcmp(a->replier, b->replier, 16) == 0 && a->id_be == b->id_be;
}

static inline bool frame_find_ipv4(const uint8_t *octets, size_t length, struct frame_probe *probe)
{
	size_t header_bytes = (octets[14] & 15u) * 4u;
	size_t total_bytes = (size_t)octets[16] << 8 | octets[17];
	uint8_t type;

	if (octets[23] != 1 || (octets[20] & 0x3f) || octets[21] || header_bytes < 20 ||
	    14 + total_bytes > length || total_bytes < header_bytes + 8)
		return false;
	type = octets[14 + header_bytes];
	probe->addresses_offset = 26;
	probe->address_bytes = 4;
	probe->message_offset = 14 + header_bytes;
	probe->message_bytes = total_bytes - header_bytes;
	probe->reply = type == 0;
	return type == 0 || type == 8;
}

static inline bool frame_find_ipv6(const uint8_t *octets, size_t length, struct frame_probe *probe)
{
	size_t payload_bytes = (size_t)octets[18] << 8 | octets[19];

	if (length < 54 || octets[20] != 58 || 54 + payload_bytes > length || payload_bytes < 8)
		return false;
	probe->addresses_offset = 22;
	probe->address_bytes = 16;
	probe->message_offset = 54;
	probe->message_bytes = payload_bytes;
	probe->reply = octets[54] == 129;
	return octets[54] == 128 || octets[54] == 129;
}

/* Echo requests and replies with a payload; no fragments, no extension headers. */
static inline bool frame_find_probe(const uint8_t *octets, size_t length, struct frame_probe *ret)
{
	struct frame_probe probe = { 0 };
	const uint8_t *source;
	bool found = false;

	if (length < 42)
		return false;
	if (octets[12] == 0x08 && octets[13] == 0x00)
		found = frame_find_ipv4(octets, length, &probe);
	else if (octets[12] == 0x86 && octets[13] == 0xdd)
		found = frame_find_ipv6(octets, length, &probe);
	if (!found || probe.message_bytes < 8 + FRAME_PAYLOAD_MIN)
		return false;
	source = octets + probe.addresses_offset;
	memcpy(probe.reply ? probe.flow.replier : probe.flow.requester, source,
	       probe.address_bytes);
	memcpy(probe.reply ? probe.flow.requester : probe.flow.replier,
	       source + probe.address_bytes, probe.address_bytes);
	memcpy(&probe.flow.id_be, octets + probe.message_offset + 4, 2);
	*ret = probe;
	return true;
}

/* Flips one bit of checksum, sequence or payload. */
static inline void frame_corrupt(uint8_t *octets, const struct frame_probe *probe, uint64_t random)
{
	size_t bit = (size_t)((random >> 3) % (probe->message_bytes - 4));
	size_t offset = bit < 2 ? 2 + bit : 4 + bit;

	octets[probe->message_offset + offset] ^= (uint8_t)(1u << (random & 7));
}

static inline uint32_t frame_sum(uint32_t sum, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)(i % 2 ? octets[i] : octets[i] << 8);
	return sum;
}

static inline void frame_put_sum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

/* Makes the ICMP checksum right again. */
static inline void frame_mend(uint8_t *octets, const struct frame_probe *probe)
{
	uint8_t *message = octets + probe->message_offset;
	uint32_t sum = 0;

	message[2] = 0;
	message[3] = 0;
	if (probe->address_bytes == 16)
		sum = frame_sum(58 + (uint32_t)probe->message_bytes, octets + 22, 32);
	frame_put_sum(message + 2, frame_sum(sum, message, probe->message_bytes));
}

#endif
