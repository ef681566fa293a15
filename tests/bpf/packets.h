/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for the program tests: built octet by octet from the RFCs, sharing no code with bpf/, so
 * that both cannot be wrong in the same way. Must not know programs or maps.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PACKET_CAPACITY 9600
#define PACKET_ID	0xc0de
#define PACKET_TTL	61
#define PAYLOAD_DEFAULT 44

/* BPF_PROG_TEST_RUN takes skb->protocol from octets 12 and 13. In a packet without Ethernet
 * header those are of the source address, so all addresses here are chosen to spell the right
 * EtherType there. */
static const uint8_t ipv4_own[4] = { 8, 0, 0, 1 };
static const uint8_t ipv4_peer[4] = { 8, 0, 0, 2 };
static const uint8_t ipv4_stranger[4] = { 8, 0, 0, 3 };
static const uint8_t ipv6_own[16] = { 0x20, 1, 0xd, 0xb8, 0x86, 0xdd, [15] = 1 };
static const uint8_t ipv6_peer[16] = { 0x20, 1, 0xd, 0xb8, 0x86, 0xdd, [15] = 2 };
static const uint8_t ipv6_stranger[16] = { 0x20, 1, 0xd, 0xb8, 0x86, 0xdd, [15] = 3 };

/* The layers around the message. */
struct shape {
	const char *name;
	bool no_ethernet;
	unsigned vlan_tags;
	bool priority_only; /* the tags name no VLAN, IEEE 802.1Q section 6.9 */
	bool ipv6;
	unsigned ipv4_option_bytes;
	uint8_t extensions[6]; /* header types, in order, ended by 255 */
	unsigned extension_bytes;
};

#define NO_EXTENSION \
	{            \
		255  \
	}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NONCE	 0x1122334455667788ULL
#define SEQUENCE 0x010b /* at another place in a window of 8 than in one of 16 */

#define HOP	    0
#define ROUTING	    43
#define FRAGMENT    44
#define DESTINATION 60

/* Every way in which a message of ours may come. */
static const struct shape shapes[] = {
	{ "IPv4", .extensions = NO_EXTENSION },
	{ "IPv4, 4 octets of options", .ipv4_option_bytes = 4, .extensions = NO_EXTENSION },
	{ "IPv4, 40 octets of options", .ipv4_option_bytes = 40, .extensions = NO_EXTENSION },
	{ "IPv6", .ipv6 = true, .extensions = NO_EXTENSION },
	{ "IPv6, 1 extension", .ipv6 = true, .extensions = { HOP, 255 }, .extension_bytes = 8 },
	{ "IPv6, 2 extensions", .ipv6 = true, .extensions = { HOP, ROUTING, 255 },
	  .extension_bytes = 8 },
	{ "IPv6, 3 extensions", .ipv6 = true, .extensions = { HOP, DESTINATION, ROUTING, 255 },
	  .extension_bytes = 16 },
	{ "IPv6, 4 extensions", .ipv6 = true,
	  .extensions = { HOP, DESTINATION, ROUTING, DESTINATION, 255 }, .extension_bytes = 264 },
	{ "VLAN, IPv4", .vlan_tags = 1, .extensions = NO_EXTENSION },
	{ "VLAN, IPv6", .vlan_tags = 1, .ipv6 = true, .extensions = NO_EXTENSION },
	{ "two VLAN tags, IPv4", .vlan_tags = 2, .extensions = NO_EXTENSION },
	{ "two VLAN tags, IPv6, extension", .vlan_tags = 2, .ipv6 = true,
	  .extensions = { HOP, 255 }, .extension_bytes = 8 },
	{ "L3, IPv4", .no_ethernet = true, .extensions = NO_EXTENSION },
	{ "L3, IPv4, options", .no_ethernet = true, .ipv4_option_bytes = 12,
	  .extensions = NO_EXTENSION },
	{ "L3, IPv6", .no_ethernet = true, .ipv6 = true, .extensions = NO_EXTENSION },
	{ "L3, IPv6, 4 extensions", .no_ethernet = true, .ipv6 = true,
	  .extensions = { HOP, DESTINATION, ROUTING, DESTINATION, 255 }, .extension_bytes = 8 },
};

/* The message, for either direction. */
struct echo {
	bool reply;
	bool from_stranger;
	uint16_t id;
	uint16_t sequence;
	uint64_t nonce;
	size_t payload_bytes;
};

static inline struct echo echo_of(bool reply)
{
	return (struct echo){ .reply = reply,
			      .id = PACKET_ID,
			      .sequence = SEQUENCE,
			      .nonce = NONCE,
			      .payload_bytes = PAYLOAD_DEFAULT };
}

struct frame {
	uint8_t octets[PACKET_CAPACITY];
	size_t bytes;
	size_t ip;	/* offset of the IP header */
	size_t message; /* offset of the ICMP header */
};

static inline void put(struct frame *frame, const void *octets, size_t bytes)
{
	memcpy(frame->octets + frame->bytes, octets, bytes);
	frame->bytes += bytes;
}

