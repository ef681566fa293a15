/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics 1.0.0. What it asks for beyond the older text format: a family is called without the
 * `_total` of its samples, has its unit told, and bounds are canonical numbers, since they are
 * texts that are compared. No `_created`: Prometheus takes it for a series of its own.
 * Must not know what a family measures.
 */
#include <assert.h>

#include "metric.h"
#include "sample_lines.h"

static void append_opening(const struct metric_family *family, const char *keyword,
			   struct text *text)
{
	text_append(text, keyword);
	text_append_bytes(text, family->name, metric_stem_length(family));
	text_append(text, " ");
}

static void openmetrics_begin(const struct metric_family *family, struct text *text)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter\n",
		[METRIC_GAUGE] = "gauge\n",
		[METRIC_HISTOGRAM] = "histogram\n",
	};
	const char *unit = metric_unit_name(family);

	append_opening(family, "# TYPE ", text);
	text_append(text, types[family->type]);
	if (unit) {
		append_opening(family, "# UNIT ", text);
		text_append(text, unit);
		text_append(text, "\n");
	}
	append_opening(family, "# HELP ", text);
	/* The same escapes as in a label's value. */
	text_append_label_value(text, family->help);
	text_append(text, "\n");
}

/* As Go's %g: below 0.0001 with an exponent, of two digits. (Again from 1e+06 on: no bound.) */
static void append_bound(struct text *text, uint64_t bound_ns)
{
	char buffer[20];
	struct text digits = text_over(buffer, sizeof(buffer));
	unsigned int exponent = 10;

	assert(bound_ns > 0);
	if (bound_ns >= 100 * NS_PER_US) {
		text_append_seconds(text, bound_ns);
		return;
	}
	for (uint64_t rest = bound_ns; rest > 0; rest /= 10)
		exponent--;
	while (bound_ns % 10 == 0)
		bound_ns /= 10;
	text_append_uint(&digits, bound_ns);
	text_append_bytes(text, buffer, 1);
	if (digits.length > 1)
		text_append(text, ".");
	text_append_bytes(text, buffer + 1, digits.length - 1);
	text_append(text, "e-0");
	text_append_uint(text, exponent);
}

static void openmetrics_write(const struct metric_family *family, const struct metric *metric,
			      struct text *text)
{
	sample_lines_write(family, metric, append_bound, text);
}

static void openmetrics_end(struct text *text)
{
	text_append(text, "# EOF\n");
}

const struct encoder encoder_openmetrics = {
	.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	.begin = openmetrics_begin,
	.write = openmetrics_write,
	.end = openmetrics_end,
};
