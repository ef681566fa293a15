/* SPDX-License-Identifier: Apache-2.0 */
/* Direction of loss: stories of a flow, told probe by probe, and what may be said of them. */
#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "direction.h"

struct telling {
	struct direction direction;
	uint32_t sequence;
	struct direction_finding sum;
};

static void tell(struct telling *telling, struct direction_probe probe)
{
	struct direction_finding finding;

	probe.sequence = telling->sequence++;
	finding = direction_on_closed(&telling->direction, &probe);
	telling->sum.forward += finding.forward;
	telling->sum.backward += finding.backward;
}

/* A5: answered in order, with that counter past the base; a5: answered out of order; L5: late; x:
 * lost; ?: unclear; -: a sequence left out; !5: answered, with exactly that counter. */
static void tell_story(struct telling *telling, const char *story, uint32_t base)
{
	while (*story != '\0') {
		char kind = *story++;
		struct direction_probe probe = { .outcome = DIRECTION_ANSWERED };
		char *end;

		probe.counter = (uint32_t)strtol(story, &end, 10) + (kind == '!' ? 0 : base);
		probe.in_order = kind == 'A' || kind == '!';
		story = strchr("AaL!", kind) ? end : story;
		if (kind == 'x')
			probe.outcome = DIRECTION_LOST;
		else if (kind == 'L')
			probe.outcome = DIRECTION_LATE;
		else if (kind == '?')
			probe.outcome = DIRECTION_UNCLEAR;
		if (kind == '-')
			telling->sequence++;
		else if (kind != ' ')
			tell(telling, probe);
	}
}

static void assert_story(const char *story, uint32_t base, uint32_t first, uint32_t forward,
			 uint32_t backward)
{
	struct telling telling = { .sequence = first };

	tell_story(&telling, story, base);
	if (telling.sum.forward != forward || telling.sum.backward != backward)
		fail_msg("\"%s\" from counter %u, sequence %u: %u forward, %u backward", story,
			 base, first, telling.sum.forward, telling.sum.backward);
}

/* Wherever the counter stands, and also while the sequence wraps. */
static void what_is_known_is_told(void **state)
{
	static const struct {
		const char *story;
		uint32_t forward, backward;
	} cases[] = {
		{ "A0 A1 A2", 0, 0 },
		{ "A0 x A1", 1, 0 },
		{ "A0 x A2", 0, 1 },
		{ "A0 xxx A1", 3, 0 },
		{ "A0 xxx A4", 0, 3 },
		{ "A0 xxx A2", 2, 1 },
		{ "A0 x A1 x A3 xx A5", 2, 2 },
		/* Not before something came back behind it. */
		{ "A0 x", 0, 0 },
		{ "A0 A1 x x x", 0, 0 },
		/* Nothing to hold it against. */
		{ "x A0", 0, 0 },
		{ "xxxx A3 A4", 0, 0 },
		{ "x A0 x A1", 1, 0 },
		/* A late one arrived, and came back: lost, but on no way. */
		{ "A0 L1 A2", 0, 0 },
		{ "A0 L1 x A2", 1, 0 },
		{ "A0 x L2 A3", 0, 1 },
		{ "A0 L1 x A3", 0, 1 },
		/* Overtaken on the way there, 2 by 1: only the next tells for sure. */
		{ "A0 a2 A1 x A3", 1, 0 },
		{ "A0 a2 A1 A3", 0, 0 },
		{ "A0 x a2 A1 A3", 1, 0 },
		{ "A0 x a3 A2 A4", 0, 1 },
		{ "A0 L3 A1 x A2 A4 ", 1, 0 },
		{ "A0 L3 A1 x A4 ", 0, 1 },
		/* Also before there was a reference. */
		{ "a1 A0 x A2 x A3", 1, 0 },
		{ "L2 A0 A1 x A3 x A4", 1, 0 },
		/* Nothing is said across what is not clear. */
		{ "A0 ? x A2", 0, 0 },
		{ "A0 ? A1 x A2", 1, 0 },
		{ "A0 x ? A2 x A4", 0, 1 },
		{ "? x A2 x A3", 1, 0 },
		/* More arrivals than probes. */
		{ "A0 A2 x A3", 1, 0 },
		{ "A0 x A3 x A4", 1, 0 },
		/* Fewer than can be explained. */
		{ "A0 A1 A1 x A3", 0, 1 },
		{ "A5 x A5 A6 x A7", 1, 0 },
		/* A sequence left out looks like a probe lost on the way there. */
		{ "A0 - x A2 x A3", 1, 0 },
		{ "A0 x - A2", 0, 0 },
		{ "A0 x A2 -", 0, 1 },
		{ "A0 x A2 - A3 x A4", 1, 1 },
		/* A counter that goes back in between: late or out of order, it says so. */
		{ "A9 L3 x A10", 0, 0 },
		{ "A9 L3 x A11", 0, 0 },
		{ "A9 a9 x A11", 0, 0 },
		{ "A9 a9 x A10 x A11", 1, 0 },
	};
	static const uint32_t bases[] = { 4, 1000, 0x7ffffffe, 0x7fffffff, 0xffff0000 };
	static const uint32_t firsts[] = { 0,	       1000,	   0x7fffffff, 0xfffffffc,
					   0xfffffffd, 0xfffffffe, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < sizeof(bases) / sizeof(bases[0]); j++)
			for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++)
				assert_story(cases[i].story, bases[j], firsts[k], cases[i].forward,
					     cases[i].backward);
}

