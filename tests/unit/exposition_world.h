/* SPDX-License-Identifier: Apache-2.0 */
/* All that an exposition refers to, in a fixed state: that of the golden files. */
#ifndef EXPOSITION_WORLD_H
#define EXPOSITION_WORLD_H

#include "unit/exposition_tables.h"

static inline void offer_those_that_stay(struct peers *peers)
{
	struct peer_candidate by_echo = candidate("2001:db8::2", "");

	by_echo.probe = PROBE_ICMP;
	offer(peers, "10.0.0.1", "node-1");
	assert_int_equal(peers_offer(peers, &by_echo), 0);
	offer(peers, "10.0.0.3", "node-3");
	offer(peers, "10.0.0.4", "node-0");
	offer(peers, "2001:db8::1", "node-1");
}

/* Slots in order: probed, probed by address only, resolving, own, a twin of the first, lingering,
 * and one that departed. One is probed by echo, one has said its zone. */
static inline void populate_peers(struct world *world)
{
	const struct local_time now = { .ns = 0 };
	struct peers *peers = world->peers;

	peers_begin(peers);
	offer_those_that_stay(peers);
	offer(peers, "10.0.0.6", "left");
	offer(peers, "10.0.0.5", "gone");
	peers_commit(peers, now);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct peer *peer = peers_get(peers, slot);
		const char *name = peer->name;

		if (peer->state != PEER_RESOLVING)
			continue;
		if (strcmp(name, "node-1") == 0)
			peers_set_zone(peers, slot, "zone-b");
		if (strcmp(name, "node-0") == 0)
			peers_set_state(peers, slot, PEER_OWN);
		else if (strcmp(name, "node-3") != 0)
			peers_set_state(peers, slot, PEER_PROBED);
	}
	peers_begin(peers);
	offer_those_that_stay(peers);
	peers_commit(peers, now);
}

/* All that are probed or to be probed, our own address, one that is only known, and one too many.
 */
static inline void populate_directory(struct world *world)
{
	struct directory *directory = world->directory;
	const struct address own = candidate("10.0.0.4", "").address;
	const struct directory_totals totals = { .names_dropped = 36, .zones_dropped = 37 };

	directory_begin(directory, PEER_SOURCE_FILE);
	discover(directory, "10.0.0.1", "node-1", 0);
	discover(directory, "2001:db8::2", "", 0);
	discover(directory, "10.0.0.3", "node-3", 0);
	discover(directory, "10.0.0.4", "node-0", 0);
	discover(directory, "2001:db8::1", "node-1", 0);
	discover(directory, "10.0.0.7", "asks", 0);
	discover(directory, "10.0.0.8", "surplus", -ENOSPC);
	directory_commit(directory, ignore_entry, ignore_entry, NULL);
	directory_set_own(directory, directory_find(directory, &own), true);
	*(struct directory_totals *)(uintptr_t)directory_totals(directory) = totals;
}

static inline void populate_interfaces(struct world *world)
{
	const struct interface_name routes[] = { { 2, "eth0" }, { 7, "bond0.7" } };
	const struct local_time now = { .ns = 1 };
	const struct word answers[] = {
		{ .kind = WORD_ATTACHED,
		  .ifindex = 2,
		  .egress = { .mode = HOOK_TCX },
		  .ingress = { .mode = HOOK_XDP_GENERIC } },
		{ .kind = WORD_ATTACHED,
		  .ifindex = 7,
		  .egress = { .mode = HOOK_CLSACT },
		  .ingress = { .error = 1 } },
	};

	interfaces_route(world->interfaces, 0, routes, 2, now);
	for (int i = 0; i < 2; i++) {
		struct word word;

		assert_true(interfaces_next_word(world->interfaces, now, &word));
		interfaces_on_word(world->interfaces, &answers[i]);
	}
}

/* The greatest of a classic bucket; of the last one, which has none, some. */
static inline int64_t value_in_bucket(uint32_t bucket)
{
	return bucket < STATS_BOUNDS ? stats_bounds_ns[bucket] : 2 * NS_PER_SECOND;
}

