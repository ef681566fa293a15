/* SPDX-License-Identifier: Apache-2.0 */
/* The table of peers: transactions and slots. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/peers_fixture.h"

static void a_commit_replaces_what_was_said(void **state)
{
	struct fixture f;
	struct peers_change change;

	(void)state;
	fixture_open(&f);
	change = say(&f, LIST("1a", "2b"), 0);
	assert_string_equal(f.events, "+0 +1 ");
	assert_int_equal(change.added, 2);
	assert_state(&f, 0, PEER_RESOLVING);
	say(&f, LIST("2b", "1a"), 0);
	assert_string_equal(f.events, "");
	change = say(&f, LIST("3c", "2b"), 0);
	assert_string_equal(f.events, "-0 +2 ");
	assert_int_equal(change.added, 1);
	assert_int_equal(change.departed, 1);
	assert_state(&f, 0, PEER_DEPARTED);
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 2);
	assert_int_equal(peers_count(f.peers, PEER_DEPARTED), 1);
	assert_int_equal(peers_count(f.peers, PEER_FREE), 1);
	change = say(&f, LIST(), 0);
	assert_string_equal(f.events, "-1 -2 ");
	assert_int_equal(change.departed, 2);
	assert_int_equal(change.added, 0);
	peers_close(f.peers);
}

static void nothing_shows_before_the_commit(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a"), 0);
	f.events[0] = '\0';
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 2, "b"), 0);
	assert_int_equal(offer(&f, 1, "c"), 0);
	assert_string_equal(f.events, "");
	assert_int_equal(peers_count(f.peers, PEER_FREE), 3);
	assert_state(&f, 0, PEER_RESOLVING);
	assert_label(&f, 0, "a");
	for (uint32_t slot = 1; slot < FIXTURE_CAPACITY; slot++)
		assert_state(&f, slot, PEER_FREE);
	commit(&f, 0);
	assert_string_equal(f.events, "-0 +1 +2 ");
	peers_close(f.peers);
}

static void an_address_is_offered_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	/* What is new, and what stands already. */
	for (int round = 0; round < 2; round++) {
		peers_begin(f.peers);
		assert_int_equal(offer(&f, 1, "a"), 0);
		assert_int_equal(offer(&f, 1, "a"), -EEXIST);
		assert_int_equal(offer(&f, 1, "b"), -EEXIST);
		assert_int_equal(offer(&f, FIXTURE_IPV6 + 1, "c"), 0);
		commit(&f, 0);
		assert_string_equal(f.events, round ? "" : "+0 +1 ");
	}
	/* And what becomes another peer, room for it or not. */
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 1, "x"), 0);
	assert_int_equal(offer(&f, 1, "x"), -EEXIST);
	assert_int_equal(offer(&f, 1, "a"), -EEXIST);
	assert_int_equal(offer(&f, 2, ""), 0);
	assert_int_equal(offer(&f, FIXTURE_IPV6 + 1, "d"), -ENOSPC);
	assert_int_equal(offer(&f, FIXTURE_IPV6 + 1, "c"), -EEXIST);
	commit(&f, 0);
	assert_string_equal(f.events, "-0 -1 +2 +3 ");
	peers_close(f.peers);
}

static void another_name_is_another_peer(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	say(&f, LIST("1c", "2b"), 0);
	assert_string_equal(f.events, "-0 +2 ");
	assert_label(&f, 2, "c");
	/* And two that change names with each other are two new ones. */
	release(&f, 100);
	say(&f, LIST("1b", "2c"), 200);
	assert_string_equal(f.events, "-1 -2 +0 +3 ");
	assert_label(&f, 0, "c");
	assert_label(&f, 3, "b");
	peers_close(f.peers);
}

static void another_protocol_is_another_peer(void **state)
{
	struct peer_candidate candidate = candidate_of(1, "a");
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	peers_begin(f.peers);
	candidate.probe = PROBE_ICMP;
	assert_int_equal(peers_offer(f.peers, &candidate), 0);
	assert_int_equal(offer(&f, 2, "b"), 0);
	commit(&f, 0);
	/* It has the name and the label of the one that went. */
	assert_string_equal(f.events, "-0 +2 ");
	assert_label(&f, 2, "a");
	peers_close(f.peers);
}

