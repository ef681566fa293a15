/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of samples, in which both text formats agree but for how a bucket's bound is written.
 * Must not know what stands around them.
 */
#ifndef SAMPLE_LINES_H
#define SAMPLE_LINES_H

#include "metric.h"

/* A bound of stats_bounds_ns, in seconds, as the value of the label `le`. */
typedef char sample_bound[12];

/* bounds: [STATS_BOUNDS] */
void sample_lines_write(const struct metric_family *family, const struct metric *metric,
			const sample_bound *bounds, struct text *text);

#endif