/* More than 32 bits hold. */
static inline void populate_zone(struct world *world, const char *name, uint64_t base)
{
	uint32_t index = zones_find(world->zones, name);
	struct zone *zone = (struct zone *)(uintptr_t)zones_get(world->zones, index);

	zone->counts = (struct peer_stats){
		.sent = base + 1,
		.returned = base + 2,
		.lost = base + 3,
		.lost_forward = base + 10,
		.lost_backward = base + 11,
		.refused = base + 4,
		.unstamped = base + 5,
		.late = base + 6,
		.duplicate = base + 7,
		.reordered = base + 8,
		.dropped = base + 9,
		.rtt_sum_ns = base * 1234567,
		.variation_sum_ns = base * 1000,
	};
	for (uint32_t i = 0; i < STATS_BUCKETS; i++) {
		struct native_histogram one = { 0 };
		struct native_total total = { 0 };

		native_add(&one, value_in_bucket(i));
		native_total_sum(&total, &one);
		zone->buckets[i] = base * i;
		zone->native.zero += base * i * total.zero;
		for (uint32_t bucket = 0; bucket < NATIVE_BUCKETS; bucket++)
			zone->native.buckets[bucket] += base * i * total.buckets[bucket];
	}
}

static inline void populate_counters(struct world *world)
{
	world->counters = (struct kc_counters){ .ring_full = 10,
						.rejected_source = 11,
						.rejected_truncated = 12,
						.rejected_nonce = 13,
						.rejected_checksum = 14,
						.rejected_unstamped = 15,
						.rejected_residence = 16,
						.reflected = 17,
						.refused_host = 18,
						.refused_destination = 19,
						.refused_source = 20,
						.refused_port = 21,
						.refused_options = 22,
						.refused_length = 23,
						.refused_socket = 24,
						.refused_rate = 25,
						.refused_failed = 26,
						.refused_loop = 27,
						.refused_checksum = 28,
						.arrivals_stamped = 29 };
}

static inline void populate_numbers(struct world *world)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		uint64_t base = 100 * (slot + 1);

		world->stats[slot] = (struct peer_stats){
			.sent = base + 1,
			.returned = base + 2,
			.lost = base + 3,
			.lost_forward = base + 10,
			.lost_backward = base + 11,
			.refused = base + 4,
			.unstamped = base + 5,
			.late = base + 6,
			.duplicate = base + 7,
			.reordered = base + 8,
			.dropped = base + 9,
			.rtt_sum_ns = base * 1234567,
			.variation_sum_ns = base * 1000,
		};
		world->recents[slot].since.ns = (int64_t)slot * NS_PER_SECOND + 250 * NS_PER_MS;
		for (uint32_t i = 0; i < STATS_BUCKETS; i++) {
			world->stats[slot].buckets[i] = slot + i;
			for (uint32_t sample = 0; sample < slot + i; sample++)
				native_add(&world->natives[slot], value_in_bucket(i));
		}
	}
	for (uint32_t i = 0; i < STATS_BUCKETS; i++)
		world->loop_delay.buckets[i] = i % 3;
	world->loop_delay.sum_ns = 5000;
	for (uint32_t i = 0; i < SEND_ERRORS; i++)
		world->send_errors[i] = 30 + i;
	populate_counters(world);
	world->exposition.process =
		(struct process_usage){ .cpu_ns = 1500000000,
					.start_time_unix_ns = 1700000000250000000,
					.resident_bytes = 614400,
					.virtual_bytes = 1048576,
					.open_fds = 14,
					.max_fds = 1024,
					.threads = 1 };
}

/* listed: as ranking_open has it. */
static inline void populate_listing(struct world *world, uint32_t listed)
{
	world_open_listing(world, listed);
	populate_directory(world);
	populate_peers(world);
	populate_interfaces(world);
	populate_numbers(world);
	populate_zone(world, "", 2000);
	populate_zone(world, "zone-b", 5000000000);
}

static inline void populate(struct world *world)
{
	populate_listing(world, RANKING_ALL);
}

#endif
