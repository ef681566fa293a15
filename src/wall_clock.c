/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads how the wall clock stands against the monotonic one and what the kernel says of its error.
 * Must not know what for.
 */
#include "wall_clock.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <sys/timex.h>

#include "instant.h"
#include "loop.h"
#include "stamp.h"

/* One of so few is not interrupted between its two readings of the monotonic clock. */
#define READINGS 5

#define MULTIPLIER_MAX	  255
#define ERROR_SECONDS_MAX (1LL << 31) /* 68 years: more is as good as unknown */

uint16_t wall_clock_error_estimate_be(int64_t error_ns, bool synchronized)
{
	uint64_t seconds = (uint64_t)error_ns / NS_PER_SECOND;
	uint64_t rest_ns = (uint64_t)error_ns % NS_PER_SECOND;
	uint64_t multiplier; /* in units of 2^(scale - 32) s */
	unsigned int scale = 0;

	if (error_ns < 0 || seconds >= ERROR_SECONDS_MAX) {
		scale = STAMP_SCALE_MASK;
		multiplier = MULTIPLIER_MAX;
	} else {
		multiplier = (seconds << 32) +
			     ((rest_ns << 32) + NS_PER_SECOND - 1) / NS_PER_SECOND;
	}
	for (; multiplier > MULTIPLIER_MAX; scale++)
		multiplier = multiplier / 2 + multiplier % 2; /* up: it must cover the error */
	if (multiplier == 0)
		multiplier = 1;
	return htons((uint16_t)((synchronized ? STAMP_SYNCHRONIZED : 0) |
				scale << STAMP_SCALE_SHIFT | multiplier));
}

static uint16_t read_error_estimate_be(void)
{
	struct timex state = { .modes = 0 };
	int status = adjtimex(&state);

	if (status < 0)
		return wall_clock_error_estimate_be(-1, false);
	return wall_clock_error_estimate_be((int64_t)state.maxerror * (NS_PER_SECOND / 1000000),
					    status != TIME_ERROR && !(state.status & STA_UNSYNC));
}

int64_t wall_clock_offset(int64_t *ret_error_ns)
{
	int64_t tightest_ns = INT64_MAX;
	int64_t offset_ns = 0;

	for (int i = 0; i < READINGS; i++) {
		struct local_time before = loop_now();
		int64_t unix_ns = loop_unix_ns();
		int64_t took_ns = local_since(loop_now(), before);

		if (took_ns >= tightest_ns)
			continue;
		tightest_ns = took_ns;
		offset_ns = unix_ns - (before.ns + took_ns / 2);
	}
	*ret_error_ns = tightest_ns / 2 + 1;
	return offset_ns;
}

void wall_clock_read(struct wall_clock *ret)
{
	int64_t error_ns;

	ret->offset_ns = wall_clock_offset(&error_ns);
	ret->error_estimate_be = read_error_estimate_be();
}
