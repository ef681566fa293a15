/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exposition of as many peers as one likes, for what people see of them: each is another case of
 * health, zone, family and distribution. Without cmocka, since a server for browsers has it too.
 */
#ifndef VIEW_WORLD_H
#define VIEW_WORLD_H

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"

#define VIEW_FLOWS   4
#define VIEW_HOSTILE "<script>alert(1)</script>\"\n"

struct view_world {
	uint32_t slots;
	struct directory *directory;
	struct peers *peers;
	struct interfaces *interfaces;
	struct zones *zones;
	struct ranking *ranking;
	struct peer_stats *stats;
	struct recent *recents;
	struct native_histogram *natives;
	struct flow_loss *flow_losses;
	uint16_t flow_ports[VIEW_FLOWS];
	struct kc_counters counters;
	struct delay_histogram loop_delay;
	struct discovery_totals dns;
	struct scrape_totals scrapes;
	struct kernel_shape shape;
	uint64_t zero;
	uint64_t success_unix_seconds;
	uint8_t last_ok;
	int64_t real_offset_ns;
	uint8_t clock_synchronised;
	uint32_t ring_filled_bytes;
	struct exposition exposition;
};

static inline uint32_t view_in_flight(const void *ctx)
{
	(void)ctx;
	return 3;
}

static inline uint32_t view_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Samples as from a real peer: most near its base, a tail, some lost. */
static inline void view_add_samples(struct view_world *world, uint32_t slot, uint32_t count,
				    uint32_t loss_per_mille, uint32_t *random)
{
	const struct peer *peer = peers_get(world->peers, slot);
	uint32_t flows = peer->probe == PROBE_ICMP ? 1 : VIEW_FLOWS;
	int64_t base_ns = (20 + slot * 37 % 400) * NS_PER_US * (slot % 7 == 6 ? 40 : 1);

	for (uint32_t i = 0; i < count; i++) {
		struct sample sample = { .slot = slot,
					 .flow = (uint16_t)(i % flows),
					 .verdict = VERDICT_RETURNED,
					 .has_rtt = true,
					 .has_variation = i > 0 };
		struct flow_loss *flow_losses = &world->flow_losses[(size_t)slot * VIEW_FLOWS];
		uint32_t tail = view_random(random) % 100;

		world->stats[slot].sent++;
		if (view_random(random) % 1000 < loss_per_mille) {
			sample.verdict = VERDICT_LOST;
			sample.has_rtt = false;
			sample.has_variation = false;
			sample.lost_forward = i % 3 == 0;
			sample.lost_backward = i % 3 == 1;
		} else {
			sample.rtt_ns = base_ns + base_ns * (view_random(random) % 300) / 1000;
			if (tail > 95)
				sample.rtt_ns *= 1 + tail % 9;
			sample.variation_ns = base_ns / 10;
			native_add(&world->natives[slot], sample.rtt_ns);
		}
		stats_add(&world->stats[slot], &sample);
		recent_add(&world->recents[slot], &sample);
		flow_loss_add(flow_losses, flows, sample.flow, sample.verdict == VERDICT_LOST);
	}
	world->recents[slot].reply_ttl = (uint8_t)(255 - slot % 4);
	world->recents[slot].probe_ttl = (uint8_t)(peer->probe == PROBE_ICMP ? 0 : 255 - slot % 3);
}

static inline void view_add_verdict(struct view_world *world, uint32_t slot, enum verdict verdict)
{
	const struct sample sample = { .slot = slot, .verdict = (uint8_t)verdict };

	world->stats[slot].sent++;
	stats_add(&world->stats[slot], &sample);
	recent_add(&world->recents[slot], &sample);
}

static inline void view_ignore_slot(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
}

static inline void view_ignore_entry(void *ctx, const struct directory_entry *entry)
{
	(void)ctx;
	(void)entry;
}

static inline void view_open(struct view_world *world, uint32_t slots, uint32_t listed)
{
	const struct peers_settings settings = {
		.capacity = slots,
		.protocol = PROBE_STAMP,
		.rest_ns = NS_PER_SECOND,
		.events = { .departed = view_ignore_slot,
			    .joined = view_ignore_slot,
			    .parked = view_ignore_slot,
			    .relabelled = view_ignore_slot },
	};

	*world = (struct view_world){ .slots = slots,
				      .flow_ports = { 50001, 50002, 50003, 50004 },
				      .shape = { .slots = slots, .flows = VIEW_FLOWS },
				      .dns = { .success_unix_seconds = 1700000000,
					       .addresses = slots },
				      .success_unix_seconds = 1700000000,
				      .last_ok = 1,
				      .real_offset_ns = 1700000000 * NS_PER_SECOND,
				      .clock_synchronised = 1 };
	assert(directory_open(&(struct directory_settings){ .capacity = slots },
			      &world->directory) == 0);
	assert(peers_open(&settings, &world->peers) == 0);
	assert(interfaces_open(slots + 1, &world->interfaces) == 0);
	assert(zones_open(&world->zones) == 0);
	assert(ranking_open(slots, listed, &world->ranking) == 0);
	world->stats = calloc(slots, sizeof(*world->stats));
	world->recents = calloc(slots, sizeof(*world->recents));
	world->natives = calloc(slots, sizeof(*world->natives));
	world->flow_losses = calloc((size_t)slots * VIEW_FLOWS, sizeof(*world->flow_losses));
	world->exposition = (struct exposition){
		.node_name = "node-0",
		.node_zone = "zone-a",
		.version = "0.1.0",
		.revision = "abcdef0",
		.timestamps = "bpf",
		.directory = world->directory,
		.peers = world->peers,
		.interfaces = world->interfaces,
		.stats = world->stats,
		.counters = &world->counters,
		.loop_delay = &world->loop_delay,
		.reload_failures = &world->zero,
		.reload_success_unix_seconds = &world->success_unix_seconds,
		.reload_last_ok = &world->last_ok,
		.dns = &world->dns,
		.natives = world->natives,
		.recents = world->recents,
		.flow_losses = world->flow_losses,
		.flows = VIEW_FLOWS,
		.flow_ports = world->flow_ports,
		.zones = world->zones,
		.ranking = world->ranking,
		.in_flight = view_in_flight,
		.scrapes = &world->scrapes,
		.ring_bytes = 65536,
		.ring_filled_bytes = &world->ring_filled_bytes,
		.shape = &world->shape,
		.real_offset_ns = &world->real_offset_ns,
		.clock_synchronised = &world->clock_synchronised,
		.interval_ns = NS_PER_SECOND,
		.timeout_ns = NS_PER_SECOND,
		.now = { .ns = 100000 * NS_PER_SECOND },
		.process = { .start_time_unix_ns = 1700000000ULL * NS_PER_SECOND },
	};
}

