/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the way of a slot from its peer's last source to the next peer: it lingers, rests, is free.
 * Each is a queue, the longest waiting first. Must not know names, nor who is offered.
 */
#include <assert.h>

#include "peers_state.h"

/* --- queues --- */

static void peers_push(struct peers *peers, struct peers_queue *queue, uint32_t slot)
{
	peers->links[slot] = (struct peers_link){ .previous = (uint16_t)queue->last };
	if (queue->last)
		peers->links[queue->last - 1].next = (uint16_t)(slot + 1);
	else
		queue->first = slot + 1;
	queue->last = slot + 1;
	queue->count++;
}

static void peers_remove(struct peers *peers, struct peers_queue *queue, uint32_t slot)
{
	struct peers_link link = peers->links[slot];

	assert(queue->count > 0);
	if (link.previous)
		peers->links[link.previous - 1].next = link.next;
	else
		queue->first = link.next;
	if (link.next)
		peers->links[link.next - 1].previous = link.previous;
	else
		queue->last = link.previous;
	queue->count--;
}

static uint32_t queue_first(const struct peers_queue *queue)
{
	return queue->first ? queue->first - 1 : SLOT_INDEX_END;
}

/* --- free --- */

/* Who was never used is free the longest: turns stay spread over all slots. */
uint32_t peers_take_slot(struct peers *peers)
{
	uint32_t slot = queue_first(&peers->freed);

	if (peers->top < peers->settings.capacity)
		return peers->top++;
	if (slot != SLOT_INDEX_END)
		peers_remove(peers, &peers->freed, slot);
	return slot;
}

static uint32_t peers_free_rested(struct peers *peers, struct local_time now)
{
	uint32_t count = 0;
	uint32_t slot;

	while ((slot = queue_first(&peers->resting)) != SLOT_INDEX_END &&
	       local_since(now, peers->slots[slot].until) >= 0) {
		peers_remove(peers, &peers->resting, slot);
		peers_move(peers, slot, PEER_FREE);
		peers_set_name(peers, slot, "");
		peers_set_zone(peers, slot, "");
		peers->slots[slot] = (struct peer){ .state = PEER_FREE, .name = "", .zone = "" };
		peers_push(peers, &peers->freed, slot);
		count++;
	}
	return count;
}

/* --- lingering --- */

void peers_start_lingering(struct peers *peers, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];

	assert(peer_is_live(peer) && !peer->lingering);
	peer->lingering = 1;
	peer->until = local_after(now, peers->settings.linger_ns);
	peers_push(peers, &peers->lingering, slot);
	peers_touch(peers, slot);
}

void peers_stop_lingering(struct peers *peers, uint32_t slot)
{
	struct peer *peer = &peers->slots[slot];

	if (!peer->lingering)
		return;
	peer->lingering = 0;
	if (peer->state == PEER_OWN)
		peers->lingering_own--;
	peers_remove(peers, &peers->lingering, slot);
	peers_touch(peers, slot);
}

uint32_t peers_lingering(const struct peers *peers)
{
	return peers->lingering.count - peers->lingering_own;
}

void peers_depart(struct peers *peers, uint32_t slot, struct local_time now)
{
	struct peer *peer = &peers->slots[slot];

	if (peer_is_live(peer) || peer->state == PEER_TWIN)
		peers_leave_name(peers, slot);
	peers_stop_lingering(peers, slot);
	slot_index_remove(peers->addresses, peers_address_hash(&peer->address), slot);
	peers_move(peers, slot, PEER_DEPARTED);
	peer->offered = OFFERED_NOT;
	peer->until = local_after(now, peers->settings.rest_ns);
	peers_push(peers, &peers->resting, slot);
	peers->departures++;
}

static void peers_depart_lingering(struct peers *peers, uint32_t slot, struct local_time now)
{
	peers_depart(peers, slot, now);
	peers_tell(peers, peers->settings.events.departed, slot);
}

void peers_evict(struct peers *peers, struct local_time now)
{
	while (peers->surplus > peers->resting.count && peers->lingering.count > 0)
		peers_depart_lingering(peers, queue_first(&peers->lingering), now);
}

uint32_t peers_count_left(struct peers *peers)
{
	uint32_t count = 0;

	for (uint32_t link = peers->lingering.last;
	     link && peers->slots[link - 1].offered == OFFERED_LEFT;
	     link = peers->links[link - 1].previous) {
		peers->slots[link - 1].offered = OFFERED_NOT;
		count++;
	}
	return count;
}

void peers_end_lingering(struct peers *peers, uint32_t slot, struct local_time now)
{
	assert(slot < peers->settings.capacity && peers->slots[slot].lingering);
	peers_depart_lingering(peers, slot, now);
	peers_settle(peers, now);
}

uint32_t peers_release(struct peers *peers, struct local_time now)
{
	uint32_t freed = peers_free_rested(peers, now);
	uint32_t slot;

	while ((slot = queue_first(&peers->lingering)) != SLOT_INDEX_END &&
	       local_since(now, peers->slots[slot].until) >= 0)
		peers_depart_lingering(peers, slot, now);
	peers_settle(peers, now);
	return freed;
}
