/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives canary.c as the agent does, over the fake kernel and network, and keeps a tally of its own of
 * what became of every probe. After every event each slot's sum must hold.
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "canary.h"
#include "samples.h"
#include "sim/fake_network.h"
#include "sim/truth.h"

#define MS		   NS_PER_MS
#define SIMULATION_SLOTS   64 /* at most */
#define SIMULATION_TICK_NS (50 * MS)
#define SIMULATION_BATCH   4
#define SIMULATION_IFINDEX 7

struct simulation {
	struct fake_kernel kernel;
	struct fake_network network;
	struct conditions conditions;
	struct canary_settings settings;
	struct canary *canary;
	uint64_t random;
	int64_t now_ns;
	int64_t tick_ns;	  /* the next */
	int64_t stopped_until_ns; /* the canary gets no CPU */
	bool sending;
	bool loader_mute;
	uint32_t epochs[SIMULATION_SLOTS];
	struct truth truths[SIMULATION_SLOTS];
	uint64_t events;
};

static inline struct local_time simulation_now(const struct simulation *sim)
{
	return (struct local_time){ .ns = sim->now_ns };
}

static inline uint64_t stats_verdicts(const struct peer_stats *stats)
{
	return stats->returned + stats->lost + stats->refused + stats->unstamped;
}

/* The promise: every probe is in exactly one place. */
static inline void simulation_check(struct simulation *sim)
{
	uint32_t in_flight = 0;

	sim->events++;
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);
		uint32_t own = canary_slot_in_flight(sim->canary, slot);

		if (stats->sent != stats_verdicts(stats) + own)
			fail_msg("slot %u: sent %llu, verdicts %llu, in flight %u at event %llu",
				 slot, (unsigned long long)stats->sent,
				 (unsigned long long)stats_verdicts(stats), own,
				 (unsigned long long)sim->events);
		in_flight += own;
	}
	assert_int_equal(canary_in_flight(sim->canary), in_flight);
}

static inline struct simulation *simulation_open(uint64_t seed, uint32_t slots, uint32_t flows,
						 int64_t interval_ns, int64_t timeout_ns)
{
	static struct simulation sim; /* large, and one at a time */
	uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
	uint32_t window = samples_window(timeout_ns, interval_ns, flows);

	assert(slots <= SIMULATION_SLOTS && flows <= ANY_FLOWS);
	memset(&sim, 0, sizeof(sim));
	sim.kernel.memory = fake_memory_open(slots, flows, window, (uint32_t)fake_random(&random));
	sim.kernel.ring_capacity = FAKE_RING_CAPACITY;
	sim.kernel.inert_after_ns = 3 * NS_PER_SECOND;
	sim.settings = (struct canary_settings){
		.interval_ns = interval_ns,
		.timeout_ns = timeout_ns,
		.phase_ns = (int64_t)(fake_random(&random) % (uint64_t)interval_ns),
		.nonce_key = { fake_random(&random), fake_random(&random) },
	};
	sim.conditions = (struct conditions){ .delay_ns = 20 * NS_PER_US,
					      .send_latency_ns = 30 * NS_PER_US };
	sim.random = random;
	sim.now_ns = sim.tick_ns = 100 * NS_PER_SECOND;
	sim.sending = true;
	assert_int_equal(canary_open(&sim.settings, &sim.kernel.memory, &sim.canary), 0);
	return &sim;
}

static inline void simulation_close(struct simulation *sim)
{
	canary_close(sim->canary);
	fake_memory_close(&sim->kernel.memory);
}

/* --- what happens to a packet --- */

static inline void simulation_answer(struct simulation *sim, const struct packet *request)
{
	struct packet packet = *request;
	int64_t rtt_ns = network_rtt(&sim->conditions, sim->settings.timeout_ns, &sim->random);
	int64_t latest_ns = request->arrival_ns + 2 * sim->settings.timeout_ns;

	/* Overheard after the timeout, its verdict would hang on when that is looked at. */
	packet.past_ingress = rtt_ns <= sim->settings.timeout_ns &&
			      chance(&sim->random, sim->conditions.ingress_missing);
	packet.arrival_ns += rtt_ns;
	network_push(&sim->network, &packet);
	if (packet.arrival_ns < latest_ns && chance(&sim->random, sim->conditions.duplicate)) {
		packet.kind = PACKET_COPY;
		packet.arrival_ns += up_to(&sim->random, latest_ns - packet.arrival_ns);
		network_push(&sim->network, &packet);
	}
	if (chance(&sim->random, sim->conditions.forged)) {
		packet.kind = PACKET_FORGED;
		packet.arrival_ns = request->arrival_ns + up_to(&sim->random, 2 * rtt_ns);
		if (fake_random(&sim->random) % 2)
			packet.message.nonce ^= 1ull << fake_random(&sim->random) % 64;
		else
			packet.message.peer.octets[12] ^= 1;
		network_push(&sim->network, &packet);
	}
	if (packet.past_ingress && request->t1_ns)
		sim->truths[request->slot].unstamped++;
	else if (request->t1_ns && rtt_ns <= sim->settings.timeout_ns)
		sim->truths[request->slot].returned++;
	else if (request->t1_ns)
		sim->truths[request->slot].lost++;
}

