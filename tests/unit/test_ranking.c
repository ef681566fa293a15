/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking: the worst are listed, in their time and for their time, and never more than there are
 * places. */
#include "unit/cmocka_all.h"

#include <stdlib.h>
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

static void bench_open(struct bench *bench, uint32_t slots, uint32_t count)
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

static void evaluate(struct bench *bench)
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

static void evaluate_often(struct bench *bench, uint32_t times)
{
	while (times-- > 0)
		evaluate(bench);
}

/* Slots that are listed, a bit for each. */
static uint64_t listed(const struct bench *bench)
{
	uint64_t slots = 0;

	for (uint32_t slot = 0; slot < bench->slots; slot++)
		slots |= (uint64_t)ranking_lists(bench->ranking, slot) << slot;
	assert_int_equal(__builtin_popcountll(slots), ranking_listed(bench->ranking));
	return slots;
}

static void three_in_a_row_enter(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 8, 2);
	evaluate_often(&bench, 10);
	assert_int_equal(listed(&bench), 0);
	bench.peers[3].loss = LOSS;
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 0);
	bench.peers[3].loss = 0;
	evaluate(&bench);
	bench.peers[3].loss = LOSS;
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 0);
	/* Nor is who was not there meanwhile. */
	bench.peers[3].live = false;
	evaluate(&bench);
	bench.peers[3].live = true;
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 0);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 3);
	ranking_close(bench.ranking);
}

static void who_is_listed_stays_ten_minutes(void **state)
{
	const uint32_t stay = RANKING_STAY_NS / RANKING_EVERY_NS;
	struct bench bench;

	(void)state;
	bench_open(&bench, 8, 2);
	bench.peers[3].excess = EXCESS;
	evaluate_often(&bench, RANKING_ENTER);
	bench.peers[3].excess = 1024;
	evaluate_often(&bench, stay - 1);
	assert_int_equal(listed(&bench), 1 << 3);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 0);
	/* And longer while it is among the worst; it leaves with the first time that it is not. */
	bench.peers[3].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER + 3 * stay);
	assert_int_equal(listed(&bench), 1 << 3);
	bench.peers[3].loss = 0;
	evaluate(&bench);
	assert_int_equal(listed(&bench), 0);
	ranking_close(bench.ranking);
}

/* By loss, then by excess, then by slot. */
static void the_worst_are_listed(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 10, 4);
	bench.peers[1].excess = 5000;
	bench.peers[2].excess = 4000;
	bench.peers[4].excess = 4000;
	bench.peers[5].excess = 4000;
	bench.peers[7].loss = LOSS;
	bench.peers[7].excess = 0; /* not known */
	bench.peers[8].loss = LOSS + 1;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 8 | 1 << 7 | 1 << 1 | 1 << 2);
	ranking_close(bench.ranking);
}

/* What any may lose does not come before a p99 that means something, nor does it count alone. */
static void what_means_nothing_does_not_rank(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 10, 1);
	bench.peers[1].loss = LOSS - 1;
	bench.peers[2].excess = EXCESS - 1;
	evaluate_often(&bench, 2 * RANKING_ENTER);
	assert_int_equal(listed(&bench), 0);
	bench.peers[3].excess = EXCESS;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 3);
	bench.peers[4].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 3 | 1 << 4);
	ranking_close(bench.ranking);
}

/* Those that stay have as many places as the worst. Who is worse than they are but not by far waits
 * for one; of several, the worst gets it. */
static void there_are_so_many_places(void **state)
{
	const uint32_t stay = RANKING_STAY_NS / RANKING_EVERY_NS;
	const uint64_t all = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4;
	struct bench bench;

	(void)state;
	bench_open(&bench, 12, 2);
	bench.peers[1].excess = EXCESS;
	evaluate(&bench);
	bench.peers[2].excess = EXCESS;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 1 | 1 << 2);
	bench.peers[3].excess = EXCESS + 1;
	bench.peers[4].excess = EXCESS + 1;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), all);
	bench.peers[7].loss = LOSS;
	bench.peers[8].loss = LOSS + 1;
	/* 1 entered four evaluations before 3 and 4, and 2 three. */
	evaluate_often(&bench, stay - 5);
	assert_int_equal(listed(&bench), all);
	evaluate(&bench);
	assert_int_equal(listed(&bench), (all ^ 1 << 1) | 1 << 8);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8);
	ranking_close(bench.ranking);
}

/* Two places are taken by the worst and two by who stays; then somebody is far worse. */
static uint64_t listed_after(uint32_t excess_of_stayer, uint16_t loss_of_stayer, uint32_t excess,
			     uint32_t loss)
{
	struct bench bench;
	uint64_t slots;

	bench_open(&bench, 12, 2);
	bench.peers[4].loss = bench.peers[5].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	bench.peers[4].loss = loss_of_stayer;
	bench.peers[4].excess = excess_of_stayer;
	bench.peers[5].loss = loss_of_stayer;
	bench.peers[5].excess = excess_of_stayer + 1;
	bench.peers[1].loss = bench.peers[2].loss = loss_of_stayer;
	bench.peers[1].excess = bench.peers[2].excess = excess_of_stayer + 2;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 4 | 1 << 5 | 1 << 1 | 1 << 2);
	bench.peers[9].loss = (uint16_t)loss;
	bench.peers[9].excess = excess;
	evaluate_often(&bench, RANKING_ENTER - 1);
	assert_int_equal(listed(&bench), 1 << 4 | 1 << 5 | 1 << 1 | 1 << 2);
	evaluate(&bench);
	slots = listed(&bench);
	/* And nothing else follows from it. */
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), slots);
	ranking_close(bench.ranking);
	return slots;
}

