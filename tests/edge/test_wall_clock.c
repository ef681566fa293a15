/* SPDX-License-Identifier: Apache-2.0 */
/* The error estimate of RFC 4656 for a table of errors, and the clock of this host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "instant.h"
#include "loop.h"
#include "wall_clock.h"

static void the_estimate_is_the_smallest_that_covers(void **state)
{
	/* Multiplier * 2^(Scale - 32) s: 0.2328 ns, 59.37 ns of multiplier 255 and scale 0. */
	static const struct {
		int64_t error_ns;
		uint16_t scale;
		uint16_t multiplier;
	} cases[] = {
		{ 0, 0, 1 }, /* of 0 it is not allowed */
		{ 1, 0, 5 },
		{ 59, 0, 254 },
		{ 60, 1, 129 },
		{ 1000, 5, 135 },
		{ 1000000, 15, 132 },		 /* 131.07 */
		{ 16 * NS_PER_SECOND, 29, 128 }, /* as of a clock that nobody sets */
		{ 16 * NS_PER_SECOND + 1, 29, 129 },
		{ NS_PER_SECOND, 25, 128 },
		{ 255 * NS_PER_SECOND, 32, 255 },
		{ 255 * NS_PER_SECOND + 1, 33, 128 },
		{ ((1LL << 31) - 1) * NS_PER_SECOND, 56, 128 },
		{ (1LL << 31) * NS_PER_SECOND, 63, 255 },
		{ INT64_MAX, 63, 255 },
		{ -1, 63, 255 },
		{ INT64_MIN, 63, 255 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t expected = (uint16_t)(cases[i].scale << 8 | cases[i].multiplier);

		assert_int_equal(ntohs(wall_clock_error_estimate_be(cases[i].error_ns, false)),
				 expected);
		assert_int_equal(ntohs(wall_clock_error_estimate_be(cases[i].error_ns, true)),
				 0x8000 | expected);
	}
}

/* That the table holds what it says, by other arithmetic. */
static void no_estimate_is_below_the_error_or_twice_it(void **state)
{
	(void)state;
	for (int64_t error_ns = 1; error_ns < 1000 * NS_PER_SECOND; error_ns += error_ns / 7 + 1) {
		uint16_t estimate = ntohs(wall_clock_error_estimate_be(error_ns, false));
		long double said_ns = (long double)(estimate & 0xff) * 1e9L;

		for (int scale = estimate >> 8; scale < 32; scale++)
			said_ns /= 2;
		for (int scale = 32; scale < estimate >> 8; scale++)
			said_ns *= 2;
		assert_in_range(estimate >> 8, 0, 63);
		assert_true(said_ns >= (long double)error_ns);
		assert_true(said_ns <= (long double)error_ns * (1 + 1.0L / 127) + 0.25L);
	}
}

static void the_offset_lies_between_two_readings(void **state)
{
	struct wall_clock clock = { .offset_ns = 0 };
	uint16_t estimate;

	(void)state;
	/* Nobody sets the clock three times in a row. */
	for (int i = 0; i < 3; i++) {
		struct local_time before = loop_now();
		int64_t unix_before_ns = loop_unix_ns(), unix_after_ns;
		int64_t lowest_ns, highest_ns;
		struct local_time after;

		wall_clock_read(&clock);
		unix_after_ns = loop_unix_ns();
		after = loop_now();
		lowest_ns = unix_before_ns - after.ns;
		highest_ns = unix_after_ns - before.ns;
		if (clock.offset_ns >= lowest_ns && clock.offset_ns <= highest_ns)
			break;
		assert_int_not_equal(i, 2);
	}
	estimate = ntohs(clock.error_estimate_be);
	assert_int_not_equal(estimate & 0xff, 0);
	assert_int_equal(estimate & 0x4000, 0); /* NTP */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_estimate_is_the_smallest_that_covers),
		cmocka_unit_test(no_estimate_is_below_the_error_or_twice_it),
		cmocka_unit_test(the_offset_lies_between_two_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
