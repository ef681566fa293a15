/* SPDX-License-Identifier: Apache-2.0 */
/* Peers come, go and change while probes are under way. */
#include "sim/simulation.h"

#include "addresses.h"
#include "sim/protocols.h"

#define SEED 0x5eed6

static struct simulation *opened(void **state, uint32_t slots)
{
	return simulation_open(SEED, slots, 1, 100 * MS, 300 * MS, protocol_of(state));
}

/* A file of one line each: address, name. */
static struct peers_change say(struct simulation *sim, uint32_t count, const uint32_t addresses[],
			       const char *const names[])
{
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 0; i < count; i++)
		simulation_offer(sim, addresses[i], names[i]);
	return simulation_commit(sim);
}

static const struct peer_stats *stats(const struct simulation *sim, uint32_t slot)
{
	return canary_stats(sim->canary, slot);
}

static enum peer_state state_of(const struct simulation *sim, uint32_t slot)
{
	return peers_get(canary_peers(sim->canary), slot)->state;
}

static bool stands_for(const struct simulation *sim, uint32_t address, uint32_t slot)
{
	struct address wanted = fake_address(address);
	uint32_t found;

	return addresses_find(&sim->kernel.memory, &wanted, &found) == 0 && found == slot;
}

static bool stands_at_all(const struct simulation *sim, uint32_t address)
{
	struct address wanted = fake_address(address);
	uint32_t slot = KC_SLOT_NONE;

	fake_kernel_find(&sim->kernel, &wanted, &slot);
	return slot != KC_SLOT_NONE;
}

static void disown(struct simulation *sim, uint32_t address)
{
	struct address former = fake_address(address);

	*simulation_ours(sim, &former) = false;
}

static int64_t rest_ns(const struct simulation *sim)
{
	return 2 * (sim->settings.timeout_ns + SAMPLES_GRACE_NS);
}

static void a_departed_peer_is_silent_at_once_and_forgotten_after_its_rest(void **state)
{
	struct simulation *sim = opened(state, 2);

	sim->conditions.jitter_ns = 250 * MS; /* some are always under way */
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, 3 * NS_PER_SECOND);
	assert_true(stats(sim, 0)->returned > 0 && canary_slot_in_flight(sim->canary, 0) > 0);
	assert_string_equal(sim->kernel.memory.peers[0].address, "10.0.0.1");
	say(sim, 0, NULL, NULL);
	assert_int_equal(state_of(sim, 0), PEER_DEPARTED);
	assert_int_equal(canary_in_flight(sim->canary), 0);
	for (uint32_t i = 0; i < sim->kernel.memory.shape.window; i++)
		assert_true(sim->kernel.memory.flights[i].nonce == 0);
	/* Stragglers are told from strangers while the slot rests. */
	simulation_run(sim, rest_ns(sim) - SIMULATION_TICK_NS);
	assert_true(sim->kernel.memory.counters->rejected_nonce > 0);
	assert_int_equal(sim->kernel.memory.counters->rejected_source, 0);
	assert_true(stands_for(sim, 1, 0));
	simulation_run(sim, 2 * SIMULATION_TICK_NS);
	assert_int_equal(state_of(sim, 0), PEER_FREE);
	assert_false(stands_at_all(sim, 1));
	assert_string_equal(sim->kernel.memory.peers[0].address, "");
	assert_int_equal(stats(sim, 0)->sent, 0);
	simulation_close(sim);
}

/* The address of a resting slot comes back in another: that one keeps it when the rest ends. */
static void an_address_may_return_while_its_slot_rests(void **state)
{
	struct simulation *sim = opened(state, 4);

	sim->conditions.jitter_ns = 250 * MS;
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, 3 * NS_PER_SECOND);
	/* Renamed: the same address, but another peer. */
	assert_int_equal(say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "b" }).added, 1);
	assert_true(stands_for(sim, 1, 1));
	simulation_run(sim, rest_ns(sim) / 2);
	assert_int_equal(state_of(sim, 0), PEER_DEPARTED);
	/* Gone and back within the rest of both. */
	say(sim, 0, NULL, NULL);
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	assert_true(stands_for(sim, 1, 2));
	simulation_run(sim, 2 * rest_ns(sim));
	assert_int_equal(state_of(sim, 0), PEER_FREE);
	assert_int_equal(state_of(sim, 1), PEER_FREE);
	assert_true(stands_for(sim, 1, 2));
	simulation_settle(sim);
	simulation_compare(sim);
	assert_true(stats(sim, 2)->sent > 0);
	assert_int_equal(stats(sim, 2)->returned, stats(sim, 2)->sent);
	simulation_close(sim);
}

