/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A metric as the walk over the families hands it to an encoder, whatever the format. Must not know
 * what is measured, nor any format's syntax.
 */
#ifndef METRIC_H
#define METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "native.h"
#include "stats.h"
#include "text.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* METRIC_SECONDS: values are given in nanoseconds and written in seconds; METRIC_WHOLE_SECONDS:
 * given in seconds, too. */
enum metric_unit { METRIC_NO_UNIT, METRIC_SECONDS, METRIC_WHOLE_SECONDS, METRIC_BYTES };

struct metric_label {
	const char *name;
	const char *value; /* any octets; the encoder escapes */
};

#define METRIC_LABELS 6

/* A copy: consistent in itself. */
struct metric_histogram {
	uint64_t sum_ns;
	uint64_t classic[STATS_BUCKETS];   /* not cumulative */
	const struct native_total *native; /* NULL: there is none; else of the same samples */
};

struct metric {
	struct metric_label labels[METRIC_LABELS];
	uint32_t label_count;
	uint64_t value; /* of counters and gauges; METRIC_SECONDS: nanoseconds */
	const struct metric_histogram *histogram; /* of histograms, always in seconds */
	uint64_t start_unix_ns; /* of counters, histograms: when it began to count; 0: not told */
};

/* A family as all formats need it. name: as in the text format, counters end in _total. */
struct metric_family {
	const char *name;
	const char *help;
	enum metric_type type;
	enum metric_unit unit;
};

/* Of the name, what is left without the `_total` of a counter. */
size_t metric_stem_length(const struct metric_family *family);

/* The unit, if the name (without `_total`) ends in it, as OpenMetrics and Prometheus demand; else
 * NULL. */
const char *metric_unit_name(const struct metric_family *family);

/* Of all buckets: the classic ones are what the count is taken from in every format. */
uint64_t metric_histogram_count(const struct metric_histogram *histogram);

/* A format. Each appends whole pieces to the text (sticky overflow tells that one did not fit). */
struct encoder {
	const char *content_type;
	void (*begin)(const struct metric_family *family, struct text *text);
	void (*write)(const struct metric_family *family, const struct metric *metric,
		      struct text *text);
	void (*end)(struct text *text); /* of the exposition */
	/* The text as it was when a piece was whole: what was written since, and did not fit, is
	 * no part of it. NULL: nothing in it tells of that. */
	void (*cut)(const struct text *whole);
};

extern const struct encoder encoder_text;	 /* 0.0.4 */
extern const struct encoder encoder_openmetrics; /* 1.0.0 */
extern const struct encoder encoder_protobuf;	 /* io.prometheus.client.MetricFamily, delimited */

#endif