static void protocols_are_the_peers_own(void **state)
{
	static const struct {
		enum probe_protocol by_default, said, expected;
	} cases[] = {
		{ PROBE_STAMP, PROBE_DEFAULT, PROBE_STAMP },
		{ PROBE_STAMP, PROBE_STAMP, PROBE_STAMP },
		{ PROBE_STAMP, PROBE_ICMP, PROBE_ICMP },
		{ PROBE_ICMP, PROBE_DEFAULT, PROBE_ICMP },
		{ PROBE_ICMP, PROBE_STAMP, PROBE_STAMP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f = { 0 };
		struct peers_settings settings = fixture_settings(&f, 1, 0);

		settings.protocol = cases[i].by_default;
		assert_int_equal(peers_open(&settings, &f.peers), 0);
		/* Said again, by default or by its name, it is the same peer. */
		for (int again = 0; again < 2; again++) {
			struct peer_candidate candidate = candidate_of(1, "a");

			candidate.probe = (uint8_t)(again ? cases[i].expected : cases[i].said);
			peers_begin(f.peers);
			assert_int_equal(peers_offer(f.peers, &candidate), 0);
			commit(&f, 0);
			assert_string_equal(f.events, again ? "" : "+0 ");
			assert_int_equal(peers_get(f.peers, 0)->probe, cases[i].expected);
		}
		peers_close(f.peers);
	}
}

static void a_zone_is_taken_over_in_place(void **state)
{
	/* What is offered, what the peer says then (NULL: nothing), and what stands. */
	static const struct {
		const char *offered, *said, *expected;
		bool given;
	} cases[] = {
		{ "", NULL, "", false },  { "", "own", "own", false }, { "", NULL, "own", false },
		{ "z", NULL, "z", true }, { "z", "own", "z", true },   { "y", NULL, "y", true },
		{ "", NULL, "", false },  { "", "own", "own", false },
	};
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate = candidate_of(1, "a");

		snprintf(candidate.zone, sizeof(candidate.zone), "%s", cases[i].offered);
		peers_begin(f.peers);
		assert_int_equal(peers_offer(f.peers, &candidate), 0);
		commit(&f, 0);
		assert_string_equal(f.events, i == 0 ? "+0 " : "");
		if (cases[i].said)
			assert_int_equal(learn(&f, 0, "b", cases[i].said, 3600 * (int64_t)i, 0),
					 PEER_LEARNT_NOTHING_NEW);
		assert_string_equal(peers_get(f.peers, 0)->zone, cases[i].expected);
		assert_int_equal(peers_get(f.peers, 0)->zone_given, cases[i].given);
	}
	peers_close(f.peers);
}

/* Nor does a peer lose it with its name, or wait for its hour because it says another one. */
static void a_given_zone_is_not_its_own(void **state)
{
	struct peer_candidate candidate = candidate_of(1, "");
	struct fixture f;

	(void)state;
	fixture_open(&f);
	snprintf(candidate.zone, sizeof(candidate.zone), "z");
	peers_begin(f.peers);
	assert_int_equal(peers_offer(f.peers, &candidate), 0);
	assert_int_equal(offer(&f, 2, ""), 0);
	commit(&f, 0);
	assert_int_equal(learn(&f, 0, "a", "own", 1, 0), PEER_LEARNT_NAME);
	assert_int_equal(learn(&f, 0, "a", "another", 2, 0), PEER_LEARNT_NOTHING_NEW);
	assert_int_equal(learn(&f, 1, "a", "y", 152, 0), PEER_LEARNT_NAME);
	assert_string_equal(peers_get(f.peers, 0)->name, "");
	assert_string_equal(peers_get(f.peers, 0)->zone, "z");
	assert_string_equal(peers_get(f.peers, 1)->zone, "y");
	peers_set_state(f.peers, 0, PEER_OWN);
	peers_set_state(f.peers, 1, PEER_OWN);
	assert_string_equal(peers_get(f.peers, 0)->zone, "z");
	assert_string_equal(peers_get(f.peers, 1)->zone, "");
	peers_close(f.peers);
}

