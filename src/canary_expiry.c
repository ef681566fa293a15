/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second half of canary: what is due as time passes. Verdicts, promotions and departures of
 * peers, slots that are free again, the heartbeat. Must not know sockets or clocks.
 */
#include "canary_state.h"

#define HEARTBEAT_EVERY_NS NS_PER_SECOND

#define NEVER ((struct local_time){ .ns = INT64_MAX })

bool canary_awaits_stamp(const struct canary *canary, uint32_t slot, struct local_time now)
{
	return samples_awaits_stamp(canary->samples, slot, now);
}

void canary_on_neighbour(struct canary *canary, uint32_t slot, bool unresolved,
			 struct local_time now)
{
	samples_on_neighbour(canary->samples, slot, unresolved, now);
}

/* Its canary ended in good order, no source names it, and now its host is gone: nothing is lost
 * that anybody misses. What was counted of it ends with this call. */
static void canary_on_expired(void *ctx, const struct sample *sample)
{
	struct canary *canary = ctx;
	struct standing *standing = &canary->standings[sample->slot];

	if (sample->verdict == VERDICT_LOST && standing->refused_last &&
	    peers_get(canary->peers, sample->slot)->lingering)
		standing->left = canary->leaving = true;
	canary_on_sample(ctx, sample);
}

/* Not before all else is settled: others may have their names. */
static void canary_let_leave(struct canary *canary, struct local_time now)
{
	uint32_t slots = canary->leaving ? canary->memory->shape.slots : 0;

	canary->leaving = false;
	for (uint32_t slot = 0; slot < slots; slot++) {
		if (!canary->standings[slot].left)
			continue;
		canary_notify(canary, CANARY_LEFT, slot, 0);
		peers_end_lingering(canary->peers, slot, now);
	}
}

static void canary_expire_slot(struct canary *canary, uint32_t slot, struct local_time now)
{
	const struct peer *peer = peers_get(canary->peers, slot);

	switch ((enum peer_state)peer->state) {
	case PEER_FREE:
	case PEER_OWN:
	case PEER_TWIN:
	case PEER_DEPARTED:
		break;
	case PEER_RESOLVING:
		if (local_since(now, canary_promotion(canary, slot)) < 0)
			break;
		peers_set_state(canary->peers, slot, PEER_PROBED);
		turns_start(canary->turns, slot, now);
		break;
	case PEER_PROBED:
		samples_expire(canary->samples, slot, now, canary_on_expired, canary);
		break;
	}
}

/* On every wake-up, and mostly little is due. The peers of other slots are not looked at: to fetch
 * them all from memory cost more than what is done. */
static void canary_expire_slots(struct canary *canary, struct local_time now)
{
	uint32_t slots = canary->memory->shape.slots;
	bool resolving = peers_count(canary->peers, PEER_RESOLVING) > 0;
	uint32_t slot = resolving ? 0 : samples_find_expired(canary->samples, 0, now);
	uint32_t next;

	for (; slot < slots; slot = next) {
		next = resolving ? slot + 1 : samples_find_expired(canary->samples, slot + 1, now);
		if (next < slots && !resolving)
			samples_expect_expiry(canary->samples, next);
		canary_expire_slot(canary, slot, now);
	}
}

/* Slots whose rest is over. */
static uint32_t canary_release(struct canary *canary, struct local_time now)
{
	uint32_t slots = canary->memory->shape.slots;

	if (peers_count(canary->peers, PEER_DEPARTED) == 0)
		slots = 0;
	for (uint32_t slot = 0; slot < slots; slot++) {
		const struct peer *peer = peers_get(canary->peers, slot);

		if (peer->state == PEER_DEPARTED && local_since(now, peer->until) >= 0)
			canary_displace(canary, slot);
	}
	return peers_release(canary->peers, now);
}

/* Labels first: what has its verdict now is counted under the one that the peer has from here on.
 */
void canary_on_expiry(struct canary *canary, struct local_time now)
{
	uint32_t freed;

	canary->now = now;
	freed = canary_release(canary, now);
	if (canary->stale || (freed > 0 && peers_surplus(canary->peers) > 0))
		canary_choose(canary, now);
	canary_expire_slots(canary, now);
	canary_let_leave(canary, now);
	canary_review(canary, now);
	__atomic_store_n(&canary->memory->control->heartbeat_ns, (uint64_t)now.ns,
			 __ATOMIC_RELEASE);
	canary->beat_at = local_after(now, HEARTBEAT_EVERY_NS);
}

/* Of the peer itself; turns and probes, which it has only while it is probed, are apart. */
static struct local_time canary_peer_due(const struct canary *canary, uint32_t slot)
{
	const struct peer *peer = peers_get(canary->peers, slot);

	if (peer->state == PEER_RESOLVING)
		return canary_promotion(canary, slot);
	if (peer->state == PEER_DEPARTED)
		return peer->until;
	return NEVER;
}

static struct local_time earlier(struct local_time one, struct local_time other)
{
	return local_since(one, other) < 0 ? one : other;
}

struct local_time canary_next_due(const struct canary *canary, struct local_time now)
{
	bool unsettled = peers_count(canary->peers, PEER_RESOLVING) > 0 ||
			 peers_count(canary->peers, PEER_DEPARTED) > 0;
	uint32_t slots = unsettled ? canary->memory->shape.slots : 0;
	struct local_time earliest = canary->beat_at;

	(void)now; /* a beat is never more than a second ahead of it */
	earliest = earlier(turns_first(canary->turns), earliest);
	earliest = earlier(samples_first_expiry(canary->samples), earliest);
	for (uint32_t slot = 0; slot < slots; slot++)
		earliest = earlier(canary_peer_due(canary, slot), earliest);
	return earliest;
}
