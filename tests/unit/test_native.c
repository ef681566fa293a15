/* SPDX-License-Identifier: Apache-2.0 */
/* Native histograms: every bucket ends where Prometheus says, and quantiles are Prometheus's. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

#define SAMPLES 5000

static const unsigned int shares[] = { 0,   1,	 10,  250, 333, 499, 500, 501,
				       667, 750, 900, 950, 990, 999, 1000 };
#define SHARES (sizeof(shares) / sizeof(shares[0]))

/* The bound after a bucket's number in Prometheus's counting, in nanoseconds. */
static long double real_bound_ns(int number)
{
	return exp2l((long double)number / 8) * 1e9L;
}

/* What of it is whole; the test must not hang on the last bit of exp2l(). */
static int64_t whole_bound_ns(int number)
{
	long double bound_ns = real_bound_ns(number);

	if (number % 8 != 0) {
		assert_true(fabsl(bound_ns - roundl(bound_ns)) > 1e-6L);
	}
	return (int64_t)floorl(bound_ns);
}

/* Which place a single value takes: -1 is the zero bucket. Both kinds count it alike, and once. */
static int place_of(int64_t value_ns)
{
	struct native_histogram histogram = { 0 };
	struct native_total total = { 0 };
	struct native_total sum = { 0 };
	int place = -1;

	native_add(&histogram, value_ns);
	native_total_add(&total, value_ns);
	native_total_sum(&sum, &histogram);
	assert_memory_equal(&total, &sum, sizeof(total));
	assert_int_equal(native_total_count(&total), 1);
	for (int i = 0; i < NATIVE_BUCKETS; i++) {
		if (sum.buckets[i])
			place = i;
	}
	assert_int_equal(histogram.zero, place == -1);
	return place;
}

static void the_bounds_are_powers_of_two(void **state)
{
	(void)state;
	assert_int_equal(1 << NATIVE_SCHEMA, 8);
	for (int i = 0; i < NATIVE_BUCKETS; i++)
		assert_int_equal(native_bound_ns((unsigned int)i),
				 whole_bound_ns(NATIVE_FIRST + i));
	assert_int_equal(native_bound_ns(NATIVE_BUCKETS - 1), 8000000000);
	assert_int_equal(native_bound_ns(-NATIVE_FIRST), 1000000000);
	assert_int_equal(native_bound_ns(0), 1039);
	assert_true(fabsl(real_bound_ns(NATIVE_FIRST - 1) / 1e9L - NATIVE_ZERO_SECONDS) < 1e-15L);
}

static void bounds_are_inclusive(void **state)
{
	static const struct {
		int64_t value_ns;
		int place;
	} ends[] = {
		{ INT64_MIN, -1 },
		{ -1, -1 },
		{ 0, -1 },
		{ 1, -1 },
		{ 953, -1 },
		{ 954, 0 },
		{ 1000000000, -NATIVE_FIRST },
		{ 1000000001, -NATIVE_FIRST + 1 },
		{ 8000000000, NATIVE_BUCKETS - 1 },
		{ 8000000001, NATIVE_BUCKETS - 1 },
		{ (int64_t)1 << 33, NATIVE_BUCKETS - 1 },
		{ INT64_MAX, NATIVE_BUCKETS - 1 },
	};

	(void)state;
	for (int i = 0; i < NATIVE_BUCKETS; i++) {
		int64_t bound_ns = whole_bound_ns(NATIVE_FIRST + i);

		assert_int_equal(place_of(bound_ns - 1), i);
		assert_int_equal(place_of(bound_ns), i);
		assert_int_equal(place_of(bound_ns + 1), i + (i < NATIVE_BUCKETS - 1));
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		assert_int_equal(place_of(ends[i].value_ns), ends[i].place);
}

/* All up to 100 us, then ever wider steps. */
static void every_value_has_the_bucket_of_its_bounds(void **state)
{
	struct native_histogram histogram = { 0 };
	struct native_total total = { 0 };
	uint32_t counts[NATIVE_BUCKETS + 1] = { 0 };
	int expected = -1;

	(void)state;
	for (int64_t value_ns = 0; value_ns < 9000000000; value_ns += 1 + value_ns / 100000) {
		while (expected < NATIVE_BUCKETS - 1 &&
		       (long double)value_ns > real_bound_ns(NATIVE_FIRST + expected))
			expected++;
		native_add(&histogram, value_ns);
		counts[expected + 1]++;
		assert_true(counts[expected + 1] ==
			    (expected == -1 ? histogram.zero : histogram.low[expected]));
	}
	assert_int_equal(expected, NATIVE_BUCKETS - 1);
	native_total_sum(&total, &histogram);
	assert_int_equal(total.zero, counts[0]);
	for (int i = 0; i < NATIVE_BUCKETS; i++)
		assert_int_equal(total.buckets[i], counts[i + 1]);
}

static void sums_keep_what_was_there(void **state)
{
	struct native_histogram histogram = { .zero = UINT32_MAX };
	struct native_total total = { .zero = 5 };
	uint64_t count = 2 * (uint64_t)UINT32_MAX + 5;

	(void)state;
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++) {
		histogram.low[i] = (uint16_t)(UINT16_MAX - i);
		total.buckets[i] = 7 * i;
	}
	for (unsigned int i = 0; i < NATIVE_CARRIES; i++) {
		histogram.carried[i] = (uint8_t)(2 * i + 1);
		histogram.high[i] = (uint16_t)(UINT16_MAX - i);
	}
	native_total_sum(&total, &histogram);
	native_total_sum(&total, &histogram);
	assert_int_equal(total.zero, 2 * (uint64_t)UINT32_MAX + 5);
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++) {
		bool carried = i % 2 == 0 && i / 2 < NATIVE_CARRIES;
		uint64_t high = carried ? (uint64_t)(UINT16_MAX - i / 2) << 16 : 0;

		assert_int_equal(total.buckets[i], 2 * (high + UINT16_MAX - i) + 7 * i);
		count += total.buckets[i];
	}
	assert_int_equal(native_total_count(&total), count);
}

