/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exposition of peers: who has rows and who is only counted, under which labels, and that hostile
 * names stay inside of them.
 */
#include "unit/exposition_scrape.h"
#include "unit/exposition_world.h"

#include <stdio.h>

#include "families.h"

static void only_live_peers_are_exported(void **state)
{
	struct world world;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	assert_non_null(strstr(text, "peer=\"node-1\""));
	assert_non_null(strstr(text, "peer=\"2001:db8::2\""));
	assert_non_null(strstr(text, "peer=\"node-3\"")); /* resolving */
	assert_non_null(strstr(text, "peer=\"left\""));	  /* lingering */
	assert_null(strstr(text, "peer=\"node-0\""));	  /* own */
	assert_null(strstr(text, "gone"));		  /* departed */
	assert_null(strstr(text, "\"asks\""));		  /* known */
	assert_null(strstr(text, "2001:db8::1\""));	  /* twin */
	assert_null(strstr(text, "family=\""));
	free(text);
	world_close(&world);
}

static void peers_are_counted_by_state(void **state)
{
	static const struct {
		const char *series;
		unsigned long long expected;
	} counts[] = {
		{ "peers{state=\"discovered\"} ", 6 },
		{ "peers{state=\"probed\"} ", 3 }, /* the lingering one among them */
		{ "peers{state=\"known\"} ", 1 },
		{ "peers{state=\"lingering\"} ", 1 },
		{ "peers{state=\"unnamed\"} ", 1 },
		{ "peers{state=\"twin\"} ", 1 },
		{ "peers{state=\"unlisted\"} ", 0 },
		{ "peers_surplus{limit=\"peers.max\"} ", 1 },
		{ "peers_surplus{limit=\"probe.max\"} ", 0 },
		{ "peer_info{peer=\"node-3\",address=\"10.0.0.3\",peer_zone=\"\","
		  "probe=\"stamp\",state=\"resolving\"} ",
		  1 },
		{ "peer_info{peer=\"left\",address=\"10.0.0.6\",peer_zone=\"\","
		  "probe=\"stamp\",state=\"lingering\"} ",
		  1 },
	};
	struct world world;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (size_t i = 0; i < LENGTH(counts); i++)
		assert_int_equal(sample_value(text, counts[i].series), counts[i].expected);
	free(text);
	world_close(&world);
}

static void peers_without_a_slot_are_told(void **state)
{
	char address[ADDRESS_TEXT_CAPACITY];
	struct peer_candidate offered;
	struct world world;
	size_t length;
	char *text;

	(void)state;
	world_open(&world);
	peers_begin(world.peers);
	for (uint32_t i = 0; i < SLOTS + 3; i++) {
		snprintf(address, sizeof(address), "10.0.0.%u", i + 1);
		offered = candidate(address, "");
		assert_int_equal(peers_offer(world.peers, &offered), i < SLOTS ? 0 : -ENOSPC);
	}
	peers_commit(world.peers, (struct local_time){ 0 });
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	assert_int_equal(sample_value(text, "peers_surplus{limit=\"probe.max\"} "), 3);
	/* Never below zero, whatever the directory says. */
	assert_int_equal(sample_value(text, "peers{state=\"known\"} "), 0);
	free(text);
	world_close(&world);
}

/* One peer's two addresses, both probed: the label keeps their series apart, all of them. */
static void families_are_told_apart_where_both_are_probed(void **state)
{
	struct world world;
	size_t length;
	char *text;
	int series[2] = { 0, 0 };

	(void)state;
	world_open(&world);
	world.exposition.family_label = true;
	peers_set_family(world.peers, PEER_FAMILY_BOTH);
	peers_begin(world.peers);
	offer(world.peers, "10.0.0.1", "node-1");
	offer(world.peers, "2001:db8::1", "node-1");
	peers_commit(world.peers, (struct local_time){ 0 });
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (char *at = text; (at = strstr(at, "{peer=\"")); at++) {
		bool ipv4 = strncmp(at, "{peer=\"node-1\",family=\"ipv4\"", 28) == 0;

		assert_true(ipv4 || strncmp(at, "{peer=\"node-1\",family=\"ipv6\"", 28) == 0);
		series[ipv4]++;
	}
	/* A histogram and each of the other families. */
	assert_true(series[0] > STATS_BUCKETS + 2 + 10);
	assert_int_equal(series[0], series[1]);
	assert_int_equal(sample_value(text, "peer_info{peer=\"node-1\",family=\"ipv6\","
					    "address=\"2001:db8::1\",peer_zone=\"\","
					    "probe=\"stamp\",state=\"resolving\"} "),
			 1);
	free(text);
	world_close(&world);
}

/* Three evaluations in which it lost everything. */
static void list_slot(struct world *world, uint32_t slot)
{
	for (int i = 0; i < RANKING_ENTER; i++) {
		struct local_time now = { .ns = (i + 1) * RANKING_EVERY_NS };

		ranking_begin(world->ranking, now);
		ranking_offer(world->ranking, slot, UINT16_MAX, 1024);
		ranking_end(world->ranking);
	}
}

