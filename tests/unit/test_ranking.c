/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking: the worst are listed, in their time and for their time, and never more than there are
 * places. */
#include "unit/cmocka_all.h"

#include "unit/ranking_fixture.h"

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

/* Where those that stay are as bad as the last of the worst, it is still one of them. */
static void none_of_the_worst_makes_room(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, 12, 2);
	bench.peers[4].loss = bench.peers[5].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	bench.peers[1].loss = bench.peers[2].loss = LOSS;
	evaluate_often(&bench, RANKING_ENTER);
	bench.peers[9].loss = UINT16_MAX;
	evaluate_often(&bench, RANKING_ENTER);
	assert_int_equal(listed(&bench), 1 << 9 | 1 << 1 | 1 << 4 | 1 << 5);
	ranking_close(bench.ranking);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_in_a_row_enter),
		cmocka_unit_test(who_is_listed_stays_ten_minutes),
		cmocka_unit_test(the_worst_are_listed),
		cmocka_unit_test(what_means_nothing_does_not_rank),
		cmocka_unit_test(there_are_so_many_places),
		cmocka_unit_test(who_is_far_worse_does_not_wait),
		cmocka_unit_test(none_of_the_worst_makes_room),
		cmocka_unit_test(a_slot_that_is_handed_on_is_forgotten),
		cmocka_unit_test(nobody_and_everybody),
	};

	return cmocka_run_group_tests_name("ranking", tests, NULL, NULL);
}
