/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exposition in all formats: a fixed state gives exactly the golden files (GOLDEN_WRITE=1 writes
 * them anew: a difference is a change of the API), however it is cut into blocks; every row fits
 * one; what is counted agrees with itself.
 */
#include "unit/exposition_scrape.h"
#include "unit/exposition_world.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "http.h"
#include "unit/metric_reading.h"
#include "unit/protobuf_text.h"
#include "unit/native_full.h"

_Static_assert(HTTP_BLOCK_BYTES >= EXPOSITION_ROW_CAPACITY, "a block must hold any row");

static const struct {
	const char *golden;
	const struct encoder *encoder;
} formats[ACCEPT_FORMATS] = {
	[ACCEPT_TEXT] = { "tests/golden/metrics.txt", &encoder_text },
	[ACCEPT_OPENMETRICS] = { "tests/golden/metrics.openmetrics", &encoder_openmetrics },
	/* As protoc reads it. */
	[ACCEPT_PROTOBUF] = { "tests/golden/metrics.protobuf.txt", &encoder_protobuf },
};

static void compare_with_golden(const char *path, const char *text)
{
	char *golden = calloc(1, WHOLE_CAPACITY);
	FILE *file;

	if (getenv("GOLDEN_WRITE")) {
		file = fopen(path, "we");
		assert_non_null(file);
		assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
		fclose(file);
	}
	file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(golden, 1, WHOLE_CAPACITY - 1, file) > 0);
	fclose(file);
	/* Not assert_string_equal: nobody reads that much. */
	for (size_t i = 0; text[i] || golden[i]; i++) {
		if (text[i] != golden[i])
			fail_msg("%s, octet %zu: \"%.60s\" in place of \"%.60s\"", path, i,
				 text + i, golden + i);
	}
	free(golden);
}

static void a_fixed_state_gives_the_golden_files(void **state)
{
	struct world world;

	(void)state;
	populate(&world);
	for (unsigned int format = 0; format < ACCEPT_FORMATS; format++) {
		size_t length;
		char *whole = scrape_as(&world.exposition, format, EXPOSITION_ROW_CAPACITY,
					&length);
		char *text = format == ACCEPT_PROTOBUF ? print_messages(whole, length) : NULL;

		compare_with_golden(formats[format].golden, text ? text : whole);
		free(text);
		free(whole);
	}
	world_close(&world);
}

