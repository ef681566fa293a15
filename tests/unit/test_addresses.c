/* SPDX-License-Identifier: Apache-2.0 */
/* kc_addresses: what was put in is found as the programs look for it, and nothing else is. */
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

	uint32_t place = kc_address_hash(words, memory->shape.hash_seed) %
			 memory->shape.address_capacity;

	for (int i = 0; i < KC_ADDRESS_PROBES; i++) {
		const struct kc_address *entry = &memory->addresses[place];

		if (entry->use == KC_ADDRESS_EMPTY)
			return NULL;
		if (entry->use == KC_ADDRESS_USED &&
		    memcmp(entry->address, address->octets, 16) == 0)
			return entry;
		place = place + 1 < memory->shape.address_capacity ? place + 1 : 0;
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

static void capacity_is_eight_thirds_of_the_count(void **state)
{
	static const uint32_t cases[][2] = { { 0, 64 },	   { 1, 64 },	 { 24, 64 },
					     { 25, 67 },   { 26, 70 },	 { 128, 342 },
					     { 129, 344 }, { 131, 350 }, { 5120, 13654 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(addresses_capacity(cases[i][0]), cases[i][1]);
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

/* The index'th address of a kind: consecutive IPv4 and IPv6 ones, as nodes have, and random ones. */
static struct address any_address(unsigned int kind, uint32_t index, uint64_t *random)
{
	struct address address = fake_address(index);

	for (unsigned int i = kind % 2 ? 0 : 12; kind >= 2 && i < 16; i++)
		address.octets[i] = (uint8_t)(fake_random(random) >> 32);
	if (kind == 1)
		memset(address.octets + 8, 0, 4);
	return address;
}

/* How far from its hash an address that was just put in stands; 1: right there. */
static uint32_t run_of(const struct kernel_memory *memory, const struct address *address)
{
	uint32_t capacity = memory->shape.address_capacity;
	uint32_t words[4], place;

	memcpy(words, address->octets, sizeof(words));
	place = kc_address_hash(words, memory->shape.hash_seed) % capacity;
	for (uint32_t run = 1; run <= capacity; run++) {
		const struct kc_address *entry = &memory->addresses[place];

		if (entry->use == KC_ADDRESS_USED &&
		    memcmp(entry->address, address->octets, 16) == 0)
			return run;
		place = place + 1 < capacity ? place + 1 : 0;
	}
	return UINT32_MAX;
}

/* The longest in a table that is filled to its capacity, and in which each then gives way to
 * another. */
static uint32_t longest_run(uint32_t count, unsigned int kind, uint64_t *random)
{
	struct kernel_memory memory = fake_memory_open(count, 1, 4,
						       (uint32_t)(fake_random(random) >> 32));
	struct address *addresses = calloc(count, sizeof(*addresses));
	uint32_t base = (uint32_t)fake_random(random) >> 12, longest = 0;

	assert_non_null(addresses);
	for (uint32_t i = 0; i < 2 * count; i++) {
		struct address *address = &addresses[i % count];
		uint32_t run;

		if (i >= count)
			addresses_remove(&memory, address);
		*address = any_address(kind, base + i, random);
		assert_int_equal(addresses_insert(&memory, address, i), 0);
		run = run_of(&memory, address);
		longest = run > longest ? run : longest;
	}
	free(addresses);
	fake_memory_close(&memory);
	return longest;
}

static void full_tables_leave_nobody_out(void **state)
{
	uint64_t random = 0x5eed3;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)random);
	for (unsigned int kind = 0; kind < 4; kind++) {
		uint32_t longest = 0;

		for (int table = 0; table < 1010; table++) {
			uint32_t run = longest_run(table < 1000 ? 128 : 5120, kind, &random);

			longest = run > longest ? run : longest;
		}
		print_message("kind %u: longest run %u\n", kind, longest);
		/* Far from the limit, so that it is not met in a thousand tables more either. */
		assert_in_range(longest, 5, KC_ADDRESS_PROBES / 2);
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

/* Against a list, for long enough that every place has been used before. */
static void coming_and_going_loses_nothing(void **state)
{
	enum { POOL = 200, SLOTS = 64 };
	struct kernel_memory memory = fake_memory_open(SLOTS, 1, 4, 3);
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
			count++;
		}
		i = (uint32_t)(fake_random(&seed) % POOL);
		address = fake_address(i);
		assert_int_equal(program_find(&memory, &address, &slot), held[i] ? 0 : -ENOENT);
		assert_int_equal(slot, held[i]);
	}
	fake_memory_close(&memory);
}

/* Uses only so many entries of a larger table. */
static struct kernel_memory crowded_memory_open(uint32_t capacity)
{
	struct kernel_memory memory = fake_memory_open(2, 1, 4, 0);

	memory.shape.address_capacity = capacity;
	return memory;
}

/* Found behind a removed entry too, and put there only once (an early free place must not tempt). */
static void removed_entries_hide_nothing(void **state)
{
	struct kernel_memory memory = crowded_memory_open(8);
	struct address addresses[3];
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		addresses[i] = fake_address(i);
		assert_int_equal(addresses_insert(&memory, &addresses[i], i), 0);
	}
	for (uint32_t gone = 0; gone < 3; gone++) {
		addresses_remove(&memory, &addresses[gone]);
		for (uint32_t i = 0; i < 3; i++) {
			if (i == gone)
				continue;
			assert_int_equal(addresses_insert(&memory, &addresses[i], 10 + i), 0);
			assert_int_equal(program_find(&memory, &addresses[i], &slot), 0);
			assert_int_equal(slot, 10 + i);
		}
		assert_int_equal(addresses_insert(&memory, &addresses[gone], gone), 0);
	}
	fake_memory_close(&memory);
}

static void no_place_is_said(void **state)
{
	struct kernel_memory memory = crowded_memory_open(5);
	struct address address;
	uint32_t slot = 9;

	(void)state;
	for (uint32_t i = 0; i < memory.shape.address_capacity; i++) {
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

/* A peer's, our own, both or neither, in every order: nothing of the one touches the other. */
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

/* The programs' rate limit is of the address that it was counted for. */
static void the_rate_of_a_former_address_is_forgotten(void **state)
{
	struct kernel_memory memory = crowded_memory_open(1);
	struct address first = fake_address(1), second = fake_address(2);
	struct kc_address *entry = &memory.addresses[0];

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

/* An entry that nobody may find says that it is nobody's, should a program just be reading it. */
static void removed_entries_are_nobodys(void **state)
{
	struct kernel_memory memory = crowded_memory_open(1);
	struct address address = fake_address(1);

	(void)state;
	assert_int_equal(addresses_insert(&memory, &address, 2), 0);
	assert_int_equal(addresses_set_own(&memory, &address, true), 0);
	assert_int_equal(addresses_set_own(&memory, &address, false), 0);
	addresses_remove(&memory, &address);
	assert_int_not_equal(memory.addresses[0].use, KC_ADDRESS_USED);
	assert_int_equal(memory.addresses[0].slot, KC_SLOT_NONE);
	assert_int_equal(memory.addresses[0].own, 0);
	fake_memory_close(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_is_eight_thirds_of_the_count),
		cmocka_unit_test(a_full_table_is_found_by_the_programs),
		cmocka_unit_test(full_tables_leave_nobody_out),
		cmocka_unit_test(an_address_stands_once),
		cmocka_unit_test(coming_and_going_loses_nothing),
		cmocka_unit_test(removed_entries_hide_nothing),
		cmocka_unit_test(no_place_is_said),
		cmocka_unit_test(peers_and_our_own_stand_side_by_side),
		cmocka_unit_test(the_rate_of_a_former_address_is_forgotten),
		cmocka_unit_test(removed_entries_are_nobodys),
	};

	return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
