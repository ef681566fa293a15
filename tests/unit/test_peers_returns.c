/* SPDX-License-Identifier: Apache-2.0 */
/* A node that comes back while its former address lingers, and what becomes of its name. */
#include "unit/cmocka_all.h"

#include "unit/peers_fixture.h"

static void linger_open(struct fixture *fixture)
{
	fixture_open_with(fixture, FIXTURE_CAPACITY, FIXTURE_LINGER);
}

/* Slot 0 goes, slot 1 comes: under the name that a source gives, or by its own word. */
static void the_node_has_come_back(void **state)
{
	static const struct {
		const char *before, *after, *said_before, *said_after;
		const char *committed, *settled; /* events */
		const char *label;
	} cases[] = {
		/* given, given */
		{ "1a", "2a", NULL, NULL, "?0 +1 -0 ", "", "a" },
		{ "1a", ":2a", NULL, NULL, "?0 +1 -0 ", "", "a" },
		/* given, learnt; and the other way round */
		{ "1a", "2", NULL, "a", "?0 +1 ", "-0 ", "a" },
		{ "1a", ":2", NULL, "a", "?0 +1 ", "-0 ", "a" },
		{ ":1a", "2", NULL, "a", "?0 +1 ", "-0 ", "a" },
		{ "1", "2a", "a", NULL, "?0 +1 -0 ", "", "a" },
		{ ":1", "2a", "a", NULL, "?0 +1 -0 ", "", "a" },
		/* learnt, learnt */
		{ "1", "2", "a", "a", "?0 +1 ", "-0 ", "a" },
		{ "1", ":2", "a", "a", "?0 +1 ", "-0 ", "a" },
		{ ":1", "2", "a", "a", "?0 +1 ", "-0 ", "a" },
		/* another node */
		{ "1a", "2b", NULL, NULL, "?0 +1 ", "", "b" },
		{ "1", "2", "a", "b", "?0 +1 ", "", "b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool same_node = cases[i].label[0] == 'a';
		struct fixture f;
		uint32_t loser;

		linger_open(&f);
		say(&f, LIST(cases[i].before), 0);
		if (cases[i].said_before)
			introduce(&f, 0, cases[i].said_before, 1);
		say(&f, LIST(cases[i].after), 10);
		assert_string_equal(f.events, cases[i].committed);
		if (cases[i].said_after)
			assert_int_equal(
				peers_learn(f.peers, 1, cases[i].said_after, "", at(11), &loser),
				PEER_LEARNT_NAME);
		/* At once: that name is free for it. */
		assert_label(&f, 1, cases[i].label);
		settle(&f, 11);
		assert_string_equal(f.events, cases[i].settled);
		assert_label(&f, 1, cases[i].label);
		assert_state(&f, 1, PEER_RESOLVING);
		assert_state(&f, 0, same_node ? PEER_DEPARTED : PEER_RESOLVING);
		peers_close(f.peers);
	}
}

/* Between its successor's word and the settling it goes by its address, and the caller is told. */
static void the_name_is_free_for_who_does_not_linger(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1", "2", "3"), 0);
	introduce(&f, 0, "a", 1);
	say(&f, LIST("2", "3"), 10);
	assert_int_equal(learn(&f, 1, "a", "", 11, 0), PEER_LEARNT_NAME);
	assert_label(&f, 0, "10.0.0.1");
	assert_label(&f, 1, "a");
	assert_int_equal(learn(&f, 2, "a", "", 12, 2), PEER_LEARNT_TAKEN);
	/* If that one is gone before it was settled, it lingers on under its name. */
	peers_set_state(f.peers, 1, PEER_OWN);
	settle(&f, 12);
	assert_string_equal(f.events, "~0 ");
	assert_label(&f, 0, "a");
	peers_close(f.peers);
}

/* Two that linger hold their names against each other, as all others do against them. */
static void who_lingers_takes_no_name(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1", "2", "3"), 0);
	introduce(&f, 0, "a", 1);
	introduce(&f, 2, "c", 1);
	say(&f, LIST("3"), 10);
	assert_int_equal(learn(&f, 1, "a", "", 11, 1), PEER_LEARNT_TAKEN);
	assert_int_equal(learn(&f, 1, "c", "", 11, 1), PEER_LEARNT_TAKEN);
	settle(&f, 11);
	assert_string_equal(f.events, "");
	/* The name that nobody confirms is to be had by it, too. */
	assert_int_equal(learn(&f, 1, "a", "", 151, 0), PEER_LEARNT_NAME);
	settle(&f, 151);
	assert_string_equal(f.events, "");
	assert_label(&f, 0, "10.0.0.1");
	assert_label(&f, 1, "a");
	assert_int_equal(peers_lingering(f.peers), 2);
	peers_close(f.peers);
}

/* Its word that it is a node that is there, at an address of the other family: it is that one's
 * former address, whichever family is preferred. */
static void who_lingers_is_nobodys_twin(void **state)
{
	static const struct {
		const char *lingering, *other;
	} cases[] = { { "1", ":2" }, { ":1", "2" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		linger_open(&f);
		say(&f, LIST(cases[i].lingering, cases[i].other), 0);
		introduce(&f, 1, "a", 1);
		say(&f, LIST(cases[i].other), 10);
		assert_int_equal(learn(&f, 0, "a", "", 11, 0), PEER_LEARNT_NAME);
		assert_label(&f, 1, "a");
		settle(&f, 11);
		assert_string_equal(f.events, "-0 ");
		assert_label(&f, 1, "a");
		peers_close(f.peers);
	}
}

/* Of two that linger and are one the preferred address goes on: nobody is there any more who could
 * be a twin. */
static void one_of_two_that_linger_departs(void **state)
{
	static const struct {
		const char *first, *second;
		const char *expected;
	} cases[] = { { "1", ":2", "-1 " }, { ":1", "2", "-0 " } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		linger_open(&f);
		say(&f, LIST(cases[i].first, cases[i].second), 0);
		introduce(&f, 0, "a", 1);
		say(&f, LIST(), 10);
		assert_int_equal(learn(&f, 1, "a", "", 11, 1), PEER_LEARNT_NAME);
		settle(&f, 11);
		assert_string_equal(f.events, cases[i].expected);
		assert_int_equal(peers_lingering(f.peers), 1);
		peers_close(f.peers);
	}
}

/* Who was shadowed has the name when the other one lingers, which then is the same node's. */
static void a_shadowed_peer_ends_it(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2a", "3b"), 0);
	say(&f, LIST("2a", "3b"), 10);
	assert_string_equal(f.events, "?0 -0 ~1 ");
	assert_label(&f, 1, "a");
	peers_close(f.peers);
}

/* Back under its address while it lingers, with its name held by another one meanwhile. */
static void who_comes_back_may_find_its_name_held(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2"), 0);
	say(&f, LIST("2"), 10);
	assert_int_equal(learn(&f, 1, "a", "", 11, 0), PEER_LEARNT_NAME);
	assert_label(&f, 0, "10.0.0.1");
	/* Sources win. */
	say(&f, LIST("1a", "2"), 12);
	assert_string_equal(f.events, "~0 ~1 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 1, "10.0.0.2");
	peers_close(f.peers);
}

static void both_families_linger_apart(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	peers_set_family(f.peers, PEER_FAMILY_BOTH);
	say(&f, LIST("1", ":1"), 0);
	introduce(&f, 0, "a", 1);
	introduce(&f, 1, "a", 1);
	say(&f, LIST("1"), 10);
	assert_string_equal(f.events, "?1 ");
	settle(&f, 10);
	say(&f, LIST("1", ":2"), 20);
	assert_string_equal(f.events, "+2 ");
	assert_int_equal(learn(&f, 2, "a", "", 21, 1), PEER_LEARNT_NAME);
	settle(&f, 21);
	assert_string_equal(f.events, "-1 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 2, "a");
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_node_has_come_back),
		cmocka_unit_test(the_name_is_free_for_who_does_not_linger),
		cmocka_unit_test(who_lingers_takes_no_name),
		cmocka_unit_test(who_lingers_is_nobodys_twin),
		cmocka_unit_test(one_of_two_that_linger_departs),
		cmocka_unit_test(a_shadowed_peer_ends_it),
		cmocka_unit_test(who_comes_back_may_find_its_name_held),
		cmocka_unit_test(both_families_linger_apart),
	};

	return cmocka_run_group_tests_name("peers_returns", tests, NULL, NULL);
}
