/* SPDX-License-Identifier: Apache-2.0 */
/* Where addresses stand on the ring: always there, and however alike they are, anywhere. */
#include "unit/mesh_fixture.h"

/* By hand, or rather by another language. */
static void positions_are_for_ever(void **state)
{
	static const struct {
		const char *text;
		uint64_t position;
	} cases[] = {
		{ "::", 0 },
		{ "::1", 0x5692161d100b05e5 },
		{ "10.0.0.1", 0x0d72cb1c16a317a6 },
		{ "10.0.0.2", 0x8928439404fb06be },
		{ "192.168.255.254", 0x9481f67e8339c3ef },
		{ "fd00:18::1", 0x256989bf57636793 },
		{ "2001:db8:1:2:3:4:5:6", 0x98a66628504ea4e6 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0xd6bdf7544574c9cb },
	};
	struct address address = { 0 };

	(void)state;
	assert_true(mesh_position(&address) == cases[0].position);
	for (size_t i = 1; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(address_parse(cases[i].text, &address), 0);
		assert_true(mesh_position(&address) == cases[i].position);
	}
}

/* Chi squared of the positions' topmost and lowest bits, in 64 parts of which each should have as
 * many. Its mean is 63, and its standard deviation 11. */
static void assert_spread(const uint64_t *positions, uint32_t count)
{
	static const unsigned int shifts[] = { 58, 32, 0 };
	double expected = count / 64.0;

	for (size_t s = 0; s < sizeof(shifts) / sizeof(shifts[0]); s++) {
		uint32_t parts[64] = { 0 };
		double sum = 0;

		for (uint32_t i = 0; i < count; i++)
			parts[positions[i] >> shifts[s] & 63]++;
		for (int part = 0; part < 64; part++)
			sum += (parts[part] - expected) * (parts[part] - expected) / expected;
		assert_true(sum < 63 + 5 * 11.3 && sum > 63 - 5 * 11.3);
	}
}

/* As clusters number their nodes: one by one, by networks of 256, of 65536, by /64, … */
static void regular_addresses_spread(void **state)
{
	enum { COUNT = 4096 };
	static const struct {
		uint64_t high, low, step_high, step_low;
	} cases[] = {
		{ 0, 0x0000ffff0a000001, 0, 1 },	  { 0, 0x0000ffffc0a80000, 0, 2 },
		{ 0, 0x0000ffff0a000001, 0, 4 },	  { 0, 0x0000ffff0a000002, 0, 256 },
		{ 0, 0x0000ffff0a000002, 0, 65536 },	  { 0xfd00001800000000, 1, 0, 1 },
		{ 0xfd00001800000000, 1, 0, 256 },	  { 0x20010db800000000, 1, 1, 0 },
		{ 0x20010db800000000, 0, 1ull << 16, 0 }, { 0x20010db800000000, 0, 1, 1 },
		{ 0xfd00001800000000, 0, 0, 1ull << 48 },
	};
	uint64_t positions[COUNT];

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		for (uint64_t i = 0; i < COUNT; i++) {
			struct address address = address_of(cases[c].high + i * cases[c].step_high,
							    cases[c].low + i * cases[c].step_low);

			positions[i] = mesh_position(&address);
		}
		assert_spread(positions, COUNT);
		/* Where the next one stands is no matter of where this one does. */
		for (uint32_t i = 0; i + 1 < COUNT; i++)
			positions[i] = positions[i + 1] - positions[i];
		assert_spread(positions, COUNT - 1);
	}
}

/* Each bit of an address changes each bit of its position about every second time. */
static void every_bit_matters(void **state)
{
	enum { TRIALS = 2000 };
	uint64_t random = 0x5eed11;

	(void)state;
	for (unsigned int bit = 0; bit < 128; bit++) {
		uint32_t flipped[64] = { 0 };

		for (int trial = 0; trial < TRIALS; trial++) {
			struct address address =
				address_of(bit < 64 ? fake_random(&random) : 0,
					   0xffff0a000000ull + fake_below(&random, 1 << 24));
			uint64_t before = mesh_position(&address);

			address.octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			before ^= mesh_position(&address);
			for (int i = 0; i < 64; i++)
				flipped[i] += (uint32_t)(before >> i & 1);
		}
		for (int i = 0; i < 64; i++) /* six standard deviations of 22 */
			assert_in_range(flipped[i], TRIALS / 2 - 134, TRIALS / 2 + 134);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_are_for_ever),
		cmocka_unit_test(regular_addresses_spread),
		cmocka_unit_test(every_bit_matters),
	};

	return cmocka_run_group_tests_name("mesh_positions", tests, NULL, NULL);
}