static void add_many(struct native_histogram *histogram, unsigned int bucket, uint32_t count)
{
	while (count--)
		native_add(histogram, native_bound_ns(bucket));
}

static void a_bucket_counts_on_beyond_its_half(void **state)
{
	static const uint32_t counts[] = { 65535, 65536, 65537, 131071, 131072, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct native_histogram histogram = { 0 };
		struct native_total total = { 0 };

		add_many(&histogram, 183, counts[i]);
		add_many(&histogram, 0, counts[i]);
		native_total_sum(&total, &histogram);
		assert_int_equal(total.buckets[183], counts[i]);
		assert_int_equal(total.buckets[0], counts[i]);
		assert_int_equal(native_total_count(&total), 2 * counts[i]);
		assert_true(native_has_room(&histogram));
	}
}

/* Until one more bucket than there are places for might run over within the margin. */
static void no_room_is_told_in_time(void **state)
{
	struct native_histogram histogram = { 0 };
	struct native_total total = { 0 };

	(void)state;
	for (unsigned int i = 0; i < NATIVE_CARRIES; i++)
		add_many(&histogram, 3 * i, i % 2 ? 32768 : 70000);
	assert_true(native_has_room(&histogram));
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		add_many(&histogram, i, i % 3 || i / 3 >= NATIVE_CARRIES ? 32767 : 0);
	assert_true(native_has_room(&histogram));
	add_many(&histogram, 100, 1);
	assert_false(native_has_room(&histogram));
	/* Said in time: those that were full enough still run over, exactly. */
	for (unsigned int i = 1; i < NATIVE_CARRIES; i += 2)
		add_many(&histogram, 3 * i, 32768);
	native_total_sum(&total, &histogram);
	for (unsigned int i = 0; i < NATIVE_CARRIES; i++)
		assert_int_equal(total.buckets[3 * i], i % 2 ? 65536 : 70000);

	histogram = (struct native_histogram){ .zero = UINT32_MAX - NATIVE_MARGIN };
	assert_true(native_has_room(&histogram));
	native_add(&histogram, 0);
	assert_false(native_has_room(&histogram));
	histogram = (struct native_histogram){ .carried = { 7 }, .high = { UINT16_MAX - 1 } };
	assert_true(native_has_room(&histogram));
	add_many(&histogram, 6, 65536);
	assert_false(native_has_room(&histogram));
}

/* As the documentation of histogram_quantile() has it, with libm: in seconds. */
static double reference_quantile(const struct native_total *total, double share)
{
	double all = (double)native_total_count(total);
	double rank = share < 0.5 ? share * all : (1 - share) * all;
	double count = 0;
	double here = 0;
	int number = 0;

	for (int i = -1; i < NATIVE_BUCKETS; i++) {
		number = share < 0.5 ? i : NATIVE_BUCKETS - 2 - i;
		here = (double)(number == -1 ? total->zero : total->buckets[number]);
		count += here;
		if (here > 0 && count >= rank)
			break;
	}
	rank = share < 0.5 ? rank - (count - here) : count - rank;
	if (number == -1)
		return NATIVE_ZERO_SECONDS * rank / here;
	return exp2((NATIVE_FIRST + number - 1 + rank / here) / 8);
}

static void compare_with_reference(const struct native_total *total)
{
	for (size_t i = 0; i < SHARES; i++) {
		double expected_ns = reference_quantile(total, shares[i] / 1000.0) * 1e9;
		double ns = (double)native_total_quantile_ns(total, shares[i]);

		/* Half a nanosecond by rounding, and a billionth part of the value. */
		if (fabs(ns - expected_ns) > 0.501 + expected_ns * 1e-9)
			fail_msg("%u of a thousand: %.0f instead of %.3f", shares[i], ns,
				 expected_ns);
	}
}

