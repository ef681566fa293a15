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

static void text_write(const struct metric_family *family, const struct metric *metric,
		       struct text *text)
{
	sample_lines_write(family, metric, text_append_seconds, text);
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
