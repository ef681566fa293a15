/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: what the loader is asked, and when its word is doubted. */
#include "unit/cmocka_all.h"

#include "unit/interfaces_fixture.h"

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

/* Replies to what left before the routes changed still come in there. */
static void where_our_programs_work_they_linger(void **state)
{
	const uint32_t lingers_ms = INTERFACE_LINGERS_NS / NS_PER_MS;
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	words(interfaces, 0);
	answer(interfaces, 3, good, good);
	route(interfaces, 0, 0, 0, 100);
	assert_string_equal(words(interfaces, 100), "");
	assert_null(find(interfaces, 3)); /* nobody is told of it */
	assert_string_equal(words(interfaces, 99 + lingers_ms), "");
	/* It comes back, and goes again. */
	route(interfaces, 0, 3, 0, 99 + lingers_ms);
	assert_string_equal(words(interfaces, 99 + lingers_ms), "A3 ");
	assert_true(interface_in_place(find(interfaces, 3)));
	route(interfaces, 0, 0, 0, 100 + lingers_ms);
	assert_string_equal(words(interfaces, 100 + lingers_ms), "");
	assert_string_equal(words(interfaces, 99 + 2 * lingers_ms), "");
	assert_string_equal(words(interfaces, 100 + 2 * lingers_ms), "D3 ");
	interfaces_close(interfaces);
}

/* Devices that come and go must not fill the table. */
static void many_do_not_linger(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	for (uint32_t ifindex = 1; ifindex <= INTERFACE_CAPACITY / 2; ifindex++) {
		route(interfaces, 0, ifindex, 0, 0);
		assert_null(strchr(words(interfaces, 0), 'D'));
		answer(interfaces, ifindex, good, good);
	}
	route(interfaces, 0, 99, 0, 2);
	assert_string_equal(words(interfaces, 2), "D1 A99 ");
	interfaces_close(interfaces);
}

static void ready_is_answered_good_or_bad(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	assert_false(interfaces_ready(interfaces, 0));
	assert_null(interfaces_first_missing(interfaces));
	route(interfaces, 0, 3, 4, 0);
	assert_false(interfaces_ready(interfaces, 0));
	assert_non_null(interfaces_first_missing(interfaces));
	answer(interfaces, 3, good, good);
	answer(interfaces, 5, good, good);
	assert_false(interfaces_ready(interfaces, 0));
	answer(interfaces, 4, good, bad);
	assert_true(interfaces_ready(interfaces, 0));
	assert_false(interfaces_ready(interfaces, 1));
	assert_non_null(interfaces_first_missing(interfaces));
	assert_true(interface_egress_attached(find(interfaces, 4)));
	assert_false(interface_ingress_attached(find(interfaces, 4)));
	answer(interfaces, 4, good, good);
	assert_null(interfaces_first_missing(interfaces));
	interfaces_close(interfaces);
}

static void evidence_outweighs_the_word(void **state)
{
	/* Evidence in order (Returned, Lost, Unstamped, Overheard, Never left), then what is
	 * believed. */
	static const struct {
		const char *evidence;
		bool egress, ingress, doubt;
	} cases[] = {
		{ "", true, true, false },	{ "UU", true, true, false },
		{ "UUU", false, true, false },	{ "UUUR", true, true, false },
		{ "UUUL", true, true, false },	{ "UUO", true, true, true },
		{ "LL", true, true, false },	{ "LLL", true, true, true },
		{ "LLLR", true, true, false },	{ "LULULU", true, true, true },
		{ "LLLU", true, true, true },	{ "O", true, true, true },
		{ "OO", true, true, true },	{ "OOO", true, false, true },
		{ "OL", true, true, true },	{ "OOLO", true, false, true },
		{ "OROO", true, true, true },	{ "OR", true, true, false },
		{ "OOOLL", true, false, true }, { "OOOLLL", true, true, true },
		{ "LLLO", true, true, true },	{ "LLLOOOLL", true, false, true },
		{ "OOOUU", true, false, true }, { "OOOUUU", false, true, false },
		{ "ON", true, true, false },	{ "OOON", true, true, false },
		{ "OOOR", true, true, false },	{ "UUUN", true, true, false },
		{ "RUUU", false, true, false }, { "ROOO", true, false, true },
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
		assert_null(interfaces_first_missing(interfaces));
		assert_true(interface_egress_attached(find(interfaces, 4)));
		/* Who takes over an abandoned interface does not inherit its reputation. */
		route(interfaces, 0, 0, 0, 1);
		assert_false(in_doubt(interfaces));
		route(interfaces, 2, 3, 0, 1);
		assert_true(interface_egress_attached(find(interfaces, 3)));
		assert_true(interface_ingress_attached(find(interfaces, 3)));
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
		{ EVIDENCE_OVERHEARD, INTERFACE_DOUBT_AFTER - 1, "" },
		{ EVIDENCE_OVERHEARD, INTERFACE_DOUBT_AFTER, "I3 " },
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
	assert_null(interfaces_first_missing(interfaces));
	assert_string_equal(words(interfaces, 4000), "A3 ");
	assert_non_null(interfaces_first_missing(interfaces));
	answer(interfaces, 3, good, good);
	assert_null(interfaces_first_missing(interfaces));
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

/* The slot that stands for all that are only known: their interfaces are in use, and as it tells
 * nothing of our programs there, nothing is held against it. */
static void who_is_only_known_keeps_interfaces_in_use(void **state)
{
	const uint32_t known = SLOTS - 1;
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 3, 0, 0);
	route(interfaces, known, 3, 4, 0);
	assert_string_equal(words(interfaces, 0), "A3 A4 ");
	answer(interfaces, 3, good, good);
	answer(interfaces, 4, good, bad);
	/* Readiness waits for it as for any. */
	assert_ptr_equal(interfaces_first_missing(interfaces), find(interfaces, 4));
	answer(interfaces, 4, good, good);
	for (int i = 0; i < 100; i++)
		interfaces_on_evidence(interfaces, 0, EVIDENCE_UNSTAMPED);
	assert_false(interface_egress_attached(find(interfaces, 3)));
	assert_true(interface_egress_attached(find(interfaces, 4)));
	assert_false(in_doubt(interfaces));
	/* The last that is probed over one goes, and then the last that asks. */
	route(interfaces, 0, 0, 0, 1);
	assert_non_null(find(interfaces, 3));
	route(interfaces, known, 4, 0, 1);
	assert_null(find(interfaces, 3));
	assert_non_null(find(interfaces, 4));
	route(interfaces, known, 0, 0, 3);
	assert_null(find(interfaces, 4));
	interfaces_close(interfaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loader_is_asked_at_once_and_every_second),
		cmocka_unit_test(the_last_peer_detaches),
		cmocka_unit_test(where_our_programs_work_they_linger),
		cmocka_unit_test(many_do_not_linger),
		cmocka_unit_test(ready_is_answered_good_or_bad),
		cmocka_unit_test(evidence_outweighs_the_word),
		cmocka_unit_test(a_program_that_stopped_working_is_attached_anew),
		cmocka_unit_test(a_departed_peer_leaves_no_doubt),
		cmocka_unit_test(a_loader_that_answers_nothing_is_not_believed),
		cmocka_unit_test(too_many_are_left_out_and_counted),
		cmocka_unit_test(who_is_only_known_keeps_interfaces_in_use),
	};

	return cmocka_run_group_tests_name("interfaces", tests, NULL, NULL);
}
