/* SPDX-License-Identifier: Apache-2.0 */
/* How large the table of addresses is, and that so many find a place in it. */
#include "unit/cmocka_all.h"

#include "addresses.h"
#include "sim/fake_memory.h"

static void capacity_is_four_thirds_of_the_count_and_some_to_spare(void **state)
{
	static const uint32_t cases[][2] = { { 0, 32 },	     { 1, 64 },	     { 24, 64 },
					     { 25, 96 },     { 48, 96 },     { 49, 128 },
					     { 66, 128 },    { 72, 128 },    { 73, 160 },
					     { 5312, 7136 }, { 5328, 7136 }, { 5329, 7168 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(addresses_capacity(cases[i][0]), cases[i][1]);
}

/* The index'th address of a kind: consecutive IPv4 and IPv6 ones, as nodes
 * have, and random ones. */
static struct address any_address(unsigned int kind, uint32_t index, uint64_t *random)
{
	struct address address = fake_address(index);

	for (unsigned int i = kind % 2 ? 0 : 12; kind >= 2 && i < 16; i++)
		address.octets[i] = (uint8_t)(fake_random(random) >> 32);
	if (kind == 1)
		memset(address.octets + 8, 0, 4);
	return address;
}

/* How many of the addresses found no place in a table for so many, that is
 * filled, and in which each then gives way to another. `more`: that come on top
 * of the first ones, and stay. */
static uint32_t left_out(uint32_t count, uint32_t more, unsigned int kind, uint64_t *random)
{
	struct kernel_memory memory = fake_memory_open(count, 1, 4,
						       (uint32_t)(fake_random(random) >> 32));
	uint32_t base = (uint32_t)fake_random(random) >> 12, out = 0, turns = more ? 1 : 2;
	struct address *addresses = calloc(count + more, sizeof(*addresses));

	assert_non_null(addresses);
	for (uint32_t i = 0; i < turns * count + more; i++) {
		struct address *address = &addresses[more ? i : i % count];

		if (!more && i >= count)
			addresses_remove(&memory, address);
		*address = any_address(kind, base + i, random);
		out += addresses_insert(&memory, address, 0) != 0;
	}
	free(addresses);
	fake_memory_close(&memory);
	return out;
}

static void full_tables_leave_nobody_out(void **state)
{
	static const struct {
		uint32_t count, tables;
	} cases[] = { { 66, 500 }, { 320, 500 }, { 5312, 10 }, { 70719, 1 } };
	uint64_t random = 0x5eed3;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)random);
	for (unsigned int kind = 0; kind < 4; kind++) {
		for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			uint32_t count = cases[i].count;

			for (uint32_t table = 0; table < cases[i].tables; table++) {
				assert_int_equal(left_out(count, 0, kind, &random), 0);
				/* Nor would somewhat more, so that it is no near thing. */
				assert_int_equal(left_out(count, count / 16, kind, &random), 0);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_is_four_thirds_of_the_count_and_some_to_spare),
		cmocka_unit_test(full_tables_leave_nobody_out),
	};

	return cmocka_run_group_tests_name("addresses_load", tests, NULL, NULL);
}
