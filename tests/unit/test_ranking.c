/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking: the worst are listed, in their time and for their time, and never more than there are
 * places. */
#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "ranking.h"

#define SLOTS 64

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
	bench.peers[3].loss = 1;
	evaluate_often(&bench, 2);
	assert_int_equal(listed(&bench), 0);
	bench.peers[3].loss = 0;
	evaluate(&bench);
	bench.peers[3].loss = 1;
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
	bench.peers[3].excess = 1025;
	evaluate_often(&bench, RANKING_ENTER);
	bench.peers[3].excess = 1024;
	evaluate_often(&bench, stay - 1);
	assert_int_equal(listed(&bench), 1 << 3);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 0);
	/* And longer while it is among the worst; it leaves with the first time that it is not. */
	bench.peers[3].loss = 9;
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
	bench.peers[7].loss = 1;
	bench.peers[7].excess = 0; /* not known */
	bench.peers[8].loss = 2;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 8 | 1 << 7 | 1 << 1 | 1 << 2);
	ranking_close(bench.ranking);
}

/* Who is worse than those that stay, waits for a place; of several, the worst gets it. */
static void there_are_so_many_places(void **state)
{
	const uint32_t stay = RANKING_STAY_NS / RANKING_EVERY_NS;
	struct bench bench;

	(void)state;
	bench_open(&bench, 10, 2);
	bench.peers[1].loss = 10;
	bench.peers[2].loss = 20;
	evaluate(&bench);
	bench.peers[2].loss = 0;
	bench.peers[6].loss = 5;
	evaluate(&bench);
	bench.peers[2].loss = 20;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 1 | 1 << 2);
	bench.peers[7].loss = 100;
	bench.peers[8].loss = 101;
	/* 1 entered two evaluations before 2. */
	evaluate_often(&bench, stay - 3);
	assert_int_equal(listed(&bench), 1 << 1 | 1 << 2);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 8 | 1 << 2);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 8 | 1 << 2);
	evaluate(&bench);
	assert_int_equal(listed(&bench), 1 << 8 | 1 << 7);
	ranking_close(bench.ranking);
}

static void a_slot_that_is_handed_on_is_forgotten(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 8, 2);
	for (uint32_t slot = 0; slot < 8; slot++)
		ranking_forget(bench.ranking, slot); /* nothing is known of it */
	bench.peers[3].loss = 10;
	bench.peers[4].loss = 9;
	bench.peers[5].loss = 8;
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
	bench.peers[3].loss = 10;
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
		bench.peers[slot].loss = 1;
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

static int compare_slots(const void *one, const void *other, void *ctx)
{
	const struct bench *bench = ctx;
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	if (bench->peers[a].loss != bench->peers[b].loss)
		return bench->peers[a].loss > bench->peers[b].loss ? -1 : 1;
	if (bench->peers[a].excess != bench->peers[b].excess)
		return bench->peers[a].excess > bench->peers[b].excess ? -1 : 1;
	return a < b ? -1 : 1;
}

/* The rules, written again as they are told. */
struct model {
	uint32_t row[SLOTS];
	int64_t since_ns[SLOTS];
	uint64_t listed;
};

static void model_evaluate(struct model *model, struct bench *bench, uint32_t places)
{
	uint32_t slots[SLOTS], count = 0;
	uint64_t worst = 0;

	for (uint32_t slot = 0; slot < bench->slots; slot++)
		if (bench->peers[slot].live &&
		    (bench->peers[slot].loss > 0 || bench->peers[slot].excess > 1024))
			slots[count++] = slot;
	qsort_r(slots, count, sizeof(slots[0]), compare_slots, bench);
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
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = slots[i];

		if (model->row[slot] < RANKING_ENTER || model->listed >> slot & 1 ||
		    (uint32_t)__builtin_popcountll(model->listed) >= places)
			continue;
		model->listed |= 1ull << slot;
		model->since_ns[slot] = bench->now.ns;
	}
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
		bench->peers[slot].loss = (uint16_t)(below(2) * below(4));
		break;
	default:
		bench->peers[slot].excess = 1020 + below(12);
		break;
	}
}

static void rules_hold_whatever_happens(void **state)
{
	uint32_t changes = 0;

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
		ranking_close(bench.ranking);
	}
	assert_true(changes > 1000);
}

/* A day on which 50 are alike, and 10 places: whoever is listed is so for ten minutes. */
static void noise_does_not_make_series_flap(void **state)
{
	struct bench bench;
	uint32_t entered = 0, bad_missing = 0;
	int64_t since_ns[SLOTS] = { 0 };
	uint64_t before = 0;

	(void)state;
	bench_open(&bench, 50, 10);
	for (uint32_t step = 0; step < 24 * 240; step++) {
		for (uint32_t slot = 0; slot < 50; slot++)
			bench.peers[slot].excess = 900 + below(250);
		for (uint32_t slot = 0; slot < 3; slot++)
			bench.peers[slot].excess = 1200 + below(250);
		evaluate(&bench);
		for (uint32_t slot = 0; slot < 50; slot++) {
			bool is = listed(&bench) >> slot & 1, was = before >> slot & 1;

			if (is && !was) {
				entered++;
				since_ns[slot] = bench.now.ns;
			}
			if (was && !is)
				assert_true(bench.now.ns - since_ns[slot] >= RANKING_STAY_NS);
		}
		assert_in_range(ranking_listed(bench.ranking), 0, 10);
		before = listed(&bench);
		bad_missing += step >= RANKING_ENTER && (before & 7) != 7;
	}
	print_message("in a day of noise %u entered 10 places\n", entered);
	assert_int_equal(bad_missing, 0);
	assert_in_range(entered, 3, 10 * 24 * 6);
	ranking_close(bench.ranking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_in_a_row_enter),
		cmocka_unit_test(who_is_listed_stays_ten_minutes),
		cmocka_unit_test(the_worst_are_listed),
		cmocka_unit_test(there_are_so_many_places),
		cmocka_unit_test(a_slot_that_is_handed_on_is_forgotten),
		cmocka_unit_test(nobody_and_everybody),
		cmocka_unit_test(rules_hold_whatever_happens),
		cmocka_unit_test(noise_does_not_make_series_flap),
	};

	return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
