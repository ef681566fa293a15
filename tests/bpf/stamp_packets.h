/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STAMP packets for the program tests: built octet by octet from RFC 8762 and RFC 8972, and the
 * reply that a request must get. Shares no code with bpf/. Must not know programs or maps.
 */
#ifndef STAMP_PACKETS_H
#define STAMP_PACKETS_H

#include "octets.h"
#include "packets.h"
#include "stamp.h"

#define FLOW_PORT	0xa001 /* of the first flow, the others follow */
#define STAMP_SEQUENCE	(0x00020000U + SEQUENCE)
#define STAMP_SSID	0x0b0e
#define STAMP_CAPACITY	9216
#define ERROR_ESTIMATE	0x8a05
#define REPLY_COUNTER	0xfffffffeU
#define UDP_BYTES	8
#define IDENTITY_BYTES	320
#define NTP_UNIX_OFFSET 2208988800ULL /* from 1900 to 1970, RFC 868 */

enum udp_checksum {
	SUM_RIGHT,
	SUM_NONE,
	SUM_PARTIAL, /* of the pseudo-header only: the device is to do the rest */
	SUM_WRONG,
};

/* Addresses are in the shape's family; NULL: the peer's and our own. */
struct stamp {
	bool outbound; /* else towards us: a reply, or another's request */
	const uint8_t *source;
	const uint8_t *destination;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t ttl;
	enum udp_checksum checksum;
	size_t udp_bytes; /* what the UDP header says; 0: the truth */
	uint8_t payload[STAMP_CAPACITY];
	size_t payload_bytes;
};

/* Nanoseconds since 1970 as an NTP timestamp, rounded down; eras wrap. */
static inline uint64_t ntp_of_ns(__int128 unix_ns)
{
	__int128 since_1900_ns = unix_ns + (__int128)NTP_UNIX_OFFSET * 1000000000;
	__int128 seconds = since_1900_ns / 1000000000;
	__int128 fraction = ((since_1900_ns % 1000000000) << 32) / 1000000000;

	return (uint64_t)((seconds << 32) + fraction);
}

/* RFC 8972 figure 1. The timestamp is the nonce, opaque here. */
static inline void stamp_fill_request(struct stamp *stamp, uint32_t sequence)
{
	memset(stamp->payload, 0, STAMP_BYTES);
	octets_be(stamp->payload, 4, sequence);
	memcpy(stamp->payload + 4, &(uint64_t){ NONCE }, 8);
	octets_be(stamp->payload + 12, 2, ERROR_ESTIMATE);
	octets_be(stamp->payload + 14, 2, STAMP_SSID);
	stamp->payload_bytes = STAMP_BYTES;
}

static inline struct stamp stamp_probe(unsigned flow)
{
	struct stamp stamp = { .outbound = true,
			       .source_port = (uint16_t)(FLOW_PORT + flow),
			       .destination_port = STAMP_PORT,
			       .ttl = PACKET_TTL };

	stamp_fill_request(&stamp, STAMP_SEQUENCE);
	return stamp;
}

/* From another port than ours have. */
#define REQUEST_PORT 0xb0b0

static inline struct stamp stamp_request_in(void)
{
	struct stamp stamp = { .source_port = REQUEST_PORT,
			       .destination_port = STAMP_PORT,
			       .ttl = PACKET_TTL };

	stamp_fill_request(&stamp, STAMP_SEQUENCE);
	return stamp;
}

/* RFC 8972 figure 3. T2 and T3 as they stand in the packet, read as one number each. */
static inline struct stamp stamp_reply_in(unsigned flow, uint64_t t2, uint64_t t3,
					  uint16_t error_estimate)
{
	struct stamp stamp = { .source_port = STAMP_PORT,
			       .destination_port = (uint16_t)(FLOW_PORT + flow),
			       .ttl = PACKET_TTL,
			       .payload_bytes = STAMP_BYTES };
	uint8_t *payload = stamp.payload;

	octets_be(payload, 4, REPLY_COUNTER);
	octets_be(payload + 4, 8, t3);
	octets_be(payload + 12, 2, error_estimate);
	octets_be(payload + 14, 2, STAMP_SSID);
	octets_be(payload + 16, 8, t2);
	octets_be(payload + 24, 4, STAMP_SEQUENCE);
	memcpy(payload + 28, &(uint64_t){ NONCE }, 8);
	octets_be(payload + 36, 2, ERROR_ESTIMATE);
	payload[40] = PACKET_TTL - 7;
	return stamp;
}

static inline void stamp_add(struct stamp *stamp, const void *octets, size_t bytes)
{
	memcpy(stamp->payload + stamp->payload_bytes, octets, bytes);
	stamp->payload_bytes += bytes;
}

static inline void stamp_add_tlv(struct stamp *stamp, uint8_t flags, uint8_t type, size_t bytes,
				 uint8_t fill)
{
	stamp_add(stamp,
		  (uint8_t[4]){ flags, type, (uint8_t)(bytes >> 8), (uint8_t)(bytes & 0xff) }, 4);
	memset(stamp->payload + stamp->payload_bytes, fill, bytes);
	stamp->payload_bytes += bytes;
}

/* Of pseudo-header (RFC 768, RFC 8200 section 8.1) and, if whole, of the UDP packet as it is. */
static inline uint32_t udp_sum(const struct frame *frame, bool ipv6, size_t udp_bytes, bool whole)
{
	const uint8_t *ip = frame->octets + frame->ip;
	uint32_t sum = 17 + (uint32_t)udp_bytes;

	sum = ipv6 ? sum_octets(ip + 8, 32, sum) : sum_octets(ip + 12, 8, sum);
	return whole ? sum_octets(frame->octets + frame->message, udp_bytes, sum) : sum;
}

