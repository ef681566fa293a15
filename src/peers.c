/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the table of peers and the order in which its slots are handed out. A new peer is staged in
 * a free slot, which nobody sees until the commit. Must not know how peers are found or probed, nor
 * who goes by which name.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peers_state.h"

/* struct peer.offered */
enum offered {
	OFFERED_NOT = 0,
	OFFERED,	  /* as the peer that it is */
	OFFERED_AS_KNOWN, /* as another, but the source that holds it says otherwise */
};

int peers_open(uint32_t capacity, enum probe_protocol protocol, struct peers **ret)
{
	struct peers *peers = calloc(1, sizeof(*peers));

	assert(protocol != PROBE_DEFAULT);
	if (!peers)
		return -ENOMEM;
	peers->slots = calloc(capacity, sizeof(*peers->slots));
	peers->address_hashes = calloc(capacity, sizeof(*peers->address_hashes));
	peers->name_hashes = calloc(capacity, sizeof(*peers->name_hashes));
	peers->free_slots = calloc(capacity, sizeof(*peers->free_slots));
	if (!peers->slots || !peers->address_hashes || !peers->name_hashes || !peers->free_slots) {
		peers_close(peers);
		return -ENOMEM;
	}
	peers->capacity = capacity;
	peers->protocol = protocol;
	peers->free_count = capacity;
	peers->counts[PEER_FREE] = capacity;
	for (uint32_t slot = 0; slot < capacity; slot++)
		peers->free_slots[slot] = slot;
	*ret = peers;
	return 0;
}

void peers_close(struct peers *peers)
{
	if (!peers)
		return;
	free(peers->slots);
	free(peers->address_hashes);
	free(peers->name_hashes);
	free(peers->free_slots);
	free(peers);
}

static void peers_push_free(struct peers *peers, uint32_t slot)
{
	peers->free_slots[(peers->free_first + peers->free_count++) % peers->capacity] = slot;
}

static uint32_t peers_pop_free(struct peers *peers)
{
	uint32_t slot = peers->free_slots[peers->free_first];

	assert(peers->free_count > 0 && peers->free_count <= peers->capacity);
	peers->free_first = (peers->free_first + 1) % peers->capacity;
	peers->free_count--;
	return slot;
}

static void peers_move(struct peers *peers, struct peer *peer, enum peer_state state)
{
	peers->counts[peer->state]--;
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

/* As a source gives it. */
static const char *peer_given_name(const struct peer *peer)
{
	return peer->learnt ? "" : peer->name;
}

void peers_begin(struct peers *peers, enum peer_source source)
{
	assert(!peers->source && source);
	peers->source = source;
	peers->surplus_offered = 0;
}

static bool peers_name_offered(const struct peers *peers, const char *name, uint32_t hash)
{
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		const struct peer *peer = &peers->slots[slot];

		if (peers->name_hashes[slot] == hash && peer->offered == OFFERED && !peer->learnt &&
		    strcmp(peer->name, name) == 0)
			return true;
	}
	return false;
}

static uint8_t peers_protocol(const struct peers *peers, const struct peer_candidate *candidate)
{
	return candidate->probe == PROBE_DEFAULT ? (uint8_t)peers->protocol : candidate->probe;
}

static int peers_stage(struct peers *peers, const struct peer_candidate *candidate,
		       uint32_t address_hash, uint32_t name_hash)
{
	if (peers->free_count == 0) {
		peers->surplus_offered++;
		return -ENOSPC;
	}

	uint32_t slot = peers_pop_free(peers);
	struct peer *peer = &peers->slots[slot];

	*peer = (struct peer){ .address = candidate->address,
			       .probe = peers_protocol(peers, candidate),
			       .offered = OFFERED };
	memcpy(peer->name, candidate->name, sizeof(peer->name));
	peers->address_hashes[slot] = address_hash;
	peers->name_hashes[slot] = name_hash;
	return 0;
}

