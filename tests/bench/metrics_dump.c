/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exposition of a fixed state, for tools that check or measure it: the world of the golden
 * files, or one of so many peers in 20 zones, each with the RTTs of an hour. On standard output;
 * what producing it took, on standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit/exposition_world.h"

enum { RTTS = 3600, RTT_SPREAD_NS = 40000, DUMP_ZONES = 20, MAX_PEERS = 16384 };

static const char *const names[ACCEPT_FORMATS] = {
	[ACCEPT_TEXT] = "text",
	[ACCEPT_OPENMETRICS] = "openmetrics",
	[ACCEPT_PROTOBUF] = "protobuf",
};

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* About 100 us with a tail: a sum of three, and one in 200 ten times as long. */
static int64_t draw_rtt_ns(uint64_t *random)
{
	int64_t rtt_ns = 60000;

	for (int i = 0; i < 3; i++)
		rtt_ns += (int64_t)(next_random(random) % RTT_SPREAD_NS);
	return next_random(random) % 200 == 0 ? rtt_ns * 10 : rtt_ns;
}

static void add_rtts(struct peer_stats *stats, struct native_histogram *native, uint64_t *random)
{
	for (int i = 0; i < RTTS; i++) {
		int64_t rtt_ns = draw_rtt_ns(random);

		stats->buckets[stats_bucket(rtt_ns)]++;
		stats->rtt_sum_ns += (uint64_t)rtt_ns;
		native_add(native, rtt_ns);
	}
	stats->sent = stats->returned = RTTS;
	stats->variation_sum_ns = stats->rtt_sum_ns / 7;
}

/* In place of those of the golden world. */
static void populate_many(struct world *world, uint32_t count)
{
	const struct peers_settings settings = { .capacity = count, .protocol = PROBE_STAMP };
	struct peer_stats *stats = calloc(count, sizeof(*stats));
	struct native_histogram *natives = calloc(count, sizeof(*natives));
	struct recent *recents = calloc(count, sizeof(*recents));
	uint64_t random = 88172645463325252;

	assert_true(stats && natives && recents);
	peers_close(world->peers);
	assert_int_equal(peers_open(&settings, &world->peers), 0);
	peers_begin(world->peers);
	for (uint32_t i = 0; i < count; i++) {
		char address[ADDRESS_TEXT_CAPACITY];
		char name[PEER_NAME_CAPACITY];
		char zone[PEER_ZONE_CAPACITY];

		snprintf(address, sizeof(address), "10.%u.%u.%u", 1 + i / 62500, i / 250 % 250,
			 1 + i % 250);
		snprintf(name, sizeof(name), "worker-%u.example.internal", i);
		snprintf(zone, sizeof(zone), "zone-%u", i % DUMP_ZONES);
		offer(world->peers, address, name);
		zones_find(world->zones, zone);
		add_rtts(&stats[i], &natives[i], &random);
	}
	peers_commit(world->peers, (struct local_time){ 0 });
	for (uint32_t i = 0; i < count; i++) {
		char zone[PEER_ZONE_CAPACITY];

		peers_set_state(world->peers, i, PEER_PROBED);
		snprintf(zone, sizeof(zone), "zone-%u", i % DUMP_ZONES);
		peers_set_zone(world->peers, i, zone);
	}
	world->exposition.peers = world->peers;
	world->exposition.stats = stats;
	world->exposition.natives = natives;
	world->exposition.recents = recents;
}

static double processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void dump(const struct exposition *exposition, enum accept_format format)
{
	static char block[EXPOSITION_ROW_CAPACITY];
	struct exposition_cursor cursor = { 0 };
	double busy = 0;
	size_t octets = 0;
	size_t written;

	do {
		double start = processor_seconds();

		written = exposition_write(exposition, format, &cursor, block, sizeof(block));
		busy += processor_seconds() - start;
		fwrite(block, 1, written, stdout);
		octets += written;
	} while (written > 0);
	fprintf(stderr, "%zu octets in %.1f ms\n", octets, busy * 1000);
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned int format = 0;
	struct world world;

	while (format < ACCEPT_FORMATS && (argc < 2 || strcmp(argv[1], names[format]) != 0))
		format++;
	if (format == ACCEPT_FORMATS || count > MAX_PEERS) {
		fprintf(stderr, "usage: metrics_dump text|openmetrics|protobuf [PEERS]\n");
		return 2;
	}
	populate(&world);
	if (count > 0)
		populate_many(&world, (uint32_t)count);
	dump(&world.exposition, (enum accept_format)format);
	return 0;
}
