/* SPDX-License-Identifier: Apache-2.0 */
/* Turns: one in every interval at the slot's own phase, none made up for, none left out without
 * need. */
#include "unit/cmocka_all.h"

#include "turns.h"

#define MS    NS_PER_MS
#define START (100 * NS_PER_SECOND + 1)
#define SLOTS 8

static struct local_time at(int64_t ns)
{
	return (struct local_time){ .ns = START + ns };
}

static struct turns *opened(int64_t interval_ns, int64_t phase_ns)
{
	struct turns *turns;

	assert_int_equal(turns_open(SLOTS, interval_ns, phase_ns, &turns), 0);
	return turns;
}

static void a_stopped_slot_has_no_turn(void **state)
{
	struct turns *turns = opened(NS_PER_SECOND, 0);

	(void)state;
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		assert_true(turns_next(turns, slot).ns == INT64_MAX);
		assert_false(turns_take(turns, slot, at(3600 * NS_PER_SECOND)));
	}
	turns_start(turns, 3, at(0));
	turns_stop(turns, 3);
	assert_true(turns_next(turns, 3).ns == INT64_MAX);
	turns_close(turns);
	turns_close(NULL);
}

static void each_interval_has_one_turn_at_the_same_phase(void **state)
{
	static const int64_t intervals_ns[] = { MS, 10 * MS, NS_PER_SECOND, 60 * NS_PER_SECOND };

	(void)state;
	for (size_t i = 0; i < sizeof(intervals_ns) / sizeof(intervals_ns[0]); i++) {
		int64_t interval_ns = intervals_ns[i];
		struct turns *turns = opened(interval_ns, interval_ns - 1);

		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			struct local_time next, first;

			turns_start(turns, slot, at(0));
			first = next = turns_next(turns, slot);
			assert_true(next.ns > START && next.ns <= START + interval_ns);
			for (int64_t turn = 1; turn <= 10; turn++) {
				assert_false(turns_take(turns, slot, local_after(next, -1)));
				assert_true(turns_take(turns, slot, next));
				assert_false(turns_take(turns, slot, next));
				next = turns_next(turns, slot);
				assert_true(next.ns == first.ns + turn * interval_ns);
			}
		}
		turns_close(turns);
	}
}

