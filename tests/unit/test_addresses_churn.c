/* SPDX-License-Identifier: Apache-2.0 */
/* The table of addresses after many came and went. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "address_hash.h"
#include "addresses.h"
#include "sim/fake_memory.h"

/* Of each bucket the used entries and the holes between them come first: else a
 * lookup would end too early, or go on for nothing. */
static void check_buckets(const struct kernel_memory *memory)
{
	for (uint32_t i = 0; i < memory->shape.address_capacity; i++) {
		const struct kc_address *entry = &memory->addresses[i];
		bool is_last = i % KC_ADDRESS_BUCKET == KC_ADDRESS_BUCKET - 1 ||
			       entry[1].use == KC_ADDRESS_EMPTY;

		if (entry->use == KC_ADDRESS_REMOVED)
			assert_false(is_last);
		if (entry->use == KC_ADDRESS_EMPTY)
			assert_true(is_last);
	}
}

/* In a half of the table. */
static uint32_t count_used(const struct kernel_memory *memory, uint32_t half)
{
	uint32_t size = memory->shape.address_capacity / 2, used = 0;

	for (uint32_t i = 0; i < size; i++)
		used += memory->addresses[half * size + i].use == KC_ADDRESS_USED;
	return used;
}

/* In a table of two buckets, in which every address may stand. */
static void the_emptier_bucket_is_taken(void **state)
{
	struct kernel_memory memory = fake_memory_open(0, 1, 4, 7);
	struct address address;

	(void)state;
	assert_int_equal(memory.shape.address_capacity, 2 * KC_ADDRESS_BUCKET);
	for (uint32_t i = 0; i < 2 * KC_ADDRESS_BUCKET; i++) {
		address = fake_address(i);
		assert_int_equal(addresses_insert(&memory, &address, i), 0);
		assert_int_equal(count_used(&memory, 0), i / 2 + 1);
		check_buckets(&memory);
	}
	/* Holes do not make it a full one: the second, third and fourth of the other
	 * go. */
	for (uint32_t i = 3; i < 9; i += 2) {
		address = fake_address(i);
		addresses_remove(&memory, &address);
		check_buckets(&memory);
	}
	address = fake_address(0);
	addresses_remove(&memory, &address);
	for (uint32_t i = 0; i < 2; i++) {
		address = fake_address(100 + i);
		assert_int_equal(addresses_insert(&memory, &address, i), 0);
		assert_int_equal(count_used(&memory, 0), KC_ADDRESS_BUCKET - 1);
	}
	/* The first hole, so that the bucket gets no longer than it must. */
	assert_memory_equal(memory.addresses[KC_ADDRESS_BUCKET + 2].address, address.octets, 16);
	fake_memory_close(&memory);
}

/* However many came and went, a miss walks no further than at first; and who is
 * there is found. */
static void what_is_gone_leaves_no_trace(void **state)
{
	enum { LIVE = 32, ROUNDS = 20000 };
	struct kernel_memory memory = fake_memory_open(LIVE, 1, 4, 5);
	uint64_t random = 0x5eed;
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct address arriving = fake_address(i), leaving = fake_address(i - LIVE);
		struct address any = fake_address(i - fake_random(&random) % LIVE);

		assert_int_equal(addresses_insert(&memory, &arriving, i % LIVE), 0);
		if (i >= LIVE) {
			addresses_remove(&memory, &leaving);
			assert_int_equal(addresses_find(&memory, &any, &slot), 0);
			assert_int_equal(addresses_find(&memory, &leaving, &slot), -ENOENT);
		}
		if (i % 16 == 0)
			check_buckets(&memory);
	}
	for (uint32_t i = ROUNDS - LIVE; i < ROUNDS; i++) {
		struct address leaving = fake_address(i);

		addresses_remove(&memory, &leaving);
	}
	for (uint32_t i = 0; i < memory.shape.address_capacity; i++)
		assert_int_equal(memory.addresses[i].use, KC_ADDRESS_EMPTY);
	fake_memory_close(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_emptier_bucket_is_taken),
		cmocka_unit_test(what_is_gone_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
