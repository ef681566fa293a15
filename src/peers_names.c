/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns who goes by which name: what peers say themselves, what sources say against it, and the
 * labels that come of it. Must not know how slots are handed out.
 *
 * What holds between any two calls: a learnt name is no other live peer's label, and no two labels
 * are the same. While the table is unsettled a peer may go by its address though its name is free.
 */
#include <assert.h>
#include <string.h>

#include "peers_state.h"

/* struct peer.label */
enum label {
	LABEL_NONE = 0, /* not live, or just joined: nobody has seen it */
	LABEL_NAME,
	LABEL_ADDRESS,
};

static uint8_t peer_label(const struct peer *peer)
{
	return peer->name[0] && !peer->shadowed ? LABEL_NAME : LABEL_ADDRESS;
}

static bool peers_has_name(const struct peers *peers, uint32_t slot, const char *name,
			   uint32_t hash)
{
	return peers->name_hashes[slot] == hash && peer_is_live(&peers->slots[slot]) &&
	       strcmp(peers->slots[slot].name, name) == 0;
}

static void peers_forget(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];

	if (peer->learnt) {
		peer->name[0] = '\0';
		peers->name_hashes[slot] = peers_hash("", 0);
	}
	peer->zone[0] = '\0';
	peer->learnt = 0;
	peer->introduced = 0;
}

/* Among those that have its name, the lowest that has it from a source keeps it. */
static void peers_shadow(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];

	peer->shadowed = 0;
	if (!peer_is_live(peer) || !peer->name[0])
		return;
	for (uint32_t lower = 0; lower < slot; lower++) {
		if (!peers_has_name(peers, lower, peer->name, peers->name_hashes[slot]))
			continue;
		if (peer->learnt) {
			peers_forget(peers, slot);
			return;
		}
		if (peers->slots[lower].learnt)
			peers_forget(peers, lower);
		else
			peer->shadowed = 1;
	}
}

void peers_settle(struct peers *peers, peers_slot_fn *relabelled, void *ctx)
{
	if (!peers->unsettled)
		return;
	peers->unsettled = false;
	for (uint32_t slot = 0; slot < peers->capacity; slot++)
		peers_shadow(peers, slot);
	for (uint32_t slot = 0; slot < peers->capacity; slot++) {
		struct peer *peer = &peers->slots[slot];
		uint8_t before = peer->label;

		peer->label = peer_is_live(peer) ? peer_label(peer) : LABEL_NONE;
		if (before != LABEL_NONE && peer->label != LABEL_NONE && peer->label != before)
			relabelled(ctx, slot);
	}
}

void peers_enter_names(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];

	peer->shadowed = 0;
	for (uint32_t other = 0; peer->name[0] && other < peers->capacity; other++) {
		if (other != slot &&
		    peers_has_name(peers, other, peer->name, peers->name_hashes[slot]))
			peer->shadowed = 1;
	}
	peer->label = peer_label(peer);
	peers->unsettled = true;
}

void peers_leave_names(struct peers *peers, uint32_t slot)
{
	peers_forget(peers, slot);
	peers->unsettled = true;
}

/* Whether the slot may have the name, which is not its own; *ret_loser: who has to give it up for
 * that, else slot. */
static bool peers_may_learn(const struct peers *peers, uint32_t slot, const char *name,
			    uint32_t hash, struct local_time now, uint32_t *ret_loser)
{
	uint32_t loser = slot;

	for (uint32_t other = 0; other < peers->capacity; other++) {
		const struct peer *holder = &peers->slots[other];

		if (!peers_has_name(peers, other, name, hash))
			continue;
		if (!holder->learnt || local_since(now, holder->learnt_at) < PEER_NAME_KEPT_NS)
			return false;
		loser = other;
	}
	*ret_loser = loser;
	return true;
}

static void copy_text(char *ret, size_t capacity, const char *text)
{
	size_t length = strlen(text);

	assert(length < capacity);
	memcpy(ret, text, length + 1);
}

static void peers_name(struct peers *peers, uint32_t slot, const char *name, uint32_t hash)
{
	struct peer *peer = &peers->slots[slot];

	copy_text(peer->name, sizeof(peer->name), name);
	peers->name_hashes[slot] = hash;
	peer->learnt = 1;
	peer->label = LABEL_NAME;
}

enum peer_learning peers_learn(struct peers *peers, uint32_t slot, const char *name,
			       const char *zone, struct local_time now, uint32_t *ret_loser)
{
	struct peer *peer = &peers->slots[slot];
	bool same_name = strcmp(peer->name, name) == 0;
	bool stands = peer->name[0] && (!peer->learnt || same_name);
	bool news = !stands || strcmp(peer->zone, zone) != 0;
	uint32_t hash = peers_hash(name, strlen(name));
	uint32_t loser = slot;

	assert(slot < peers->capacity && peer_is_live(peer) && name[0]);
	*ret_loser = slot;
	if (!stands && !peers_may_learn(peers, slot, name, hash, now, &loser))
		return PEER_LEARNT_TAKEN;
	if (stands)
		peer->learnt_at = now;
	if (news && peer->introduced && local_since(now, peer->changed_at) < PEER_CHANGE_NS)
		return PEER_LEARNT_CHANGING;
	if (loser != slot) {
		peers_forget(peers, loser);
		/* Its hour goes on, or two could pass a name to and fro with ever new zones. */
		peers->slots[loser].introduced = 1;
		peers->slots[loser].label = LABEL_ADDRESS;
		*ret_loser = loser;
	}
	if (!stands)
		peers_name(peers, slot, name, hash);
	copy_text(peer->zone, sizeof(peer->zone), zone);
	if (news || !peer->introduced)
		peer->changed_at = now;
	peer->introduced = 1;
	peer->learnt_at = now;
	return stands ? PEER_LEARNT_NOTHING_NEW : PEER_LEARNT_NAME;
}

void peers_label(const struct peers *peers, uint32_t slot, char ret[static PEER_NAME_CAPACITY])
{
	const struct peer *peer = peers_get(peers, slot);

	if (peer_label(peer) == LABEL_NAME)
		memcpy(ret, peer->name, sizeof(peer->name));
	else
		address_format(&peer->address, ret);
}
