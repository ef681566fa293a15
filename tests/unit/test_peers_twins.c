/* SPDX-License-Identifier: Apache-2.0 */
/* Two addresses of one peer, one of each family: which of them is probed. */
#include "unit/cmocka_all.h"

#include "unit/peers_fixture.h"

/* One commit, slots 0 and 1 under one name; then both say it, in either order. */
static void the_preferred_family_is_probed(void **state)
{
	static const struct {
		enum peer_family family;
		const char *first, *second;
		uint32_t twin; /* 2: none */
	} cases[] = {
		{ PEER_FAMILY_ANY, "1", ":1", 1 },  { PEER_FAMILY_ANY, ":1", "1", 0 },
		{ PEER_FAMILY_IPV6, "1", ":1", 0 }, { PEER_FAMILY_IPV6, ":1", "1", 1 },
		{ PEER_FAMILY_BOTH, "1", ":1", 2 }, { PEER_FAMILY_BOTH, ":1", "1", 2 },
	};
	static const char *const expected[] = { "=0 ", "=1 ", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t way = 0; way < 3; way++) {
			bool given = way == 2;
			struct fixture f;
			char first[8], second[8], events[32];

			fixture_open(&f);
			peers_set_family(f.peers, cases[i].family);
			snprintf(first, sizeof(first), "%s%s", cases[i].first, given ? "a" : "");
			snprintf(second, sizeof(second), "%s%s", cases[i].second, given ? "a" : "");
			snprintf(events, sizeof(events), "%s%s", given ? "+0 +1 " : "",
				 expected[cases[i].twin]);
			say(&f, LIST(first, second), 0);
			if (!given) {
				introduce(&f, way, "a", 1);
				assert_string_equal(f.events, "");
				introduce(&f, !way, "a", 2);
			}
			assert_string_equal(f.events, events);
			for (uint32_t slot = 0; slot < 2; slot++) {
				if (slot == cases[i].twin)
					assert_twin(&f, slot, !slot);
				else
					assert_label(&f, slot, "a");
			}
			assert_int_equal(peers_count(f.peers, PEER_TWIN), cases[i].twin < 2);
			peers_close(f.peers);
		}
	}
}

/* Its own word is heavier than none, and makes one peer with what a source says of the other
 * family. */
static void given_and_learnt_make_one(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", ":1a", "2b", ":2"), 0);
	introduce(&f, 0, "a", 1);
	assert_string_equal(f.events, "=0 ");
	introduce(&f, 3, "b", 1);
	assert_string_equal(f.events, "=3 ");
	assert_twin(&f, 0, 1);
	assert_twin(&f, 3, 2);
	assert_string_equal(peers_get(f.peers, 3)->name, "b");
	peers_close(f.peers);
}

/* Who says a name that a source gave to another parks himself, never the other: whichever family is
 * preferred, and whoever was there first. */
static void a_liar_parks_nobody_else(void **state)
{
	static const struct {
		const char *liar, *given;
	} cases[] = { { "2", ":1a" }, { ":2", "1a" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (enum peer_family family = 0; family <= PEER_FAMILY_IPV6; family++) {
			struct fixture f;

			fixture_open_with(&f, FIXTURE_CAPACITY, FIXTURE_LINGER);
			peers_set_family(f.peers, family);
			say(&f, LIST(cases[i].liar, cases[i].given), 0);
			assert_int_equal(learn(&f, 0, "a", "", 1, 0), PEER_LEARNT_NAME);
			assert_label(&f, 1, "a");
			settle(&f, 1);
			assert_string_equal(f.events, "=0 ");
			assert_twin(&f, 0, 1);
			/* Without the other it is the one that has the name, until that comes. */
			f.departs = true;
			say(&f, LIST(cases[i].liar), 2);
			assert_string_equal(f.events, "?1 -1 +0 ");
			assert_label(&f, 0, "a");
			say(&f, LIST(cases[i].liar, cases[i].given), 3);
			assert_string_equal(f.events, "+2 =0 ");
			assert_twin(&f, 0, 2);
			/* If both are no source's any more, that one lingers. */
			f.departs = false;
			say(&f, LIST("3"), 4);
			assert_string_equal(f.events, "-0 ?2 +3 ");
			assert_label(&f, 2, "a");
			peers_close(f.peers);
		}
	}
}

/* Until it is settled they are two, by different labels. */
static void labels_differ_before_it_is_settled(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST(":1", "1", ":2", "2"), 0);
	introduce(&f, 0, "a", 1);
	introduce(&f, 3, "b", 1);
	assert_int_equal(learn(&f, 1, "a", "", 2, 1), PEER_LEARNT_NAME);
	assert_label(&f, 1, "a");
	assert_label(&f, 0, "fd00::1");
	assert_int_equal(learn(&f, 2, "b", "", 2, 2), PEER_LEARNT_NAME);
	assert_label(&f, 3, "b");
	assert_label(&f, 2, "fd00::2");
	settle(&f, 2);
	assert_string_equal(f.events, "=0 =2 ");
	/* Who speaks of a twin may call it by its name. */
	assert_label(&f, 0, "a");
	assert_label(&f, 2, "b");
	settle(&f, 2);
	assert_string_equal(f.events, "");
	peers_close(f.peers);
}