/* One slot, handed from peer to peer while replies to all of them are under way. */
static void no_reply_counts_for_another_peer(void **state)
{
	struct simulation *sim = opened(state, 1);

	sim->conditions = (struct conditions){ .delay_ns = 1 * MS,
					       .jitter_ns = 290 * MS,
					       .late = 200,
					       .very_late = 200,
					       .duplicate = 500,
					       .send_latency_ns = MS };
	for (uint32_t i = 0; i < 200; i++) {
		/* The same address under ever new names, and new ones under the same. */
		const char *name = i % 2 ? "odd" : "even";

		assert_int_equal(say(sim, 1, (uint32_t[]){ 1 + i / 4 }, &name).added, 1);
		assert_int_equal(stats(sim, 0)->sent, 0);
		simulation_run(sim, 700 * MS);
		say(sim, 0, NULL, NULL);
		simulation_run(sim, rest_ns(sim) + SIMULATION_TICK_NS);
		assert_int_equal(state_of(sim, 0), PEER_FREE);
	}
	say(sim, 1, (uint32_t[]){ 99 }, (const char *const[]){ "last" });
	simulation_run(sim, NS_PER_SECOND);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

static void records_from_before_a_departure_are_nobodys(void **state)
{
	struct simulation *sim = opened(state, 2);
	struct kc_record record;

	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	/* Replies wait in the ring, the canary has not read them yet. */
	while (sim->kernel.ring_count == 0)
		simulation_run(sim, MS);
	record = sim->kernel.ring[sim->kernel.ring_first];
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "b" });
	simulation_drain(sim);
	simulation_run(sim, rest_ns(sim) + 250 * MS);
	say(sim, 2, (uint32_t[]){ 1, 2 }, (const char *const[]){ "b", "c" });
	simulation_run(sim, 350 * MS);
	canary_on_record(sim->canary, &record);
	simulation_check(sim);
	simulation_settle(sim);
	simulation_compare(sim);
	assert_int_equal(state_of(sim, 0), PEER_PROBED);
	simulation_close(sim);
}

/* Between arming and sending. */
static void what_could_not_be_sent_to_the_departed_is_nobodys(void **state)
{
	struct simulation *sim = opened(state, 2);
	struct probe probe;

	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, SIMULATION_TICK_NS);
	do {
		sim->now_ns += SIMULATION_TICK_NS;
	} while (canary_due(sim->canary, simulation_now(sim), simulation_now(sim), &probe, 1) == 0);
	say(sim, 0, NULL, NULL);
	canary_on_sent(sim->canary, &probe, -ENETUNREACH);
	simulation_check(sim);
	assert_int_equal(stats(sim, 0)->sent, 0);
	simulation_close(sim);
}

static void own_addresses_are_not_probed(void **state)
{
	struct simulation *sim = opened(state, 4);

	say(sim, 2, (uint32_t[]){ 1, 2 }, (const char *const[]){ "a", "b" });
	simulation_route(sim, 0, true);
	assert_int_equal(state_of(sim, 0), PEER_OWN);
	assert_false(stands_at_all(sim, 1));
	/* It needs no slot. */
	simulation_run(sim, 3 * NS_PER_SECOND);
	assert_int_equal(state_of(sim, 0), PEER_FREE);
	assert_int_equal(stats(sim, 0)->sent, 0);
	assert_true(stats(sim, 1)->sent > 0);
	/* The address moves to another machine, and another of ours is taken up. */
	disown(sim, 1);
	simulation_route(sim, 1, true);
	assert_int_equal(stats(sim, 1)->sent, 0);
	simulation_walk(sim);
	simulation_run(sim, NS_PER_SECOND);
	simulation_settle(sim);
	simulation_compare(sim);
	assert_true(stands_for(sim, 1, 2));
	assert_true(stats(sim, 2)->sent > 0 && stats(sim, 2)->returned == stats(sim, 2)->sent);
	assert_int_equal(stats(sim, 1)->sent, 0);
	assert_int_equal(canary_in_flight(sim->canary), 0);
	/* It was told of once more before the choice was made anew: as if nothing had been. */
	simulation_route(sim, 2, true);
	simulation_route(sim, 2, false);
	simulation_run(sim, NS_PER_SECOND);
	simulation_settle(sim);
	simulation_compare(sim);
	assert_true(stands_for(sim, 1, 2) && stats(sim, 2)->sent > 0);
	say(sim, 0, NULL, NULL);
	simulation_run(sim, 2 * rest_ns(sim));
	assert_false(stands_at_all(sim, 1) || stands_at_all(sim, 2));
	simulation_close(sim);
}

