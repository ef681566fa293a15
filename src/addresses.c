/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns kc_addresses. The programs read while this writes: an entry's use is written last, so that
 * they see it whole or not at all. Must not know what a slot is for.
 */
#include "addresses.h"

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

/* The place'th entry at which the address may stand. */
static struct kc_address *addresses_at(const struct kernel_memory *memory,
				       const struct address *address, uint32_t place)
{
	uint32_t words[4];

	memcpy(words, address->octets, sizeof(words));

	uint32_t capacity = memory->shape.address_capacity;
	uint32_t start = kc_address_hash(words, memory->shape.hash_seed) % capacity;

	return &memory->addresses[(start + place) % capacity];
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

int addresses_insert(const struct kernel_memory *memory, const struct address *address,
		     uint32_t slot)
{
	struct kc_address *known = addresses_lookup(memory, address);

	if (known) {
		__atomic_store_n(&known->slot, slot, __ATOMIC_RELEASE);
		return 0;
	}
	for (uint32_t place = 0; place < KC_ADDRESS_PROBES; place++) {
		struct kc_address *entry = addresses_at(memory, address, place);

		if (entry->use == KC_ADDRESS_USED)
			continue;
		memcpy(entry->address, address->octets, sizeof(entry->address));
		entry->slot = slot;
		__atomic_store_n(&entry->use, KC_ADDRESS_USED, __ATOMIC_RELEASE);
		return 0;
	}
	return -ENOSPC;
}

void addresses_remove(const struct kernel_memory *memory, const struct address *address)
{
	struct kc_address *entry = addresses_lookup(memory, address);

	if (entry)
		__atomic_store_n(&entry->use, KC_ADDRESS_REMOVED, __ATOMIC_RELEASE);
}

int addresses_find(const struct kernel_memory *memory, const struct address *address,
		   uint32_t *ret_slot)
{
	const struct kc_address *entry = addresses_lookup(memory, address);

	if (!entry)
		return -ENOENT;
	*ret_slot = entry->slot;
	return 0;
}
