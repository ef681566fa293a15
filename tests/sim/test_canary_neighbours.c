/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbours that do not answer on the link: their probes are lost, and nothing else follows from
 * it. */
#include "sim/outcome.h"

static void a_dead_neighbour_is_loss_of_its_own(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	simulation_unresolve(sim, 0xf);

	struct peer_stats sum = outcome(sim, 10 * NS_PER_SECOND);

	for (uint32_t slot = 0; slot < PEERS; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);

		assert_int_equal(stats->lost, slot < 4 ? stats->sent : 0);
		assert_int_equal(stats->returned, slot < 4 ? 0 : stats->sent);
	}
	assert_true(sum.lost > 0 && sum.unstamped == 0 && sum.late == 0);
	assert_true(attached(sim));
	assert_false(in_doubt(sim));
	simulation_close(sim);
}

static void dead_neighbours_all_round_say_nothing_of_our_programs(void **state)
{
	struct simulation *sim = populated(state, 2, 100 * MS, 300 * MS);

	simulation_unresolve(sim, UINT64_MAX);

	struct peer_stats sum = outcome(sim, 10 * NS_PER_SECOND);

	assert_true(sum.sent > 0 && sum.lost == sum.sent && sum.unstamped == 0);
	assert_int_equal(the_interface(sim)->unstamped_peers, 0);
	assert_true(attached(sim));
	assert_false(in_doubt(sim));
	simulation_close(sim);
}

/* The dead must not make up for the program that the living miss. */
static void a_missing_stamp_is_not_loss_beside_a_dead_neighbour(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	simulation_unresolve(sim, 0xff);
	sim->conditions.egress_missing = 1000;
	outcome(sim, 5 * NS_PER_SECOND);
	for (uint32_t slot = 0; slot < PEERS; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);

		assert_int_equal(stats->lost, slot < 8 ? stats->sent : 0);
		assert_int_equal(stats->unstamped, slot < 8 ? 0 : stats->sent);
	}
	assert_false(interface_egress_attached(the_interface(sim)));
	/* All back, the program is not: what was said of the neighbours is not held against it. */
	simulation_unresolve(sim, 0);

	uint64_t lost = canary_stats(sim->canary, 0)->lost;

	outcome(sim, 5 * NS_PER_SECOND);
	assert_int_equal(canary_stats(sim->canary, 0)->lost, lost);
	assert_true(canary_stats(sim->canary, 0)->unstamped > 0);
	simulation_close(sim);
}

/* What was held back leaves when they come back; what the kernel gave up before (after more than a
 * timeout) does not. */
static void neighbours_come_and_go(void **state)
{
	struct simulation *sim = populated(state, 1, 100 * MS, 300 * MS);

	for (int64_t pause_ms = 10; pause_ms < 3000; pause_ms = pause_ms * 4 / 3) {
		simulation_unresolve(sim, 0xffff);
		simulation_run(sim, pause_ms * MS);
		if (pause_ms > 400 && pause_ms % 2)
			simulation_release(sim, true);
		simulation_run(sim, 150 * MS); /* an interval and a tick: asked once more */
		simulation_unresolve(sim, 0);
		simulation_run(sim, 777 * MS);
	}

	struct peer_stats sum = outcome(sim, NS_PER_SECOND);

	assert_true(sum.unstamped == 0 && sum.lost > 0 && sum.returned > 0);
	assert_true(attached(sim));
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(a_dead_neighbour_is_loss_of_its_own),
		EACH_PROTOCOL(dead_neighbours_all_round_say_nothing_of_our_programs),
		EACH_PROTOCOL(a_missing_stamp_is_not_loss_beside_a_dead_neighbour),
		EACH_PROTOCOL(neighbours_come_and_go),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_neighbours", tests, NULL, NULL);
}
