/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds samples up. Must not know text, labels or time.
 */
#include "stats.h"

#define US NS_PER_US
#define MS NS_PER_MS

const int64_t stats_bounds_ns[STATS_BOUNDS] = {
	5 * US,	   10 * US,  15 * US,  20 * US,	      30 * US,	50 * US,  75 * US,
	100 * US,  150 * US, 200 * US, 300 * US,      500 * US, 750 * US, 1 * MS,
	1500 * US, 2 * MS,   3 * MS,   5 * MS,	      10 * MS,	20 * MS,  50 * MS,
	100 * MS,  200 * MS, 500 * MS, NS_PER_SECOND,
};

unsigned int stats_bucket(int64_t value_ns)
{
	unsigned int bucket = 0;

	while (bucket < STATS_BOUNDS && value_ns > stats_bounds_ns[bucket])
		bucket++;
	return bucket;
}

static void stats_count_rtt(struct peer_stats *stats, const struct sample *sample)
{
	if (!sample->has_rtt) {
		stats->dropped++;
		return;
	}
	stats->rtt_sum_ns += (uint64_t)sample->rtt_ns;
	if (sample->has_variation)
		stats->variation_sum_ns += (uint64_t)sample->variation_ns;
}

void stats_count(struct peer_stats *stats, const struct sample *sample)
{
	switch ((enum verdict)sample->verdict) {
	case VERDICT_NONE:
		break;
	case VERDICT_RETURNED:
		stats->returned++;
		stats_count_rtt(stats, sample);
		break;
	case VERDICT_LOST:
		stats->lost++;
		break;
	case VERDICT_REFUSED:
		stats->refused++;
		break;
	case VERDICT_UNSTAMPED:
		stats->unstamped++;
		break;
	}
	stats->late += sample->late;
	stats->duplicate += sample->duplicate;
	stats->reordered += sample->reordered;
	stats->lost_forward += sample->lost_forward;
	stats->lost_backward += sample->lost_backward;
}

void stats_add(struct peer_stats *stats, const struct sample *sample)
{
	stats_count(stats, sample);
	if (sample_has_rtt(sample))
		stats->buckets[stats_bucket(sample->rtt_ns)]++;
}

void delay_histogram_add(struct delay_histogram *histogram, int64_t value_ns)
{
	if (value_ns < 0)
		value_ns = 0;
	histogram->sum_ns += (uint64_t)value_ns;
	histogram->buckets[stats_bucket(value_ns)]++;
}
