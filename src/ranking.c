/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks what it is offered, and decides who is listed: the worst that were so for a while, and who
 * was so lately, as long as there is room. Must not know peers, nor where its figures come from.
 */
#include "ranking.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define EXCESS_NONE 1024 /* in the header's parts: as its zone, or taken to be */

/* All zero: never seen. */
struct ranked {
	struct local_time since; /* listed */
	uint32_t evaluation;	 /* the last in which it was among the worst */
	uint32_t excess;	 /* as last offered, as are: */
	uint16_t loss;		 /* 0: none that ranks */
	uint8_t in_a_row;	 /* evaluations among the worst, up to RANKING_ENTER */
	bool listed;
};

struct contender {
	uint32_t slot;
	uint32_t excess;
	uint16_t loss;
};

struct ranking {
	uint32_t slots;
	uint32_t count; /* the worst are so many; RANKING_ALL */
	uint32_t listed;
	uint32_t room;	     /* listed are so many at most */
	uint32_t evaluation; /* the running, or last */
	struct local_time now;
	uint32_t top;		     /* slots from here on were never offered */
	struct ranked *slots_ranked; /* [slots] */
	uint32_t worst_count;
	struct contender *worst; /* [count]: a heap, at its root the least bad of them */
};

int ranking_open(uint32_t slots, uint32_t count, struct ranking **ret)
{
	struct ranking *ranking = calloc(1, sizeof(*ranking));
	bool some = count > 0 && count != RANKING_ALL;

	if (!ranking)
		return -ENOMEM;
	ranking->slots = slots;
	ranking->count = some && count > slots ? slots : count;
	ranking->room = some && count > slots / RANKING_ROOM ? slots : count * RANKING_ROOM;
	if (some) {
		ranking->slots_ranked = calloc(slots, sizeof(*ranking->slots_ranked));
		ranking->worst = calloc(ranking->count, sizeof(*ranking->worst));
	}
	if (some && (!ranking->slots_ranked || !ranking->worst)) {
		ranking_close(ranking);
		return -ENOMEM;
	}
	*ret = ranking;
	return 0;
}

void ranking_close(struct ranking *ranking)
{
	if (!ranking)
		return;
	free(ranking->slots_ranked);
	free(ranking->worst);
	free(ranking);
}

/* --- the worst of those offered --- */

static bool contender_is_worse(const struct contender *one, const struct contender *other)
{
	if (one->loss != other->loss)
		return one->loss > other->loss;
	if (one->excess != other->excess)
		return one->excess > other->excess;
	return one->slot < other->slot;
}

static void contenders_swap(struct contender *worst, uint32_t one, uint32_t other)
{
	struct contender kept = worst[one];

	worst[one] = worst[other];
	worst[other] = kept;
}

static void heap_rise(struct contender *worst, uint32_t place)
{
	while (place > 0 && contender_is_worse(&worst[(place - 1) / 2], &worst[place])) {
		contenders_swap(worst, place, (place - 1) / 2);
		place = (place - 1) / 2;
	}
}

static void heap_sink(struct contender *worst, uint32_t count)
{
	uint32_t place = 0;

	for (;;) {
		uint32_t least = 2 * place + 1;

		if (least + 1 < count && contender_is_worse(&worst[least], &worst[least + 1]))
			least++;
		if (least >= count || !contender_is_worse(&worst[place], &worst[least]))
			return;
		contenders_swap(worst, place, least);
		place = least;
	}
}

/* The worst first. */
static void heap_sort(struct contender *worst, uint32_t count)
{
	while (count > 1) {
		count--;
		contenders_swap(worst, 0, count);
		heap_sink(worst, count);
	}
}

void ranking_begin(struct ranking *ranking, struct local_time now)
{
	ranking->now = now;
	ranking->evaluation++;
	ranking->worst_count = 0;
}

void ranking_offer(struct ranking *ranking, uint32_t slot, uint16_t loss, uint32_t excess)
{
	struct contender offered = { .slot = slot, .excess = excess, .loss = loss };
	struct contender *worst = ranking->worst;

	assert(slot < ranking->slots);
	if (!worst)
		return;
	if (slot >= ranking->top)
		ranking->top = slot + 1;
	if (loss <= RANKING_LOSS_NOISE)
		offered.loss = 0;
	if (excess < RANKING_EXCESS_MIN)
		offered.excess = EXCESS_NONE;
	ranking->slots_ranked[slot].loss = offered.loss;
	ranking->slots_ranked[slot].excess = offered.excess;
	if (offered.loss == 0 && offered.excess == EXCESS_NONE)
		return;
	if (ranking->worst_count < ranking->count) {
		worst[ranking->worst_count] = offered;
		heap_rise(worst, ranking->worst_count++);
	} else if (contender_is_worse(&offered, &worst[0])) {
		worst[0] = offered;
		heap_sink(worst, ranking->worst_count);
	}
}

