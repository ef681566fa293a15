/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.prometheus.client.MetricFamily, delimited: a message for the metrics of a family that stand in
 * one block, so that its length is known before it leaves; Prometheus joins those of one family. A
 * histogram has its classic buckets and the native histogram in one message. Must not know what a
 * family measures.
 */
#include "metric.h"
#include "native.h"
#include "protobuf.h"

/* Buckets without a sample between two that have some, which are cheaper written than skipped: a
 * span costs six octets. Prometheus's own libraries do the same. */
#define SPAN_GAP 2

/* Numbers of fields, by message. */
enum { FAMILY_NAME = 1, FAMILY_HELP, FAMILY_TYPE, FAMILY_METRIC, FAMILY_UNIT };
enum { FIELD_LABEL = 1, FIELD_GAUGE, FIELD_COUNTER, FIELD_HISTOGRAM = 7 };
enum { LABEL_NAME = 1, LABEL_VALUE };
enum { GAUGE_VALUE = 1 };
enum { COUNTER_VALUE = 1, COUNTER_START = 3 };
enum { BUCKET_CUMULATIVE_COUNT = 1, BUCKET_UPPER_BOUND };
enum { SPAN_OFFSET = 1, SPAN_LENGTH };
enum { TIMESTAMP_SECONDS = 1, TIMESTAMP_NANOS };
enum {
	HISTOGRAM_COUNT = 1,
	HISTOGRAM_SUM = 2,
	HISTOGRAM_BUCKET = 3,
	HISTOGRAM_SCHEMA = 5,
	HISTOGRAM_ZERO_THRESHOLD = 6,
	HISTOGRAM_ZERO_COUNT = 7,
	HISTOGRAM_POSITIVE_SPAN = 12,
	HISTOGRAM_POSITIVE_DELTA = 13,
	HISTOGRAM_START = 15,
};

static void append_start(struct protobuf *message, uint32_t field, uint64_t unix_ns)
{
	if (unix_ns == 0)
		return;
	protobuf_open(message, field);
	protobuf_append_uint(message, TIMESTAMP_SECONDS, unix_ns / NS_PER_SECOND);
	protobuf_append_uint(message, TIMESTAMP_NANOS, unix_ns % NS_PER_SECOND);
	protobuf_close(message);
}

/* Cumulative; that of +Inf is the count. */
static void append_classic(struct protobuf *message, const struct metric_histogram *histogram)
{
	uint64_t cumulative = 0;

	for (unsigned int i = 0; i < STATS_BOUNDS; i++) {
		cumulative += histogram->classic[i];
		protobuf_open(message, HISTOGRAM_BUCKET);
		protobuf_append_uint(message, BUCKET_CUMULATIVE_COUNT, cumulative);
		protobuf_append_double(message, BUCKET_UPPER_BOUND,
				       protobuf_seconds((uint64_t)stats_bounds_ns[i]));
		protobuf_close(message);
	}
}

/* Buckets from `first` to before `end`, the next after those before `end`. */
struct span {
	unsigned int first;
	unsigned int end;
};

static bool next_span(const struct native_total *native, struct span *span)
{
	span->first = span->end;
	while (span->first < NATIVE_BUCKETS && native->buckets[span->first] == 0)
		span->first++;
	span->end = span->first;
	for (unsigned int i = span->first; i < NATIVE_BUCKETS && i <= span->end + SPAN_GAP; i++) {
		if (native->buckets[i] != 0)
			span->end = i + 1;
	}
	return span->end > span->first;
}

static void append_native(struct protobuf *message, const struct native_total *native)
{
	struct span span = { .end = 0 };
	int64_t offset = NATIVE_FIRST; /* of the first span it is an index, then a gap */
	unsigned int end = 0;
	uint64_t count = 0;

	protobuf_append_sint(message, HISTOGRAM_SCHEMA, NATIVE_SCHEMA);
	protobuf_append_double(message, HISTOGRAM_ZERO_THRESHOLD, NATIVE_ZERO_SECONDS);
	protobuf_append_uint(message, HISTOGRAM_ZERO_COUNT, native->zero);
	while (next_span(native, &span)) {
		protobuf_open(message, HISTOGRAM_POSITIVE_SPAN);
		protobuf_append_sint(message, SPAN_OFFSET, offset + span.first - end);
		protobuf_append_uint(message, SPAN_LENGTH, span.end - span.first);
		protobuf_close(message);
		offset = 0;
		end = span.end;
	}
	if (end == 0)
		return;
	protobuf_open(message, HISTOGRAM_POSITIVE_DELTA);
	span = (struct span){ .end = 0 };
	while (next_span(native, &span)) {
		for (unsigned int i = span.first; i < span.end; i++) {
			protobuf_append_packed_sint(message, (int64_t)(native->buckets[i] - count));
			count = native->buckets[i];
		}
	}
	protobuf_close(message);
}

