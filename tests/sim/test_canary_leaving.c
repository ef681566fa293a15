/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes go: suddenly, in good order, for a while. What is lost by it is counted, if anybody misses
 * it. */
#include "sim/leaving.h"

/* The host is gone: nobody answers on the link. */
static void die(struct simulation *sim, uint32_t slot)
{
	simulation_unresolve(sim, 1ull << slot);
}

static void drain_node(struct simulation *sim, uint32_t number)
{
	sim->reflectors[number].kind = REFLECTOR_DOWN;
}

static void a_lost_peer_is_missed_for_a_while(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
	uint64_t lost;

	(void)state;
	say(sim, 1, 3);
	simulation_run(sim, 5 * NS_PER_SECOND);
	die(sim, 1);
	assert_int_equal(
		say_ranges(sim, PEER_SOURCE_DNS, (struct range[]){ { 1, 1, 0 }, { 3, 1, 0 } }, 2)
			.lingering,
		1);
	assert_true(peer_at(sim, 1)->lingering);
	assert_int_equal(notices(sim, CANARY_LINGERING), 1);
	assert_int_equal(directory_count(canary_directory(sim->canary)), 2);
	simulation_run(sim, 10 * NS_PER_SECOND);
	lost = stats(sim, 1)->lost;
	assert_in_range(lost, 80, 110);
	/* Said again, it lingers no longer for that. */
	say_ranges(sim, PEER_SOURCE_DNS, (struct range[]){ { 1, 1, 0 }, { 3, 1, 0 } }, 2);
	assert_int_equal(notices(sim, CANARY_LINGERING), 1);
	simulation_run(sim, LINGER_NS - 11 * NS_PER_SECOND);
	assert_int_equal(peer_at(sim, 1)->state, PEER_PROBED);
	assert_true(stats(sim, 1)->lost > lost);
	simulation_run(sim, 3 * NS_PER_SECOND);
	assert_int_equal(peer_at(sim, 1)->state, PEER_FREE);
	assert_int_equal(notices(sim, CANARY_LEFT), 0);
	simulation_unresolve(sim, 0);
	finish(sim);
}

/* Its history goes on. */
static void who_comes_back_in_time_is_the_same(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
	uint64_t sent;

	(void)state;
	sim->conditions.jitter_ns = 250 * MS;
	for (int i = 0; i < 4; i++) {
		say(sim, 1, 2);
		simulation_run(sim, 5 * NS_PER_SECOND);
		sent = stats(sim, 1)->sent;
		say(sim, 1, 1);
		simulation_run(sim, LINGER_NS - NS_PER_SECOND);
		assert_true(peer_at(sim, 1)->lingering);
		assert_true(stats(sim, 1)->sent > sent);
	}
	say(sim, 1, 2);
	assert_int_equal(sim->change.probed.added, 0);
	simulation_run(sim, 2 * LINGER_NS);
	assert_false(peer_at(sim, 1)->lingering);
	assert_true(stats(sim, 1)->sent > 4 * 190);
	finish(sim);
}

/* Drained and switched off: refused, then gone from the sources, then lost, which nobody misses. */
static void a_planned_leave_loses_nothing(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
		struct peer_stats last;

		(void)state;
		say(sim, 1, 2);
		simulation_run(sim, 5 * NS_PER_SECOND);
		/* Either may be first. */
		if (order)
			say(sim, 1, 1);
		drain_node(sim, 2);
		simulation_run(sim, 3 * NS_PER_SECOND);
		if (!order)
			say(sim, 1, 1);
		simulation_run(sim, 4 * NS_PER_SECOND);
		/* As long as it is refused it lingers on. */
		assert_true(peer_at(sim, 1)->lingering && stats(sim, 1)->refused > 60);
		last = *stats(sim, 1);
		assert_int_equal(last.lost, 0);
		die(sim, 1);
		for (int i = 0; i < 100 && peer_at(sim, 1)->state == PEER_PROBED; i++) {
			last = *stats(sim, 1);
			simulation_run(sim, 10 * MS);
		}
		assert_int_equal(last.lost, 0);
		assert_int_equal(peer_at(sim, 1)->state, PEER_DEPARTED);
		assert_int_equal(notices(sim, CANARY_LEFT), 1);
		assert_int_equal(canary_slot_in_flight(sim->canary, 1), 0);
		simulation_run(sim, 2 * NS_PER_SECOND);
		assert_int_equal(peer_at(sim, 1)->state, PEER_FREE);
		simulation_unresolve(sim, 0);
		finish(sim);
	}
}

