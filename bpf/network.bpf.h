/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the first octet of a packet to where ICMP or UDP begins: Ethernet, VLAN tags, IPv4, IPv6.
 * Every packet of the host comes through here, so that whatever carries neither leaves at once.
 * Must not know what is ours, nor maps.
 */
#ifndef NETWORK_BPF_H
#define NETWORK_BPF_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "packet.bpf.h"

#define VLAN_TAGS_MAX		 2
#define IPV4_MORE_FRAGMENTS_BE	 bpf_htons(0x2000)
#define IPV4_FRAGMENT_OFFSET_BE	 bpf_htons(0x1fff)
#define IPV6_VERSION_MASK_BE	 bpf_htonl(0xf0000000)
#define IPV6_VERSION_BE		 bpf_htonl(0x60000000)
#define IPV6_FRAGMENT_OFFSET_BE	 bpf_htons(0xfff8)
#define IPV6_EXTENSIONS_MAX	 4
#define IPV6_HOP_BY_HOP		 0
#define IPV6_ROUTING		 43
#define IPV6_FRAGMENT		 44
#define IPV6_DESTINATION_OPTIONS 60
#define START_BYTES		 4
#define EXTENSION_BYTES		 4 /* of the 8 at least that each has */

/* The first octets of either transport, enough to tell whether it may be ours. */
struct transport_start {
	__u32 before;
	union {
		struct {
			__u8 type;
			__u8 code;
			__u16 checksum;
		} icmp;
		struct {
			__be16 source_be;
			__be16 destination_be;
		} port;
		__u32 all;
	};
} PLACE;

/* What the headers up to there say; of 8 octets each, see place.bpf.h. */
struct network {
	__u64 offset; /* of the ICMP or UDP header */
	__u64 bytes;  /* from there on: a frame may carry padding after it */
	__u64 protocol;
	__u64 ttl;
	__u64 is_ipv4;
	__u64 is_tagged;   /* in line, with a VLAN */
	__u64 is_fragment; /* the first of several */
	__u64 is_plain;	   /* no options, no extension headers */
};

/* The part of an IPv6 header before the addresses. */
struct ipv6_start {
	__be32 version_class_flow;
	__be16 payload_bytes_be;
	__u8 next_header;
	__u8 hop_limit;
} PLACE;

struct extension {
	__u32 before;
	__u8 next_header;
	__u8 extra_octets; /* in units of 8 octets, the first 8 not counted; of a fragment: 0 */
	__be16 fragment_be;
} PLACE;

struct ipv4_header {
	struct iphdr ip;
} PLACE;

static __always_inline bool is_vlan(__be16 ethertype_be)
{
	return ethertype_be == bpf_htons(ETH_P_8021Q) || ethertype_be == bpf_htons(ETH_P_8021AD);
}

/* Leaves the cursor at what follows the Ethernet header and up to two tags. */
static __always_inline bool ethernet_parse(const struct packet *packet, struct cursor *cursor,
					   struct place_be16 *ret_ethertype)
{
	cursor_step(cursor, 2 * ETH_ALEN);
	if (!cursor_load(packet, cursor, &ret_ethertype->value, 2))
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(ret_ethertype->value); i++) {
		cursor_step(cursor, 4);
		if (!cursor_load(packet, cursor, &ret_ethertype->value, 2))
			return false;
	}
	cursor_step(cursor, 2);
	return true;
}

/* At a constant distance from the cursor if the headers are as they nearly always are. */
static __always_inline bool start_load(const struct packet *packet, struct cursor *cursor,
				       __u32 header_bytes, const struct network *network,
				       struct transport_start *ret)
{
	if (network->bytes < START_BYTES)
		return false;
	if (!network->is_plain)
		return packet_load(packet, network->offset, &ret->all, START_BYTES);
	cursor_step(cursor, header_bytes);
	return cursor_load(packet, cursor, &ret->all, START_BYTES);
}