/* All others are counted only, by state and in their zones. */
static void only_listed_peers_have_series(void **state)
{
	static const struct {
		uint32_t listed;
		unsigned long long unlisted;
		bool node_1;
		bool others;
	} cases[] = {
		{ RANKING_ALL, 0, true, true },
		{ 1, 3, true, false },
		{ 0, 4, false, false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct world world;
		size_t length;
		char *text;

		populate_listing(&world, cases[i].listed);
		if (cases[i].listed == 1)
			list_slot(&world, 0);
		text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
		assert_int_equal(sample_value(text, "peers{state=\"unlisted\"} "),
				 cases[i].unlisted);
		assert_int_equal(sample_value(text, "peers{state=\"probed\"} "), 3);
		assert_int_equal(strstr(text, "{peer=\"node-1\"") != NULL, cases[i].node_1);
		assert_int_equal(strstr(text, "peer_info{peer=\"node-1\"") != NULL,
				 cases[i].node_1);
		assert_int_equal(strstr(text, "{peer=\"node-3\"") != NULL, cases[i].others);
		assert_int_equal(strstr(text, "{peer=\"left\"") != NULL, cases[i].others);
		assert_true(sample_value(text, "zone_probes_sent_total{peer_zone=\"zone-b\"} ") ==
			    5000000001);
		free(text);
		world_close(&world);
	}
}

/* Each family of a peer's counts has one of its zone's, which the same field fills. */
static void zones_have_what_peers_have(void **state)
{
	unsigned int found = 0;
	struct world world;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	for (uint32_t i = 0; i < families_count; i++) {
		const struct metric_family *family = &families[i].metric;
		const struct family *zone = NULL;
		char name[128];

		if (families[i].rows != FAMILY_ROW_PER_PEER || family->type == METRIC_GAUGE)
			continue;
		found++;
		snprintf(name, sizeof(name), "kube_canary_zone_%s",
			 family->name + strlen("kube_canary_"));
		for (uint32_t j = 0; j < families_count; j++) {
			if (strcmp(families[j].metric.name, name) == 0)
				zone = &families[j];
		}
		assert_non_null(zone);
		assert_int_equal(zone->rows, FAMILY_ROW_PER_ZONE);
		assert_int_equal(zone->offset, families[i].offset);
		assert_int_equal(zone->metric.type, family->type);
		assert_int_equal(zone->metric.unit, family->unit);
	}
	assert_int_equal(found, 13);
	/* 0 + 1 + … + 25 times the base. */
	assert_true(sample_value(text, "zone_rtt_seconds_count{peer_zone=\"\"} ") == 325 * 2000);
	assert_true(sample_value(text, "zone_rtt_seconds_count{peer_zone=\"zone-b\"} ") ==
		    325 * 5000000000);
	free(text);
	world_close(&world);
}

/* What finds no place among zones is told, wherever it happened. */
static void zones_without_a_place_are_told(void **state)
{
	struct world world;
	size_t length;
	char *text;

	(void)state;
	populate(&world);
	for (unsigned int i = 0; i < ZONES_CAPACITY; i++) {
		char name[PEER_ZONE_CAPACITY];

		snprintf(name, sizeof(name), "another-%u", i);
		zones_find(world.zones, name);
	}
	zones_drop(world.zones);
	zones_drop(world.zones);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	assert_int_equal(sample_value(text, "capacity_exceeded_total{what=\"zones\"} "), 37 + 2);
	free(text);
	world_close(&world);
}

/* Whoever wrote it. */
static void a_learnt_text_stays_inside_its_label(void **state)
{
	static const struct {
		const char *text;
		const char *escaped;
	} cases[] = {
		{ "\"", "\\\"" },
		{ "\\", "\\\\" },
		{ "\n", "\\n" },
		{ "a\"} 1\nforged 2\n#", "a\\\"} 1\\nforged 2\\n#" },
		{ "\",probe=\"\\\"", "\\\",probe=\\\"\\\\\\\"" },
		{ "\xff\n", "\xef\xbf\xbd\\n" },
		{ "{}= ,", "{}= ," },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char expected[512];
		struct world world;
		size_t length;
		char *text;

		populate(&world);
		peers_set_name(world.peers, 0, cases[i].text);
		peers_set_zone(world.peers, 0, cases[i].text);
		text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
		snprintf(expected, sizeof(expected),
			 "\nkube_canary_peer_info{peer=\"%s\",address=\"10.0.0.1\","
			 "peer_zone=\"%s\",probe=\"stamp\",state=\"probed\"} 1\n",
			 cases[i].escaped, cases[i].escaped);
		assert_non_null(strstr(text, expected));
		snprintf(expected, sizeof(expected),
			 "\nkube_canary_probes_lost_forward_total{peer=\"%s\"} 110\n",
			 cases[i].escaped);
		assert_non_null(strstr(text, expected));
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(line[0] == '#' || is_sample(line));
		free(text);
		world_close(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_live_peers_are_exported),
		cmocka_unit_test(peers_are_counted_by_state),
		cmocka_unit_test(peers_without_a_slot_are_told),
		cmocka_unit_test(families_are_told_apart_where_both_are_probed),
		cmocka_unit_test(only_listed_peers_have_series),
		cmocka_unit_test(zones_have_what_peers_have),
		cmocka_unit_test(zones_without_a_place_are_told),
		cmocka_unit_test(a_learnt_text_stays_inside_its_label),
	};

	return cmocka_run_group_tests_name("exposition_peers", tests, NULL, NULL);
}
