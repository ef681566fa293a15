/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request becomes its reply, in place and of the same size, and goes back where it came from.
 * Whether it may is settled before. Whatever can fail is tried before the first octet is written: a
 * packet is untouched or answered. Must not know guards.
 */
#ifndef ANSWER_BPF_H
#define ANSWER_BPF_H

#include "maps.bpf.h"
#include "message.bpf.h"
#include "sessions.bpf.h"
#include "timestamp.bpf.h"
#include "tlv.bpf.h"
#include "writing.bpf.h"

#define REPLY_TTL	255	/* RFC 8762 section 4.3 */
#define REPLY_TTL_PLACE (~0ULL) /* the same in each octet */

/* Of 8 octets. */
#define REPLY_PLACES ((sizeof(struct stamp_reply) + 7) / 8)

/* What the guards found out. */
struct request {
	__u64 session; /* its key */
	__u64 t2_ns;
	__u64 udp_bytes;
};

struct stamp_request_place {
	struct stamp_request request;
} PLACE;

struct ethernet_place {
	__u8 addresses[2 * ETH_ALEN];
} PLACE;

/* Sums of what is swapped stay what they were. */
static __always_inline void ethernet_answer(struct __sk_buff *skb)
{
	struct ethernet_place swapped;

	if (bpf_skb_load_bytes(skb, 0, swapped.addresses + ETH_ALEN, ETH_ALEN) == 0 &&
	    bpf_skb_load_bytes(skb, ETH_ALEN, swapped.addresses, ETH_ALEN) == 0)
		bpf_skb_store_bytes(skb, 0, swapped.addresses, 2 * ETH_ALEN, 0);
}

static __always_inline void ipv4_answer(struct __sk_buff *skb, const struct message *message)
{
	__u64 offset = message->offset - sizeof(struct iphdr);
	__u64 swapped = words_join(address_to_ipv4(message->destination),
				   address_to_ipv4(message->source));
	__u64 ttl = REPLY_TTL_PLACE;

	bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, saddr), &swapped, sizeof(swapped),
			    0);
	bpf_l3_csum_replace(skb, offset + offsetof(struct iphdr, check),
			    bpf_htons((__u16)(message_ttl(message) << 8)),
			    bpf_htons(REPLY_TTL << 8), 2);
	bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, ttl), &ttl, 1, 0);
}

static __always_inline void ipv6_answer(struct __sk_buff *skb, const struct message *message)
{
	__u64 offset = message->offset - sizeof(struct ipv6hdr);
	__u64 hop_limit = REPLY_TTL_PLACE;

	bpf_skb_store_bytes(skb, offset + offsetof(struct ipv6hdr, saddr), message->destination,
			    sizeof(message->destination), 0);
	bpf_skb_store_bytes(skb, offset + offsetof(struct ipv6hdr, daddr), message->source,
			    sizeof(message->source), 0);
	/* No checksum covers it but one of the whole frame, by the device. */
	bpf_skb_store_bytes(skb, offset + offsetof(struct ipv6hdr, hop_limit), &hop_limit, 1,
			    BPF_F_RECOMPUTE_CSUM);
}

static __always_inline void headers_answer(struct __sk_buff *skb, const struct message *message)
{
	__u64 swapped =
		words_join(halves_join(config.stamp_port_be, message_source_port_be(message)), 0);

	if (message_is_ipv4(message))
		ipv4_answer(skb, message);
	else
		ipv6_answer(skb, message);
	bpf_skb_store_bytes(skb, message->offset, &swapped, 2 * sizeof(__be16), 0);
}

/* struct stamp_reply in numbers of 8 octets, which fill a place on the stack each; T3 comes last.
 *
 *	   octets  +0			      +4
 *	ret[0]	0  sequence		      T3, seconds
 *	ret[1]	8  T3, fraction		      error estimate, SSID
 *	ret[2] 16  T2, seconds		      T2, fraction
 *	ret[3] 24  sender's sequence	      sender's timestamp, seconds
 *	ret[4] 32  its fraction		      sender's error estimate, zeros
 *	ret[5] 40  sender's TTL, zeros	      (beyond the reply)
 */
static __always_inline void reply_fill(__u64 ret[REPLY_PLACES], const struct message *message,
				       const struct request *request, __u64 sequence,
				       const struct stamp_request *from)
{
	const struct kc_control *control = array_at(&kc_control, 0);
	const __be32 *sender_timestamp = __builtin_assume_aligned(from->timestamp, 4);
	__u64 real_offset_ns = control ? READ_ONCE(control->real_offset_ns) : 0;
	__be16 estimate_be = control ? READ_ONCE(control->error_estimate_be) : 0;
	__u64 t2 = ntp_from_real(request->t2_ns + real_offset_ns);
	__u64 t3;

	ret[2] = words_join(bpf_htonl(t2 >> 32), bpf_htonl((__u32)t2));
	ret[3] = words_join(from->sequence_be, sender_timestamp[0]);
	ret[4] = words_join(sender_timestamp[1], halves_join(from->error_estimate_be, 0));
	ret[5] = words_join(bpf_htonl((__u32)message_ttl(message) << 24), 0);
	t3 = ntp_from_real(bpf_ktime_get_ns() + real_offset_ns);
	ret[0] = words_join(bpf_htonl(sequence), bpf_htonl(t3 >> 32));
	ret[1] = words_join(bpf_htonl((__u32)t3), halves_join(estimate_be, from->ssid_be));
}

static __always_inline void stamp_answer(struct __sk_buff *skb, const struct message *message,
					 const struct request *request, __u64 sequence,
					 const struct stamp_request *from)
{
	__u64 reply[REPLY_PLACES];

	reply_fill(reply, message, request, sequence, from);
	datagram_store(skb, message->offset, message->offset + UDP_BYTES, reply, STAMP_BYTES,
		       bpf_csum_diff((__be32 *)from, STAMP_BYTES, (__be32 *)reply, STAMP_BYTES, 0));
}

/* The verdict, or TC_ACT_UNSPEC where the kernel does not let us. The session counts what is
 * answered here: if a qdisc drops it on its way out, it is lost on the way back, and shows as that.
 */
static __always_inline int request_answer(struct __sk_buff *skb, const struct message *message,
					  const struct request *request, enum link_layer link_layer)
{
	__u64 stamp_offset = message->offset + UDP_BYTES;
	__u64 end = message->offset + request->udp_bytes;
	struct stamp_request_place place;

	if (bpf_skb_load_bytes(skb, stamp_offset, &place.request, STAMP_BYTES) != 0 ||
	    bpf_skb_pull_data(skb, end) != 0)
		return TC_ACT_UNSPEC;

	if (link_layer == ETHERNET)
		ethernet_answer(skb);
	headers_answer(skb, message);
	tlvs_answer(skb, message->offset, stamp_offset + STAMP_BYTES, end);
	stamp_answer(skb, message, request, session_count(request->session, request->t2_ns),
		     &place.request);
	return bpf_redirect(skb->ifindex, 0);
}

#endif