/* The last counter before the wrap serves; the first ones behind it are as those of a restart. */
static void counters_wrap(void **state)
{
	static const struct {
		const char *story;
		uint32_t base, forward, backward;
	} cases[] = {
		{ "A0 x A1", 0xffffffff, 1, 0 },	 { "A0 x A2", 0xffffffff, 0, 1 },
		{ "A0 x A2", 0xfffffffe, 0, 1 },	 { "A0 xxx A2", 0xffffffff, 2, 1 },
		{ "A0 xxx A2", 0xfffffffe, 2, 1 },	 { "A0 A1 A2 A3", 0xfffffffd, 0, 0 },
		{ "A0 a2 A1 x A3", 0xfffffffe, 1, 0 },	 { "A0 x L2 A3", 0xfffffffe, 0, 1 },
		{ "A0 A1 x A2 x A3", 0xffffffff, 1, 0 }, { "A0 A1 A2 x A3", 0xffffffff, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_story(cases[i].story, cases[i].base, 77, cases[i].forward,
			     cases[i].backward);
}

static void a_counter_that_starts_anew_says_nothing(void **state)
{
	static const struct {
		const char *story;
		uint32_t base, forward, backward;
	} cases[] = {
		{ "A0 x !0 A-999", 1000, 0, 0 },
		{ "A0 x !0 x !1", 1000, 0, 0 }, /* the second: see below */
		{ "A0 x !0 !1 x !2", 1000, 1, 0 },
		{ "A0 xxx !1 !2 x !4", 1000, 0, 1 },
		{ "A0 A1 !0 !1 !2 x !3", 1000, 1, 0 },
		/* Up by the right number, but a restart would explain as well, that the first two
		 * were lost on the way there and the third on the way back. */
		{ "A0 xxx A1", 0, 0, 0 },
		{ "A0 xxx A1", 2, 0, 0 },
		{ "A0 xxx A1", 3, 3, 0 },
		{ "A0 x A1", 0, 0, 0 },
		{ "A0 x A1", 1, 1, 0 },
		{ "A0 xxx A3", 0, 0, 0 },
		{ "A0 xxx A3", 1, 1, 2 },
		/* With all on the way back it would have to stand higher. */
		{ "A0 xxx A4", 0, 0, 3 },
		/* It stands lower than what went before, before there is a reference. */
		{ "a0 !0 !1 !2 x !3", 1000, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_story(cases[i].story, cases[i].base, 77, cases[i].forward,
			     cases[i].backward);
}

/* A counter far ahead of what it can be must not silence the flow. */
static void nonsense_passes(void **state)
{
	static const char *const nonsense[] = { "L1000000 ",  "a1000000 ",  "A1000000 ",
						"L-1000000 ", "a-1000000 ", "A-1000000 ",
						"L60 ",	      "a-60 " };

	(void)state;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct telling telling = { .sequence = 0 };

		tell_story(&telling, "A0 A1 A2 ", 5000);
		tell_story(&telling, nonsense[i], 5000);
		for (uint32_t counter = 4; counter < 100; counter++)
			tell(&telling, (struct direction_probe){ .outcome = DIRECTION_ANSWERED,
								 .in_order = true,
								 .counter = 5000 + counter });
		assert_true(telling.sum.forward + telling.sum.backward == 0);
		tell_story(&telling, "x A100 x A102", 5000);
		assert_int_equal(telling.sum.forward, 1);
		assert_int_equal(telling.sum.backward, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_told),
		cmocka_unit_test(counters_wrap),
		cmocka_unit_test(a_counter_that_starts_anew_says_nothing),
		cmocka_unit_test(nonsense_passes),
	};

	return cmocka_run_group_tests_name("direction", tests, NULL, NULL);
}
