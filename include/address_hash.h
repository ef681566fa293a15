/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Where an address stands in kc_addresses: the one rule that both halves must agree on. An address
 * is found at one of KC_ADDRESS_PROBES places from its hash on, wrapping at the capacity.
 */
#ifndef ADDRESS_HASH_H
#define ADDRESS_HASH_H

#include <linux/types.h>

/* At a load of 3/8 the longest run in thousands of tables was 30; an address that finds no place is
 * counted by user space. Bounded so that a stranger's packet costs little. */
#define KC_ADDRESS_PROBES 64

/* words: the 16 octets as four words in memory order. */
static inline __u32 kc_address_hash(const __u32 words[4], __u32 seed)
{
	__u32 hash = seed;

	for (int i = 0; i < 4; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	/* The last octet is the topmost here, and nodes differ in little else: it must reach the
	 * low bits. */
	hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
	hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
	return hash ^ (hash >> 16);
}

#endif
