/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table of peers and its transactions. A new peer is staged in a free slot, which nobody
 * sees until the commit. Must not know how peers are found or probed, nor who goes by which name.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "peers_state.h"

int peers_open(const struct peers_settings *settings, struct peers **ret)
{
	uint32_t capacity = settings->capacity;
	struct peers *peers = calloc(1, sizeof(*peers));

	assert(settings->protocol != PROBE_DEFAULT && capacity <= SLOT_INDEX_MAX);
	if (!peers)
		return -ENOMEM;
	peers->settings = *settings;
	peers->slots = calloc(capacity, sizeof(*peers->slots));
	peers->links = calloc(capacity, sizeof(*peers->links));
	peers->touched = calloc(capacity / 64 + 1, sizeof(*peers->touched));
	if (!peers->slots || !peers->links || !peers->touched ||
	    peers_texts_open(&peers->texts, capacity) < 0 ||
	    slot_index_open(capacity, &peers->addresses) < 0 ||
	    slot_index_open(capacity, &peers->names) < 0) {
		peers_close(peers);
		return -ENOMEM;
	}
	*ret = peers;
	return 0;
}

void peers_close(struct peers *peers)
{
	if (!peers)
		return;
	slot_index_close(peers->names);
	slot_index_close(peers->addresses);
	peers_texts_close(&peers->texts);
	free(peers->touched);
	free(peers->links);
	free(peers->slots);
	free(peers);
}

void peers_set_family(struct peers *peers, enum peer_family family)
{
	peers->family_next = family;
}

void peers_tell(const struct peers *peers, peers_slot_fn *event, uint32_t slot)
{
	if (event)
		event(peers->settings.events.ctx, slot);
}

void peers_move(struct peers *peers, uint32_t slot, enum peer_state state)
{
	struct peer *peer = &peers->slots[slot];

	if (peer->state != PEER_FREE)
		peers->counts[peer->state]--;
	if (state != PEER_FREE)
		peers->counts[state]++;
	peer->state = (uint8_t)state;
}

static bool peer_is_listed(const struct peer *peer)
{
	return peer->state != PEER_FREE && peer->state != PEER_DEPARTED;
}

bool peer_is_live(const struct peer *peer)
{
	return peer->state == PEER_RESOLVING || peer->state == PEER_PROBED;
}

/* --- offers --- */

void peers_begin(struct peers *peers)
{
	assert(!peers->changing);
	peers->changing = true;
	peers->surplus_offered = 0;
}

static uint8_t peers_protocol(const struct peers *peers, const struct peer_candidate *candidate)
{
	return candidate->probe == PROBE_DEFAULT ? (uint8_t)peers->settings.protocol
						 : candidate->probe;
}

/* What a source says of the zone stands; where it says nothing any more, nobody does. */
static void peers_take_zone(struct peers *peers, uint32_t slot, const char *zone)
{
	struct peer *peer = &peers->slots[slot];

	if (zone[0] || peer->zone_given)
		peers_set_zone(peers, slot, zone);
	peer->zone_given = zone[0] != '\0';
}

static int peers_stage(struct peers *peers, const struct peer_candidate *candidate, uint32_t hash)
{
	uint32_t slot = peers_take_slot(peers);
	struct peer *peer;

	if (slot == SLOT_INDEX_END) {
		peers->surplus_offered++;
		return -ENOSPC;
	}
	peer = &peers->slots[slot];
	peer->address = candidate->address;
	peer->probe = peers_protocol(peers, candidate);
	peer->offered = OFFERED;
	peers_set_name(peers, slot, candidate->name);
	peers_set_zone(peers, slot, candidate->zone);
	peer->zone_given = candidate->zone[0] != '\0';
	slot_index_add(peers->addresses, hash, slot);
	return 0;
}

static bool peers_is_same(const struct peers *peers, const struct peer *peer,
			  const struct peer_candidate *candidate)
{
	const char *given_name = peer->learnt ? "" : peer->name;

	return peer->probe == peers_protocol(peers, candidate) &&
	       strcmp(given_name, candidate->name) == 0;
}

int peers_offer(struct peers *peers, const struct peer_candidate *candidate)
{
	uint32_t hash = peers_address_hash(&candidate->address);
	struct peer *known = NULL;
	uint32_t known_slot = 0;

	assert(peers->changing);
	for (uint32_t slot = slot_index_first(peers->addresses, hash); slot != SLOT_INDEX_END;
	     slot = slot_index_next(peers->addresses, slot)) {
		struct peer *peer = &peers->slots[slot];

		if (!address_equal(&peer->address, &candidate->address))
			continue;
		if (peer->offered != OFFERED_NOT)
			return -EEXIST;
		known = peer;
		known_slot = slot;
	}
	if (known && peers_is_same(peers, known, candidate)) {
		known->offered = OFFERED;
		peers_take_zone(peers, known_slot, candidate->zone);
		return 0;
	}
	if (known)
		known->offered = OFFERED_ANEW;
	return peers_stage(peers, candidate, hash);
}

