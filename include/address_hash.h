/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Where an address stands in kc_addresses: the one rule that both halves must agree on. The table
 * is of buckets. An address stands in either of two, one in each half of the table, and before the
 * first empty entry there: a lookup looks through the one, then through the other.
 */
#ifndef ADDRESS_HASH_H
#define ADDRESS_HASH_H

#include <linux/types.h>

/* Entries of a bucket. A lookup sees twice as many at most, so that a stranger's packet costs
 * little. */
#define KC_ADDRESS_BUCKET 16

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

/* The first place of its bucket in the first half of the table (0) or in the second (1).
 * capacity: whole buckets, as many in each half. */
static inline __u32 kc_address_bucket(__u32 hash, __u32 capacity, __u32 half)
{
	__u32 buckets = capacity / (2 * KC_ADDRESS_BUCKET);
	__u32 bucket = half == 0 ? hash % buckets : buckets + hash / buckets % buckets;

	return bucket * KC_ADDRESS_BUCKET;
}

#endif