static void append_histogram(struct protobuf *message, const struct metric *metric)
{
	const struct metric_histogram *histogram = metric->histogram;

	protobuf_open_long(message, FIELD_HISTOGRAM);
	protobuf_append_uint(message, HISTOGRAM_COUNT, metric_histogram_count(histogram));
	protobuf_append_double(message, HISTOGRAM_SUM, protobuf_seconds(histogram->sum_ns));
	append_classic(message, histogram);
	if (histogram->native)
		append_native(message, histogram->native);
	append_start(message, HISTOGRAM_START, metric->start_unix_ns);
	protobuf_close(message);
}

static double value_of(const struct metric_family *family, const struct metric *metric)
{
	return family->unit == METRIC_SECONDS ? protobuf_seconds(metric->value)
					      : (double)metric->value;
}

static void append_metric(struct protobuf *message, const struct metric_family *family,
			  const struct metric *metric)
{
	if (family->type == METRIC_HISTOGRAM)
		protobuf_open_long(message, FAMILY_METRIC);
	else
		protobuf_open(message, FAMILY_METRIC);
	for (uint32_t i = 0; i < metric->label_count; i++) {
		protobuf_open(message, FIELD_LABEL);
		protobuf_append_string(message, LABEL_NAME, metric->labels[i].name);
		protobuf_append_text(message, LABEL_VALUE, metric->labels[i].value);
		protobuf_close(message);
	}
	switch (family->type) {
	case METRIC_COUNTER:
		protobuf_open(message, FIELD_COUNTER);
		protobuf_append_double(message, COUNTER_VALUE, value_of(family, metric));
		append_start(message, COUNTER_START, metric->start_unix_ns);
		protobuf_close(message);
		break;
	case METRIC_GAUGE:
		protobuf_open(message, FIELD_GAUGE);
		protobuf_append_double(message, GAUGE_VALUE, value_of(family, metric));
		protobuf_close(message);
		break;
	case METRIC_HISTOGRAM:
		append_histogram(message, metric);
		break;
	}
	protobuf_close(message);
}

static void protobuf_begin(const struct metric_family *family, struct text *text)
{
	(void)family;
	(void)text;
}

static void protobuf_write(const struct metric_family *family, const struct metric *metric,
			   struct text *text)
{
	static const uint64_t types[] = {
		[METRIC_COUNTER] = 0,
		[METRIC_GAUGE] = 1,
		[METRIC_HISTOGRAM] = 4,
	};
	struct protobuf message = protobuf_over(text);
	const char *unit = metric_unit_name(family);

	if (text->open_of != family || !protobuf_reopen(&message, text->open_at)) {
		text->open_of = family;
		text->open_at = text->length;
		protobuf_open_long(&message, 0);
		protobuf_append_string(&message, FAMILY_NAME, family->name);
		protobuf_append_string(&message, FAMILY_HELP, family->help);
		protobuf_append_uint(&message, FAMILY_TYPE, types[family->type]);
		if (unit)
			protobuf_append_string(&message, FAMILY_UNIT, unit);
	}
	append_metric(&message, family, metric);
	protobuf_close(&message);
}

static void encoder_protobuf_cut(const struct text *whole)
{
	if (whole->open_of)
		protobuf_cut(whole, whole->open_at);
}

static void protobuf_end(struct text *text)
{
	(void)text;
}

const struct encoder encoder_protobuf = {
	.content_type = "application/vnd.google.protobuf; "
			"proto=io.prometheus.client.MetricFamily; encoding=delimited",
	.begin = protobuf_begin,
	.write = protobuf_write,
	.end = protobuf_end,
	.cut = encoder_protobuf_cut,
};
