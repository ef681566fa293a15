/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canary over the fake kernel and network, and what must hold after each event.
 */
#ifndef SIMULATED_WORLD_H
#define SIMULATED_WORLD_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "canary.h"
#include "canary_state.h"
#include "samples.h"
#include "sim/ever.h"
#include "sim/fake_network.h"
#include "sim/fake_reflector.h"
#include "sim/truth.h"

#define MS		   NS_PER_MS
#define SIMULATION_SLOTS   64 /* at most */
#define SIMULATION_TICK_NS (100 * MS)
#define SIMULATION_BATCH   4
#define SIMULATION_WALK_NS (5 * NS_PER_SECOND)
#define SIMULATION_IFINDEX 7
#define SIMULATION_PEERS   128 /* the directory's capacity */
#define SIMULATION_NODES   2048
#define SIMULATION_IPV6	   0x8000 /* or'ed to the number of a node: its IPv6 address */

#define SIMULATION_REAL_OFFSET_NS (1700000000 * NS_PER_SECOND + 123456789)

#define SIMULATION_FORGER "forger" /* nobody's name */

struct notice {
	enum canary_notice kind;
	uint32_t slot;
	uint16_t flow;
};

struct simulation {
	struct fake_kernel kernel;
	struct conditions conditions;
	uint64_t bad; /* slots, a bit for each, whose path is another */
	struct conditions bad_conditions;
	uint32_t zones; /* that sources place peers in at random; 0: they know none */
	struct canary_settings settings;
	struct fake_reflector reflectors[FAKE_REFLECTORS];
	struct canary *canary;
	bool mixed; /* peers are probed by either protocol, by their addresses */
	uint64_t random;
	int64_t now_ns;
	int64_t tick_ns;	  /* the next */
	int64_t stopped_until_ns; /* the canary gets no CPU */
	bool sending;
	bool loader_mute;
	bool routes_mute;		/* nobody tells where peers are */
	int64_t walk_ns;		/* when all routes are asked for again */
	bool ours[2][SIMULATION_NODES]; /* the node's IPv4, IPv6 address is this machine's */
	bool routed[SIMULATION_SLOTS];
	uint8_t states[SIMULATION_SLOTS]; /* before the running call */
	struct canary_change change;	  /* of the last commit */
	uint32_t epochs[SIMULATION_SLOTS];
	uint32_t series[SIMULATION_SLOTS]; /* labels so far */
	bool asked[SIMULATION_SLOTS];	   /* by the last probe that was sent */
	uint32_t questions;		   /* sent */
	struct truth truths[SIMULATION_SLOTS];
	struct peer_stats past[SIMULATION_SLOTS]; /* under former labels */
	struct peer_stats before[SIMULATION_SLOTS];
	struct peer_stats at_start[SIMULATION_SLOTS]; /* of the running call */
	struct native_total past_natives[SIMULATION_SLOTS];
	struct native_histogram before_natives[SIMULATION_SLOTS];
	bool left[SIMULATION_SLOTS]; /* with the running call */
	struct ever ever;
	uint64_t with_rtt[SIMULATION_SLOTS]; /* when its histogram was last looked at */
	uint32_t flying[SIMULATION_SLOTS];
	char labels[SIMULATION_SLOTS][PEER_NAME_CAPACITY]; /* empty: not live */
	uint32_t relabelled;
	uint16_t ssids[SIMULATION_SLOTS][ANY_FLOWS];
	uint32_t notice_count; /* all; the latest are kept */
	struct notice notices[64];
	uint64_t events;
	struct fake_network network; /* large, but for what it counts as unused */
};

static inline struct local_time simulation_now(const struct simulation *sim)
{
	return (struct local_time){ .ns = sim->now_ns };
}

static inline struct address simulation_address(uint32_t index)
{
	return index & SIMULATION_IPV6 ? fake_ipv6_address(index & ~(uint32_t)SIMULATION_IPV6)
				       : fake_address(index);
}

