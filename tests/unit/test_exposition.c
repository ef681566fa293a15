/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exposition: a fixed state gives exactly tests/golden/metrics.txt (GOLDEN_WRITE=1 writes it anew:
 * a difference is a change of the API), however it is cut into blocks. Which peers have rows:
 * test_exposition_peers.c.
 */
#include "unit/exposition_scrape.h"
#include "unit/exposition_world.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "http.h"

_Static_assert(HTTP_BLOCK_BYTES >= EXPOSITION_ROW_CAPACITY, "a block must hold any row");

static void a_fixed_state_gives_the_golden_text(void **state)
{
	char *golden = calloc(1, WHOLE_CAPACITY);
	struct world world;
	char *text;
	size_t length;
	FILE *file;

	(void)state;
	populate(&world);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
	if (getenv("GOLDEN_WRITE")) {
		file = fopen(GOLDEN, "we");
		assert_non_null(file);
		assert_int_equal(fwrite(text, 1, length, file), length);
		fclose(file);
	}
	file = fopen(GOLDEN, "re");
	assert_non_null(file);
	assert_true(fread(golden, 1, WHOLE_CAPACITY - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, golden);
	free(text);
	free(golden);
	world_close(&world);
}

static void blocks_of_any_size_add_up_to_the_same(void **state)
{
	struct world world;
	char *expected;
	size_t expected_length;

	(void)state;
	populate(&world);
	expected = scrape(&world.exposition, 1024 * 1024, &expected_length);
	for (size_t capacity = EXPOSITION_ROW_CAPACITY; capacity < EXPOSITION_ROW_CAPACITY + 2000;
	     capacity++) {
		size_t length;
		char *text = scrape(&world.exposition, capacity, &length);

		assert_int_equal(length, expected_length);
		assert_memory_equal(text, expected, length);
		free(text);
	}
	free(expected);
	world_close(&world);
}

/* Names of the greatest length, each octet of which is escaped; numbers as long as they can be. */
static void fill_with_hostile_peers(struct world *world, char octet)
{
	char name[PEER_NAME_CAPACITY] = { 0 };

	memset(name, octet, sizeof(name) - 1);
	peers_begin(world->peers);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		char address[ADDRESS_TEXT_CAPACITY];

		name[0] = (char)(0xf8 + slot); /* no UTF-8 either */
		snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:%x",
			 slot + 0x1111);
		offer(world->peers, address, name);
	}
	peers_commit(world->peers, (struct local_time){ 0 });
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		memset(peer_to_be_changed(world, slot)->zone, octet, PEER_ZONE_CAPACITY - 1);
	memset(world->stats, 0xff, sizeof(world->stats));
	memset(&world->loop_delay, 0xff, sizeof(world->loop_delay));
}

static void the_largest_row_fits_a_block(void **state)
{
	static const char octets[] = { '\xff', '"', '\\', '\n', 'x' };
	size_t largest = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++) {
		struct world world;
		size_t length;
		char *text;
		char *start;
		char *end;

		world_open(&world);
		world.exposition.family_label = true;
		fill_with_hostile_peers(&world, octets[i]);
		text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
		/* A histogram, from the end of its header to that of its count. */
		start = strstr(text, "histogram\n") + strlen("histogram\n");
		end = strchr(strstr(start, "_count"), '\n') + 1;
		assert_true((size_t)(end - start) <= EXPOSITION_ROW_CAPACITY);
		largest = (size_t)(end - start) > largest ? (size_t)(end - start) : largest;
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(line[0] == '#' || is_sample(line));
		free(text);
		world_close(&world);
	}
	print_message("largest row: %zu of %d octets\n", largest, EXPOSITION_ROW_CAPACITY);
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

/* A peer that leaves in the middle of a scrape takes its rows along, and the scrape ends all the
 * same. */
static void peers_may_leave_during_a_scrape(void **state)
{
	struct exposition_cursor cursor = { 0 };
	char *block = malloc(EXPOSITION_ROW_CAPACITY);
	struct world world;
	size_t written;
	int blocks = 0;

	(void)state;
	world_open(&world);
	fill_with_hostile_peers(&world, '\xff');
	do {
		written = exposition_write(&world.exposition, &cursor, block,
					   EXPOSITION_ROW_CAPACITY);
		if (++blocks == 2) {
			peers_begin(world.peers);
			peers_commit(world.peers, (struct local_time){ 0 });
		}
	} while (written > 0);
	assert_true(cursor.finished);
	assert_true(blocks >= 3 && blocks < 6);
	assert_int_equal(
		exposition_write(&world.exposition, &cursor, block, EXPOSITION_ROW_CAPACITY), 0);
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

		snprintf(header, sizeof(header), "# TYPE %s ", families[i].name);
		assert_non_null(strstr(text, header));
	}
	assert_null(strstr(text, "peer=\""));
	assert_null(strstr(text, "interface=\""));
	free(text);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fixed_state_gives_the_golden_text),
		cmocka_unit_test(blocks_of_any_size_add_up_to_the_same),
		cmocka_unit_test(the_largest_row_fits_a_block),
		cmocka_unit_test(a_histogram_agrees_with_itself),
		cmocka_unit_test(peers_may_leave_during_a_scrape),
		cmocka_unit_test(an_empty_world_is_still_a_scrape),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
