/* SPDX-License-Identifier: Apache-2.0 */
/* The table of peers: transactions and slots. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/peers_fixture.h"

static void a_source_replaces_what_it_said(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 0);
	assert_string_equal(f.events, "+0 +1 ");
	assert_int_equal(peers_get(f.peers, 0)->state, PEER_RESOLVING);
	say(&f, PEER_SOURCE_FILE, LIST("2b", "1a"), 0);
	assert_string_equal(f.events, "");
	say(&f, PEER_SOURCE_FILE, LIST("3c", "2b"), 100);
	assert_string_equal(f.events, "-0 +2 ");
	assert_int_equal(peers_get(f.peers, 0)->state, PEER_DEPARTED);
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 2);
	assert_int_equal(peers_count(f.peers, PEER_DEPARTED), 1);
	assert_int_equal(peers_count(f.peers, PEER_FREE), 1);
	say(&f, PEER_SOURCE_FILE, LIST(), 100);
	assert_string_equal(f.events, "-1 -2 ");
	peers_close(f.peers);
}

static void nothing_shows_before_the_commit(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a"), 0);
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer(&f, 2, "b"), 0);
	assert_int_equal(offer(&f, 3, "c"), 0);
	assert_int_equal(peers_count(f.peers, PEER_FREE), 3);
	for (uint32_t slot = 1; slot < FIXTURE_CAPACITY; slot++)
		assert_int_equal(peers_get(f.peers, slot)->state, PEER_FREE);
	peers_abort(f.peers);
	assert_int_equal(peers_get(f.peers, 0)->state, PEER_RESOLVING);
	/* All four places are to be had again, and what was aborted is not "offered already". */
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b", "3c", "4d"), 0);
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 4);
	peers_close(f.peers);
}

static void sources_are_merged(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_STATIC, LIST("1a"), 0);
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 0);
	assert_string_equal(f.events, "+1 ");
	assert_int_equal(peers_get(f.peers, 0)->sources, PEER_SOURCE_STATIC | PEER_SOURCE_FILE);
	/* One address is one peer: the first to name it decides, the other must not tear it down. */
	say(&f, PEER_SOURCE_FILE, LIST("1x", "2b"), 0);
	assert_string_equal(f.events, "");
	assert_label(&f, 0, "a");
	say(&f, PEER_SOURCE_FILE, LIST("2b"), 0);
	assert_string_equal(f.events, "");
	assert_int_equal(peers_get(f.peers, 0)->sources, PEER_SOURCE_STATIC);
	say(&f, PEER_SOURCE_STATIC, LIST(), 0);
	assert_string_equal(f.events, "-0 ");
	peers_close(f.peers);
}

static void contradictions_of_a_source_are_told(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_STATIC, LIST("9s"), 0);
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer(&f, 1, "a"), 0);
	assert_int_equal(offer(&f, 1, "a"), -EEXIST);
	assert_int_equal(offer(&f, 1, "b"), -EEXIST);
	assert_int_equal(offer(&f, 2, "a"), -ENOTUNIQ);
	assert_int_equal(offer(&f, 2, ""), 0);
	assert_int_equal(offer(&f, 3, ""), 0);
	/* Another source's name is no contradiction. */
	assert_int_equal(offer(&f, 9, "q"), 0);
	assert_int_equal(offer(&f, 9, "s"), -EEXIST);
	commit(&f, 0);
	/* Of what stands already, too. */
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer(&f, 1, "a"), 0);
	assert_int_equal(offer(&f, 1, "a"), -EEXIST);
	assert_int_equal(offer(&f, 2, "a"), -ENOTUNIQ);
	peers_abort(f.peers);
	peers_close(f.peers);
}

static void another_name_is_another_peer(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 0);
	say(&f, PEER_SOURCE_FILE, LIST("1c", "2b"), 100);
	assert_string_equal(f.events, "-0 +2 ");
	assert_label(&f, 2, "c");
	/* And two that change names with each other are two new ones. */
	peers_release(f.peers, (struct local_time){ .ns = 100 });
	say(&f, PEER_SOURCE_FILE, LIST("1b", "2c"), 200);
	assert_string_equal(f.events, "-1 -2 +0 +3 ");
	peers_close(f.peers);
}