static void content_types_tell_the_format(void **state)
{
	(void)state;
	assert_string_equal(exposition_content_type(ACCEPT_TEXT),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(exposition_content_type(ACCEPT_OPENMETRICS),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
	assert_string_equal(exposition_content_type(ACCEPT_PROTOBUF),
			    "application/vnd.google.protobuf; "
			    "proto=io.prometheus.client.MetricFamily; encoding=delimited");
}

static void blocks_of_any_size_add_up_to_the_same(void **state)
{
	struct world world;

	(void)state;
	populate(&world);
	for (unsigned int format = 0; format < ACCEPT_FORMATS; format++) {
		size_t expected_length;
		char *expected = scrape_as(&world.exposition, format, 1024 * 1024,
					   &expected_length);

		for (size_t more = 0; more < 1500; more++) {
			size_t length;
			char *whole = scrape_as(&world.exposition, format,
						EXPOSITION_ROW_CAPACITY + more, &length);

			assert_int_equal(length, expected_length);
			assert_memory_equal(whole, expected, length);
			free(whole);
		}
		free(expected);
	}
	world_close(&world);
}

/* What names and explains a family is told once in a block, not of each peer. */
static void metrics_of_a_family_share_messages(void **state)
{
	struct world world;
	size_t length, split_length;
	uint32_t messages;
	char *whole;

	(void)state;
	populate(&world);
	whole = scrape_whole(&world.exposition, ACCEPT_PROTOBUF, EXPOSITION_ROW_CAPACITY, &length);
	split_length = length;
	free(protobuf_split(whole, &split_length, &messages));
	assert_in_range(messages, families_count / 2, families_count * 2);
	assert_true(length < split_length);
	world_close(&world);
}

/* What ends an exposition may not fit the block that holds its last row. */
static void the_end_may_need_a_block_of_its_own(void **state)
{
	struct exposition_cursor cursor = { .family = 0 };
	char *block = malloc(EXPOSITION_ROW_CAPACITY);
	struct world world;

	(void)state;
	world_open(&world);
	cursor.family = families_count;
	assert_int_equal(exposition_write(&world.exposition, ACCEPT_OPENMETRICS, &cursor, block,
					  EXPOSITION_ROW_CAPACITY),
			 6);
	assert_memory_equal(block, "# EOF\n", 6);
	assert_true(cursor.finished);
	for (int i = 0; i < 2; i++)
		assert_int_equal(exposition_write(&world.exposition, ACCEPT_OPENMETRICS, &cursor,
						  block, EXPOSITION_ROW_CAPACITY),
				 0);
	free(block);
	world_close(&world);
}

/* Names of the greatest length, each octet of which is escaped; numbers as long as they can be. */
static void fill_with_hostility(struct world *world, char octet)
{
	static char own_name[PEER_NAME_CAPACITY];
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
	memset(name, octet, PEER_ZONE_CAPACITY - 1);
	name[PEER_ZONE_CAPACITY - 1] = '\0';
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		peers_set_zone(world->peers, slot, name);
	for (uint32_t i = 0; i + 1 < ZONES_CAPACITY; i++) {
		struct zone *zone;

		name[0] = (char)(0xc0 + i);
		zone = (struct zone *)(uintptr_t)zones_get(world->zones,
							   zones_find(world->zones, name));
		memset(&zone->counts, 0xff, sizeof(zone->counts));
		memset(zone->buckets, 0x01, sizeof(zone->buckets));
		for (uint32_t bucket = 0; bucket < NATIVE_BUCKETS; bucket += 2)
			zone->native.buckets[bucket] = 0xff00ff00ff00ff;
	}
	memset(world->stats, 0xff, sizeof(world->stats));
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		native_fill(&world->natives[slot], 2);
	memset(&world->loop_delay, 0xff, sizeof(world->loop_delay));
	memset(&world->counters, 0xff, sizeof(world->counters));
	world->real_offset_ns = INT64_MAX;
	world->exposition.family_label = true;
	memset(own_name, octet, sizeof(own_name) - 1);
	world->exposition.node_name = world->exposition.node_zone = own_name;
}

/* The largest header or row of a format, written into room without end. */
static size_t largest_piece(const struct exposition *exposition, const struct encoder *encoder)
{
	char *buffer = malloc(WHOLE_CAPACITY);
	size_t largest = 0;

	for (uint32_t i = 0; i < families_count; i++) {
		const struct family *family = &families[i];
		uint32_t rows = family->rows == FAMILY_ROW_PER_PEER   ? SLOTS
				: family->rows == FAMILY_ROW_PER_ZONE ? ZONES_CAPACITY
								      : family->rows;

		for (uint32_t row = 0; row <= rows; row++) {
			struct text text = text_over(buffer, WHOLE_CAPACITY);
			const struct metric_sink sink = { encoder, &family->metric, &text };

			if (row == 0)
				encoder->begin(&family->metric, &text);
			else
				family->write(family, exposition, row - 1, &sink);
			largest = text.length > largest ? text.length : largest;
		}
	}
	free(buffer);
	return largest;
}

/* Each line is a header or a sample; each message can be read. */
static void check_syntax(enum accept_format format, char *whole, size_t length)
{
	struct wire stream = wire_over(whole, length);
	struct read_family *family = malloc(sizeof(*family));
	char *rest = whole;

	if (format == ACCEPT_PROTOBUF) {
		while (read_family(&stream, family))
			assert_true(family->help[0] != '\0');
		free(family);
		return;
	}
	free(family);
	for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n"))
		assert_true(line[0] == '#' || is_sample(line));
}

static void the_largest_row_fits_a_block(void **state)
{
	static const char octets[] = { '\xff', '"', '\\', '\n', 'x' };
	size_t largest[ACCEPT_FORMATS] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++) {
		struct world world;

		world_open(&world);
		fill_with_hostility(&world, octets[i]);
		for (unsigned int format = 0; format < ACCEPT_FORMATS; format++) {
			size_t piece = largest_piece(&world.exposition, formats[format].encoder);
			size_t length;
			char *whole;

			assert_true(piece <= EXPOSITION_ROW_CAPACITY);
			largest[format] = piece > largest[format] ? piece : largest[format];
			whole = scrape_as(&world.exposition, format, EXPOSITION_ROW_CAPACITY,
					  &length);
			check_syntax(format, whole, length);
			free(whole);
		}
		world_close(&world);
	}
	assert_true(largest[ACCEPT_PROTOBUF] < 8192); /* see protobuf_reopen */
	for (unsigned int format = 0; format < ACCEPT_FORMATS; format++)
		print_message("largest row of format %u: %zu of %d octets\n", format,
			      largest[format], EXPOSITION_ROW_CAPACITY);
}

/* A peer's and a zone's histograms: classic and native, and the same in text. */
static void histograms_agree_with_themselves(void **state)
{
	struct read_family *family = malloc(sizeof(*family));
	struct world world;
	struct wire stream;
	size_t length;
	size_t text_length;
	unsigned int histograms = 0;
	char *whole;
	char *text;

	(void)state;
	populate(&world);
	whole = scrape_as(&world.exposition, ACCEPT_PROTOBUF, EXPOSITION_ROW_CAPACITY, &length);
	text = scrape(&world.exposition, EXPOSITION_ROW_CAPACITY, &text_length);
	stream = wire_over(whole, length);
	while (read_family(&stream, family)) {
		const struct read_histogram *read = &family->histogram;
		uint64_t native_count = read->zero_count;
		char series[4096];

		if (family->type != 4)
			continue;
		histograms++;
		for (unsigned int i = 0; i < READ_INDICES; i++)
			native_count += read->indexed[i];
		assert_true(read->cumulative[read->bucket_count - 1] <= read->count);
		assert_int_equal(read->is_native, strstr(family->name, "rtt") != NULL);
		if (!read->is_native)
			continue;
		assert_true(native_count == read->count);
		assert_true(read->count > 0 || strcmp(family->label_values[0], "") == 0);
		snprintf(series, sizeof(series), "%s_count{%s=\"%s\"} ", family->name,
			 family->label_names[0], family->label_values[0]);
		assert_true(sample_value(text, series) == read->count);
		snprintf(series, sizeof(series), "%s_bucket{%s=\"%s\",le=\"+Inf\"} ", family->name,
			 family->label_names[0], family->label_values[0]);
		assert_true(sample_value(text, series) == read->count);
	}
	assert_int_equal(histograms, 4 + 2 + 1);
	free(family);
	free(text);
	free(whole);
	world_close(&world);
}

/* A peer's series began when it joined, or was renamed; all others with the process. */
static void starts_are_told(void **state)
{
	struct read_family *family = malloc(sizeof(*family));
	unsigned int of_peers = 0;
	unsigned int of_others = 0;
	struct world world;
	struct wire stream;
	size_t length;
	char *whole;

	(void)state;
	populate(&world);
	whole = scrape_as(&world.exposition, ACCEPT_PROTOBUF, EXPOSITION_ROW_CAPACITY, &length);
	stream = wire_over(whole, length);
	while (read_family(&stream, family)) {
		bool of_peer = family->label_count > 0 &&
			       strcmp(family->label_names[0], "peer") == 0;

		assert_int_equal(family->has_start, family->type != 1);
		if (!family->has_start)
			continue;
		if (of_peer && strcmp(family->label_values[0], "node-3") == 0) {
			assert_true(family->start_seconds == 1700000002);
			of_peers++;
		}
		if (!of_peer) {
			assert_true(family->start_seconds == 1700000000);
			of_others++;
		}
		assert_true(family->start_nanos == 250000000);
	}
	assert_int_equal(of_peers, 13);
	assert_true(of_others > 13 * 2 + 20);
	free(family);
	free(whole);
	world_close(&world);
}

/* The clock is not known yet, or says that the series began before 1970. */
static void a_start_that_is_not_known_is_not_told(void **state)
{
	struct read_family *family = malloc(sizeof(*family));
	struct world world;
	struct wire stream;
	size_t length;
	char *whole;

	(void)state;
	populate(&world);
	world.real_offset_ns = -3600 * NS_PER_SECOND;
	world.exposition.process.start_time_unix_ns = 0;
	whole = scrape_as(&world.exposition, ACCEPT_PROTOBUF, EXPOSITION_ROW_CAPACITY, &length);
	stream = wire_over(whole, length);
	while (read_family(&stream, family))
		assert_false(family->has_start);
	free(family);
	free(whole);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fixed_state_gives_the_golden_files),
		cmocka_unit_test(content_types_tell_the_format),
		cmocka_unit_test(blocks_of_any_size_add_up_to_the_same),
		cmocka_unit_test(metrics_of_a_family_share_messages),
		cmocka_unit_test(the_end_may_need_a_block_of_its_own),
		cmocka_unit_test(the_largest_row_fits_a_block),
		cmocka_unit_test(histograms_agree_with_themselves),
		cmocka_unit_test(starts_are_told),
		cmocka_unit_test(a_start_that_is_not_known_is_not_told),
	};

	return cmocka_run_group_tests_name("exposition_formats", tests, NULL, NULL);
}
