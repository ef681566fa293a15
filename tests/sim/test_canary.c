/* SPDX-License-Identifier: Apache-2.0 */
/* One thing goes wrong at a time, and is counted as that and nothing else. */
#include "sim/outcome.h"

static void a_sound_network_returns_every_probe(void **state)
{
	struct simulation *sim = populated(state, 1, NS_PER_SECOND, NS_PER_SECOND);
	struct peer_stats sum = outcome(sim, 60 * NS_PER_SECOND);

	assert_in_range(sum.sent, 59 * PEERS, 60 * PEERS);
	assert_int_equal(sum.returned, sum.sent);
	assert_int_equal(sum.lost + sum.unstamped + sum.late + sum.duplicate + sum.reordered +
				 sum.dropped,
			 0);
	assert_true(attached(sim));
	simulation_close(sim);
}

static void each_loss_is_one_loss(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.loss = 200;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.lost, sum.sent / 6, sum.sent / 4);
	assert_int_equal(sum.returned, sum.sent - sum.lost);
	assert_true(attached(sim));
	simulation_close(sim);
}

static void a_dead_network_is_all_loss(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.loss = 1000;

	struct peer_stats sum = outcome(sim, 10 * NS_PER_SECOND);

	assert_int_equal(sum.lost, sum.sent);
	/* That our ingress program is in place is then only the loader's word. */
	assert_true(in_doubt(sim));
	assert_true(interface_ingress_attached(the_interface(sim)));
	simulation_close(sim);
}

static void late_replies_stay_lost(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.late = 100;
	sim->conditions.very_late = 100;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.late, sum.sent / 12, sum.sent / 8);
	assert_in_range(sum.lost, sum.sent / 6, sum.sent / 4);
	assert_int_equal(sum.reordered, 0);
	simulation_close(sim);
}

static void duplicates_change_no_verdict(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.duplicate = 300;
	sim->conditions.late = 50;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.duplicate, sum.sent / 5, sum.sent / 2);
	simulation_close(sim);
}

static void reordering_is_seen_in_each_flow_alone(void **state)
{
	for (uint32_t flows = 1; flows <= ANY_FLOWS; flows += ANY_FLOWS - 1) {
		struct simulation *sim = populated(state, flows, 50 * MS, 600 * MS);

		/* Beyond the flow's own pace with one flow, below it with four. */
		sim->conditions.jitter_ns = 140 * MS;

		struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

		assert_int_equal(sum.returned, sum.sent);
		assert_int_equal(sum.reordered > 0, flows == 1 || protocol_of(state) == PROBE_ICMP);
		simulation_close(sim);
	}
}

static void a_missing_stamp_is_not_loss(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.egress_missing = 50; /* rarely three in a row */
	sim->conditions.loss = 100;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.unstamped, sum.sent / 26, sum.sent / 16);
	assert_true(interface_egress_attached(the_interface(sim)));
	/* All of them missing: whatever the loader says, the program does not work. */
	sim->conditions.egress_missing = 1000;
	outcome(sim, NS_PER_SECOND);
	assert_false(interface_egress_attached(the_interface(sim)));
	assert_false(attached(sim));
	/* Readiness is the loader's word. */
	assert_null(interfaces_first_missing(canary_interfaces(sim->canary)));
	sim->conditions.egress_missing = 0;
	outcome(sim, NS_PER_SECOND);
	assert_true(attached(sim));
	simulation_close(sim);
}

static void a_blind_ingress_is_not_loss(void **state)
{
	struct simulation *sim = populated(state, 2, 100 * MS, 300 * MS);

	sim->conditions.ingress_missing = 1000;
	sim->conditions.loss = 50;

	struct peer_stats sum = outcome(sim, 10 * NS_PER_SECOND);

	assert_int_equal(sum.returned, 0);
	assert_true(sum.unstamped > 0 && sum.lost > 0);
	assert_false(interface_ingress_attached(the_interface(sim)));
	assert_true(interface_egress_attached(the_interface(sim)));
	assert_true(in_doubt(sim));
	sim->conditions.ingress_missing = 0;
	outcome(sim, NS_PER_SECOND);
	assert_true(interface_ingress_attached(the_interface(sim)));
	simulation_close(sim);
}

/* Also while no question waits for its answer, which is what sockets are read for else. */
static void what_ingress_alone_missed_is_never_loss(void **state)
{
	struct simulation *sim = populated(state, 2, 100 * MS, 300 * MS);
	struct peer_stats before = outcome(sim, 5 * NS_PER_SECOND);
	uint32_t questions = sim->questions;
	struct peer_stats sum;

	sim->conditions.ingress_missing = 1000;
	sum = outcome(sim, 20 * NS_PER_SECOND);
	assert_int_equal(sim->questions, questions);
	assert_int_equal(before.returned, before.sent);
	assert_true(sum.sent > before.sent + 190 * PEERS);
	assert_int_equal(sum.unstamped, sum.sent - before.sent);
	assert_int_equal(sum.lost, 0);
	simulation_close(sim);
}