static void a_slot_rests_before_it_is_handed_on(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b", "3c", "4d"), 0);
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 100);
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer(&f, 1, "a"), 0);
	assert_int_equal(offer(&f, 5, "e"), -ENOSPC);
	assert_int_equal(offer(&f, 6, "f"), -ENOSPC);
	assert_int_equal(commit(&f, 200).surplus, 2);
	assert_int_equal(peers_surplus(f.peers), 2);
	assert_int_equal(peers_release(f.peers, (struct local_time){ .ns = 99 }), 0);
	assert_int_equal(peers_release(f.peers, (struct local_time){ .ns = 100 }), 2);
	assert_int_equal(peers_release(f.peers, (struct local_time){ .ns = 100 }), 0);
	assert_int_equal(peers_release(f.peers, (struct local_time){ .ns = 200 }), 1);
	/* The longest free first: 2 and 3 before 1. */
	say(&f, PEER_SOURCE_FILE, LIST("1a", "5e"), 0);
	assert_string_equal(f.events, "+2 ");
	assert_int_equal(peers_surplus(f.peers), 0);
	say(&f, PEER_SOURCE_FILE, LIST("1a", "5e", "6f"), 0);
	assert_string_equal(f.events, "+3 ");
	say(&f, PEER_SOURCE_FILE, LIST("1a", "5e", "6f", "7g"), 0);
	assert_string_equal(f.events, "+1 ");
	peers_close(f.peers);
}

static void surplus_is_kept_for_each_source(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	peers_begin(f.peers, PEER_SOURCE_STATIC);
	for (uint32_t i = 0; i < 6; i++)
		offer(&f, i, "");
	assert_int_equal(commit(&f, 0).added, FIXTURE_CAPACITY);
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer(&f, 9, ""), -ENOSPC);
	commit(&f, 0);
	assert_int_equal(peers_surplus(f.peers), 3);
	peers_begin(f.peers, PEER_SOURCE_DNS);
	assert_int_equal(offer(&f, 10, ""), -ENOSPC);
	assert_int_equal(offer(&f, 11, ""), -ENOSPC);
	commit(&f, 0);
	assert_int_equal(peers_surplus(f.peers), 5);
	say(&f, PEER_SOURCE_FILE, LIST(), 0);
	assert_int_equal(peers_surplus(f.peers), 4);
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

		assert_int_equal(peers_open(1, cases[i].by_default, &f.peers), 0);
		/* Said again, by default or by its name, it is the same peer. */
		for (int again = 0; again < 2; again++) {
			peers_begin(f.peers, PEER_SOURCE_FILE);
			assert_int_equal(
				offer_as(&f, 1, "a", again ? cases[i].expected : cases[i].said), 0);
			commit(&f, 0);
			assert_string_equal(f.events, again ? "" : "+0 ");
			assert_int_equal(peers_get(f.peers, 0)->probe, cases[i].expected);
		}
		peers_close(f.peers);
	}
}

static void another_protocol_is_another_peer(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 0);
	peers_begin(f.peers, PEER_SOURCE_FILE);
	assert_int_equal(offer_as(&f, 1, "a", PROBE_ICMP), 0);
	assert_int_equal(offer_as(&f, 1, "a", PROBE_DEFAULT), -EEXIST);
	assert_int_equal(offer_as(&f, 2, "b", PROBE_STAMP), 0);
	commit(&f, 100);
	/* It has the name and the label of the one that went. */
	assert_string_equal(f.events, "-0 +2 ");
	assert_label(&f, 2, "a");
	/* One address is one peer: static's protocol does not tear down the file's peer. */
	say(&f, PEER_SOURCE_STATIC, LIST("1a"), 100);
	assert_string_equal(f.events, "");
	assert_int_equal(peers_get(f.peers, 2)->probe, PROBE_ICMP);
	assert_int_equal(peers_get(f.peers, 2)->sources, PEER_SOURCE_STATIC | PEER_SOURCE_FILE);
	/* But whoever says another one by name is told. */
	peers_begin(f.peers, PEER_SOURCE_STATIC);
	assert_int_equal(offer_as(&f, 1, "a", PROBE_STAMP), -EALREADY);
	commit(&f, 100);
	peers_begin(f.peers, PEER_SOURCE_STATIC);
	assert_int_equal(offer_as(&f, 1, "a", PROBE_ICMP), 0);
	commit(&f, 100);
	assert_string_equal(f.events, "");
	assert_int_equal(peers_get(f.peers, 2)->sources, PEER_SOURCE_STATIC | PEER_SOURCE_FILE);
	peers_close(f.peers);
}

