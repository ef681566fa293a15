/* SPDX-License-Identifier: Apache-2.0 */
/* Who has an address of each family is one peer, probed by one of them, or by both. */
#include "sim/leaving.h"

static void assert_twin(const struct simulation *sim, uint32_t slot)
{
	const struct address *address = &peer_at(sim, slot)->address;
	uint32_t holder;

	assert_int_equal(peer_at(sim, slot)->state, PEER_TWIN);
	assert_int_equal(addresses_find(&sim->kernel.memory, address, &holder), 0);
	assert_int_equal(holder, slot);
	assert_int_equal(canary_slot_in_flight(sim->canary, slot), 0);
	/* Nothing else was said of it after that. */
	for (uint32_t i = sim->notice_count; i-- > 0;) {
		if (sim->notices[i].slot == slot) {
			assert_int_equal(sim->notices[i].kind, CANARY_TWIN);
			break;
		}
	}
}

static void a_node_of_two_addresses_is_one_peer(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int ipv6 = i % 2;
		struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
		/* IPv6 is preferred where there is far more of it. */
		uint32_t twins = ipv6 ? 1 : 3;
		struct range ranges[] = { { 1, twins, 0 }, { V6 + 1, 3, 0 } };
		uint32_t index;

		sim->conditions.jitter_ns = 250 * MS;
		/* Either may be there, and say its name, first. */
		say_ranges(sim, PEER_SOURCE_DNS, &ranges[i / 2], 1);
		simulation_run(sim, 5 * NS_PER_SECOND);
		say_ranges(sim, PEER_SOURCE_DNS, ranges, 2);
		simulation_run(sim, 5 * NS_PER_SECOND);
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_TWIN), twins);
		assert_int_equal(notices(sim, CANARY_TWIN), twins);
		assert_int_equal(count_slots(sim, ranges[ipv6]), 3);
		/* Late replies of its own are told from strangers'. */
		assert_int_equal(sim->kernel.memory.counters->rejected_source, 0);
		for (uint32_t slot = 0; slot < 8; slot++) {
			if (peer_at(sim, slot)->state == PEER_TWIN)
				assert_twin(sim, slot);
		}
		/* They ask us from where they are not probed. */
		for (index = 0; index < twins; index++) {
			const struct directory *directory = canary_directory(sim->canary);
			struct address twin = simulation_address(ranges[!ipv6].first + index);
			uint32_t at = directory_find(directory, &twin);

			assert_non_null(canary_known(sim->canary, at));
		}
		finish(sim);
	}
}

/* The other address is probed while the one is gone. */
static void a_twin_stands_in(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_AUTO);
	struct range ranges[] = { { 1, 3, 0 }, { V6 + 1, 3, 0 } };

	(void)state;
	sim->conditions.jitter_ns = 250 * MS;
	say_ranges(sim, PEER_SOURCE_DNS, ranges, 2);
	simulation_run(sim, 5 * NS_PER_SECOND);
	for (int i = 0; i < 5; i++) {
		/* It lingers, its twin does not. */
		say_ranges(sim, PEER_SOURCE_DNS, (struct range[]){ { 2, 2, 0 }, ranges[1] }, 2);
		simulation_run(sim, 3 * NS_PER_SECOND);
		assert_true(has_slot(sim, V6 + 1));
		assert_false(has_slot(sim, 1));
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_TWIN), 2);
		say_ranges(sim, PEER_SOURCE_DNS, ranges, 2);
		simulation_run(sim, 5 * NS_PER_SECOND);
		assert_true(has_slot(sim, 1));
		assert_false(has_slot(sim, V6 + 1));
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_TWIN), 3);
	}
	finish(sim);
}

static void both_addresses_may_be_probed(void **state)
{
	struct simulation *sim = leaving_open(CANARY_FAMILY_BOTH);
	struct range ranges[] = { { 1, 3, 0 }, { V6 + 1, 3, 0 } };
	uint32_t named = 0;

	(void)state;
	say_ranges(sim, PEER_SOURCE_DNS, ranges, 2);
	simulation_run(sim, 5 * NS_PER_SECOND);
	for (uint32_t slot = 0; slot < 6; slot++) {
		char label[PEER_NAME_CAPACITY];

		peers_label(canary_peers(sim->canary), slot, label);
		named += strcmp(label, "node-1") == 0;
		assert_int_equal(peer_at(sim, slot)->state, PEER_PROBED);
	}
	assert_int_equal(named, 2);
	finish(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_of_two_addresses_is_one_peer),
		cmocka_unit_test(a_twin_stands_in),
		cmocka_unit_test(both_addresses_may_be_probed),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_twins", tests, NULL, NULL);
}
