/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of this machine, those that are only known, and meshes of both protocols. */
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
	simulation_before(sim);
	canary_own_commit(sim->canary, simulation_now(sim));
	simulation_after(sim);
	simulation_check(sim);
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

static const struct directory_entry *found(const struct simulation *sim, uint32_t index)
{
	const struct directory *directory = canary_directory(sim->canary);
	struct address address = fake_address(index);
	uint32_t at = directory_find(directory, &address);

	return at == DIRECTORY_END ? NULL : directory_get(directory, at);
}

/* An address that the peers file names, and that turns out to be ours. */
static void a_peer_may_be_ourselves(void **state)
{
	struct simulation *sim = opened(4);

	(void)state;
	simulation_populate(sim, 2);
	assert_int_equal(entry_of(sim, 1)->slot, 0);
	simulation_run(sim, NS_PER_SECOND);
	/* By the list: it departs at once. */
	own(sim, 1, 1);
	assert_int_equal(peers_get(canary_peers(sim->canary), 0)->state, PEER_DEPARTED);
	assert_true(found(sim, 1)->own && is_own(sim, 1));
	simulation_run(sim, 2 * NS_PER_SECOND);
	assert_int_equal(entry_of(sim, 1)->slot, KC_SLOT_NONE);
	/* It moves to another machine: probed, and no longer answered at. */
	own(sim, OWN_FIRST, 1);
	assert_false(found(sim, 1)->own || is_own(sim, 1));
	assert_int_equal(entry_of(sim, 1)->slot, 2);
	assert_int_equal(canary_stats(sim->canary, 1)->lost, 0);
	assert_true(outcome(sim, 5 * NS_PER_SECOND).returned > 0);
	simulation_close(sim);
}

/* What no list has, such as all of 127.0.0.0/8: by its route alone, and until that says otherwise,
 * whatever the list does. */
static void a_route_may_tell_what_is_ours(void **state)
{
	struct simulation *sim = opened(4);

	(void)state;
	simulation_populate(sim, 2);
	simulation_route(sim, 0, true);
	assert_true(found(sim, 1)->own);
	assert_null(entry_of(sim, 1));
	simulation_run(sim, 3 * NS_PER_SECOND);
	own(sim, OWN_FIRST, 1);
	own(sim, OWN_FIRST + 1, 1);
	assert_true(found(sim, 1)->own);
	assert_int_equal(peers_count(canary_peers(sim->canary), PEER_FREE), 3);
	/* Listed, a route that leads elsewhere does not make it a peer. */
	own(sim, 2, 1);
	simulation_walk(sim);
	assert_true(found(sim, 2)->own);
	simulation_run(sim, 10 * NS_PER_SECOND);
	assert_int_equal(peers_count(canary_peers(sim->canary), PEER_FREE), 4);
	sim->ours[0][1] = false;
	simulation_run(sim, 10 * NS_PER_SECOND);
	assert_false(found(sim, 1)->own);
	assert_int_equal(peers_count(canary_peers(sim->canary), PEER_PROBED), 1);
	simulation_close(sim);
}

/* Routes of the file's peers: by number to an interface, or 0: it is our own. */
static void tell_routes(struct simulation *sim, const uint32_t *ifindexes, uint32_t count)
{
	canary_known_begin(sim->canary);
	for (uint32_t i = 0; i < count; i++) {
		bool own = ifindexes[i] == 0;
		struct interface_name route = { .ifindex = own ? 1 : ifindexes[i], .name = "eth" };
		struct address address = fake_address(i + 1);
		uint32_t at = directory_find(canary_directory(sim->canary), &address);

		assert_true(address_equal(canary_known(sim->canary, at), &address));
		canary_on_known_route(sim->canary, at, own, &route, 1);
	}
	canary_known_commit(sim->canary, simulation_now(sim));
}

/* Interfaces in use, as a set of their numbers. */
static uint64_t in_use(struct simulation *sim)
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = interfaces_get(canary_interfaces(sim->canary),
								   i);

		if (interface->peers > 0)
			set |= 1ull << interface->ifindex;
	}
	return set;
}

