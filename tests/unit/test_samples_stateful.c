/* SPDX-License-Identifier: Apache-2.0 */
/* Reflectors that count: from when on losses have a direction, and what is too unclear for one. */
#include "unit/samples_fixture.h"

/* Runs flow 0 of slot 0: counter of each reply, or -1 for a loss; one a second, all settled. */
static void run_counters(struct fixture *f, const int *counters, uint32_t count, int64_t *now_ns)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t sequence = arm(f, 0, 0, 1000 + i, *now_ns);

		stamp(f, sequence, *now_ns);
		if (counters[i] >= 0)
			reply_with(f, sequence, *now_ns + 5, 0, (uint32_t)counters[i]);
		*now_ns += 3 * TIMEOUT_NS;
		expire(f, *now_ns);
	}
}

static struct sample sum; /* of all samples of a story */

static void on_sample_sum(void *ctx, const struct sample *sample)
{
	struct fixture *fixture = ctx;

	sum.lost_forward += sample->lost_forward;
	sum.lost_backward += sample->lost_backward;
	if (sample->lost_forward > 0 || sample->lost_backward > 0)
		assert_true(sample->verdict == VERDICT_NONE && !sample->late && !sample->duplicate);
	fixture->last = *sample;
}

static void direction_needs_a_reflector_that_counts(void **state)
{
	struct fixture *f = fixture_open();
	int64_t now_ns = 0;

	(void)state;
	run_counters(f, (int[]){ 10, -1, 11 }, 3, &now_ns);
	assert_true(f->last.lost_forward == 0);
	samples_set_stateful(f->samples, 0, true);
	/* What went before serves for nothing. */
	run_counters(f, (int[]){ -1, 12 }, 2, &now_ns);
	assert_true(f->last.lost_forward == 0);
	run_counters(f, (int[]){ -1, 13 }, 2, &now_ns);
	assert_int_equal(f->last.verdict, VERDICT_NONE);
	assert_int_equal(f->last.lost_forward, 1);
	assert_int_equal(f->last.lost_backward, 0);
	assert_int_equal(f->last.sequence, 6);
	/* Said again, it is no news. */
	run_counters(f, (int[]){ -1 }, 1, &now_ns);
	samples_set_stateful(f->samples, 0, true);
	run_counters(f, (int[]){ 15 }, 1, &now_ns);
	assert_int_equal(f->last.lost_backward, 1);
	f->last = (struct sample){ 0 };
	samples_set_stateful(f->samples, 0, false);
	run_counters(f, (int[]){ 16, -1, 17 }, 3, &now_ns);
	assert_true(f->last.lost_forward == 0);
	/* Another peer's reflector is not known to count. */
	samples_set_stateful(f->samples, 0, true);
	samples_reset(f->samples, 0, false);
	run_counters(f, (int[]){ 16, -1, 17 }, 3, &now_ns);
	assert_true(f->last.lost_forward == 0);
	fixture_close(f);
}

/* Losses whose verdict was given before must not turn up after, not even those in the window. */
static void forgotten_losses_have_no_direction(void **state)
{
	struct fixture *f = fixture_open();
	int64_t now_ns = 0;

	(void)state;
	samples_set_stateful(f->samples, 0, true);
	run_counters(f, (int[]){ 10, 11, -1 }, 3, &now_ns);
	stamp(f, arm(f, 0, 0, 50, now_ns), now_ns);
	reply_with(f, 3, now_ns + 1, 0, 12);
	stamp(f, arm(f, 0, 0, 51, now_ns + 100), now_ns + 100);
	expire(f, now_ns + TIMEOUT_NS + GRACE_NS + 200);
	f->count = 0;
	samples_start_anew(f->samples, 0);
	expire(f, now_ns + 3 * TIMEOUT_NS);
	assert_silent(f);
	now_ns += 4 * TIMEOUT_NS;
	run_counters(f, (int[]){ 13 }, 1, &now_ns);
	assert_true(f->last.lost_forward + f->last.lost_backward == 0);
	run_counters(f, (int[]){ -1, 14 }, 2, &now_ns);
	assert_int_equal(f->last.lost_forward, 1);
	/* With nothing in the window. */
	run_counters(f, (int[]){ -1 }, 1, &now_ns);
	samples_start_anew(f->samples, 0);
	f->last = (struct sample){ 0 };
	run_counters(f, (int[]){ 15 }, 1, &now_ns);
	assert_true(f->last.lost_forward + f->last.lost_backward == 0);
	run_counters(f, (int[]){ -1, 17 }, 2, &now_ns);
	assert_int_equal(f->last.lost_backward, 1);
	fixture_close(f);
}

/* A reply serves as a reference unless a probe that nothing is heard of left before it came: that
 * may have overtaken. When its record is read does not matter. */
