/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel half, from its five entries down. A packet is never written to, dropped or redirected:
 * tc programs always leave the verdict to whoever comes next, XDP always passes.
 *
 * packet.bpf.h: octets; message.bpf.h: is it ours; pairing.bpf.h: T1, T4 and their pairing;
 * maps.bpf.h: memory.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "message.bpf.h"
#include "packet.bpf.h"
#include "pairing.bpf.h"

enum link_layer { ETHERNET, NONE };

static __always_inline bool find_message(const struct packet *packet, enum link_layer link_layer,
					 enum direction direction, struct message *ret)
{
	struct cursor cursor = cursor_at_start(packet);
	__be16 ethertype_be;

	if (link_layer == NONE)
		ethertype_be = ((struct __sk_buff *)packet->ctx)->protocol;
	else if (!ethernet_parse(packet, &cursor, &ethertype_be))
		return false;
	return message_parse(packet, cursor, ethertype_be, direction, ret);
}

static __always_inline void egress(struct __sk_buff *skb, enum link_layer link_layer)
{
	const struct packet packet = { .ctx = skb };
	struct message message;

	if (find_message(&packet, link_layer, REQUEST, &message))
		probe_stamp(&packet, &message);
}

static __always_inline void ingress(const struct packet *packet, enum link_layer link_layer)
{
	struct message message;

	if (find_message(packet, link_layer, REPLY, &message))
		reply_pair(packet, &message, bpf_ktime_get_ns());
}

SEC("tc")
int kc_egress(struct __sk_buff *skb)
{
	egress(skb, ETHERNET);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int kc_egress_l3(struct __sk_buff *skb)
{
	egress(skb, NONE);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int kc_ingress(struct __sk_buff *skb)
{
	ingress(&(struct packet){ .ctx = skb }, ETHERNET);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int kc_ingress_l3(struct __sk_buff *skb)
{
	ingress(&(struct packet){ .ctx = skb }, NONE);
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int kc_ingress_xdp(struct xdp_md *xdp)
{
	ingress(&(struct packet){ .ctx = xdp, .is_xdp = true }, ETHERNET);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