/* Whether it is this machine's. */
static inline bool *simulation_ours(struct simulation *sim, const struct address *address)
{
	return &sim->ours[!address_is_ipv4(address)][fake_address_index(address)];
}

/* Its histograms say the same, and its zone is where it is counted. */
static inline void simulation_check_slot(struct simulation *sim, uint32_t slot)
{
	const struct peer *peer = peers_get(canary_peers(sim->canary), slot);
	const struct peer_stats *stats = canary_stats(sim->canary, slot);
	uint64_t with_rtt = stats->returned - stats->dropped;

	if (peer_is_live(peer))
		assert_string_equal(
			zones_get(canary_zones(sim->canary), sim->canary->standings[slot].zone)
				->name,
			peer->zone);
	if (with_rtt == sim->with_rtt[slot])
		return;
	sim->with_rtt[slot] = with_rtt;
	assert_int_equal(ever_classic_count(stats), with_rtt);
	assert_int_equal(ever_native_count(canary_native(sim->canary, slot)), with_rtt);
}

/* All that was ever counted of peers, was counted of zones. */
static inline void simulation_check_zones(const struct simulation *sim)
{
	struct peer_stats least = sim->ever.least, most = sim->ever.most, now = { 0 };

	/* Summed once for both: this is after every event, and most of what simulations take. */
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		stats_sum(&now, &sim->past[slot]);
		stats_sum(&now, canary_stats(sim->canary, slot));
	}
	stats_sum(&least, &now);
	stats_sum(&most, &now);
	ever_compare(canary_zones(sim->canary), &least, &most);
	for (uint32_t i = 0; i < zones_count(canary_zones(sim->canary)); i++) {
		const struct peer_stats *counts = &zones_get(canary_zones(sim->canary), i)->counts;

		assert_int_equal(counts->sent, stats_verdicts(counts));
	}
}

/* The promise: every probe is in exactly one place; and of nobody, nothing is counted. */
static inline void simulation_check(struct simulation *sim)
{
	static const struct peer_stats nothing;
	uint32_t in_flight = 0, questions = 0;

	sim->events++;
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);
		uint32_t own = canary_slot_in_flight(sim->canary, slot);

		if (stats->sent != stats_verdicts(stats) + own)
			fail_msg("slot %u: sent %llu, verdicts %llu, in flight %u at event %llu",
				 slot, (unsigned long long)stats->sent,
				 (unsigned long long)stats_verdicts(stats), own,
				 (unsigned long long)sim->events);
		if (stats->lost_forward + stats->lost_backward > stats->lost)
			fail_msg("slot %u: lost %llu, but forward %llu and backward %llu", slot,
				 (unsigned long long)stats->lost,
				 (unsigned long long)stats->lost_forward,
				 (unsigned long long)stats->lost_backward);
		if (stats->late > stats->lost)
			fail_msg("slot %u: lost %llu, but late %llu", slot,
				 (unsigned long long)stats->lost, (unsigned long long)stats->late);
		if (!peer_is_live(peers_get(canary_peers(sim->canary), slot)))
			assert_true(memcmp(stats, &nothing, sizeof(nothing)) == 0);
		simulation_check_slot(sim, slot);
		in_flight += own;
		questions += sim->canary->standings[slot].question_count;
	}
	simulation_check_zones(sim);
	assert_int_equal(canary_in_flight(sim->canary), in_flight);
	assert_int_equal(sim->canary->questions, questions);
}

/* What each has counted, should its label change, or it go. */
static inline void simulation_remember(struct simulation *sim, bool live_only)
{
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		if (live_only && !peer_is_live(peers_get(canary_peers(sim->canary), slot)))
			continue;
		sim->before[slot] = *canary_stats(sim->canary, slot);
		sim->before_natives[slot] = *canary_native(sim->canary, slot);
		sim->flying[slot] = canary_slot_in_flight(sim->canary, slot);
	}
}

