/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what peers say of themselves, and what that is worth against what others say and what
 * sources give. Must not know how slots are handed out, nor what follows for twins.
 *
 * What holds between any two calls: no two labels are the same that must not be. While the table is
 * unsettled a peer may go by its address though its name is free.
 */
#include <assert.h>

#include "peers_state.h"

/* --- who has which name --- */

static uint32_t peers_skip_unnamed(const struct peers *peers, const char *name, uint32_t slot)
{
	while (slot != SLOT_INDEX_END && strcmp(peers->slots[slot].name, name) != 0)
		slot = slot_index_next(peers->names, slot);
	return slot;
}

uint32_t peers_first_named(const struct peers *peers, const char *name, uint32_t hash)
{
	return peers_skip_unnamed(peers, name, slot_index_first(peers->names, hash));
}

uint32_t peers_next_named(const struct peers *peers, const char *name, uint32_t slot)
{
	return peers_skip_unnamed(peers, name, slot_index_next(peers->names, slot));
}

/* Until it is settled who has the name, it is whoever had it. */
void peers_enter_name(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];
	uint32_t hash = peers_name_hash(peer->name);

	peers_touch(peers, slot);
	peer->shadowed = 0;
	if (!peer->name[0])
		return;
	for (uint32_t other = peers_first_named(peers, peer->name, hash);
	     other != SLOT_INDEX_END && !peer->shadowed;
	     other = peers_next_named(peers, peer->name, other))
		peer->shadowed = peer_is_live(&peers->slots[other]) &&
				 peers_share_name(peers, peer, &peers->slots[other]);
	slot_index_add(peers->names, hash, slot);
}

void peers_leave_name(struct peers *peers, uint32_t slot)
{
	const char *name = peers->slots[slot].name;
	uint32_t hash = peers_name_hash(name);

	peers_touch(peers, slot);
	if (!name[0])
		return;
	slot_index_remove(peers->names, hash, slot);
	for (uint32_t other = peers_first_named(peers, name, hash); other != SLOT_INDEX_END;
	     other = peers_next_named(peers, name, other))
		peers_touch(peers, other);
}

/* --- what they say --- */

void peers_forget(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];

	if (peer->learnt)
		peers_set_name(peers, slot, "");
	if (!peer->zone_given)
		peers_set_zone(peers, slot, "");
	peer->learnt = 0;
	peer->introduced = 0;
	peer->shadowed = 0;
}

/* Whether the name, which is not the slot's own, is kept by another one of its family. A twin is
 * not asked; it keeps its name with its holder. */
static bool peers_is_taken(const struct peers *peers, const struct peer *peer, const char *name,
			   uint32_t hash, struct local_time now)
{
	for (uint32_t slot = peers_first_named(peers, name, hash); slot != SLOT_INDEX_END;
	     slot = peers_next_named(peers, name, slot)) {
		const struct peer *holder = &peers->slots[slot];

		if (peer_family_of(holder) != peer_family_of(peer) ||
		    (holder->lingering && !peer->lingering))
			continue;
		if (holder->state == PEER_TWIN || !holder->learnt ||
		    local_since(now, holder->learnt_at) < PEER_NAME_KEPT_NS)
			return true;
	}
	return false;
}

/* Another one of its family gives up its name. One that lingers keeps it in mind, so that
 * peers_settle knows that the node has come back. Whether that was its label. */
static bool peers_dispossess(struct peers *peers, uint32_t slot, bool comes_back)
{
	struct peer *peer = &peers->slots[slot];
	bool was_label = peer_label(peer) == LABEL_NAME;

	if (comes_back) {
		peer->shadowed = 1;
	} else {
		peers_leave_name(peers, slot);
		peers_forget(peers, slot);
		/* Its hour goes on, or two could pass a name to and fro with ever new zones. */
		peer->introduced = 1;
	}
	peer->label = LABEL_ADDRESS;
	return was_label;
}

/* Of two families: whether who says the name goes by it until it is settled, and not the other. */
static bool peers_outranks(const struct peers *peers, const struct peer *peer,
			   const struct peer *other)
{
	if (peer->lingering != other->lingering)
		return !peer->lingering;
	return other->learnt && peer_family_of(peer) == peers_preferred_family(peers);
}

/* All that have the name make way for the slot, or it for them. Who lost it, or slot. */
static uint32_t peers_make_way(struct peers *peers, uint32_t slot, const char *name, uint32_t hash)
{
	struct peer *peer = &peers->slots[slot];
	uint32_t loser = slot;
	uint32_t next;

	peer->shadowed = 0;
	for (uint32_t other = peers_first_named(peers, name, hash); other != SLOT_INDEX_END;
	     other = next) {
		struct peer *holder = &peers->slots[other];

		next = peers_next_named(peers, name, other);
		if (peer_family_of(holder) == peer_family_of(peer)) {
			bool comes_back = holder->lingering && !peer->lingering;

			if (peers_dispossess(peers, other, comes_back))
				loser = other;
		} else if (peers->family != PEER_FAMILY_BOTH && peer_is_live(holder)) {
			if (peers_outranks(peers, peer, holder))
				holder->shadowed = 1;
			else
				peer->shadowed = 1;
		}
	}
	return loser;
}

static uint32_t peers_take_name(struct peers *peers, uint32_t slot, const char *name, uint32_t hash)
{
	struct peer *peer = &peers->slots[slot];
	uint32_t loser;

	peers_leave_name(peers, slot);
	loser = peers_make_way(peers, slot, name, hash);
	peers_set_name(peers, slot, name);
	slot_index_add(peers->names, hash, slot);
	peer->learnt = 1;
	peer->label = peer_label(peer);
	return loser;
}

enum peer_learning peers_learn(struct peers *peers, uint32_t slot, const char *name,
			       const char *zone, struct local_time now, uint32_t *ret_loser)
{
	struct peer *peer = &peers->slots[slot];
	bool same_name = strcmp(peer->name, name) == 0;
	bool stands = peer->name[0] && (!peer->learnt || same_name);
	bool news = !stands || (!peer->zone_given && strcmp(peer->zone, zone) != 0);
	uint32_t hash = peers_name_hash(name);

	assert(slot < peers->settings.capacity && peer_is_live(peer) && name[0]);
	*ret_loser = slot;
	if (!stands && peers_is_taken(peers, peer, name, hash, now))
		return PEER_LEARNT_TAKEN;
	if (stands)
		peer->learnt_at = now;
	if (news && peer->introduced && local_since(now, peer->changed_at) < PEER_CHANGE_NS)
		return PEER_LEARNT_CHANGING;
	if (!stands)
		*ret_loser = peers_take_name(peers, slot, name, hash);
	if (!peer->zone_given)
		peers_set_zone(peers, slot, zone);
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
		memcpy(ret, peer->name, strlen(peer->name) + 1);
	else
		address_format(&peer->address, ret);
}