static void a_mute_loader_silences_nobody(void **state)
{
	struct simulation *sim = opened(state, 4);

	sim->loader_mute = true;
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, 1900 * MS);
	assert_int_equal(state_of(sim, 0), PEER_RESOLVING);
	simulation_run(sim, 200 * MS);
	assert_int_equal(state_of(sim, 0), PEER_PROBED);
	simulation_close(sim);

	/* An answer is acted upon with the next tick. */
	sim = opened(state, 4);
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, SIMULATION_TICK_NS);
	assert_int_equal(state_of(sim, 0), PEER_PROBED);
	simulation_close(sim);
}

static void without_a_route_answer_nobody_is_probed(void **state)
{
	struct simulation *sim = opened(state, 4);

	sim->routes_mute = true;
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	simulation_run(sim, 10 * NS_PER_SECOND);
	assert_int_equal(state_of(sim, 0), PEER_RESOLVING);
	/* No interface: probed all the same, so that its send errors show. */
	canary_on_route(sim->canary, 0, false, NULL, 0, simulation_now(sim));
	simulation_run(sim, NS_PER_SECOND);
	assert_int_equal(state_of(sim, 0), PEER_PROBED);
	simulation_close(sim);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct simulation *sim = opened(state, 2);
	struct probe probe;

	/* Not a place left: the peer is probed, and what cannot be seen of it is unstamped. */
	for (uint32_t i = 0; i < sim->kernel.memory.shape.address_capacity; i++)
		sim->kernel.memory.addresses[i].use = KC_ADDRESS_USED;
	say(sim, 1, (uint32_t[]){ 1 }, (const char *const[]){ "a" });
	assert_int_equal(canary_totals(sim->canary)->unplaced, 1);
	simulation_run(sim, NS_PER_SECOND);
	simulation_settle(sim);
	assert_true(stats(sim, 0)->sent > 0 && stats(sim, 0)->unstamped == stats(sim, 0)->sent);
	/* Time goes on, and nobody settles what is in flight. */
	for (uint32_t i = 0; i < 3 * sim->kernel.memory.shape.window; i++) {
		sim->now_ns += sim->settings.interval_ns;
		canary_due(sim->canary, simulation_now(sim), simulation_now(sim), &probe, 1);
		simulation_check(sim);
	}
	assert_int_equal(canary_in_flight(sim->canary), sim->kernel.memory.shape.window);
	assert_true(canary_totals(sim->canary)->window_full > 0);
	simulation_close(sim);
}

static void the_heart_beats_every_second(void **state)
{
	struct simulation *sim = opened(state, 4);
	int64_t oldest_ns = 0;

	/* At once, and then whoever asks when. */
	assert_true(canary_next_due(sim->canary, simulation_now(sim)).ns <= sim->now_ns);
	for (int i = 0; i < 1000; i++) {
		simulation_run(sim, 10 * MS);
		assert_true(canary_next_due(sim->canary, simulation_now(sim)).ns <=
			    (int64_t)sim->kernel.memory.control->heartbeat_ns + NS_PER_SECOND);

		int64_t age_ns = sim->now_ns - (int64_t)sim->kernel.memory.control->heartbeat_ns;

		oldest_ns = age_ns > oldest_ns ? age_ns : oldest_ns;
	}
	assert_in_range(oldest_ns, 900 * MS, NS_PER_SECOND + SIMULATION_TICK_NS);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(a_departed_peer_is_silent_at_once_and_forgotten_after_its_rest),
		EACH_PROTOCOL(an_address_may_return_while_its_slot_rests),
		EACH_PROTOCOL(no_reply_counts_for_another_peer),
		EACH_PROTOCOL(records_from_before_a_departure_are_nobodys),
		EACH_PROTOCOL(what_could_not_be_sent_to_the_departed_is_nobodys),
		EACH_PROTOCOL(own_addresses_are_not_probed),
		EACH_PROTOCOL(a_mute_loader_silences_nobody),
		EACH_PROTOCOL(without_a_route_answer_nobody_is_probed),
		EACH_PROTOCOL(what_does_not_fit_is_counted),
		EACH_PROTOCOL(the_heart_beats_every_second),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_peers", tests, NULL, NULL);
}
