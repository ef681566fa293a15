/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of one peer. Adds and reads; no text, no labels, no time.
 */
#ifndef STATS_H
#define STATS_H

#include <stdint.h>

#include "samples.h"

/* Upper bounds of the classic buckets, inclusive (Prometheus `le`); +Inf follows. */
#define STATS_BOUNDS  25
#define STATS_BUCKETS (STATS_BOUNDS + 1)
extern const int64_t stats_bounds_ns[STATS_BOUNDS];

struct peer_stats {
	uint64_t sent;
	uint64_t returned;
	uint64_t lost;
	uint64_t lost_forward; /* of them; the rest is undetermined */
	uint64_t lost_backward;
	uint64_t refused;
	uint64_t unstamped;
	uint64_t late;
	uint64_t duplicate;
	uint64_t reordered;
	uint64_t dropped; /* returned, but without RTT: the ring was full */
	uint64_t rtt_sum_ns;
	uint64_t variation_sum_ns;
	uint32_t buckets[STATS_BUCKETS]; /* not cumulative; 32 bits last 136 years at one probe a
					    second */
};

/* Counts a sample, but for its bucket. */
void stats_count(struct peer_stats *stats, const struct sample *sample);

/* Counts a sample. sent is counted by whoever knows that it was sent. */
void stats_add(struct peer_stats *stats, const struct sample *sample);

/* Which bucket a value belongs to, the last for all above the bounds. */
unsigned int stats_bucket(int64_t value_ns);

/* A histogram of bounds of its own is not needed for loop delays: the same buckets serve. */
struct delay_histogram {
	uint64_t sum_ns;
	uint64_t buckets[STATS_BUCKETS];
};

void delay_histogram_add(struct delay_histogram *histogram, int64_t value_ns);

#endif
