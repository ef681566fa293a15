/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose an address is, by kc_addresses: a peer's, our own, nobody's. Must not know packets.
 */
#ifndef ADDRESSES_BPF_H
#define ADDRESSES_BPF_H

#include <bpf/bpf_endian.h>

#include "address_hash.h"
#include "kernel_abi.h"
#include "maps.bpf.h"

static __always_inline bool address_is(const struct kc_address *entry, __u64 first, __u64 last)
{
	const __u64 *halves = (const __u64 *)entry->address;

	return halves[0] == first && halves[1] == last;
}

/* The place of an address, given as its halves in memory order, or -1. Global, so that it is
 * verified once and not for each who asks. */
__noinline __s64 place_find(__u64 first, __u64 last)
{
	__u32 words[4];
	__u64 hash;

	__builtin_memcpy(&words[0], &first, sizeof(first));
	__builtin_memcpy(&words[2], &last, sizeof(last));
	hash = kc_address_hash(words, config.hash_seed);
#pragma clang loop unroll(full)
	for (__u64 half = 0; half < 2; half++) {
		__u64 bucket = kc_address_bucket(hash, config.address_capacity, half);

#pragma clang loop unroll(full)
		for (__u64 i = 0; i < KC_ADDRESS_BUCKET; i++) {
			const struct kc_address *entry = array_at(&kc_addresses, bucket + i);
			__u64 use = entry ? READ_ONCE(entry->use) : KC_ADDRESS_EMPTY;

			if (use == KC_ADDRESS_EMPTY)
				break;
			if (use == KC_ADDRESS_USED && address_is(entry, first, last))
				return bucket + i;
		}
	}
	return -1;
}

static __always_inline __s64 address_find(const __u64 address[2], bool is_ipv4)
{
	__be32 words[2];

	/* ::ffff:a.b.c.d stands for IPv4; in an IPv6 header it is nobody's. */
	__builtin_memcpy(words, &address[1], sizeof(words));
	if (!is_ipv4 && address[0] == 0 && words[0] == bpf_htonl(0xffff))
		return -1;
	return place_find(address[0], address[1]);
}

static __always_inline struct kc_address *address_at(__s64 place)
{
	return place < 0 ? NULL : array_at(&kc_addresses, place);
}

/* The peer's slot, or -1. */
static __always_inline __s64 slot_find(const __u64 address[2], bool is_ipv4)
{
	const struct kc_address *entry = address_at(address_find(address, is_ipv4));
	__u64 slot = entry ? READ_ONCE(entry->slot) : KC_SLOT_NONE;

	return slot >= KC_SLOT_KNOWN ? -1 : (__s64)slot;
}

#endif
