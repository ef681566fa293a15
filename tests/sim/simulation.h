/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives canary.c as the agent does, over the fake kernel and network. After every event each
 * slot's sum must hold, and in the end what was counted must be what happened.
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include "sim/simulated_path.h"

/* --- the agent --- */

static inline void simulation_read_sockets(struct simulation *sim)
{
	for (uint32_t i = 0; i < sim->network.heard_count; i++) {
		simulation_hear(sim, &sim->network.heard[i]);
		simulation_check(sim);
	}
	sim->network.heard_count = 0;
}

static inline void simulation_drain(struct simulation *sim)
{
	struct kc_record record;

	while (fake_kernel_take(&sim->kernel, &record)) {
		canary_on_record(sim->canary, &record);
		simulation_check(sim);
	}
}

static inline void simulation_words(struct simulation *sim)
{
	struct interfaces *interfaces = canary_interfaces(sim->canary);
	struct word word;

	while (interfaces_next_word(interfaces, simulation_now(sim), &word)) {
		word.kind = WORD_ATTACHED;
		word.egress.mode = word.ingress.mode = HOOK_TCX;
		if (!sim->loader_mute)
			interfaces_on_word(interfaces, &word);
	}
}

static inline void simulation_ask_neighbours(struct simulation *sim)
{
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		if (canary_awaits_stamp(sim->canary, slot, simulation_now(sim)))
			canary_on_neighbour(sim->canary, slot,
					    network_is_unresolved(&sim->network, slot),
					    simulation_now(sim));
	}
}

/* --- where peers are --- */

static inline void simulation_ask_route(struct simulation *sim, uint32_t slot)
{
	const struct peer *peer = peers_get(canary_peers(sim->canary), slot);
	const struct interface_name route = { .ifindex = SIMULATION_IFINDEX, .name = "eth0" };
	bool own = *simulation_ours(sim, &peer->address);

	simulation_before(sim);
	canary_on_route(sim->canary, slot, own, &route, own ? 0 : 1, simulation_now(sim));
	simulation_after(sim);
	sim->routed[slot] = true;
	simulation_words(sim);
	simulation_check(sim);
}

/* Whoever is new. */
static inline void simulation_ask_new_routes(struct simulation *sim)
{
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		uint8_t state = peers_get(canary_peers(sim->canary), slot)->state;

		if (state == PEER_RESOLVING && !sim->routed[slot] && !sim->routes_mute)
			simulation_ask_route(sim, slot);
	}
}

/* Everybody, and then those who are only known. */
static inline void simulation_walk(struct simulation *sim)
{
	const struct directory *directory = canary_directory(sim->canary);
	const struct interface_name route = { .ifindex = SIMULATION_IFINDEX, .name = "eth0" };

	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct peer *peer = peers_get(canary_peers(sim->canary), slot);

		if (peer_is_live(peer) || peer->state == PEER_OWN)
			simulation_ask_route(sim, slot);
	}
	canary_known_begin(sim->canary);
	for (uint32_t i = 0; i < directory_top(directory); i++) {
		const struct address *address = canary_known(sim->canary, i);
		bool own = address && *simulation_ours(sim, address);

		if (address)
			canary_on_known_route(sim->canary, i, own, &route, own ? 0 : 1);
	}
	canary_known_commit(sim->canary, simulation_now(sim));
	simulation_words(sim);
	simulation_check(sim);
}

/* --- time --- */

static inline void simulation_expire(struct simulation *sim)
{
	simulation_before(sim);
	canary_on_expiry(sim->canary, simulation_now(sim));
	simulation_after(sim);
	simulation_check(sim);
	simulation_ask_new_routes(sim);
	if (sim->now_ns < sim->walk_ns || sim->routes_mute)
		return;
	sim->walk_ns = sim->now_ns + SIMULATION_WALK_NS;
	simulation_walk(sim);
}

static inline void simulation_tick(struct simulation *sim)
{
	struct probe batch[SIMULATION_BATCH];
	uint32_t count;

	simulation_drain(sim);
	simulation_read_sockets(sim);
	simulation_ask_neighbours(sim);
	simulation_expire(sim);
	do {
		count = sim->sending ? canary_due(sim->canary, simulation_now(sim),
						  simulation_now(sim), batch, SIMULATION_BATCH)
				     : 0;
		simulation_check(sim);
		for (uint32_t i = 0; i < count; i++) {
			simulation_send(sim, &batch[i]);
			simulation_check(sim);
		}
	} while (count == SIMULATION_BATCH);
	simulation_words(sim);

	int64_t due_ns = canary_next_due(sim->canary, simulation_now(sim)).ns;
	int64_t grid_ns = sim->now_ns / SIMULATION_TICK_NS * SIMULATION_TICK_NS +
			  SIMULATION_TICK_NS;

	assert_true(due_ns <= sim->now_ns + NS_PER_SECOND);
	sim->tick_ns = (due_ns + SIMULATION_TICK_NS - 1) / SIMULATION_TICK_NS * SIMULATION_TICK_NS;
	if (sim->tick_ns < grid_ns)
		sim->tick_ns = grid_ns;
}

