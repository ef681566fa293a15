/* SPDX-License-Identifier: Apache-2.0 */
/* The plain model of peers: transactions, words, states and time. */
#ifndef PEERS_MODEL_STEPS_H
#define PEERS_MODEL_STEPS_H

#include <errno.h>

#include "unit/peers_model.h"

/* --- transactions --- */

static inline uint32_t model_oldest(const struct model *model, enum peer_state state,
				    bool lingering)
{
	uint32_t found = MODEL_SLOTS;

	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		const struct model_peer *peer = &model->peers[i];

		if (lingering ? !peer->lingering : peer->state != state || peer->mark)
			continue;
		if (found == MODEL_SLOTS || peer->since < model->peers[found].since)
			found = i;
	}
	return found;
}

static inline int model_offer(struct model *model, uint32_t address, uint32_t name)
{
	uint32_t slot;

	if (model->offered[address])
		return -EEXIST;
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		struct model_peer *peer = &model->peers[i];

		if (!model_listed(peer) || peer->address != address)
			continue;
		model->offered[address] = true;
		peer->mark = (peer->learnt ? 0 : peer->name) == name ? MARK_KEEP : MARK_ANEW;
		if (peer->mark == MARK_KEEP)
			return 0;
	}
	slot = model_oldest(model, PEER_FREE, false);
	if (slot == MODEL_SLOTS) {
		model->change.surplus++;
		return -ENOSPC;
	}
	model->offered[address] = true;
	model->peers[slot] = (struct model_peer){
		.mark = MARK_STAGED,
		.address = address,
		.name = name,
	};
	return 0;
}

/* Seen from now on, under its name if nobody else goes by it. */
static inline void model_enter(struct model *model, uint32_t slot)
{
	struct model_peer *peer = &model->peers[slot];

	peer->shadowed = false;
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		if (model_rivals(model, peer, &model->peers[i]) && model_live(&model->peers[i]))
			peer->shadowed = true;
	}
}

static inline void model_leave_out(struct model *model, uint32_t slot, int64_t now)
{
	struct model_peer *peer = &model->peers[slot];

	if (peer->mark != MARK_ANEW) {
		if (peer->lingering)
			return;
		if (model_live(peer))
			note(&model->told, '?', slot);
		if (model_live(peer) && !model->told.departs) {
			peer->lingering = true;
			peer->ends_at = now + FIXTURE_LINGER;
			peer->since = model->clock++;
			return;
		}
	}
	model_depart(model, slot, now);
	note(&model->told, '-', slot);
}

static inline uint32_t model_count(const struct model *model, enum peer_state state)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		count += model->peers[i].state == state;
	return count;
}

/* The longest lingering one departs. */
static inline void model_evict(struct model *model, int64_t now)
{
	uint32_t slot = model_oldest(model, 0, true);

	model_depart(model, slot, now);
	note(&model->told, '-', slot);
}

static inline void model_commit(struct model *model, int64_t now)
{
	bool lingered[MODEL_SLOTS];

	model->family = model->family_next;
	model->surplus = model->change.surplus;
	memset(model->offered, 0, sizeof(model->offered));
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		struct model_peer *peer = &model->peers[i];

		lingered[i] = peer->lingering;
		if (peer->mark == MARK_KEEP)
			peer->lingering = false;
		else if (model_listed(peer))
			model_leave_out(model, i, now);
	}
	while (model->surplus > model_count(model, PEER_DEPARTED) &&
	       model_oldest(model, 0, true) < MODEL_SLOTS)
		model_evict(model, now);
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		if (model->peers[i].mark == MARK_STAGED) {
			model->peers[i].state = PEER_RESOLVING;
			model_enter(model, i);
			note(&model->told, '+', i);
			model->change.added++;
		}
		model->peers[i].mark = MARK_NONE;
	}
	model_settle(model, now);
	for (uint32_t i = 0; i < MODEL_SLOTS; i++)
		model->change.lingering += model->peers[i].lingering && !lingered[i];
}

static inline uint32_t model_release(struct model *model, int64_t now)
{
	uint32_t freed = 0;
	uint32_t slot;

	while ((slot = model_oldest(model, PEER_DEPARTED, false)) < MODEL_SLOTS &&
	       model->peers[slot].ends_at <= now) {
		model->peers[slot] = (struct model_peer){ .since = model->clock++ };
		freed++;
	}
	while ((slot = model_oldest(model, 0, true)) < MODEL_SLOTS &&
	       model->peers[slot].ends_at <= now)
		model_evict(model, now);
	model_settle(model, now);
	return freed;
}

/* --- names --- */

static inline enum peer_learning model_judge(const struct model *model, uint32_t slot,
					     uint32_t name, int64_t now)
{
	const struct model_peer *peer = &model->peers[slot];

	if (peer->name && (!peer->learnt || peer->name == name))
		return PEER_LEARNT_NOTHING_NEW;
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		const struct model_peer *other = &model->peers[i];

		if (!model_named(other) || other->name != name ||
		    other->address % 2 != peer->address % 2 ||
		    (other->lingering && !peer->lingering))
			continue;
		if (!other->learnt || other->state == PEER_TWIN || now - other->learnt_at < 150)
			return PEER_LEARNT_TAKEN;
	}
	if (peer->introduced && now - peer->changed_at < 3600)
		return PEER_LEARNT_CHANGING;
	return PEER_LEARNT_NAME;
}

/* Who of the others makes way for the slot; who of its family went by the name is the loser. */
static inline uint32_t model_take(struct model *model, uint32_t slot, uint32_t name)
{
	struct model_peer *peer = &model->peers[slot];
	uint32_t loser = slot;

	peer->name = name;
	peer->shadowed = false;
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		struct model_peer *other = &model->peers[i];
		bool named = model_label(other) == MODEL_NAME;

		if (!model_rivals(model, peer, other))
			continue;
		if (other->address % 2 == peer->address % 2) {
			loser = named ? i : loser;
			if (other->lingering && !peer->lingering) {
				other->shadowed = true;
			} else {
				model_forget(other);
				other->introduced = true;
			}
			other->label = MODEL_ADDRESS;
		} else if (model_live(other)) {
			bool wins = peer->lingering == other->lingering
					    ? other->learnt && model_preferred(model, peer)
					    : !peer->lingering;

			*(wins ? &other->shadowed : &peer->shadowed) = true;
		}
	}
	return loser;
}

static inline enum peer_learning model_learn(struct model *model, uint32_t slot, uint32_t name,
					     int64_t now, uint32_t *ret_loser)
{
	struct model_peer *peer = &model->peers[slot];
	enum peer_learning learning = model_judge(model, slot, name, now);

	*ret_loser = slot;
	if (learning == PEER_LEARNT_NAME) {
		*ret_loser = model_take(model, slot, name);
		peer->learnt = true;
		peer->label = model_label(peer);
	}
	if (learning == PEER_LEARNT_NAME || !peer->introduced)
		peer->changed_at = now;
	if (learning == PEER_LEARNT_NAME || learning == PEER_LEARNT_NOTHING_NEW) {
		peer->introduced = true;
		peer->learnt_at = now;
	}
	return learning;
}

/* --- states --- */

static inline void model_set_state(struct model *model, uint32_t slot, enum peer_state state)
{
	struct model_peer *peer = &model->peers[slot];
	bool was_live = model_live(peer);

	peer->state = state;
	if (was_live && state == PEER_OWN) {
		model_forget(peer);
		peer->label = MODEL_UNSEEN;
	} else if (!was_live && state != PEER_OWN) {
		model_enter(model, slot);
		peer->label = model_label(peer);
	}
}

#endif
