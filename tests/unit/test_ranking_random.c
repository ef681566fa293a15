/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking: whatever happens, it lists whom the rules list. */
#include "unit/cmocka_all.h"

#include <stdlib.h>

#include "unit/ranking_fixture.h"

static uint64_t random_state = 0x5eed77;

static uint32_t below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % limit;
}

/* The rules, written again as they are told. */
struct model {
	uint32_t row[SLOTS];
	int64_t since_ns[SLOTS];
	uint64_t listed;
	uint32_t early; /* so many made room */
};

static uint32_t loss_of(const struct bench *bench, uint32_t slot)
{
	return bench->peers[slot].loss >= LOSS ? bench->peers[slot].loss : 0;
}

static uint32_t excess_of(const struct bench *bench, uint32_t slot)
{
	return bench->peers[slot].excess >= EXCESS ? bench->peers[slot].excess : 1024;
}

static int compare_slots(const void *one, const void *other, void *ctx)
{
	const struct bench *bench = ctx;
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	if (loss_of(bench, a) != loss_of(bench, b))
		return loss_of(bench, a) > loss_of(bench, b) ? -1 : 1;
	if (excess_of(bench, a) != excess_of(bench, b))
		return excess_of(bench, a) > excess_of(bench, b) ? -1 : 1;
	return a < b ? -1 : 1;
}

/* The worst first. */
static uint32_t model_rank(const struct bench *bench, uint32_t *slots)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < bench->slots; slot++)
		if (bench->peers[slot].live &&
		    (loss_of(bench, slot) > 0 || excess_of(bench, slot) > 1024))
			slots[count++] = slot;
	qsort_r(slots, count, sizeof(slots[0]), compare_slots, (void *)(uintptr_t)bench);
	return count;
}

/* The last of those that are listed and not among the worst, and of equals the first. */
static uint32_t model_weakest(const struct model *model, const struct bench *bench, uint64_t worst)
{
	uint32_t weakest = SLOTS;

	for (uint32_t slot = 0; slot < bench->slots; slot++) {
		if (!(model->listed >> slot & 1) || worst >> slot & 1)
			continue;
		if (weakest == SLOTS || loss_of(bench, slot) < loss_of(bench, weakest) ||
		    (loss_of(bench, slot) == loss_of(bench, weakest) &&
		     excess_of(bench, slot) < excess_of(bench, weakest)))
			weakest = slot;
	}
	return weakest;
}

static bool model_far_worse(const struct bench *bench, uint32_t one, uint32_t other)
{
	if (loss_of(bench, one) >= 2 * loss_of(bench, other) + UINT16_MAX / 10)
		return true;
	return loss_of(bench, other) == 0 && excess_of(bench, one) >= 4 * excess_of(bench, other);
}

static void model_take_in(struct model *model, const struct bench *bench, uint32_t slot,
			  uint64_t worst, uint32_t room)
{
	if ((uint32_t)__builtin_popcountll(model->listed) == room) {
		uint32_t weakest = model_weakest(model, bench, worst);

		if (!model_far_worse(bench, slot, weakest))
			return;
		model->listed &= ~(1ull << weakest);
		model->early++;
	}
	model->listed |= 1ull << slot;
	model->since_ns[slot] = bench->now.ns;
}

static void model_evaluate(struct model *model, const struct bench *bench, uint32_t places)
{
	uint32_t room = 2 * places < bench->slots ? 2 * places : bench->slots;
	uint32_t slots[SLOTS], count = model_rank(bench, slots);
	uint64_t worst = 0;

	if (count > places)
		count = places;
	for (uint32_t i = 0; i < count; i++)
		worst |= 1ull << slots[i];
	for (uint32_t slot = 0; slot < bench->slots; slot++) {
		model->row[slot] = worst >> slot & 1 ? model->row[slot] + 1 : 0;
		if (!(worst >> slot & 1) &&
		    bench->now.ns - model->since_ns[slot] >= RANKING_STAY_NS)
			model->listed &= ~(1ull << slot);
	}
	for (uint32_t i = 0; i < count; i++)
		if (model->row[slots[i]] >= RANKING_ENTER && !(model->listed >> slots[i] & 1))
			model_take_in(model, bench, slots[i], worst, room);
}

static void any_change(struct bench *bench, struct model *model)
{
	uint32_t slot = below(bench->slots);

	switch (below(8)) {
	case 0:
		bench->peers[slot].live = below(2);
		ranking_forget(bench->ranking, slot);
		model->row[slot] = 0;
		model->listed &= ~(1ull << slot);
		break;
	case 1:
		bench->now = local_after(bench->now, below(50) * NS_PER_SECOND);
		break;
	case 2:
	case 3:
		bench->peers[slot].loss =
			(uint16_t)(below(3) * (LOSS / 2 + below(2)) * (below(3) == 0 ? 30 : 1));
		break;
	default:
		bench->peers[slot].excess = EXCESS - 4 + below(8);
		bench->peers[slot].excess *= below(3) == 0 ? 4 : 1;
		break;
	}
}

static void rules_hold_whatever_happens(void **state)
{
	uint32_t changes = 0, early = 0;

	(void)state;
	for (uint32_t run = 0; run < 200; run++) {
		uint32_t places = 1 + below(run % 2 ? 3 : 12);
		struct model model = { .listed = 0 };
		struct bench bench;
		uint64_t before = 0;

		bench_open(&bench, 1 + below(SLOTS), places);
		if (places > bench.slots)
			places = bench.slots;
		for (uint32_t step = 0; step < 300; step++) {
			for (uint32_t i = below(4); i > 0; i--)
				any_change(&bench, &model);
			model_evaluate(&model, &bench, places);
			evaluate(&bench);
			assert_true(listed(&bench) == model.listed);
			changes += before != model.listed;
			before = model.listed;
		}
		early += model.early;
		ranking_close(bench.ranking);
	}
	print_message("the list changed %u times, %u made room for others\n", changes, early);
	assert_true(changes > 1000 && early > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_hold_whatever_happens),
	};

	return cmocka_run_group_tests_name("ranking at random", tests, NULL, NULL);
}