static inline void simulation_run(struct simulation *sim, int64_t duration_ns)
{
	int64_t end_ns = sim->now_ns + duration_ns;

	for (;;) {
		int64_t tick_ns = sim->tick_ns < sim->stopped_until_ns ? sim->stopped_until_ns
								       : sim->tick_ns;
		int64_t arrival_ns = network_next_ns(&sim->network);

		if (tick_ns > end_ns && arrival_ns > end_ns)
			break;
		if (arrival_ns <= tick_ns) {
			struct packet packet = network_pop(&sim->network);

			sim->now_ns = arrival_ns;
			simulation_arrive(sim, &packet);
			simulation_check(sim);
		} else {
			sim->now_ns = tick_ns;
			simulation_tick(sim);
		}
	}
	sim->now_ns = end_ns;
}

/* Sends no more and waits until nothing can come any more. */
static inline void simulation_settle(struct simulation *sim)
{
	sim->sending = false;
	if (sim->stopped_until_ns > sim->now_ns)
		simulation_run(sim, sim->stopped_until_ns - sim->now_ns);
	simulation_run(sim, 4 * sim->settings.timeout_ns + NS_PER_SECOND +
				    sim->conditions.send_latency_ns);
	assert_int_equal(canary_in_flight(sim->canary), 0);
	simulation_release(sim, true);
	sim->sending = true;
}

/* --- peers --- */

/* It is this machine's from now on, or no longer. */
static inline void simulation_route(struct simulation *sim, uint32_t slot, bool own)
{
	*simulation_ours(sim, &peers_get(canary_peers(sim->canary), slot)->address) = own;
	simulation_ask_route(sim, slot);
}

static inline int simulation_offer(struct simulation *sim, uint32_t address, const char *name)
{
	struct peer_candidate candidate = { .address = simulation_address(address) };

	if (sim->mixed)
		candidate.probe = (uint8_t)(address % (PROBE_ICMP + 1));
	snprintf(candidate.name, sizeof(candidate.name), "%s", name);
	if (sim->zones > 0)
		snprintf(candidate.zone, sizeof(candidate.zone), "given-%u",
			 (uint32_t)(fake_random(&sim->random) % sim->zones));
	return canary_peers_offer(sim->canary, &candidate);
}

/* What comes of it for those that are probed; all of it is in sim->change. */
static inline struct peers_change simulation_commit(struct simulation *sim)
{
	simulation_before(sim);
	sim->change = canary_peers_commit(sim->canary, simulation_now(sim));
	simulation_after(sim);
	simulation_check(sim);
	simulation_ask_new_routes(sim);
	return sim->change.probed;
}

/* A file of count peers from the first on, under the names n1.. */
static inline struct peers_change simulation_populate_with(struct simulation *sim, uint32_t count,
							   uint32_t before_first)
{
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = before_first + 1; i <= before_first + count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(simulation_offer(sim, i, name), 0);
	}
	return simulation_commit(sim);
}

/* Peers 1..count, all probed. */
static inline void simulation_populate(struct simulation *sim, uint32_t count)
{
	assert_int_equal(simulation_populate_with(sim, count, 0).added, count);
}

/* As each reply was, and so they lie in the buckets. */
static inline void simulation_compare_slot(const struct simulation *sim, uint32_t slot)
{
	const struct recent *recent = canary_recent(sim->canary, slot);
	struct native_total native = sim->past_natives[slot];

	native_total_sum(&native, canary_native(sim->canary, slot));
	assert_memory_equal(&native, &sim->truths[slot].native, sizeof(native));
	if (ever_classic_count(canary_stats(sim->canary, slot)) == 0)
		return;
	assert_int_equal(recent->reply_ttl, FAKE_REPLY_TTL);
	assert_int_equal(recent->probe_ttl,
			 peers_get(canary_peers(sim->canary), slot)->probe == PROBE_ICMP
				 ? 0
				 : FAKE_PROBE_TTL);
	assert_true(recent->min_rtt_ns > 0 && recent->min_rtt_ns <= recent->last_rtt_ns);
	assert_true(recent_p99_ns(recent) > 0);
}

/* What was counted against what happened; call after simulation_settle. */
static inline void simulation_compare(struct simulation *sim)
{
	struct native_total native = sim->ever.native;

	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct truth *truth = &sim->truths[slot];
		struct peer_stats stats = sim->past[slot];

		stats_sum(&stats, canary_stats(sim->canary, slot));
		truth_compare(truth, &stats, slot);
		simulation_compare_slot(sim, slot);
		ever_sum_native(&native, &truth->native);
		if (!peer_is_live(peers_get(canary_peers(sim->canary), slot)))
			continue;
		assert_int_equal(sim->kernel.memory.peers[slot].sent, truth->kernel_sent);
		assert_int_equal(sim->kernel.memory.peers[slot].returned, truth->kernel_returned);
	}
	ever_compare_native(canary_zones(sim->canary), &native);
}

#endif
