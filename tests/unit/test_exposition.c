/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exposition: the table of families, and the walk over it while the world changes. In the text
 * format, unless it matters; the formats: test_exposition_formats.c; which peers have rows:
 * test_exposition_peers.c.
 */
#include "unit/exposition_scrape.h"
#include "unit/exposition_world.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"

static bool ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name);

	return length > strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0;
}

/* What every format relies on. */
static void families_are_well_formed(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < families_count; i++) {
		const struct metric_family *family = &families[i].metric;
		const char *unit = metric_unit_name(family);
		char stem[128];

		assert_int_equal(strspn(family->name, "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(family->name));
		assert_int_equal(ends_in(family->name, "_total"), family->type == METRIC_COUNTER);
		assert_true(ends_in(family->help, "."));
		assert_null(strpbrk(family->help, "\"\\\n"));
		assert_int_equal(unit != NULL, family->unit != METRIC_NO_UNIT);
		snprintf(stem, sizeof(stem), "%.*s", (int)metric_stem_length(family), family->name);
		assert_int_equal(ends_in(stem, "_seconds"),
				 family->unit == METRIC_SECONDS ||
					 family->unit == METRIC_WHOLE_SECONDS);
		assert_int_equal(ends_in(stem, "_bytes"), family->unit == METRIC_BYTES);
		if (family->type == METRIC_HISTOGRAM)
			assert_int_equal(family->unit, METRIC_SECONDS);
		/* In OpenMetrics a counter has its stem as its name. */
		for (uint32_t j = 0; j < i; j++) {
			size_t length = metric_stem_length(&families[j].metric);

			assert_true(length != strlen(stem) ||
				    memcmp(stem, families[j].metric.name, length) != 0);
		}
	}
}

static void a_histogram_agrees_with_itself(void **state)
{
	struct world world;
	unsigned long long last = 0;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (const char *at = text; (at = strstr(at, "rtt_seconds_bucket{peer=\"node-1\",le=\""));
	     at++) {
		unsigned long long value = strtoull(strstr(at, "\"} ") + 3, NULL, 10);

		assert_true(value >= last);
		last = value;
	}
	assert_true(last == 25 * 26 / 2); /* 0 + 1 + … + 25 */
	assert_true(sample_value(text, "rtt_seconds_bucket{peer=\"node-1\",le=\"+Inf\"} ") == last);
	assert_true(sample_value(text, "rtt_seconds_count{peer=\"node-1\"} ") == last);
	free(text);
	world_close(&world);
}

static void offer_peers_with_long_names(struct world *world)
{
	char name[PEER_NAME_CAPACITY] = { 0 };

	memset(name, '\xff', sizeof(name) - 1);
	peers_begin(world->peers);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		char address[ADDRESS_TEXT_CAPACITY];

		name[0] = (char)('a' + slot);
		snprintf(address, sizeof(address), "10.0.0.%u", slot + 1);
		offer(world->peers, address, name);
	}
	peers_commit(world->peers, (struct local_time){ 0 });
}

/* A peer that leaves in the middle of a scrape takes its rows along, and the scrape ends all the
 * same. */
static void peers_may_leave_during_a_scrape(void **state)
{
	char *block = malloc(EXPOSITION_ROW_CAPACITY);

	(void)state;
	for (unsigned int format = 0; format < ACCEPT_FORMATS; format++) {
		struct exposition_cursor cursor = { 0 };
		struct world world;
		size_t written;
		int blocks = 0;

		world_open(&world);
		offer_peers_with_long_names(&world);
		do {
			written = exposition_write(&world.exposition, format, &cursor, block,
						   EXPOSITION_ROW_CAPACITY);
			if (++blocks == 2) {
				peers_begin(world.peers);
				peers_commit(world.peers, (struct local_time){ 0 });
			}
		} while (written > 0);
		assert_true(cursor.finished);
		assert_true(blocks >= 3 && blocks < 8);
		assert_int_equal(exposition_write(&world.exposition, format, &cursor, block,
						  EXPOSITION_ROW_CAPACITY),
				 0);
		world_close(&world);
	}
	free(block);
}

/* A zone that turns up in the middle of a scrape is in the rest of it. */
static void zones_may_come_during_a_scrape(void **state)
{
	struct exposition_cursor cursor = { 0 };
	char *block = malloc(EXPOSITION_ROW_CAPACITY);
	struct world world;
	bool seen = false;
	size_t written;

	(void)state;
	world_open(&world);
	offer_peers_with_long_names(&world);
	do {
		written = exposition_write(&world.exposition, ACCEPT_TEXT, &cursor, block,
					   EXPOSITION_ROW_CAPACITY);
		for (size_t i = 0; i + 10 < written; i++)
			seen = seen || memcmp(block + i, "\"zone-new\"", 10) == 0;
		zones_find(world.zones, "zone-new");
	} while (written > 0);
	assert_true(cursor.finished && seen);
	free(block);
	world_close(&world);
}

static void an_empty_world_is_still_a_scrape(void **state)
{
	struct world world;
	size_t length;
	char *text;

	(void)state;
	world_open(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (uint32_t i = 0; i < families_count; i++) {
		char header[128];

		snprintf(header, sizeof(header), "# TYPE %s ", families[i].metric.name);
		assert_non_null(strstr(text, header));
	}
	assert_null(strstr(text, "peer=\""));
	assert_null(strstr(text, "interface=\""));
	assert_int_equal(sample_value(text, "zone_probes_sent_total{peer_zone=\"\"} "), 0);
	free(text);
	world_close(&world);
}

static void our_own_health_is_told(void **state)
{
	static const struct {
		const char *series;
		unsigned long long expected;
	} values[] = {
		{ "\nkube_canary_scrapes_total ", 50 },
		{ "\nkube_canary_scrape_bytes_total ", 51000 },
		{ "\nkube_canary_scrapes_refused_total ", 53 },
		{ "\nkube_canary_ring_bytes ", 65536 },
		{ "\nkube_canary_ring_filled_bytes ", 960 },
		{ "\nkube_canary_map_entries{map=\"kc_addresses\"} ", 6 + 1 }, /* one lingers */
		{ "\nkube_canary_map_entries{map=\"kc_peers\"} ", 7 },	       /* one departed */
		{ "\nkube_canary_map_max_entries{map=\"kc_addresses\"} ", 4096 },
		{ "\nkube_canary_map_max_entries{map=\"kc_peers\"} ", SLOTS },
		{ "\nkube_canary_map_max_entries{map=\"kc_sessions\"} ", 512 },
		{ "\nkube_canary_clock_synchronised ", 1 },
	};
	struct world world;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (size_t i = 0; i < LENGTH(values); i++)
		assert_int_equal(sample_value(text, values[i].series), values[i].expected);
	assert_non_null(strstr(text, "\nkube_canary_scrape_duration_seconds 0.001055\n"));
	assert_null(strstr(text, "kube_canary_map_entries{map=\"kc_sessions\"}"));
	free(text);
	world.clock_synchronised = 0;
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	assert_int_equal(sample_value(text, "\nkube_canary_clock_synchronised "), 0);
	free(text);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_well_formed),
		cmocka_unit_test(a_histogram_agrees_with_itself),
		cmocka_unit_test(peers_may_leave_during_a_scrape),
		cmocka_unit_test(zones_may_come_during_a_scrape),
		cmocka_unit_test(an_empty_world_is_still_a_scrape),
		cmocka_unit_test(our_own_health_is_told),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
