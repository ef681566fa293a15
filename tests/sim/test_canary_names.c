/* SPDX-License-Identifier: Apache-2.0 */
/* Who the peers say they are: what a name is worth. */
#include "sim/naming.h"

/* The simulation sees to it that a new label starts anew with what is in flight. */
static void a_peer_is_called_what_it_says(void **state)
{
	struct simulation *sim = unnamed(3);

	(void)state;
	assert_label(sim, 0, "10.0.0.1");
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	assert_label(sim, 2, "node-3");
	assert_string_equal(peers_get(canary_peers(sim->canary), 1)->zone, "zone-1");
	assert_int_equal(sim->relabelled, 3);
	assert_int_equal(sim->notice_count, 3);
	assert_int_equal(notices(sim, CANARY_NAMED), 3);
	/* And for good, until it says otherwise, which it may once an hour. */
	named(sim, 2, "renamed");
	simulation_run(sim, 70 * NS_PER_SECOND);
	assert_label(sim, 1, "node-2");
	assert_int_equal(notices(sim, CANARY_NAME_CHANGING), 1);
	assert_int_equal(canary_totals(sim->canary)->names_changing, 1);
	named(sim, 2, "node-2");
	an_hour_passes(sim);
	assert_int_equal(sim->notice_count, 4);
	named(sim, 2, "renamed");
	simulation_run(sim, 70 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	assert_label(sim, 1, "renamed");
	assert_int_equal(sim->relabelled, 4);
	assert_int_equal(sim->notice_count, 5);
	finish(sim);
}

/* One series an hour is all that a peer can make. */
static void a_name_that_changes_each_minute_is_refused(void **state)
{
	struct simulation *sim = unnamed(1);

	(void)state;
	for (int i = 0; i < 130; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		named(sim, 1, name);
		simulation_run(sim, 60 * NS_PER_SECOND);
	}
	assert_int_equal(sim->relabelled, 3);
	assert_int_equal(canary_totals(sim->canary)->names_changing, 127);
	assert_int_equal(notices(sim, CANARY_NAME_CHANGING), 3);
	finish(sim);
}

/* Late and lost ones among them: they must not be charged to the new name. A source takes the name,
 * and lets go of it. */
static void losses_of_a_former_name_get_no_direction(void **state)
{
	struct simulation *sim = unnamed(4);
	uint64_t lost = 0, directed = 0;

	(void)state;
	sim->conditions.loss_forward = 300;
	sim->conditions.loss_backward = 100;
	sim->conditions.jitter_ns = 80 * MS;
	sim->conditions.late = 200;
	sim->conditions.duplicate = 200;
	for (uint32_t i = 0; i < 60; i++) {
		char name[PEER_NAME_CAPACITY];

		peers_label(canary_peers(sim->canary), i % 4, name);
		canary_peers_begin(sim->canary, PEER_SOURCE_STATIC);
		if (i % 2)
			simulation_offer(sim, 9, name);
		simulation_commit(sim);
		simulation_run(sim, 30 * NS_PER_SECOND);
		for (uint32_t slot = 0; slot < 4; slot++) {
			lost += canary_stats(sim->canary, slot)->lost;
			directed += canary_stats(sim->canary, slot)->lost_forward;
		}
	}
	assert_true(sim->relabelled > 20 && lost && directed);
	finish(sim);
}

static void a_name_that_a_source_gave_stands(void **state)
{
	struct simulation *sim = unnamed(1);

	(void)state;
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	simulation_offer(sim, 1, "given");
	simulation_commit(sim);
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_label(sim, 1, "given");
	assert_string_equal(peers_get(canary_peers(sim->canary), 1)->zone, "zone-1");
	assert_int_equal(sim->notice_count, 0);
	finish(sim);
}

/* A reply that carries what nobody asked for, or that nobody waits for. */
static void nobody_is_told_unasked(void **state)
{
	struct simulation *sim = unnamed(1);
	struct packet packet = { .kind = PACKET_REPLY };
	struct probe probe;
	bool was_asked = true;

	(void)state;
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	named(sim, 1, "unasked");
	while (was_asked) {
		sim->now_ns += SIMULATION_TICK_NS;
		if (canary_due(sim->canary, simulation_now(sim), simulation_now(sim), &probe, 1) ==
		    0)
			continue;
		canary_on_sent(sim->canary, &probe, 0);
		was_asked = probe.ask;
	}
	packet.message = (struct fake_message){ .peer = probe.destination,
						.nonce = probe.nonce,
						.sequence = (uint16_t)probe.sequence,
						.flow = probe.flow,
						.protocol = PROBE_STAMP,
						.ask = true };
	simulation_hear(sim, &packet);
	assert_label(sim, 0, "node-1");
	simulation_close(sim);
}

static void a_hostile_name_is_none(void **state)
{
	static const struct {
		char octets[8];
		size_t length;
	} cases[] = {
		{ "a\"b", 3 }, { "a\nb", 3 },  { "a\\b", 3 }, { "a\0b", 3 },	 { "\xc3\xa9", 2 },
		{ "", 255 },   { "abc", 254 }, { "{x=}", 4 }, { "10.0.0.2", 8 }, { "abc", 2 },
	};
	struct simulation *sim = unnamed(1);
	struct fake_reflector *reflector = &sim->reflectors[1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(reflector->name, 0, sizeof(reflector->name));
		memcpy(reflector->name, cases[i].octets, sizeof(cases[i].octets));
		reflector->name_length = cases[i].length;
		simulation_run(sim, 61 * NS_PER_SECOND);
		assert_label(sim, 0, "10.0.0.1");
		assert_in_range(canary_totals(sim->canary)->names_invalid, i + 1, i + 2);
	}
	assert_int_equal(sim->notice_count, 1);
	assert_int_equal(notices(sim, CANARY_NAME_INVALID), 1);
	named(sim, 1, "good");
	simulation_run(sim, 61 * NS_PER_SECOND);
	assert_label(sim, 0, "good");
	assert_int_equal(sim->notice_count, 2);
	/* Said again once it was something else. */
	reflector->name_length = 255;
	simulation_run(sim, 61 * NS_PER_SECOND);
	assert_label(sim, 0, "good");
	assert_int_equal(notices(sim, CANARY_NAME_INVALID), 2);
	finish(sim);
}

static void our_own_name_is_nobody_elses(void **state)
{
	struct simulation *sim = unnamed(1);

	(void)state;
	named(sim, 1, "self");
	simulation_run(sim, 130 * NS_PER_SECOND);
	assert_label(sim, 0, "10.0.0.1");
	assert_int_equal(canary_totals(sim->canary)->names_taken, 3);
	assert_int_equal(sim->notice_count, 1);
	assert_int_equal(notices(sim, CANARY_NAME_TAKEN), 1);
	finish(sim);
}

/* Its holder keeps it for as long as he answers, and a while longer. */
static void two_claim_one_name(void **state)
{
	struct simulation *sim = unnamed(2);

	(void)state;
	named(sim, 1, "both");
	simulation_run(sim, 5 * NS_PER_SECOND);
	named(sim, 2, "both");
	simulation_run(sim, 180 * NS_PER_SECOND);
	assert_label(sim, 0, "both");
	assert_label(sim, 1, "node-2");
	assert_int_equal(notices(sim, CANARY_NAME_TAKEN), 1);
	assert_int_equal(canary_totals(sim->canary)->names_taken, 3);
	assert_int_equal(sim->relabelled, 2);
	an_hour_passes(sim);
	sim->reflectors[1].kind = REFLECTOR_DOWN;
	simulation_run(sim, 280 * NS_PER_SECOND);
	assert_label(sim, 0, "10.0.0.1");
	assert_label(sim, 1, "both");
	assert_int_equal(sim->relabelled, 4);
	assert_int_equal(notices(sim, CANARY_NAME_LOST), 1);
	assert_int_equal(sim->notices[sim->notice_count - 2].slot, 0);
	finish(sim);
}

/* Sources win: who joins under a name that was learnt takes it. */
static void a_source_takes_a_learnt_name(void **state)
{
	struct simulation *sim = unnamed(1);

	(void)state;
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	canary_peers_begin(sim->canary, PEER_SOURCE_STATIC);
	assert_int_equal(simulation_offer(sim, 7, "node-1"), 0);
	assert_int_equal(simulation_commit(sim).added, 1);
	assert_label(sim, 0, "10.0.0.1");
	assert_label(sim, 1, "node-1");
	assert_int_equal(notices(sim, CANARY_NAME_LOST), 1);
	simulation_run(sim, 70 * NS_PER_SECOND);
	assert_label(sim, 0, "10.0.0.1");
	assert_int_equal(notices(sim, CANARY_NAME_TAKEN), 1);
	/* It is an address of ours after all: nobody's name any more. */
	simulation_route(sim, 1, true);
	simulation_run(sim, 70 * NS_PER_SECOND);
	assert_label(sim, 0, "node-1");
	finish(sim);
}

/* Two sources, two addresses, one name: one of them goes by it. */
static void a_name_is_passed_on_with_a_clean_start(void **state)
{
	struct simulation *sim = unnamed(0);

	(void)state;
	for (uint32_t i = 1; i <= 2; i++) {
		canary_peers_begin(sim->canary, i == 1 ? PEER_SOURCE_FILE : PEER_SOURCE_STATIC);
		assert_int_equal(simulation_offer(sim, i, "one"), 0);
		simulation_commit(sim);
	}
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_label(sim, 0, "one");
	assert_label(sim, 1, "10.0.0.2");
	simulation_route(sim, 0, true);
	assert_label(sim, 1, "one");
	assert_int_equal(notices(sim, CANARY_NAMED), 1);
	/* It was not: before it departed. */
	simulation_route(sim, 0, false);
	assert_label(sim, 0, "one");
	assert_label(sim, 1, "10.0.0.2");
	assert_int_equal(notices(sim, CANARY_NAME_LOST), 1);
	assert_int_equal(sim->relabelled, 2);
	finish(sim);
}

static void who_comes_next_is_asked_anew(void **state)
{
	struct simulation *sim = simulation_open(SEED, 1, 2, 100 * MS, 300 * MS, PROBE_STAMP);
	uint32_t flows;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		char expected[16];

		snprintf(expected, sizeof(expected), "node-%u", i);
		canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
		assert_int_equal(simulation_offer(sim, i, ""), 0);
		simulation_commit(sim);
		assert_int_equal(canary_flows(sim->canary, 0, &flows)->judged, 0);
		simulation_run(sim, NS_PER_SECOND);
		assert_label(sim, 0, expected);
		canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
		simulation_commit(sim);
		simulation_run(sim, 2 * NS_PER_SECOND);
	}
	finish(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_called_what_it_says),
		cmocka_unit_test(a_name_that_changes_each_minute_is_refused),
		cmocka_unit_test(losses_of_a_former_name_get_no_direction),
		cmocka_unit_test(a_name_that_a_source_gave_stands),
		cmocka_unit_test(nobody_is_told_unasked),
		cmocka_unit_test(a_hostile_name_is_none),
		cmocka_unit_test(our_own_name_is_nobody_elses),
		cmocka_unit_test(two_claim_one_name),
		cmocka_unit_test(a_source_takes_a_learnt_name),
		cmocka_unit_test(a_name_is_passed_on_with_a_clean_start),
		cmocka_unit_test(who_comes_next_is_asked_anew),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_names", tests, NULL, NULL);
}