/* Then the weakest of those that stay makes room. */
static void who_is_far_worse_does_not_wait(void **state)
{
	const uint64_t waits = 1 << 4 | 1 << 5 | 1 << 1 | 1 << 2;
	const uint64_t enters = 1 << 9 | 1 << 5 | 1 << 1 | 1 << 2;

	(void)state;
	assert_int_equal(listed_after(EXCESS, 0, 4 * EXCESS - 1, 0), waits);
	assert_int_equal(listed_after(EXCESS, 0, 4 * EXCESS, 0), enters);
	assert_int_equal(listed_after(EXCESS, 0, 4 * EXCESS, LOSS), enters);
	assert_int_equal(listed_after(EXCESS, 0, 1024, RANKING_FAR_LOSS - 1), waits);
	assert_int_equal(listed_after(EXCESS, 0, 1024, RANKING_FAR_LOSS), enters);
	assert_int_equal(listed_after(EXCESS, LOSS, 40 * EXCESS, 2 * LOSS), waits);
	assert_int_equal(listed_after(EXCESS, LOSS, 0, 2 * LOSS + RANKING_FAR_LOSS - 1), waits);
	assert_int_equal(listed_after(EXCESS, LOSS, 0, 2 * LOSS + RANKING_FAR_LOSS), enters);
	assert_int_equal(listed_after(EXCESS, UINT16_MAX / 2, 0, UINT16_MAX), waits);
}

static void a_slot_that_is_handed_on_is_forgotten(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 8, 2);
	for (uint32_t slot = 0; slot < 8; slot++)
		ranking_forget(bench.ranking, slot); /* nothing is known of it */
	bench.peers[3].loss = LOSS + 2;
	bench.peers[4].loss = LOSS + 1;
	bench.peers[5].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	ranking_forget(bench.ranking, 3);
	assert_int_equal(listed(&bench), 1 << 4);
	ranking_forget(bench.ranking, 3);
	assert_int_equal(listed(&bench), 1 << 4);
	/* Its row begins anew, too; the one behind it has its own to complete. */
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 1 << 4);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 4 | 1 << 3);
	bench.peers[3].live = false;
	ranking_forget(bench.ranking, 3);
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 1 << 4);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 4 | 1 << 5);
	ranking_close(bench.ranking);
}

static void nobody_and_everybody(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 8, 0);
	bench.peers[3].loss = LOSS;
	evaluate_often(&bench, 2 * RANKING_ENTER);
	assert_int_equal(listed(&bench), 0);
	ranking_forget(bench.ranking, 3);
	ranking_close(bench.ranking);
	bench_open(&bench, 8, RANKING_ALL);
	for (uint32_t slot = 0; slot < 8; slot++)
		assert_true(ranking_lists(bench.ranking, slot));
	evaluate_often(&bench, 2);
	ranking_forget(bench.ranking, 3);
	for (uint32_t slot = 0; slot < 8; slot++)
		assert_true(ranking_lists(bench.ranking, slot));
	assert_int_equal(ranking_listed(bench.ranking), RANKING_ALL);
	ranking_close(bench.ranking);
	/* More places than slots. */
	bench_open(&bench, 4, 5000);
	for (uint32_t slot = 0; slot < 4; slot++)
		bench.peers[slot].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 0xf);
	ranking_close(bench.ranking);
	ranking_close(NULL);
}

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
		bench->now = local_after(bench->now, below(100) * NS_PER_SECOND);
		break;
	case 2:
	case 3:
		bench->peers[slot].loss = (uint16_t)(below(3) * (LOSS / 2 + below(2)));
		bench->peers[slot].loss *= below(8) == 0 ? 30 : 1;
		break;
	default:
		bench->peers[slot].excess = EXCESS - 4 + below(8);
		bench->peers[slot].excess *= below(8) == 0 ? 4 : 1;
		break;
	}
}

static void rules_hold_whatever_happens(void **state)
{
	uint32_t changes = 0, early = 0;

	(void)state;
	for (uint32_t run = 0; run < 200; run++) {
		uint32_t places = 1 + below(12);
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
		cmocka_unit_test(three_in_a_row_enter),
		cmocka_unit_test(who_is_listed_stays_ten_minutes),
		cmocka_unit_test(the_worst_are_listed),
		cmocka_unit_test(what_means_nothing_does_not_rank),
		cmocka_unit_test(there_are_so_many_places),
		cmocka_unit_test(who_is_far_worse_does_not_wait),
		cmocka_unit_test(a_slot_that_is_handed_on_is_forgotten),
		cmocka_unit_test(nobody_and_everybody),
		cmocka_unit_test(rules_hold_whatever_happens),
	};

	return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