enum end {
	HOLDER_LEFT_OUT,
	HOLDER_OWN,
	HOLDER_RENAMED,
	HOLDER_BEATEN,
};

/* The twin is probed as soon as its holder is not what it was. */
static void a_twin_takes_over(void **state)
{
	static const struct {
		enum end end;
		const char *holder, *twin;
		const char *events;
		const char *label;
	} cases[] = {
		{ HOLDER_LEFT_OUT, "1", ":1", "-0 +1 ", "a" },
		{ HOLDER_LEFT_OUT, "1a", ":1a", "-0 +1 ", "a" },
		{ HOLDER_OWN, "1", ":1", "+1 ", "a" },
		{ HOLDER_OWN, "1a", ":1a", "+1 ", "a" },
		{ HOLDER_RENAMED, "1", ":1", "+1 ", "a" },
		/* It may be the other's, or the former one's: it is asked. */
		{ HOLDER_BEATEN, "1", ":1", "+1 ", "fd00::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		bool given = cases[i].twin[2] != '\0';

		fixture_open(&f);
		say(&f, LIST(cases[i].holder, cases[i].twin, "2"), 0);
		if (cases[i].holder[1] == '\0')
			introduce(&f, 0, "a", 1);
		if (!given)
			introduce(&f, 1, "a", 1);
		assert_twin(&f, 1, 0);
		settle(&f, 1);
		if (cases[i].end == HOLDER_LEFT_OUT)
			say(&f, LIST(cases[i].twin, "2"), 200);
		else if (cases[i].end == HOLDER_OWN)
			peers_set_state(f.peers, 0, PEER_OWN);
		else if (cases[i].end == HOLDER_RENAMED)
			assert_int_equal(learn(&f, 0, "b", "", 3601, 0), PEER_LEARNT_NAME);
		else
			assert_int_equal(learn(&f, 2, "a", "", 200, 0), PEER_LEARNT_NAME);
		if (cases[i].end != HOLDER_LEFT_OUT)
			settle(&f, 4000);
		assert_string_equal(f.events, cases[i].events);
		assert_state(&f, 1, PEER_RESOLVING);
		assert_label(&f, 1, cases[i].label);
		peers_close(f.peers);
	}
}

/* Nobody asked it while it was a twin: it has time to confirm its name. */
static void a_twin_need_not_confirm_its_name(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", ":1", ":2"), 0);
	introduce(&f, 0, "a", 1);
	introduce(&f, 1, "a", 1);
	/* Not more than one of each family shares a name. */
	assert_int_equal(learn(&f, 2, "a", "", 1000, 2), PEER_LEARNT_TAKEN);
	say(&f, LIST(":1", ":2"), 1000);
	assert_string_equal(f.events, "-0 +1 ");
	assert_int_equal(learn(&f, 2, "a", "", 1149, 2), PEER_LEARNT_TAKEN);
	assert_int_equal(learn(&f, 2, "a", "", 1150, 1), PEER_LEARNT_NAME);
	peers_close(f.peers);
}

/* Whose name a source gives is the twin of whoever has it. */
static void a_given_twin_changes_hands(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", ":1a"), 0);
	assert_twin(&f, 1, 0);
	say(&f, LIST(":1a", "2a"), 200);
	assert_string_equal(f.events, "-0 +2 ");
	assert_twin(&f, 1, 2);
	peers_close(f.peers);
}

/* A name that three or four have: one of each family shares it, the others go by their address. */
static void no_more_than_one_of_each_family(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST(":1a", ":2a", "1a", "2a"), 0);
	assert_string_equal(f.events, "+0 +1 +2 +3 =0 ");
	assert_twin(&f, 0, 2);
	assert_label(&f, 1, "fd00::2");
	assert_label(&f, 2, "a");
	assert_label(&f, 3, "10.0.0.2");
	/* The next of its family takes its place. */
	say(&f, LIST(":2a", "1a", "2a"), 0);
	assert_string_equal(f.events, "-0 =1 ");
	say(&f, LIST(":2a", "2a"), 0);
	assert_string_equal(f.events, "-2 ~3 ");
	assert_twin(&f, 1, 3);
	release(&f, 100);
	/* A lower slot of its family: that one is the twin. */
	say(&f, LIST(":2a", ":3a", "2a"), 100);
	assert_string_equal(f.events, "+0 +1 =0 ");
	assert_twin(&f, 0, 3);
	assert_label(&f, 1, "fd00::2");
	peers_close(f.peers);
}

