/* SPDX-License-Identifier: Apache-2.0 */
/* Probes in flight: each ends in one verdict, given when it is due and not before. */
#include "unit/samples_fixture.h"

#include <errno.h>

static void windows_hold_until_late_replies_came(void **state)
{
	static const struct {
		int64_t timeout_ms, interval_ms;
		uint32_t flows, expected;
	} cases[] = {
		{ 1000, 1000, 1, 8 }, /* ceil(2.35) + 2 */
		{ 1000, 1000, 4, 4 },
		{ 100, 1000, 1, 4 },
		{ 1000, 100, 1, 32 },
		{ 844, 1000, 1, 4 }, /* 2 + 2 nearly */
		{ 845, 1000, 1, 8 },
		{ 10000, 100, 1, 256 },
		{ 5000, 1000, 1, 16 },
		/* For an ICMP peer's one flow: 20 of 8 * 3 is more than the 16 that it can use. */
		{ 1000, 1000, 3, 4 },
		{ 350, 50, 3, 16 },
		{ 1500, 100, 6, 16 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(samples_window(cases[i].timeout_ms * MS, cases[i].interval_ms * MS,
						cases[i].flows),
				 cases[i].expected);
	assert_int_equal(samples_echo_window(4, 1), 4);
	assert_int_equal(samples_echo_window(4, 3), 8);
	assert_int_equal(samples_echo_window(4, 4), 16);
	assert_int_equal(samples_echo_window(8, 7), 32);
}

static void arming_writes_the_entry(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	assert_true(samples_next_expiry(f->samples, 1).ns == INT64_MAX);
	assert_int_equal(arm(f, 1, 1, 11, 0), 0);
	assert_int_equal(arm(f, 1, 1, 12, 5), 1);
	assert_int_equal(arm(f, 1, 0, 13, 6), 0);
	assert_true(flight(f, 1, 1, 1)->nonce == 12 && flight(f, 1, 1, 1)->t1_ns == KC_T1_ARMED);
	assert_true(flight(f, 1, 0, 0)->nonce == 13);
	assert_int_equal(samples_in_flight(f->samples, 1), 3);
	assert_int_equal(samples_in_flight(f->samples, 0), 0);
	assert_int_equal(samples_all_in_flight(f->samples), 3);
	assert_true(samples_next_expiry(f->samples, 1).ns == at(TIMEOUT_NS + GRACE_NS).ns);
	assert_true(samples_first_expiry(f->samples).ns == at(TIMEOUT_NS + GRACE_NS).ns);
	assert_true(samples_find_expired(f->samples, 0, at(TIMEOUT_NS + GRACE_NS - 1)) > 1);
	assert_int_equal(samples_find_expired(f->samples, 0, at(TIMEOUT_NS + GRACE_NS)), 1);
	assert_true(samples_find_expired(f->samples, 2, at(TIMEOUT_NS + GRACE_NS)) > 1);
	samples_reset(f->samples, 1, false);
	assert_int_equal(samples_in_flight(f->samples, 1), 0);
	assert_int_equal(samples_all_in_flight(f->samples), 0);
	assert_true(samples_first_expiry(f->samples).ns == INT64_MAX);
	assert_true(flight(f, 1, 1, 1)->nonce == 0 && flight(f, 1, 0, 0)->nonce == 0);
	assert_int_equal(arm(f, 1, 1, 14, 7), 0);
	fixture_close(f);
}

static void a_full_window_refuses(void **state)
{
	struct fixture *f = fixture_open();
	uint32_t sequence = 99;

	(void)state;
	for (uint32_t i = 0; i < WINDOW; i++)
		arm(f, 0, 0, 1 + i, i);
	assert_int_equal(samples_arm(f->samples, 0, 0, 50, at(9), &sequence), -EBUSY);
	assert_int_equal(sequence, 99);
	assert_true(flight(f, 0, 0, 0)->nonce == 1);
	/* Answered is not closed: a duplicate may still come. */
	stamp(f, 0, 1);
	reply(f, 0, 2);
	assert_int_equal(samples_arm(f->samples, 0, 0, 50, at(9), &sequence), -EBUSY);
	expire(f, 2 * TIMEOUT_NS + GRACE_NS);
	assert_int_equal(arm(f, 0, 0, 50, 2 * TIMEOUT_NS + GRACE_NS), WINDOW);
	fixture_close(f);
}

static void what_was_not_sent_never_was(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	arm(f, 0, 0, 2, 0);
	samples_disarm(f->samples, 0, 0, 1);
	assert_true(flight(f, 0, 0, 1)->nonce == 0);
	assert_int_equal(arm(f, 0, 0, 3, 0), 1);
	/* Not the newest: left out, and closed without a verdict. */
	samples_disarm(f->samples, 0, 0, 0);
	samples_disarm(f->samples, 0, 0, 0);
	samples_disarm(f->samples, 0, 0, 7);
	assert_int_equal(samples_in_flight(f->samples, 0), 1);
	assert_int_equal(arm(f, 0, 0, 4, 0), 2);
	stamp(f, 1, 1);
	reply(f, 1, 2);
	assert_verdict(f, VERDICT_RETURNED, 1);
	/* An answered one was sent, whatever was said of it. */
	samples_disarm(f->samples, 0, 0, 1);
	assert_true(flight(f, 0, 0, 1)->nonce == 3);
	fixture_close(f);
}

static void an_answer_in_time_returns(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, 10);
	reply(f, 0, 10 + TIMEOUT_NS);
	assert_true(f->last.has_rtt && f->last.rtt_ns == TIMEOUT_NS && !f->last.late);
	assert_verdict(f, VERDICT_RETURNED, 0);
	reply(f, 0, 20 + TIMEOUT_NS);
	assert_true(f->last.duplicate && !f->last.late && !f->last.has_rtt);
	assert_verdict(f, VERDICT_NONE, 0);
	expire(f, 2 * TIMEOUT_NS + GRACE_NS - 1);
	assert_true(flight(f, 0, 0, 0)->nonce == 1);
	expire(f, 2 * TIMEOUT_NS + GRACE_NS + CLOSING_NS);
	assert_true(flight(f, 0, 0, 0)->nonce == 0);
	assert_silent(f);
	assert_true(samples_next_expiry(f->samples, 0).ns == INT64_MAX);
	fixture_close(f);
}

static void no_answer_is_lost_once(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, 10);
	expire(f, TIMEOUT_NS + GRACE_NS - 1);
	assert_silent(f);
	assert_int_equal(samples_in_flight(f->samples, 0), 1);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 0);
	assert_false(f->last.late);
	assert_int_equal(samples_in_flight(f->samples, 0), 0);
	/* The reply is waited for until nobody would call it late any more, counted from T1. */
	assert_true(samples_next_expiry(f->samples, 0).ns ==
		    at(10 + 2 * TIMEOUT_NS + GRACE_NS + CLOSING_NS).ns);
	expire(f, 10 + 2 * TIMEOUT_NS + GRACE_NS - 1);
	assert_true(flight(f, 0, 0, 0)->nonce == 1);
	expire(f, 10 + 2 * TIMEOUT_NS + GRACE_NS + CLOSING_NS);
	assert_true(flight(f, 0, 0, 0)->nonce == 0);
	assert_silent(f);
	fixture_close(f);
}

