/* SPDX-License-Identifier: Apache-2.0 */
/* What peers.h says, by looking at everybody each time: no index, no queue, nothing kept open.
 * Names and addresses are numbers. */
#ifndef PEERS_MODEL_H
#define PEERS_MODEL_H

#include "unit/peers_fixture.h"

enum { MODEL_SLOTS = 10, MODEL_ADDRESSES = 12, MODEL_NAMES = 5 };

enum model_mark { MARK_NONE = 0, MARK_KEEP, MARK_ANEW, MARK_STAGED };
enum model_label { MODEL_UNSEEN = 0, MODEL_NAME, MODEL_ADDRESS };

struct model_peer {
	enum peer_state state;
	uint32_t address; /* odd: IPv6 */
	uint32_t name;	  /* 0: none */
	uint32_t holder;
	uint32_t since; /* in the order of things, it is free, rests or lingers */
	bool learnt, introduced, lingering, shadowed;
	enum model_label label;
	enum model_mark mark;
	int64_t ends_at; /* resting or lingering */
	int64_t learnt_at, changed_at;
};

struct model {
	struct model_peer peers[MODEL_SLOTS];
	struct fixture told; /* events and departs; no peers */
	enum peer_family family, family_next;
	uint32_t clock; /* the order of things */
	uint32_t surplus;
	bool offered[MODEL_ADDRESSES];
	struct peers_change change;
};

static inline void model_open(struct model *model)
{
	*model = (struct model){ .clock = MODEL_SLOTS };
	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		model->peers[i].since = i;
}

static inline bool model_live(const struct model_peer *peer)
{
	return peer->state == PEER_RESOLVING || peer->state == PEER_PROBED;
}

static inline bool model_listed(const struct model_peer *peer)
{
	return peer->state != PEER_FREE && peer->state != PEER_DEPARTED;
}

static inline bool model_named(const struct model_peer *peer)
{
	return peer->name && (model_live(peer) || peer->state == PEER_TWIN);
}

static inline enum model_label model_label(const struct model_peer *peer)
{
	if (!model_live(peer))
		return MODEL_UNSEEN;
	return peer->name && !peer->shadowed ? MODEL_NAME : MODEL_ADDRESS;
}

/* Two that may not both go by their name. */
static inline bool model_rivals(const struct model *model, const struct model_peer *a,
				const struct model_peer *b)
{
	return a != b && model_named(a) && model_named(b) && a->name == b->name &&
	       (model->family != PEER_FAMILY_BOTH || a->address % 2 == b->address % 2);
}

static inline bool model_preferred(const struct model *model, const struct model_peer *peer)
{
	return peer->address % 2 == (model->family == PEER_FAMILY_IPV6);
}

static inline void model_forget(struct model_peer *peer)
{
	if (peer->learnt)
		peer->name = 0;
	peer->learnt = false;
	peer->introduced = false;
	peer->shadowed = false;
}

static inline void model_depart(struct model *model, uint32_t slot, int64_t now)
{
	struct model_peer *peer = &model->peers[slot];

	peer->state = PEER_DEPARTED;
	peer->label = MODEL_UNSEEN;
	peer->lingering = false;
	peer->mark = MARK_NONE;
	peer->ends_at = now + FIXTURE_REST;
	peer->since = model->clock++;
	model->change.departed++;
}

/* --- settling: all is derived from how it was before --- */

static inline bool model_comes_back(const struct model *model, const struct model_peer *peer)
{
	if (peer->lingering && peer->state == PEER_OWN)
		return true;
	for (uint32_t i = 0; peer->lingering && i < MODEL_SLOTS; i++) {
		if (model_rivals(model, peer, &model->peers[i]) && !model->peers[i].lingering)
			return true;
	}
	return false;
}

/* The one of its family that goes by the name. */
static inline bool model_first(const struct model *model, const struct model_peer *peer)
{
	if (!model_named(peer) || model_comes_back(model, peer))
		return false;
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		const struct model_peer *other = &model->peers[i];

		if (!model_rivals(model, peer, other) || other->address % 2 != peer->address % 2 ||
		    model_comes_back(model, other))
			continue;
		if (other->learnt == peer->learnt ? other < peer : peer->learnt)
			return false;
	}
	return true;
}

/* The slot of the one that it is a twin of, or MODEL_SLOTS. */
static inline uint32_t model_holder(const struct model *model, const struct model_peer *peer)
{
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		const struct model_peer *other = &model->peers[i];

		if (model_rivals(model, peer, other) && other->address % 2 != peer->address % 2 &&
		    model_first(model, other) &&
		    (other->learnt == peer->learnt ? model_preferred(model, other) : peer->learnt))
			return i;
	}
	return MODEL_SLOTS;
}

static inline char model_settle_one(struct model *model, const struct model *before, uint32_t slot,
				    int64_t now)
{
	const struct model_peer *was = &before->peers[slot];
	struct model_peer *peer = &model->peers[slot];
	uint32_t holder = model_holder(before, was);
	bool first = model_first(before, was);

	if (model_comes_back(before, was) || (first && holder < MODEL_SLOTS && was->lingering)) {
		model_depart(model, slot, now);
		return '-';
	}
	if (!model_named(was))
		return 0;
	if (first && holder < MODEL_SLOTS &&
	    (was->state != PEER_TWIN || was->holder == holder || !was->learnt)) {
		peer->state = PEER_TWIN;
		peer->holder = holder;
		peer->shadowed = false;
		return was->state == PEER_TWIN ? 0 : '=';
	}
	peer->shadowed = !first;
	if (was->state == PEER_TWIN) {
		peer->state = PEER_RESOLVING;
		peer->learnt_at = now;
	}
	if (was->learnt && (!first || holder < MODEL_SLOTS))
		model_forget(peer);
	return was->state == PEER_TWIN ? '+' : 0;
}

static inline void model_settle(struct model *model, int64_t now)
{
	static const char signs[] = "-+=";
	struct model before = *model;
	char news[MODEL_SLOTS];

	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		news[i] = model_settle_one(model, &before, i, now);
	for (const char *sign = signs; *sign; sign++) {
		for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
			if (news[i] == *sign)
				note(&model->told, *sign, i);
		}
	}
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		struct model_peer *peer = &model->peers[i];
		enum model_label label = model_label(peer);

		if (label != peer->label && label && peer->label)
			note(&model->told, '~', i);
		peer->label = label;
	}
}

#endif
