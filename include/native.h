/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native histograms of durations (Prometheus, schema 3: eight buckets for each power of two, about
 * 9 % apart), kept as plain arrays. Counts and reads; no text, no labels, no time.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#define NATIVE_SCHEMA 3
/* Bucket b, from 0, is Prometheus's bucket NATIVE_FIRST + b: it holds what is above
 * 2^((b - 1 + NATIVE_FIRST) / 8) s and at most 2^((b + NATIVE_FIRST) / 8) s. What is at most
 * 2^-20 s (0.95 us) is zero; what is above the last bucket's 8 s is in it. */
#define NATIVE_FIRST	    (-20 * 8 + 1)
#define NATIVE_BUCKETS	    (23 * 8)
#define NATIVE_ZERO_SECONDS 0x1p-20 /* the zero bucket's inclusive upper bound */

/* Of one peer, in few octets: 16 bits a bucket, and as many more for those that need them. One
 * probe a second needs 9 days at least until there is no room, mostly years. */
#define NATIVE_CARRIES 24
struct native_histogram {
	uint32_t zero;
	uint16_t low[NATIVE_BUCKETS];
	uint16_t high[NATIVE_CARRIES];	 /* of the bucket that `carried` says */
	uint8_t carried[NATIVE_CARRIES]; /* a bucket + 1; 0: free, as all that follow */
};

/* Of many peers, or of one that is read: 32 bits would last 10 days at 5,000 a second. */
struct native_total {
	uint64_t zero;
	uint64_t buckets[NATIVE_BUCKETS];
};

/* Whoever adds asks once in NATIVE_MARGIN values whether there is room for as many more, and clears
 * the histogram if not. */
#define NATIVE_MARGIN 32768
void native_add(struct native_histogram *histogram, int64_t value_ns);
/* Fetches what adding it would need. Changes nothing. */
void native_expect(const struct native_histogram *histogram, int64_t value_ns);
bool native_has_room(const struct native_histogram *histogram);
void native_total_add(struct native_total *total, int64_t value_ns);
void native_total_sum(struct native_total *total, const struct native_histogram *more);
uint64_t native_total_count(const struct native_total *total);

/* The greatest whole nanosecond that a bucket holds: its inclusive upper bound, rounded down. */
int64_t native_bound_ns(unsigned int bucket);

/* The value below which the share of all lies, to the nanosecond: as histogram_quantile() of
 * Prometheus 3 finds it, exponentially within a bucket, linearly from 0 within the zero bucket.
 * per_mille: 0 to 1000, more is 1000. 0 of an empty one. */
int64_t native_total_quantile_ns(const struct native_total *total, unsigned int per_mille);

#endif
