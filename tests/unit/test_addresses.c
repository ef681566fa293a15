/* SPDX-License-Identifier: Apache-2.0 */
/* kc_addresses: what was put in is found as the programs look for it, and
 * nothing else is. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "address_hash.h"
#include "addresses.h"
#include "sim/fake_memory.h"

/* As in the programs, written anew. */
static const struct kc_address *program_lookup(const struct kernel_memory *memory,
					       const struct address *address)
{
	uint32_t words[4];

	memcpy(words, address->octets, sizeof(words));

	uint32_t hash = kc_address_hash(words, memory->shape.hash_seed);

	for (uint32_t i = 0; i < 2 * KC_ADDRESS_BUCKET; i++) {
		uint32_t bucket = kc_address_bucket(hash, memory->shape.address_capacity,
						    i / KC_ADDRESS_BUCKET);
		const struct kc_address *entry = &memory->addresses[bucket + i % KC_ADDRESS_BUCKET];

		if (entry->use == KC_ADDRESS_EMPTY)
			i += KC_ADDRESS_BUCKET - 1 - i % KC_ADDRESS_BUCKET;
		else if (entry->use == KC_ADDRESS_USED &&
			 memcmp(entry->address, address->octets, 16) == 0)
			return entry;
	}
	return NULL;
}

static int program_find(const struct kernel_memory *memory, const struct address *address,
			uint32_t *ret_slot)
{
	const struct kc_address *entry = program_lookup(memory, address);

	if (!entry || entry->slot == KC_SLOT_NONE)
		return -ENOENT;
	*ret_slot = entry->slot;
	return 0;
}

static bool program_is_own(const struct kernel_memory *memory, const struct address *address)
{
	const struct kc_address *entry = program_lookup(memory, address);

	return entry && entry->own == 1;
}

static uint32_t count_used(const struct kernel_memory *memory)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < memory->shape.address_capacity; i++)
		used += memory->addresses[i].use == KC_ADDRESS_USED;
	return used;
}

static void a_full_table_is_found_by_the_programs(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 8; seed++) {
		struct kernel_memory memory = fake_memory_open(4096, 1, 4, seed * 0x9e3779b9u);

		for (uint32_t i = 0; i < 4096; i++) {
			struct address address = fake_address(i);

			assert_int_equal(addresses_insert(&memory, &address, i), 0);
		}
		for (uint32_t i = 0; i < 8192; i++) {
			struct address address = fake_address(i);
			uint32_t slot = 77, found = 77;
			int expected = i < 4096 ? 0 : -ENOENT;

			assert_int_equal(addresses_find(&memory, &address, &slot), expected);
			assert_int_equal(program_find(&memory, &address, &found), expected);
			assert_int_equal(slot, i < 4096 ? i : 77);
			assert_int_equal(found, slot);
		}
		fake_memory_close(&memory);
	}
}

static void an_address_stands_once(void **state)
{
	struct kernel_memory memory = fake_memory_open(4, 1, 4, 1);
	struct address address = fake_address(1);
	uint32_t slot;

	(void)state;
	assert_int_equal(addresses_insert(&memory, &address, 1), 0);
	assert_int_equal(addresses_insert(&memory, &address, 2), 0);
	assert_int_equal(program_find(&memory, &address, &slot), 0);
	assert_int_equal(slot, 2);
	assert_int_equal(count_used(&memory), 1);
	addresses_remove(&memory, &address);
	addresses_remove(&memory, &address);
	assert_int_equal(program_find(&memory, &address, &slot), -ENOENT);
	fake_memory_close(&memory);
}

/* Against a list, for long enough that every place has been used before; and
 * none ever moves. */
static void coming_and_going_loses_nothing(void **state)
{
	enum { POOL = 200, SLOTS = 64 };
	struct kernel_memory memory = fake_memory_open(SLOTS, 1, 4, 3);
	const struct kc_address *places[POOL] = { NULL };
	uint32_t held[POOL] = { 0 }, count = 0;
	uint64_t seed = 0x5eed2;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)seed);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t i = (uint32_t)(fake_random(&seed) % POOL), slot = 0;
		struct address address = fake_address(i);

		if (held[i]) {
			addresses_remove(&memory, &address);
			held[i] = 0;
			count--;
		} else if (count < SLOTS) {
			assert_int_equal(addresses_insert(&memory, &address, step + 1), 0);
			held[i] = step + 1;
			places[i] = program_lookup(&memory, &address);
			count++;
		}
		i = (uint32_t)(fake_random(&seed) % POOL);
		address = fake_address(i);
		assert_int_equal(program_find(&memory, &address, &slot), held[i] ? 0 : -ENOENT);
		assert_int_equal(slot, held[i]);
		if (held[i])
			assert_ptr_equal(program_lookup(&memory, &address), places[i]);
	}
	fake_memory_close(&memory);
}

/* Of two buckets, in which every address may stand, and with only so many
 * places; the others are taken by addresses that nobody asks for. */
