/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sources say, in ranges of addresses; and who of all these is chosen, and has a slot.
 */
#ifndef CHOICE_H
#define CHOICE_H

#include "sim/simulation.h"

#define SEED   0x5eed7
#define V6     SIMULATION_IPV6
#define FULL   20
#define DEGREE 5

/* A small mesh, so that it is one with few peers. */
static inline struct simulation *choice_open(uint32_t slots, enum canary_family family,
					     uint32_t degree)
{
	struct simulation *sim = simulation_open(SEED, slots, 1, 100 * MS, 300 * MS, PROBE_STAMP);

	sim->settings.full_below = FULL;
	sim->settings.degree = degree;
	sim->settings.family = family;
	simulation_reopen(sim);
	return sim;
}

/* count addresses from the first on, in zone-1, zone-2, and so on, one each, if there are zones. */
struct range {
	uint32_t first;
	uint32_t count;
	uint32_t zones;
};

static inline struct peers_change say_ranges(struct simulation *sim, enum peer_source source,
					     const struct range *ranges, uint32_t count)
{
	canary_peers_begin(sim->canary, source);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < ranges[i].count; j++) {
			struct peer_candidate candidate = { .address = simulation_address(
								    ranges[i].first + j) };

			if (ranges[i].zones)
				snprintf(candidate.zone, sizeof(candidate.zone), "zone-%u",
					 1 + j % ranges[i].zones);
			canary_peers_offer(sim->canary, &candidate);
		}
	}
	return simulation_commit(sim);
}

static inline void own_ranges(struct simulation *sim, const struct range *ranges, uint32_t count)
{
	simulation_before(sim);
	canary_own_begin(sim->canary);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < ranges[i].count; j++) {
			struct address address = simulation_address(ranges[i].first + j);

			canary_own_offer(sim->canary, &address);
			*simulation_ours(sim, &address) = true;
		}
	}
	canary_own_commit(sim->canary, simulation_now(sim));
	simulation_after(sim);
	simulation_check(sim);
}

static inline const struct directory_entry *entry_at(const struct simulation *sim, uint32_t index)
{
	const struct directory *directory = canary_directory(sim->canary);
	struct address address = simulation_address(index);
	uint32_t at = directory_find(directory, &address);

	return at == DIRECTORY_END ? NULL : directory_get(directory, at);
}

static inline bool is_chosen(const struct simulation *sim, uint32_t index)
{
	const struct directory_entry *entry = entry_at(sim, index);

	return entry && entry->chosen;
}

/* Live, and not lingering. */
static inline bool has_slot(const struct simulation *sim, uint32_t index)
{
	struct address address = simulation_address(index);
	uint32_t slot;

	if (addresses_find(&sim->kernel.memory, &address, &slot) < 0)
		return false;

	const struct peer *peer = peers_get(canary_peers(sim->canary), slot);

	return peer_is_live(peer) && !peer->lingering;
}

static inline uint32_t count_chosen(const struct simulation *sim, struct range range)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < range.count; i++)
		count += is_chosen(sim, range.first + i);
	return count;
}

static inline uint32_t count_slots(const struct simulation *sim, struct range range)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < range.count; i++)
		count += has_slot(sim, range.first + i);
	return count;
}

#endif
