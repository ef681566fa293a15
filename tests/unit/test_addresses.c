/* SPDX-License-Identifier: Apache-2.0 */
/* kc_addresses: what was put in is found as the programs look for it, and nothing else is. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "address_hash.h"
#include "addresses.h"
#include "sim/fake_memory.h"

/* As in the programs, written anew. */
static int program_find(const struct kernel_memory *memory, const struct address *address,
			uint32_t *ret_slot)
{
	uint32_t words[4];

	memcpy(words, address->octets, sizeof(words));

	uint32_t place = kc_address_hash(words, memory->shape.hash_seed) %
			 memory->shape.address_capacity;

	for (int i = 0; i < KC_ADDRESS_PROBES; i++) {
		const struct kc_address *entry = &memory->addresses[place];

		if (entry->use == KC_ADDRESS_EMPTY)
			return -ENOENT;
		if (entry->use == KC_ADDRESS_USED &&
		    memcmp(entry->address, address->octets, 16) == 0) {
			*ret_slot = entry->slot;
			return 0;
		}
		place = place + 1 < memory->shape.address_capacity ? place + 1 : 0;
	}
	return -ENOENT;
}

static void capacity_is_a_power_of_two_at_quarter_load(void **state)
{
	static const uint32_t cases[][2] = {
		{ 0, 4 },  { 1, 4 },	 { 2, 8 },	{ 3, 16 },
		{ 4, 16 }, { 128, 512 }, { 129, 1024 }, { 5120, 32768 }
	};

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

static void an_address_stands_once(void **state)
{
	struct kernel_memory memory = fake_memory_open(4, 1, 4, 1);
	struct address address = fake_address(1);
	uint32_t slot, used = 0;

	(void)state;
	assert_int_equal(addresses_insert(&memory, &address, 1), 0);
	assert_int_equal(addresses_insert(&memory, &address, 2), 0);
	assert_int_equal(program_find(&memory, &address, &slot), 0);
	assert_int_equal(slot, 2);
	for (uint32_t i = 0; i < memory.shape.address_capacity; i++)
		used += memory.addresses[i].use == KC_ADDRESS_USED;
	assert_int_equal(used, 1);
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

/* Found behind a removed entry too, and put there only once (an early free place must not tempt). */
static void removed_entries_hide_nothing(void **state)
{
	struct kernel_memory memory = fake_memory_open(2, 1, 4, 0);
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
	struct kernel_memory memory = fake_memory_open(2, 1, 4, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_is_a_power_of_two_at_quarter_load),
		cmocka_unit_test(a_full_table_is_found_by_the_programs),
		cmocka_unit_test(an_address_stands_once),
		cmocka_unit_test(coming_and_going_loses_nothing),
		cmocka_unit_test(removed_entries_hide_nothing),
		cmocka_unit_test(no_place_is_said),
	};

	return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
