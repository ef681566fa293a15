/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The octets of a packet as they are read, alike for tc and XDP. Must not know what they mean.
 *
 * Without CAP_PERFMON the verifier refuses a variable added to a packet pointer, so direct access
 * goes by constant steps; and loops, since it follows their mispredicted exits, so ours are
 * unrolled. Only XDP, which has no helper to read by before 5.18, does add a variable and needs the
 * capability.
 */
#ifndef PACKET_BPF_H
#define PACKET_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "echo.h"
#include "place.bpf.h"

#define MESSAGE_BYTES_MAX (ECHO_HEADER_BYTES + ECHO_PAYLOAD_MAX)
/* Of checksums, powers of two: a copy on the stack, of which all have 512 octets; no copy. */
#define SKB_BLOCK_BYTES 128
#define XDP_BLOCK_BYTES 512
#define SUM_NONE	(~0ULL) /* no sum of so few octets is that large */
/* No frame is longer, but the verifier wants to be told where the offset is added. */
#define XDP_OFFSET_MASK 0x7fff

enum link_layer { ETHERNET, NONE };

struct packet {
	void *ctx; /* struct __sk_buff, or struct xdp_md where is_xdp */
	bool is_xdp;
};

/* A place reached from the first octet by constant steps: as a pointer and as an offset. */
struct cursor {
	void *at;
	void *end; /* of what can be accessed directly */
	__u64 offset;
};

static __always_inline struct cursor cursor_at_start(const struct packet *packet)
{
	const struct __sk_buff *skb = packet->ctx;
	const struct xdp_md *xdp = packet->ctx;

	return (struct cursor){
		.at = (void *)(long)(packet->is_xdp ? xdp->data : skb->data),
		.end = (void *)(long)(packet->is_xdp ? xdp->data_end : skb->data_end),
	};
}

static __always_inline void cursor_step(struct cursor *cursor, __u32 bytes)
{
	cursor->at += bytes;
	cursor->offset += bytes;
	/* Else the compiler makes one variable step of several constant ones. */
	asm volatile("" : "+r"(cursor->at));
}

/* IP and all that follows is aligned to 4, counted from the IP header; what is smaller, to 2. */
static __always_inline void copy_aligned(void *to, const void *from, __u32 bytes)
{
	if (bytes % 4 == 0)
		__builtin_memcpy(to, __builtin_assume_aligned(from, 4), bytes);
	else if (bytes % 2 == 0)
		__builtin_memcpy(to, __builtin_assume_aligned(from, 2), bytes);
	else
		__builtin_memcpy(to, from, bytes);
}

static __always_inline bool cursor_load(const struct packet *packet, const struct cursor *cursor,
					void *to, __u32 bytes)
{
	void *limit = cursor->at + bytes;

	/* Not to be stepped on from: the verifier remembers of it that it was beyond the end. */
	asm volatile("" : "+r"(limit));
	if (limit <= cursor->end) {
		copy_aligned(to, cursor->at, bytes);
		return true;
	}
	return !packet->is_xdp && bpf_skb_load_bytes(packet->ctx, cursor->offset, to, bytes) == 0;
}

/* XDP only: `bytes` octets at an offset that only the packet itself tells, or NULL. */
static __always_inline void *xdp_at(const struct packet *packet, __u32 offset, __u32 bytes)
{
	struct cursor cursor = cursor_at_start(packet);

	asm volatile("" : "+r"(offset));
	cursor.at += offset & XDP_OFFSET_MASK;
	return cursor.at + bytes <= cursor.end ? cursor.at : NULL;
}

static __always_inline bool packet_load(const struct packet *packet, __u32 offset, void *to,
					__u32 bytes)
{
	if (packet->is_xdp) {
		const void *from = xdp_at(packet, offset, bytes);

		if (from)
			copy_aligned(to, from, bytes);
		return from;
	}
	return bpf_skb_load_bytes(packet->ctx, offset, to, bytes) == 0;
}

static __always_inline bool packet_sum_block(const struct packet *packet, __u32 offset, __u32 bytes,
					     __be32 *block, __u64 *sum)
{
	__be32 *from = block;

	if (bytes < 4) {
		block[0] = 0; /* RFC 1071: padded with zeros */
		if (!packet_load(packet, offset, block, bytes))
			return false;
		*sum += block[0];
		return true;
	}
	if (packet->is_xdp)
		from = xdp_at(packet, offset, bytes);
	else if (bpf_skb_load_bytes(packet->ctx, offset, block, bytes) != 0)
		return false;
	if (!from)
		return false;
	*sum += (__u32)bpf_csum_diff(NULL, 0, from, bytes, 0);
	return true;
}

/* Whole blocks, then the rest by halves: every size is a constant, as the helpers want it, and no
 * place depends on the path. */
static __always_inline __u64 packet_sum_blocks(const struct packet *packet, __u32 offset,
					       __u32 bytes, __u32 block_bytes, __be32 *block)
{
	__u64 sum = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < MESSAGE_BYTES_MAX / block_bytes; i++) {
		if ((i + 1) * block_bytes > bytes)
			break;
		if (!packet_sum_block(packet, offset + i * block_bytes, block_bytes, block, &sum))
			return SUM_NONE;
	}
#pragma clang loop unroll(full)
	for (__u32 part = block_bytes / 2; part > 0; part /= 2) {
		__u32 done = bytes & -(2 * part);

		if ((bytes & part) && !packet_sum_block(packet, offset + done, part, block, &sum))
			return SUM_NONE;
	}
	return sum;
}

/* These two are global, so that they are verified once, with a stack of their own. */
__noinline __u64 skb_sum(struct __sk_buff *skb, __u32 offset, __u32 bytes)
{
	/* Cleared for verifiers before 6.13: without CAP_PERFMON they let no helper write over a
	 * number that the compiler kept there before. */
	__be32 block[SKB_BLOCK_BYTES / 4] PLACE = { 0 };

	return packet_sum_blocks(&(struct packet){ .ctx = skb }, offset, bytes, SKB_BLOCK_BYTES,
				 block);
}

__noinline __u64 xdp_sum(struct xdp_md *xdp, __u32 offset, __u32 bytes)
{
	__be32 last[2] PLACE = { 0 };

	return packet_sum_blocks(&(struct packet){ .ctx = xdp, .is_xdp = true }, offset, bytes,
				 XDP_BLOCK_BYTES, last);
}

/* Adds the octets to a ones' complement sum (RFC 1071); false if they are not all there. */
static __always_inline bool packet_sum(const struct packet *packet, __u32 offset, __u32 bytes,
				       __u64 *sum)
{
	__u64 part = packet->is_xdp ? xdp_sum(packet->ctx, offset, bytes)
				    : skb_sum(packet->ctx, offset, bytes);

	*sum += part;
	return part != SUM_NONE;
}

static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

#endif
