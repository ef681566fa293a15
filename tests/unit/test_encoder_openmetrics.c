/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenMetrics encoder: headers, units, and bounds as canonical numbers; beside it the text
 * format, where they differ.
 */
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void begin(const struct encoder *encoder, const struct metric_family *family, char *ret,
		  size_t capacity)
{
	struct text text = text_over(ret, capacity - 1);

	encoder->begin(family, &text);
	assert_false(text.overflowed);
	ret[text.length] = '\0';
}

static void headers_tell_type_unit_and_help(void **state)
{
	static const struct {
		struct metric_family family;
		const char *openmetrics;
		const char *text;
	} cases[] = {
		{ { "a_total", "Help.", METRIC_COUNTER, METRIC_NO_UNIT },
		  "# TYPE a counter\n# HELP a Help.\n",
		  "# HELP a_total Help.\n# TYPE a_total counter\n" },
		{ { "a_seconds_total", "Help.", METRIC_COUNTER, METRIC_SECONDS },
		  "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds Help.\n",
		  "# HELP a_seconds_total Help.\n# TYPE a_seconds_total counter\n" },
		{ { "a_bytes", "Help.", METRIC_GAUGE, METRIC_BYTES },
		  "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes Help.\n",
		  "# HELP a_bytes Help.\n# TYPE a_bytes gauge\n" },
		{ { "a_seconds", "Help.", METRIC_HISTOGRAM, METRIC_SECONDS },
		  "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n"
		  "# HELP a_seconds Help.\n",
		  "# HELP a_seconds Help.\n# TYPE a_seconds histogram\n" },
		{ { "a_timestamp_seconds", "Help.", METRIC_GAUGE, METRIC_WHOLE_SECONDS },
		  "# TYPE a_timestamp_seconds gauge\n# UNIT a_timestamp_seconds seconds\n"
		  "# HELP a_timestamp_seconds Help.\n",
		  "# HELP a_timestamp_seconds Help.\n# TYPE a_timestamp_seconds gauge\n" },
		/* A gauge keeps a name that only looks like a counter's. */
		{ { "a_seconds_total", "Help.", METRIC_GAUGE, METRIC_SECONDS },
		  "# TYPE a_seconds_total gauge\n# HELP a_seconds_total Help.\n",
		  "# HELP a_seconds_total Help.\n# TYPE a_seconds_total gauge\n" },
		{ { "a_time", "Help.", METRIC_GAUGE, METRIC_SECONDS },
		  "# TYPE a_time gauge\n# HELP a_time Help.\n",
		  "# HELP a_time Help.\n# TYPE a_time gauge\n" },
		{ { "a", "\"x\" \\ y", METRIC_GAUGE, METRIC_NO_UNIT },
		  "# TYPE a gauge\n# HELP a \\\"x\\\" \\\\ y\n",
		  NULL },
	};
	char header[256];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		begin(&encoder_openmetrics, &cases[i].family, header, sizeof(header));
		assert_string_equal(header, cases[i].openmetrics);
		if (!cases[i].text)
			continue;
		begin(&encoder_text, &cases[i].family, header, sizeof(header));
		assert_string_equal(header, cases[i].text);
	}
}

static void write_one(const struct encoder *encoder, const struct metric_family *family,
		      const struct metric *metric, char *ret, size_t capacity)
{
	struct text text = text_over(ret, capacity - 1);

	encoder->write(family, metric, &text);
	assert_false(text.overflowed);
	ret[text.length] = '\0';
}

static void samples_are_exact(void **state)
{
	static const struct {
		struct metric_family family;
		uint64_t value;
		const char *line;
	} cases[] = {
		{ { "a_total", "", METRIC_COUNTER, METRIC_NO_UNIT }, 0, "a_total{b=\"c\"} 0\n" },
		{ { "a_total", "", METRIC_COUNTER, METRIC_NO_UNIT },
		  UINT64_MAX,
		  "a_total{b=\"c\"} 18446744073709551615\n" },
		{ { "a_seconds", "", METRIC_GAUGE, METRIC_SECONDS },
		  1,
		  "a_seconds{b=\"c\"} 0.000000001\n" },
		{ { "a_seconds", "", METRIC_GAUGE, METRIC_WHOLE_SECONDS },
		  1,
		  "a_seconds{b=\"c\"} 1\n" },
		{ { "a_bytes", "", METRIC_GAUGE, METRIC_BYTES }, 1024, "a_bytes{b=\"c\"} 1024\n" },
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct metric metric = { .labels = { { "b", "c" } },
					       .label_count = 1,
					       .value = cases[i].value,
					       .start_unix_ns = 1 };

		write_one(&encoder_text, &cases[i].family, &metric, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
		write_one(&encoder_openmetrics, &cases[i].family, &metric, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
	}
}

/* As Go writes them with %g, and Prometheus what it reads from protobuf. */
static void bounds_are_canonical_numbers(void **state)
{
	static const char *const bounds[STATS_BUCKETS] = {
		"5e-06",  "1e-05",   "1.5e-05", "2e-05",  "3e-05",  "5e-05",   "7.5e-05",
		"0.0001", "0.00015", "0.0002",	"0.0003", "0.0005", "0.00075", "0.001",
		"0.0015", "0.002",   "0.003",	"0.005",  "0.01",   "0.02",    "0.05",
		"0.1",	  "0.2",     "0.5",	"1.0",	  "+Inf",
	};
	static const struct metric_family family = { "a_seconds", "", METRIC_HISTOGRAM,
						     METRIC_SECONDS };
	const struct metric_histogram histogram = { .sum_ns = 0 };
	const struct metric metric = { .histogram = &histogram };
	char text[4096];
	char *line = text;

	(void)state;
	write_one(&encoder_openmetrics, &family, &metric, text, sizeof(text));
	for (unsigned int i = 0; i < STATS_BUCKETS; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "a_seconds_bucket{le=\"%s\"} 0\n", bounds[i]);
		assert_memory_equal(line, expected, strlen(expected));
		line += strlen(expected);
	}
	assert_string_equal(line, "a_seconds_sum 0.0\na_seconds_count 0\n");
}

static void only_openmetrics_ends_with_eof(void **state)
{
	static const struct {
		const struct encoder *encoder;
		const char *end;
	} cases[] = {
		{ &encoder_text, "" },
		{ &encoder_openmetrics, "# EOF\n" },
		{ &encoder_protobuf, "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char buffer[16];
		struct text text = text_over(buffer, sizeof(buffer));

		cases[i].encoder->end(&text);
		assert_int_equal(text.length, strlen(cases[i].end));
		assert_memory_equal(buffer, cases[i].end, text.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_tell_type_unit_and_help),
		cmocka_unit_test(samples_are_exact),
		cmocka_unit_test(bounds_are_canonical_numbers),
		cmocka_unit_test(only_openmetrics_ends_with_eof),
	};

	return cmocka_run_group_tests_name("encoder_openmetrics", tests, NULL, NULL);
}
