/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers without names from sources, and what they say of themselves.
 */
#ifndef NAMING_H
#define NAMING_H

#include "sim/outcome.h"

/* Peers by their addresses alone, 1..count. */
static inline struct simulation *unnamed(uint32_t count)
{
	struct simulation *sim = simulation_open(SEED, 8, 2, 100 * MS, 300 * MS, PROBE_STAMP);

	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 1; i <= count; i++)
		assert_int_equal(simulation_offer(sim, i, ""), 0);
	assert_int_equal(simulation_commit(sim).added, count);
	return sim;
}

static inline void named(struct simulation *sim, uint32_t address, const char *name)
{
	struct fake_reflector *reflector = &sim->reflectors[address];

	reflector->name_length = 0;
	snprintf(reflector->name, sizeof(reflector->name), "%s", name);
}

static inline void assert_label(const struct simulation *sim, uint32_t slot, const char *expected)
{
	char label[PEER_NAME_CAPACITY];

	peers_label(canary_peers(sim->canary), slot, label);
	assert_string_equal(label, expected);
}

static inline uint32_t notices(const struct simulation *sim, enum canary_notice kind)
{
	uint32_t count = 0;

	assert_true(sim->notice_count <= 64);
	for (uint32_t i = 0; i < sim->notice_count; i++)
		count += sim->notices[i].kind == kind;
	return count;
}

static inline void finish(struct simulation *sim)
{
	simulation_settle(sim);
	simulation_compare(sim);
	assert_int_equal(canary_totals(sim->canary)->window_full, 0);
	simulation_close(sim);
}

static inline void an_hour_passes(struct simulation *sim)
{
	simulation_run(sim, 3600 * NS_PER_SECOND);
}

#endif
