/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what becomes of all that have one name, as soon as anything of them has changed: who goes by
 * it, who is whose twin, which node has come back. Must not know why a peer has its name.
 *
 * First the table is brought to where it should be, name by name; then it is told what has changed.
 */
#include "peers_state.h"

/* All that have one name: of each family, whether one of them does not linger, and who goes by the
 * name as far as that family is concerned. */
struct contest {
	char name[PEER_NAME_CAPACITY];
	uint32_t hash;
	bool stays[PEER_FAMILIES];
	uint32_t winners[PEER_FAMILIES];
};

void peers_touch(struct peers *peers, uint32_t slot)
{
	peers->touched[slot / 64] |= (uint64_t)1 << slot % 64;
	peers->unsettled = true;
}

/* The first touched slot from this one on, or SLOT_INDEX_END. */
static uint32_t peers_next_touched(const struct peers *peers, uint32_t slot)
{
	for (; slot < peers->top; slot = (slot / 64 + 1) * 64) {
		uint64_t rest = peers->touched[slot / 64] >> slot % 64;

		if (rest)
			return slot + (uint32_t)__builtin_ctzll(rest);
	}
	return SLOT_INDEX_END;
}

/* --- what becomes of one --- */

/* Nobody asked it meanwhile: its name counts as confirmed. */
static void peers_unpark(struct peers *peers, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];

	if (peer->state != PEER_TWIN)
		return;
	peers_move(peers, slot, PEER_RESOLVING);
	peer->learnt_at = now;
	peer->news |= NEWS_JOINED;
}

static void peers_park(struct peers *peers, uint32_t slot, uint32_t holder)
{
	struct peer *peer = &peers->slots[slot];

	peers_move(peers, slot, PEER_TWIN);
	peer->holder = holder;
	peer->shadowed = 0;
	peer->news |= NEWS_PARKED;
}

/* It has lost its name: what it said itself is forgotten, what a source says is not. */
static void peers_lose(struct peers *peers, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];

	peers_unpark(peers, slot, now);
	peer->shadowed = 1;
	if (peer->learnt) {
		peers_leave_name(peers, slot);
		peers_forget(peers, slot);
	}
}

static void peers_win(struct peers *peers, uint32_t slot, struct local_time now)
{
	peers_unpark(peers, slot, now);
	peers->slots[slot].shadowed = 0;
}

/* --- what becomes of a name --- */

static void contest_begin(struct contest *contest, struct peers *peers, const char *name)
{
	memcpy(contest->name, name, strlen(name) + 1);
	contest->hash = peers_name_hash(name);
	memset(contest->stays, 0, sizeof(contest->stays));
	for (uint32_t family = 0; family < PEER_FAMILIES; family++)
		contest->winners[family] = SLOT_INDEX_END;
	for (uint32_t slot = peers_first_named(peers, contest->name, contest->hash);
	     slot != SLOT_INDEX_END; slot = peers_next_named(peers, contest->name, slot)) {
		struct peer *peer = &peers->slots[slot];

		peers_touch(peers, slot);
		peer->news |= NEWS_SETTLED;
		if (peer->lingering)
			continue;
		contest->stays[peer_family_of(peer)] = true;
		if (peers->family != PEER_FAMILY_BOTH)
			contest->stays[!peer_family_of(peer)] = true;
	}
}

/* The word of a source is heavier, then the lower slot wins. */
static bool peers_precedes(const struct peers *peers, uint32_t slot, uint32_t other)
{
	const struct peer *peer = &peers->slots[slot];

	if (other == SLOT_INDEX_END)
		return true;
	if (peer->learnt != peers->slots[other].learnt)
		return !peer->learnt;
	return slot < other;
}

static void contest_rank(struct contest *contest, struct peers *peers, struct local_time now)
{
	uint32_t next;

	for (uint32_t slot = peers_first_named(peers, contest->name, contest->hash);
	     slot != SLOT_INDEX_END; slot = peers_next_named(peers, contest->name, slot)) {
		struct peer *peer = &peers->slots[slot];
		uint32_t *winner = &contest->winners[peer_family_of(peer)];

		if (peer->lingering && contest->stays[peer_family_of(peer)])
			peer->news |= NEWS_DEPARTED;
		else if (peers_precedes(peers, slot, *winner))
			*winner = slot;
	}
	for (uint32_t slot = peers_first_named(peers, contest->name, contest->hash);
	     slot != SLOT_INDEX_END; slot = next) {
		next = peers_next_named(peers, contest->name, slot);
		if (slot != contest->winners[peer_family_of(&peers->slots[slot])])
			peers_lose(peers, slot, now);
	}
}

