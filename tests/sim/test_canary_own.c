/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of this machine, a node that only reflects, and meshes of both protocols. */
#include "sim/outcome.h"

#define OWN_FIRST 1000 /* addresses that no peer has */

static struct simulation *opened(uint32_t slots)
{
	return simulation_open(SEED, slots, 2, 100 * MS, 300 * MS, PROBE_STAMP);
}

static const struct kc_address *entry_of(const struct simulation *sim, uint32_t index)
{
	const struct kernel_memory *memory = &sim->kernel.memory;
	struct address address = fake_address(index);

	for (uint32_t i = 0; i < memory->shape.address_capacity; i++) {
		if (memory->addresses[i].use == KC_ADDRESS_USED &&
		    memcmp(memory->addresses[i].address, address.octets, 16) == 0)
			return &memory->addresses[i];
	}
	return NULL;
}

static bool is_own(const struct simulation *sim, uint32_t index)
{
	const struct kc_address *entry = entry_of(sim, index);

	return entry && entry->own;
}

/* first.. is all we have. */
static void own(struct simulation *sim, uint32_t first, uint32_t count)
{
	canary_own_begin(sim->canary);
	for (uint32_t i = 0; i < count; i++) {
		struct address address = fake_address(first + i);

		canary_own_offer(sim->canary, &address);
		canary_own_offer(sim->canary, &address); /* on another interface, too */
	}
	canary_own_commit(sim->canary);
}

static void what_is_said_last_is_own(void **state)
{
	static const struct {
		uint32_t first, count;
	} cases[] = {
		{ 0, 3 }, { 2, 3 }, { 2, 3 }, { 40, ADDRESSES_OWN_MAX }, { 60, ADDRESSES_OWN_MAX },
		{ 0, 0 }, { 5, 1 }
	};
	struct simulation *sim = opened(4);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		own(sim, OWN_FIRST + cases[i].first, cases[i].count);
		for (uint32_t index = 0; index < 200; index++) {
			bool expected = index - cases[i].first < cases[i].count;

			assert_int_equal(is_own(sim, OWN_FIRST + index), expected);
			if (expected)
				assert_int_equal(entry_of(sim, OWN_FIRST + index)->slot,
						 KC_SLOT_NONE);
		}
		assert_int_equal(canary_totals(sim->canary)->unplaced, 0);
	}
	simulation_close(sim);
}

static void too_many_are_counted_once(void **state)
{
	struct simulation *sim = opened(4);
	const struct canary_totals *totals = canary_totals(sim->canary);

	(void)state;
	for (int i = 0; i < 3; i++) {
		own(sim, OWN_FIRST, ADDRESSES_OWN_MAX + 2);
		assert_true(is_own(sim, OWN_FIRST + ADDRESSES_OWN_MAX - 1));
		assert_false(is_own(sim, OWN_FIRST + ADDRESSES_OWN_MAX));
	}
	/* On which interface it stands twice cannot be told of what is not kept. */
	assert_int_equal(totals->unplaced, 4);
	own(sim, OWN_FIRST, 1);
	assert_int_equal(totals->unplaced, 4);
	own(sim, OWN_FIRST, ADDRESSES_OWN_MAX + 1);
	assert_int_equal(totals->unplaced, 6);
	own(sim, OWN_FIRST, ADDRESSES_OWN_MAX + 3);
	assert_int_equal(totals->unplaced, 10);
	/* No place in the table. */
	own(sim, OWN_FIRST, 0);
	for (uint32_t i = 0; i < sim->kernel.memory.shape.address_capacity; i++)
		sim->kernel.memory.addresses[i] = (struct kc_address){ .use = KC_ADDRESS_USED,
								       .slot = KC_SLOT_NONE };
	own(sim, OWN_FIRST, 1);
	own(sim, OWN_FIRST, 1);
	assert_int_equal(totals->unplaced, 11);
	memset(sim->kernel.memory.addresses, 0,
	       sim->kernel.memory.shape.address_capacity * sizeof(struct kc_address));
	own(sim, OWN_FIRST, 1);
	assert_true(is_own(sim, OWN_FIRST));
	simulation_close(sim);
}

/* An address that the peers file names, and that turns out to be ours. */
static void a_peer_may_be_ourselves(void **state)
{
	struct simulation *sim = opened(4);

	(void)state;
	simulation_populate(sim, 2);
	own(sim, 1, 1);
	assert_int_equal(entry_of(sim, 1)->slot, 0);
	simulation_route(sim, 0, true);
	assert_true(is_own(sim, 1));
	assert_int_equal(entry_of(sim, 1)->slot, KC_SLOT_NONE);
	/* It moves to another machine: probed, and no longer answered at. */
	own(sim, OWN_FIRST, 1);
	assert_null(entry_of(sim, 1));
	simulation_route(sim, 0, false);
	assert_int_equal(entry_of(sim, 1)->slot, 0);
	assert_false(is_own(sim, 1));
	assert_true(outcome(sim, 5 * NS_PER_SECOND).returned > 0);
	simulation_close(sim);
}

