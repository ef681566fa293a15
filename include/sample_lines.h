/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of samples, in which both text formats agree but for how a bucket's bound is written.
 * Must not know what stands around them.
 */
#ifndef SAMPLE_LINES_H
#define SAMPLE_LINES_H

#include "metric.h"

/* The bound of a bucket, a positive duration, as the value of the label `le`. */
typedef void sample_bound_fn(struct text *text, uint64_t bound_ns);

void sample_lines_write(const struct metric_family *family, const struct metric *metric,
			sample_bound_fn *append_bound, struct text *text);

#endif
