/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame of the input's made likelier to be looked at: its checksums put right, as nobody guesses
 * them. By the RFCs, sharing no code with bpf/.
 */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include "bpf/stamp_packets.h"

/* Where IP begins, behind Ethernet and its tags; 0 also where there is no Ethernet. */
static inline size_t frame_ip(const uint8_t *octets, size_t bytes, bool ethernet)
{
	size_t at = 12;

	if (!ethernet)
		return 0;
	while (at + 4 <= bytes && at < 20 &&
	       (value_be(octets + at, 2) == 0x8100 || value_be(octets + at, 2) == 0x88a8))
		at += 4;
	return at + 2;
}

/* Behind IPv6's extensions, if that is what they are. */
static inline size_t frame_walk(const uint8_t *octets, size_t bytes, size_t ip, uint8_t *protocol)
{
	size_t at = ip + 40;

	*protocol = octets[ip + 6];
	while (at + 8 <= bytes && (*protocol == HOP || *protocol == ROUTING ||
				   *protocol == FRAGMENT || *protocol == DESTINATION)) {
		size_t step = *protocol == FRAGMENT ? 8 : 8 + 8U * octets[at + 1];

		*protocol = octets[at];
		at += step;
	}
	return at;
}

static inline void frame_repair_transport(uint8_t *octets, size_t bytes, size_t ip, size_t at,
					  uint8_t protocol, bool ipv6)
{
	size_t field = protocol == 17 ? 6 : 2, length;
	uint32_t sum = protocol;
	uint16_t total;

	if ((protocol != 17 && protocol != 1 && protocol != 58) || at + 8 > bytes)
		return;
	total = (uint16_t)value_be(octets + ip + (ipv6 ? 4 : 2), 2);
	length = protocol == 17 ? value_be(octets + at + 4, 2)
				: (size_t)total + (ipv6 ? 40 : 0) - (at - ip);
	if (length < 8 || length > bytes - at)
		return;
	sum += (uint32_t)length;
	if (protocol == 1)
		sum = 0;
	else
		sum = ipv6 ? sum_octets(octets + ip + 8, 32, sum)
			   : sum_octets(octets + ip + 12, 8, sum);
	octets[at + field] = octets[at + field + 1] = 0;
	sum = 0xffff & ~sum_octets(octets + at, length, sum);
	octets_be(octets + at + field, 2, sum == 0 && protocol == 17 ? 0xffff : sum);
}

static inline void frame_repair(uint8_t *octets, size_t bytes, bool ethernet)
{
	size_t ip = frame_ip(octets, bytes, ethernet), header;
	uint8_t protocol;

	if (ip + 20 > bytes)
		return;
	if (octets[ip] >> 4 == 4) {
		header = 4U * (octets[ip] & 15);
		if (header < 20 || ip + header > bytes)
			return;
		octets[ip + 10] = octets[ip + 11] = 0;
		octets_be(octets + ip + 10, 2, 0xffff & ~sum_octets(octets + ip, header, 0));
		frame_repair_transport(octets, bytes, ip, ip + header, octets[ip + 9], false);
	} else if (ip + 40 <= bytes) {
		header = frame_walk(octets, bytes, ip, &protocol);
		if (header <= bytes)
			frame_repair_transport(octets, bytes, ip, header, protocol, true);
	}
}

/* The time of now where a request has zeros, and a reply T2: what comes back in a loop. */
static inline void frame_put_seconds(uint8_t *octets, size_t bytes, bool ethernet, uint64_t seconds)
{
	size_t ip = frame_ip(octets, bytes, ethernet), at;

	if (ip >= bytes)
		return;
	at = ip + (octets[ip] >> 4 == 6 ? 40 : 20) + 8 + 16;
	if (at + 4 <= bytes)
		octets_be(octets + at, 4, seconds & 0xffffffff);
}

/* Whether IP's own and the transport's sums are right; of frames that were answered. */
static inline bool frame_holds(const uint8_t *octets, size_t bytes, bool ethernet)
{
	static uint8_t copy[PACKET_CAPACITY];

	memcpy(copy, octets, bytes);
	frame_repair(copy, bytes, ethernet);
	return memcmp(copy, octets, bytes) == 0;
}

#endif