static __always_inline bool ipv4_parse(const struct packet *packet, struct cursor cursor,
				       struct network *ret, struct transport_start *ret_start,
				       __be32 ret_addresses[2])
{
	struct ipv4_header header;
	struct iphdr ip;
	__u64 total;

	if (!cursor_load(packet, &cursor, &header.ip, sizeof(ip)))
		return false;
	ip = header.ip;
	if (ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_ICMP)
		return false;
	total = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || ip.ihl < 5 || total < ip.ihl * 4U ||
	    (ip.frag_off & IPV4_FRAGMENT_OFFSET_BE))
		return false;

	ret->offset = cursor.offset + ip.ihl * 4U;
	ret->bytes = total - ip.ihl * 4U;
	ret->protocol = ip.protocol;
	ret->ttl = ip.ttl;
	ret->is_ipv4 = true;
	ret->is_fragment = (ip.frag_off & IPV4_MORE_FRAGMENTS_BE) != 0;
	ret->is_plain = ip.ihl == 5;
	ret_addresses[0] = ip.saddr;
	ret_addresses[1] = ip.daddr;
	return start_load(packet, &cursor, sizeof(ip), ret, ret_start);
}

static __always_inline bool is_extension(__u64 header)
{
	return header == IPV6_HOP_BY_HOP || header == IPV6_ROUTING || header == IPV6_FRAGMENT ||
	       header == IPV6_DESTINATION_OPTIONS;
}

/* Leaves ret->offset at the transport, *next_header its name. */
static __always_inline bool ipv6_extensions_walk(const struct packet *packet, __u64 *next_header,
						 struct network *ret)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(*next_header); i++) {
		struct extension extension;

		if (!packet_load(packet, ret->offset, &extension.next_header, EXTENSION_BYTES))
			return false;
		if (*next_header == IPV6_FRAGMENT) {
			if (extension.fragment_be & IPV6_FRAGMENT_OFFSET_BE)
				return false;
			ret->is_fragment = true;
			extension.extra_octets = 0;
		}
		*next_header = extension.next_header;
		ret->offset += (extension.extra_octets + 1U) * 8;
	}
	return true;
}

/* Without the addresses, which most packets need not have read: ipv6_addresses_load. */
static __always_inline bool ipv6_parse(const struct packet *packet, struct cursor cursor,
				       struct network *ret, struct transport_start *ret_start)
{
	struct ipv6_start ip;
	__u64 next_header, end;

	if (!cursor_load(packet, &cursor, &ip, sizeof(ip)))
		return false;
	if (ip.next_header != IPPROTO_UDP && ip.next_header != IPPROTO_ICMPV6 &&
	    !is_extension(ip.next_header))
		return false;
	if ((ip.version_class_flow & IPV6_VERSION_MASK_BE) != IPV6_VERSION_BE)
		return false;

	ret->offset = cursor.offset + sizeof(struct ipv6hdr);
	ret->ttl = ip.hop_limit;
	ret->is_ipv4 = false;
	ret->is_fragment = false;
	next_header = ip.next_header;
	ret->is_plain = !is_extension(next_header);
	end = ret->offset + bpf_ntohs(ip.payload_bytes_be);
	if (!ret->is_plain && !ipv6_extensions_walk(packet, &next_header, ret))
		return false;
	if ((next_header != IPPROTO_UDP && next_header != IPPROTO_ICMPV6) || ret->offset > end)
		return false;
	ret->protocol = next_header;
	ret->bytes = end - ret->offset;
	return start_load(packet, &cursor, sizeof(struct ipv6hdr), ret, ret_start);
}

static __always_inline bool ipv6_addresses_load(const struct packet *packet, struct cursor cursor,
						__u64 ret_source[2], __u64 ret_destination[2])
{
	cursor_step(&cursor, sizeof(struct ipv6_start));
	if (!cursor_load(packet, &cursor, ret_source, 16))
		return false;
	cursor_step(&cursor, 16);
	return cursor_load(packet, &cursor, ret_destination, 16);
}

#endif
