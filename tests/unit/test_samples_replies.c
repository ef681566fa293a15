/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: late, again, out of order, overheard, or not ours at all. */
#include "unit/samples_fixture.h"

static void late_is_judged_by_the_stamps(void **state)
{
	static const struct {
		int64_t rtt_ns;
		bool looked; /* the verdict was given before the record was read */
		uint32_t samples;
		bool late;
	} cases[] = {
		{ TIMEOUT_NS + 1, false, 1, true },	 { 2 * TIMEOUT_NS, false, 1, true },
		{ 2 * TIMEOUT_NS + 1, false, 1, false }, { TIMEOUT_NS + 1, true, 1, true },
		{ 2 * TIMEOUT_NS, true, 1, true },	 { 2 * TIMEOUT_NS + 1, true, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_open();

		arm(f, 0, 0, 1, 0);
		stamp(f, 0, 10);
		if (cases[i].looked) {
			expire(f, TIMEOUT_NS + GRACE_NS);
			assert_verdict(f, VERDICT_LOST, 0);
		}
		f->last = (struct sample){ 0 };
		reply(f, 0, 10 + cases[i].rtt_ns);
		assert_int_equal(f->count, cases[i].samples);
		assert_int_equal(f->last.verdict, cases[i].looked ? VERDICT_NONE : VERDICT_LOST);
		assert_int_equal(f->last.late, cases[i].late);
		assert_false(f->last.has_rtt);
		f->count = 0;
		reply(f, 0, 20 + cases[i].rtt_ns);
		assert_true(f->last.duplicate && !f->last.late);
		assert_verdict(f, VERDICT_NONE, 0);
		expire(f, 4 * TIMEOUT_NS);
		assert_silent(f);
		fixture_close(f);
	}
}

static void overheard_replies_are_unstamped(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= 4; nonce++)
		arm(f, 0, 0, nonce, 0);
	stamp(f, 0, 1);
	samples_on_overheard(f->samples, 0, 0, 0, 77, on_sample, f);
	samples_on_overheard(f->samples, 0, 1, 0, 1, on_sample, f);
	/* The right nonce with another sequence, also one at the same place of the window. */
	samples_on_overheard(f->samples, 0, 0, 1, 1, on_sample, f);
	samples_on_overheard(f->samples, 0, 0, 0x8000, 1, on_sample, f);
	assert_silent(f);
	samples_on_overheard(f->samples, 0, 0, 0, 1, on_sample, f);
	assert_verdict(f, VERDICT_UNSTAMPED, 0);
	assert_true(f->last.unseen);
	/* Neither stamp: the same, but it says nothing of the ingress program. */
	samples_on_overheard(f->samples, 0, 0, 1, 2, on_sample, f);
	assert_verdict(f, VERDICT_UNSTAMPED, 1);
	assert_false(f->last.unseen);
	/* Seen by the ingress program: its record is under way. */
	stamp(f, 2, 1)->t1_ns = KC_T1_TAKEN;
	samples_on_overheard(f->samples, 0, 0, 2, 3, on_sample, f);
	assert_silent(f);
	/* Lost already: stays lost. */
	stamp(f, 3, 1);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 3);
	samples_on_overheard(f->samples, 0, 0, 3, 4, on_sample, f);
	assert_silent(f);
	fixture_close(f);
}

static void order_and_variation(void **state)
{
	/* Replies in order of arrival: sequence and RTT, and what the sample says. */
	static const struct {
		uint32_t sequence;
		int64_t rtt_ns;
		bool reordered;
		int64_t variation_ns; /* -1: none */
	} cases[] = {
		{ 0, 100, false, -1 }, { 1, 150, false, 50 }, { 3, 120, false, 30 },
		{ 2, 500, true, -1 },  { 4, 120, false, 0 },  { 6, 90, false, 30 },
		{ 5, 70, true, -1 },   { 7, 100, false, 10 },
	};
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= WINDOW; nonce++)
		stamp(f, arm(f, 0, 0, nonce, 0), 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reply(f, cases[i].sequence, 1 + cases[i].rtt_ns);
		assert_int_equal(f->last.reordered, cases[i].reordered);
		assert_int_equal(f->last.has_variation, cases[i].variation_ns >= 0);
		if (f->last.has_variation)
			assert_int_equal(f->last.variation_ns, cases[i].variation_ns);
		assert_verdict(f, VERDICT_RETURNED, cases[i].sequence);
	}
	fixture_close(f);
}

