/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When peers are asked who they are. That no two probes in a row ask, the simulation sees to.
 */
#include "sim/naming.h"

/* Questions sent in so many seconds. */
static uint32_t asked(struct simulation *sim, int64_t seconds)
{
	uint32_t before = sim->questions;

	simulation_run(sim, seconds * NS_PER_SECOND);
	return sim->questions - before;
}

static struct simulation *one_peer(int64_t interval_ns, int64_t timeout_ns,
				   enum fake_reflector_kind kind)
{
	struct simulation *sim = simulation_open(SEED, 1, ANY_FLOWS, interval_ns, timeout_ns,
						 PROBE_STAMP);

	sim->reflectors[1].kind = kind;
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	assert_int_equal(simulation_offer(sim, 1, ""), 0);
	simulation_commit(sim);
	return sim;
}

static void who_answers_is_asked_once_a_minute(void **state)
{
	static const enum fake_reflector_kind kinds[] = { REFLECTOR_OURS, REFLECTOR_STATELESS,
							  REFLECTOR_FOREIGN };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct simulation *sim = one_peer(100 * MS, 300 * MS, kinds[i]);

		assert_int_equal(asked(sim, 30), 1);
		assert_int_equal(asked(sim, 600), 10);
		/* No more often than every other probe. */
		finish(sim);
		sim = one_peer(100 * NS_PER_SECOND, NS_PER_SECOND, kinds[i]);
		assert_int_equal(asked(sim, 1990), 10);
		finish(sim);
	}
}

/* Nothing comes back: it may be there again any time. */
static void an_outage_makes_questions_no_rarer(void **state)
{
	struct simulation *sim = one_peer(100 * MS, 300 * MS, REFLECTOR_OURS);

	(void)state;
	sim->conditions.loss = 1000;
	assert_int_equal(asked(sim, 105), 11);
	assert_label(sim, 0, "10.0.0.1");
	sim->conditions.loss = 0;
	simulation_run(sim, 11 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	assert_in_range(asked(sim, 600), 9, 10);
	/* The host alone is there: as good as nobody. */
	sim->reflectors[1].kind = REFLECTOR_DOWN;
	simulation_run(sim, 60 * NS_PER_SECOND);
	assert_int_equal(asked(sim, 100), 10);
	finish(sim);
}

/* Ten seconds, and twice as long each time, up to an hour. */
/* It is not there when it is asked first, or refuses, and says its name right after it has come. */
static void who_comes_late_is_asked_at_once(void **state)
{
	static const enum fake_reflector_kind before[] = { REFLECTOR_DEAD, REFLECTOR_DOWN };

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		struct simulation *sim = one_peer(100 * MS, 300 * MS, before[i]);

		simulation_run(sim, 4 * NS_PER_SECOND);
		assert_label(sim, 0, "10.0.0.1");
		sim->reflectors[1].kind = REFLECTOR_OURS;
		simulation_run(sim, NS_PER_SECOND);
		assert_label(sim, 0, "node-1");
		finish(sim);
	}
}

static void who_ignores_questions_is_asked_ever_less(void **state)
{
	static const struct {
		int64_t until; /* seconds */
		uint32_t questions;
	} cases[] = {
		{ 9, 1 },    { 11, 2 },	  { 29, 2 },   { 31, 3 },    { 69, 3 },	   { 71, 4 },
		{ 2549, 8 }, { 2560, 9 }, { 5100, 9 }, { 5120, 10 }, { 8690, 10 }, { 8730, 11 },
	};
	struct simulation *sim = one_peer(100 * MS, 300 * MS, REFLECTOR_EXACT);
	int64_t now = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		simulation_run(sim, (cases[i].until - now) * NS_PER_SECOND);
		now = cases[i].until;
		if (sim->questions != cases[i].questions)
			fail_msg("%u questions in %lld s", sim->questions, (long long)now);
	}
	/* An outage makes them no more frequent. */
	sim->conditions.loss = 1000;
	assert_int_equal(asked(sim, 3500), 0);
	sim->conditions.loss = 0;
	/* As soon as one is answered, all is well. */
	sim->reflectors[1].kind = REFLECTOR_OURS;
	simulation_run(sim, 120 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	assert_int_equal(asked(sim, 600), 10);
	sim->reflectors[1].kind = REFLECTOR_EXACT;
	assert_int_equal(asked(sim, 120), 4);
	finish(sim);
}