static void a_reflector_probes_nobody(void **state)
{
	struct simulation *sim = opened(4);
	struct peers *peers;

	(void)state;
	sim->settings.degree = 0;
	sim->routes_mute = true;
	simulation_reopen(sim);
	peers = canary_peers(sim->canary);
	simulation_populate_with(sim, 6, 0);
	assert_int_equal(peers_count(peers, PEER_FREE), 4);
	assert_int_equal(directory_count(canary_directory(sim->canary)), 6);
	for (uint32_t i = 1; i <= 6; i++)
		assert_int_equal(entry_of(sim, i)->slot, KC_SLOT_KNOWN);
	/* Our programs are where they ask from. */
	tell_routes(sim, (const uint32_t[]){ 3, 4, 3, 0, 5, 5 }, 6);
	assert_int_equal(in_use(sim), 1 << 3 | 1 << 4 | 1 << 5);
	assert_null(entry_of(sim, 4));
	assert_true(found(sim, 4)->own);
	simulation_run(sim, 20 * NS_PER_SECOND);
	assert_int_equal(peers_count(peers, PEER_FREE), 4);
	assert_int_equal(sim->kernel.memory.peers[0].sent, 0);
	/* Addresses move. */
	tell_routes(sim, (const uint32_t[]){ 0, 4, 6, 6, 6, 6 }, 6);
	assert_int_equal(in_use(sim), 1 << 4 | 1 << 6);
	assert_null(entry_of(sim, 1));
	assert_int_equal(entry_of(sim, 4)->slot, KC_SLOT_KNOWN);
	/* And all go. */
	simulation_populate_with(sim, 0, 0);
	tell_routes(sim, NULL, 0);
	assert_int_equal(in_use(sim), 0);
	for (uint32_t i = 0; i < sim->kernel.memory.shape.address_capacity; i++)
		assert_int_equal(sim->kernel.memory.addresses[i].use, KC_ADDRESS_EMPTY);
	simulation_close(sim);
}

/* Those that are probed are asked about by their slots; twins and those at rest are not probed. */
static void who_is_known_is_asked_about(void **state)
{
	struct simulation *sim = opened(4);
	const struct directory *directory = canary_directory(sim->canary);

	(void)state;
	simulation_populate(sim, 3);
	for (uint32_t i = 0; i < directory_top(directory); i++)
		assert_null(canary_known(sim->canary, i));
	simulation_run(sim, NS_PER_SECOND);
	*simulation_ours(sim, &peers_get(canary_peers(sim->canary), 0)->address) = true;
	simulation_walk(sim);
	simulation_run(sim, 100 * MS);
	assert_int_equal(peers_get(canary_peers(sim->canary), 0)->state, PEER_DEPARTED);
	for (uint32_t i = 0; i < directory_top(directory); i++) {
		const struct address *known = canary_known(sim->canary, i);

		assert_int_equal(known != NULL, directory_get(directory, i)->own);
	}
	simulation_close(sim);
}

/* Where they ask from and where others are probed are two things. */
static void the_known_and_the_probed_stand_side_by_side(void **state)
{
	const struct interface_name route = { .ifindex = 9, .name = "eth9" };
	struct simulation *sim = opened(4);
	const struct directory *directory;

	(void)state;
	sim->settings.full_below = 1;
	sim->settings.degree = 2;
	simulation_reopen(sim);
	directory = canary_directory(sim->canary);
	simulation_populate_with(sim, 4, 0);
	simulation_run(sim, NS_PER_SECOND);
	sim->routes_mute = true;
	canary_known_begin(sim->canary);
	for (uint32_t i = 0; i < directory_top(directory); i++) {
		assert_int_equal(canary_known(sim->canary, i) == NULL,
				 directory_get(directory, i)->chosen);
		canary_on_known_route(sim->canary, i, false, &route, 1);
	}
	canary_known_commit(sim->canary, simulation_now(sim));
	assert_int_equal(in_use(sim), 1 << SIMULATION_IFINDEX | 1 << 9);
	assert_int_equal(the_interface(sim)->peers, 2);
	tell_routes(sim, NULL, 0);
	assert_int_equal(in_use(sim), 1 << SIMULATION_IFINDEX);
	assert_int_equal(outcome(sim, 5 * NS_PER_SECOND).lost, 0);
	assert_int_equal(the_interface(sim)->peers, 2);
	simulation_close(sim);
}

/* More interfaces than there is room for are left out, and counted. */
static void too_many_interfaces_are_counted(void **state)
{
	struct simulation *sim = opened(4);
	uint32_t ifindexes[INTERFACE_CAPACITY + 9];

	(void)state;
	sim->settings.degree = 0;
	sim->routes_mute = true;
	simulation_reopen(sim);
	simulation_populate_with(sim, INTERFACE_CAPACITY + 9, 0);
	for (uint32_t i = 0; i < INTERFACE_CAPACITY + 9; i++)
		ifindexes[i] = 1 + i % (INTERFACE_CAPACITY + 3);
	tell_routes(sim, ifindexes, INTERFACE_CAPACITY);
	assert_int_equal(interfaces_left_out(canary_interfaces(sim->canary)), 0);
	tell_routes(sim, ifindexes, INTERFACE_CAPACITY + 9);
	assert_true(interfaces_left_out(canary_interfaces(sim->canary)) > 0);
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
		} while (canary_due(sim->canary, simulation_now(sim), simulation_now(sim), &probe,
				    1) == 0);
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
		cmocka_unit_test(a_route_may_tell_what_is_ours),
		cmocka_unit_test(a_reflector_probes_nobody),
		cmocka_unit_test(who_is_known_is_asked_about),
		cmocka_unit_test(the_known_and_the_probed_stand_side_by_side),
		cmocka_unit_test(too_many_interfaces_are_counted),
		cmocka_unit_test(both_protocols_in_one_mesh),
		cmocka_unit_test(an_echo_peer_has_one_flow),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_own", tests, NULL, NULL);
}
