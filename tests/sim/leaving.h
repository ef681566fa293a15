/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small cluster whose nodes linger for a while when they go.
 */
#ifndef LEAVING_H
#define LEAVING_H

#include "sim/choice.h"

#define LINGER_NS (20 * NS_PER_SECOND)

static inline struct simulation *leaving_open(enum canary_family family)
{
	struct simulation *sim = simulation_open(SEED, 8, 1, 100 * MS, 300 * MS, PROBE_STAMP);

	sim->settings.linger_ns = LINGER_NS;
	sim->settings.family = family;
	simulation_reopen(sim);
	return sim;
}

static inline struct peers_change say(struct simulation *sim, uint32_t first, uint32_t count)
{
	return say_ranges(sim, PEER_SOURCE_DNS, &(struct range){ first, count, 0 }, 1);
}

static inline const struct peer *peer_at(const struct simulation *sim, uint32_t slot)
{
	return peers_get(canary_peers(sim->canary), slot);
}

static inline const struct peer_stats *stats(const struct simulation *sim, uint32_t slot)
{
	return canary_stats(sim->canary, slot);
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
	simulation_close(sim);
}

#endif