static void a_slot_rests_before_it_is_handed_on(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2b", "3c", "4d"), 0);
	say(&f, LIST("1a", "2b"), 0);
	peers_begin(f.peers);
	assert_int_equal(offer(&f, 1, "a"), 0);
	assert_int_equal(offer(&f, 5, "e"), -ENOSPC);
	assert_int_equal(offer(&f, 6, "f"), -ENOSPC);
	assert_int_equal(commit(&f, 100).surplus, 2);
	assert_int_equal(peers_surplus(f.peers), 2);
	assert_int_equal(release(&f, 99), 0);
	assert_int_equal(release(&f, 100), 2);
	assert_int_equal(release(&f, 100), 0);
	assert_int_equal(release(&f, 199), 0);
	assert_int_equal(release(&f, 200), 1);
	/* The longest free first: 2 and 3 before 1. */
	say(&f, LIST("1a", "5e"), 200);
	assert_string_equal(f.events, "+2 ");
	assert_int_equal(peers_surplus(f.peers), 0);
	say(&f, LIST("1a", "5e", "6f"), 200);
	assert_string_equal(f.events, "+3 ");
	say(&f, LIST("1a", "5e", "6f", "7g"), 200);
	assert_string_equal(f.events, "+1 ");
	peers_close(f.peers);
}

static void who_was_never_used_was_free_the_longest(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	say(&f, LIST("1a", "2b"), 0);
	say(&f, LIST("2b"), 0);
	release(&f, 100);
	say(&f, LIST("2b", "3c", "4d"), 100);
	assert_string_equal(f.events, "+2 +3 ");
	say(&f, LIST("2b", "3c", "4d", "5e"), 100);
	assert_string_equal(f.events, "+0 ");
	peers_close(f.peers);
}

static void surplus_is_that_of_the_last_commit(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	peers_begin(f.peers);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(offer(&f, i, ""), i < FIXTURE_CAPACITY ? 0 : -ENOSPC);
	/* Not yet. */
	assert_int_equal(peers_surplus(f.peers), 0);
	assert_int_equal(commit(&f, 0).added, FIXTURE_CAPACITY);
	assert_int_equal(peers_surplus(f.peers), 2);
	peers_begin(f.peers);
	for (uint32_t i = 0; i < 5; i++)
		offer(&f, i, "");
	assert_int_equal(commit(&f, 0).surplus, 1);
	assert_int_equal(peers_surplus(f.peers), 1);
	peers_close(f.peers);
}

static void own_peers_are_listed_but_not_live(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open_with(&f, FIXTURE_CAPACITY, FIXTURE_LINGER);
	say(&f, LIST("1a", "2b"), 0);
	peers_set_state(f.peers, 0, PEER_OWN);
	assert_false(peer_is_live(peers_get(f.peers, 0)));
	assert_int_equal(peers_count(f.peers, PEER_OWN), 1);
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 1);
	peers_set_state(f.peers, 1, PEER_PROBED);
	assert_true(peer_is_live(peers_get(f.peers, 1)));
	assert_int_equal(peers_count(f.peers, PEER_PROBED), 1);
	/* Still there, and the same one. */
	say(&f, LIST("1a", "2b"), 0);
	assert_string_equal(f.events, "");
	assert_state(&f, 0, PEER_OWN);
	/* It does not linger: nobody probes it. */
	say(&f, LIST("2b"), 0);
	assert_string_equal(f.events, "-0 ");
	assert_int_equal(peers_count(f.peers, PEER_OWN), 0);
	peers_close(f.peers);
}

static void nobody_has_to_listen(void **state)
{
	struct peers_settings settings = { .capacity = 2, .protocol = PROBE_STAMP, .linger_ns = 1 };
	struct fixture f = { 0 };

	(void)state;
	assert_int_equal(peers_open(&settings, &f.peers), 0);
	say(&f, LIST("1a", ":1a"), 0);
	assert_twin(&f, 1, 0);
	say(&f, LIST(":1a"), 0);
	assert_state(&f, 0, PEER_DEPARTED);
	assert_state(&f, 1, PEER_RESOLVING);
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_replaces_what_was_said),
		cmocka_unit_test(nothing_shows_before_the_commit),
		cmocka_unit_test(an_address_is_offered_once),
		cmocka_unit_test(another_name_is_another_peer),
		cmocka_unit_test(another_protocol_is_another_peer),
		cmocka_unit_test(protocols_are_the_peers_own),
		cmocka_unit_test(a_zone_is_taken_over_in_place),
		cmocka_unit_test(a_given_zone_is_not_its_own),
		cmocka_unit_test(a_slot_rests_before_it_is_handed_on),
		cmocka_unit_test(who_was_never_used_was_free_the_longest),
		cmocka_unit_test(surplus_is_that_of_the_last_commit),
		cmocka_unit_test(own_peers_are_listed_but_not_live),
		cmocka_unit_test(nobody_has_to_listen),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
