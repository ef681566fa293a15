/* SPDX-License-Identifier: Apache-2.0 */
/* All that an exposition refers to, in a fixed state. */
#ifndef EXPOSITION_WORLD_H
#define EXPOSITION_WORLD_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "exposition.h"

#define SLOTS	   8
#define DISCOVERED 6
#define GOLDEN	   "tests/golden/metrics.txt"

/* All that an exposition refers to. */
struct world {
	struct directory *directory;
	struct peers *peers;
	struct interfaces *interfaces;
	struct peer_stats stats[SLOTS];
	struct kc_counters counters;
	struct delay_histogram loop_delay;
	uint64_t send_errors[SEND_ERRORS];
	uint64_t refusals_rejected;
	uint64_t unplaced;
	uint64_t names_taken;
	uint64_t names_invalid;
	uint64_t names_changing;
	uint64_t reload_failures;
	struct discovery_totals dns;
	uint64_t reload_success_unix_seconds;
	uint8_t reload_last_ok;
	struct exposition exposition;
};

static inline uint32_t forty_two(const void *ctx)
{
	(void)ctx;
	return 42;
}

static inline struct peer_candidate candidate(const char *address, const char *name)
{
	struct peer_candidate candidate = { .probe = PROBE_DEFAULT };

	assert_int_equal(address_parse(address, &candidate.address), 0);
	strcpy(candidate.name, name);
	return candidate;
}

static inline void offer(struct peers *peers, const char *address, const char *name)
{
	struct peer_candidate offered = candidate(address, name);

	assert_int_equal(peers_offer(peers, &offered), 0);
}

static inline void discover(struct directory *directory, const char *address, const char *name,
			    int expected)
{
	struct peer_candidate offered = candidate(address, name);

	assert_int_equal(directory_offer(directory, &offered), expected);
}

static inline void ignore_slot(void *ctx, uint32_t slot)
{
	(void)ctx;
	(void)slot;
}

static inline void ignore_entry(void *ctx, const struct directory_entry *entry)
{
	(void)ctx;
	(void)entry;
}

static inline bool lingers(void *ctx, uint32_t slot)
{
	const struct world *world = ctx;

	return strcmp(peers_get(world->peers, slot)->name, "left") == 0;
}

/* As if learnt, but past all that checks what is learnt. */
static inline struct peer *peer_to_be_changed(struct world *world, uint32_t slot)
{
	return (struct peer *)(uintptr_t)peers_get(world->peers, slot);
}

static inline void world_open(struct world *world)
{
	const struct peers_settings peers_settings = {
		.capacity = SLOTS,
		.protocol = PROBE_STAMP,
		.rest_ns = NS_PER_SECOND,
		.linger_ns = NS_PER_SECOND,
		.events = { .lingers = lingers,
			    .departed = ignore_slot,
			    .joined = ignore_slot,
			    .parked = ignore_slot,
			    .relabelled = ignore_slot,
			    .ctx = world },
	};

	*world = (struct world){ .refusals_rejected = 8,
				 .unplaced = 4,
				 .names_taken = 5,
				 .names_invalid = 6,
				 .names_changing = 7,
				 .reload_failures = 3,
				 .dns = { .failures = 2,
					  .success_unix_seconds = 1700000001,
					  .addresses = 30,
					  .refused = 1 },
				 .reload_success_unix_seconds = 1700000000,
				 .reload_last_ok = 1 };
	assert_int_equal(directory_open(&(struct directory_settings){ .capacity = DISCOVERED },
					&world->directory),
			 0);
	assert_int_equal(peers_open(&peers_settings, &world->peers), 0);
	assert_int_equal(interfaces_open(SLOTS, &world->interfaces), 0);
	world->exposition = (struct exposition){
		.node_name = "node-0",
		.node_zone = "zone-a",
		.version = "1.2.3",
		.revision = "abcdef0",
		.directory = world->directory,
		.peers = world->peers,
		.interfaces = world->interfaces,
		.stats = world->stats,
		.counters = &world->counters,
		.loop_delay = &world->loop_delay,
		.send_errors = world->send_errors,
		.refusals_rejected = &world->refusals_rejected,
		.unplaced = &world->unplaced,
		.names_taken = &world->names_taken,
		.names_invalid = &world->names_invalid,
		.names_changing = &world->names_changing,
		.reload_failures = &world->reload_failures,
		.dns = &world->dns,
		.reload_success_unix_seconds = &world->reload_success_unix_seconds,
		.reload_last_ok = &world->reload_last_ok,
		.in_flight = forty_two,
	};
}

static inline void world_close(struct world *world)
{
	interfaces_close(world->interfaces);
	peers_close(world->peers);
	directory_close(world->directory);
}

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
		struct peer *peer = peer_to_be_changed(world, slot);
		const char *name = peer->name;

		if (peer->state != PEER_RESOLVING)
			continue;
		if (strcmp(name, "node-1") == 0)
			strcpy(peer->zone, "zone-b");
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
		for (uint32_t i = 0; i < STATS_BUCKETS; i++)
			world->stats[slot].buckets[i] = slot + i;
	}
	for (uint32_t i = 0; i < STATS_BUCKETS; i++)
		world->loop_delay.buckets[i] = i % 3;
	world->loop_delay.sum_ns = 5000;
	for (uint32_t i = 0; i < SEND_ERRORS; i++)
		world->send_errors[i] = 30 + i;
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
						.refused_checksum = 28 };
	world->exposition.process =
		(struct process_usage){ .cpu_ns = 1500000000,
					.start_time_unix_ns = 1700000000250000000,
					.resident_bytes = 614400,
					.virtual_bytes = 1048576,
					.open_fds = 14,
					.max_fds = 1024,
					.threads = 1 };
}

static inline void populate(struct world *world)
{
	world_open(world);
	populate_directory(world);
	populate_peers(world);
	populate_interfaces(world);
	populate_numbers(world);
}

#endif
