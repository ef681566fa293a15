/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The octets of a packet, only ever read: in the linear area directly, elsewhere by helper, and alike for
 * tc and XDP. Must not know what the octets mean.
 *
 * Without CAP_PERFMON kernels before 6.17 refuse a variable added to a packet pointer. So direct access
 * goes by constant steps only; tc has bpf_skb_load_bytes for the rest, XDP (whose helper is of 5.18) walks.
 */
#ifndef PACKET_BPF_H
#define PACKET_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "echo.h"

/* Makes a value opaque to the compiler, which would fold constant steps into one variable. */
#define OPAQUE(value) asm volatile("" : "+r"(value))

#define MESSAGE_BYTES_MAX (ECHO_HEADER_BYTES + ECHO_PAYLOAD_MAX)
/* How far XDP walks for headers: two VLAN tags, IPv6 and some 400 octets of extension headers. */
#define XDP_HEADERS_BYTES 480
/* One page less headroom and struct skb_shared_info is all that XDP offers without fragments. */
#define XDP_FRAME_BYTES (XDP_HEADERS_BYTES + MESSAGE_BYTES_MAX)
#define CHUNK_BYTES	128

struct packet {
	void *ctx; /* struct __sk_buff, or struct xdp_md where is_xdp */
	bool is_xdp;
};

/* A place reached from the first octet by constant steps: as a pointer and as an offset. */
struct cursor {
	void *at;
	void *end;
	__u32 offset;
};

/* Always of fresh pointers: what the verifier learnt from others would keep it from merging paths. */
static __always_inline struct cursor cursor_at_start(const struct packet *packet)
{
	void *ctx = packet->ctx;

	OPAQUE(ctx);
	if (packet->is_xdp) {
		struct xdp_md *xdp = ctx;

		return (struct cursor){ .at = (void *)(long)xdp->data,
					.end = (void *)(long)xdp->data_end };
	}
	struct __sk_buff *skb = ctx;

	return (struct cursor){ .at = (void *)(long)skb->data, .end = (void *)(long)skb->data_end };
}

static __always_inline void cursor_step(struct cursor *cursor, __u32 bytes)
{
	cursor->at += bytes;
	cursor->offset += bytes;
	OPAQUE(cursor->at);
}

/* All headers from IP on are aligned to 4, counted from where an IP header is; what is smaller, to 2. */
static __always_inline void copy_aligned(void *to, const void *from, __u32 bytes)
{
	if (bytes % 4 == 0)
		__builtin_memcpy(to, __builtin_assume_aligned(from, 4), bytes);
	else
		__builtin_memcpy(to, __builtin_assume_aligned(from, 2), bytes);
}

static __always_inline bool cursor_load(const struct packet *packet, const struct cursor *cursor,
					void *to, __u32 bytes)
{
	if (cursor->at + bytes <= cursor->end) {
		copy_aligned(to, cursor->at, bytes);
		return true;
	}
	return !packet->is_xdp && bpf_skb_load_bytes(packet->ctx, cursor->offset, to, bytes) == 0;
}

/* Comparing directly would tell the verifier the offset, and it would follow each of them on its own. */
static __always_inline bool cursor_is_at(const struct cursor *cursor, __u32 offset)
{
	offset ^= cursor->offset;
	OPAQUE(offset);
	return offset == 0;
}

static __always_inline bool xdp_load(const struct packet *packet, __u32 offset, void *to,
				     __u32 bytes)
{
	struct cursor cursor = cursor_at_start(packet);

	cursor_step(&cursor, ETH_HLEN);
#pragma clang loop unroll(disable)
	while (cursor.offset < XDP_HEADERS_BYTES) {
		if (cursor.at + bytes > cursor.end)
			return false;
		if (cursor_is_at(&cursor, offset)) {
			copy_aligned(to, cursor.at, bytes);
			return true;
		}
		cursor_step(&cursor, 4);
	}
	return false;
}

/* Loads from an offset that is known only from the packet itself. */
static __always_inline bool packet_load(const struct packet *packet, __u32 offset, void *to,
					__u32 bytes)
{
	if (packet->is_xdp)
		return xdp_load(packet, offset, to, bytes);
	return bpf_skb_load_bytes(packet->ctx, offset, to, bytes) == 0;
}

static __always_inline bool skb_sum(const struct packet *packet, __u32 offset, __u32 bytes,
				    __u64 *sum)
{
	__be32 chunk[CHUNK_BYTES / 4];

#pragma clang loop unroll(disable)
	for (int i = 0; i < MESSAGE_BYTES_MAX / CHUNK_BYTES && bytes >= CHUNK_BYTES; i++) {
		if (bpf_skb_load_bytes(packet->ctx, offset, chunk, CHUNK_BYTES) != 0)
			return false;
		*sum += (__u32)bpf_csum_diff(NULL, 0, chunk, CHUNK_BYTES, 0);
		offset += CHUNK_BYTES;
		bytes -= CHUNK_BYTES;
	}
	bytes %= CHUNK_BYTES;
	OPAQUE(bytes);
	if (bytes == 0)
		return true;
	__builtin_memset(chunk, 0, sizeof(chunk));
	if (bpf_skb_load_bytes(packet->ctx, offset, chunk, bytes) != 0)
		return false;
	*sum += (__u32)bpf_csum_diff(NULL, 0, chunk, CHUNK_BYTES, 0);
	return true;
}

/* The 0 to 3 octets after the last whole word. */
static __always_inline bool xdp_sum_tail(struct cursor *cursor, __u32 bytes, __u64 *sum)
{
	if (bytes & 2) {
		if (cursor->at + 2 > cursor->end)
			return false;
		*sum += *(__be16 *)cursor->at;
		cursor_step(cursor, 2);
	}
	if (bytes & 1) {
		if (cursor->at + 1 > cursor->end)
			return false;
		*sum += bpf_htons(*(__u8 *)cursor->at << 8);
	}
	return true;
}

/* Sums from the first header on and takes off what came before the offset. */
static __always_inline bool xdp_sum(const struct packet *packet, __u32 offset, __u32 bytes,
				    __u64 *sum)
{
	struct cursor cursor = cursor_at_start(packet);
	__u32 end = offset + (bytes & ~3U);
	__u64 all = 0, before = 0;

	cursor_step(&cursor, ETH_HLEN);
#pragma clang loop unroll(disable)
	while (cursor.offset < XDP_FRAME_BYTES) {
		if (cursor_is_at(&cursor, offset))
			before = all;
		if (cursor_is_at(&cursor, end)) {
			*sum += all - before;
			return xdp_sum_tail(&cursor, bytes & 3, sum);
		}
		if (cursor.at + 4 > cursor.end)
			return false;
		all += *(__be32 *)cursor.at;
		cursor_step(&cursor, 4);
	}
	return false;
}

/* Adds the octets to a ones' complement sum (RFC 1071); false if they are not all there. */
static __always_inline bool packet_sum(const struct packet *packet, __u32 offset, __u32 bytes,
				       __u64 *sum)
{
	if (packet->is_xdp)
		return xdp_sum(packet, offset, bytes, sum);
	return skb_sum(packet, offset, bytes, sum);
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
