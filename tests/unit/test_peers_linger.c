/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that no source names any more: how long they stay, and what ends it. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/peers_fixture.h"

static void linger_open(struct fixture *fixture)
{
	fixture_open_with(fixture, FIXTURE_CAPACITY, FIXTURE_LINGER);
}

static void who_is_left_out_lingers_for_its_time(void **state)
{
	struct fixture f;
	struct peers_change change;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	peers_set_state(f.peers, 0, PEER_PROBED);
	change = say(&f, LIST("2b"), 10);
	assert_string_equal(f.events, "?0 ");
	assert_int_equal(change.lingering, 1);
	assert_int_equal(change.departed, 0);
	assert_state(&f, 0, PEER_PROBED);
	assert_true(peers_get(f.peers, 0)->lingering);
	assert_label(&f, 0, "a");
	assert_int_equal(peers_lingering(f.peers), 1);
	assert_int_equal(peers_count(f.peers, PEER_PROBED), 1);
	/* One after the other; nobody is asked twice, nor is its time begun anew. */
	change = say(&f, LIST(), 20);
	assert_string_equal(f.events, "?1 ");
	assert_int_equal(change.lingering, 1);
	assert_int_equal(peers_lingering(f.peers), 2);
	assert_int_equal(release(&f, 309), 0);
	assert_string_equal(f.events, "");
	assert_int_equal(release(&f, 310), 0);
	assert_string_equal(f.events, "-0 ");
	assert_state(&f, 0, PEER_DEPARTED);
	assert_int_equal(peers_lingering(f.peers), 1);
	release(&f, 320);
	assert_string_equal(f.events, "-1 ");
	assert_int_equal(peers_lingering(f.peers), 0);
	assert_int_equal(release(&f, 409), 0);
	assert_int_equal(release(&f, 410), 1);
	assert_int_equal(release(&f, 420), 1);
	peers_close(f.peers);
}

static void who_may_not_linger_departs_at_once(void **state)
{
	static const struct {
		int64_t linger;
		bool departs;
		const char *expected;
	} cases[] = {
		{ 0, false, "-0 " },
		{ FIXTURE_LINGER, true, "?0 -0 " },
		{ FIXTURE_LINGER, false, "?0 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct peers_change change;

		fixture_open_with(&f, FIXTURE_CAPACITY, cases[i].linger);
		say(&f, LIST("1a"), 0);
		f.departs = cases[i].departs;
		change = say(&f, LIST(), 0);
		assert_string_equal(f.events, cases[i].expected);
		assert_int_equal(change.lingering + change.departed, 1);
		assert_int_equal(change.lingering, peers_lingering(f.peers));
		peers_close(f.peers);
	}
}

static void who_comes_back_is_the_same(void **state)
{
	struct fixture f;
	struct peers_change change;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1", "2"), 0);
	introduce(&f, 0, "a", 1);
	say(&f, LIST("2"), 10);
	change = say(&f, LIST("1", "2"), 300);
	assert_string_equal(f.events, "");
	assert_int_equal(change.added + change.departed + change.lingering, 0);
	assert_int_equal(peers_lingering(f.peers), 0);
	assert_label(&f, 0, "a");
	release(&f, 310);
	assert_string_equal(f.events, "");
	/* Its time begins anew when it is left out again. */
	say(&f, LIST("2"), 400);
	assert_string_equal(f.events, "?0 ");
	release(&f, 699);
	assert_string_equal(f.events, "");
	release(&f, 700);
	assert_string_equal(f.events, "-0 ");
	peers_close(f.peers);
}

/* Another peer at its address: nobody is asked, both cannot be. */
static void an_address_is_one_peers(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	say(&f, LIST("1c"), 10);
	assert_string_equal(f.events, "-0 ?1 +2 ");
	say(&f, LIST("1c", "2d"), 20);
	assert_string_equal(f.events, "-1 +3 ");
	/* Nor where there is no room for the new one. */
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 1, "e"), -ENOSPC);
	assert_int_equal(offer(&f, 2, "d"), 0);
	commit(&f, 30);
	assert_string_equal(f.events, "-2 ");
	peers_close(f.peers);
}

static void an_end_before_its_time(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2a", "3c"), 0);
	say(&f, LIST("3c"), 10);
	assert_string_equal(f.events, "?0 ?1 ");
	f.events[0] = '\0';
	peers_end_lingering(f.peers, 0, at(20));
	assert_string_equal(f.events, "-0 ~1 ");
	assert_int_equal(peers_lingering(f.peers), 1);
	assert_int_equal(release(&f, 119), 0);
	assert_int_equal(release(&f, 120), 1);
	release(&f, 310);
	assert_string_equal(f.events, "-1 ");
	peers_close(f.peers);
}