static inline void simulation_send(struct simulation *sim, const struct probe *probe)
{
	struct truth *truth = &sim->truths[probe->slot];
	struct packet packet = {
		.arrival_ns = sim->now_ns + up_to(&sim->random, sim->conditions.send_latency_ns),
		.message = { .peer = probe->destination,
			     .nonce = probe->nonce,
			     .sequence = (uint16_t)probe->sequence,
			     .flow = probe->flow },
		.slot = probe->slot,
		.epoch = sim->epochs[probe->slot],
		.sequence = probe->sequence,
	};

	if (chance(&sim->random, sim->conditions.send_error)) {
		canary_on_sent(sim->canary, probe, -ENETUNREACH);
		return;
	}
	truth->sent++;
	if (!chance(&sim->random, sim->conditions.egress_missing) &&
	    fake_kernel_egress(&sim->kernel, &packet.message, packet.arrival_ns)) {
		packet.t1_ns = packet.arrival_ns;
		truth->kernel_sent++;
	} else {
		truth->unstamped++;
	}
	if (!chance(&sim->random, sim->conditions.loss))
		simulation_answer(sim, &packet);
	else if (packet.t1_ns)
		truth->lost++;
	canary_on_sent(sim->canary, probe, 0);
}

static inline void simulation_arrive(struct simulation *sim, const struct packet *packet)
{
	struct truth *truth = &sim->truths[packet->slot];
	int64_t rtt_ns = packet->arrival_ns - packet->t1_ns;
	int64_t timeout_ns = sim->settings.timeout_ns;

	if (packet->past_ingress && packet->kind != PACKET_FORGED) {
		canary_on_overheard(sim->canary, &packet->message.peer, packet->message.nonce);
		return;
	}

	enum fake_pairing pairing = fake_kernel_ingress(&sim->kernel, &packet->message,
							sim->now_ns);

	/* Nobody's slot but the sender's, while he is there: else no pairing at all. */
	if (packet->kind == PACKET_FORGED || packet->epoch != sim->epochs[packet->slot] ||
	    !packet->t1_ns) {
		assert_int_equal(pairing, FAKE_REJECTED);
		return;
	}
	if (rtt_ns <= 2 * timeout_ns) {
		bool first = packet->kind == PACKET_REPLY;

		assert_true(pairing != FAKE_REJECTED);
		assert_int_equal(pairing == FAKE_PAIRED || pairing == FAKE_PAIRED_NO_ROOM, first);
	}
	truth->kernel_returned += pairing == FAKE_PAIRED || pairing == FAKE_PAIRED_NO_ROOM;
	truth->duplicate += pairing == FAKE_DUPLICATE;
	if (pairing == FAKE_PAIRED && rtt_ns <= timeout_ns)
		truth_in_time(truth, packet);
	else if (pairing == FAKE_PAIRED && rtt_ns <= 2 * timeout_ns)
		truth->late++;
	else if (pairing == FAKE_PAIRED_NO_ROOM && rtt_ns <= timeout_ns)
		truth->dropped++;
	else if (pairing == FAKE_PAIRED_NO_ROOM)
		truth->ambiguous++;
}

/* --- the agent --- */

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

static inline void simulation_tick(struct simulation *sim)
{
	struct probe batch[SIMULATION_BATCH];
	uint32_t count;

	simulation_drain(sim);
	canary_on_expiry(sim->canary, simulation_now(sim));
	simulation_check(sim);
	do {
		count = sim->sending ? canary_due(sim->canary, simulation_now(sim), batch,
						  SIMULATION_BATCH)
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
	sim->sending = true;
}

/* --- peers --- */

/* What was there is no longer: its packets are nobody's. */
static inline void simulation_forget(struct simulation *sim, uint32_t slot)
{
	sim->epochs[slot]++;
	memset(&sim->truths[slot], 0, sizeof(sim->truths[slot]));
}

static inline void simulation_route(struct simulation *sim, uint32_t slot, bool own)
{
	const struct interface_name route = { .ifindex = SIMULATION_IFINDEX, .name = "eth0" };
	bool was_own = peers_get(canary_peers(sim->canary), slot)->state == PEER_OWN;

	if (own != was_own)
		simulation_forget(sim, slot);
	canary_on_route(sim->canary, slot, own, &route, own ? 0 : 1, simulation_now(sim));
	simulation_words(sim);
	simulation_check(sim);
}

static inline int simulation_offer(struct simulation *sim, uint32_t address, const char *name)
{
	struct peer_candidate candidate = { .address = fake_address(address) };

	snprintf(candidate.name, sizeof(candidate.name), "%s", name);
	return canary_peers_offer(sim->canary, &candidate);
}

static inline struct peers_change simulation_commit(struct simulation *sim)
{
	struct peers *peers = canary_peers(sim->canary);
	uint8_t before[SIMULATION_SLOTS];
	struct peers_change change;

	for (uint32_t slot = 0; slot < peers_capacity(peers); slot++)
		before[slot] = peers_get(peers, slot)->state;
	change = canary_peers_commit(sim->canary, simulation_now(sim));
	simulation_check(sim);
	for (uint32_t slot = 0; slot < peers_capacity(peers); slot++) {
		uint8_t state = peers_get(peers, slot)->state;

		if (state != before[slot])
			simulation_forget(sim, slot);
		if (state == PEER_RESOLVING && before[slot] == PEER_FREE)
			simulation_route(sim, slot, false);
	}
	return change;
}

/* Peers 1..count under the names n1.. */
static inline void simulation_populate(struct simulation *sim, uint32_t count)
{
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 1; i <= count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(simulation_offer(sim, i, name), 0);
	}
	assert_int_equal(simulation_commit(sim).added, count);
}

/* What was counted against what happened; call after simulation_settle. */
static inline void simulation_compare(struct simulation *sim)
{
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct truth *truth = &sim->truths[slot];

		truth_compare(truth, canary_stats(sim->canary, slot), slot);
		if (!peer_is_live(peers_get(canary_peers(sim->canary), slot)))
			continue;
		assert_int_equal(sim->kernel.memory.peers[slot].sent, truth->kernel_sent);
		assert_int_equal(sim->kernel.memory.peers[slot].returned, truth->kernel_returned);
	}
}

#endif
