/* SPDX-License-Identifier: Apache-2.0 */
/* How a peer fares lately: estimates find what there is, stay there, and follow when it changes. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recent.h"

#define TRIALS 40
#define LONG   6000 /* samples of a trial */

static uint64_t random_state = 0x5eed99;

/* Above 0, below 1. */
static double any_share(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

/* Lognormal, and a share of it elsewhere. */
struct shape {
	double median_us;
	double sigma;
	double far_share;
	double far_us;
};

static int64_t any_rtt(const struct shape *shape)
{
	double median_us = any_share() < shape->far_share ? shape->far_us : shape->median_us;
	double normal = sqrt(-2 * log(any_share())) * cos(2 * 3.14159265358979 * any_share());

	return (int64_t)(1000 * median_us * exp(shape->sigma * normal));
}

static struct sample returned(int64_t rtt_ns)
{
	return (struct sample){ .verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = rtt_ns };
}

static void add_rtts(struct recent *recent, const struct shape *shape, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		recent_add(recent, &(struct sample){ .verdict = VERDICT_RETURNED,
						     .has_rtt = true,
						     .rtt_ns = any_rtt(shape) });
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static double true_p99(const struct shape *shape)
{
	enum { MANY = 200000 };
	static double values[MANY];

	for (uint32_t i = 0; i < MANY; i++)
		values[i] = (double)any_rtt(shape);
	qsort(values, MANY, sizeof(values[0]), compare);
	return values[MANY / 100 * 99];
}

struct figures {
	double found_median, found_most; /* samples until it is within 10 %, of 9 in 10 trials */
	double off_median, off_most;	 /* how far off it is from there on, in 9 of 10 */
	double bias;
};

static struct figures measure(const struct shape *before, const struct shape *shape)
{
	static double found[TRIALS], off[TRIALS * LONG];
	double p99_ns = true_p99(shape), logs = 0;
	struct figures figures;
	uint32_t count = 0;

	for (uint32_t trial = 0; trial < TRIALS; trial++) {
		struct recent recent = { 0 };

		if (before)
			add_rtts(&recent, before, 3000);
		found[trial] = LONG;
		for (uint32_t i = 0; i < LONG; i++) {
			double ratio;

			add_rtts(&recent, shape, 1);
			ratio = (double)recent_p99_ns(&recent) / p99_ns;
			if (found[trial] >= LONG && recent_is_settled(&recent) &&
			    fabs(ratio - 1) < 0.1)
				found[trial] = i + 1;
			if (i < LONG / 2)
				continue;
			off[count++] = fabs(ratio - 1);
			logs += log(ratio);
		}
	}
	qsort(found, TRIALS, sizeof(found[0]), compare);
	qsort(off, count, sizeof(off[0]), compare);
	figures = (struct figures){ .found_median = found[TRIALS / 2],
				    .found_most = found[TRIALS * 9 / 10],
				    .off_median = off[count / 2],
				    .off_most = off[count / 10 * 9],
				    .bias = exp(logs / count) };
	return figures;
}

static void p99_is_found_and_followed(void **state)
{
	static const struct shape narrow = { 100, 0.1, 0, 0 }, usual = { 100, 0.3, 0, 0 };
	static const struct shape two = { 100, 0.15, 0.05, 10000 };
	static const struct {
		const char *name;
		const struct shape *before;
		struct shape shape;
		double found_median, found_most, off_median, off_most;
	} cases[] = {
		{ "lognormal 0.1", NULL, { 100, 0.1, 0, 0 }, 100, 150, 0.02, 0.05 },
		{ "lognormal 0.3", NULL, { 100, 0.3, 0, 0 }, 150, 400, 0.04, 0.10 },
		{ "lognormal 0.5", NULL, { 100, 0.5, 0, 0 }, 250, 900, 0.06, 0.14 },
		{ "lognormal 1", NULL, { 100, 1, 0, 0 }, 500, 2500, 0.09, 0.22 },
		{ "two modes 5 %", NULL, { 100, 0.15, 0.05, 10000 }, 150, 500, 0.04, 0.10 },
		{ "two modes 2 %", NULL, { 100, 0.15, 0.02, 10000 }, 500, LONG, 0.10, 0.40 },
		{ "2 times up", &usual, { 200, 0.3, 0, 0 }, 80, 200, 0.04, 0.10 },
		{ "10 times up", &usual, { 1000, 0.3, 0, 0 }, 80, 200, 0.04, 0.10 },
		{ "2 times down", &usual, { 50, 0.3, 0, 0 }, 900, 1600, 0.04, 0.10 },
		{ "10 times down", &usual, { 10, 0.3, 0, 0 }, 1500, 1900, 0.04, 0.10 },
		{ "5 % go far", &narrow, { 100, 0.15, 0.05, 10000 }, 800, 1200, 0.04, 0.10 },
		{ "none far now", &two, { 100, 0.15, 0, 0 }, 1900, 2200, 0.03, 0.07 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct figures figures = measure(cases[i].before, &cases[i].shape);

		print_message("%-14s found after %4.0f, 9 of 10 after %4.0f; then off by %4.1f %%, "
			      "9 of 10 by %4.1f %%; bias %+.1f %%\n",
			      cases[i].name, figures.found_median, figures.found_most,
			      100 * figures.off_median, 100 * figures.off_most,
			      100 * (figures.bias - 1));
		assert_true(figures.found_median <= cases[i].found_median);
		assert_true(figures.found_most <= cases[i].found_most);
		assert_true(figures.off_median <= cases[i].off_median);
		assert_true(figures.off_most <= cases[i].off_most);
	}
}

/* Of one value it is that value, of all sizes; there and back through the logarithm. */
static void what_is_always_the_same_is_its_p99(void **state)
{
	static const int64_t values[] = {
		2,     3,	  17,	    1000,	4321,	    65535,
		65536, 999999999, 1u << 31, 4294967295, 1234567890, 123456
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct recent recent = { 0 };
		struct sample sample = returned(values[i]);

		for (int k = 0; k < 20000; k++) {
			recent_add(&recent, &sample);
			/* A step beside it at most. */
			assert_in_range(recent_p99_ns(&recent) * 1000 / values[i],
					k < RECENT_SETTLED ? 998 : 900, 1250);
			if (k == 0)
				assert_true(llabs(recent_p99_ns(&recent) - values[i]) <=
					    1 + values[i] / 20000);
		}
		assert_int_equal(recent.last_rtt_ns, values[i]);
		assert_int_equal(recent.min_rtt_ns, values[i]);
	}
}

static void logarithms_are_right(void **state)
{
	(void)state;
	for (int64_t value = 2; value < UINT32_MAX; value += 1 + value / 700) {
		struct recent recent = { 0 };
		struct sample sample = returned(value);

		recent_add(&recent, &sample);
		assert_true(fabs(recent.p99_log / 65536.0 - log2((double)value)) < 0.0003);
		assert_true(llabs(recent_p99_ns(&recent) - value) <= 1 + value / 40000);
	}
}

static void no_value_is_too_small_or_too_large(void **state)
{
	static const int64_t values[] = { 0, 1, INT64_MAX, 0, INT64_MAX };
	struct recent recent = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		for (size_t k = 0; k < 500; k++) {
			struct sample sample = returned(values[i % 5]);

			recent_add(&recent, &sample);
			assert_in_range(recent_p99_ns(&recent), 1, 1ll << 32);
		}
	}
	assert_in_range(recent.min_rtt_ns, 1, 2);
	recent = (struct recent){ 0 };
	recent_add(&recent, &(struct sample){ .verdict = VERDICT_RETURNED,
					      .has_rtt = true,
					      .rtt_ns = INT64_MAX });
	assert_int_equal(recent.last_rtt_ns, UINT32_MAX);
}

static void add_verdicts(struct recent *recent, enum verdict verdict, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		recent_add(recent, &(struct sample){ .verdict = (uint8_t)verdict });
}

static void loss_is_of_about_the_last_hundred(void **state)
{
	struct recent recent = { 0 };

	(void)state;
	assert_int_equal(recent.loss, 0);
	add_verdicts(&recent, VERDICT_LOST, 1);
	assert_int_equal(recent.loss, 65535);
	add_verdicts(&recent, VERDICT_RETURNED, 1);
	assert_in_range(recent.loss, 32760, 32768);
	add_verdicts(&recent, VERDICT_RETURNED, 48); /* one in fifty */
	assert_in_range(recent.loss, 1300, 1312);
	add_verdicts(&recent, VERDICT_RETURNED, 50);
	assert_in_range(recent.loss, 640, 656);
	add_verdicts(&recent, VERDICT_RETURNED, 100);
	assert_in_range(recent.loss, 220, 250);
	/* Not for ever. */
	add_verdicts(&recent, VERDICT_RETURNED, 1200);
	assert_int_equal(recent.loss, 0);
	assert_int_equal(recent.samples, 1400);
	add_verdicts(&recent, VERDICT_LOST, 100);
	assert_in_range(recent.loss, 65535 * 0.62, 65535 * 0.65);
	add_verdicts(&recent, VERDICT_LOST, 2000);
	assert_int_equal(recent.loss, 65535);
	add_verdicts(&recent, VERDICT_RETURNED, 70000);
	assert_int_equal(recent.samples, UINT16_MAX);
}

/* On average it is the share. */
static void loss_is_unbiased(void **state)
{
	static const double shares[] = { 0.001, 0.01, 0.1, 0.5, 0.9 };

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct recent recent = { 0 };
		double sum = 0;

		add_verdicts(&recent, VERDICT_RETURNED, 100);
		for (uint32_t k = 0; k < 400000; k++) {
			add_verdicts(&recent,
				     any_share() < shares[i] ? VERDICT_LOST : VERDICT_RETURNED, 1);
			sum += recent.loss / 65535.0;
		}
		sum /= 400000;
		assert_true(fabs(sum - shares[i]) < 0.1 * shares[i]);
	}
}

static void only_what_tells_of_the_path_counts(void **state)
{
	struct recent recent = { .last_rtt_ns = 77 };
	struct recent clean;

	(void)state;
	memset(&clean, 0, sizeof(clean));
	clean.since.ns = 5;
	recent_begin(&recent, (struct local_time){ .ns = 5 });
	assert_memory_equal(&recent, &clean, sizeof(clean));
	add_verdicts(&recent, VERDICT_NONE, 5);
	assert_memory_equal(&recent, &clean, sizeof(clean));
	assert_int_equal(recent_p99_ns(&recent), 0);
	add_verdicts(&recent, VERDICT_REFUSED, 5);
	assert_int_equal(recent.verdict, VERDICT_REFUSED);
	add_verdicts(&recent, VERDICT_UNSTAMPED, 5);
	assert_int_equal(recent.verdict, VERDICT_UNSTAMPED);
	assert_int_equal(recent.samples, 0);
	add_verdicts(&recent, VERDICT_RETURNED, 1); /* its record found no room */
	assert_int_equal(recent.samples, 1);
	assert_int_equal(recent.last_rtt_ns, 0);
	assert_int_equal(recent.reply_ttl, 0);
	recent_add(&recent, &(struct sample){ .verdict = VERDICT_RETURNED,
					      .has_rtt = true,
					      .rtt_ns = 700,
					      .reply_ttl = 61,
					      .probe_ttl = 60 });
	recent_add(&recent, &(struct sample){ .verdict = VERDICT_NONE, .late = true });
	recent_add(&recent, &(struct sample){ .verdict = VERDICT_LOST });
	assert_int_equal(recent.reply_ttl, 61);
	assert_int_equal(recent.probe_ttl, 60);
	assert_int_equal(recent.last_rtt_ns, 700);
	assert_int_equal(recent.verdict, VERDICT_LOST);
	recent_add(&recent,
		   &(struct sample){ .verdict = VERDICT_NONE, .late = true, .reply_ttl = 9 });
	assert_int_equal(recent.reply_ttl, 9);
	assert_int_equal(recent.probe_ttl, 0);
	assert_int_equal(recent.since.ns, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p99_is_found_and_followed),
		cmocka_unit_test(what_is_always_the_same_is_its_p99),
		cmocka_unit_test(logarithms_are_right),
		cmocka_unit_test(no_value_is_too_small_or_too_large),
		cmocka_unit_test(loss_is_of_about_the_last_hundred),
		cmocka_unit_test(loss_is_unbiased),
		cmocka_unit_test(only_what_tells_of_the_path_counts),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
