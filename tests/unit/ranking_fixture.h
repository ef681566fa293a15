/* SPDX-License-Identifier: Apache-2.0 */
/* A ranking, and what it is told of each peer. */
#ifndef RANKING_FIXTURE_H
#define RANKING_FIXTURE_H

#include "unit/cmocka_all.h"

#include <string.h>

#include "ranking.h"

#define SLOTS 64

/* The least that ranks, and what goes with it. */
#define LOSS   (RANKING_LOSS_NOISE + 1)
#define EXCESS RANKING_EXCESS_MIN

struct bench {
	struct ranking *ranking;
	struct local_time now;
	uint32_t slots;
	struct {
		bool live;
		uint16_t loss;
		uint32_t excess;
	} peers[SLOTS];
};

static inline void bench_open(struct bench *bench, uint32_t slots, uint32_t count)
{
	memset(bench, 0, sizeof(*bench));
	bench->slots = slots;
	bench->now.ns = 7 * NS_PER_SECOND;
	assert_int_equal(ranking_open(slots, count, &bench->ranking), 0);
	for (uint32_t slot = 0; slot < slots; slot++) {
		bench->peers[slot].live = true;
		bench->peers[slot].excess = 1024;
	}
}

static inline void evaluate(struct bench *bench)
{
	ranking_begin(bench->ranking, bench->now);
	for (uint32_t slot = 0; slot < bench->slots; slot++) {
		if (bench->peers[slot].live)
			ranking_offer(bench->ranking, slot, bench->peers[slot].loss,
				      bench->peers[slot].excess);
	}
	ranking_end(bench->ranking);
	bench->now = local_after(bench->now, RANKING_EVERY_NS);
}

static inline void evaluate_often(struct bench *bench, uint32_t times)
{
	while (times-- > 0)
		evaluate(bench);
}

/* Slots that are listed, a bit for each. */
static inline uint64_t listed(const struct bench *bench)
{
	uint64_t slots = 0;

	for (uint32_t slot = 0; slot < bench->slots; slot++)
		slots |= (uint64_t)ranking_lists(bench->ranking, slot) << slot;
	assert_int_equal(__builtin_popcountll(slots), ranking_listed(bench->ranking));
	return slots;
}

#endif