/* It starts anew under another label, as far as is known with what was in flight. */
static inline void simulation_rename(struct simulation *sim, uint32_t slot)
{
	sim->before[slot].sent -= sim->flying[slot];
	stats_sum(&sim->past[slot], &sim->before[slot]);
	native_total_sum(&sim->past_natives[slot], &sim->before_natives[slot]);
	sim->at_start[slot] = (struct peer_stats){ .sent = sim->flying[slot] };
	sim->series[slot]++;
	sim->truths[slot].unread += fake_kernel_unread(&sim->kernel, slot);
	sim->relabelled++;
	assert_true(canary_recent(sim->canary, slot)->since.ns == sim->now_ns);
}

/* Whether its label is another than when last looked at. */
static inline bool simulation_is_renamed(struct simulation *sim, uint32_t slot)
{
	const struct peers *peers = canary_peers(sim->canary);
	char label[PEER_NAME_CAPACITY] = "";
	bool renamed;

	if (peer_is_live(peers_get(peers, slot)))
		peers_label(peers, slot, label);
	assert_string_not_equal(label, SIMULATION_FORGER);
	renamed = sim->labels[slot][0] && label[0] && strcmp(label, sim->labels[slot]) != 0;
	memcpy(sim->labels[slot], label, sizeof(label));
	return renamed;
}

static inline void simulation_on_notice(void *ctx, enum canary_notice notice, uint32_t slot,
					uint16_t flow)
{
	struct simulation *sim = ctx;

	sim->notices[sim->notice_count++ % 64] =
		(struct notice){ .kind = notice, .slot = slot, .flow = flow };
	if (notice != CANARY_LEFT)
		return;
	/* Others may be called by its name from here on. */
	sim->left[slot] = true;
	for (uint32_t other = 0; other < sim->kernel.memory.shape.slots; other++)
		if (peer_is_live(peers_get(canary_peers(sim->canary), other)) &&
		    simulation_is_renamed(sim, other))
			simulation_rename(sim, other);
	simulation_remember(sim, true);
}

/* Of what was lost of it when it left, nothing was counted. */
static inline void simulation_bury(struct simulation *sim, uint32_t slot)
{
	struct peer_stats most = sim->before[slot], least = most;

	if (sim->left[slot]) {
		least = sim->at_start[slot];
		most.lost = least.lost;
	}
	stats_sum(&sim->ever.least, &sim->past[slot]);
	stats_sum(&sim->ever.least, &least);
	stats_sum(&sim->ever.most, &sim->past[slot]);
	stats_sum(&sim->ever.most, &most);
	ever_sum_native(&sim->ever.native, &sim->past_natives[slot]);
	native_total_sum(&sim->ever.native, &sim->before_natives[slot]);
}

/* What was there is no longer: its packets are nobody's. */
static inline void simulation_forget(struct simulation *sim, uint32_t slot)
{
	simulation_bury(sim, slot);
	sim->epochs[slot]++;
	sim->asked[slot] = false;
	sim->routed[slot] = false;
	memset(&sim->truths[slot], 0, sizeof(sim->truths[slot]));
	memset(&sim->past[slot], 0, sizeof(sim->past[slot]));
	memset(&sim->past_natives[slot], 0, sizeof(sim->past_natives[slot]));
	sim->labels[slot][0] = 0;
}

/* Around all that may change a label, or who is in a slot. */
static inline void simulation_before(struct simulation *sim)
{
	simulation_remember(sim, false);
	memcpy(sim->at_start, sim->before, sizeof(sim->at_start));
	memset(sim->left, 0, sizeof(sim->left));
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++)
		sim->states[slot] = peers_get(canary_peers(sim->canary), slot)->state;
}

