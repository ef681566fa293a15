/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf encoder, by a decoder that shares nothing with it: the same counts come out, of
 * classic buckets and of the native histogram, whatever they are and however they are spread.
 */
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric.h"
#include "unit/metric_reading.h"
#include "unit/protobuf_split.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define CAPACITY      24576

static const struct metric_family lost = {
	"a_lost_total",
	"Long enough for two octets to tell how long the message is with one metric.",
	METRIC_COUNTER, METRIC_NO_UNIT
};
static const struct metric_family rtt = { "a_rtt_seconds", "Help.", METRIC_HISTOGRAM,
					  METRIC_SECONDS };

/* Encodes one metric and reads it back; how many octets it took. */
static size_t encode(const struct metric_family *family, const struct metric *metric,
		     struct read_family *ret)
{
	char *buffer = malloc(CAPACITY);
	struct text text = text_over(buffer, CAPACITY);
	struct wire stream;

	encoder_protobuf.begin(family, &text);
	assert_int_equal(text.length, 0);
	encoder_protobuf.write(family, metric, &text);
	assert_false(text.overflowed);
	stream = wire_over(buffer, text.length);
	assert_true(read_family(&stream, ret));
	assert_true(stream.at == stream.end);
	encoder_protobuf.end(&text);
	free(buffer);
	return text.length;
}

static void assert_same_counts(const struct metric_histogram *given,
			       const struct read_histogram *read)
{
	uint64_t cumulative = 0;
	uint64_t native_count = read->zero_count;

	assert_int_equal(read->bucket_count, STATS_BOUNDS);
	for (unsigned int i = 0; i < STATS_BOUNDS; i++) {
		cumulative += given->classic[i];
		assert_true(read->cumulative[i] == cumulative);
		assert_true(read->bounds[i] == (double)stats_bounds_ns[i] / 1e9);
	}
	assert_true(read->count == cumulative + given->classic[STATS_BOUNDS]);
	if (!given->native) {
		assert_false(read->is_native);
		return;
	}
	assert_true(read->is_native);
	assert_int_equal(read->schema, 3);
	assert_true(read->zero_threshold == 1.0 / 1048576);
	assert_true(read->zero_count == given->native->zero);
	for (int index = 0; index < READ_INDICES; index++) {
		int bucket = index + READ_INDEX_LOW - NATIVE_FIRST;
		bool ours = bucket >= 0 && bucket < NATIVE_BUCKETS;

		assert_true(read->indexed[index] == (ours ? given->native->buckets[bucket] : 0));
		native_count += read->indexed[index];
	}
	assert_true(native_count == native_total_count(given->native));
}

