/* SPDX-License-Identifier: Apache-2.0 */
/* How many of the directory are probed, and who of them where there is no room for all. */
#include "sim/choice.h"

/* --- how many --- */

static const struct range all_ipv4 = { 0, 128, 0 }, all_ipv6 = { V6, 128, 0 };

static void how_many_are_chosen(void **state)
{
	static const struct {
		const char *name;
		enum canary_family family;
		uint32_t degree;
		struct range own, fixed, file, other_file;
		uint32_t ipv4, ipv6;
	} cases[] = {
		{ "nobody there", .degree = DEGREE },
		{ "few", .degree = DEGREE, .file = { 1, 10 }, .ipv4 = 10 },
		{ "as many as all", .degree = DEGREE, .file = { 1, FULL }, .ipv4 = FULL },
		{ "one more", .degree = DEGREE, .file = { 1, FULL + 1 }, .ipv4 = DEGREE },
		{ "of the other family", .degree = DEGREE, .file = { V6 + 1, FULL + 1 },
		  .ipv6 = DEGREE },
		{ "a degree of more than there are slots", .degree = 1000, .file = { 1, FULL + 20 },
		  .ipv4 = FULL + 20 },
		{ "degree 0", .file = { 1, 10 }, .fixed = { 30, 2 } },
		{ "degree 0 of many", .file = { 1, FULL + 1 }, .fixed = { 30, 2 } },
		/* our own */
		{ "we are one of them", .degree = DEGREE, .own = { 3, 1 }, .file = { 1, FULL + 1 },
		  .ipv4 = FULL },
		{ "and there are more", .degree = DEGREE, .own = { 3, 1 }, .file = { 1, FULL + 2 },
		  .ipv4 = DEGREE },
		{ "the command line names us", .degree = DEGREE, .own = { 3, 1 }, .fixed = { 1, 5 },
		  .ipv4 = 4 },
		/* the command line's */
		{ "they do not count", .degree = DEGREE, .fixed = { 100, 10 }, .file = { 1, FULL },
		  .ipv4 = FULL + 10 },
		{ "nor share in the mesh", .degree = DEGREE, .fixed = { 100, 10 },
		  .file = { 1, FULL + 1 }, .ipv4 = DEGREE + 10 },
		{ "they are all", .degree = DEGREE, .fixed = { 1, FULL + 9 }, .ipv4 = FULL + 9 },
		/* families */
		{ "few of each", .degree = DEGREE, .file = { 1, FULL },
		  .other_file = { V6 + 1, FULL - 1 }, .ipv4 = FULL, .ipv6 = FULL - 1 },
		{ "as many of each", .degree = DEGREE, .file = { 1, FULL + 1 },
		  .other_file = { V6 + 1, FULL + 1 }, .ipv4 = DEGREE },
		{ "twice as many of IPv6", .degree = DEGREE, .file = { 1, FULL + 1 },
		  .other_file = { V6 + 1, 2 * (FULL + 1) }, .ipv4 = DEGREE },
		{ "and one more", .degree = DEGREE, .file = { 1, FULL + 1 },
		  .other_file = { V6 + 1, 2 * (FULL + 1) + 1 }, .ipv6 = DEGREE },
		{ "we have no address of the family", .degree = DEGREE, .own = { V6 + 3, 1 },
		  .file = { 1, FULL + 1 }, .other_file = { V6 + 1, FULL + 2 }, .ipv6 = DEGREE },
		{ "nor of the other", .degree = DEGREE, .own = { 3, 1 }, .file = { 1, 4 },
		  .other_file = { V6 + 1, FULL + 2 }, .ipv4 = 3 },
		{ "of both, of which we have one", .family = CANARY_FAMILY_BOTH, .degree = DEGREE,
		  .own = { 3, 1 }, .file = { 1, FULL + 2 }, .other_file = { V6 + 1, 4 },
		  .ipv4 = DEGREE },
		{ "nor is ours among them", .degree = DEGREE, .own = { V6 + 100, 1 },
		  .file = { 1, FULL + 1 }, .other_file = { V6 + 1, FULL + 1 }, .ipv6 = DEGREE },
		{ "own ones and the command line's tell the family as well", .degree = DEGREE,
		  .own = { 100, 1 }, .fixed = { 100, 2 }, .file = { 1, FULL + 1 },
		  .other_file = { V6 + 1, 2 * (FULL + 1) + 1 }, .ipv4 = DEGREE + 1 },
		{ "many of one are many", .degree = DEGREE, .file = { 1, 3 },
		  .other_file = { V6 + 1, FULL + 1 }, .ipv6 = DEGREE },
		{ "IPv4 only", .family = CANARY_FAMILY_IPV4, .degree = DEGREE, .file = { 1, 3 },
		  .other_file = { V6 + 1, FULL + 1 }, .ipv4 = 3 },
		{ "IPv4 only, many", .family = CANARY_FAMILY_IPV4, .degree = DEGREE,
		  .file = { 1, FULL + 1 }, .other_file = { V6 + 1, FULL + 2 }, .ipv4 = DEGREE },
		{ "IPv6 only", .family = CANARY_FAMILY_IPV6, .degree = DEGREE,
		  .file = { 1, FULL + 9 }, .other_file = { V6 + 1, 4 }, .ipv6 = 4 },
		{ "IPv6 only, many", .family = CANARY_FAMILY_IPV6, .degree = DEGREE,
		  .file = { 1, FULL + 9 }, .other_file = { V6 + 1, FULL + 1 }, .ipv6 = DEGREE },
		{ "both, few", .family = CANARY_FAMILY_BOTH, .degree = DEGREE, .file = { 1, FULL },
		  .other_file = { V6 + 1, 4 }, .ipv4 = FULL, .ipv6 = 4 },
		{ "both, many", .family = CANARY_FAMILY_BOTH, .degree = DEGREE,
		  .file = { 1, FULL + 1 }, .other_file = { V6 + 1, FULL + 5 }, .ipv4 = DEGREE,
		  .ipv6 = DEGREE },
		{ "both, many of one", .family = CANARY_FAMILY_BOTH, .degree = DEGREE,
		  .file = { 1, FULL + 1 }, .other_file = { V6 + 1, 3 }, .ipv4 = DEGREE, .ipv6 = 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct range files[] = { cases[i].file, cases[i].other_file };
		struct simulation *sim = choice_open(64, cases[i].family, cases[i].degree);
		uint32_t ipv4, ipv6;

		own_ranges(sim, &cases[i].own, 1);
		say_ranges(sim, PEER_SOURCE_STATIC, &cases[i].fixed, 1);
		say_ranges(sim, PEER_SOURCE_FILE, files, 2);
		ipv4 = count_chosen(sim, all_ipv4);
		ipv6 = count_chosen(sim, all_ipv6);
		if (ipv4 != cases[i].ipv4 || ipv6 != cases[i].ipv6)
			fail_msg("%s: %u and %u", cases[i].name, ipv4, ipv6);
		assert_int_equal(count_slots(sim, all_ipv4), ipv4);
		assert_int_equal(count_slots(sim, all_ipv6), ipv6);
		assert_int_equal(peers_surplus(canary_peers(sim->canary)), 0);
		simulation_close(sim);
	}
}

/* Nodes of another mind about the family may ask us all the same. */
static void who_is_not_probed_is_known(void **state)
{
	const struct range ranges[] = { { 1, 3, 0 }, { V6 + 1, 5, 0 } };

	(void)state;
	for (enum canary_family family = 0; family <= CANARY_FAMILY_BOTH; family++) {
		struct simulation *sim = choice_open(64, family, DEGREE);

		say_ranges(sim, PEER_SOURCE_FILE, ranges, 2);
		assert_int_equal(directory_count(canary_directory(sim->canary)), 8);
		assert_int_equal(sim->change.probed.added, family == CANARY_FAMILY_IPV4	  ? 3
							   : family == CANARY_FAMILY_IPV6 ? 5
											  : 8);
		simulation_close(sim);
	}
}

/* Named by the file as well, it has its place on the ring. */
static void the_command_lines_may_be_on_the_ring(void **state)
{
	const struct range fixed = { 3, 1, 0 }, file = { 1, FULL + 1, 0 };
	uint32_t beside = 0;

	(void)state;
	for (uint32_t own = 60; own < 100; own++) {
		struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
		uint32_t count;

		own_ranges(sim, &(struct range){ own, 1, 0 }, 1);
		say_ranges(sim, PEER_SOURCE_STATIC, &fixed, 1);
		say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
		count = count_chosen(sim, all_ipv4);
		assert_true(is_chosen(sim, 3));
		assert_in_range(count, DEGREE, DEGREE + 1);
		beside += count == DEGREE + 1;
		simulation_close(sim);
	}
	assert_in_range(beside, 20, 39);
}

/* --- where there is no room for all --- */

static void who_comes_costs_nobody_his_slot(void **state)
{
	struct simulation *sim = choice_open(8, CANARY_FAMILY_AUTO, DEGREE);
	const struct range later[] = { { 2, 9, 0 } };

	(void)state;
	/* One too many; one goes, and a place of the directory that is looked at first is free. */
	assert_int_equal(say_ranges(sim, PEER_SOURCE_FILE, &(struct range){ 1, 1, 0 }, 1).added, 1);
	say_ranges(sim, PEER_SOURCE_FILE, (struct range[]){ { 1, 1, 0 }, { 3, 8, 0 } }, 2);
	assert_int_equal(sim->change.probed.surplus, 1);
	simulation_run(sim, NS_PER_SECOND);
	assert_int_equal(say_ranges(sim, PEER_SOURCE_FILE, &(struct range){ 3, 8, 0 }, 1).departed,
			 1);
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(count_slots(sim, (struct range){ 3, 8, 0 }), 8);
	say_ranges(sim, PEER_SOURCE_FILE, later, 1);
	assert_int_equal(sim->change.probed.departed, 0);
	assert_int_equal(sim->change.probed.surplus, 1);
	assert_false(has_slot(sim, 2));
	/* The same again: nothing to choose, and still too many. */
	say_ranges(sim, PEER_SOURCE_FILE, later, 1);
	assert_int_equal(sim->change.probed.surplus, 1);
	/* As soon as there is room. */
	say_ranges(sim, PEER_SOURCE_FILE, &(struct range){ 2, 8, 0 }, 1);
	assert_false(has_slot(sim, 2));
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(count_slots(sim, (struct range){ 2, 8, 0 }), 8);
	assert_int_equal(peers_surplus(canary_peers(sim->canary)), 0);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

/* The command line's first of all, then the preferred family. */
static void slots_are_given_in_order(void **state)
{
	static const struct {
		uint32_t slots, fixed, ipv4, ipv6; /* that there are */
		uint32_t fixed_slots, ipv4_slots, ipv6_slots;
	} cases[] = {
		{ 8, 2, 3, 3, 2, 3, 3 },  { 6, 2, 3, 3, 2, 3, 1 },    { 6, 2, 3, 11, 2, 0, 4 },
		{ 4, 2, 3, 3, 2, 2, 0 },  { 2, 3, 3, 9, 2, 0, 0 },    { 6, 0, 9, 9, 0, 6, 0 },
		{ 6, 0, 4, 10, 0, 0, 6 }, { 12, 0, 4, 10, 0, 2, 10 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct range fixed = { 100, cases[i / 2].fixed, 0 };
		const struct range file[] = { { V6 + 1, cases[i / 2].ipv6, 0 },
					      { 1, cases[i / 2].ipv4, 0 } };
		struct simulation *sim = choice_open(cases[i / 2].slots, CANARY_FAMILY_BOTH,
						     DEGREE);

		/* Even where others were there before. */
		if (i % 2) {
			say_ranges(sim, PEER_SOURCE_FILE, file, 1);
			simulation_run(sim, NS_PER_SECOND);
		}
		say_ranges(sim, PEER_SOURCE_STATIC, &fixed, 1);
		say_ranges(sim, PEER_SOURCE_FILE, file, 2);
		simulation_run(sim, 3 * NS_PER_SECOND);
		assert_int_equal(count_slots(sim, fixed), cases[i / 2].fixed_slots);
		assert_int_equal(count_slots(sim, file[1]), cases[i / 2].ipv4_slots);
		assert_int_equal(count_slots(sim, file[0]), cases[i / 2].ipv6_slots);
		assert_int_equal(peers_surplus(canary_peers(sim->canary)) +
					 cases[i / 2].fixed_slots + cases[i / 2].ipv4_slots +
					 cases[i / 2].ipv6_slots,
				 cases[i / 2].fixed + cases[i / 2].ipv4 + cases[i / 2].ipv6);
		simulation_settle(sim);
		simulation_compare(sim);
		simulation_close(sim);
	}
}

/* --- chosen anew --- */

static void own_addresses_change_the_choice(void **state)
{
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
	const struct range file = { 1, FULL + 1, 0 };
	uint32_t same = 0;

	(void)state;
	own_ranges(sim, &(struct range){ 100, 1, 0 }, 1);
	say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
	assert_int_equal(count_chosen(sim, file), DEGREE);
	for (uint32_t own = 101; own < 110; own++) {
		bool before[FULL + 2];

		for (uint32_t i = 1; i <= FULL + 1; i++)
			before[i] = is_chosen(sim, i);
		own_ranges(sim, &(struct range){ own, 1, 0 }, 1);
		assert_int_equal(count_chosen(sim, file), DEGREE);
		for (uint32_t i = 1; i <= FULL + 1; i++) {
			assert_int_equal(has_slot(sim, i), is_chosen(sim, i));
			same += before[i] && is_chosen(sim, i);
		}
	}
	assert_true(same < 9 * DEGREE);
	/* One of them is ours: of so few all are probed. */
	own_ranges(sim, &(struct range){ 1, 1, 0 }, 1);
	assert_int_equal(count_chosen(sim, file), FULL);
	own_ranges(sim, NULL, 0);
	assert_int_equal(count_chosen(sim, file), DEGREE);
	simulation_close(sim);
}

static void a_route_changes_the_choice(void **state)
{
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
	const struct range file = { 1, FULL + 1, 0 };
	uint32_t probed = 1, known = 1;

	(void)state;
	say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
	simulation_run(sim, NS_PER_SECOND);
	while (!is_chosen(sim, probed))
		probed++;
	while (is_chosen(sim, known))
		known++;
	sim->ours[0][probed] = true;
	simulation_walk(sim);
	simulation_run(sim, 100 * MS);
	assert_int_equal(count_chosen(sim, file), FULL);
	assert_false(has_slot(sim, probed));
	sim->ours[0][probed] = false;
	simulation_walk(sim);
	simulation_run(sim, 100 * MS);
	assert_int_equal(count_chosen(sim, file), DEGREE);
	assert_true(is_chosen(sim, probed));
	sim->ours[0][known] = true;
	simulation_walk(sim);
	simulation_run(sim, 100 * MS);
	assert_int_equal(count_chosen(sim, file), FULL);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

/* Who is chosen no longer departs at once; its address is that of a known one after its rest. */
static void who_is_not_chosen_any_more_is_known(void **state)
{
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
	const struct range few = { 1, FULL, 0 }, many = { 1, FULL + 1, 0 };

	(void)state;
	sim->settings.linger_ns = 100 * NS_PER_SECOND;
	simulation_reopen(sim);
	sim->conditions.jitter_ns = 250 * MS;
	say_ranges(sim, PEER_SOURCE_FILE, &few, 1);
	simulation_run(sim, 3 * NS_PER_SECOND);
	say_ranges(sim, PEER_SOURCE_FILE, &many, 1);
	assert_int_equal(sim->change.probed.departed, FULL - count_chosen(sim, few));
	assert_int_equal(sim->change.probed.lingering, 0);
	simulation_run(sim, 2 * NS_PER_SECOND);
	for (uint32_t i = 1; i <= FULL + 1; i++) {
		struct address address = fake_address(i);
		uint32_t slot = KC_SLOT_NONE;

		fake_kernel_find(&sim->kernel, &address, &slot);
		assert_int_equal(slot == KC_SLOT_KNOWN, !is_chosen(sim, i));
		assert_int_equal(slot < 64, is_chosen(sim, i));
	}
	assert_int_equal(sim->kernel.memory.counters->rejected_source, 0);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_many_are_chosen),
		cmocka_unit_test(who_is_not_probed_is_known),
		cmocka_unit_test(the_command_lines_may_be_on_the_ring),
		cmocka_unit_test(who_comes_costs_nobody_his_slot),
		cmocka_unit_test(slots_are_given_in_order),
		cmocka_unit_test(own_addresses_change_the_choice),
		cmocka_unit_test(a_route_changes_the_choice),
		cmocka_unit_test(who_is_not_chosen_any_more_is_known),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_mesh", tests, NULL, NULL);
}
