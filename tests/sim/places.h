/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds of labels and addresses at any time, whoever comes and goes: each is somebody's, and
 * nobody's twice.
 */
#ifndef PLACES_H
#define PLACES_H

#include "sim/simulation.h"

static inline void check_labels(const struct simulation *sim)
{
	const struct peers *peers = canary_peers(sim->canary);
	char labels[SIMULATION_SLOTS][PEER_NAME_CAPACITY + 1] = { "" };

	for (uint32_t slot = 0; slot < peers_capacity(peers); slot++) {
		const struct peer *peer = peers_get(peers, slot);

		if (!peer_is_live(peer))
			continue;
		peers_label(peers, slot, labels[slot]);
		if (sim->settings.family == CANARY_FAMILY_BOTH)
			strcat(labels[slot], address_is_ipv4(&peer->address) ? "4" : "6");
		for (uint32_t other = 0; other < slot; other++)
			assert_string_not_equal(labels[slot], labels[other]);
	}
}

/* Each place of the table is somebody's, by name. */
static inline void check_places(const struct simulation *sim)
{
	const struct kernel_memory *memory = &sim->kernel.memory;
	const struct directory *directory = canary_directory(sim->canary);
	const struct peers *peers = canary_peers(sim->canary);

	for (uint32_t i = 0; i < memory->shape.address_capacity; i++) {
		const struct kc_address *place = &memory->addresses[i];
		struct address address;
		uint32_t at;

		if (place->use != KC_ADDRESS_USED)
			continue;
		memcpy(address.octets, place->address, sizeof(address.octets));
		at = directory_find(directory, &address);
		if (place->slot == KC_SLOT_NONE) {
			assert_true(place->own);
		} else if (place->slot == KC_SLOT_KNOWN) {
			assert_true(at != DIRECTORY_END && !directory_get(directory, at)->own);
		} else {
			const struct peer *peer = peers_get(peers, place->slot);

			assert_true(peer->state != PEER_FREE && peer->state != PEER_OWN);
			assert_true(address_equal(&peer->address, &address));
		}
	}
}

static inline bool stands_for(const struct simulation *sim, const struct address *address,
			      uint32_t slot)
{
	uint32_t found = KC_SLOT_NONE;

	fake_kernel_find(&sim->kernel, address, &found);
	return found == slot;
}

/* And everybody has his place. */
static inline void check_holders(const struct simulation *sim)
{
	const struct directory *directory = canary_directory(sim->canary);
	const struct peers *peers = canary_peers(sim->canary);
	uint32_t slot;

	for (slot = 0; slot < peers_capacity(peers); slot++) {
		const struct peer *peer = peers_get(peers, slot);
		bool listed = directory_find(directory, &peer->address) != DIRECTORY_END;

		if (peer_is_live(peer) || peer->state == PEER_TWIN) {
			assert_true(stands_for(sim, &peer->address, slot));
			assert_int_equal(listed, !peer->lingering);
		}
	}
	for (uint32_t i = 0; i < directory_top(directory); i++) {
		const struct directory_entry *entry = directory_get(directory, i);

		if (entry->sources && !entry->own &&
		    addresses_find(&sim->kernel.memory, &entry->address, &slot) < 0)
			assert_true(stands_for(sim, &entry->address, KC_SLOT_KNOWN));
	}
}

#endif
