/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the canary's packets on the way, and a tally of that.
 */
#ifndef SIMULATED_PATH_H
#define SIMULATED_PATH_H

#include "sim/simulated_world.h"

static inline void simulation_fate(struct simulation *sim, const struct packet *packet,
				   enum fate fate)
{
	if (packet->epoch == sim->epochs[packet->slot])
		truth_fate(&sim->truths[packet->slot], fate, packet->t1_ns != 0);
}

/* A reply that is none, or a refusal that nobody sent. */
static inline void simulation_forge(struct simulation *sim, const struct packet *reply)
{
	struct packet packet = *reply;
	uint32_t flows = sim->kernel.memory.shape.flows;

	packet.kind = PACKET_FORGED;
	packet.arrival_ns = sim->now_ns + up_to(&sim->random, 2 * reply->rtt_ns);
	packet.message.ask = true;
	switch (fake_random(&sim->random) % 5) {
	case 0:
	case 1:
		packet.message.nonce ^= 1ull << fake_random(&sim->random) % 64;
		break;
	case 2:
		packet.message.peer.octets[12] ^= 1;
		break;
	case 3:
		packet.message.sequence ^= 1; /* another probe's */
		break;
	case 4:
		if (packet.message.protocol == PROBE_STAMP)
			packet.message.flow = (uint16_t)((packet.message.flow + 1) % flows);
		if (packet.message.protocol != PROBE_STAMP || flows == 1)
			packet.message.nonce = 0;
		break;
	}
	if (packet.message.protocol == PROBE_STAMP && fake_random(&sim->random) % 2)
		packet.kind = PACKET_REFUSAL;
	network_push(&sim->network, &packet);
}

/* The reply to a probe that left at sent_ns; now is when it is sent, at the latest. */
static inline void simulation_answer(struct simulation *sim, const struct packet *request)
{
	struct packet packet = *request;
	int64_t timeout_ns = sim->settings.timeout_ns;
	int64_t latest_ns = request->sent_ns + 2 * timeout_ns;

	/* Overheard after the timeout, its verdict would hang on when that is looked at. */
	packet.past_ingress = request->rtt_ns <= timeout_ns &&
			      chance(&sim->random, sim->conditions.ingress_missing);
	packet.kind = PACKET_REPLY;
	packet.arrival_ns = request->sent_ns + request->rtt_ns;
	network_push(&sim->network, &packet);
	if (packet.past_ingress)
		simulation_fate(sim, request, FATE_UNSTAMPED);
	else if (request->rtt_ns <= timeout_ns)
		simulation_fate(sim, request, FATE_RETURNED);
	else
		simulation_fate(sim, request,
				request->rtt_ns > 2 * timeout_ns ? FATE_LOST_BACKWARD : FATE_LOST);
	if (packet.arrival_ns < latest_ns &&
	    (request->twice || chance(&sim->random, sim->conditions.duplicate))) {
		packet.kind = PACKET_COPY;
		packet.arrival_ns += up_to(&sim->random, latest_ns - packet.arrival_ns);
		packet.message.counter += request->twice;
		network_push(&sim->network, &packet);
	}
	if (chance(&sim->random, sim->conditions.forged))
		simulation_forge(sim, request);
}

