/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: what the loader is asked, and when its word is doubted. */
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "interfaces.h"

#define SLOTS 8

static struct local_time at(int64_t ms)
{
	return (struct local_time){ .ns = ms * NS_PER_MS };
}

static void route(struct interfaces *interfaces, uint32_t slot, uint32_t first, uint32_t second,
		  int64_t ms)
{
	struct interface_name names[2] = { { .ifindex = first }, { .ifindex = second } };

	snprintf(names[0].name, sizeof(names[0].name), "eth%u", first);
	snprintf(names[1].name, sizeof(names[1].name), "eth%u", second);
	interfaces_route(interfaces, slot, names, first == 0 ? 0 : second == 0 ? 1 : 2, at(ms));
}

static void answer(struct interfaces *interfaces, uint32_t ifindex, struct word_direction egress,
		   struct word_direction ingress)
{
	const struct word word = {
		.kind = WORD_ATTACHED, .ifindex = ifindex, .egress = egress, .ingress = ingress
	};

	interfaces_on_word(interfaces, &word);
}

static const struct word_direction good = { .mode = HOOK_TCX };
static const struct word_direction bad = { .mode = HOOK_NONE, .error = 1 };

/* All that is to be said now, as "A3 D4 ". */
static const char *words(struct interfaces *interfaces, int64_t ms)
{
	static char text[256];
	struct word word;
	size_t length = 0;

	text[0] = '\0';
	while (interfaces_next_word(interfaces, at(ms), &word)) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%c%u ",
					   "?AD???EI"[word.kind], word.ifindex);
	}
	return text;
}

static const struct interface *find(const struct interfaces *interfaces, uint32_t ifindex)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces_get(interfaces, i)->ifindex == ifindex)
			return interfaces_get(interfaces, i);
	}
	return NULL;
}

static struct interfaces *opened(void)
{
	struct interfaces *interfaces;

	assert_int_equal(interfaces_open(SLOTS, &interfaces), 0);
	return interfaces;
}

static void the_loader_is_asked_at_once_and_every_second(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	assert_string_equal(words(interfaces, 0), "");
	route(interfaces, 0, 3, 4, 10);
	route(interfaces, 1, 3, 0, 10);
	assert_string_equal(words(interfaces, 10), "A3 A4 ");
	assert_string_equal(words(interfaces, 1009), "");
	assert_string_equal(words(interfaces, 1010), "A3 A4 ");
	/* A flood of notices is no flood of words. */
	interfaces_on_link(interfaces, 4, at(1050));
	assert_string_equal(words(interfaces, 1050), "");
	answer(interfaces, 4, good, good);
	interfaces_on_link(interfaces, 4, at(1100));
	interfaces_on_link(interfaces, 99, at(1100));
	interfaces_on_link(interfaces, 0, at(1100));
	assert_string_equal(words(interfaces, 1100), "A4 ");
	assert_string_equal(words(interfaces, 2010), "A3 ");
	assert_int_equal(find(interfaces, 3)->peers, 2);
	assert_string_equal(find(interfaces, 3)->name, "eth3");
	interfaces_close(interfaces);
}

static void the_last_peer_detaches(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	route(interfaces, 1, 3, 0, 0);
	words(interfaces, 0);
	route(interfaces, 0, 4, 0, 1);
	assert_string_equal(words(interfaces, 1), "A4 ");
	route(interfaces, 1, 0, 0, 2);
	assert_string_equal(words(interfaces, 2), "D3 ");
	assert_string_equal(words(interfaces, 2), "");
	assert_null(find(interfaces, 3));
	/* One that comes back before it was said stays. */
	route(interfaces, 0, 0, 0, 3);
	route(interfaces, 1, 4, 0, 3);
	assert_string_equal(words(interfaces, 3), "");
	assert_int_equal(find(interfaces, 4)->peers, 1);
	/* The same route again changes nothing. */
	route(interfaces, 1, 4, 4, 4);
	assert_int_equal(find(interfaces, 4)->peers, 1);
	interfaces_close(interfaces);
}

