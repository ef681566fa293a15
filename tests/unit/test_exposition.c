/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exposition: a fixed state gives exactly tests/golden/metrics.txt (GOLDEN_WRITE=1 writes it anew:
 * a difference is a change of the API), however it is cut into blocks, and hostile names stay
 * inside labels.
 */
#include "unit/exposition_world.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "http.h"

#define GOLDEN	       "tests/golden/metrics.txt"
#define LENGTH(array)  (sizeof(array) / sizeof((array)[0]))
#define WHOLE_CAPACITY (4 * 1024 * 1024)

_Static_assert(HTTP_BLOCK_BYTES >= EXPOSITION_ROW_CAPACITY, "a block must hold any row");

/* The whole text, cut into blocks of that size; each block is an allocation of its own. */
static char *scrape(const struct exposition *exposition, size_t block_capacity, size_t *ret_length)
{
	struct exposition_cursor cursor = { 0 };
	char *whole = malloc(WHOLE_CAPACITY);
	size_t length = 0;
	size_t written;

	do {
		char *block = malloc(block_capacity);

		written = exposition_write(exposition, &cursor, block, block_capacity);
		assert_true(written <= block_capacity && length + written < WHOLE_CAPACITY);
		assert_true(written == 0 || block[written - 1] == '\n');
		memcpy(whole + length, block, written);
		length += written;
		free(block);
	} while (written > 0);
	assert_true(cursor.finished);
	whole[length] = '\0';
	*ret_length = length;
	return whole;
}

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
	peers_begin(world->peers, PEER_SOURCE_STATIC);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		char address[ADDRESS_TEXT_CAPACITY];

		name[0] = (char)(0xf8 + slot); /* no UTF-8 either */
		snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:%x",
			 slot + 0x1111);
		offer(world->peers, address, name, 0);
	}
	peers_commit(world->peers, (struct local_time){ 0 }, ignore_slot, ignore_slot, ignore_slot,
		     NULL);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		memset(peer_to_be_changed(world, slot)->zone, octet, PEER_ZONE_CAPACITY - 1);
	memset(world->stats, 0xff, sizeof(world->stats));
	memset(&world->loop_delay, 0xff, sizeof(world->loop_delay));
}

/* name[{label="value",...}] number, with nothing left over. */
static bool is_sample(const char *at)
{
	const char word[] = "abcdefghijklmnopqrstuvwxyz_";

	at += strspn(at, word);
	if (*at == '{') {
		do {
			at++;
			at += strspn(at, word);
			if (*at++ != '=' || *at++ != '"')
				return false;
			for (; *at && *at != '"'; at++) {
				if (*at == '\\' && !strchr("\\\"n", *++at))
					return false;
			}
			if (*at++ != '"')
				return false;
		} while (*at == ',');
		if (*at++ != '}')
			return false;
	}
	return at[0] == ' ' && strspn(at + 1, "0123456789.") > 0 &&
	       at[1 + strspn(at + 1, "0123456789.")] == '\0';
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

static unsigned long long sample_value(const char *text, const char *series)
{
	const char *at = strstr(text, series);

	assert_non_null(at);
	return strtoull(at + strlen(series), NULL, 10);
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
	assert_null(strstr(text, "peer=\"node-0\""));	  /* own */
	assert_null(strstr(text, "gone"));		  /* departed */
	assert_null(strstr(text, "peer=\"asks\""));	  /* known */
	assert_true(sample_value(text, "kube_canary_peers{state=\"discovered\"} ") == 5);
	assert_true(sample_value(text, "kube_canary_peers{state=\"probed\"} ") == 2);
	assert_true(sample_value(text, "kube_canary_peers{state=\"known\"} ") == 1);
	assert_true(sample_value(text, "kube_canary_peers{state=\"unnamed\"} ") == 1);
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
		strcpy(peer_to_be_changed(&world, 0)->name, cases[i].text);
		strcpy(peer_to_be_changed(&world, 0)->zone, cases[i].text);
		text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &length);
		snprintf(expected, sizeof(expected),
			 "\nkube_canary_peer_info{peer=\"%s\",address=\"10.0.0.1\","
			 "peer_zone=\"%s\",probe=\"stamp\"} 1\n",
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
			peers_begin(world.peers, PEER_SOURCE_STATIC);
			peers_commit(world.peers, (struct local_time){ 0 }, ignore_slot,
				     ignore_slot, ignore_slot, NULL);
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
		cmocka_unit_test(only_live_peers_are_exported),
		cmocka_unit_test(a_learnt_text_stays_inside_its_label),
		cmocka_unit_test(peers_may_leave_during_a_scrape),
		cmocka_unit_test(an_empty_world_is_still_a_scrape),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
