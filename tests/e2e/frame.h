/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds ICMP and ICMPv6 echo, and STAMP over UDP port 862, in an Ethernet frame for the tools of
 * the end-to-end tests, and mends or breaks checksums. A parser of its own, on purpose: the tests
 * must not share the program's mistakes.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRAME_PAYLOAD_MIN 8 /* room for a nonce */
#define FRAME_STAMP_PORT  862
#define FRAME_UDP	  17

/* Who talks to whom, requester first. */
struct frame_flow {
	uint8_t requester[16];
	uint8_t replier[16];
	uint16_t id_be; /* of the echo, or the requester's port */
};

struct frame_probe {
	struct frame_flow flow;
	size_t addresses_offset; /* source, then destination */
	size_t address_bytes;
	size_t message_offset; /* of the ICMP or UDP header */
	size_t message_bytes;
	bool stamp;
	bool reply;
};

static inline bool frame_flow_equal(const struct frame_flow *a, const struct frame_flow *b)
{
	return memcmp(a->requester, b->requester, 16) == 0 &&
	       memcmp(a->replier, b->replier, 16) == 0 && a->id_be == b->id_be;
}

static inline uint16_t frame_number(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* What kind of message it is; false: neither probe nor reply. */
static inline bool frame_find_kind(const uint8_t *octets, uint8_t protocol,
				   struct frame_probe *probe)
{
	const uint8_t *message = octets + probe->message_offset;
	bool ipv6 = probe->address_bytes == 16;

	probe->stamp = protocol == FRAME_UDP;
	if (probe->stamp) {
		probe->reply = frame_number(message) == FRAME_STAMP_PORT;
		return probe->reply != (frame_number(message + 2) == FRAME_STAMP_PORT);
	}
	if (protocol != (ipv6 ? 58 : 1))
		return false;
	probe->reply = message[0] == (ipv6 ? 129 : 0);
	return probe->reply || message[0] == (ipv6 ? 128 : 8);
}

static inline bool frame_find_ipv4(const uint8_t *octets, size_t length, struct frame_probe *probe)
{
	size_t header_bytes = (octets[14] & 15u) * 4u;
	size_t total_bytes = frame_number(octets + 16);

	if ((octets[20] & 0x3f) || octets[21] || header_bytes < 20 || 14 + total_bytes > length ||
	    total_bytes < header_bytes + 8)
		return false;
	probe->addresses_offset = 26;
	probe->address_bytes = 4;
	probe->message_offset = 14 + header_bytes;
	probe->message_bytes = total_bytes - header_bytes;
	return frame_find_kind(octets, octets[23], probe);
}

static inline bool frame_find_ipv6(const uint8_t *octets, size_t length, struct frame_probe *probe)
{
	size_t payload_bytes = frame_number(octets + 18);

	if (length < 54 || 54 + payload_bytes > length || payload_bytes < 8)
		return false;
	probe->addresses_offset = 22;
	probe->address_bytes = 16;
	probe->message_offset = 54;
	probe->message_bytes = payload_bytes;
	return frame_find_kind(octets, octets[20], probe);
}

/* Requests and replies with a payload; no fragments, no extension headers. */
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
	/* Of UDP the port that is not the reflector's, of an echo the identifier. */
	memcpy(&probe.flow.id_be,
	       octets + probe.message_offset +
		       (!probe.stamp  ? 4
			: probe.reply ? 2
				      : 0),
	       2);
	*ret = probe;
	return true;
}

/* Flips one bit of checksum, sequence or payload; of UDP, of checksum or payload. */
static inline void frame_corrupt(uint8_t *octets, const struct frame_probe *probe, uint64_t random)
{
	size_t start = probe->stamp ? 6 : 2;
	size_t octet = (size_t)((random >> 3) % (probe->message_bytes - start - 2));
	size_t offset = start + octet;

	if (!probe->stamp && octet >= 2)
		offset += 2; /* not the identifier */
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

/* Makes the ICMP or UDP checksum right again. */
static inline void frame_mend(uint8_t *octets, const struct frame_probe *probe)
{
	uint8_t *message = octets + probe->message_offset;
	uint8_t *checksum = message + (probe->stamp ? 6 : 2);
	uint32_t sum = 0;

	checksum[0] = 0;
	checksum[1] = 0;
	if (probe->stamp || probe->address_bytes == 16)
		sum = frame_sum((probe->stamp ? FRAME_UDP : 58) + (uint32_t)probe->message_bytes,
				octets + probe->addresses_offset, 2 * probe->address_bytes);
	frame_put_sum(checksum, frame_sum(sum, message, probe->message_bytes));
	if (probe->stamp && checksum[0] == 0 && checksum[1] == 0)
		checksum[0] = checksum[1] = 0xff; /* RFC 768 */
}

#endif
