/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns kc_addresses. The programs read while this writes: an entry's use is written last, so that
 * they see it whole or not at all; of an entry in use, one field at a time changes. Must not know
 * what a slot is for.
 */
#include "addresses.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "address_hash.h"

/* In a small table one crowded bucket is much. */
#define SPARE (2 * KC_ADDRESS_BUCKET)

uint32_t addresses_capacity(uint32_t count)
{
	uint32_t capacity = (4 * count + 2) / 3 + SPARE;

	/* As many buckets in each half. */
	return (capacity + 2 * KC_ADDRESS_BUCKET - 1) / (2 * KC_ADDRESS_BUCKET) *
	       (2 * KC_ADDRESS_BUCKET);
}

/* The bucket in a half of the table in which the address may stand. */
static struct kc_address *addresses_bucket(const struct kernel_memory *memory,
					   const struct address *address, uint32_t half)
{
	uint32_t words[4], hash;

	memcpy(words, address->octets, sizeof(words));
	hash = kc_address_hash(words, memory->shape.hash_seed);
	return &memory->addresses[kc_address_bucket(hash, memory->shape.address_capacity, half)];
}

void addresses_expect(const struct kernel_memory *memory, const struct address *address)
{
	__builtin_prefetch(addresses_bucket(memory, address, 0));
}

static struct kc_address *addresses_lookup(const struct kernel_memory *memory,
					   const struct address *address)
{
	for (uint32_t half = 0; half < 2; half++) {
		struct kc_address *bucket = addresses_bucket(memory, address, half);

		for (uint32_t i = 0; i < KC_ADDRESS_BUCKET; i++) {
			struct kc_address *entry = &bucket[i];

			if (entry->use == KC_ADDRESS_EMPTY)
				break;
			if (entry->use == KC_ADDRESS_USED &&
			    address_equal((const void *)entry->address, address))
				return entry;
		}
	}
	return NULL;
}

/* The first free entry of the emptier bucket; NULL: both are full. Of two as empty always the first
 * half's is taken: the fullest is the less full for it (Voecking's "always go left"). */
static struct kc_address *addresses_free(const struct kernel_memory *memory,
					 const struct address *address)
{
	struct kc_address *chosen = NULL;
	uint32_t least = KC_ADDRESS_BUCKET;

	for (uint32_t half = 0; half < 2; half++) {
		struct kc_address *bucket = addresses_bucket(memory, address, half);
		struct kc_address *first = NULL;
		uint32_t used = 0;

		for (uint32_t i = KC_ADDRESS_BUCKET; i-- > 0;) {
			if (bucket[i].use == KC_ADDRESS_USED)
				used++;
			else
				first = &bucket[i];
		}
		if (used < least) {
			least = used;
			chosen = first;
		}
	}
	return chosen;
}

/* A new entry, in a place that no lookup uses. None moves after that: the programs would miss it,
 * and its place is in the names of sessions. */
static int addresses_place(const struct kernel_memory *memory, const struct address *address,
			   uint16_t slot, bool own)
{
	struct kc_address *entry = addresses_free(memory, address);

	if (!entry)
		return -ENOSPC;
	/* A program may have found the former address in use a moment ago: until the whole of the
	 * new one stands here, it shall be nobody's. */
	__atomic_store_n(&entry->slot, KC_SLOT_NONE, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->own, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(entry->address, address->octets, sizeof(entry->address));
	__atomic_store_n(&entry->reflect_at, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->own, own, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->slot, slot, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->use, KC_ADDRESS_USED, __ATOMIC_RELEASE);
	return 0;
}

/* Neither a peer's nor our own: nobody looks for it. What no used entry of the bucket follows is as
 * if it had never been used: else every miss would walk all of it once the table has seen enough
 * peers come and go. */
static void addresses_tidy(const struct kernel_memory *memory, struct kc_address *entry)
{
	uint32_t at = (uint32_t)(entry - memory->addresses);
	struct kc_address *bucket = &memory->addresses[at - at % KC_ADDRESS_BUCKET];

	if (entry->slot != KC_SLOT_NONE || entry->own)
		return;
	__atomic_store_n(&entry->use, KC_ADDRESS_REMOVED, __ATOMIC_RELEASE);
	for (uint32_t i = KC_ADDRESS_BUCKET; i-- > 0 && bucket[i].use != KC_ADDRESS_USED;) {
		if (bucket[i].use == KC_ADDRESS_REMOVED)
			__atomic_store_n(&bucket[i].use, KC_ADDRESS_EMPTY, __ATOMIC_RELEASE);
	}
}

int addresses_insert(const struct kernel_memory *memory, const struct address *address,
		     uint32_t slot)
{
	struct kc_address *known = addresses_lookup(memory, address);

	assert(slot <= KC_SLOT_KNOWN);
	if (!known)
		return addresses_place(memory, address, (uint16_t)slot, false);
	__atomic_store_n(&known->slot, (uint16_t)slot, __ATOMIC_RELEASE);
	return 0;
}

void addresses_remove(const struct kernel_memory *memory, const struct address *address)
{
	struct kc_address *entry = addresses_lookup(memory, address);

	if (!entry)
		return;
	__atomic_store_n(&entry->slot, KC_SLOT_NONE, __ATOMIC_RELEASE);
	addresses_tidy(memory, entry);
}

int addresses_set_own(const struct kernel_memory *memory, const struct address *address, bool own)
{
	struct kc_address *entry = addresses_lookup(memory, address);

	if (!entry)
		return own ? addresses_place(memory, address, KC_SLOT_NONE, true) : 0;
	__atomic_store_n(&entry->own, own, __ATOMIC_RELEASE);
	addresses_tidy(memory, entry);
	return 0;
}

int addresses_find(const struct kernel_memory *memory, const struct address *address,
		   uint32_t *ret_slot)
{
	const struct kc_address *entry = addresses_lookup(memory, address);

	if (!entry || entry->slot >= KC_SLOT_KNOWN)
		return -ENOENT;
	*ret_slot = entry->slot;
	return 0;
}
