/* SPDX-License-Identifier: Apache-2.0 */
/* What another ear is told and has in its hands: every sample after it was counted, no questions,
 * and when a peer's probes end. */
#include "sim/protocols.h"
#include "sim/simulation.h"

#include "turns.h"

#define SEED 0x5eed7
#define MS   NS_PER_MS

struct told {
	const struct canary *canary;
	struct peer_stats stats; /* of all samples of slot 0 */
	uint64_t early;		 /* told before they were counted */
};

static void tell(void *ctx, const struct sample *sample)
{
	struct told *told = ctx;

	if (sample->slot != 0)
		return;
	stats_add(&told->stats, sample);
	told->early += told->stats.returned != canary_stats(told->canary, 0)->returned ||
		       told->stats.lost != canary_stats(told->canary, 0)->lost;
}

static void every_sample_is_told_once(void **state)
{
	struct simulation *sim = simulation_open(SEED, 2, 1, 100 * MS, 300 * MS,
						 protocol_of(state));
	const struct peer_stats *stats;
	struct told told = { .early = 0 };

	sim->settings.sample = tell;
	sim->settings.sample_ctx = &told;
	sim->settings.incurious = true;
	sim->settings.phase_ns = TURNS_AT_ONCE;
	simulation_reopen(sim);
	told.canary = sim->canary;
	sim->conditions.loss = 100;
	sim->conditions.duplicate = 100;
	simulation_populate(sim, 2);
	simulation_run(sim, 60 * NS_PER_SECOND);
	stats = canary_stats(sim->canary, 0);
	assert_in_range(stats->sent, 590, 601);
	assert_int_equal(sim->questions, 0);
	canary_end_turns(sim->canary, 0);
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(canary_slot_in_flight(sim->canary, 0), 0);
	assert_int_equal(stats->sent, told.stats.returned + told.stats.lost);
	assert_in_range(stats->sent, 590, 601);
	assert_in_range(canary_stats(sim->canary, 1)->sent, 610, 622);
	assert_int_equal(told.stats.returned, stats->returned);
	assert_int_equal(told.stats.lost, stats->lost);
	assert_int_equal(told.stats.duplicate, stats->duplicate);
	assert_int_equal(told.stats.late, stats->late);
	assert_true(stats->lost > 20 && stats->duplicate > 20);
	assert_int_equal(told.early, 0);
	simulation_settle(sim);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(every_sample_is_told_once),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_sample", tests, NULL, NULL);
}
