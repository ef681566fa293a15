/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots are found by a hash: all that were added with it, and few others. */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <string.h>

#include "sim/fake_memory.h"
#include "slot_index.h"

enum { SLOTS = 200, HASHES = 40, STEPS = 20000 };

/* How often the slot is met by who looks for the hash; all that are met by it are counted. */
static uint32_t met(const struct slot_index *index, uint32_t hash, uint32_t slot, uint32_t *ret_all)
{
	uint32_t count = 0;

	*ret_all = 0;
	for (uint32_t at = slot_index_first(index, hash); at != SLOT_INDEX_END;
	     at = slot_index_next(index, at)) {
		count += at == slot;
		(*ret_all)++;
	}
	return count;
}

static void an_empty_one_knows_nobody(void **state)
{
	static const uint32_t capacities[] = { 1, 2, 5120, SLOT_INDEX_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct slot_index *index = NULL;

		assert_int_equal(slot_index_open(capacities[i], &index), 0);
		for (uint32_t hash = 0; hash < 1000; hash++)
			assert_int_equal(slot_index_first(index, hash * 0x9e3779b1u),
					 SLOT_INDEX_END);
		slot_index_close(index);
	}
	slot_index_close(NULL);
}

static void full_to_the_last_slot(void **state)
{
	static const uint32_t capacities[] = { 1, 2, 3, 64, SLOT_INDEX_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct slot_index *index;
		uint32_t all, longest = 0;

		assert_int_equal(slot_index_open(capacities[i], &index), 0);
		for (uint32_t slot = 0; slot < capacities[i]; slot++)
			slot_index_add(index, slot_index_hash(&slot, sizeof(slot)), slot);
		for (uint32_t slot = 0; slot < capacities[i]; slot++) {
			uint32_t hash = slot_index_hash(&slot, sizeof(slot));

			assert_int_equal(met(index, hash, slot, &all), 1);
			longest = all > longest ? all : longest;
		}
		assert_true(longest <= 12);
		for (uint32_t slot = 0; slot < capacities[i]; slot++)
			slot_index_remove(index, slot_index_hash(&slot, sizeof(slot)), slot);
		for (uint32_t slot = 0; slot < capacities[i]; slot++)
			assert_int_equal(
				slot_index_first(index, slot_index_hash(&slot, sizeof(slot))),
				SLOT_INDEX_END);
		slot_index_close(index);
	}
}

/* Nodes differ in one or two octets, wherever those stand: still nobody looks through many. */
static void addresses_of_a_cluster_are_spread(void **state)
{
	(void)state;
	for (uint32_t octet = 4; octet < 15; octet++) {
		struct slot_index *index;
		uint32_t all, sum = 0;

		assert_int_equal(slot_index_open(5120, &index), 0);
		for (uint32_t pass = 0; pass < 2; pass++) {
			for (uint32_t slot = 0; slot < 5000; slot++) {
				uint8_t octets[16] = { 0x20, 1, 0xd, 0xb8 };
				uint32_t hash;

				octets[octet] = (uint8_t)(slot / 250);
				octets[octet + 1] = (uint8_t)(slot % 250);
				hash = slot_index_hash(octets, sizeof(octets));
				if (pass == 0) {
					slot_index_add(index, hash, slot);
					continue;
				}
				assert_int_equal(met(index, hash, slot, &all), 1);
				sum += all;
			}
		}
		/* Of as many buckets at random: 1.98. */
		assert_in_range(sum, 5000, 5000 * 5 / 2);
		slot_index_close(index);
	}
}

/* Many slots of one hash; the slot at hand is removed while walking. */
static void random_additions_and_removals(void **state)
{
	uint64_t random = 0x5107;
	uint32_t hash_of[SLOTS] = { 0 }; /* 0: not in it */
	struct slot_index *index;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)random);
	assert_int_equal(slot_index_open(SLOTS, &index), 0);
	for (int step = 0; step < STEPS; step++) {
		uint32_t draw = (uint32_t)(fake_random(&random) >> 32);
		uint32_t slot = draw % SLOTS, hash = 1 + draw / SLOTS % HASHES, all, next;
		uint32_t seen = 0, expected = 0;

		if (hash_of[slot]) {
			slot_index_remove(index, hash_of[slot], slot);
			hash_of[slot] = 0;
		} else {
			slot_index_add(index, hash, slot);
			hash_of[slot] = hash;
		}
		for (uint32_t i = 0; i < SLOTS; i++) {
			expected += hash_of[i] == hash;
			assert_int_equal(met(index, hash_of[i] ? hash_of[i] : hash, i, &all),
					 hash_of[i] != 0);
		}
		for (uint32_t at = slot_index_first(index, hash); at != SLOT_INDEX_END; at = next) {
			next = slot_index_next(index, at);
			seen += hash_of[at] == hash;
			if (step % 100 == 0) {
				slot_index_remove(index, hash_of[at], at);
				hash_of[at] = 0;
			}
		}
		assert_int_equal(seen, expected);
	}
	slot_index_close(index);
}

/* FNV-1a, by its published vectors. */
static void the_hash(void **state)
{
	static const struct {
		const char *text;
		uint32_t expected;
	} cases[] = {
		{ "", 0x811c9dc5 },
		{ "a", 0xe40c292c },
		{ "foobar", 0xbf9cf968 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(slot_index_hash(cases[i].text, strlen(cases[i].text)),
				 cases[i].expected);
}

enum { COLLIDING = 64 };

/* Of one key after the other the slots that it meets, its own among them. */
static uint32_t met_in_all(const uint32_t keys[COLLIDING], uint32_t capacity)
{
	struct slot_index *index;
	uint32_t all, sum = 0;

	assert_int_equal(slot_index_open(capacity, &index), 0);
	for (uint32_t slot = 0; slot < COLLIDING; slot++)
		slot_index_add(index, slot_index_hash(&keys[slot], sizeof(keys[slot])), slot);
	for (uint32_t slot = 0; slot < COLLIDING; slot++) {
		assert_int_equal(
			met(index, slot_index_hash(&keys[slot], sizeof(keys[slot])), slot, &all),
			1);
		sum += all;
	}
	slot_index_close(index);
	return sum;
}

/* Keys that were chosen to fall into one chain are spread by a seed that their chooser did not
 * know. */
static void another_seed_spreads_what_collides(void **state)
{
	const uint32_t capacity = 4096;
	uint32_t keys[COLLIDING] = { 0 }, found = 1;
	struct slot_index *index;

	(void)state;
	assert_int_equal(slot_index_open(capacity, &index), 0);
	slot_index_add(index, slot_index_hash(&keys[0], sizeof(keys[0])), 0);
	for (uint32_t key = 1; found < COLLIDING; key++) {
		if (slot_index_first(index, slot_index_hash(&key, sizeof(key))) != SLOT_INDEX_END)
			keys[found++] = key;
	}
	slot_index_close(index);
	assert_int_equal(met_in_all(keys, capacity), COLLIDING * COLLIDING);
	slot_index_set_seed(0x5eed5eed);
	assert_in_range(met_in_all(keys, capacity), COLLIDING, COLLIDING + COLLIDING / 4);
	slot_index_set_seed(SLOT_INDEX_SEED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_knows_nobody),
		cmocka_unit_test(full_to_the_last_slot),
		cmocka_unit_test(addresses_of_a_cluster_are_spread),
		cmocka_unit_test(random_additions_and_removals),
		cmocka_unit_test(the_hash),
		cmocka_unit_test(another_seed_spreads_what_collides),
	};

	return cmocka_run_group_tests_name("slot_index", tests, NULL, NULL);
}
