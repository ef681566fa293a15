/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether a packet is a message of ours, and which: by identifier and ports alone. What else is
 * wrong with it is for others to find. Must not know clocks, nor maps but for the constants.
 */
#ifndef MESSAGE_BPF_H
#define MESSAGE_BPF_H

#include <linux/udp.h>

#include "echo.h"
#include "maps.bpf.h"
#include "network.bpf.h"
#include "packet.bpf.h"
#include "stamp.h"

#define UDP_BYTES 8

_Static_assert(sizeof(struct udphdr) == UDP_BYTES, "udphdr");
_Static_assert(UDP_BYTES + STAMP_BYTES_MAX <= MESSAGE_BYTES_MAX, "no checksum of a longer one");

/* What a program looks for. */
#define PROBES	 1 /* of ours, on their way out */
#define REPLIES	 2 /* to them */
#define REQUESTS 4 /* of others, to our reflector */
#define ANSWERS	 8 /* of our reflector, on their way out */

enum message_kind { MESSAGE_ECHO, MESSAGE_STAMP, MESSAGE_REQUEST, MESSAGE_ANSWER };

/* Of 8 octets each, see place.bpf.h. */
struct message {
	__u64 source[2]; /* as in kc_address, in memory order */
	__u64 destination[2];
	__u64 offset; /* of the ICMP or UDP header */
	__u64 bytes;  /* from there on, as IP says */
	__u64 facts;  /* the rest, to be read by message_*() */
};

/* Where each stands in the facts. */
enum message_fact {
	FACT_KIND = 0,
	FACT_FLOW = 8,
	FACT_TTL = 16,
	FACT_PORT = 24,
	FACT_IS_IPV4 = 40,
	FACT_IS_TAGGED = 41,
	FACT_IS_PLAIN = 42,
};

static __always_inline enum message_kind message_kind(const struct message *message)
{
	return message->facts >> FACT_KIND & 0xff;
}

/* Ours; of requests and answers 0. */
static __always_inline __u64 message_flow(const struct message *message)
{
	return message->facts >> FACT_FLOW & 0xff;
}

static __always_inline __u8 message_ttl(const struct message *message)
{
	return message->facts >> FACT_TTL;
}

static __always_inline __be16 message_source_port_be(const struct message *message)
{
	return message->facts >> FACT_PORT;
}

static __always_inline bool message_is_ipv4(const struct message *message)
{
	return message->facts >> FACT_IS_IPV4 & 1;
}

/* In line, with a VLAN. */
static __always_inline bool message_is_tagged(const struct message *message)
{
	return message->facts >> FACT_IS_TAGGED & 1;
}

/* No options, no extension headers, no fragment. */
static __always_inline bool message_is_plain(const struct message *message)
{
	return message->facts >> FACT_IS_PLAIN & 1;
}

static __always_inline __be32 halves_join(__be16 first, __be16 second)
{
	const __be16 halves[2] = { first, second };
	__be32 joined;

	__builtin_memcpy(&joined, halves, sizeof(joined));
	return joined;
}

static __always_inline __u64 words_join(__be32 first, __be32 second)
{
	const __be32 words[2] = { first, second };
	__u64 joined;

	__builtin_memcpy(&joined, words, sizeof(joined));
	return joined;
}

static __always_inline void address_from_ipv4(__u64 address[2], __be32 ipv4)
{
	address[0] = 0;
	address[1] = words_join(bpf_htonl(0xffff), ipv4);
}

static __always_inline __be32 address_to_ipv4(const __u64 address[2])
{
	__be32 words[2];

	__builtin_memcpy(words, &address[1], sizeof(words));
	return words[1];
}

/* The flow of that port, or -1. */
static __always_inline __s64 flow_find(__be16 port_be)
{
	if (port_be == 0)
		return -1;
#pragma clang loop unroll(full)
	for (__u64 i = 0; i < KC_FLOWS_MAX; i++)
		if (i < config.flows && port_be == config.flow_ports_be[i])
			return i;
	return -1;
}

