/* SPDX-License-Identifier: Apache-2.0 */
/* What STAMP adds: windows of flows and of one flow, residence, refusals. */
#include "unit/samples_fixture.h"

#include <errno.h>

#define ECHO_WINDOW (FLOWS * WINDOW)

static void an_echo_peer_has_one_flow_with_all_places(void **state)
{
	struct fixture *f = fixture_open();
	struct kc_flight *flights = &f->memory.flights[(size_t)1 * FLOWS * WINDOW];
	uint32_t sequence = 99;

	(void)state;
	assert_int_equal(f->memory.shape.echo_window, ECHO_WINDOW);
	assert_int_equal(samples_flows(f->samples, 1), FLOWS);
	samples_reset(f->samples, 1, true);
	assert_int_equal(samples_flows(f->samples, 1), 1);
	assert_int_equal(samples_flows(f->samples, 0), FLOWS);
	for (uint32_t i = 0; i < ECHO_WINDOW; i++) {
		assert_int_equal(arm(f, 1, 0, 100 + i, 0), i);
		assert_int_equal(flights[i].nonce, 100 + i);
	}
	assert_int_equal(samples_arm(f->samples, 1, 0, 200, at(0), &sequence), -EBUSY);
	assert_true(samples_holds(f->samples, 1, 0, ECHO_WINDOW - 1, 100 + ECHO_WINDOW - 1));
	assert_false(samples_holds(f->samples, 1, 1, WINDOW - 1, 100 + ECHO_WINDOW - 1));
	assert_false(samples_holds(f->samples, 1, 1, 0, 100 + WINDOW));
	assert_int_equal(f->memory.flights[0].nonce, 0);
	assert_int_equal(f->memory.flights[(size_t)2 * FLOWS * WINDOW].nonce, 0);
	/* STAMP again: its places are its flows' own. */
	samples_reset(f->samples, 1, false);
	assert_int_equal(samples_in_flight(f->samples, 1), 0);
	for (uint32_t i = 0; i < ECHO_WINDOW; i++)
		assert_int_equal(flights[i].nonce, 0);
	for (uint32_t i = 0; i < WINDOW; i++)
		assert_int_equal(arm(f, 1, 1, 300 + i, 0), i);
	assert_int_equal(samples_arm(f->samples, 1, 1, 200, at(0), &sequence), -EBUSY);
	assert_int_equal(flights[WINDOW].nonce, 300);
	fixture_close(f);
}

static void an_echo_peer_is_judged_as_any(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	samples_reset(f->samples, 0, true);
	for (uint32_t i = 0; i < ECHO_WINDOW; i++)
		arm(f, 0, 0, 1 + i, i);
	for (uint32_t i = 0; i < ECHO_WINDOW; i++) {
		struct kc_flight *entry = &f->memory.flights[i];
		struct kc_record record = { .nonce = entry->nonce,
					    .t1_ns = (uint64_t)at(i).ns,
					    .t4_ns = (uint64_t)at(i + 5).ns,
					    .sequence = (uint16_t)i,
					    .kind = KC_RETURNED };

		if (i == WINDOW + 1) { /* one is lost */
			entry->t1_ns = record.t1_ns;
			continue;
		}
		entry->t1_ns = KC_T1_TAKEN;
		record.flow = 1; /* it has no such flow */
		samples_on_record(f->samples, &record, on_sample, f);
		assert_silent(f);
		record.flow = 0;
		samples_on_record(f->samples, &record, on_sample, f);
		assert_verdict(f, VERDICT_RETURNED, i);
	}
	assert_true(samples_awaits_stamp(f->samples, 0, at(2 * TIMEOUT_NS)) == false);
	expire(f, 2 * TIMEOUT_NS);
	assert_verdict(f, VERDICT_LOST, WINDOW + 1);
	expire(f, 3 * TIMEOUT_NS);
	assert_int_equal(arm(f, 0, 0, 77, 3 * TIMEOUT_NS), ECHO_WINDOW);
	assert_int_equal(f->memory.flights[0].nonce, 77);
	fixture_close(f);
}

static void residence_is_no_part_of_the_rtt(void **state)
{
	static const struct {
		int64_t elapsed_ns, residence_ns, rtt_ns; /* rtt -1: late or worse */
		uint32_t samples;
	} cases[] = {
		{ 100, 0, 100, 1 },
		{ 100, 99, 1, 1 },
		{ 100, 100, 0, 1 },
		{ 100, 101, 0, 0 }, /* cannot be */
		{ 100, INT64_MAX, 0, 0 },
		{ 100, -1, 0, 0 }, /* 2^64 - 1 */
		{ TIMEOUT_NS, 7 * MS, TIMEOUT_NS - 7 * MS, 1 },
		/* Late by the time it took, however long it was kept. */
		{ TIMEOUT_NS + 1, TIMEOUT_NS, -1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_open();

		arm(f, 0, 0, 1, 0);
		stamp(f, 0, 10);
		reply_with(f, 0, 10 + cases[i].elapsed_ns, cases[i].residence_ns, 0);
		assert_int_equal(f->count, cases[i].samples);
		if (cases[i].samples > 0 && cases[i].rtt_ns >= 0) {
			assert_true(f->last.has_rtt && f->last.rtt_ns == cases[i].rtt_ns);
			assert_verdict(f, VERDICT_RETURNED, 0);
		} else if (cases[i].samples > 0) {
			assert_true(f->last.late && !f->last.has_rtt);
			assert_verdict(f, VERDICT_LOST, 0);
		} else {
			/* Taken all the same: a dropped sample. */
			expire(f, 2 * TIMEOUT_NS + GRACE_NS);
			assert_false(f->last.has_rtt);
			assert_verdict(f, VERDICT_RETURNED, 0);
		}
		fixture_close(f);
	}
}

/* Variation is that of RTTs, not of how long the reflector took. */
static void variation_is_without_residence(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= 2; nonce++)
		stamp(f, arm(f, 0, 0, nonce, 0), 1);
	reply_with(f, 0, 1 + 1000, 900, 0);
	reply_with(f, 1, 1 + 5000, 4870, 1);
	assert_true(f->last.has_variation && f->last.variation_ns == 30);
	fixture_close(f);
}