static void only_a_turn_missed_by_long_is_left_out(void **state)
{
	static const struct {
		int64_t interval_ns, late_ns;
		bool expected;
	} cases[] = {
		{ 10 * MS, 0, true },
		{ 10 * MS, NS_PER_SECOND, true },
		{ 10 * MS, NS_PER_SECOND + 1, false },
		{ 5 * NS_PER_SECOND, 5 * NS_PER_SECOND, true },
		{ 5 * NS_PER_SECOND, 5 * NS_PER_SECOND + 1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct turns *turns = opened(cases[i].interval_ns, 7);
		struct local_time late;

		turns_start(turns, 5, at(0));
		late = local_after(turns_next(turns, 5), cases[i].late_ns);
		assert_int_equal(turns_take(turns, 5, late), cases[i].expected);
		/* The next is on time either way, and there is but one. */
		assert_in_range(local_since(turns_next(turns, 5), late), 1, cases[i].interval_ns);
		assert_true(turns_take(turns, 5, turns_next(turns, 5)));
		turns_close(turns);
	}
}

static void a_turn_at_once_is_the_phase(void **state)
{
	struct turns *turns = opened(NS_PER_SECOND, TURNS_AT_ONCE);

	(void)state;
	turns_start(turns, 2, at(123));
	assert_true(turns_next(turns, 2).ns == at(123).ns);
	assert_true(turns_take(turns, 2, at(123 + 7 * MS)));
	assert_true(turns_next(turns, 2).ns == at(123 + NS_PER_SECOND).ns);
	/* Started again, it keeps its turn. */
	turns_start(turns, 2, at(500 * MS));
	assert_true(turns_next(turns, 2).ns == at(123 + NS_PER_SECOND).ns);
	assert_false(turns_take(turns, 2, at(122 + NS_PER_SECOND)));
	/* A stall makes no burst. */
	assert_false(turns_take(turns, 2, at(10 * NS_PER_SECOND)));
	assert_true(turns_next(turns, 2).ns == at(123 + 10 * NS_PER_SECOND).ns);
	assert_true(turns_take(turns, 2, at(123 + 10 * NS_PER_SECOND)));
	turns_stop(turns, 2);
	turns_start(turns, 2, at(99 * NS_PER_SECOND));
	assert_true(turns_next(turns, 2).ns == at(99 * NS_PER_SECOND).ns);
	turns_close(turns);
}

static void whose_turn_it_is_is_found(void **state)
{
	struct turns *turns = opened(NS_PER_SECOND, TURNS_AT_ONCE);

	(void)state;
	assert_int_equal(turns_find(turns, 0, at(3600 * NS_PER_SECOND)), SLOTS);
	assert_true(turns_first(turns).ns == INT64_MAX);
	turns_start(turns, 5, at(20));
	turns_start(turns, 2, at(30));
	turns_start(turns, SLOTS - 1, at(10));
	assert_true(turns_first(turns).ns == at(10).ns);
	assert_int_equal(turns_find(turns, 0, at(9)), SLOTS);
	assert_int_equal(turns_find(turns, 0, at(10)), SLOTS - 1);
	assert_int_equal(turns_find(turns, 0, at(20)), 5);
	assert_int_equal(turns_find(turns, 5, at(20)), 5);
	assert_int_equal(turns_find(turns, 6, at(20)), SLOTS - 1);
	assert_int_equal(turns_find(turns, 0, at(30)), 2);
	assert_int_equal(turns_find(turns, SLOTS, at(30)), SLOTS);
	assert_true(turns_take(turns, SLOTS - 1, at(30)));
	assert_true(turns_first(turns).ns == at(20).ns);
	turns_close(turns);
}

/* At most 10 wake-ups a second where an interval is tenths of one, unless a batch were too small;
 * then as many in an interval as there are batches. */
static void ticks_gather_turns(void **state)
{
	static const struct {
		int64_t interval_ns;
		uint32_t slots;
		int64_t expected_ns;
	} cases[] = {
		{ NS_PER_SECOND, 0, 100 * MS },
		{ NS_PER_SECOND, 64, 100 * MS },
		{ NS_PER_SECOND, 640, 100 * MS },
		{ NS_PER_SECOND, 641, NS_PER_SECOND / 11 },
		{ NS_PER_SECOND, 704, NS_PER_SECOND / 11 },
		{ NS_PER_SECOND, 800, NS_PER_SECOND / 13 },
		{ NS_PER_SECOND, 5120, NS_PER_SECOND / 80 },
		{ 3600 * NS_PER_SECOND, 5120, 100 * MS },
		{ 250 * MS, 1, 250 * MS / 3 },
		{ 101 * MS, 1, 101 * MS / 2 },
		{ 100 * MS, 64, 100 * MS },
		{ 100 * MS, 100, 50 * MS },
		{ 10 * MS, 1, 10 * MS },
		{ 10 * MS, 128, 5 * MS },
		{ 10 * MS, 5120, MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(turns_tick_ns(cases[i].interval_ns, cases[i].slots, 64),
				 cases[i].expected_ns);
}

/* On the grid of ticks, what is a slot's phase but for less than a tick stays so, however many
 * others there are. */
static void turns_stay_apart(int64_t interval_ns, int64_t tick_ns)
{
	int64_t apart = (interval_ns + tick_ns / 2) / tick_ns;
	int64_t start = START / tick_ns + 1, last = start;
	struct turns *turns = opened(interval_ns, 0);

	turns_start(turns, 3, (struct local_time){ .ns = start * tick_ns });
	for (int64_t tick = start + 1; tick <= start + 40 * apart; tick++) {
		if (!turns_take(turns, 3, (struct local_time){ .ns = tick * tick_ns }))
			continue;
		assert_true(last == start || tick - last == apart);
		last = tick;
	}
	assert_true(start + 40 * apart - last < apart);
	turns_close(turns);
}

static void a_slot_has_one_turn_in_as_many_ticks_each(void **state)
{
	static const int64_t intervals_ns[] = { 10 * MS,  60 * MS,   100 * MS,	   150 * MS,
						250 * MS, 1050 * MS, NS_PER_SECOND };
	static const uint32_t counts[] = { SLOTS, 100, 640 };

	(void)state;
	for (size_t i = 0; i < sizeof(intervals_ns) / sizeof(intervals_ns[0]); i++)
		for (size_t j = 0; j < sizeof(counts) / sizeof(counts[0]); j++)
			turns_stay_apart(intervals_ns[i],
					 turns_tick_ns(intervals_ns[i], counts[j], 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stopped_slot_has_no_turn),
		cmocka_unit_test(each_interval_has_one_turn_at_the_same_phase),
		cmocka_unit_test(only_a_turn_missed_by_long_is_left_out),
		cmocka_unit_test(a_turn_at_once_is_the_phase),
		cmocka_unit_test(whose_turn_it_is_is_found),
		cmocka_unit_test(ticks_gather_turns),
		cmocka_unit_test(a_slot_has_one_turn_in_as_many_ticks_each),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
