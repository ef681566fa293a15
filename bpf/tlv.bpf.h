/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The TLVs of a request, answered in place (RFC 8972 section 4): flags, and our identity where it
 * is asked for. Must not know sessions, guards or headers below UDP.
 */
#ifndef TLV_BPF_H
#define TLV_BPF_H

#include "maps.bpf.h"
#include "stamp.h"
#include "writing.bpf.h"

#define TLVS_MAX       8
#define IDENTITY_BYTES sizeof(struct stamp_identity)
#define IDENTITY_PART  32
#define TLV_RESERVED   0 /* also what padding of zeros looks like, as TWAMP Light sends it */

_Static_assert(IDENTITY_BYTES % IDENTITY_PART == 0, "read in whole parts");

/* What is asked for is all zeros: their sum is 0, and that of nothing else. */
static __always_inline bool identity_is_asked(struct __sk_buff *skb, __u32 offset)
{
	__be32 part[IDENTITY_PART / 4] PLACE;
	__s64 sum = 0;

#pragma clang loop unroll(full)
	for (__u64 i = 0; i < IDENTITY_BYTES; i += IDENTITY_PART) {
		if (bpf_skb_load_bytes(skb, offset + i, part, sizeof(part)) != 0)
			return false;
		sum = bpf_csum_diff(NULL, 0, part, sizeof(part), (__u32)sum);
		if (sum != 0)
			return false;
	}
	return true;
}

static __always_inline void identity_store(struct __sk_buff *skb, __u32 udp_offset, __u32 offset)
{
	void *from = (void *)&identity;

	datagram_store(skb, udp_offset, offset, from, IDENTITY_BYTES,
		       bpf_csum_diff(NULL, 0, from, IDENTITY_BYTES, 0));
}

struct stamp_tlv_place {
	struct stamp_tlv tlv;
} PLACE;

/* The TLV at `offset`; returns where the next one begins, 0 if that was the last. Global, so that
 * it is verified once and not for each of them. */
__noinline __u32 tlv_answer(struct __sk_buff *skb, __u32 udp_offset, __u32 offset, __u32 end)
{
	const __u8 understood = STAMP_TLV_UNRECOGNIZED | STAMP_TLV_MALFORMED;
	__u64 value = offset + sizeof(struct stamp_tlv);
	struct stamp_tlv_place place;
	struct stamp_tlv tlv;
	__u64 bytes;
	__u8 flags;

	if (value > end || bpf_skb_load_bytes(skb, offset, &place.tlv, sizeof(tlv)) != 0)
		return 0;
	tlv = place.tlv;
	if (tlv.type == TLV_RESERVED)
		return 0;
	bytes = bpf_ntohs(tlv.length_be);
	if (value + bytes > end) {
		datagram_store_octet(skb, udp_offset, offset, tlv.flags,
				     tlv.flags | STAMP_TLV_MALFORMED);
		return 0;
	}

	if (tlv.type == STAMP_TLV_EXTRA_PADDING) {
		flags = tlv.flags & ~understood;
	} else if (tlv.type != STAMP_TLV_IDENTITY) {
		flags = (tlv.flags & ~understood) | STAMP_TLV_UNRECOGNIZED;
	} else if (bytes == IDENTITY_BYTES && identity_is_asked(skb, value)) {
		flags = tlv.flags & ~understood;
		identity_store(skb, udp_offset, value);
	} else {
		flags = (tlv.flags & ~understood) | STAMP_TLV_MALFORMED;
	}
	datagram_store_octet(skb, udp_offset, offset, tlv.flags, flags);
	return value + bytes;
}

/* From `offset` to `end`; what is left of them after the last one that counts stays as it is. */
static __always_inline void tlvs_answer(struct __sk_buff *skb, __u32 udp_offset, __u32 offset,
					__u32 end)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < TLVS_MAX; i++) {
		offset = tlv_answer(skb, udp_offset, offset, end);
		if (offset == 0)
			return;
	}
}

#endif