/* Between which bounds the samples lie that a share falls to or between. */
static void compare_with_samples(const struct native_total *total, const int64_t *sorted_ns,
				 size_t count)
{
	for (size_t i = 0; i < SHARES; i++) {
		size_t rank = shares[i] * count / 1000;
		int first = place_of(sorted_ns[rank ? rank - 1 : 0]);
		int last = place_of(sorted_ns[rank < count ? rank : count - 1]);
		int64_t ns = native_total_quantile_ns(total, shares[i]);

		if (shares[i] * count % 1000 != 0)
			first = last;
		assert_true((long double)ns >
			    (first == -1 ? -1 : real_bound_ns(NATIVE_FIRST + first - 1) - 1));
		assert_true((long double)ns < real_bound_ns(NATIVE_FIRST + last) + 1);
	}
}

static int by_value(const void *a, const void *b)
{
	const int64_t *left = a;
	const int64_t *right = b;

	return (*left > *right) - (*left < *right);
}

/* Durations as they are met: around something, with a long tail; or anywhere at all. */
static int64_t random_duration_ns(unsigned int round)
{
	int64_t ns = random();

	switch (round % 4) {
	case 0:
		return 30000 + ns % 5000;
	case 1:
		return 1 + (ns >> (ns % 31));
	case 2:
		return ns % 50 == 0 ? 2000000 + ns % 90000000 : 150000 + ns % 20000;
	default:
		return ns % 2000;
	}
}

static void quantiles_are_those_of_the_samples(void **state)
{
	static int64_t samples_ns[SAMPLES];
	static const size_t counts[] = { 1, 2, 3, 10, 99, 100, 1000, SAMPLES };

	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 160; round++) {
		size_t count = counts[round / 4 % 8];
		struct native_total total = { 0 };

		for (size_t i = 0; i < count; i++) {
			samples_ns[i] = random_duration_ns(round);
			native_total_add(&total, samples_ns[i]);
		}
		qsort(samples_ns, count, sizeof(samples_ns[0]), by_value);
		compare_with_samples(&total, samples_ns, count);
		compare_with_reference(&total);
	}
}

/* Each bucket is interpolated over all its width. */
static void quantiles_within_each_bucket(void **state)
{
	(void)state;
	for (int i = -1; i < NATIVE_BUCKETS; i++) {
		struct native_total total = { 0 };

		if (i == -1)
			total.zero = 1000;
		else
			total.buckets[i] = 1000;
		compare_with_reference(&total);
	}
}

static void quantiles_of_few(void **state)
{
	struct native_total total = { 0 };

	(void)state;
	for (size_t i = 0; i < SHARES; i++)
		assert_int_equal(native_total_quantile_ns(&total, shares[i]), 0);
	/* Bounds of 2^-13 s and 2^-6 s: the middle of two lies with the greater. */
	native_total_add(&total, 122070);
	native_total_add(&total, 15625000);
	assert_int_equal(native_total_quantile_ns(&total, 0), llround(exp2(-13 - 1 / 8.0) * 1e9));
	assert_int_equal(native_total_quantile_ns(&total, 250),
			 llround(exp2(-13 - 1 / 16.0) * 1e9));
	assert_int_equal(native_total_quantile_ns(&total, 499),
			 llround(exp2(-13 - 0.002 / 8) * 1e9));
	assert_int_equal(native_total_quantile_ns(&total, 500), llround(exp2(-6 - 1 / 8.0) * 1e9));
	assert_int_equal(native_total_quantile_ns(&total, 1000), 15625000);
	assert_int_equal(native_total_quantile_ns(&total, 1001), 15625000);
	assert_int_equal(native_total_quantile_ns(&total, UINT32_MAX), 15625000);
}

/* Counts that floating point cannot tell apart do no harm. */
static void quantiles_of_very_many(void **state)
{
	struct native_total total = { .zero = 1 };
	int64_t last_ns = 0;

	(void)state;
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		total.buckets[i] = ((uint64_t)1 << 56) + i;
	total.buckets[NATIVE_BUCKETS - 1] = 0;
	for (unsigned int share = 0; share <= 1000; share++) {
		int64_t ns = native_total_quantile_ns(&total, share);

		assert_true(ns >= last_ns && ns <= native_bound_ns(NATIVE_BUCKETS - 2) + 1);
		last_ns = ns;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bounds_are_powers_of_two),
		cmocka_unit_test(bounds_are_inclusive),
		cmocka_unit_test(every_value_has_the_bucket_of_its_bounds),
		cmocka_unit_test(sums_keep_what_was_there),
		cmocka_unit_test(a_bucket_counts_on_beyond_its_half),
		cmocka_unit_test(no_room_is_told_in_time),
		cmocka_unit_test(quantiles_are_those_of_the_samples),
		cmocka_unit_test(quantiles_within_each_bucket),
		cmocka_unit_test(quantiles_of_few),
		cmocka_unit_test(quantiles_of_very_many),
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
