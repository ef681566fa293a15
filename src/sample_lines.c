/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of samples in the text formats. The buckets of a histogram are cumulated here, so that
 * its count cannot differ from the last of them. Must not know what stands around the lines.
 */
#include "sample_lines.h"

static void append_label(struct text *text, const char *name, const char *value)
{
	text_append(text, name);
	text_append(text, "=\"");
	text_append_label_value(text, value);
	text_append(text, "\"");
}

/* The name and the labels, up to where one more may follow; what is to stand before that. */
static const char *append_series(const struct metric_family *family, const char *suffix,
				 const struct metric *metric, struct text *text)
{
	const char *opening = "{";

	text_append(text, family->name);
	text_append(text, suffix);
	for (uint32_t i = 0; i < metric->label_count; i++) {
		text_append(text, opening);
		append_label(text, metric->labels[i].name, metric->labels[i].value);
		opening = ",";
	}
	return opening;
}

static void append_whole_series(const struct metric_family *family, const char *suffix,
				const struct metric *metric, struct text *text)
{
	append_series(family, suffix, metric, text);
	text_append(text, metric->label_count > 0 ? "} " : " ");
}

static void append_value(enum metric_unit unit, uint64_t value, struct text *text)
{
	if (unit == METRIC_SECONDS)
		text_append_seconds(text, value);
	else
		text_append_uint(text, value);
	text_append(text, "\n");
}

static void write_histogram(const struct metric_family *family, const struct metric *metric,
			    const sample_bound *bounds, struct text *text)
{
	const struct metric_histogram *histogram = metric->histogram;
	size_t start = text->length;
	uint64_t cumulative = 0;
	size_t length;

	/* The same in front of all buckets: written once, and then copied. */
	text_append(text, append_series(family, "_bucket", metric, text));
	text_append(text, "le=\"");
	length = text->length - start;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++) {
		cumulative += histogram->classic[i];
		if (i > 0)
			text_append_bytes(text, text->buffer + start, length);
		text_append(text, i < STATS_BOUNDS ? bounds[i] : "+Inf");
		text_append(text, "\"} ");
		append_value(METRIC_NO_UNIT, cumulative, text);
	}
	append_whole_series(family, "_sum", metric, text);
	append_value(METRIC_SECONDS, histogram->sum_ns, text);
	append_whole_series(family, "_count", metric, text);
	append_value(METRIC_NO_UNIT, cumulative, text);
}

void sample_lines_write(const struct metric_family *family, const struct metric *metric,
			const sample_bound *bounds, struct text *text)
{
	if (family->type == METRIC_HISTOGRAM) {
		write_histogram(family, metric, bounds, text);
		return;
	}
	append_whole_series(family, "", metric, text);
	append_value(family->unit, metric->value, text);
}