/* The canary stood still between arming and sending: the timeout runs from T1. */
static void a_probe_that_left_late_has_its_whole_timeout(void **state)
{
	struct fixture *f = fixture_open();
	int64_t t1_ns = 400 * MS;

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, t1_ns);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_silent(f);
	assert_true(samples_next_expiry(f->samples, 0).ns == at(t1_ns + TIMEOUT_NS + GRACE_NS).ns);
	reply(f, 0, t1_ns + TIMEOUT_NS);
	assert_verdict(f, VERDICT_RETURNED, 0);
	fixture_close(f);
}

static void a_missing_stamp_is_no_loss(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	expire(f, TIMEOUT_NS + GRACE_NS - 1);
	assert_silent(f);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_UNSTAMPED, 0);
	assert_true(flight(f, 0, 0, 0)->nonce == 0);
	/* Whatever comes later, that was its verdict. */
	const struct kc_record record = {
		.nonce = 1, .t1_ns = 100, .t4_ns = 200, .kind = KC_RETURNED
	};

	samples_on_record(f->samples, &record, on_sample, f);
	samples_on_overheard(f->samples, 0, 0, 0, 1, on_sample, f);
	assert_silent(f);
	assert_int_equal(samples_in_flight(f->samples, 0), 0);
	fixture_close(f);
}

static void a_full_ring_is_no_loss(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	stamp(f, 0, 1)->t1_ns = KC_T1_TAKEN;
	expire(f, 2 * TIMEOUT_NS + GRACE_NS - 1);
	assert_silent(f);
	assert_int_equal(samples_in_flight(f->samples, 0), 1);
	expire(f, 2 * TIMEOUT_NS + GRACE_NS);
	assert_false(f->last.has_rtt);
	assert_verdict(f, VERDICT_RETURNED, 0);
	assert_true(flight(f, 0, 0, 0)->nonce == 0);
	fixture_close(f);
}