/* Where the host answers on the link, but nobody says anything any more, it is the same. */
static void a_planned_leave_behind_a_router_loses_nothing(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);

	(void)state;
	say(sim, 1, 2);
	simulation_run(sim, 5 * NS_PER_SECOND);
	drain_node(sim, 2);
	simulation_run(sim, NS_PER_SECOND);
	say(sim, 1, 1);
	simulation_run(sim, NS_PER_SECOND);
	sim->conditions.loss_backward = 1000;
	simulation_run(sim, 700 * MS);
	sim->conditions.loss_backward = 0;
	assert_int_equal(peer_at(sim, 1)->state, PEER_DEPARTED);
	assert_int_equal(notices(sim, CANARY_LEFT), 1);
	/* Whoever else lost something at that time did lose it. */
	assert_int_equal(peer_at(sim, 0)->state, PEER_PROBED);
	assert_in_range(stats(sim, 0)->lost, 3, 7);
	finish(sim);
}

/* It must have been refused last, and linger: all else is loss. */
static void all_other_losses_count(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);

		say(sim, 1, 2);
		simulation_run(sim, 3 * NS_PER_SECOND);
		if (i > 0)
			drain_node(sim, 2);
		simulation_run(sim, 3 * NS_PER_SECOND);
		if (i == 0) {
			say(sim, 1, 1); /* never refused */
		} else if (i == 2) {
			sim->reflectors[2].kind = REFLECTOR_OURS; /* it answered again */
			say(sim, 1, 1);
			simulation_run(sim, NS_PER_SECOND);
		} /* 1: still in the sources */
		sim->conditions.loss = 1000;
		simulation_run(sim, 5 * NS_PER_SECOND);
		sim->conditions.loss = 0;
		assert_int_equal(peer_at(sim, 1)->state, PEER_PROBED);
		assert_true(stats(sim, 1)->lost > 40);
		assert_int_equal(notices(sim, CANARY_LEFT), 0);
		/* Gone from the sources after it was lost: too late to tell. */
		say(sim, 1, 1);
		sim->conditions.loss = 1000;
		simulation_run(sim, NS_PER_SECOND);
		sim->conditions.loss = 0;
		assert_int_equal(notices(sim, CANARY_LEFT), 0);
		finish(sim);
	}
}

/* Restarted one after another, each canary refuses for some seconds: nothing is lost. */
static void a_rolling_restart_loses_nothing(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
	uint64_t refused = 0;

	(void)state;
	say(sim, 1, 8);
	simulation_run(sim, 2 * NS_PER_SECOND);
	for (uint32_t node = 1; node <= 8; node++) {
		drain_node(sim, node);
		simulation_run(sim, NS_PER_SECOND);
		/* The DNS does not name a pod that is not ready. */
		say_ranges(sim, PEER_SOURCE_DNS,
			   (struct range[]){ { 1, node - 1, 0 }, { node + 1, 8 - node, 0 } }, 2);
		simulation_run(sim, 2 * NS_PER_SECOND);
		sim->reflectors[node].kind = REFLECTOR_OURS;
		say(sim, 1, 8);
		simulation_run(sim, NS_PER_SECOND);
	}
	for (uint32_t slot = 0; slot < 8; slot++) {
		assert_int_equal(stats(sim, slot)->lost, 0);
		refused += stats(sim, slot)->refused;
	}
	assert_in_range(refused, 8 * 25, 8 * 35);
	assert_int_equal(notices(sim, CANARY_LINGERING), 8);
	finish(sim);
}

