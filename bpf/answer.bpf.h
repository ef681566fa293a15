/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request becomes its reply, in place and of the same size, and goes back where it came from.
 * Whether it may is settled before. Whatever can fail is tried before the first octet is written: a
 * packet is untouched or answered. Must not know guards.
 */
#ifndef ANSWER_BPF_H
#define ANSWER_BPF_H

#include "arrival.bpf.h"
#include "maps.bpf.h"
#include "message.bpf.h"
#include "sessions.bpf.h"
#include "timestamp.bpf.h"
#include "tlv.bpf.h"
#include "writing.bpf.h"

#define REPLY_TTL	255	/* RFC 8762 section 4.3 */
#define REPLY_TTL_PLACE (~0ULL) /* the same in each octet */

/* Between the end of the one program and the begin of the other there is but the kernel's way. */
#define DEPARTURE_WAIT_MAX_NS 10000000ULL

/* Of 8 octets. */
#define REPLY_PLACES ((sizeof(struct stamp_reply) + 7) / 8)

/* What the guards found out. */
struct request {
	__u64 session; /* its key */
	__u64 now_ns;  /* of the program's begin */
	__u64 udp_bytes;
	__u64 real_offset_ns; /* one for T2 and T3, whatever becomes of it meanwhile */
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

/* struct stamp_reply in numbers of 8 octets, which fill a place on the stack each, but for T3.
 *
 *	   octets  +0			      +4
 *	ret[0]	0  sequence		      zeros
 *	ret[1]	8  zeros		      error estimate, SSID
 *	ret[2] 16  T2, seconds		      T2, fraction
 *	ret[3] 24  sender's sequence	      sender's timestamp, seconds
 *	ret[4] 32  its fraction		      sender's error estimate, zeros
 *	ret[5] 40  sender's TTL, zeros	      (beyond the reply)
 */
static __always_inline void reply_fill(__u64 ret[REPLY_PLACES], const struct message *message,
				       const struct request *request, __u64 t2_ns, __u64 sequence,
				       const struct stamp_request *from)
{
	const struct kc_control *control = array_at(&kc_control, 0);
	const __be32 *sender_timestamp = __builtin_assume_aligned(from->timestamp, 4);
	__be16 estimate_be = control ? READ_ONCE(control->error_estimate_be) : 0;
	__u64 t2 = ntp_from_real(t2_ns + request->real_offset_ns);

	ret[0] = words_join(bpf_htonl(sequence), 0);
	ret[1] = words_join(0, halves_join(estimate_be, from->ssid_be));
	ret[2] = words_join(bpf_htonl(t2 >> 32), bpf_htonl((__u32)t2));
	ret[3] = words_join(from->sequence_be, sender_timestamp[0]);
	ret[4] = words_join(sender_timestamp[1], halves_join(from->error_estimate_be, 0));
	ret[5] = words_join(bpf_htonl((__u32)message_ttl(message) << 24), 0);
}

static __always_inline void stamp_answer(struct __sk_buff *skb, const struct message *message,
					 const struct request *request, __u64 sequence,
					 const struct stamp_request *from)
{
	const struct packet packet = { .ctx = skb };
	__u64 reply[REPLY_PLACES];

	reply_fill(reply, message, request, arrival_ns(&packet, request->now_ns), sequence, from);
	datagram_store(skb, message->offset, message->offset + UDP_BYTES, reply, STAMP_BYTES,
		       bpf_csum_diff((__be32 *)from, STAMP_BYTES, (__be32 *)reply, STAMP_BYTES, 0));
}

/* What the packet itself carries from the reflector to the egress program, in skb->cb: of a packet
 * that somebody else made it is whatever his protocol left there. No secret, since others programs
 * may read it; only they, as privileged as we are, could write it. */
enum note { NOTE_NS, NOTE_T3 = 2, NOTE_IS_OURS = 4 };
#define NOTE_MARK 0x6b637433u

/* T3, the last of all that is done here: all before is the reflector's time, all after is taken for
 * the network's, until the egress program of this device, where there is one, puts it right. */
static __always_inline void answer_stamp(struct __sk_buff *skb, const struct message *message,
					 const struct request *request)
{
	__u64 offset = message->offset + UDP_BYTES + offsetof(struct stamp_reply, timestamp);
	__u64 now_ns = bpf_ktime_get_ns();
	__u64 t3 = ntp_from_real(now_ns + request->real_offset_ns);
	__u64 t3_be = bpf_cpu_to_be64(t3);

	skb->cb[NOTE_NS] = now_ns;
	skb->cb[NOTE_NS + 1] = now_ns >> 32;
	skb->cb[NOTE_T3] = t3;
	skb->cb[NOTE_T3 + 1] = t3 >> 32;
	skb->cb[NOTE_IS_OURS] = NOTE_MARK;
	datagram_store(skb, message->offset, offset, &t3_be, sizeof(t3_be),
		       bpf_csum_diff(NULL, 0, (__be32 *)&t3_be, sizeof(t3_be), 0));
}

/* From T3 as it was told at the reflector's end to that of the packet's departure, where T1 of a
 * probe stands, too: once, since it is then not what was noted. What is not beyond doubt the answer
 * that was, a moment ago, stays as it is. */
static __noinline int answer_depart(struct __sk_buff *skb, const struct message *message)
{
	__u64 offset = message->offset + UDP_BYTES + offsetof(struct stamp_reply, timestamp);
	__u64 noted_ns = (__u64)skb->cb[NOTE_NS + 1] << 32 | skb->cb[NOTE_NS];
	__u64 noted = (__u64)skb->cb[NOTE_T3 + 1] << 32 | skb->cb[NOTE_T3];
	__u64 found, waited_ns, t3;

	if (skb->cb[NOTE_IS_OURS] != NOTE_MARK)
		return 0;
	/* Pulled, so that what is stored and the sum of it are both put in, or neither. */
	if (!message_is_plain(message) ||
	    bpf_skb_load_bytes(skb, offset, &found, sizeof(found)) != 0 ||
	    bpf_be64_to_cpu(found) != noted || bpf_skb_pull_data(skb, offset + sizeof(found)) != 0)
		return 0;
	waited_ns = bpf_ktime_get_ns() - noted_ns;
	if (waited_ns > DEPARTURE_WAIT_MAX_NS)
		return 0;
	t3 = bpf_cpu_to_be64(noted + (waited_ns << 32) / NS_PER_SECOND);
	datagram_store(
		skb, message->offset, offset, &t3, sizeof(t3),
		bpf_csum_diff((__be32 *)&found, sizeof(found), (__be32 *)&t3, sizeof(t3), 0));
	return 0;
}

/* The verdict, or TC_ACT_UNSPEC where the kernel does not let us; T3 is yet to be put in. The
 * session counts what is answered here: if a qdisc drops it on its way out, it is lost on the way
 * back, and shows as that.
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
	stamp_answer(skb, message, request, session_count(request->session, request->now_ns),
		     &place.request);
	return bpf_redirect(skb->ifindex, 0);
}

#endif
