/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way probes were lost, told by the counter of a stateful reflector (RFC 8762 section 4.3):
 * between two replies it advances by the probes that arrived. One state for each flow; fed with
 * every probe in the order of sequences, once nothing can come of it any more.
 * Pure core: must not know windows, peers or what is exported.
 */
#ifndef DIRECTION_H
#define DIRECTION_H

#include <stdbool.h>
#include <stdint.h>

enum direction_outcome {
	DIRECTION_ANSWERED, /* in time; counter is set */
	DIRECTION_LATE,	    /* answered, but its verdict is lost; counter is set */
	DIRECTION_LOST,	    /* nothing came */
	/* It is not known whether the reflector counted it, or how often: refused, unstamped, a
	 * dropped sample, a duplicate. Nothing is attributed across it. */
	DIRECTION_UNCLEAR,
};

struct direction_probe {
	uint32_t sequence;
	uint32_t counter;
	uint8_t outcome; /* enum direction_outcome */
	/* No later probe of the flow arrived before it, and none arrives after it that was sent
	 * before and not answered. Those answered are held against it here, by their counters. */
	bool in_order;
};

/* All zero: nothing known. */
struct direction {
	uint32_t sequence; /* of the last reply that serves as a reference */
	uint32_t counter;
	uint32_t highest; /* counter seen since, or before there was a reference */
	uint32_t closed;  /* sequence of the last probe */
	uint32_t lost;	  /* verdicts since; late answers were not lost on a way */
	bool seen;	  /* highest is set */
	bool anchored;	  /* there is a reference */
	bool unclear;	  /* something since the reference forbids attribution */
};

/* Losses whose direction became known. The rest of what was lost stays undetermined. */
struct direction_finding {
	uint32_t forward;
	uint32_t backward;
};

/* A counter that does not fit (restart of the reflector, eviction of the session, more arrivals
 * than probes, a sequence left out) leaves everything since the reference undetermined and starts
 * anew from here. So does one that a restart could explain as well. Both sequences and counters
 * wrap. */
struct direction_finding direction_on_closed(struct direction *direction,
					     const struct direction_probe *probe);

#endif