/* The node comes back with another address: the former one is missed no longer. */
static void a_new_address_ends_lingering(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);

	(void)state;
	say(sim, 1, 2);
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_string_equal(peer_at(sim, 1)->name, "node-2");
	die(sim, 1);
	say_ranges(sim, PEER_SOURCE_DNS, (struct range[]){ { 1, 1, 0 }, { 3, 1, 0 } }, 2);
	assert_true(peer_at(sim, 1)->lingering);
	snprintf(sim->reflectors[3].name, sizeof(sim->reflectors[3].name), "node-2");
	simulation_run(sim, 3 * NS_PER_SECOND);
	assert_int_not_equal(peer_at(sim, 1)->state, PEER_PROBED);
	assert_string_equal(peer_at(sim, 2)->name, "node-2");
	assert_int_equal(notices(sim, CANARY_NAMED), 3);
	simulation_unresolve(sim, 0);
	finish(sim);
}

static void a_slot_that_is_needed_is_given_up(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);

	(void)state;
	say(sim, 1, 8);
	simulation_run(sim, 2 * NS_PER_SECOND);
	say(sim, 4, 5);
	assert_int_equal(peers_lingering(canary_peers(sim->canary)), 3);
	say(sim, 4, 6);
	assert_int_equal(sim->change.probed.surplus, 1);
	assert_int_equal(peers_lingering(canary_peers(sim->canary)), 2);
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(count_slots(sim, (struct range){ 4, 6, 0 }), 6);
	assert_int_equal(peers_surplus(canary_peers(sim->canary)), 0);
	assert_int_equal(peers_lingering(canary_peers(sim->canary)), 2);
	finish(sim);
}

/* Named again, but not chosen any more. */
static void who_is_not_chosen_does_not_linger(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
	const struct range all = { 1, 40, 0 };

	(void)state;
	sim->settings.full_below = 8;
	sim->settings.degree = 2;
	simulation_reopen(sim);
	say(sim, 1, 8);
	simulation_run(sim, 2 * NS_PER_SECOND);
	say(sim, 9, 32);
	assert_int_equal(peers_lingering(canary_peers(sim->canary)) + sim->change.probed.departed,
			 8);
	say_ranges(sim, PEER_SOURCE_DNS, &all, 1);
	assert_int_equal(peers_lingering(canary_peers(sim->canary)), 0);
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(count_slots(sim, all), 2);
	assert_int_equal(peers_count(canary_peers(sim->canary), PEER_FREE), 6);
	finish(sim);
}

static void an_address_of_our_own_does_not_linger(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);

	(void)state;
	say(sim, 1, 2);
	simulation_run(sim, 2 * NS_PER_SECOND);
	say(sim, 1, 1);
	simulation_route(sim, 1, true);
	assert_int_equal(peer_at(sim, 1)->state, PEER_DEPARTED);
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(peer_at(sim, 1)->state, PEER_FREE);
	finish(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_peer_is_missed_for_a_while),
		cmocka_unit_test(who_comes_back_in_time_is_the_same),
		cmocka_unit_test(a_planned_leave_loses_nothing),
		cmocka_unit_test(a_planned_leave_behind_a_router_loses_nothing),
		cmocka_unit_test(all_other_losses_count),
		cmocka_unit_test(a_rolling_restart_loses_nothing),
		cmocka_unit_test(a_new_address_ends_lingering),
		cmocka_unit_test(a_slot_that_is_needed_is_given_up),
		cmocka_unit_test(who_is_not_chosen_does_not_linger),
		cmocka_unit_test(an_address_of_our_own_does_not_linger),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_leaving", tests, NULL, NULL);
}
