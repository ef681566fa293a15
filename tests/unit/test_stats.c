/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: buckets end where they say, and every sample is counted where it belongs. */
#include "unit/cmocka_all.h"

#include <string.h>

#include "stats.h"

static void bounds_are_inclusive(void **state)
{
	static const int64_t bounds_us[STATS_BOUNDS] = {
		5,     10,    15,    20,     30,     50,     75,      100,  150,
		200,   300,   500,   750,    1000,   1500,   2000,    3000, 5000,
		10000, 20000, 50000, 100000, 200000, 500000, 1000000,
	};

	(void)state;
	for (unsigned int i = 0; i < STATS_BOUNDS; i++) {
		assert_true(stats_bounds_ns[i] == bounds_us[i] * 1000);
		assert_int_equal(stats_bucket(bounds_us[i] * 1000 - 1), i);
		assert_int_equal(stats_bucket(bounds_us[i] * 1000), i);
		assert_int_equal(stats_bucket(bounds_us[i] * 1000 + 1), i + 1);
	}
	assert_int_equal(stats_bucket(0), 0);
	assert_int_equal(stats_bucket(-1), 0);
	assert_int_equal(stats_bucket(INT64_MAX), STATS_BOUNDS);
}

static void each_sample_counts_where_it_belongs(void **state)
{
	static const struct {
		struct sample sample;
		struct peer_stats expected;
	} cases[] = {
		{ { .verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = 7000 },
		  { .returned = 1, .rtt_sum_ns = 7000, .buckets = { [1] = 1 } } },
		{ { .verdict = VERDICT_RETURNED,
		    .has_rtt = true,
		    .rtt_ns = 2000000000,
		    .reordered = true },
		  { .returned = 1,
		    .reordered = 1,
		    .rtt_sum_ns = 2000000000,
		    .buckets = { [25] = 1 } } },
		{ { .verdict = VERDICT_RETURNED,
		    .has_rtt = true,
		    .rtt_ns = 5000,
		    .has_variation = true,
		    .variation_ns = 42 },
		  { .returned = 1,
		    .rtt_sum_ns = 5000,
		    .variation_sum_ns = 42,
		    .buckets = { [0] = 1 } } },
		{ { .verdict = VERDICT_RETURNED }, { .returned = 1, .dropped = 1 } },
		{ { .verdict = VERDICT_LOST }, { .lost = 1 } },
		{ { .verdict = VERDICT_LOST, .late = true }, { .lost = 1, .late = 1 } },
		{ { .verdict = VERDICT_REFUSED }, { .refused = 1 } },
		{ { .verdict = VERDICT_UNSTAMPED }, { .unstamped = 1 } },
		{ { .verdict = VERDICT_NONE, .late = true }, { .late = 1 } },
		{ { .verdict = VERDICT_NONE, .has_rtt = true, .rtt_ns = 7000 }, { 0 } },
		{ { .verdict = VERDICT_NONE, .duplicate = true }, { .duplicate = 1 } },
		{ { .verdict = VERDICT_NONE, .lost_forward = 2, .lost_backward = 3 },
		  { .lost_forward = 2, .lost_backward = 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_stats stats = { 0 };

		stats_add(&stats, &cases[i].sample);
		assert_memory_equal(&stats, &cases[i].expected, sizeof(stats));
	}
}

static void delays_fill_the_same_buckets(void **state)
{
	struct delay_histogram histogram = { 0 };

	(void)state;
	delay_histogram_add(&histogram, -5);
	delay_histogram_add(&histogram, 5000);
	delay_histogram_add(&histogram, 5001);
	delay_histogram_add(&histogram, 2000000000);
	assert_int_equal(histogram.buckets[0], 2);
	assert_int_equal(histogram.buckets[1], 1);
	assert_int_equal(histogram.buckets[25], 1);
	assert_int_equal(histogram.sum_ns, 2000010001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_are_inclusive),
		cmocka_unit_test(each_sample_counts_where_it_belongs),
		cmocka_unit_test(delays_fill_the_same_buckets),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