static struct kernel_memory crowded_memory_open(uint32_t places)
{
	struct kernel_memory memory = fake_memory_open(0, 1, 4, 0);

	assert_int_equal(memory.shape.address_capacity, 2 * KC_ADDRESS_BUCKET);
	for (uint32_t i = 0; i < 2 * KC_ADDRESS_BUCKET - places; i++) {
		memory.addresses[i].address[0] = (uint8_t)(1 + i);
		memory.addresses[i].use = KC_ADDRESS_USED;
	}
	return memory;
}

/* Found behind a removed entry too, and put there only once (an early free
 * place must not tempt). */
static void removed_entries_hide_nothing(void **state)
{
	enum { PLACES = 2 * KC_ADDRESS_BUCKET };
	struct kernel_memory memory = crowded_memory_open(PLACES);
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < PLACES; i++) {
		struct address address = fake_address(i);

		assert_int_equal(addresses_insert(&memory, &address, i), 0);
	}
	for (uint32_t gone = 0; gone < PLACES; gone++) {
		struct address address = fake_address(gone);

		addresses_remove(&memory, &address);
		for (uint32_t i = 0; i < PLACES; i++) {
			struct address other = fake_address(i);

			if (i == gone)
				continue;
			assert_int_equal(addresses_insert(&memory, &other, 100 + i), 0);
			assert_int_equal(program_find(&memory, &other, &slot), 0);
			assert_int_equal(slot, 100 + i);
		}
		assert_int_equal(count_used(&memory), PLACES - 1);
		assert_int_equal(addresses_insert(&memory, &address, gone), 0);
	}
	fake_memory_close(&memory);
}

static void no_place_is_said(void **state)
{
	struct kernel_memory memory = crowded_memory_open(5);
	struct address address;
	uint32_t slot = 9;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		address = fake_address(i);
		assert_int_equal(addresses_insert(&memory, &address, i), 0);
	}
	address = fake_address(99);
	assert_int_equal(addresses_insert(&memory, &address, 1), -ENOSPC);
	assert_int_equal(addresses_find(&memory, &address, &slot), -ENOENT);
	assert_int_equal(slot, 9);
	fake_memory_close(&memory);
}

enum act { INSERT, REMOVE, OWN, DISOWN };

/* A peer's, our own, both or neither, in every order: nothing of the one
 * touches the other. */
