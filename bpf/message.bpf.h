/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a packet to an echo message of ours, and out again as early as can be for everything else:
 * every packet of the host comes through here. Must not know clocks, nor maps but for the
 * constants.
 */
#ifndef MESSAGE_BPF_H
#define MESSAGE_BPF_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "echo.h"
#include "maps.bpf.h"
#include "packet.bpf.h"

#define VLAN_TAGS_MAX		 2
#define IPV4_FRAGMENT_BE	 bpf_htons(0x3fff) /* more fragments, or an offset */
#define IPV6_VERSION_MASK_BE	 bpf_htonl(0xf0000000)
#define IPV6_VERSION_BE		 bpf_htonl(0x60000000)
#define IPV6_EXTENSIONS_MAX	 4
#define IPV6_HOP_BY_HOP		 0
#define IPV6_ROUTING		 43
#define IPV6_DESTINATION_OPTIONS 60

enum direction { REQUEST, REPLY };

/* An ICMP or ICMPv6 message. Addresses as in kc_address. Offset and bytes fill a place on the stack
 * each: half of one cannot be written beside a number; see packet_sum. */
struct message {
	__be32 source[4];
	__be32 destination[4];
	__u64 offset;
	__u64 bytes; /* as IP says: a frame may carry padding */
	__u16 sequence;
	__u8 ttl;
	__u64 pseudo_sum; /* of the pseudo-header, RFC 8200 section 8.1; ICMP has none */
};

/* The part of an IPv6 header before the addresses. */
struct ipv6_start {
	__be32 version_class_flow;
	__be16 payload_bytes_be;
	__u8 next_header;
	__u8 hop_limit;
};

struct extension {
	__u8 next_header;
	__u8 extra_octets; /* in units of 8 octets, the first 8 not counted */
};

static __always_inline bool is_vlan(__be16 ethertype_be)
{
	return ethertype_be == bpf_htons(ETH_P_8021Q) || ethertype_be == bpf_htons(ETH_P_8021AD);
}

/* Leaves the cursor at what follows the Ethernet header and up to two tags. */
static __always_inline bool ethernet_parse(const struct packet *packet, struct cursor *cursor,
					   __be16 *ret_ethertype_be)
{
	cursor_step(cursor, 2 * ETH_ALEN);
	if (!cursor_load(packet, cursor, ret_ethertype_be, 2))
		return false;
#pragma clang loop unroll(full)
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(*ret_ethertype_be); i++) {
		cursor_step(cursor, 4);
		if (!cursor_load(packet, cursor, ret_ethertype_be, 2))
			return false;
	}
	cursor_step(cursor, 2);
	return true;
}

static __always_inline void address_from_ipv4(__be32 address[4], __be32 ipv4)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = bpf_htonl(0xffff);
	address[3] = ipv4;
}

static __always_inline bool ipv4_parse(const struct packet *packet, const struct cursor *cursor,
				       struct message *ret)
{
	struct iphdr ip;
	__u32 total;

	if (!cursor_load(packet, cursor, &ip, sizeof(ip)) || ip.protocol != IPPROTO_ICMP)
		return false;
	total = bpf_ntohs(ip.tot_len);
	if (ip.version != 4 || ip.ihl < 5 || total < ip.ihl * 4U ||
	    (ip.frag_off & IPV4_FRAGMENT_BE))
		return false;

	address_from_ipv4(ret->source, ip.saddr);
	address_from_ipv4(ret->destination, ip.daddr);
	ret->offset = cursor->offset + ip.ihl * 4U;
	ret->bytes = total - ip.ihl * 4U;
	ret->ttl = ip.ttl;
	ret->pseudo_sum = 0;
	return true;
}

static __always_inline bool is_extension(__u8 header)
{
	return header == IPV6_HOP_BY_HOP || header == IPV6_ROUTING ||
	       header == IPV6_DESTINATION_OPTIONS;
}

static __always_inline bool ipv6_parse(const struct packet *packet, struct cursor *cursor,
				       struct message *ret)
{
	__u32 offset = cursor->offset + sizeof(struct ipv6hdr);
	struct ipv6_start ip;
	__u32 end;

	if (!cursor_load(packet, cursor, &ip, sizeof(ip)))
		return false;
	if (ip.next_header != IPPROTO_ICMPV6 && !is_extension(ip.next_header))
		return false;
	if ((ip.version_class_flow & IPV6_VERSION_MASK_BE) != IPV6_VERSION_BE)
		return false;
	end = offset + bpf_ntohs(ip.payload_bytes_be);
	cursor_step(cursor, sizeof(ip));
	if (!cursor_load(packet, cursor, ret->source, sizeof(ret->source)))
		return false;
	cursor_step(cursor, sizeof(ret->source));
	if (!cursor_load(packet, cursor, ret->destination, sizeof(ret->destination)))
		return false;

#pragma clang loop unroll(full)
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_extension(ip.next_header); i++) {
		struct extension extension;

		if (!packet_load(packet, offset, &extension, sizeof(extension)))
			return false;
		ip.next_header = extension.next_header;
		offset += (extension.extra_octets + 1U) * 8;
	}
	if (ip.next_header != IPPROTO_ICMPV6 || offset > end)
		return false;

	ret->offset = offset;
	ret->bytes = end - offset;
	ret->ttl = ip.hop_limit;
	ret->pseudo_sum = (__u64)bpf_htonl(ret->bytes) + bpf_htonl(IPPROTO_ICMPV6);
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		ret->pseudo_sum += (__u64)ret->source[i] + ret->destination[i];
	return true;
}

/* True: *ret is a message of ours. What its checksum is worth is not known yet. */
static __always_inline bool message_parse(const struct packet *packet, struct cursor cursor,
					  __be16 ethertype_be, enum direction direction,
					  struct message *ret)
{
	struct echo_probe probe;
	__u8 type;

	if (ethertype_be == bpf_htons(ETH_P_IP)) {
		if (!ipv4_parse(packet, &cursor, ret))
			return false;
		type = direction == REQUEST ? ECHO_REQUEST : ECHO_REPLY;
	} else if (ethertype_be == bpf_htons(ETH_P_IPV6)) {
		if (!ipv6_parse(packet, &cursor, ret))
			return false;
		type = direction == REQUEST ? ECHO_REQUEST_V6 : ECHO_REPLY_V6;
	} else {
		return false;
	}
	if (ret->bytes < ECHO_HEADER_BYTES || ret->bytes > MESSAGE_BYTES_MAX)
		return false;
	if (!packet_load(packet, ret->offset, &probe, ECHO_HEADER_BYTES))
		return false;
	if (probe.type != type || probe.id_be != config.icmp_id_be)
		return false;
	ret->sequence = bpf_ntohs(probe.sequence_be);
	return true;
}

static __always_inline bool message_load_nonce(const struct packet *packet,
					       const struct message *message, __u64 *ret_nonce)
{
	return message->bytes >= sizeof(struct echo_probe) &&
	       packet_load(packet, message->offset + ECHO_HEADER_BYTES, ret_nonce,
			   sizeof(*ret_nonce));
}

/* False also where the packet is shorter than its message. */
static __always_inline bool message_checksum_holds(const struct packet *packet,
						   const struct message *message)
{
	__u64 sum = message->pseudo_sum;

	if (!packet_sum(packet, message->offset, message->bytes, &sum))
		return false;
	return sum_fold(sum) == 0xffff;
}

#endif
