/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Prometheus text format 0.0.4. Must not know what a family measures.
 */
#include "metric.h"
#include "sample_lines.h"

static void text_begin(const struct metric_family *family, struct text *text)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = " counter\n",
		[METRIC_GAUGE] = " gauge\n",
		[METRIC_HISTOGRAM] = " histogram\n",
	};

	text_append(text, "# HELP ");
	text_append(text, family->name);
	text_append(text, " ");
	text_append(text, family->help);
	text_append(text, "\n# TYPE ");
	text_append(text, family->name);
	text_append(text, types[family->type]);
}

/* Written once, here, rather than worked out for each bucket of each peer. */
static const sample_bound bounds[STATS_BOUNDS] = {
	"0.000005", "0.00001", "0.000015", "0.00002", "0.00003", "0.00005", "0.000075",
	"0.0001",   "0.00015", "0.0002",   "0.0003",  "0.0005",	 "0.00075", "0.001",
	"0.0015",   "0.002",   "0.003",	   "0.005",   "0.01",	 "0.02",    "0.05",
	"0.1",	    "0.2",     "0.5",	   "1.0",
};

static void text_write(const struct metric_family *family, const struct metric *metric,
		       struct text *text)
{
	sample_lines_write(family, metric, bounds, text);
}

static void text_end(struct text *text)
{
	(void)text;
}

const struct encoder encoder_text = {
	.content_type = "text/plain; version=0.0.4; charset=utf-8",
	.begin = text_begin,
	.write = text_write,
	.end = text_end,
};