/* --- who is listed --- */

static bool ranking_is_worst(const struct ranking *ranking, const struct ranked *ranked)
{
	return ranked->in_a_row > 0 && ranked->evaluation == ranking->evaluation;
}

static void ranking_mark_worst(struct ranking *ranking)
{
	for (uint32_t i = 0; i < ranking->worst_count; i++) {
		struct ranked *ranked = &ranking->slots_ranked[ranking->worst[i].slot];

		ranked->evaluation = ranking->evaluation;
		if (ranked->in_a_row < RANKING_ENTER)
			ranked->in_a_row++;
	}
}

/* Those that are not among them: the row ends, and so may their time on the list. */
static void ranking_leave_out(struct ranking *ranking)
{
	for (uint32_t slot = 0; slot < ranking->top; slot++) {
		struct ranked *ranked = &ranking->slots_ranked[slot];

		if (ranking_is_worst(ranking, ranked))
			continue;
		ranked->in_a_row = 0;
		if (ranked->listed && local_since(ranking->now, ranked->since) >= RANKING_STAY_NS) {
			ranked->listed = false;
			ranking->listed--;
		}
	}
}

/* Of those that stay without being among the worst, the one that is least bad by now. Where room is
 * RANKING_ROOM times the worst, and one of these is not listed, there is one. */
static struct ranked *ranking_weakest(const struct ranking *ranking)
{
	struct ranked *weakest = NULL;

	for (uint32_t slot = 0; slot < ranking->top; slot++) {
		struct ranked *ranked = &ranking->slots_ranked[slot];

		if (!ranked->listed || ranking_is_worst(ranking, ranked))
			continue;
		if (!weakest || ranked->loss < weakest->loss ||
		    (ranked->loss == weakest->loss && ranked->excess < weakest->excess))
			weakest = ranked;
	}
	assert(weakest);
	return weakest;
}

static bool contender_is_far_worse(const struct contender *one, const struct ranked *other)
{
	if (other->loss == 0 && one->excess / RANKING_FAR_EXCESS >= other->excess)
		return true;
	return one->loss >= 2 * other->loss + RANKING_FAR_LOSS;
}

/* Where those who stay leave too few places, the worst get them. */
static void ranking_take_in(struct ranking *ranking)
{
	struct ranked *weakest = NULL;

	heap_sort(ranking->worst, ranking->worst_count);
	for (uint32_t i = 0; i < ranking->worst_count; i++) {
		struct ranked *ranked = &ranking->slots_ranked[ranking->worst[i].slot];

		if (ranked->listed || ranked->in_a_row < RANKING_ENTER)
			continue;
		if (ranking->listed == ranking->room) {
			weakest = weakest ? weakest : ranking_weakest(ranking);
			if (!contender_is_far_worse(&ranking->worst[i], weakest))
				continue;
			weakest->listed = false;
			weakest = NULL;
			ranking->listed--;
		}
		ranked->listed = true;
		ranked->since = ranking->now;
		ranking->listed++;
	}
}

void ranking_end(struct ranking *ranking)
{
	if (!ranking->worst)
		return;
	ranking_mark_worst(ranking);
	ranking_leave_out(ranking);
	ranking_take_in(ranking);
}

void ranking_forget(struct ranking *ranking, uint32_t slot)
{
	if (slot >= ranking->top)
		return;
	ranking->listed -= ranking->slots_ranked[slot].listed;
	ranking->slots_ranked[slot] = (struct ranked){ 0 };
}

bool ranking_lists(const struct ranking *ranking, uint32_t slot)
{
	if (ranking->count == RANKING_ALL)
		return true;
	return slot < ranking->top && ranking->slots_ranked[slot].listed;
}

uint32_t ranking_listed(const struct ranking *ranking)
{
	return ranking->count == RANKING_ALL ? RANKING_ALL : ranking->listed;
}