/* What is not probed does not linger; what is ours is nobody's. */
static void an_own_address_ends_it(void **state)
{
	struct fixture f;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	say(&f, LIST("2b"), 10);
	peers_set_state(f.peers, 0, PEER_OWN);
	assert_int_equal(peers_lingering(f.peers), 0);
	peers_set_state(f.peers, 0, PEER_RESOLVING);
	assert_int_equal(peers_lingering(f.peers), 1);
	settle(&f, 20);
	assert_string_equal(f.events, "");
	peers_set_state(f.peers, 0, PEER_OWN);
	settle(&f, 20);
	assert_string_equal(f.events, "-0 ");
	assert_int_equal(peers_lingering(f.peers), 0);
	assert_int_equal(peers_count(f.peers, PEER_OWN), 0);
	peers_close(f.peers);
}

/* --- slots are needed --- */

static void the_longest_lingering_make_room(void **state)
{
	struct fixture f;
	struct peers_change change;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2b", "3c", "4d"), 0);
	say(&f, LIST("1a", "3c", "4d"), 10);
	say(&f, LIST("3c", "4d"), 20);
	say(&f, LIST("3c"), 30);
	assert_int_equal(peers_lingering(f.peers), 3);
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 3, "c"), 0);
	assert_int_equal(offer(&f, 5, "e"), -ENOSPC);
	assert_int_equal(offer(&f, 6, "f"), -ENOSPC);
	change = commit(&f, 40);
	assert_string_equal(f.events, "-1 -0 ");
	assert_int_equal(change.departed, 2);
	assert_int_equal(change.surplus, 2);
	assert_int_equal(peers_lingering(f.peers), 1);
	/* Slots that rest will do: nobody else has to go for the same two. */
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 3, "c"), 0);
	assert_int_equal(offer(&f, 5, "e"), -ENOSPC);
	assert_int_equal(offer(&f, 6, "f"), -ENOSPC);
	commit(&f, 50);
	assert_string_equal(f.events, "");
	assert_int_equal(release(&f, 140), 2);
	say(&f, LIST("3c", "5e", "6f"), 140);
	assert_string_equal(f.events, "+0 +1 ");
	assert_label(&f, 1, "e");
	assert_int_equal(peers_lingering(f.peers), 1);
	assert_int_equal(peers_surplus(f.peers), 0);
	peers_close(f.peers);
}

/* In one commit: it is left out, and makes room. And who comes back need not go. */
static void room_is_made_of_who_lingers_then(void **state)
{
	struct fixture f;
	struct peers_change change;

	(void)state;
	linger_open(&f);
	say(&f, LIST("1a", "2b", "3c", "4d"), 0);
	say(&f, LIST("2b", "3c", "4d"), 10);
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 1, "a"), 0);
	assert_int_equal(offer(&f, 2, "b"), 0);
	assert_int_equal(offer(&f, 5, "e"), -ENOSPC);
	change = commit(&f, 20);
	assert_string_equal(f.events, "?2 ?3 -2 ");
	assert_int_equal(change.departed, 1);
	assert_int_equal(change.lingering, 1);
	assert_false(peers_get(f.peers, 0)->lingering);
	/* More than linger cannot go. */
	peers_begin(f.peers);
	for (uint32_t i = 0; i < 9; i++)
		offer(&f, 10 + i, "");
	assert_int_equal(peers_lingering(f.peers), 1);
	change = commit(&f, 30);
	assert_string_equal(f.events, "?0 ?1 -3 -0 -1 ");
	assert_int_equal(change.departed, 3);
	assert_int_equal(change.lingering, 0);
	assert_int_equal(peers_surplus(f.peers), 9);
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_left_out_lingers_for_its_time),
		cmocka_unit_test(who_may_not_linger_departs_at_once),
		cmocka_unit_test(who_comes_back_is_the_same),
		cmocka_unit_test(an_address_is_one_peers),
		cmocka_unit_test(an_end_before_its_time),
		cmocka_unit_test(an_own_address_ends_it),
		cmocka_unit_test(the_longest_lingering_make_room),
		cmocka_unit_test(room_is_made_of_who_lingers_then),
	};

	return cmocka_run_group_tests_name("peers_linger", tests, NULL, NULL);
}