/* At the peer's host. */
static inline void simulation_reflect(struct simulation *sim, const struct packet *request)
{
	const struct conditions *conditions = &sim->conditions;
	struct packet packet = *request;
	struct fake_message *message = &packet.message;
	struct fake_reflector *reflector = fake_reflector_of(sim->reflectors, &message->peer);
	/* T1 is even, hence up to 1 ns after it was sent. */
	int64_t fitting_ns = packet.rtt_ns - (int64_t)KC_T1_SEEN;
	int64_t residence_ns = conditions->residence_ns < fitting_ns ? conditions->residence_ns
								     : fitting_ns;

	if (reflector->kind == REFLECTOR_DOWN) {
		int64_t timeout_ns = sim->settings.timeout_ns;
		/* Later ones are left out: their verdict would hang on when they are read. */
		bool in_time = sim->now_ns <= packet.sent_ns + timeout_ns;

		packet.kind = PACKET_REFUSAL;
		packet.arrival_ns = packet.rtt_ns > timeout_ns ? sim->now_ns
							       : packet.sent_ns + packet.rtt_ns;
		if (in_time && !packet.lost_backward)
			network_push(&sim->network, &packet);
		simulation_fate(sim, &packet,
				in_time && !packet.lost_backward ? FATE_REFUSED : FATE_LOST);
		return;
	}
	if (reflector->kind == REFLECTOR_DEAD) {
		simulation_fate(sim, &packet, FATE_LOST_FORWARD);
		return;
	}
	if (reflector->kind == REFLECTOR_EXACT && message->ask) {
		simulation_fate(sim, &packet, FATE_LOST);
		return;
	}
	if (chance(&sim->random, conditions->rate_refused)) {
		reflector->counts[message->flow] = 0;
		simulation_fate(sim, &packet, FATE_LOST);
		return;
	}
	if (chance(&sim->random, conditions->evicted))
		reflector->counts[message->flow] = 0;
	message->counter = fake_reflector_count(reflector, message);
	packet.twice = chance(&sim->random, conditions->duplicate_forward);
	if (packet.twice)
		fake_reflector_count(reflector, message);
	message->residence_ns = residence_ns ? up_to(&sim->random, residence_ns) : 0;
	if (packet.lost_backward) {
		simulation_fate(sim, &packet, FATE_LOST_BACKWARD);
	} else if (chance(&sim->random, conditions->implausible)) {
		/* Rejected by the programs, but the sockets hear it. */
		message->residence_ns = fake_random(&sim->random) % 2 ? -1 : NS_PER_SECOND * 3600;
		packet.kind = PACKET_FORGED;
		packet.implausible = true;
		packet.arrival_ns = packet.sent_ns + packet.rtt_ns;
		network_push(&sim->network, &packet);
		simulation_fate(sim, &packet, FATE_LOST_BACKWARD);
	} else {
		simulation_answer(sim, &packet);
	}
}

/* Out on the wire, if need be without a stamp. */
static inline void simulation_leave(struct simulation *sim, struct packet *packet, bool stamped)
{
	const struct conditions *conditions = sim->bad >> packet->slot & 1 ? &sim->bad_conditions
									   : &sim->conditions;
	bool lost = chance(&sim->random, conditions->loss);

	packet->sent_ns = packet->arrival_ns;
	packet->rtt_ns = network_rtt(conditions, sim->settings.timeout_ns, &sim->random);
	if (stamped) {
		packet->t1_ns = (packet->arrival_ns + KC_T1_SEEN) & ~(int64_t)KC_T1_SEEN;
		sim->truths[packet->slot].kernel_sent++;
	}
	if (packet->message.protocol == PROBE_ICMP) {
		if (lost)
			simulation_fate(sim, packet, FATE_LOST);
		else
			simulation_answer(sim, packet);
		return;
	}
	packet->lost_backward = chance(&sim->random, conditions->loss_backward);
	if (lost && fake_random(&sim->random) % 2)
		packet->lost_backward = true;
	else if (lost || chance(&sim->random, conditions->loss_forward) ||
		 conditions->dead_flows >> packet->message.flow & 1) {
		simulation_fate(sim, packet, FATE_LOST_FORWARD);
		return;
	}
	packet->kind = PACKET_REQUEST;
	packet->arrival_ns += (conditions->slow_forward ? packet->rtt_ns : conditions->delay_ns) /
			      2;
	network_push(&sim->network, packet);
}

/* What must be true of every probe. */
static inline void simulation_check_probe(struct simulation *sim, const struct probe *probe)
{
	const struct peer *peer = peers_get(canary_peers(sim->canary), probe->slot);
	bool stamp = probe->protocol == PROBE_STAMP;

	assert_int_equal(probe->protocol, peer->probe);
	assert_true(address_equal(&probe->destination, &peer->address));
	assert_true(probe->flow < (stamp ? sim->kernel.memory.shape.flows : 1));
	assert_int_equal(probe->ssid != 0, stamp);
	assert_true(stamp || !probe->ask);
	if (!stamp)
		return;
	if (!sim->ssids[probe->slot][probe->flow])
		sim->ssids[probe->slot][probe->flow] = probe->ssid;
	assert_int_equal(sim->ssids[probe->slot][probe->flow], probe->ssid);
}

