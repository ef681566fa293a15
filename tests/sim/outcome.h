/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mesh of one size on one interface, and the sum of what was counted of it.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "sim/protocols.h"
#include "sim/simulation.h"

#define PEERS 16
#define SEED  0x5eed5

static inline struct simulation *populated(void **state, uint32_t flows, int64_t interval_ns,
					   int64_t timeout_ns)
{
	struct simulation *sim = simulation_open(SEED, SIMULATION_SLOTS, flows, interval_ns,
						 timeout_ns, protocol_of(state));

	simulation_populate(sim, PEERS);
	return sim;
}

/* Runs, settles, compares with the tally, and returns the sum of all peers. */
static inline struct peer_stats outcome(struct simulation *sim, int64_t duration_ns)
{
	struct peer_stats sum = { 0 };

	simulation_run(sim, duration_ns);
	simulation_settle(sim);
	simulation_compare(sim);
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++)
		stats_sum(&sum, canary_stats(sim->canary, slot));
	assert_int_equal(canary_totals(sim->canary)->unstamped, sum.unstamped);
	assert_int_equal(canary_totals(sim->canary)->dropped, sum.dropped);
	assert_int_equal(canary_totals(sim->canary)->window_full, 0);
	assert_int_equal(canary_totals(sim->canary)->unplaced, 0);
	return sum;
}

static inline const struct interface *the_interface(struct simulation *sim)
{
	return interfaces_get(canary_interfaces(sim->canary), 0);
}

static inline bool attached(struct simulation *sim)
{
	return !interfaces_first_missing(canary_interfaces(sim->canary)) &&
	       interface_egress_attached(the_interface(sim)) &&
	       interface_ingress_attached(the_interface(sim));
}

static inline bool in_doubt(struct simulation *sim)
{
	struct interface_doubts doubts = interfaces_doubts(canary_interfaces(sim->canary));

	return doubts.unanswered > 0 || doubts.blind > 0;
}

#endif
