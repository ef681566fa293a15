/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Octets of a UDP packet replaced, and its checksum with them. By helpers only: a single direct
 * write in a program of tc makes the kernel copy every cloned packet before the program begins, and
 * drop those that it cannot. Must not know what the octets mean.
 *
 * BPF_F_PSEUDO_HDR would spoil checksums that the device is yet to complete (CHECKSUM_PARTIAL),
 * which without it stay as they are, rightly. Checksums are corrected by what changes and never
 * computed anew: damage that came after the guards, or that they cannot see, stays visible.
 */
#ifndef WRITING_BPF_H
#define WRITING_BPF_H

#include <linux/bpf.h>
#include <linux/udp.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* All of these: of a packet whose octets have been pulled, so that none can fail. */

/* `difference` is that of octets at this offset. No checksum (IPv4) stays none. */
static __always_inline void datagram_correct(struct __sk_buff *skb, __u32 udp_offset, __u32 offset,
					     __u32 difference)
{
	/* RFC 1071 section 2: at an odd place octets change sides. */
	if ((offset - udp_offset) & 1)
		difference = difference >> 8 | difference << 24;
	bpf_l4_csum_replace(skb, udp_offset + offsetof(struct udphdr, check), 0, difference,
			    BPF_F_MARK_MANGLED_0);
}

static __always_inline void datagram_store(struct __sk_buff *skb, __u32 udp_offset, __u32 offset,
					   const void *octets, __u32 bytes, __u32 difference)
{
	datagram_correct(skb, udp_offset, offset, difference);
	bpf_skb_store_bytes(skb, offset, octets, bytes, 0);
}

static __always_inline void datagram_store_octet(struct __sk_buff *skb, __u32 udp_offset,
						 __u32 offset, __u8 from, __u8 to)
{
	/* Each fills a place on the stack: see place.bpf.h. */
	__be64 from_place = bpf_cpu_to_be64((__u64)from << 56);
	__be64 to_place = bpf_cpu_to_be64((__u64)to << 56);

	if (from != to)
		datagram_store(skb, udp_offset, offset, &to_place, 1,
			       bpf_csum_diff((__be32 *)&from_place, sizeof(from_place),
					     (__be32 *)&to_place, sizeof(to_place), 0));
}

#endif