static inline void simulation_send(struct simulation *sim, const struct probe *probe)
{
	struct truth *truth = &sim->truths[probe->slot];
	struct packet packet = {
		.arrival_ns = sim->now_ns + up_to(&sim->random, sim->conditions.send_latency_ns),
		.message = { .peer = probe->destination,
			     .nonce = probe->nonce,
			     .sequence = (uint16_t)probe->sequence,
			     .flow = probe->flow,
			     .ssid = probe->ssid,
			     .protocol = probe->protocol,
			     .ask = probe->ask },
		.slot = probe->slot,
		.epoch = sim->epochs[probe->slot],
		.series = sim->series[probe->slot],
		.sequence = probe->sequence,
	};

	simulation_check_probe(sim, probe);
	if (chance(&sim->random, sim->conditions.send_error)) {
		canary_on_sent(sim->canary, probe, -ENETUNREACH);
		return;
	}
	truth->sent++;
	assert_false(probe->ask && sim->asked[probe->slot]);
	sim->asked[probe->slot] = probe->ask;
	sim->questions += probe->ask;
	if (network_is_unresolved(&sim->network, probe->slot))
		network_hold(&sim->network, &packet);
	else
		simulation_leave(sim, &packet,
				 !chance(&sim->random, sim->conditions.egress_missing) &&
					 fake_kernel_egress(&sim->kernel, &packet.message,
							    packet.arrival_ns));
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

/* To the canary's sockets: all of STAMP, and of ICMP what it may listen to. */
static inline void simulation_hear(struct simulation *sim, const struct packet *packet)
{
	const struct fake_message *message = &packet->message;
	struct echoed echoed = { .peer = message->peer,
				 .nonce = message->nonce,
				 .flow = message->flow,
				 .sequence = message->sequence };
	static const struct fake_reflector forger = { .name = SIMULATION_FORGER };
	const struct fake_reflector *reflector = fake_reflector_of(sim->reflectors, &message->peer);
	uint8_t payload[FAKE_PAYLOAD_BYTES];
	size_t length;

	if (packet->kind == PACKET_REFUSAL) {
		canary_on_refused(sim->canary, &echoed);
		return;
	}
	if (message->protocol == PROBE_STAMP) {
		if (packet->kind == PACKET_FORGED && !packet->implausible)
			reflector = &forger;
		length = fake_reflector_payload(reflector, message, payload);
		if (message->ask)
			simulation_before(sim);
		canary_on_reply(sim->canary, &echoed, payload, length, simulation_now(sim));
		if (message->ask)
			simulation_after(sim);
		simulation_check(sim);
		return;
	}
	canary_on_overheard(sim->canary, &echoed);
}

static inline void simulation_pair(struct simulation *sim, const struct packet *packet)
{
	struct truth *truth = &sim->truths[packet->slot];
	int64_t rtt_ns = packet->arrival_ns - packet->t1_ns;
	int64_t timeout_ns = sim->settings.timeout_ns;
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
	if (pairing == FAKE_DUPLICATE && packet->series == sim->series[packet->slot])
		truth->duplicate++;
	else if (pairing == FAKE_DUPLICATE)
		truth->former_duplicate++;
	if (pairing == FAKE_PAIRED && rtt_ns <= timeout_ns)
		truth_in_time(truth, packet);
	else if (pairing == FAKE_PAIRED && rtt_ns <= 2 * timeout_ns &&
		 packet->series == sim->series[packet->slot])
		truth->late++;
	else if (pairing == FAKE_PAIRED && rtt_ns <= 2 * timeout_ns)
		truth->former_late++;
	else if (pairing == FAKE_PAIRED_NO_ROOM && rtt_ns <= timeout_ns)
		truth->dropped++;
	else if (pairing == FAKE_PAIRED_NO_ROOM)
		truth->ambiguous++;
}

static inline void simulation_arrive(struct simulation *sim, const struct packet *packet)
{
	bool past_ingress = packet->past_ingress && packet->kind != PACKET_FORGED;

	if (packet->kind == PACKET_REQUEST) {
		simulation_reflect(sim, packet);
		return;
	}
	if (packet->kind != PACKET_REFUSAL && !past_ingress)
		simulation_pair(sim, packet);
	if (packet->message.protocol == PROBE_STAMP)
		network_hear(&sim->network, packet);
	else if (past_ingress)
		simulation_hear(sim, packet);
}

#endif