static void a_neighbour_that_does_not_answer_is_loss(void **state)
{
	struct fixture *f = fixture_open();
	int64_t due_ns = TIMEOUT_NS + GRACE_NS;

	(void)state;
	arm(f, 0, 0, 1, 0);
	assert_false(samples_awaits_stamp(f->samples, 0, at(due_ns - 1)));
	assert_true(samples_awaits_stamp(f->samples, 0, at(due_ns)));
	assert_false(samples_awaits_stamp(f->samples, 1, at(due_ns)));
	samples_on_neighbour(f->samples, 0, true, at(due_ns));
	expire(f, due_ns - 1);
	assert_silent(f);
	expire(f, due_ns);
	assert_true(f->last.never_left && !f->last.late);
	assert_verdict(f, VERDICT_LOST, 0);
	assert_false(samples_awaits_stamp(f->samples, 0, at(due_ns)));
	/* It leaves after all: nobody's any more. */
	assert_true(flight(f, 0, 0, 0)->nonce == 0);
	assert_int_equal(samples_in_flight(f->samples, 0), 0);
	/* The last word stands; one that left is lost as any other. */
	arm(f, 0, 0, 2, 2 * due_ns);
	arm(f, 0, 0, 3, 2 * due_ns);
	stamp(f, 2, 2 * due_ns);
	assert_true(samples_awaits_stamp(f->samples, 0, at(3 * due_ns)));
	stamp(f, 1, 2 * due_ns);
	assert_false(samples_awaits_stamp(f->samples, 0, at(3 * due_ns)));
	expire(f, 3 * due_ns);
	assert_int_equal(f->count, 2);
	assert_false(f->last.never_left);
	fixture_close(f);
}

/* The kernel gives up what it held back, whether or not the neighbour is there again when we look. */
static void unresolved_while_it_was_out_will_do(void **state)
{
	static const struct {
		int64_t armed_ns, unresolved_ns;
		bool another; /* was there before, and left its slot */
		enum verdict expected;
	} cases[] = {
		{ 100, 99, false, VERDICT_UNSTAMPED },
		{ 100, 100, false, VERDICT_LOST },
		{ 100, TIMEOUT_NS, false, VERDICT_LOST },
		{ 100, TIMEOUT_NS, true, VERDICT_UNSTAMPED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_open();

		if (cases[i].another) {
			samples_on_neighbour(f->samples, 0, true, at(cases[i].unresolved_ns));
			samples_reset(f->samples, 0, false);
		}
		arm(f, 0, 0, 1, cases[i].armed_ns);
		if (!cases[i].another) {
			samples_on_neighbour(f->samples, 0, true, at(cases[i].unresolved_ns));
			samples_on_neighbour(f->samples, 0, false, at(2 * TIMEOUT_NS));
		}
		expire(f, 2 * TIMEOUT_NS);
		assert_verdict(f, cases[i].expected, 0);
		fixture_close(f);
	}
}

/* One that waits for its record, or that left long after it was armed, must not hold up the
 * verdicts of those after it. */
static void verdicts_do_not_queue(void **state)
{
	struct fixture *f = fixture_open();

	(void)state;
	arm(f, 0, 0, 1, 0);
	arm(f, 0, 0, 2, 100 * MS);
	stamp(f, 0, 1)->t1_ns = KC_T1_TAKEN;
	stamp(f, 1, 100 * MS + 1);
	expire(f, 100 * MS + TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 1);
	fixture_close(f);
	f = fixture_open();
	arm(f, 0, 0, 1, 0);
	arm(f, 0, 0, 2, 100 * MS);
	stamp(f, 0, 500 * MS);
	stamp(f, 1, 100 * MS + 1);
	expire(f, TIMEOUT_NS + GRACE_NS);
	assert_silent(f);
	assert_true(samples_next_expiry(f->samples, 0).ns ==
		    at(100 * MS + TIMEOUT_NS + GRACE_NS).ns);
	expire(f, 100 * MS + TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 1);
	expire(f, 500 * MS + TIMEOUT_NS + GRACE_NS);
	assert_verdict(f, VERDICT_LOST, 0);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_hold_until_late_replies_came),
		cmocka_unit_test(arming_writes_the_entry),
		cmocka_unit_test(a_full_window_refuses),
		cmocka_unit_test(what_was_not_sent_never_was),
		cmocka_unit_test(an_answer_in_time_returns),
		cmocka_unit_test(no_answer_is_lost_once),
		cmocka_unit_test(a_probe_that_left_late_has_its_whole_timeout),
		cmocka_unit_test(a_missing_stamp_is_no_loss),
		cmocka_unit_test(a_full_ring_is_no_loss),
		cmocka_unit_test(a_neighbour_that_does_not_answer_is_loss),
		cmocka_unit_test(unresolved_while_it_was_out_will_do),
		cmocka_unit_test(verdicts_do_not_queue),
	};

	return cmocka_run_group_tests_name("samples", tests, NULL, NULL);
}
