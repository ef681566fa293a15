/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What peers have counted that are gone, and what zones must have counted by that. Knows nothing of
 * how a canary counts.
 */
#ifndef EVER_H
#define EVER_H

#include <string.h>

#include "sim/truth.h"
#include "zones.h"

/* What became known of a peer in the call with which it left may have been counted or not. */
struct ever {
	struct peer_stats least;
	struct peer_stats most;
	struct native_total native;
};

static inline uint64_t ever_native_count(const struct native_histogram *native)
{
	struct native_total total = { 0 };

	native_total_sum(&total, native);
	return native_total_count(&total);
}

static inline uint64_t ever_classic_count(const struct peer_stats *stats)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < STATS_BUCKETS; i++)
		count += stats->buckets[i];
	return count;
}

static inline void ever_sum_native(struct native_total *sum, const struct native_total *more)
{
	sum->zero += more->zero;
	for (uint32_t i = 0; i < NATIVE_BUCKETS; i++)
		sum->buckets[i] += more->buckets[i];
}

static inline void ever_within(const char *what, uint64_t counted, uint64_t least, uint64_t most)
{
	if (counted < least || counted > most)
		fail_msg("zones: %s is %llu, of peers it was %llu to %llu", what,
			 (unsigned long long)counted, (unsigned long long)least,
			 (unsigned long long)most);
}

/* Of all zones. */
static inline void ever_compare(const struct zones *zones, const struct peer_stats *least,
				const struct peer_stats *most)
{
	struct peer_stats sum = { 0 };
	uint64_t buckets[STATS_BUCKETS] = { 0 };

	for (uint32_t i = 0; i < zones_count(zones); i++) {
		const struct zone *zone = zones_get(zones, i);

		stats_sum(&sum, &zone->counts);
		for (uint32_t k = 0; k < STATS_BUCKETS; k++) {
			assert_int_equal(zone->counts.buckets[k], 0);
			buckets[k] += zone->buckets[k];
		}
	}
#define EVER_WITHIN(what) ever_within(#what, sum.what, least->what, most->what)
	EVER_WITHIN(returned);
	EVER_WITHIN(lost);
	EVER_WITHIN(lost_forward);
	EVER_WITHIN(lost_backward);
	EVER_WITHIN(refused);
	EVER_WITHIN(unstamped);
	EVER_WITHIN(late);
	EVER_WITHIN(duplicate);
	EVER_WITHIN(reordered);
	EVER_WITHIN(dropped);
	EVER_WITHIN(rtt_sum_ns);
	EVER_WITHIN(variation_sum_ns);
#undef EVER_WITHIN
	for (uint32_t k = 0; k < STATS_BUCKETS; k++)
		ever_within("a bucket", buckets[k], least->buckets[k], most->buckets[k]);
}

static inline void ever_compare_native(const struct zones *zones,
				       const struct native_total *expected)
{
	struct native_total sum = { 0 };

	for (uint32_t i = 0; i < zones_count(zones); i++)
		ever_sum_native(&sum, &zones_get(zones, i)->native);
	assert_memory_equal(&sum, expected, sizeof(sum));
}

#endif