static void values_are_read_back(void **state)
{
	static const struct {
		struct metric_family family;
		uint64_t value;
		uint64_t start_unix_ns;
		const char *unit;
		unsigned int field;
		double expected;
	} cases[] = {
		{ { "a_total", "Help.", METRIC_COUNTER, METRIC_NO_UNIT }, 7, 0, "", 3, 7 },
		{ { "a_total", "Help.", METRIC_COUNTER, METRIC_NO_UNIT }, 0, 5, "", 3, 0 },
		{ { "a_seconds_total", "Help.", METRIC_COUNTER, METRIC_SECONDS },
		  1500000000,
		  1700000000000000001,
		  "seconds",
		  3,
		  1.5 },
		{ { "a_bytes_total", "Help.", METRIC_COUNTER, METRIC_BYTES },
		  1ULL << 63,
		  0,
		  "bytes",
		  3,
		  0x1p63 },
		{ { "a", "Help.", METRIC_GAUGE, METRIC_NO_UNIT }, 3, 9, "", 2, 3 },
		{ { "a_bytes", "Help.", METRIC_GAUGE, METRIC_BYTES }, 4096, 0, "bytes", 2, 4096 },
		{ { "a_timestamp_seconds", "Help.", METRIC_GAUGE, METRIC_WHOLE_SECONDS },
		  1700000000,
		  0,
		  "seconds",
		  2,
		  1700000000 },
		/* A unit that the name does not end in makes Prometheus refuse the scrape. */
		{ { "a_time", "Help.", METRIC_GAUGE, METRIC_SECONDS }, 250000000, 0, "", 2, 0.25 },
		{ { "seconds", "Help.", METRIC_GAUGE, METRIC_SECONDS }, 1000000000, 0, "", 2, 1 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct metric metric = { .labels = { { "peer", "node-1" }, { "b", "" } },
					       .label_count = 2,
					       .value = cases[i].value,
					       .start_unix_ns = cases[i].start_unix_ns };
		bool started = cases[i].field == 3 && cases[i].start_unix_ns > 0;
		struct read_family read;

		encode(&cases[i].family, &metric, &read);
		assert_string_equal(read.name, cases[i].family.name);
		assert_string_equal(read.help, "Help.");
		assert_string_equal(read.unit, cases[i].unit);
		assert_int_equal(read.type, cases[i].family.type == METRIC_COUNTER ? 0 : 1);
		assert_int_equal(read.value_field, cases[i].field);
		assert_true(read.value == cases[i].expected);
		assert_int_equal(read.label_count, 2);
		assert_string_equal(read.label_names[0], "peer");
		assert_string_equal(read.label_values[0], "node-1");
		assert_string_equal(read.label_names[1], "b");
		assert_string_equal(read.label_values[1], "");
		assert_int_equal(read.has_start, started);
		if (started)
			assert_true(read.start_seconds * 1000000000 + read.start_nanos ==
				    cases[i].start_unix_ns);
	}
}

static void labels_are_not_escaped(void **state)
{
	static const struct {
		const char *value;
		const char *expected;
	} cases[] = {
		{ "<script>alert(1)</script>\"\n", "<script>alert(1)</script>\"\n" },
		{ "\\", "\\" },
		{ "a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct metric metric = { .labels = { { "peer", cases[i].value } },
					       .label_count = 1 };
		const struct metric_family family = { "a", "Help.", METRIC_GAUGE, METRIC_NO_UNIT };
		struct read_family read;

		encode(&family, &metric, &read);
		assert_string_equal(read.label_values[0], cases[i].expected);
	}
}

static void a_histogram_without_a_native_one_is_classic(void **state)
{
	struct metric_histogram histogram = { .sum_ns = 2500000000, .classic = { 1, 0, 2 } };
	const struct metric metric = { .histogram = &histogram, .start_unix_ns = 1500000000 };
	struct read_family read;

	(void)state;
	histogram.classic[STATS_BOUNDS] = 4;
	encode(&rtt, &metric, &read);
	assert_int_equal(read.type, 4);
	assert_string_equal(read.unit, "seconds");
	assert_same_counts(&histogram, &read.histogram);
	assert_true(read.histogram.sum == 2.5);
	assert_true(read.has_start && read.start_seconds == 1 && read.start_nanos == 500000000);
}

/* Its threshold tells Prometheus that it is native. */
static void an_empty_native_histogram_is_one(void **state)
{
	struct native_total native = { 0 };
	const struct metric_histogram histogram = { .native = &native };
	const struct metric metric = { .histogram = &histogram };
	struct read_family read;

	(void)state;
	encode(&rtt, &metric, &read);
	assert_same_counts(&histogram, &read.histogram);
	assert_int_equal(read.histogram.span_count, 0);
}

static void near_buckets_share_a_span(void **state)
{
	static const struct {
		const char *buckets; /* from the first on; '.' is empty */
		unsigned int spans;
		unsigned int places;
	} cases[] = {
		{ "1", 1, 1 },
		{ "11", 1, 2 },
		{ "1.1", 1, 3 },
		{ "1..1", 1, 4 },
		{ "1...1", 2, 2 },
		{ "1...1...1", 3, 3 },
		{ "1..1...1..1", 2, 8 },
		{ ".....1", 1, 1 },
		{ "1.....", 1, 1 },
		{ "9..9..9", 1, 7 },
		{ "1....................9", 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		/* At the low end, in the middle, at the high end. */
		unsigned int length = (unsigned int)strlen(cases[i].buckets);
		unsigned int starts[] = { 0, 90, NATIVE_BUCKETS - length };

		for (size_t j = 0; j < LENGTH(starts); j++) {
			struct native_total native = { .zero = j };
			struct metric_histogram histogram = { .native = &native };
			const struct metric metric = { .histogram = &histogram };
			struct read_family read;

			histogram.classic[0] = j;
			for (unsigned int k = 0; k < length; k++) {
				uint64_t count = cases[i].buckets[k] == '.'
							 ? 0
							 : (uint64_t)(cases[i].buckets[k] - '0');

				native.buckets[starts[j] + k] = count;
				histogram.classic[1] += count;
			}
			encode(&rtt, &metric, &read);
			assert_same_counts(&histogram, &read.histogram);
			assert_int_equal(read.histogram.span_count, cases[i].spans);
			assert_int_equal(read.histogram.places, cases[i].places);
		}
	}
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Sparse and dense ones, small and very large counts, in the same buckets as samples would be. */
static void random_histograms_are_read_back(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct native_total native = { 0 };
		struct metric_histogram histogram = { .native = &native };
		const struct metric metric = { .histogram = &histogram, .start_unix_ns = 1 };
		uint64_t samples = next_random(&random) % (round % 2 ? 10 : 400);
		unsigned int shift = (unsigned int)(next_random(&random) % 48);
		struct read_family read;

		for (; samples > 0; samples--) {
			int64_t value_ns = (int64_t)(next_random(&random) >>
						     (20 + next_random(&random) % 40));
			uint64_t weight = 1 + (next_random(&random) % 1000 << shift);
			struct native_histogram one = { 0 };
			struct native_total total = { 0 };

			native_add(&one, value_ns);
			native_total_sum(&total, &one);
			native.zero += total.zero * weight;
			for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
				native.buckets[i] += total.buckets[i] * weight;
			histogram.classic[stats_bucket(value_ns)] += weight;
			histogram.sum_ns += (uint64_t)value_ns;
		}
		encode(&rtt, &metric, &read);
		assert_same_counts(&histogram, &read.histogram);
		/* What both say of one message is one count. */
		assert_true(read.histogram.count == native_total_count(&native));
	}
}

/* Merging is for size: it never costs more than a span for each run would, but for what counts
 * that come and go cost. */
static void the_largest_histogram_fits_a_block(void **state)
{
	struct native_total native;
	struct metric_histogram histogram = { .native = &native, .sum_ns = UINT64_MAX };
	struct metric metric = { .histogram = &histogram, .start_unix_ns = UINT64_MAX };
	char value[254 + 1];
	struct read_family read;
	size_t length;

	(void)state;
	memset(&native, 0, sizeof(native));
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (unsigned int i = 0; i < METRIC_LABELS; i++)
		metric.labels[i] = (struct metric_label){ "a_long_name", value };
	metric.label_count = METRIC_LABELS;
	/* Up and down by as much as there is. */
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i += 2)
		native.buckets[i] = UINT64_MAX / NATIVE_BUCKETS;
	histogram.classic[0] = native_total_count(&native);
	length = encode(&rtt, &metric, &read);
	assert_same_counts(&histogram, &read.histogram);
	assert_true(length < CAPACITY / 2);
	print_message("largest histogram: %zu octets\n", length);
}

#define ROWS 240 /* of which several messages are made */

/* As the walk over families does it: rows of two metrics until one does not fit, which is taken
 * back. Returns the rows that fit. */
static uint32_t write_rows(const struct metric_family *family, const struct metric *metric,
			   struct text *text, uint32_t rows)
{
	struct text whole = *text;
	uint32_t count = 0;

	while (count < rows) {
		encoder_protobuf.write(family, metric, text);
		encoder_protobuf.write(family, metric, text);
		if (text->overflowed) {
			encoder_protobuf.cut(&whole);
			break;
		}
		whole = *text;
		count++;
	}
	*text = whole;
	return count;
}

static void check_rows(const struct metric_family *family, uint32_t messages_max)
{
	const struct metric metric = { .labels = { { "peer", "a" } },
				       .label_count = 1,
				       .value = 7,
				       .start_unix_ns = 1700000000250000000 };

	for (size_t capacity = 1; capacity < CAPACITY; capacity += capacity < 400 ? 1 : 7) {
		char *exact = malloc(capacity), *split;
		struct text text = text_over(exact, capacity);
		uint32_t rows = write_rows(family, &metric, &text, ROWS);
		uint32_t metrics = 0, messages;
		struct wire stream;
		size_t length = text.length;

		split = protobuf_split(exact, &length, &messages);
		assert_in_range(messages, rows > 0, messages_max);
		for (stream = wire_over(split, length); stream.at < stream.end; metrics++) {
			struct read_family read;

			assert_true(read_family(&stream, &read));
			assert_string_equal(read.name, family->name);
			assert_string_equal(read.label_values[0], "a");
			assert_true(read.value == 7);
		}
		assert_int_equal(metrics, 2 * rows);
		free(split);
	}
}

static void what_does_not_fit_is_no_part_of_a_message(void **state)
{
	static const struct metric_family brief = { "lost_total", "", METRIC_COUNTER,
						    METRIC_NO_UNIT };

	(void)state;
	check_rows(&lost, 3);
	/* Messages too short to go on. */
	check_rows(&brief, 2 * ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_back),
		cmocka_unit_test(labels_are_not_escaped),
		cmocka_unit_test(a_histogram_without_a_native_one_is_classic),
		cmocka_unit_test(an_empty_native_histogram_is_one),
		cmocka_unit_test(near_buckets_share_a_span),
		cmocka_unit_test(random_histograms_are_read_back),
		cmocka_unit_test(the_largest_histogram_fits_a_block),
		cmocka_unit_test(what_does_not_fit_is_no_part_of_a_message),
	};

	return cmocka_run_group_tests_name("encoder_protobuf", tests, NULL, NULL);
}
