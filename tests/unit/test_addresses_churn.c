/* SPDX-License-Identifier: Apache-2.0 */
/* The table of addresses after many came and went. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "addresses.h"
#include "sim/fake_memory.h"

/* However many came and went, a miss walks no further than at first; and who is there is found. */
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
		cmocka_unit_test(what_is_gone_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