static inline void view_close(struct view_world *world)
{
	free(world->flow_losses);
	free(world->natives);
	free(world->recents);
	free(world->stats);
	ranking_close(world->ranking);
	zones_close(world->zones);
	interfaces_close(world->interfaces);
	peers_close(world->peers);
	directory_close(world->directory);
}

/* One after the other, in slots from 0 on. */
static inline void view_offer(struct view_world *world, const struct peer_candidate *candidate)
{
	assert(peers_offer(world->peers, candidate) == 0);
	assert(directory_offer(world->directory, candidate) == 0);
}

static inline void view_begin(struct view_world *world)
{
	peers_begin(world->peers);
	directory_begin(world->directory, PEER_SOURCE_FILE);
}

static inline void view_commit(struct view_world *world)
{
	const struct local_time now = { .ns = 1 };

	peers_commit(world->peers, now);
	directory_commit(world->directory, view_ignore_entry, view_ignore_entry, NULL);
	for (uint32_t slot = 0; slot < world->slots; slot++) {
		if (peers_get(world->peers, slot)->state == PEER_RESOLVING)
			peers_set_state(world->peers, slot, PEER_PROBED);
		recent_begin(&world->recents[slot], now);
	}
}

static inline void view_attach(struct view_world *world)
{
	const struct interface_name routes[] = { { 2, "eth0" }, { 7, "bond0.7" } };
	const struct local_time now = { .ns = 1 };
	const struct word answers[] = {
		{ .kind = WORD_ATTACHED,
		  .ifindex = 2,
		  .egress = { .mode = HOOK_TCX },
		  .ingress = { .mode = HOOK_TCX } },
		{ .kind = WORD_ATTACHED,
		  .ifindex = 7,
		  .egress = { .mode = HOOK_CLSACT },
		  .ingress = { .error = EPERM } },
	};

	interfaces_route(world->interfaces, 0, routes, 2, now);
	for (int i = 0; i < 2; i++) {
		struct word word;

		assert(interfaces_next_word(world->interfaces, now, &word));
		interfaces_on_word(world->interfaces, &answers[i]);
	}
}

/* The first is the hostile one, and lossy; every hundredth after it fares badly in some way. */
static inline void view_populate(struct view_world *world, uint32_t count, uint32_t samples)
{
	uint32_t random = 1;

	view_begin(world);
	for (uint32_t i = 0; i < count; i++) {
		struct peer_candidate candidate = { .probe = i % 50 == 49 ? PROBE_ICMP
									  : PROBE_STAMP };
		char address[ADDRESS_TEXT_CAPACITY];

		snprintf(address, sizeof(address), i % 10 == 9 ? "fd00::%u:%u" : "10.%u.%u.7",
			 i / 250, i % 250);
		assert(address_parse(address, &candidate.address) == 0);
		snprintf(candidate.name, sizeof(candidate.name), "node-%u.rack-%u.example", i,
			 i / 40);
		snprintf(candidate.zone, sizeof(candidate.zone), "zone-%c", 'a' + (char)(i % 3));
		if (i == 0)
			strcpy(candidate.name, VIEW_HOSTILE);
		view_offer(world, &candidate);
	}
	view_commit(world);
	view_attach(world);
	for (uint32_t slot = 0; slot < count; slot++) {
		view_add_samples(world, slot, samples,
				 slot == 0	  ? 30
				 : slot % 50 == 3 ? 50
						  : 1,
				 &random);
		if (slot % 100 == 2)
			view_add_samples(world, slot, 20, 1000, &random);
		if (slot % 100 == 55)
			view_add_verdict(world, slot, VERDICT_REFUSED);
		if (slot % 200 == 77)
			view_add_verdict(world, slot, VERDICT_UNSTAMPED);
	}
	for (uint32_t i = 0; i < 4000; i++)
		delay_histogram_add(&world->loop_delay, view_random(&random) % 90000);
	world->counters.reflected = 123456;
	world->counters.refused_source = 12;
}

#endif