static inline void frame_udp_checksum(struct frame *frame, bool ipv6, size_t udp_bytes,
				      enum udp_checksum checksum)
{
	uint32_t sum;

	set_be16(frame, frame->message + 6, 0);
	sum = udp_sum(frame, ipv6, udp_bytes, checksum != SUM_PARTIAL);
	if (checksum != SUM_PARTIAL)
		sum = sum == 0xffff ? 0xffff : 0xffff & ~sum;
	if (checksum != SUM_NONE)
		set_be16(frame, frame->message + 6, checksum == SUM_WRONG ? sum ^ 0x0100 : sum);
}

static inline void frame_set_ttl(struct frame *frame, bool ipv6, uint8_t ttl)
{
	size_t header_bytes = 4U * (frame->octets[frame->ip] & 15);

	frame->octets[frame->ip + (ipv6 ? 7 : 8)] = ttl;
	if (ipv6)
		return;
	set_be16(frame, frame->ip + 10, 0);
	set_be16(frame, frame->ip + 10,
		 0xffff & ~sum_octets(frame->octets + frame->ip, header_bytes, 0));
}

static inline struct frame frame_of_stamp(const struct shape *shape, const struct stamp *stamp)
{
	const uint8_t *own = shape->ipv6 ? ipv6_own : ipv4_own;
	const uint8_t *peer = shape->ipv6 ? ipv6_peer : ipv4_peer;
	const uint8_t *source = stamp->source ? stamp->source : stamp->outbound ? own : peer;
	const uint8_t *destination = stamp->destination ? stamp->destination
				     : stamp->outbound	? peer
							: own;
	size_t bytes = UDP_BYTES + stamp->payload_bytes;
	size_t udp_bytes = stamp->udp_bytes ? stamp->udp_bytes : bytes;
	struct frame frame = { 0 };

	if (shape->ipv6)
		put_ipv6(&frame, shape, 17, source, destination, bytes);
	else
		put_ipv4(&frame, shape, 17, source, destination, bytes);
	frame.message = frame.bytes;
	put_be16(&frame, stamp->source_port);
	put_be16(&frame, stamp->destination_port);
	put_be16(&frame, udp_bytes);
	put_be16(&frame, 0);
	put(&frame, stamp->payload, stamp->payload_bytes);
	frame_set_ttl(&frame, shape->ipv6, stamp->ttl);
	frame_udp_checksum(&frame, shape->ipv6, udp_bytes <= bytes ? udp_bytes : bytes,
			   stamp->checksum);
	return frame;
}

/* A checksum that comes out as zero goes as 0xffff, RFC 768. Only for requests and replies whose
 * octets 36 and 37 matter to nobody. */
static inline void stamp_make_sum_zero(const struct shape *shape, struct stamp *stamp)
{
	struct frame frame = frame_of_stamp(shape, stamp);
	uint32_t sum = (uint32_t)value_be(frame.octets + frame.message + 6, 2);

	sum += (uint32_t)value_be(stamp->payload + 36, 2);
	octets_be(stamp->payload + 36, 2, (sum & 0xffff) + (sum >> 16));
}

static inline bool is_zero(const uint8_t *octets, size_t bytes)
{
	while (bytes > 0 && octets[bytes - 1] == 0)
		bytes--;
	return bytes == 0;
}

/* What the reflector makes of TLVs, RFC 8972 section 4. */
static inline void tlvs_reflect(uint8_t *octets, size_t bytes, const void *identity)
{
	for (unsigned count = 0; count < 8 && bytes >= 4 && octets[1] != 0; count++) {
		size_t length = (size_t)value_be(octets + 2, 2);

		if (length > bytes - 4) {
			octets[0] |= 0x40;
			return;
		}
		if (octets[1] == 1) {
			octets[0] &= 0x3f;
		} else if (octets[1] == STAMP_TLV_IDENTITY && length != IDENTITY_BYTES) {
			octets[0] = (octets[0] & 0x3f) | 0x40;
		} else if (octets[1] == STAMP_TLV_IDENTITY) {
			octets[0] &= 0x3f;
			/* With contents it is none that was asked for. */
			if (is_zero(octets + 4, IDENTITY_BYTES))
				memcpy(octets + 4, identity, IDENTITY_BYTES);
			else
				octets[0] |= 0x40;
		} else {
			octets[0] = (octets[0] & 0x3f) | 0x80;
		}
		octets += 4 + length;
		bytes -= 4 + length;
	}
}

/* The one reply that a request may get; T3 and T2 (octets 4 and 16) are left 0. */
static inline struct stamp stamp_reflected(const struct shape *shape, const struct stamp *request,
					   uint32_t count, uint16_t error_estimate,
					   const void *identity)
{
	size_t bytes = request->udp_bytes ? request->udp_bytes - UDP_BYTES : request->payload_bytes;
	struct stamp reply = *request;

	reply.source = request->destination ? request->destination
		       : shape->ipv6	    ? ipv6_own
					    : ipv4_own;
	reply.destination = request->source ? request->source : shape->ipv6 ? ipv6_peer : ipv4_peer;
	reply.source_port = request->destination_port;
	reply.destination_port = request->source_port;
	reply.ttl = 255;
	memset(reply.payload, 0, STAMP_BYTES);
	octets_be(reply.payload, 4, count);
	octets_be(reply.payload + 12, 2, error_estimate);
	memcpy(reply.payload + 14, request->payload + 14, 2);
	memcpy(reply.payload + 24, request->payload, 14);
	reply.payload[40] = request->ttl;
	tlvs_reflect(reply.payload + STAMP_BYTES, bytes - STAMP_BYTES, identity);
	return reply;
}

#endif