static void the_families_change_places(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open_with(&f, 8, FIXTURE_LINGER);
	say(&f, LIST("1a", ":1a", "2", ":2", "3c", ":4d"), 0);
	introduce(&f, 2, "b", 1);
	introduce(&f, 3, "b", 1);
	/* Not before the next commit. */
	f.events[0] = '\0';
	peers_set_family(f.peers, PEER_FAMILY_IPV6);
	settle(&f, 1);
	assert_string_equal(f.events, "");
	say(&f, LIST("1a", ":1a", "2", ":2", "3c", ":4d"), 2);
	assert_string_equal(f.events, "+1 +3 =0 =2 ");
	assert_twin(&f, 0, 1);
	assert_twin(&f, 2, 3);
	assert_label(&f, 1, "a");
	assert_label(&f, 3, "b");
	say(&f, LIST("1a", ":1a", "2", ":2", "3c", ":4d"), 2);
	assert_string_equal(f.events, "");
	peers_set_family(f.peers, PEER_FAMILY_BOTH);
	say(&f, LIST("1a", ":1a", "2", ":2", "3c", ":4d"), 3);
	assert_string_equal(f.events, "+0 +2 ");
	assert_label(&f, 0, "a");
	assert_label(&f, 2, "b");
	/* Two that linger: one is left. */
	say(&f, LIST("2", ":2", "3c", ":4d"), 4);
	assert_string_equal(f.events, "?0 ?1 ");
	peers_set_family(f.peers, PEER_FAMILY_ANY);
	say(&f, LIST("2", ":2", "3c", ":4d"), 5);
	assert_string_equal(f.events, "-1 =3 ");
	assert_int_equal(peers_lingering(f.peers), 1);
	assert_label(&f, 0, "a");
	peers_close(f.peers);
}

/* When both leave, the one that is probed lingers. When only that one leaves, the other one is the
 * node, and nobody lingers. */
static void a_twin_does_not_linger(void **state)
{
	static const struct {
		const char *stays;
		const char *expected;
	} cases[] = { { "2", "?0 -1 " }, { ":1", "?0 -2 -0 +1 " } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		fixture_open_with(&f, FIXTURE_CAPACITY, FIXTURE_LINGER);
		say(&f, LIST("1", ":1", "2"), 0);
		introduce(&f, 0, "a", 1);
		introduce(&f, 1, "a", 1);
		peers_set_state(f.peers, 2, PEER_OWN);
		say(&f, LIST(cases[i].stays), 10);
		assert_string_equal(f.events, cases[i].expected);
		assert_label(&f, (uint32_t)i, "a");
		assert_int_equal(peers_lingering(f.peers), i == 0);
		peers_close(f.peers);
	}
}

/* What it learnt stays with a twin, and is no other peer's word. */
static void a_twin_remembers(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1", ":1"), 0);
	introduce(&f, 0, "a", 1);
	assert_int_equal(learn(&f, 1, "a", "z", 1, 1), PEER_LEARNT_NAME);
	settle(&f, 1);
	assert_string_equal(f.events, "=1 ");
	assert_string_equal(peers_get(f.peers, 1)->zone, "z");
	assert_true(peers_get(f.peers, 1)->learnt);
	/* To the sources it is the one without a name. */
	say(&f, LIST("1", ":1"), 2);
	assert_string_equal(f.events, "");
	say(&f, LIST(":1"), 2);
	assert_string_equal(f.events, "-0 +1 ");
	assert_string_equal(peers_get(f.peers, 1)->zone, "z");
	/* Its hour goes on. */
	assert_int_equal(learn(&f, 1, "b", "", 3600, 1), PEER_LEARNT_CHANGING);
	assert_int_equal(learn(&f, 1, "b", "", 3601, 1), PEER_LEARNT_NAME);
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_preferred_family_is_probed),
		cmocka_unit_test(given_and_learnt_make_one),
		cmocka_unit_test(a_liar_parks_nobody_else),
		cmocka_unit_test(labels_differ_before_it_is_settled),
		cmocka_unit_test(a_twin_takes_over),
		cmocka_unit_test(a_twin_need_not_confirm_its_name),
		cmocka_unit_test(a_given_twin_changes_hands),
		cmocka_unit_test(no_more_than_one_of_each_family),
		cmocka_unit_test(the_families_change_places),
		cmocka_unit_test(a_twin_does_not_linger),
		cmocka_unit_test(a_twin_remembers),
	};

	return cmocka_run_group_tests_name("peers_twins", tests, NULL, NULL);
}
