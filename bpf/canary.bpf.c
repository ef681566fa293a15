/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel half, from its six entries down. A packet is never written to, dropped or redirected,
 * with one exception: a peer's STAMP request to this host, which passed every guard of the
 * reflector, is rewritten in place and sent back by the entry that shows its verdict; the egress
 * entry, which that packet passes, puts T3 right in it. For all else tc programs leave the verdict
 * to whoever comes next, and XDP always passes.
 *
 * Reading: filter.bpf.h, is it worth it; packet.bpf.h, octets; network.bpf.h, up to the transport;
 * message.bpf.h, is it ours.
 * Measuring: arrival.bpf.h, when it came; pairing.bpf.h, T1, T4 and their pairing. Answering:
 * reflector.bpf.h, may it be; sessions.bpf.h, its count and rate; answer.bpf.h, tlv.bpf.h,
 * writing.bpf.h, the reply.
 * Shared: maps.bpf.h, memory; addresses.bpf.h, whose is it; timestamp.bpf.h, wall-clock time.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "filter.bpf.h"
#include "message.bpf.h"
#include "packet.bpf.h"
#include "pairing.bpf.h"
#include "reflector.bpf.h"

static __always_inline bool find_message(const struct packet *packet, enum link_layer link_layer,
					 int wanted, struct message *ret)
{
	struct cursor cursor = cursor_at_start(packet);
	struct place_be16 ethertype;

	if (link_layer == NONE)
		ethertype.value = ((struct __sk_buff *)packet->ctx)->protocol;
	else if (!ethernet_parse(packet, &cursor, &ethertype))
		return false;
	return message_parse(packet, cursor, ethertype.value, wanted, ret);
}

/* Global: verified once, whatever comes before, and with a stack of its own. */
__noinline int skb_find_message(struct __sk_buff *skb, int link_layer, int wanted,
				struct message *ret)
{
	return ret && find_message(&(struct packet){ .ctx = skb }, link_layer, wanted, ret);
}

static __always_inline void egress(struct __sk_buff *skb, enum link_layer link_layer)
{
	const struct packet packet = { .ctx = skb };
	struct message message = { 0 };

	if (packet_is_far(&packet, link_layer, PROBES | ANSWERS) ||
	    !skb_find_message(skb, link_layer, PROBES | ANSWERS, &message))
		return;
	if (message_kind(&message) == MESSAGE_ANSWER)
		answer_depart(skb, &message);
	else
		probe_stamp(&packet, &message);
}

/* A function of its own, as request_reflect is: the stack of both at once would be too much. */
static __noinline int pair(struct __sk_buff *skb, const struct message *message, __u64 now_ns)
{
	reply_pair(&(struct packet){ .ctx = skb }, message, now_ns);
	return TC_ACT_UNSPEC;
}

/* The verdict. */
static __always_inline int ingress(struct __sk_buff *skb, enum link_layer link_layer, int wanted)
{
	struct message message = { 0 };
	__u64 now_ns;

	if (packet_is_far(&(struct packet){ .ctx = skb }, link_layer, wanted))
		return TC_ACT_UNSPEC;
	now_ns = bpf_ktime_get_ns(); /* what follows takes time, too */
	if (!skb_find_message(skb, link_layer, wanted, &message))
		return TC_ACT_UNSPEC;
	if (message_kind(&message) == MESSAGE_REQUEST)
		return request_reflect(skb, &message, now_ns, link_layer);
	return pair(skb, &message, now_ns);
}

static __always_inline void ingress_xdp(struct xdp_md *xdp)
{
	const struct packet packet = { .ctx = xdp, .is_xdp = true };
	struct message message;
	__u64 now_ns;

	if (packet_is_far(&packet, ETHERNET, REPLIES))
		return;
	now_ns = bpf_ktime_get_ns();
	if (find_message(&packet, ETHERNET, REPLIES, &message))
		reply_pair(&packet, &message, now_ns);
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

/* TC_ACT_UNSPEC, but for a request that was answered: TC_ACT_REDIRECT. */
SEC("tc")
int kc_ingress(struct __sk_buff *skb)
{
	return ingress(skb, ETHERNET, REPLIES | REQUESTS);
}

SEC("tc")
int kc_ingress_l3(struct __sk_buff *skb)
{
	return ingress(skb, NONE, REPLIES | REQUESTS);
}

/* Beside kc_ingress_xdp, which pairs. */
SEC("tc")
int kc_reflect(struct __sk_buff *skb)
{
	return ingress(skb, ETHERNET, REQUESTS);
}

SEC("xdp")
int kc_ingress_xdp(struct xdp_md *xdp)
{
	ingress_xdp(xdp);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
