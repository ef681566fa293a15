/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an unrelated packet pays for our being there: two or three comparisons at constant places.
 * Only what these cannot rule out is worth a call of the parser, which costs several times as much.
 * Must not decide that a packet is ours.
 */
#ifndef FILTER_BPF_H
#define FILTER_BPF_H

#include "echo.h"
#include "maps.bpf.h"
#include "message.bpf.h"
#include "network.bpf.h"

#define IPV4_PLAIN 0x45 /* version 4, no options */

/* Of a VLAN, IEEE 802.1Q: what follows the EtherType that announces it. */
struct tag {
	__be16 control_be;
	__be16 ethertype_be;
};

/* A place `bytes` after another. Not to be seen through, else the compiler makes one variable step
 * of those of both families: see packet.bpf.h. */
static __always_inline const void *stepped(const void *at, __u32 bytes)
{
	at += bytes;
	asm volatile("" : "+r"(at));
	return at;
}

static __always_inline bool ports_are_far(const __be16 *ports, const void *end, int wanted)
{
	if ((const void *)(ports + 2) > end)
		return false;
	if ((wanted & REPLIES || (wanted & ANSWERS && config.reflector)) &&
	    ports[0] == config.stamp_port_be)
		return false;
	return !(wanted & (PROBES | REQUESTS)) || ports[1] != config.stamp_port_be;
}

/* Of every kind of ICMP, not only of echo: no other one is wanted. */
static __always_inline bool id_is_far(const void *icmp, const void *end)
{
	/* Not by a struct echo_probe, which is aligned to 8: what follows IP is to 4. */
	const __be16 *id_be = icmp + offsetof(struct echo_probe, id_be);

	if ((const void *)(id_be + 1) > end)
		return false;
	return *id_be != config.icmp_id_be;
}

static __always_inline bool ipv4_is_far(const struct iphdr *ip, const void *end, int wanted)
{
	if ((const void *)(ip + 1) > end)
		return false;
	if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_ICMP)
		return true;
	if (*(const __u8 *)ip != IPV4_PLAIN)
		return false;
	if (ip->protocol == IPPROTO_ICMP)
		return id_is_far(stepped(ip, sizeof(*ip)), end);
	return ports_are_far(stepped(ip, sizeof(*ip)), end, wanted);
}

/* Not by a struct ipv6_start, which fills a place on the stack. */
static __always_inline bool ipv6_is_far(const struct ipv6hdr *ip, const void *end, int wanted)
{
	if ((const void *)&ip->saddr > end)
		return false;
	if (ip->nexthdr == IPPROTO_UDP)
		return ports_are_far(stepped(ip, sizeof(*ip)), end, wanted);
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return id_is_far(stepped(ip, sizeof(*ip)), end);
	return !is_extension(ip->nexthdr);
}

static __always_inline bool ip_is_far(const void *at, const void *end, __be16 ethertype_be,
				      int wanted)
{
	if (ethertype_be == bpf_htons(ETH_P_IP))
		return ipv4_is_far(stepped(at, 0), end, wanted);
	if (ethertype_be == bpf_htons(ETH_P_IPV6))
		return ipv6_is_far(stepped(at, 0), end, wanted);
	return !is_vlan(ethertype_be);
}

/* True: it is none of those that are wanted. */
static __always_inline bool packet_is_far(const struct packet *packet, enum link_layer link_layer,
					  int wanted)
{
	const struct cursor start = cursor_at_start(packet);
	const struct ethhdr *ethernet = start.at;
	const struct tag *tag;

	if (link_layer == NONE)
		return ip_is_far(start.at, start.end, ((struct __sk_buff *)packet->ctx)->protocol,
				 wanted);
	if ((const void *)(ethernet + 1) > start.end)
		return false;
	if (!is_vlan(ethernet->h_proto))
		return ip_is_far(ethernet + 1, start.end, ethernet->h_proto, wanted);
	tag = stepped(ethernet + 1, 0);
	if ((const void *)(tag + 1) > start.end)
		return false;
	return ip_is_far(tag + 1, start.end, tag->ethertype_be, wanted);
}

#endif