/* Whom both families' winners are probed at: the preferred family's, unless that one only says the
 * name that a source gave to the other one: a liar parks himself, and nobody else. */
static uint32_t contest_holder(const struct contest *contest, const struct peers *peers)
{
	uint32_t preferred = peers_preferred_family(peers);
	uint32_t holder = contest->winners[preferred];
	uint32_t other = contest->winners[!preferred];

	if (holder == SLOT_INDEX_END ||
	    (other != SLOT_INDEX_END && peers->slots[holder].learnt && !peers->slots[other].learnt))
		return other;
	return holder;
}

/* The other address of a peer that is probed at the holder's. */
static void peers_pair(struct peers *peers, uint32_t holder, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];

	if (peer->lingering)
		peer->news |= NEWS_DEPARTED;
	else if (peer->state != PEER_TWIN)
		peers_park(peers, slot, holder);
	else if (peer->holder != holder && peer->learnt)
		peers_lose(peers, slot, now);
	else
		peer->holder = holder;
}

static void contest_end(const struct contest *contest, struct peers *peers, struct local_time now)
{
	uint32_t holder = contest_holder(contest, peers);

	for (uint32_t family = 0; family < PEER_FAMILIES; family++) {
		uint32_t slot = contest->winners[family];

		if (slot == SLOT_INDEX_END)
			continue;
		if (slot == holder || peers->family == PEER_FAMILY_BOTH)
			peers_win(peers, slot, now);
		else
			peers_pair(peers, holder, slot, now);
	}
}

static void peers_settle_slot(struct peers *peers, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];
	struct contest contest;

	if (peer->state == PEER_OWN && peer->lingering) {
		peer->news |= NEWS_DEPARTED;
		return;
	}
	if (peer->news & NEWS_SETTLED || !peer->name[0] ||
	    (!peer_is_live(peer) && peer->state != PEER_TWIN))
		return;
	contest_begin(&contest, peers, peer->name);
	contest_rank(&contest, peers, now);
	contest_end(&contest, peers, now);
}

/* Only now, in the order of slots: that in which a contest is walked through must not show. */
static void peers_settle_departures(struct peers *peers, struct local_time now)
{
	for (uint32_t slot = peers_next_touched(peers, 0); slot != SLOT_INDEX_END;
	     slot = peers_next_touched(peers, slot + 1)) {
		if (peers->slots[slot].news & NEWS_DEPARTED)
			peers_depart(peers, slot, now);
	}
}

/* --- what is told --- */

static void peers_tell_news(const struct peers *peers, enum peer_news news, peers_slot_fn *event)
{
	for (uint32_t slot = peers_next_touched(peers, 0); slot != SLOT_INDEX_END;
	     slot = peers_next_touched(peers, slot + 1)) {
		if (peers->slots[slot].news & (unsigned int)news)
			peers_tell(peers, event, slot);
	}
}

static void peers_tell_labels(struct peers *peers)
{
	for (uint32_t slot = peers_next_touched(peers, 0); slot != SLOT_INDEX_END;
	     slot = peers_next_touched(peers, slot + 1)) {
		struct peer *peer = &peers->slots[slot];
		uint8_t before = peer->label;

		peer->news = 0;
		peer->label = peer_is_live(peer) ? peer_label(peer) : LABEL_NONE;
		if (before != LABEL_NONE && peer->label != LABEL_NONE && peer->label != before)
			peers_tell(peers, peers->settings.events.relabelled, slot);
	}
}

void peers_settle(struct peers *peers, struct local_time now)
{
	const struct peers_events *events = &peers->settings.events;

	if (!peers->unsettled)
		return;
	for (uint32_t slot = peers_next_touched(peers, 0); slot != SLOT_INDEX_END;
	     slot = peers_next_touched(peers, slot + 1))
		peers_settle_slot(peers, slot, now);
	peers_settle_departures(peers, now);
	peers_tell_news(peers, NEWS_DEPARTED, events->departed);
	peers_tell_news(peers, NEWS_JOINED, events->joined);
	peers_tell_news(peers, NEWS_PARKED, events->parked);
	peers_tell_labels(peers);
	memset(peers->touched, 0, (peers->top / 64 + 1) * sizeof(*peers->touched));
	peers->unsettled = false;
}