static void forged_replies_count_for_nothing(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.forged = 1000;
	sim->conditions.loss = 100;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_int_equal(sum.duplicate + sum.late, 0);
	assert_true(sim->kernel.memory.counters->rejected_nonce > sum.sent / 4);
	assert_true(sim->kernel.memory.counters->rejected_source > sum.sent / 15);
	simulation_close(sim);
}

static void what_could_not_be_sent_was_not_sent(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->conditions.send_error = 500;
	sim->conditions.loss = 100;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.sent, 300 * PEERS * 2 / 5, 300 * PEERS * 3 / 5);
	sim->conditions.send_error = 1000;
	assert_int_equal(outcome(sim, 5 * NS_PER_SECOND).sent, sum.sent);
	simulation_close(sim);
}

static void a_full_ring_loses_samples_not_probes(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	sim->kernel.ring_capacity = 3;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_int_equal(sum.returned, sum.sent);
	assert_int_equal(sum.lost, 0);
	assert_true(sum.dropped > sum.sent / 10 && sum.dropped < sum.sent);
	assert_int_equal(sim->kernel.memory.counters->ring_full, sum.dropped);
	simulation_close(sim);
}

/* Also while the ring overflows: the kernel goes on pairing. */
static void a_stopped_canary_makes_no_loss(void **state)
{
	for (int64_t stop_ms = 60; stop_ms <= 20000; stop_ms = stop_ms * 3 / 2) {
		struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

		sim->kernel.ring_capacity = 8;
		sim->conditions.jitter_ns = 80 * MS;
		for (int i = 0; i < 10; i++) {
			simulation_run(sim, 777 * MS);
			sim->stopped_until_ns = sim->now_ns + stop_ms * MS;
			simulation_run(sim, stop_ms * MS);
		}

		struct peer_stats sum = outcome(sim, NS_PER_SECOND);

		assert_int_equal(sum.lost + sum.unstamped, 0);
		assert_true(sum.returned == sum.sent && sum.sent > 0);
		simulation_close(sim);
	}
}

/* Stopped between arming and sending: the timeout is counted from T1. */
static void a_stall_before_sending_makes_no_loss(void **state)
{
	struct simulation *sim = populated(state, 1, NS_PER_SECOND, 300 * MS);

	sim->conditions.send_latency_ns = 200 * MS;
	sim->conditions.jitter_ns = 299 * MS;

	struct peer_stats sum = outcome(sim, 60 * NS_PER_SECOND);

	assert_int_equal(sum.returned, sum.sent);
	simulation_close(sim);
}

static void everything_at_once(void **state)
{
	struct simulation *sim = populated(state, 3, 100 * MS, 300 * MS);

	sim->conditions = (struct conditions){
		.loss = 50,
		.late = 50,
		.very_late = 20,
		.duplicate = 100,
		.egress_missing = 30,
		.forged = 100,
		.send_error = 30,
		.delay_ns = MS,
		.jitter_ns = 150 * MS,
		.send_latency_ns = 40 * MS,
	};
	sim->kernel.ring_capacity = 12;

	struct peer_stats sum = outcome(sim, 60 * NS_PER_SECOND);

	assert_true(sum.returned && sum.lost && sum.late && sum.duplicate && sum.unstamped &&
		    sum.dropped);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(a_sound_network_returns_every_probe),
		EACH_PROTOCOL(each_loss_is_one_loss),
		EACH_PROTOCOL(a_dead_network_is_all_loss),
		EACH_PROTOCOL(late_replies_stay_lost),
		EACH_PROTOCOL(duplicates_change_no_verdict),
		EACH_PROTOCOL(reordering_is_seen_in_each_flow_alone),
		EACH_PROTOCOL(a_missing_stamp_is_not_loss),
		EACH_PROTOCOL(a_blind_ingress_is_not_loss),
		EACH_PROTOCOL(what_ingress_alone_missed_is_never_loss),
		EACH_PROTOCOL(forged_replies_count_for_nothing),
		EACH_PROTOCOL(what_could_not_be_sent_was_not_sent),
		EACH_PROTOCOL(a_full_ring_loses_samples_not_probes),
		EACH_PROTOCOL(a_stopped_canary_makes_no_loss),
		EACH_PROTOCOL(a_stall_before_sending_makes_no_loss),
		EACH_PROTOCOL(everything_at_once),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary", tests, NULL, NULL);
}
