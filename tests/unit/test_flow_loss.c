/* SPDX-License-Identifier: Apache-2.0 */
/* Loss by flow: one bad path of several stands out, all bad ones together do not. */
#include "unit/cmocka_all.h"

#include "flow_loss.h"

#define FLOWS 4

/* `judged` verdicts of each flow in turn, the first `lost` of flow i lost; how often flow 0 stood
 * out while the last of it was told. */
static uint32_t run(struct flow_loss *flows, uint32_t count, uint32_t judged, const uint32_t *lost)
{
	uint32_t stood_out = 0;

	for (uint32_t i = 0; i < judged; i++)
		for (uint32_t flow = count; flow-- > 0;) {
			bool out = flow_loss_add(flows, count, flow, i < lost[flow]);

			stood_out += out && flow == 0;
		}
	return stood_out;
}

static void one_of_several_stands_out(void **state)
{
	static const struct {
		uint32_t count, judged, lost[FLOWS];
		bool expected;
	} cases[] = {
		{ 4, 100, { 4, 0, 0, 0 }, false },
		{ 4, 100, { 5, 0, 0, 0 }, true },
		{ 4, 100, { 100, 0, 0, 0 }, true },
		{ 1, 100, { 100 }, false },
		{ 2, 100, { 5, 0 }, true },
		{ 2, 100, { 100, 100 }, false },
		{ 4, 100, { 50, 50, 50, 50 }, false },
		{ 4, 5, { 5, 0, 0, 0 }, true }, /* few, but all of them */
		{ 4, 4, { 4, 0, 0, 0 }, false },
		{ 4, 5, { 5, 5, 5, 5 }, false },
		{ 4, 100, { 0, 100, 100, 100 }, false },
		{ 4, 5, { 5, 2, 2, 1 }, true }, /* at 5 of 5: the mean of the others is a third */
		{ 4, 5, { 5, 2, 2, 2 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow_loss flows[FLOWS] = { 0 };

		if (run(flows, cases[i].count, cases[i].judged, cases[i].lost) != cases[i].expected)
			fail_msg("case %zu", i);
		assert_int_equal(flows[0].judged, cases[i].judged);
		assert_int_equal(flows[0].lost, cases[i].lost[0]);
		assert_int_equal(flow_loss_recent(&flows[0]), cases[i].lost[0]);
	}
}

/* Shares of full rings, decided by one more verdict. */
static void three_times_the_mean(void **state)
{
	static const struct {
		uint32_t own, others[3];
		bool expected;
	} cases[] = {
		{ 5, { 2, 2, 1 }, true },	{ 5, { 2, 2, 2 }, false },
		{ 6, { 2, 2, 2 }, true },	{ 6, { 6, 0, 0 }, true },
		{ 6, { 7, 0, 0 }, false },	{ 60, { 20, 20, 20 }, true },
		{ 59, { 20, 20, 20 }, false },	{ 100, { 33, 33, 34 }, true },
		{ 100, { 34, 33, 34 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow_loss flows[FLOWS] = { 0 };

		for (uint32_t flow = 1; flow < FLOWS; flow++)
			for (uint32_t probe = 0; probe < 100; probe++)
				flow_loss_add(flows, FLOWS, flow,
					      probe < cases[i].others[flow - 1]);
		for (uint32_t probe = 0; probe < 100; probe++)
			flow_loss_add(flows, FLOWS, 0, false);
		for (uint32_t lost = 1; lost < cases[i].own; lost++)
			if (flow_loss_add(flows, FLOWS, 0, true))
				fail_msg("case %zu too early, at %u", i, lost);
		if (flow_loss_add(flows, FLOWS, 0, true) != cases[i].expected)
			fail_msg("case %zu", i);
	}
}

static void only_the_last_hundred_count(void **state)
{
	static const uint32_t none[FLOWS];
	struct flow_loss flows[FLOWS] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		/* Every twentieth: five of any hundred; then a hundred later none. */
		bool lost = i < 500 && i % 20 == 0;
		uint32_t from = i < 99 ? 0 : i - 99;
		uint32_t expected = 0;

		flow_loss_add(flows, FLOWS, 0, lost);
		for (uint32_t j = from; j <= i; j++)
			expected += j < 500 && j % 20 == 0;
		assert_int_equal(flow_loss_recent(&flows[0]), expected);
	}
	assert_int_equal(flows[0].judged, 1000);
	assert_int_equal(flows[0].lost, 25);
	run(flows, FLOWS, 100, none);
	assert_int_equal(flow_loss_recent(&flows[0]), 0);
	assert_int_equal(flows[1].judged, 100);
}

static void it_is_said_once(void **state)
{
	static const uint32_t none[FLOWS], five[FLOWS] = { 5 }, two[FLOWS] = { 2 };
	struct flow_loss flows[FLOWS] = { 0 };

	(void)state;
	run(flows, FLOWS, 100, none);
	assert_int_equal(run(flows, FLOWS, 5, five), 1);
	assert_int_equal(run(flows, FLOWS, 50, five), 0);
	/* 10 of the last hundred until the first five fall out of it: still the same. */
	assert_int_equal(run(flows, FLOWS, 46, none), 0);
	assert_int_equal(run(flows, FLOWS, 5, five), 0);
	/* Down to 4, and up again. */
	run(flows, FLOWS, 100, two);
	assert_int_equal(flow_loss_recent(&flows[0]), 2);
	assert_int_equal(run(flows, FLOWS, 5, five), 1);
}

/* A flow of which nothing is known yet is no measure. */
static void unjudged_flows_are_left_out(void **state)
{
	struct flow_loss flows[FLOWS] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_false(flow_loss_add(flows, FLOWS, 0, true));
	/* One other, as bad: still nothing, though two were never judged. */
	flow_loss_add(flows, FLOWS, 1, true);
	assert_false(flow_loss_add(flows, FLOWS, 0, true));
	flow_loss_add(flows, FLOWS, 1, false);
	flow_loss_add(flows, FLOWS, 1, false);
	assert_true(flow_loss_add(flows, FLOWS, 0, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_several_stands_out),
		cmocka_unit_test(three_times_the_mean),
		cmocka_unit_test(only_the_last_hundred_count),
		cmocka_unit_test(it_is_said_once),
		cmocka_unit_test(unjudged_flows_are_left_out),
	};

	return cmocka_run_group_tests_name("flow_loss", tests, NULL, NULL);
}