static __always_inline bool echo_identify(const struct packet *packet,
					  const struct network *network,
					  const struct transport_start *start, int wanted)
{
	struct place_be16 id;
	__u8 type;

	if (network->protocol != (network->is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return false;
	if (wanted & PROBES)
		type = network->is_ipv4 ? ECHO_REQUEST : ECHO_REQUEST_V6;
	else
		type = network->is_ipv4 ? ECHO_REPLY : ECHO_REPLY_V6;
	if (start->icmp.type != type || network->is_fragment)
		return false;
	if (network->bytes < ECHO_HEADER_BYTES || network->bytes > MESSAGE_BYTES_MAX)
		return false;
	return packet_load(packet, network->offset + offsetof(struct echo_probe, id_be), &id.value,
			   sizeof(id.value)) &&
	       id.value == config.icmp_id_be;
}

/* Of UDP: *ret_flow, if it is of ours. */
static __always_inline bool ports_identify(const struct network *network,
					   const struct transport_start *start, int wanted,
					   __u64 *ret_kind, __u64 *ret_flow)
{
	__be16 source_be = start->port.source_be;
	__be16 destination_be = start->port.destination_be;
	__s64 flow = -1;

	if ((wanted & PROBES) && destination_be == config.stamp_port_be)
		flow = flow_find(source_be);
	if ((wanted & REPLIES) && source_be == config.stamp_port_be)
		flow = flow_find(destination_be);
	if (flow >= 0 && !network->is_fragment) {
		*ret_kind = MESSAGE_STAMP;
		*ret_flow = flow;
		return true;
	}
	*ret_kind = MESSAGE_ANSWER;
	if ((wanted & ANSWERS) && source_be == config.stamp_port_be && config.reflector)
		return true;
	*ret_kind = MESSAGE_REQUEST;
	return (wanted & REQUESTS) && destination_be == config.stamp_port_be && config.reflector;
}

/* True: it is wanted, and *ret_facts say what it is. */
static __always_inline bool network_identify(const struct packet *packet,
					     const struct network *network,
					     const struct transport_start *start, int wanted,
					     __u64 *ret_facts)
{
	__u64 kind = MESSAGE_ECHO, flow = 0;

	if (network->protocol == IPPROTO_UDP) {
		if (!ports_identify(network, start, wanted, &kind, &flow))
			return false;
	} else if (!(wanted & (PROBES | REPLIES)) ||
		   !echo_identify(packet, network, start, wanted)) {
		return false;
	}
	*ret_facts = kind << FACT_KIND | flow << FACT_FLOW | network->ttl << FACT_TTL |
		     (__u64)start->port.source_be << FACT_PORT | network->is_ipv4 << FACT_IS_IPV4 |
		     network->is_tagged << FACT_IS_TAGGED |
		     (network->is_plain & !network->is_fragment) << FACT_IS_PLAIN;
	return true;
}

/* True: *ret is a message that is wanted. The cursor stands at the IP header. */
static __always_inline bool message_parse(const struct packet *packet, struct cursor cursor,
					  __be16 ethertype_be, int wanted, struct message *ret)
{
	struct network network = { .is_tagged = cursor.offset > ETH_HLEN };
	struct transport_start start;
	__be32 addresses[2];

	if (ethertype_be == bpf_htons(ETH_P_IP)) {
		if (!ipv4_parse(packet, cursor, &network, &start, addresses))
			return false;
		if (!network_identify(packet, &network, &start, wanted, &ret->facts))
			return false;
		address_from_ipv4(ret->source, addresses[0]);
		address_from_ipv4(ret->destination, addresses[1]);
	} else if (ethertype_be == bpf_htons(ETH_P_IPV6)) {
		if (!ipv6_parse(packet, cursor, &network, &start))
			return false;
		if (!network_identify(packet, &network, &start, wanted, &ret->facts))
			return false;
		if (!ipv6_addresses_load(packet, cursor, ret->source, ret->destination))
			return false;
	} else {
		return false;
	}
	ret->offset = network.offset;
	ret->bytes = network.bytes;
	return true;
}

/* Of the pseudo-header, RFC 768 and RFC 8200 section 8.1. An IPv4 address weighs here as much as
 * alone: 0xffff is another zero. */
static __always_inline __u64 pseudo_sum(const struct message *message, __u32 bytes, __u8 protocol)
{
	__u64 sum = (__u64)bpf_htonl(bytes) + bpf_htonl(protocol);

#pragma clang loop unroll(full)
	for (int i = 0; i < 2; i++) {
		sum += (message->source[i] & 0xffffffff) + (message->source[i] >> 32);
		sum += (message->destination[i] & 0xffffffff) + (message->destination[i] >> 32);
	}
	return sum;
}

/* Of `bytes` octets of UDP, in whose header `checksum` stands. False also where the packet is
 * shorter. */
static __always_inline bool datagram_sum_holds(const struct packet *packet,
					       const struct message *message, __u32 bytes,
					       __u64 checksum)
{
	__u64 sum = pseudo_sum(message, bytes, IPPROTO_UDP);

	/* One that a device was to complete, which this packet never met: it did not leave the
	 * machine. */
	if (checksum == sum_fold(sum))
		return true;
	/* None, as IPv4 allows. */
	if (checksum == 0)
		return message_is_ipv4(message);
	return packet_sum(packet, message->offset, bytes, &sum) && sum_fold(sum) == 0xffff;
}

#endif