/* --- commits --- */

static void peers_turn_to_family(struct peers *peers)
{
	if (peers->family == peers->family_next)
		return;
	peers->family = peers->family_next;
	for (uint32_t slot = 0; slot < peers->top; slot++)
		peers_touch(peers, slot);
}

/* A peer that was there before: whether it stays. */
static void peers_commit_listed(struct peers *peers, uint32_t slot, struct local_time now)
{
	const struct peers_events *events = &peers->settings.events;
	struct peer *peer = &peers->slots[slot];

	if (peer->offered == OFFERED) {
		peer->offered = OFFERED_NOT;
		peers_stop_lingering(peers, slot);
		return;
	}
	if (peer->offered == OFFERED_NOT) {
		if (peer->lingering)
			return;
		if (peer_is_live(peer) && peers->settings.linger_ns > 0 && events->lingers &&
		    events->lingers(events->ctx, slot)) {
			peer->offered = OFFERED_LEFT;
			peers_start_lingering(peers, slot, now);
			return;
		}
	}
	peers_depart(peers, slot, now);
	peers_tell(peers, events->departed, slot);
}

static void peers_join(struct peers *peers, uint32_t slot)
{
	peers->slots[slot].offered = OFFERED_NOT;
	peers_move(peers, slot, PEER_RESOLVING);
	peers_enter_name(peers, slot);
	peers_tell(peers, peers->settings.events.joined, slot);
}

struct peers_change peers_commit(struct peers *peers, struct local_time now)
{
	struct peers_change change = { .surplus = peers->surplus_offered };
	uint32_t departures = peers->departures;

	assert(peers->changing);
	peers->surplus = peers->surplus_offered;
	peers_turn_to_family(peers);
	for (uint32_t slot = 0; slot < peers->top; slot++) {
		if (peer_is_listed(&peers->slots[slot]))
			peers_commit_listed(peers, slot, now);
	}
	peers_evict(peers, now);
	for (uint32_t slot = 0; slot < peers->top; slot++) {
		const struct peer *peer = &peers->slots[slot];

		if (peer->state == PEER_FREE && peer->offered == OFFERED) {
			peers_join(peers, slot);
			change.added++;
		}
	}
	peers->changing = false;
	peers_settle(peers, now);
	change.departed = peers->departures - departures;
	change.lingering = peers_count_left(peers);
	return change;
}

/* --- states --- */

uint32_t peers_capacity(const struct peers *peers)
{
	return peers->settings.capacity;
}

uint32_t peers_count(const struct peers *peers, enum peer_state state)
{
	uint32_t used = 0;

	if (state != PEER_FREE)
		return peers->counts[state];
	for (enum peer_state other = PEER_FREE + 1; other < PEER_STATES; other++)
		used += peers->counts[other];
	return peers->settings.capacity - used;
}

uint32_t peers_surplus(const struct peers *peers)
{
	return peers->surplus;
}

const struct peer *peers_get(const struct peers *peers, uint32_t slot)
{
	static const struct peer never_used = { .name = "", .zone = "" };

	assert(slot < peers->settings.capacity);
	return slot < peers->top ? &peers->slots[slot] : &never_used;
}

/* Who becomes live again is seen at once, so its label is told of when it changes. */
static void peers_revive(struct peers *peers, uint32_t slot, enum peer_state state)
{
	struct peer *peer = &peers->slots[slot];

	peers_move(peers, slot, state);
	peers_enter_name(peers, slot);
	peer->label = peer_label(peer);
}

static void peers_disown(struct peers *peers, uint32_t slot)
{
	peers_leave_name(peers, slot);
	peers_forget(peers, slot);
	peers->slots[slot].label = LABEL_NONE;
	peers_move(peers, slot, PEER_OWN);
}

void peers_set_state(struct peers *peers, uint32_t slot, enum peer_state state)
{
	struct peer *peer = &peers->slots[slot];
	uint32_t lingering = peer->lingering;

	/* Coming and going is the transactions', twins are peers_settle's. */
	assert(peer_is_live(peer) || peer->state == PEER_OWN);
	assert(state == PEER_RESOLVING || state == PEER_PROBED || state == PEER_OWN);
	if (peer_is_live(peer) && state == PEER_OWN) {
		peers_disown(peers, slot);
		peers->lingering_own += lingering;
	} else if (peer->state == PEER_OWN && state != PEER_OWN) {
		peers->lingering_own -= lingering;
		peers_revive(peers, slot, state);
	} else {
		peers_move(peers, slot, state);
	}
}