/* Whatever the interval and the timeout are; and no path is blamed for it. */
static void questions_that_are_ignored_cost_little(void **state)
{
	static const struct {
		int64_t interval_ns, timeout_ns;
	} cases[] = {
		{ 1000 * MS, 1000 * MS },   { 1000 * MS, 10000 * MS },	{ 3400 * MS, 3400 * MS },
		{ 5000 * MS, 5000 * MS },   { 7000 * MS, 7000 * MS },	{ 10000 * MS, 1000 * MS },
		{ 10000 * MS, 10000 * MS }, { 15000 * MS, 20000 * MS }, { 60000 * MS, 1000 * MS },
		{ 60000 * MS, 60000 * MS }, { 1000 * MS, 60000 * MS },	{ 300000 * MS, 1000 * MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *sim = one_peer(cases[i].interval_ns, cases[i].timeout_ns,
						  REFLECTOR_EXACT);
		const struct flow_loss *flows;
		uint32_t count;

		/* 0, 10, 30 s, and so on: ten in the first two hours, then one an hour. */
		if (asked(sim, 20 * 3600) > 10 + 18)
			fail_msg("case %zu: %u questions", i, sim->questions);
		simulation_settle(sim);
		flows = canary_flows(sim->canary, 0, &count);
		assert_int_equal(canary_stats(sim->canary, 0)->lost, sim->questions);
		for (uint32_t flow = 0; flow < count; flow++)
			assert_int_equal(flows[flow].lost, 0);
		assert_int_equal(sim->notice_count, 0);
		finish(sim);
	}
}

/* Whoever has answered a question does answer questions: lost ones are lost as all others. */
static void questions_count_for_flows_once_one_was_answered(void **state)
{
	struct simulation *sim = one_peer(100 * MS, 300 * MS, REFLECTOR_FOREIGN);
	const struct flow_loss *flows;
	uint32_t count, lost = 0;

	(void)state;
	simulation_run(sim, 30 * NS_PER_SECOND);
	sim->conditions.loss = 1000;
	assert_int_equal(asked(sim, 75), 5);
	sim->conditions.loss = 0;
	simulation_settle(sim);
	flows = canary_flows(sim->canary, 0, &count);
	for (uint32_t flow = 0; flow < count; flow++)
		lost += flows[flow].lost;
	assert_int_equal(lost, canary_stats(sim->canary, 0)->lost);
	finish(sim);
}

/* What was not sent has not asked. */
static void a_question_that_was_not_sent_is_asked_with_the_next_probe(void **state)
{
	struct simulation *sim = one_peer(100 * MS, 300 * MS, REFLECTOR_OURS);
	uint32_t sent = 0;
	struct probe probe;

	(void)state;
	sim->sending = false; /* this test does */
	simulation_run(sim, SIMULATION_TICK_NS);
	for (int i = 0; i < 20;) {
		sim->now_ns += SIMULATION_TICK_NS;
		if (canary_due(sim->canary, simulation_now(sim), simulation_now(sim), &probe, 1) ==
		    0)
			continue;
		assert_int_equal(probe.ask, sent == 0);
		canary_on_sent(sim->canary, &probe, i >= 10 ? 0 : -ENETUNREACH);
		sent += i >= 10;
		i++;
	}
	assert_int_equal(sent, 10);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_is_asked_once_a_minute),
		cmocka_unit_test(an_outage_makes_questions_no_rarer),
		cmocka_unit_test(who_comes_late_is_asked_at_once),
		cmocka_unit_test(who_ignores_questions_is_asked_ever_less),
		cmocka_unit_test(questions_that_are_ignored_cost_little),
		cmocka_unit_test(questions_count_for_flows_once_one_was_answered),
		cmocka_unit_test(a_question_that_was_not_sent_is_asked_with_the_next_probe),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_questions", tests, NULL, NULL);
}