static void what_left_before_the_reply_came_may_have_overtaken(void **state)
{
	static const struct {
		int64_t next_ns; /* after the answered one: a probe that is lost */
		uint32_t forward;
	} cases[] = { { 10, 0 }, { 100, 0 }, { 101, 1 }, { 500, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_open();
		int64_t now_ns = 0;

		sum = (struct sample){ 0 };
		samples_set_stateful(f->samples, 0, true);
		run_counters(f, (int[]){ 100, -1 }, 2, &now_ns);
		stamp(f, arm(f, 0, 0, 1, now_ns), now_ns);
		stamp(f, arm(f, 0, 0, 2, now_ns + cases[i].next_ns), now_ns + cases[i].next_ns);
		reply_with(f, 2, now_ns + 100, 0, 101);
		samples_expire(f->samples, 0, at(now_ns + 3 * TIMEOUT_NS), on_sample_sum, f);
		assert_int_equal(sum.lost_forward, cases[i].forward);
		assert_int_equal(sum.lost_backward, 0);
		fixture_close(f);
	}
}

/* Probes of which it is not known whether they were counted: beside a loss, nothing is said. */
static void nothing_is_said_across_unclear_probes(void **state)
{
	enum {
		REPLY,
		NOTHING,
		REFUSED,
		NEVER_LEFT,
		DROPPED,
		OVERHEARD,
		DUPLICATE,
		TWICE,
		LATER,
		LATER_DROPPED
	};
	static const struct {
		int unclear;
		int first;	  /* counter of the reply before */
		uint32_t counter; /* of the reply behind it and one loss */
		uint32_t forward, backward;
	} cases[] = {
		{ REPLY, 100, 102, 1, 0 },	   { REPLY, 100, 103, 0, 1 },
		{ NOTHING, 100, 102, 1, 1 },	   { REFUSED, 100, 102, 0, 0 },
		{ NEVER_LEFT, 100, 101, 0, 0 },	   { DROPPED, 100, 102, 0, 0 },
		{ DROPPED, 0, 2, 0, 0 },	   { OVERHEARD, 100, 102, 0, 0 },
		{ DUPLICATE, 100, 102, 1, 0 },	   { TWICE, 100, 103, 0, 0 },
		{ LATER, 100, 102, 1, 0 },	   { LATER, 100, 103, 0, 1 },
		{ LATER_DROPPED, 100, 102, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_open();
		int what = cases[i].unclear;
		int64_t now_ns = 0;

		sum = (struct sample){ 0 };
		samples_set_stateful(f->samples, 0, true);
		run_counters(f, (int[]){ cases[i].first }, 1, &now_ns);
		arm(f, 0, 0, 1, now_ns);
		if (what != NEVER_LEFT)
			stamp(f, 1, now_ns);
		samples_on_neighbour(f->samples, 0, what == NEVER_LEFT, at(now_ns));
		if (what == REPLY || what == DUPLICATE || what == TWICE)
			reply_with(f, 1, now_ns + 5, 0, 101);
		if (what == DUPLICATE || what == TWICE)
			reply_with(f, 1, now_ns + 6, 0, what == TWICE ? 102 : 101);
		if (what == DROPPED)
			flight(f, 0, 0, 1)->t1_ns = KC_T1_TAKEN;
		if (what == REFUSED)
			samples_on_refused(f->samples, 0, 0, 1, 1, on_sample_sum, f);
		if (what == OVERHEARD)
			samples_on_overheard(f->samples, 0, 0, 1, 1, on_sample_sum, f);
		if (what == LATER)
			reply_with(f, 1, now_ns + TIMEOUT_NS + 1, 0, 101);
		now_ns += TIMEOUT_NS + GRACE_NS;
		samples_expire(f->samples, 0, at(now_ns), on_sample_sum, f);
		if (what == LATER_DROPPED)
			flight(f, 0, 0, 1)->t1_ns = KC_T1_TAKEN;
		samples_on_neighbour(f->samples, 0, false, at(now_ns));
		stamp(f, arm(f, 0, 0, 2, now_ns), now_ns);
		now_ns += 3 * TIMEOUT_NS;
		samples_expire(f->samples, 0, at(now_ns), on_sample_sum, f);
		stamp(f, arm(f, 0, 0, 3, now_ns), now_ns);
		reply_with(f, 3, now_ns + 5, 0, cases[i].counter);
		samples_expire(f->samples, 0, at(now_ns + 3 * TIMEOUT_NS), on_sample_sum, f);
		if (sum.lost_forward != cases[i].forward || sum.lost_backward != cases[i].backward)
			fail_msg("case %zu: %u forward, %u backward", i, sum.lost_forward,
				 sum.lost_backward);
		fixture_close(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direction_needs_a_reflector_that_counts),
		cmocka_unit_test(forgotten_losses_have_no_direction),
		cmocka_unit_test(what_left_before_the_reply_came_may_have_overtaken),
		cmocka_unit_test(nothing_is_said_across_unclear_probes),
	};

	return cmocka_run_group_tests_name("samples_stateful", tests, NULL, NULL);
}