static void ready_is_answered_good_or_bad(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	assert_false(interfaces_ready(interfaces, 0));
	assert_true(interfaces_all_attached(interfaces));
	route(interfaces, 0, 3, 4, 0);
	assert_false(interfaces_ready(interfaces, 0));
	assert_false(interfaces_all_attached(interfaces));
	answer(interfaces, 3, good, good);
	answer(interfaces, 5, good, good);
	assert_false(interfaces_ready(interfaces, 0));
	answer(interfaces, 4, good, bad);
	assert_true(interfaces_ready(interfaces, 0));
	assert_false(interfaces_ready(interfaces, 1));
	assert_false(interfaces_all_attached(interfaces));
	assert_true(interface_egress_attached(find(interfaces, 4)));
	assert_false(interface_ingress_attached(find(interfaces, 4)));
	answer(interfaces, 4, good, good);
	assert_true(interfaces_all_attached(interfaces));
	interfaces_close(interfaces);
}

static bool in_doubt(const struct interfaces *interfaces)
{
	struct interface_doubts doubts = interfaces_doubts(interfaces);

	return doubts.unanswered > 0 || doubts.blind > 0;
}

static void evidence_outweighs_the_word(void **state)
{
	/* Evidence in order (Returned, Lost, Unstamped, Overheard, Never left), then what is
	 * believed. */
	static const struct {
		const char *evidence;
		bool egress, ingress, doubt;
	} cases[] = {
		{ "", true, true, false },     { "UU", true, true, false },
		{ "UUU", false, true, false }, { "UUUR", true, true, false },
		{ "UUUL", true, true, false }, { "UUO", true, false, true },
		{ "LL", true, true, false },   { "LLL", true, true, true },
		{ "LLLR", true, true, false }, { "LULULU", true, true, true },
		{ "LLLU", true, true, true },  { "O", true, false, true },
		{ "OL", true, false, true },   { "OU", true, false, true },
		{ "OR", true, true, false },   { "OLLL", true, true, true },
		{ "LLLO", true, false, true }, { "LLLOLL", true, false, true },
		{ "ON", true, true, false },   { "UUUN", true, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interfaces *interfaces = opened();

		route(interfaces, 0, 3, 0, 0);
		route(interfaces, 1, 4, 0, 0);
		answer(interfaces, 3, good, good);
		answer(interfaces, 4, good, good);
		for (const char *e = cases[i].evidence; *e; e++)
			interfaces_on_evidence(
				interfaces, 0,
				(enum interface_evidence)(strchr("RLUON", *e) - "RLUON"));
		assert_int_equal(interface_egress_attached(find(interfaces, 3)), cases[i].egress);
		assert_int_equal(interface_ingress_attached(find(interfaces, 3)), cases[i].ingress);
		assert_int_equal(in_doubt(interfaces), cases[i].doubt);
		assert_int_equal(interfaces_all_attached(interfaces),
				 cases[i].egress && cases[i].ingress);
		assert_true(interface_egress_attached(find(interfaces, 4)));
		/* Who takes over an abandoned interface does not inherit its reputation. */
		route(interfaces, 0, 0, 0, 1);
		assert_false(in_doubt(interfaces));
		route(interfaces, 2, 3, 0, 1);
		assert_true(interfaces_all_attached(interfaces));
		assert_false(in_doubt(interfaces));
		interfaces_close(interfaces);
	}
}

static void a_program_that_stopped_working_is_attached_anew(void **state)
{
	static const struct {
		enum interface_evidence evidence;
		uint32_t times;
		const char *words;
	} cases[] = {
		{ EVIDENCE_UNSTAMPED, INTERFACE_DOUBT_AFTER - 1, "" },
		{ EVIDENCE_UNSTAMPED, INTERFACE_DOUBT_AFTER, "E3 " },
		{ EVIDENCE_OVERHEARD, 1, "I3 " },
		{ EVIDENCE_LOST, 100, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interfaces *interfaces = NULL;

		assert_int_equal(interfaces_open(SLOTS, &interfaces), 0);
		route(interfaces, 0, 3, 0, 1000);
		assert_string_equal(words(interfaces, 1000), "A3 ");
		answer(interfaces, 3, good, good);
		for (uint32_t n = 0; n < cases[i].times; n++)
			interfaces_on_evidence(interfaces, 0, cases[i].evidence);
		assert_string_equal(words(interfaces, 1100), cases[i].words);
		answer(interfaces, 3, good, good);
		/* Verified each second as ever, but not torn down again so soon. */
		assert_string_equal(words(interfaces, 2200), "A3 ");
		interfaces_close(interfaces);
	}
}

/* Replies of one peer may take another way in, while those of the others come. */
static void each_peer_is_doubted_by_itself(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	route(interfaces, 1, 3, 0, 0);
	assert_string_equal(words(interfaces, 0), "A3 ");
	answer(interfaces, 3, good, good);
	for (int n = 0; n < INTERFACE_DOUBT_AFTER; n++) {
		assert_false(in_doubt(interfaces));
		interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
		interfaces_on_evidence(interfaces, 1, EVIDENCE_LOST);
	}
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_true(in_doubt(interfaces));
	assert_int_equal(interfaces_doubts(interfaces).raised, 1);
	interfaces_on_evidence(interfaces, 1, EVIDENCE_OVERHEARD);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_false(interface_ingress_attached(find(interfaces, 3)));
	assert_true(interface_egress_attached(find(interfaces, 3)));
	/* Attaching anew would help nobody. */
	assert_string_equal(words(interfaces, 100), "");
	interfaces_on_evidence(interfaces, 1, EVIDENCE_RETURNED);
	assert_true(interfaces_all_attached(interfaces));
	assert_false(in_doubt(interfaces));
	interfaces_close(interfaces);
}

/* Its probes in flight end after the last route is gone; a free slot must not be doubted. */
static void a_departed_peer_leaves_no_doubt(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	route(interfaces, 0, 0, 0, 0);
	for (int n = 0; n < INTERFACE_DOUBT_AFTER; n++)
		interfaces_on_evidence(interfaces, 0, EVIDENCE_LOST);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_OVERHEARD);
	assert_true(in_doubt(interfaces));
	route(interfaces, 0, 0, 0, 0);
	assert_false(in_doubt(interfaces));
	interfaces_close(interfaces);
}

static void a_loader_that_answers_nothing_is_not_believed(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	assert_string_equal(words(interfaces, 0), "A3 ");
	answer(interfaces, 3, good, good);
	for (int second = 1; second <= 3; second++)
		assert_string_equal(words(interfaces, 1000 * second), "A3 ");
	assert_true(interfaces_all_attached(interfaces));
	assert_string_equal(words(interfaces, 4000), "A3 ");
	assert_false(interfaces_all_attached(interfaces));
	answer(interfaces, 3, good, good);
	assert_true(interfaces_all_attached(interfaces));
	interfaces_close(interfaces);
}

static void too_many_are_left_out_and_counted(void **state)
{
	struct interface_name names[INTERFACE_CAPACITY + 2] = { 0 };
	struct interfaces *interfaces = opened();

	(void)state;
	for (uint32_t i = 0; i < INTERFACE_CAPACITY + 2; i++) {
		names[i].ifindex = i + 1;
		memset(names[i].name, 'x', sizeof(names[i].name)); /* not terminated */
	}
	interfaces_route(interfaces, 0, names, INTERFACE_CAPACITY + 2, at(0));
	assert_int_equal(interfaces_left_out(interfaces), 2);
	assert_int_equal(strlen(find(interfaces, INTERFACE_CAPACITY)->name),
			 INTERFACE_NAME_CAPACITY - 1);
	assert_null(find(interfaces, INTERFACE_CAPACITY + 1));
	interfaces_route(interfaces, 0, names, 1, at(0));
	words(interfaces, 0);
	route(interfaces, 1, 40, 0, 0);
	assert_int_equal(interfaces_left_out(interfaces), 2);
	assert_non_null(find(interfaces, 40));
	interfaces_close(interfaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loader_is_asked_at_once_and_every_second),
		cmocka_unit_test(the_last_peer_detaches),
		cmocka_unit_test(ready_is_answered_good_or_bad),
		cmocka_unit_test(evidence_outweighs_the_word),
		cmocka_unit_test(a_program_that_stopped_working_is_attached_anew),
		cmocka_unit_test(each_peer_is_doubted_by_itself),
		cmocka_unit_test(a_departed_peer_leaves_no_doubt),
		cmocka_unit_test(a_loader_that_answers_nothing_is_not_believed),
		cmocka_unit_test(too_many_are_left_out_and_counted),
	};

	return cmocka_run_group_tests_name("interfaces", tests, NULL, NULL);
}
