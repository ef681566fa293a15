/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this node stands, as people see it: what several of the core's tables tell together. Must
 * not know in which format it is shown.
 */
#ifndef STATUS_VIEW_H
#define STATUS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "exposition.h"
#include "peer_view.h"

struct status_view {
	/* Addresses by state, as in kube_canary_peers. */
	uint64_t discovered;
	uint64_t known; /* discovered, neither own nor in a slot */
	uint64_t probed;
	uint64_t resolving;
	uint64_t lingering; /* of the two before */
	uint64_t unnamed;   /* likewise */
	uint64_t unlisted;  /* likewise */
	uint64_t twin;
	uint32_t health[HEALTHS]; /* of those probed and resolving */
	uint64_t time_unix_ns;
	uint64_t uptime_ns;
	uint64_t loop_delays; /* without any, the quantiles are 0 */
	uint64_t loop_delay_p50_ns;
	uint64_t loop_delay_p99_ns;
	uint64_t refused; /* by our reflector, all reasons together */
};

void status_view_read(const struct exposition *exposition, struct status_view *ret);

/* This instant in nanoseconds of Unix time; 0 before 1970. */
uint64_t status_unix_ns(const struct exposition *exposition, struct local_time instant);

/* As histogram_quantile() does: linearly within a bucket; of what is above all bounds, the highest.
 */
uint64_t delay_histogram_quantile_ns(const struct delay_histogram *histogram,
				     unsigned int per_mille);

#endif
