/* SPDX-License-Identifier: Apache-2.0 */
/* All that an exposition refers to, empty, and what fills it. */
#ifndef EXPOSITION_TABLES_H
#define EXPOSITION_TABLES_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "exposition.h"
#include "peers_state.h"

#define SLOTS	   8
#define DISCOVERED 6

/* All that an exposition refers to. */
struct world {
	struct directory *directory;
	struct peers *peers;
	struct interfaces *interfaces;
	struct zones *zones;
	struct ranking *ranking;
	struct peer_stats stats[SLOTS];
	struct native_histogram natives[SLOTS];
	struct recent recents[SLOTS];
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
	struct scrape_totals scrapes;
	uint32_t ring_filled_bytes;
	struct kernel_shape shape;
	int64_t real_offset_ns;
	uint8_t clock_synchronised;
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

static inline void world_open_tables(struct world *world, uint32_t listed)
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

	assert_int_equal(directory_open(&(struct directory_settings){ .capacity = DISCOVERED },
					&world->directory),
			 0);
	assert_int_equal(peers_open(&peers_settings, &world->peers), 0);
	assert_int_equal(interfaces_open(SLOTS, &world->interfaces), 0);
	assert_int_equal(zones_open(&world->zones), 0);
	assert_int_equal(ranking_open(SLOTS, listed, &world->ranking), 0);
}

static inline void world_refer(struct world *world)
{
	world->exposition = (struct exposition){
		.node_name = "node-0",
		.node_zone = "zone-a",
		.version = "1.2.3",
		.revision = "abcdef0",
		.timestamps = "bpf",
		.directory = world->directory,
		.peers = world->peers,
		.interfaces = world->interfaces,
		.stats = world->stats,
		.natives = world->natives,
		.recents = world->recents,
		.zones = world->zones,
		.ranking = world->ranking,
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
		.scrapes = &world->scrapes,
		.ring_bytes = 65536,
		.ring_filled_bytes = &world->ring_filled_bytes,
		.shape = &world->shape,
		.real_offset_ns = &world->real_offset_ns,
		.clock_synchronised = &world->clock_synchronised,
	};
}

/* listed: as ranking_open has it. */
static inline void world_open_listing(struct world *world, uint32_t listed)
{
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
				 .reload_last_ok = 1,
				 .scrapes = { .count = 50,
					      .bytes = 51000,
					      .busy_ns = 52000000,
					      .refused = 53,
					      .last_bytes = 1054,
					      .last_busy_ns = 1055000 },
				 .ring_filled_bytes = 960,
				 .shape = { .slots = SLOTS,
					    .flows = 4,
					    .window = 4,
					    .echo_window = 16,
					    .address_capacity = 4096,
					    .session_capacity = 512,
					    .ring_bytes = 65536 },
				 .real_offset_ns = 1700000000 * NS_PER_SECOND,
				 .clock_synchronised = 1 };
	world_open_tables(world, listed);
	world_refer(world);
}

static inline void world_open(struct world *world)
{
	world_open_listing(world, RANKING_ALL);
}

static inline void world_close(struct world *world)
{
	ranking_close(world->ranking);
	zones_close(world->zones);
	interfaces_close(world->interfaces);
	peers_close(world->peers);
	directory_close(world->directory);
}

#endif
