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

/* Small tables may as well be sparse: a page holds more than this. */
#define CAPACITY_MIN 64

uint32_t addresses_capacity(uint32_t count)
{
	uint32_t capacity = (8 * count + 2) / 3;

	return capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity;
}

/* The first place at which the address may stand. */
static uint32_t addresses_home(const struct kernel_memory *memory, const uint8_t octets[16])
{
	uint32_t words[4];

	memcpy(words, octets, sizeof(words));
	return kc_address_hash(words, memory->shape.hash_seed) % memory->shape.address_capacity;
}

/* The place'th entry at which it may stand. */
static struct kc_address *addresses_at(const struct kernel_memory *memory,
				       const struct address *address, uint32_t place)
{
	return &memory->addresses[(addresses_home(memory, address->octets) + place) %
				  memory->shape.address_capacity];
}

static struct kc_address *addresses_lookup(const struct kernel_memory *memory,
					   const struct address *address)
{
	for (uint32_t place = 0; place < KC_ADDRESS_PROBES; place++) {
		struct kc_address *entry = addresses_at(memory, address, place);

		if (entry->use == KC_ADDRESS_EMPTY)
			return NULL;
		if (entry->use == KC_ADDRESS_USED &&
		    memcmp(entry->address, address->octets, sizeof(entry->address)) == 0)
			return entry;
	}
	return NULL;
}

/* A new entry, in a place that no lookup uses. */
static int addresses_place(const struct kernel_memory *memory, const struct address *address,
			   uint16_t slot, bool own)
{
	for (uint32_t place = 0; place < KC_ADDRESS_PROBES; place++) {
		struct kc_address *entry = addresses_at(memory, address, place);

		if (entry->use == KC_ADDRESS_USED)
			continue;
		/* A program may have found the former address in use a moment ago: until the whole
		 * of the new one stands here, it shall be nobody's. */
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
	return -ENOSPC;
}

/* Whether the lookup of some address passes the place on its way to where it stands. */
static bool addresses_is_passed(const struct kernel_memory *memory, uint32_t at)
{
	uint32_t capacity = memory->shape.address_capacity;

	for (uint32_t past = 1; past < KC_ADDRESS_PROBES; past++) {
		uint32_t place = (at + past) % capacity;
		const struct kc_address *entry = &memory->addresses[place];

		if (entry->use == KC_ADDRESS_EMPTY)
			return false;
		if (entry->use == KC_ADDRESS_USED &&
		    (place + capacity - addresses_home(memory, entry->address)) % capacity >= past)
			return true;
	}
	return false;
}

/* Neither a peer's nor our own: nobody looks for it. What no lookup passes, here and before, is as
 * if it had never been used: else every miss would walk all places once the table has seen enough
 * peers come and go. */
static void addresses_tidy(const struct kernel_memory *memory, struct kc_address *entry)
{
	uint32_t capacity = memory->shape.address_capacity;
	uint32_t at = (uint32_t)(entry - memory->addresses);

	if (entry->slot != KC_SLOT_NONE || entry->own)
		return;
	__atomic_store_n(&entry->use, KC_ADDRESS_REMOVED, __ATOMIC_RELEASE);
	for (uint32_t before = 0; before < KC_ADDRESS_PROBES; before++) {
		entry = &memory->addresses[(at + capacity - before % capacity) % capacity];
		if (entry->use == KC_ADDRESS_EMPTY)
			break;
		if (entry->use == KC_ADDRESS_REMOVED &&
		    !addresses_is_passed(memory, (uint32_t)(entry - memory->addresses)))
			__atomic_store_n(&entry->use, KC_ADDRESS_EMPTY, __ATOMIC_RELEASE);
	}
}

int addresses_insert(const struct kernel_memory *memory, const struct address *address,
		     uint32_t slot)
{
	struct kc_address *known = addresses_lookup(memory, address);

	assert(slot < KC_SLOT_NONE);
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

	if (!entry || entry->slot == KC_SLOT_NONE)
		return -ENOENT;
	*ret_slot = entry->slot;
	return 0;
}