static void a_reflector_probes_nobody(void **state)
{
	struct simulation *sim = opened(4);
	struct peers *peers;

	(void)state;
	canary_close(sim->canary);
	sim->settings.reflect_only = true;
	assert_int_equal(canary_open(&sim->settings, &sim->kernel.memory, &sim->canary), 0);
	peers = canary_peers(sim->canary);
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 1; i <= 3; i++)
		simulation_offer(sim, i, "");
	canary_peers_commit(sim->canary, simulation_now(sim));
	/* Known once it is clear that it is not our own, and over which interface it asks. */
	assert_int_equal(peers_count(peers, PEER_RESOLVING), 3);
	simulation_route(sim, 0, false);
	simulation_route(sim, 1, true);
	simulation_route(sim, 2, false);
	assert_int_equal(peers_count(peers, PEER_KNOWN), 2);
	assert_int_equal(peers_count(peers, PEER_OWN), 1);
	simulation_run(sim, 20 * NS_PER_SECOND);
	assert_int_equal(sim->kernel.memory.peers[0].sent, 0);
	assert_int_equal(canary_stats(sim->canary, 0)->sent, 0);
	assert_int_equal(entry_of(sim, 1)->slot, 0);
	assert_null(entry_of(sim, 2));
	assert_string_equal(sim->kernel.memory.peers[0].address, "10.0.0.1");
	assert_true(attached(sim));
	assert_int_equal(the_interface(sim)->peers, 2);
	/* Addresses move. */
	simulation_route(sim, 0, true);
	simulation_route(sim, 1, false);
	assert_int_equal(peers_get(peers, 0)->state, PEER_OWN);
	assert_int_equal(peers_get(peers, 1)->state, PEER_KNOWN);
	assert_int_equal(entry_of(sim, 2)->slot, 1);
	/* And all go. */
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	simulation_commit(sim);
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_int_equal(peers_count(peers, PEER_FREE), 4);
	assert_null(entry_of(sim, 3));
	simulation_close(sim);
}

static void both_protocols_in_one_mesh(void **state)
{
	struct simulation *sim = simulation_open(SEED, 16, 4, 100 * MS, 300 * MS, PROBE_STAMP);
	struct kernel_shape *shape = &sim->kernel.memory.shape;

	(void)state;
	assert_true(shape->echo_window > shape->window);
	sim->mixed = true;
	simulation_populate(sim, 12);
	sim->conditions.loss = 100;
	sim->conditions.jitter_ns = 200 * MS;
	outcome(sim, 30 * NS_PER_SECOND);
	for (uint32_t slot = 0; slot < 12; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);
		bool stamp = peers_get(canary_peers(sim->canary), slot)->probe == PROBE_STAMP;
		uint32_t flows;

		/* Addresses 1.. in slots 0..: every third of them by ICMP. */
		assert_int_equal(stamp, (slot + 1) % 3 != PROBE_ICMP);
		assert_int_equal(canary_flows(sim->canary, slot, &flows)->judged > 0, stamp);
		assert_int_equal(flows, stamp ? 4 : 1);
		assert_true(stats->returned > 200 && stats->lost > 10);
		assert_int_equal(stats->lost_forward + stats->lost_backward > 0, stamp);
	}
	simulation_close(sim);
}

/* What the STAMP sockets hear of it has a flow that an ICMP peer has not. */
static void an_echo_peer_has_one_flow(void **state)
{
	struct simulation *sim = simulation_open(SEED, 4, 4, 100 * MS, 300 * MS, PROBE_ICMP);
	struct probe probe;

	(void)state;
	simulation_populate(sim, 4);
	simulation_run(sim, SIMULATION_TICK_NS);
	for (uint16_t flow = 5; flow-- > 0;) {
		struct echoed echoed = { .flow = flow };

		do {
			sim->now_ns += SIMULATION_TICK_NS;
		} while (canary_due(sim->canary, simulation_now(sim), &probe, 1) == 0);
		canary_on_sent(sim->canary, &probe, 0);
		echoed.peer = probe.destination;
		echoed.sequence = (uint16_t)probe.sequence;
		echoed.nonce = probe.nonce;
		canary_on_refused(sim->canary, &echoed);
		canary_on_overheard(sim->canary, &echoed);
		simulation_check(sim);
		assert_int_equal(stats_verdicts(canary_stats(sim->canary, probe.slot)) > 0,
				 flow == 0);
	}
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_last_is_own),
		cmocka_unit_test(too_many_are_counted_once),
		cmocka_unit_test(a_peer_may_be_ourselves),
		cmocka_unit_test(a_reflector_probes_nobody),
		cmocka_unit_test(both_protocols_in_one_mesh),
		cmocka_unit_test(an_echo_peer_has_one_flow),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_own", tests, NULL, NULL);
}
