/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network under a clock of its own: packets under way in order of arrival, and what may happen to
 * them. Must not know what a packet means.
 */
#ifndef FAKE_NETWORK_H
#define FAKE_NETWORK_H

#include "sim/fake_kernel.h"

#define FAKE_PACKETS 8192

/* Chances are out of 1000. */
struct conditions {
	uint32_t loss; /* either way */
	uint32_t loss_forward;
	uint32_t loss_backward;
	uint32_t late;	    /* RTT above the timeout, up to twice */
	uint32_t very_late; /* up to three times */
	uint32_t duplicate; /* of replies; the copy arrives no later than two timeouts after T1 */
	uint32_t egress_missing;  /* leaves without a stamp */
	uint32_t ingress_missing; /* arrives past the ingress program, is overheard */
	uint32_t forged;	  /* a forged reply beside the true one */
	uint32_t send_error;
	/* STAMP */
	uint32_t dead_flows;	    /* a bit for each: lost on the way there */
	uint32_t duplicate_forward; /* of requests: counted and answered twice */
	uint32_t rate_refused;	    /* the reflector refuses, and counts anew */
	uint32_t evicted;	    /* the reflector forgot the session */
	bool slow_forward;	    /* half of what varies happens on the way there */
	uint32_t implausible;	    /* T3 before T2, or later than that could be */
	int64_t residence_ns;	    /* at most */
	int64_t delay_ns;
	int64_t jitter_ns;
	int64_t send_latency_ns; /* at most, from arming to T1 */
};

enum packet_kind {
	PACKET_REPLY,
	PACKET_COPY,
	PACKET_FORGED,
	PACKET_REQUEST, /* arrives at the reflector */
	PACKET_REFUSAL, /* ICMP port unreachable */
};

struct packet {
	int64_t arrival_ns;
	int64_t sent_ns;
	int64_t t1_ns; /* 0: unstamped */
	int64_t rtt_ns;
	struct fake_message message;
	enum packet_kind kind;
	uint32_t slot;	 /* who sent it, whoever is there now */
	uint32_t epoch;	 /* of the slot, then */
	uint32_t series; /* of the slot, then */
	uint32_t sequence;
	bool past_ingress;
	bool lost_backward;
	bool twice;	  /* the reflector got it twice */
	bool implausible; /* by T2 and T3 */
};

struct fake_network {
	uint32_t count;
	struct packet heap[FAKE_PACKETS];
	/* Neighbours that do not answer on the link, a bit for each slot, and what is held back for
	 * them. */
	uint64_t unresolved;
	uint32_t held_count;
	struct packet held[FAKE_PACKETS];
	/* What the canary's UDP sockets have got. */
	uint32_t heard_count;
	struct packet heard[FAKE_PACKETS];
};

static inline void network_clear(struct fake_network *network)
{
	network->count = network->held_count = network->heard_count = 0;
	network->unresolved = 0;
}

static inline void network_hear(struct fake_network *network, const struct packet *packet)
{
	assert(network->heard_count < FAKE_PACKETS);
	network->heard[network->heard_count++] = *packet;
}

static inline bool network_is_unresolved(const struct fake_network *network, uint32_t slot)
{
	return network->unresolved >> slot & 1;
}

static inline void network_hold(struct fake_network *network, const struct packet *packet)
{
	assert(network->held_count < FAKE_PACKETS);
	network->held[network->held_count++] = *packet;
}

static inline void network_swap(struct fake_network *network, uint32_t a, uint32_t b)
{
	struct packet packet = network->heap[a];

	network->heap[a] = network->heap[b];
	network->heap[b] = packet;
}

static inline void network_push(struct fake_network *network, const struct packet *packet)
{
	uint32_t i = network->count++;

	assert(network->count <= FAKE_PACKETS);
	network->heap[i] = *packet;
	while (i > 0 && network->heap[i].arrival_ns < network->heap[(i - 1) / 2].arrival_ns) {
		network_swap(network, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static inline struct packet network_pop(struct fake_network *network)
{
	struct packet first = network->heap[0];
	uint32_t i = 0, least = 0;

	network->heap[0] = network->heap[--network->count];
	do {
		i = least;
		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < network->count;
		     child++) {
			if (network->heap[child].arrival_ns < network->heap[least].arrival_ns)
				least = child;
		}
		network_swap(network, i, least);
	} while (i != least);
	return first;
}

static inline int64_t network_next_ns(const struct fake_network *network)
{
	return network->count ? network->heap[0].arrival_ns : INT64_MAX;
}

static inline bool chance(uint64_t *random, uint32_t out_of_1000)
{
	return fake_random(random) % 1000 < out_of_1000;
}

/* 1..limit */
static inline int64_t up_to(uint64_t *random, int64_t limit_ns)
{
	return 1 + (int64_t)(fake_random(random) % (uint64_t)limit_ns);
}

static inline int64_t network_rtt(const struct conditions *conditions, int64_t timeout_ns,
				  uint64_t *random)
{
	if (chance(random, conditions->late))
		return timeout_ns + up_to(random, timeout_ns);
	if (chance(random, conditions->very_late))
		return 2 * timeout_ns + up_to(random, timeout_ns);
	return conditions->delay_ns +
	       (conditions->jitter_ns ? up_to(random, conditions->jitter_ns) : 0);
}

#endif
