/* SPDX-License-Identifier: Apache-2.0 */
/* Everything goes wrong in random measure, seed by seed: `test_soak [FIRST [COUNT]]`. */
#include "sim/simulation.h"

#define SLOTS 10
#define POOL  12 /* addresses, and names, that peers are drawn from */
#define STEPS 30

static uint64_t first_seed = 1;
static uint64_t seed_count = 2000;

static uint32_t below(struct simulation *sim, uint32_t limit)
{
	return (uint32_t)(fake_random(&sim->random) % limit);
}

static struct conditions any_conditions(struct simulation *sim, bool dead_neighbours)
{
	struct conditions conditions = {
		.loss = below(sim, 4) ? below(sim, 100) : below(sim, 1001),
		.late = below(sim, 100),
		.very_late = below(sim, 50),
		/* A copy of what was held back may come after its entry is closed. */
		.duplicate = dead_neighbours ? 0 : below(sim, 300),
		/* Of a neighbour that does not answer, a missing program cannot be told apart. */
		.egress_missing = dead_neighbours || below(sim, 3) ? 0 : below(sim, 300),
		.forged = below(sim, 200),
		.send_error = below(sim, 3) ? 0 : below(sim, 300),
		.delay_ns = 1 + below(sim, 100) * NS_PER_US,
		.jitter_ns = below(sim, 2) ? below(sim, 100) * MS : 0,
		.send_latency_ns = below(sim, 2) ? 40 * MS : 50 * NS_PER_US,
	};

	return conditions;
}

static void any_peers(struct simulation *sim)
{
	canary_peers_begin(sim->canary, below(sim, 2) ? PEER_SOURCE_FILE : PEER_SOURCE_STATIC);
	for (uint32_t count = below(sim, SLOTS + 3); count > 0; count--) {
		char name[8];

		snprintf(name, sizeof(name), "n%u", below(sim, POOL));
		simulation_offer(sim, below(sim, POOL), below(sim, 3) ? name : "");
	}
	if (below(sim, 8) == 0)
		canary_peers_abort(sim->canary);
	else
		simulation_commit(sim);
}

static void any_route(struct simulation *sim)
{
	uint32_t slot = below(sim, SLOTS);
	uint8_t state = peers_get(canary_peers(sim->canary), slot)->state;

	if (state == PEER_RESOLVING || state == PEER_PROBED || state == PEER_OWN)
		simulation_route(sim, slot, below(sim, 3) == 0);
}

static void soak(uint64_t seed)
{
	uint32_t flows = 1 + seed % ANY_FLOWS;
	bool dead_neighbours = seed / ANY_FLOWS % 2;
	struct simulation *sim = simulation_open(seed, SLOTS, flows, 40 * MS, 300 * MS);

	sim->kernel.ring_capacity = below(sim, 3) ? FAKE_RING_CAPACITY : 1 + below(sim, 20);
	for (int step = 0; step < STEPS; step++) {
		sim->conditions = any_conditions(sim, dead_neighbours);
		if (dead_neighbours && below(sim, 2))
			simulation_unresolve(sim, below(sim, 2) ? fake_random(&sim->random) : 0);
		if (below(sim, 2))
			any_peers(sim);
		if (below(sim, 4) == 0)
			any_route(sim);
		if (below(sim, 4) == 0)
			sim->stopped_until_ns = sim->now_ns + below(sim, 2500) * MS;
		simulation_run(sim, below(sim, 600) * MS);
	}
	simulation_settle(sim);
	simulation_compare(sim);
	assert_int_equal(canary_totals(sim->canary)->window_full, 0);
	assert_int_equal(canary_totals(sim->canary)->unplaced, 0);
	simulation_close(sim);
}

static void nothing_is_counted_wrong(void **state)
{
	uint64_t *seed = *state;

	for (uint64_t i = 0; i < seed_count; i++) {
		*seed = first_seed + i;
		soak(*seed);
	}
}

static int print_failed_seed(void **state)
{
	uint64_t *seed = *state;

	if (*seed != first_seed + seed_count - 1)
		print_message("failed at seed %llu\n", (unsigned long long)*seed);
	return 0;
}

int main(int argc, char *argv[])
{
	uint64_t seed = 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(nothing_is_counted_wrong, NULL,
							 print_failed_seed, &seed),
	};

	if (argc > 1) {
		first_seed = strtoull(argv[1], NULL, 0);
		seed_count = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	}
	print_message("seeds %llu..%llu\n", (unsigned long long)first_seed,
		      (unsigned long long)(first_seed + seed_count - 1));
	return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