static void late_answers_are_in_nobodys_way(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= 3; nonce++)
		stamp(f, arm(f, 0, 0, nonce, 0), 1);
	reply(f, 0, 101);
	f->count = 0;
	reply(f, 2, 1 + TIMEOUT_NS + 1); /* late: neither highest nor reordered */
	assert_true(f->last.late && !f->last.reordered && !f->last.has_variation);
	f->count = 0;
	reply(f, 1, 111);
	assert_true(!f->last.reordered && f->last.has_variation && f->last.variation_ns == 10);
	assert_verdict(f, VERDICT_RETURNED, 1);
	fixture_close(f);
}

static void strange_records_say_nothing(void **state)
{
	struct fixture *f = fixture_open();
	const uint64_t t1_ns = (uint64_t)at(10).ns;
	const struct kc_record good = {
		.nonce = 1, .t1_ns = t1_ns, .t4_ns = t1_ns + 5, .kind = KC_RETURNED
	};
	struct kc_record records[9];

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, 10);
	arm(f, 1, 0, 1, 0); /* where a flow too many of slot 0 would end up */
	for (size_t i = 0; i < 9; i++)
		records[i] = good;
	records[0].nonce = 2;
	records[1].nonce = 0;
	records[2].slot = SLOTS;
	records[3].flow = FLOWS;
	records[4].slot = 2;
	records[5].sequence = 1;
	records[6].kind = 3;
	records[7].t4_ns = t1_ns - 1;
	records[8].t1_ns = KC_T1_TAKEN;
	for (size_t i = 0; i < 9; i++)
		samples_on_record(f->samples, &records[i], on_sample, f);
	assert_silent(f);
	samples_on_record(f->samples, &good, on_sample, f);
	assert_verdict(f, VERDICT_RETURNED, 0);
	samples_on_record(f->samples, &good, on_sample, f);
	assert_silent(f);
	fixture_close(f);
}

/* 200,000 probes in one flow: the 16 bits in the packet wrap three times. */
static void sequences_wrap(void **state)
{
	struct fixture *f = fixture_open();
	int64_t step_ns = TIMEOUT_NS;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		uint32_t sequence = arm(f, 0, 0, i + 1, i * step_ns);

		assert_int_equal(sequence, i);
		stamp(f, sequence, i * step_ns + 1);
		expire(f, i * step_ns + 2);
		reply(f, sequence, i * step_ns + 3);
		assert_false(f->last.reordered);
		assert_verdict(f, VERDICT_RETURNED, i);
	}
	fixture_close(f);
}

/* Statistics that start anew: what was settled before adds nothing, what was in flight adds all. */
static void what_had_its_verdict_before_a_new_start_is_silent(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		stamp(f, arm(f, 0, 0, 10 + i, i < 2 ? 0 : 800 * MS), i < 2 ? 0 : 800 * MS);
	reply(f, 0, 10 * MS);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_int_equal(f->count, 2);
	f->count = 0;
	samples_start_anew(f->samples, 0);
	reply(f, 0, TIMEOUT_NS + 100 * MS);
	reply(f, 1, TIMEOUT_NS + 100 * MS);
	reply(f, 1, TIMEOUT_NS + 101 * MS);
	assert_silent(f);
	reply(f, 2, TIMEOUT_NS + 102 * MS);
	assert_verdict(f, VERDICT_RETURNED, 2);
	reply(f, 2, TIMEOUT_NS + 103 * MS);
	assert_true(f->last.duplicate);
	assert_verdict(f, VERDICT_NONE, 2);
	expire(f, 800 * MS + TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 3);
	/* That the reflector counts, or does not, is no new start. */
	samples_set_stateful(f->samples, 0, true);
	reply(f, 3, 900 * MS + TIMEOUT_NS);
	assert_true(f->last.late);
	assert_verdict(f, VERDICT_NONE, 3);
	/* What takes the place of a former one. */
	expire(f, 4 * TIMEOUT_NS);
	for (uint32_t i = 4; i <= WINDOW; i++)
		stamp(f, arm(f, 0, 0, 10 + i, 4 * TIMEOUT_NS), 4 * TIMEOUT_NS);
	reply(f, WINDOW, 4 * TIMEOUT_NS + 1);
	reply(f, WINDOW, 4 * TIMEOUT_NS + 2);
	assert_int_equal(f->count, 2);
	assert_true(f->last.duplicate);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_is_judged_by_the_stamps),
		cmocka_unit_test(overheard_replies_are_unstamped),
		cmocka_unit_test(order_and_variation),
		cmocka_unit_test(late_answers_are_in_nobodys_way),
		cmocka_unit_test(strange_records_say_nothing),
		cmocka_unit_test(sequences_wrap),
		cmocka_unit_test(what_had_its_verdict_before_a_new_start_is_silent),
	};

	return cmocka_run_group_tests_name("samples_replies", tests, NULL, NULL);
}