/* Whose label is another now starts anew, with nothing but what is in flight; nobody else does. */
static inline void simulation_after(struct simulation *sim)
{
	const struct peers *peers = canary_peers(sim->canary);

	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		uint8_t state = peers_get(peers, slot)->state;

		if (state != sim->states[slot] &&
		    !(sim->states[slot] == PEER_RESOLVING && state == PEER_PROBED))
			simulation_forget(sim, slot);
	}
	for (uint32_t slot = 0; slot < sim->kernel.memory.shape.slots; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);
		struct peer_stats clean = { .sent = sim->flying[slot] };

		if (!simulation_is_renamed(sim, slot))
			continue;
		/* Those may have their verdicts by now. */
		assert_int_equal(stats->sent, clean.sent);
		if (canary_slot_in_flight(sim->canary, slot) == clean.sent)
			assert_memory_equal(stats, &clean, sizeof(clean));
		simulation_rename(sim, slot);
	}
}

static inline struct simulation *simulation_open(uint64_t seed, uint32_t slots, uint32_t flows,
						 int64_t interval_ns, int64_t timeout_ns,
						 enum probe_protocol protocol)
{
	static struct simulation sim; /* large, and one at a time */
	uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
	uint32_t window = samples_window(timeout_ns, interval_ns, flows);
	uint32_t addresses = SIMULATION_PEERS + slots + ADDRESSES_OWN_MAX;

	assert(slots <= SIMULATION_SLOTS && flows <= ANY_FLOWS);
	memset(&sim, 0, offsetof(struct simulation, network));
	network_clear(&sim.network);
	sim.kernel.memory = fake_memory_of(&(struct kernel_shape){
		.slots = slots,
		.flows = flows,
		.window = window,
		.echo_window = samples_echo_window(window, flows),
		.address_capacity = addresses_capacity(addresses),
		.session_capacity = FAKE_SESSIONS,
		.hash_seed = (uint32_t)fake_random(&random),
	});
	sim.kernel.ring_capacity = FAKE_RING_CAPACITY;
	sim.kernel.inert_after_ns = 3 * NS_PER_SECOND;
	sim.settings = (struct canary_settings){
		.interval_ns = interval_ns,
		.timeout_ns = timeout_ns,
		.phase_ns = (int64_t)(fake_random(&random) % (uint64_t)interval_ns),
		.nonce_key = { fake_random(&random), fake_random(&random) },
		.protocol = protocol,
		.peers_max = SIMULATION_PEERS,
		.full_below = SIMULATION_PEERS,
		.degree = 16,
		.listed = 3,
		.node_name = "self",
		.ssid_base = (uint16_t)fake_random(&random),
		.notice = simulation_on_notice,
		.notice_ctx = &sim,
	};
	sim.conditions = (struct conditions){ .delay_ns = 20 * NS_PER_US,
					      .send_latency_ns = 30 * NS_PER_US };
	sim.random = random;
	sim.now_ns = sim.tick_ns = 100 * NS_PER_SECOND;
	sim.sending = true;
	assert_int_equal(canary_open(&sim.settings, &sim.kernel.memory, &sim.canary), 0);
	canary_on_clock(sim.canary, &(struct wall_clock){ .offset_ns = SIMULATION_REAL_OFFSET_NS });
	return &sim;
}

/* With what was changed of the settings. */
static inline void simulation_reopen(struct simulation *sim)
{
	canary_close(sim->canary);
	memset(&sim->ever, 0, sizeof(sim->ever));
	assert_int_equal(canary_open(&sim->settings, &sim->kernel.memory, &sim->canary), 0);
	canary_on_clock(sim->canary,
			&(struct wall_clock){ .offset_ns = SIMULATION_REAL_OFFSET_NS });
}

static inline void simulation_close(struct simulation *sim)
{
	canary_close(sim->canary);
	fake_memory_close(&sim->kernel.memory);
}

static inline bool simulation_noticed(const struct simulation *sim, enum canary_notice kind,
				      uint32_t slot)
{
	uint32_t first = sim->notice_count > 64 ? sim->notice_count - 64 : 0;

	for (uint32_t i = first; i < sim->notice_count; i++) {
		if (sim->notices[i % 64].kind == kind && sim->notices[i % 64].slot == slot)
			return true;
	}
	return false;
}

#endif