static void peers_and_our_own_stand_side_by_side(void **state)
{
	static const struct {
		enum act acts[4];
		bool peer, own;
	} cases[] = {
		{ { OWN, OWN, OWN, OWN }, false, true },
		{ { INSERT, OWN, INSERT, OWN }, true, true },
		{ { OWN, INSERT, OWN, INSERT }, true, true },
		{ { INSERT, OWN, OWN, REMOVE }, false, true },
		{ { OWN, INSERT, INSERT, REMOVE }, false, true },
		{ { OWN, INSERT, REMOVE, INSERT }, true, true },
		{ { INSERT, INSERT, OWN, DISOWN }, true, false },
		{ { OWN, OWN, INSERT, DISOWN }, true, false },
		{ { INSERT, OWN, DISOWN, REMOVE }, false, false },
		{ { INSERT, OWN, REMOVE, DISOWN }, false, false },
		{ { OWN, INSERT, REMOVE, DISOWN }, false, false },
		{ { OWN, INSERT, DISOWN, REMOVE }, false, false },
		{ { DISOWN, REMOVE, OWN, DISOWN }, false, false },
		{ { REMOVE, DISOWN, DISOWN, REMOVE }, false, false },
		{ { OWN, REMOVE, OWN, REMOVE }, false, true },
		{ { INSERT, DISOWN, INSERT, DISOWN }, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_memory memory = fake_memory_open(4, 1, 4, 1);
		struct address address = fake_address(1);
		int expected = cases[i].peer ? 0 : -ENOENT;
		uint32_t slot = 77, found = 77;

		for (int act = 0; act < 4; act++) {
			enum act what = cases[i].acts[act];

			if (what == INSERT)
				assert_int_equal(addresses_insert(&memory, &address, 3), 0);
			else if (what == REMOVE)
				addresses_remove(&memory, &address);
			else
				assert_int_equal(addresses_set_own(&memory, &address, what == OWN),
						 0);
		}
		assert_int_equal(addresses_find(&memory, &address, &slot), expected);
		assert_int_equal(program_find(&memory, &address, &found), expected);
		assert_int_equal(slot, cases[i].peer ? 3 : 77);
		assert_int_equal(found, slot);
		assert_int_equal(program_is_own(&memory, &address), cases[i].own);
		assert_int_equal(count_used(&memory), cases[i].peer || cases[i].own);
		fake_memory_close(&memory);
	}
}

/* It may get a slot and lose it, and be our own beside: it stands once, and is
 * found with a slot only.
 */
static void who_is_known_stands_without_a_slot(void **state)
{
	struct kernel_memory memory = fake_memory_open(4, 1, 4, 1);
	struct address address = fake_address(1);
	const struct kc_address *entry;
	uint32_t slot = 77;

	(void)state;
	assert_int_equal(addresses_insert(&memory, &address, KC_SLOT_KNOWN), 0);
	entry = program_lookup(&memory, &address);
	assert_int_equal(entry->slot, KC_SLOT_KNOWN);
	assert_int_equal(addresses_find(&memory, &address, &slot), -ENOENT);
	assert_int_equal(slot, 77);
	/* What it was answered so far counts on. */
	memory.addresses[entry - memory.addresses].reflect_at = 5;
	assert_int_equal(addresses_set_own(&memory, &address, true), 0);
	assert_int_equal(addresses_insert(&memory, &address, 2), 0);
	assert_int_equal(addresses_find(&memory, &address, &slot), 0);
	assert_int_equal(slot, 2);
	assert_int_equal(addresses_insert(&memory, &address, KC_SLOT_KNOWN), 0);
	assert_int_equal(addresses_set_own(&memory, &address, false), 0);
	assert_ptr_equal(program_lookup(&memory, &address), entry);
	assert_int_equal(entry->slot, KC_SLOT_KNOWN);
	assert_int_equal(entry->reflect_at, 5);
	assert_int_equal(count_used(&memory), 1);
	addresses_remove(&memory, &address);
	assert_int_equal(count_used(&memory), 0);
	/* As good as any slot below it. */
	assert_int_equal(addresses_insert(&memory, &address, KC_SLOT_KNOWN - 1), 0);
	assert_int_equal(addresses_find(&memory, &address, &slot), 0);
	assert_int_equal(slot, KC_SLOT_KNOWN - 1);
	fake_memory_close(&memory);
}

/* The programs' rate limit is of the address that it was counted for. */
static void the_rate_of_a_former_address_is_forgotten(void **state)
{
	struct kernel_memory memory = crowded_memory_open(1);
	struct address first = fake_address(1), second = fake_address(2);
	struct kc_address *entry = &memory.addresses[2 * KC_ADDRESS_BUCKET - 1];

	(void)state;
	assert_int_equal(addresses_insert(&memory, &first, 0), 0);
	entry->reflect_at = 5;
	assert_int_equal(addresses_insert(&memory, &first, 1), 0);
	assert_int_equal(addresses_set_own(&memory, &first, true), 0);
	assert_int_equal(entry->reflect_at, 5);
	addresses_remove(&memory, &first);
	assert_int_equal(addresses_set_own(&memory, &first, false), 0);
	assert_int_equal(addresses_insert(&memory, &second, 0), 0);
	assert_int_equal(entry->reflect_at, 0);
	/* Nor is it our own because the former one was. */
	assert_false(program_is_own(&memory, &second));
	addresses_remove(&memory, &second);
	entry->reflect_at = 5;
	assert_int_equal(addresses_set_own(&memory, &first, true), 0);
	assert_int_equal(entry->reflect_at, 0);
	assert_int_equal(addresses_find(&memory, &first, &(uint32_t){ 0 }), -ENOENT);
	assert_int_equal(addresses_set_own(&memory, &second, true), -ENOSPC);
	assert_int_equal(addresses_set_own(&memory, &second, false), 0);
	assert_int_equal(addresses_insert(&memory, &second, 1), -ENOSPC);
	fake_memory_close(&memory);
}

/* An entry that nobody may find says that it is nobody's, should a program just
 * be reading it. */
static void removed_entries_are_nobodys(void **state)
{
	struct kernel_memory memory = crowded_memory_open(1);
	const struct kc_address *entry = &memory.addresses[2 * KC_ADDRESS_BUCKET - 1];
	struct address address = fake_address(1);

	(void)state;
	assert_int_equal(addresses_insert(&memory, &address, 2), 0);
	assert_int_equal(addresses_set_own(&memory, &address, true), 0);
	assert_int_equal(entry->slot, 2);
	assert_int_equal(addresses_set_own(&memory, &address, false), 0);
	addresses_remove(&memory, &address);
	assert_int_not_equal(entry->use, KC_ADDRESS_USED);
	assert_int_equal(entry->slot, KC_SLOT_NONE);
	assert_int_equal(entry->own, 0);
	fake_memory_close(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table_is_found_by_the_programs),
		cmocka_unit_test(an_address_stands_once),
		cmocka_unit_test(coming_and_going_loses_nothing),
		cmocka_unit_test(removed_entries_hide_nothing),
		cmocka_unit_test(no_place_is_said),
		cmocka_unit_test(peers_and_our_own_stand_side_by_side),
		cmocka_unit_test(who_is_known_stands_without_a_slot),
		cmocka_unit_test(the_rate_of_a_former_address_is_forgotten),
		cmocka_unit_test(removed_entries_are_nobodys),
	};

	return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
