/* SPDX-License-Identifier: Apache-2.0 */
/* Names and labels of peers: given by sources, learnt from themselves, contested. */
#include "unit/cmocka_all.h"

#include "unit/peers_fixture.h"

static void labels_are_never_shared(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2", "3a", "4b"), 0);
	assert_string_equal(f.events, "+0 +1 +2 +3 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 1, "10.0.0.2");
	assert_label(&f, 2, "10.0.0.3");
	assert_label(&f, 3, "b");
	/* Who is not exported occupies no label, once that is settled. */
	peers_set_state(f.peers, 0, PEER_OWN);
	assert_label(&f, 2, "10.0.0.3");
	settle(&f, 1);
	assert_string_equal(f.events, "~2 ");
	assert_label(&f, 2, "a");
	peers_set_state(f.peers, 0, PEER_PROBED);
	assert_label(&f, 0, "10.0.0.1");
	assert_label(&f, 2, "a");
	settle(&f, 1);
	assert_string_equal(f.events, "~0 ~2 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 2, "10.0.0.3");
	settle(&f, 1);
	assert_string_equal(f.events, "");
	say(&f, LIST("2", "3a", "4b"), 0);
	assert_string_equal(f.events, "-0 ~2 ");
	assert_label(&f, 2, "a");
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 3);
	peers_close(f.peers);
}

/* Whose name is free when it comes back has it at once. */
static void nobody_is_shadowed_by_who_is_gone(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2a"), 0);
	peers_set_state(f.peers, 1, PEER_OWN);
	peers_set_state(f.peers, 0, PEER_OWN);
	peers_set_state(f.peers, 1, PEER_RESOLVING);
	assert_label(&f, 1, "a");
	settle(&f, 1);
	assert_string_equal(f.events, "");
	peers_close(f.peers);
}

/* A new peer in a lower slot takes the name of one in a higher. */
static void a_lower_slot_shadows(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1x", "2a"), 0);
	say(&f, LIST("3y", "4z", "2a"), 0);
	assert_string_equal(f.events, "-0 +2 +3 ");
	release(&f, 100);
	say(&f, LIST("3y", "4z", "2a", "5a"), 100);
	assert_string_equal(f.events, "+0 ~1 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 1, "10.0.0.2");
	say(&f, LIST("3y", "4z", "2a"), 100);
	assert_string_equal(f.events, "-0 ~1 ");
	assert_label(&f, 1, "a");
	release(&f, 200);
	/* In one commit: one goes, another one comes to hold the name. */
	say(&f, LIST("3y", "2a", "5a"), 200);
	assert_string_equal(f.events, "-3 +0 ~1 ");
	release(&f, 300);
	say(&f, LIST("3y", "2a", "6a"), 300);
	assert_string_equal(f.events, "-0 +3 ~1 ");
	peers_close(f.peers);
}

static void a_name_is_learnt(void **state)
{
	struct fixture f;
	const struct peer *peer;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", "2"), 0);
	peer = peers_get(f.peers, 0);
	assert_label(&f, 0, "10.0.0.1");
	assert_int_equal(learn(&f, 0, "a", "z", 1, 0), PEER_LEARNT_NAME);
	assert_label(&f, 0, "a");
	assert_string_equal(peer->zone, "z");
	assert_int_equal(learn(&f, 0, "a", "y", 3601, 0), PEER_LEARNT_NOTHING_NEW);
	assert_string_equal(peer->zone, "y");
	assert_int_equal(learn(&f, 0, "b", "", 7201, 0), PEER_LEARNT_NAME);
	assert_label(&f, 0, "b");
	assert_string_equal(peer->zone, "");
	/* The name that it gave up is to be had. */
	assert_int_equal(learn(&f, 1, "a", "", 7201, 1), PEER_LEARNT_NAME);
	assert_label(&f, 1, "a");
	/* To the sources it is still the one without a name; and two of them are two. */
	say(&f, LIST("2", "1"), 0);
	assert_string_equal(f.events, "");
	assert_label(&f, 0, "b");
	/* Named by the source it is another peer, even if by what it calls itself. */
	say(&f, LIST("1b", "2"), 0);
	assert_string_equal(f.events, "-0 +2 ");
	assert_label(&f, 2, "b");
	assert_false(peers_get(f.peers, 2)->learnt);
	peers_close(f.peers);
}

/* What peers call themselves does not contradict what the source says next to it. */
static void learnt_names_do_not_count_as_offered(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1"), 0);
	learn(&f, 0, "a", "", 1, 0);
	say(&f, LIST("1", "2a"), 0);
	assert_string_equal(f.events, "+1 ~0 ");
	assert_label(&f, 0, "10.0.0.1");
	assert_label(&f, 1, "a");
	assert_string_equal(peers_get(f.peers, 0)->name, "");
	assert_false(peers_get(f.peers, 0)->learnt);
	/* It may insist. */
	assert_int_equal(learn(&f, 0, "a", "z", 1000, 0), PEER_LEARNT_TAKEN);
	assert_string_equal(peers_get(f.peers, 0)->zone, "");
	assert_label(&f, 0, "10.0.0.1");
	peers_close(f.peers);
}

static void a_given_name_stands(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	assert_int_equal(learn(&f, 0, "c", "z", 1, 0), PEER_LEARNT_NOTHING_NEW);
	assert_label(&f, 0, "a");
	assert_string_equal(peers_get(f.peers, 0)->zone, "z");
	assert_int_equal(learn(&f, 0, "c", "z", 3600, 0), PEER_LEARNT_NOTHING_NEW);
	assert_int_equal(learn(&f, 0, "b", "y", 3600, 0), PEER_LEARNT_CHANGING);
	assert_string_equal(peers_get(f.peers, 0)->zone, "z");
	assert_int_equal(learn(&f, 0, "b", "y", 3601, 0), PEER_LEARNT_NOTHING_NEW);
	assert_label(&f, 0, "a");
	assert_string_equal(peers_get(f.peers, 0)->zone, "y");
	say(&f, LIST("1a", "2b"), 0);
	assert_string_equal(f.events, "");
	peers_close(f.peers);
}

/* Also a shadowed one: it goes by its address, and its own word does not change that. */
static void a_shadowed_name_stands(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2a"), 0);
	assert_int_equal(learn(&f, 1, "c", "", 1, 1), PEER_LEARNT_NOTHING_NEW);
	assert_int_equal(learn(&f, 1, "a", "", 1, 1), PEER_LEARNT_NOTHING_NEW);
	assert_label(&f, 1, "10.0.0.2");
	peers_close(f.peers);
}

static void a_name_is_kept_while_it_is_confirmed(void **state)
{
	static const struct {
		int64_t confirmed, claimed; /* seconds */
		enum peer_learning expected;
	} cases[] = {
		{ 0, 0, PEER_LEARNT_TAKEN },	{ 0, 149, PEER_LEARNT_TAKEN },
		{ 0, 150, PEER_LEARNT_NAME },	{ 100, 249, PEER_LEARNT_TAKEN },
		{ 100, 250, PEER_LEARNT_NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		bool taken = cases[i].expected == PEER_LEARNT_TAKEN;

		fixture_open(&f);
		say(&f, LIST("1", "2"), 0);
		learn(&f, 1, "a", "z", 0, 1);
		learn(&f, 1, "a", "z", cases[i].confirmed, 1);
		learn(&f, 0, "old", "y", -3600, 0);
		assert_int_equal(learn(&f, 0, "a", "x", cases[i].claimed, taken ? 0 : 1),
				 cases[i].expected);
		assert_label(&f, 0, taken ? "old" : "a");
		assert_string_equal(peers_get(f.peers, 0)->zone, taken ? "y" : "x");
		assert_label(&f, 1, taken ? "a" : "10.0.0.2");
		assert_string_equal(peers_get(f.peers, 1)->zone, taken ? "z" : "");
		/* Nothing of it is news to the next commit. */
		say(&f, LIST("1", "2"), 0);
		assert_string_equal(f.events, "");
		/* The loser may have the name again in the same way, once its hour is over: else
		 * two could pass it to and fro, each time with another zone. */
		if (!taken) {
			assert_int_equal(learn(&f, 1, "a", "w", 3599, 1), PEER_LEARNT_CHANGING);
			assert_label(&f, 1, "10.0.0.2");
			assert_int_equal(learn(&f, 1, "a", "w", 3600, 0), PEER_LEARNT_NAME);
		}
		peers_close(f.peers);
	}
}

/* Each name and zone is a new series somewhere: a peer may not make one a minute. */
static void name_and_zone_change_once_an_hour(void **state)
{
	static const struct {
		int64_t seconds;
		const char *name, *zone;
		enum peer_learning expected;
		const char *held, *held_zone;
	} cases[] = {
		{ 0, "a", "z", PEER_LEARNT_NAME, "a", "z" },
		{ 60, "b", "z", PEER_LEARNT_CHANGING, "a", "z" },
		{ 120, "a", "y", PEER_LEARNT_CHANGING, "a", "z" },
		{ 180, "a", "", PEER_LEARNT_CHANGING, "a", "z" },
		{ 3000, "a", "z", PEER_LEARNT_NOTHING_NEW, "a", "z" },
		{ 3599, "c", "x", PEER_LEARNT_CHANGING, "a", "z" },
		{ 3600, "c", "x", PEER_LEARNT_NAME, "c", "x" },
		{ 3660, "a", "z", PEER_LEARNT_CHANGING, "c", "x" },
		{ 7199, "c", "w", PEER_LEARNT_CHANGING, "c", "x" },
		{ 7200, "c", "w", PEER_LEARNT_NOTHING_NEW, "c", "w" },
		{ 7260, "d", "w", PEER_LEARNT_CHANGING, "c", "w" },
		{ 10800, "c", "", PEER_LEARNT_NOTHING_NEW, "c", "" },
		/* That there is no zone is said, too. */
		{ 10860, "c", "v", PEER_LEARNT_CHANGING, "c", "" },
		{ 14400, "taken", "v", PEER_LEARNT_TAKEN, "c", "" },
		{ 14400, "d", "v", PEER_LEARNT_NAME, "d", "v" },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", "2", "3taken"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(learn(&f, 0, cases[i].name, cases[i].zone, cases[i].seconds, 0),
				 cases[i].expected);
		assert_label(&f, 0, cases[i].held);
		assert_string_equal(peers_get(f.peers, 0)->zone, cases[i].held_zone);
	}
	/* Who says another name does not confirm the one that it has, and may lose it; its hour
	 * goes on. */
	assert_int_equal(learn(&f, 0, "d", "u", 14410, 0), PEER_LEARNT_CHANGING);
	assert_int_equal(learn(&f, 0, "e", "v", 14500, 0), PEER_LEARNT_CHANGING);
	assert_int_equal(learn(&f, 1, "d", "", 14559, 1), PEER_LEARNT_TAKEN);
	assert_int_equal(learn(&f, 1, "d", "", 14560, 0), PEER_LEARNT_NAME);
	assert_int_equal(learn(&f, 0, "e", "v", 17999, 0), PEER_LEARNT_CHANGING);
	assert_label(&f, 0, "10.0.0.1");
	assert_int_equal(learn(&f, 0, "e", "v", 18000, 0), PEER_LEARNT_NAME);
	assert_int_equal(learn(&f, 0, "g", "v", 18001, 0), PEER_LEARNT_CHANGING);
	/* It takes nothing from others while it may not change. */
	assert_int_equal(learn(&f, 0, "d", "v", 18300, 0), PEER_LEARNT_CHANGING);
	assert_label(&f, 1, "d");
	peers_close(f.peers);
}

/* Only live peers hold a name, and a slot that is handed on remembers nothing. */
static void what_was_learnt_ends_with_the_peer(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", "2", "3", "4"), 0);
	learn(&f, 0, "a", "z", 1, 0);
	say(&f, LIST("2", "3", "4"), 0);
	assert_int_equal(learn(&f, 1, "a", "", 1, 1), PEER_LEARNT_NAME);
	assert_int_equal(release(&f, 100), 1);
	assert_string_equal(peers_get(f.peers, 0)->name, "");
	assert_string_equal(peers_get(f.peers, 0)->zone, "");
	assert_false(peers_get(f.peers, 0)->learnt);
	say(&f, LIST("2", "3", "4", "5"), 0);
	assert_string_equal(f.events, "+0 ");
	assert_label(&f, 0, "10.0.0.5");
	/* Not probed, it says nothing any more. */
	learn(&f, 2, "c", "z", 1, 2);
	peers_set_state(f.peers, 2, PEER_OWN);
	assert_string_equal(peers_get(f.peers, 2)->name, "");
	assert_string_equal(peers_get(f.peers, 2)->zone, "");
	assert_int_equal(learn(&f, 3, "c", "", 1, 3), PEER_LEARNT_NAME);
	peers_set_state(f.peers, 2, PEER_RESOLVING);
	settle(&f, 1);
	assert_string_equal(f.events, "");
	assert_label(&f, 2, "10.0.0.3");
	assert_label(&f, 3, "c");
	peers_close(f.peers);
}

/* A peer with a name from a source that is live again, after another one learnt it. */
static void sources_win_whenever_they_come(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", "2a"), 0);
	peers_set_state(f.peers, 1, PEER_OWN);
	assert_int_equal(learn(&f, 0, "a", "", 1, 0), PEER_LEARNT_NAME);
	peers_set_state(f.peers, 1, PEER_RESOLVING);
	assert_label(&f, 0, "a");
	assert_label(&f, 1, "10.0.0.2");
	settle(&f, 1);
	assert_string_equal(f.events, "~0 ~1 ");
	assert_label(&f, 0, "10.0.0.1");
	assert_label(&f, 1, "a");
	peers_close(f.peers);
}

static void the_longest_names_fit(void **state)
{
	struct fixture f;
	char name[PEER_NAME_CAPACITY], zone[PEER_ZONE_CAPACITY];

	(void)state;
	fixture_open(&f);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(zone, 'z', sizeof(zone) - 1);
	zone[sizeof(zone) - 1] = '\0';
	say(&f, LIST("1"), 0);
	assert_int_equal(learn(&f, 0, name, zone, 1, 0), PEER_LEARNT_NAME);
	assert_label(&f, 0, name);
	assert_string_equal(peers_get(f.peers, 0)->zone, zone);
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_never_shared),
		cmocka_unit_test(nobody_is_shadowed_by_who_is_gone),
		cmocka_unit_test(a_lower_slot_shadows),
		cmocka_unit_test(a_name_is_learnt),
		cmocka_unit_test(learnt_names_do_not_count_as_offered),
		cmocka_unit_test(a_given_name_stands),
		cmocka_unit_test(a_shadowed_name_stands),
		cmocka_unit_test(a_name_is_kept_while_it_is_confirmed),
		cmocka_unit_test(name_and_zone_change_once_an_hour),
		cmocka_unit_test(what_was_learnt_ends_with_the_peer),
		cmocka_unit_test(sources_win_whenever_they_come),
		cmocka_unit_test(the_longest_names_fit),
	};

	return cmocka_run_group_tests_name("peers_names", tests, NULL, NULL);
}