static void refused_is_not_lost(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, 10);
	/* Another flow's, another nonce, another sequence, no slot: somebody made it up. */
	samples_on_refused(f->samples, 0, 1, 0, 1, on_sample, f);
	samples_on_refused(f->samples, 0, 0, 0, 2, on_sample, f);
	samples_on_refused(f->samples, 0, 0, 0, 0, on_sample, f);
	samples_on_refused(f->samples, 0, 0, WINDOW, 1, on_sample, f);
	samples_on_refused(f->samples, SLOTS, 0, 0, 1, on_sample, f);
	samples_on_refused(f->samples, 0, FLOWS, 0, 1, on_sample, f);
	assert_silent(f);
	samples_on_refused(f->samples, 0, 0, 0, 1, on_sample, f);
	assert_verdict(f, VERDICT_REFUSED, 0);
	assert_int_equal(samples_in_flight(f->samples, 0), 0);
	assert_true(samples_holds(f->samples, 0, 0, 0, 1));
	/* A copy of it; a reply to it, in time or late; one more; its time. */
	samples_on_refused(f->samples, 0, 0, 0, 1, on_sample, f);
	expire(f, TIMEOUT_NS + GRACE_NS);
	samples_on_overheard(f->samples, 0, 0, 0, 1, on_sample, f);
	reply(f, 0, TIMEOUT_NS + 20);
	assert_silent(f);
	reply(f, 0, TIMEOUT_NS + 30);
	assert_true(f->last.duplicate);
	assert_verdict(f, VERDICT_NONE, 0);
	assert_true(samples_next_expiry(f->samples, 0).ns ==
		    at(2 * TIMEOUT_NS + GRACE_NS + CLOSING_NS).ns);
	expire(f, 2 * TIMEOUT_NS + GRACE_NS + CLOSING_NS);
	assert_silent(f);
	assert_false(samples_holds(f->samples, 0, 0, 0, 1));
	assert_int_equal(flight(f, 0, 0, 0)->nonce, 0);
	fixture_close(f);
}

static void what_has_its_verdict_is_not_refused(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= 4; nonce++)
		stamp(f, arm(f, 0, 0, nonce, 0), 1);
	reply(f, 0, 2);
	assert_verdict(f, VERDICT_RETURNED, 0);
	samples_on_refused(f->samples, 0, 0, 0, 1, on_sample, f);
	/* Answered, and the record of it is under way. */
	flight(f, 0, 0, 1)->t1_ns = KC_T1_TAKEN;
	samples_on_refused(f->samples, 0, 0, 1, 2, on_sample, f);
	assert_silent(f);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_int_equal(f->count, 2);
	f->count = 0;
	samples_on_refused(f->samples, 0, 0, 2, 3, on_sample, f);
	samples_disarm(f->samples, 0, 0, 3);
	assert_silent(f);
	fixture_close(f);
}

/* Such a T1 is of a clock that was set: waited for, it would hold up its flow until then. */
static void a_stamp_from_far_ahead_is_none(void **state)
{
	static const int64_t due_ns = TIMEOUT_NS + GRACE_NS;
	struct fixture *f = fixture_open();

	(void)state;
	for (uint64_t nonce = 1; nonce <= WINDOW; nonce++)
		arm(f, 0, 0, nonce, 0);
	stamp(f, 0, due_ns + 2 * TIMEOUT_NS);
	for (uint32_t sequence = 1; sequence < WINDOW; sequence++)
		stamp(f, sequence, 10);
	expire(f, due_ns);
	assert_int_equal(f->count, WINDOW);
	f->count = 0;
	assert_false(samples_holds(f->samples, 0, 0, 0, 1));
	assert_int_equal(flight(f, 0, 0, 0)->nonce, 0);
	expire(f, due_ns + TIMEOUT_NS + CLOSING_NS);
	assert_silent(f);
	assert_int_equal(arm(f, 0, 0, 9, due_ns + TIMEOUT_NS + CLOSING_NS), WINDOW);
	fixture_close(f);
	/* As far ahead as can be waited for, it is one; then none. */
	f = fixture_open();
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, due_ns + TIMEOUT_NS);
	expire(f, due_ns);
	assert_silent(f);
	expire(f, due_ns + 2 * TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 0);
	fixture_close(f);
	f = fixture_open();
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, due_ns + TIMEOUT_NS + 2);
	expire(f, due_ns);
	assert_verdict(f, VERDICT_UNSTAMPED, 0);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_peer_has_one_flow_with_all_places),
		cmocka_unit_test(an_echo_peer_is_judged_as_any),
		cmocka_unit_test(residence_is_no_part_of_the_rtt),
		cmocka_unit_test(variation_is_without_residence),
		cmocka_unit_test(refused_is_not_lost),
		cmocka_unit_test(what_has_its_verdict_is_not_refused),
		cmocka_unit_test(a_stamp_from_far_ahead_is_none),
	};

	return cmocka_run_group_tests_name("samples_stamp", tests, NULL, NULL);
}