int peers_offer(struct peers *peers, const struct peer_candidate *candidate)
{
	uint32_t address_hash = peers_hash(&candidate->address, sizeof(candidate->address));
	uint32_t name_hash = peers_hash(candidate->name, strlen(candidate->name));
	struct peer *known = NULL;

	assert(peers->source);
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];

		if (peers->address_hashes[slot] != address_hash ||
		    !address_equal(&peer->address, &candidate->address))
			continue;
		if (peer->offered)
			return -EEXIST;
		if (peer_is_listed(peer))
			known = peer;
	}
	if (candidate->name[0] && peers_name_offered(peers, candidate->name, name_hash))
		return -ENOTUNIQ;
	if (known && strcmp(peer_given_name(known), candidate->name) == 0 &&
	    known->probe == peers_protocol(peers, candidate)) {
		known->offered = OFFERED;
		return 0;
	}
	/* One address is one peer: while another source holds it, what that one says stands. */
	if (known && known->sources & ~(unsigned int)peers->source) {
		known->offered = OFFERED_AS_KNOWN;
		return candidate->probe == PROBE_DEFAULT || candidate->probe == known->probe
			       ? 0
			       : -EALREADY;
	}
	return peers_stage(peers, candidate, address_hash, name_hash);
}

void peers_abort(struct peers *peers)
{
	assert(peers->source);
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];

		if (peer->offered && peer->state == PEER_FREE)
			peers_push_free(peers, slot);
		peer->offered = OFFERED_NOT;
	}
	peers->source = 0;
}

/* Peers that the source, and with it every source, names no longer. */
static uint32_t peers_depart(struct peers *peers, struct local_time release_at,
			     peers_slot_fn *departed, void *ctx)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];

		if (!peer_is_listed(peer) || !(peer->sources & peers->source) || peer->offered)
			continue;
		peer->sources &= (uint8_t)~peers->source;
		if (peer->sources)
			continue;
		peers_move(peers, peer, PEER_DEPARTED);
		peer->release_at = release_at;
		departed(ctx, slot);
		count++;
	}
	return count;
}

struct peers_change peers_commit(struct peers *peers, struct local_time release_at,
				 peers_slot_fn *departed, peers_slot_fn *joined,
				 peers_slot_fn *relabelled, void *ctx)
{
	struct peers_change change = { .surplus = peers->surplus_offered };

	assert(peers->source);
	change.departed = peers_depart(peers, release_at, departed, ctx);
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];

		if (!peer->offered)
			continue;
		peer->offered = OFFERED_NOT;
		peer->sources |= (uint8_t)peers->source;
		if (peer->state == PEER_FREE) {
			peers_move(peers, peer, PEER_RESOLVING);
			joined(ctx, slot);
			change.added++;
		}
	}
	peers->surplus[peers->source] = peers->surplus_offered;
	peers->source = 0;
	peers->unsettled = true;
	peers_settle(peers, relabelled, ctx);
	return change;
}

uint32_t peers_release(struct peers *peers, struct local_time now)
{
	uint32_t count = 0;

	if (peers->counts[PEER_DEPARTED] == 0)
		return 0;
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];

		if (peer->state != PEER_DEPARTED || local_since(now, peer->release_at) < 0)
			continue;
		peers_move(peers, peer, PEER_FREE);
		*peer = (struct peer){ .state = PEER_FREE };
		peers_push_free(peers, slot);
		count++;
	}
	return count;
}

uint32_t peers_capacity(const struct peers *peers)
{
	return peers->capacity;
}

uint32_t peers_count(const struct peers *peers, enum peer_state state)
{
	return peers->counts[state];
}

uint32_t peers_surplus(const struct peers *peers)
{
	return peers->surplus[PEER_SOURCE_STATIC] + peers->surplus[PEER_SOURCE_FILE] +
	       peers->surplus[PEER_SOURCE_DNS];
}

const struct peer *peers_get(const struct peers *peers, uint32_t slot)
{
	assert(slot < peers->capacity);
	return &peers->slots[slot];
}

void peers_set_state(struct peers *peers, uint32_t slot, enum peer_state state)
{
	struct peer *peer = &peers->slots[slot];
	bool was_live = peer_is_live(peer);

	/* Coming and going is the transactions'. */
	assert(peer_is_listed(peer) && state != PEER_FREE && state != PEER_DEPARTED);
	peers_move(peers, peer, state);
	if (peer_is_live(peer) && !was_live)
		peers_enter_names(peers, slot);
	else if (was_live && !peer_is_live(peer))
		peers_leave_names(peers, slot);
}