static void known_peers_are_listed_but_not_live(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	say(&f, PEER_SOURCE_FILE, LIST("1a", "2b"), 0);
	peers_set_state(f.peers, 0, PEER_KNOWN);
	assert_false(peer_is_live(peers_get(f.peers, 0)));
	assert_int_equal(peers_count(f.peers, PEER_KNOWN), 1);
	assert_int_equal(peers_count(f.peers, PEER_RESOLVING), 1);
	/* Still there, and the same one. */
	say(&f, PEER_SOURCE_FILE, LIST("1a"), 100);
	assert_string_equal(f.events, "-1 ");
	assert_int_equal(peers_get(f.peers, 0)->state, PEER_KNOWN);
	say(&f, PEER_SOURCE_FILE, LIST(), 100);
	assert_string_equal(f.events, "-0 ");
	assert_int_equal(peers_count(f.peers, PEER_KNOWN), 0);
	peers_close(f.peers);
}

/* Whatever is said in whatever order: counts add up, no address and no label is live twice, and a
 * slot changes hands only through its rest. */
static void the_table_holds_together(void **state)
{
	enum { SLOTS = 16, ROUNDS = 3000 };
	uint64_t seed = 0x5eed4;
	struct fixture f = fixture_open_with(SLOTS);

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)seed);
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t before[SLOTS];

		for (uint32_t slot = 0; slot < SLOTS; slot++)
			before[slot] = peers_get(f.peers, slot)->state;
		peers_begin(f.peers,
			    fake_random(&seed) % 2 ? PEER_SOURCE_FILE : PEER_SOURCE_STATIC);
		for (uint64_t count = fake_random(&seed) % 14; count > 0; count--) {
			char name[8] = "";

			if (fake_random(&seed) % 4)
				snprintf(name, sizeof(name), "n%u",
					 (unsigned int)(fake_random(&seed) % 12));
			offer_as(&f, (uint32_t)(fake_random(&seed) % 20), name,
				 (enum probe_protocol)(fake_random(&seed) % 3));
		}
		if (fake_random(&seed) % 8 == 0)
			peers_abort(f.peers);
		else
			commit(&f, round + 2);

		uint32_t total = 0;

		for (enum peer_state s = PEER_FREE; s <= PEER_DEPARTED; s++)
			total += peers_count(f.peers, s);
		assert_int_equal(total, SLOTS);
		for (uint32_t a = 0; a < SLOTS; a++) {
			const struct peer *peer = peers_get(f.peers, a);
			char label[PEER_NAME_CAPACITY], other[PEER_NAME_CAPACITY];

			assert_int_equal(peer->offered, 0);
			if (before[a] == PEER_DEPARTED)
				assert_int_equal(peer->state, PEER_DEPARTED);
			if (!peer_is_live(peer))
				continue;
			assert_true(peer->sources != 0);
			peers_label(f.peers, a, label);
			for (uint32_t b = 0; b < a; b++) {
				if (!peer_is_live(peers_get(f.peers, b)))
					continue;
				assert_false(address_equal(&peer->address,
							   &peers_get(f.peers, b)->address));
				peers_label(f.peers, b, other);
				assert_string_not_equal(label, other);
			}
		}
		peers_release(f.peers, (struct local_time){ .ns = round });
	}
	peers_close(f.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_replaces_what_it_said),
		cmocka_unit_test(nothing_shows_before_the_commit),
		cmocka_unit_test(sources_are_merged),
		cmocka_unit_test(contradictions_of_a_source_are_told),
		cmocka_unit_test(another_name_is_another_peer),
		cmocka_unit_test(a_slot_rests_before_it_is_handed_on),
		cmocka_unit_test(surplus_is_kept_for_each_source),
		cmocka_unit_test(protocols_are_the_peers_own),
		cmocka_unit_test(another_protocol_is_another_peer),
		cmocka_unit_test(known_peers_are_listed_but_not_live),
		cmocka_unit_test(the_table_holds_together),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
