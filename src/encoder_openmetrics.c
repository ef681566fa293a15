/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics 1.0.0. What it asks for beyond the older text format: a family is called without the
 * `_total` of its samples, has its unit told, and bounds are canonical numbers, since they are
 * texts that are compared. No `_created`: Prometheus takes it for a series of its own.
 * Must not know what a family measures.
 */
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

/* As Go's %g: below 0.0001 with an exponent, of two digits. */
static const sample_bound bounds[STATS_BOUNDS] = {
	"5e-06",  "1e-05",  "1.5e-05", "2e-05",	  "3e-05", "5e-05",  "7.5e-05", "0.0001", "0.00015",
	"0.0002", "0.0003", "0.0005",  "0.00075", "0.001", "0.0015", "0.002",	"0.003",  "0.005",
	"0.01",	  "0.02",   "0.05",    "0.1",	  "0.2",   "0.5",    "1.0",
};

static void openmetrics_write(const struct metric_family *family, const struct metric *metric,
			      struct text *text)
{
	sample_lines_write(family, metric, bounds, text);
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