static inline void put_be16(struct frame *frame, size_t value)
{
	put(frame, (uint8_t[2]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static inline void set_be16(struct frame *frame, size_t offset, size_t value)
{
	frame->octets[offset] = (uint8_t)(value >> 8);
	frame->octets[offset + 1] = (uint8_t)value;
}

/* RFC 1071, the slow and plain way. */
static inline uint32_t sum_octets(const uint8_t *octets, size_t bytes, uint32_t sum)
{
	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 ? octets[i] : (uint32_t)octets[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void put_ethernet(struct frame *frame, const struct shape *shape, uint16_t ethertype)
{
	/* To the loopback's address, in whose name BPF_PROG_TEST_RUN runs: sent to this host. */
	static const uint8_t macs[12] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2 };

	if (shape->no_ethernet)
		return;
	put(frame, macs, sizeof(macs));
	for (unsigned i = 0; i < shape->vlan_tags; i++) {
		put_be16(frame, i + 1 < shape->vlan_tags ? 0x88a8 : 0x8100);
		put_be16(frame, shape->priority_only ? 0xa000 : 0x2001 + i);
	}
	put_be16(frame, ethertype);
}

static inline void put_ipv4(struct frame *frame, const struct shape *shape, uint8_t protocol,
			    const uint8_t *source, const uint8_t *destination, size_t payload_bytes)
{
	size_t header_bytes = 20 + shape->ipv4_option_bytes;

	put_ethernet(frame, shape, 0x0800);
	frame->ip = frame->bytes;
	put(frame, (uint8_t[2]){ (uint8_t)(0x40 | header_bytes / 4), 0 }, 2);
	put_be16(frame, header_bytes + payload_bytes);
	put(frame, (uint8_t[8]){ 0, 7, 0x40, 0, PACKET_TTL, protocol, 0, 0 }, 8);
	put(frame, source, 4);
	put(frame, destination, 4);
	for (unsigned i = 0; i < shape->ipv4_option_bytes; i++)
		put(frame, (uint8_t[1]){ 1 }, 1); /* no operation */
	set_be16(frame, frame->ip + 10,
		 0xffff & ~sum_octets(frame->octets + frame->ip, header_bytes, 0));
}

static inline void put_ipv6(struct frame *frame, const struct shape *shape, uint8_t next_header,
			    const uint8_t *source, const uint8_t *destination, size_t payload_bytes)
{
	unsigned count = 0;

	while (shape->extensions[count] != 255)
		count++;
	put_ethernet(frame, shape, 0x86dd);
	frame->ip = frame->bytes;
	put(frame, (uint8_t[4]){ 0x60, 0, 0, 0 }, 4);
	put_be16(frame, payload_bytes + count * shape->extension_bytes);
	put(frame, (uint8_t[2]){ count ? shape->extensions[0] : next_header, PACKET_TTL }, 2);
	put(frame, source, 16);
	put(frame, destination, 16);
	for (unsigned i = 0; i < count; i++) {
		uint8_t following = i + 1 < count ? shape->extensions[i + 1] : next_header;

		memset(frame->octets + frame->bytes, 0, shape->extension_bytes);
		frame->octets[frame->bytes] = following;
		frame->octets[frame->bytes + 1] = (uint8_t)(shape->extension_bytes / 8 - 1);
		frame->bytes += shape->extension_bytes;
	}
}

/* (Re)computes the checksum of the ICMP message of that many octets. */
static inline void frame_checksum(struct frame *frame, const struct shape *shape,
				  size_t message_bytes)
{
	uint32_t sum = 0;

	set_be16(frame, frame->message + 2, 0);
	if (shape->ipv6)
		sum = sum_octets(frame->octets + frame->ip + 8, 32, (uint32_t)message_bytes + 58);
	sum = sum_octets(frame->octets + frame->message, message_bytes, sum);
	set_be16(frame, frame->message + 2, 0xffff & ~sum);
}

static inline struct frame frame_of_echo(const struct shape *shape, const struct echo *echo)
{
	struct frame frame = { 0 };
	size_t message_bytes = 8 + echo->payload_bytes;
	uint8_t type = shape->ipv6 ? (echo->reply ? 129 : 128) : (echo->reply ? 0 : 8);
	size_t nonce_bytes = echo->payload_bytes < 8 ? echo->payload_bytes : 8;

	if (shape->ipv6) {
		const uint8_t *far = echo->from_stranger ? ipv6_stranger : ipv6_peer;

		put_ipv6(&frame, shape, 58, echo->reply ? far : ipv6_own,
			 echo->reply ? ipv6_own : far, message_bytes);
	} else {
		const uint8_t *far = echo->from_stranger ? ipv4_stranger : ipv4_peer;

		put_ipv4(&frame, shape, 1, echo->reply ? far : ipv4_own,
			 echo->reply ? ipv4_own : far, message_bytes);
	}
	frame.message = frame.bytes;
	put(&frame, (uint8_t[4]){ type, 0, 0, 0 }, 4);
	put_be16(&frame, echo->id);
	put_be16(&frame, echo->sequence);
	put(&frame, &echo->nonce, nonce_bytes);
	for (size_t i = nonce_bytes; i < echo->payload_bytes; i++)
		put(&frame, (uint8_t[1]){ (uint8_t)(i * 7) },
		    1); /* so that every octet weighs in the sum */
	frame_checksum(&frame, shape, message_bytes);
	return frame;
}

/* TCP, UDP or others, for what the programs must leave alone at once. */
static inline struct frame frame_of_transport(const struct shape *shape, uint8_t protocol)
{
	struct frame frame = { 0 };

	if (shape->ipv6)
		put_ipv6(&frame, shape, protocol, ipv6_peer, ipv6_own, 64);
	else
		put_ipv4(&frame, shape, protocol, ipv4_peer, ipv4_own, 64);
	frame.message = frame.bytes;
	put_be16(&frame, 0xd431);
	put_be16(&frame, 53);
	put_be16(&frame, 64);
	frame.bytes += 58;
	return frame;
}

#endif
