/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canary over the fake kernel and network: what becomes of its packets on the way, and a tally of
 * that.
 */
#ifndef SIMULATED_WORLD_H
#define SIMULATED_WORLD_H

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

/* Out on the wire, if need be without a stamp. */
static inline void simulation_leave(struct simulation *sim, struct packet *packet, bool stamped)
{
	struct truth *truth = &sim->truths[packet->slot];

	if (stamped) {
		packet->t1_ns = packet->arrival_ns;
		truth->kernel_sent++;
	}
	if (!chance(&sim->random, sim->conditions.loss))
		simulation_answer(sim, packet);
	else if (packet->t1_ns)
		truth->lost++;
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
	if (network_is_unresolved(&sim->network, probe->slot)) {
		network_hold(&sim->network, &packet);
	} else {
		bool stamped = !chance(&sim->random, sim->conditions.egress_missing) &&
			       fake_kernel_egress(&sim->kernel, &packet.message, packet.arrival_ns);

		truth->unstamped += !stamped;
		simulation_leave(sim, &packet, stamped);
	}
	canary_on_sent(sim->canary, probe, 0);
}

/* What the kernel held back goes out, or (given up) is dropped: then, or when it goes out after its
 * time, it is lost. */
static inline void simulation_release(struct simulation *sim, bool given_up)
{
	uint32_t count = sim->network.held_count;

	sim->network.held_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct packet *packet = &sim->network.held[i];

		packet->arrival_ns = sim->now_ns;
		if (packet->epoch != sim->epochs[packet->slot])
			continue;
		if (!given_up && network_is_unresolved(&sim->network, packet->slot))
			network_hold(&sim->network, packet);
		else if (given_up ||
			 !fake_kernel_egress(&sim->kernel, &packet->message, sim->now_ns))
			sim->truths[packet->slot].lost++;
		else
			simulation_leave(sim, packet, true);
	}
}

/* Only these neighbours do not answer from now on. */
static inline void simulation_unresolve(struct simulation *sim, uint64_t slots)
{
	sim->network.unresolved = slots;
	simulation_release(sim, false);
}

static inline void simulation_arrive(struct simulation *sim, const struct packet *packet)
{
	struct truth *truth = &sim->truths[packet->slot];
	int64_t rtt_ns = packet->arrival_ns - packet->t1_ns;
	int64_t timeout_ns = sim->settings.timeout_ns;

	if (packet->past_ingress && packet->kind != PACKET_FORGED) {
		canary_on_overheard(sim->canary, &packet->message.peer,
				    (uint16_t)packet->message.sequence, packet->message.nonce);
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

#endif
