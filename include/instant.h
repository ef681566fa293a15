/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time, one type per clock domain, so that subtracting one machine's clock from another's
 * does not compile. Types and their only legal subtractions; reading a clock is loop.c's.
 */
#ifndef INSTANT_H
#define INSTANT_H

#include <stdint.h>

#define NS_PER_US     1000LL
#define NS_PER_MS     1000000LL
#define NS_PER_SECOND 1000000000LL

/* CLOCK_MONOTONIC of this machine: T1, T4 and every `now`. */
struct local_time {
	int64_t ns;
};

/* The clock of a reflecting peer: T2 and T3. */
struct peer_time {
	int64_t ns;
};

static inline int64_t local_since(struct local_time later, struct local_time earlier)
{
	return later.ns - earlier.ns;
}

static inline int64_t peer_since(struct peer_time later, struct peer_time earlier)
{
	return later.ns - earlier.ns;
}

static inline struct local_time local_after(struct local_time start, int64_t duration_ns)
{
	return (struct local_time){ .ns = start.ns + duration_ns };
}

#endif
