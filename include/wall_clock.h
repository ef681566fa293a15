/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the wall clock stands against the monotonic one, and what the kernel says of its error. Must
 * not know what for.
 */
#ifndef WALL_CLOCK_H
#define WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "canary.h"

/* The offset by the tightest of a few readings; the error estimate from adjtimex(2), S only when
 * the kernel says that the clock is synchronised. Where that is not permitted: not synchronised,
 * and the largest error that can be said. */
void wall_clock_read(struct wall_clock *ret);

/* CLOCK_REALTIME less CLOCK_MONOTONIC, likewise, and how far off that may be. */
int64_t wall_clock_offset(int64_t *ret_error_ns);

/* Error Estimate as in stamp.h, of NTP timestamps (Z 0): the smallest that can be said and is not
 * below the error. Of an error that is negative, unknown or beyond 68 years: the largest. */
uint16_t wall_clock_error_estimate_be(int64_t error_ns, bool synchronized);

#endif
