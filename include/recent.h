/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a peer fares lately, in a few octets: share of loss and a high percentile of the RTT, each
 * estimated as samples come, without keeping any. For ranking and for people; what is exported as a
 * metric is counted in stats.h. Pure core.
 */
#ifndef RECENT_H
#define RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"
#include "samples.h"

struct recent {
	struct local_time since; /* the series began: the peer joined, or its label changed */
	uint32_t last_rtt_ns;	 /* saturated; 0: none yet */
	uint32_t min_rtt_ns;	 /* since the series began */
	uint32_t p99_log; /* log2 of the estimated 99th percentile in ns, 16 fractional bits; 0:
			     none yet */
	uint16_t loss; /* share of lost among lost and returned, of 65535, of about the last 100 */
	uint16_t samples;  /* those, saturated: how much it is worth */
	uint8_t verdict;   /* enum verdict of the last probe that has one */
	uint8_t reply_ttl; /* TTL or hop limit of the last reply; 0: not known */
	uint8_t probe_ttl; /* of the probe, where the reflector got it */
	uint8_t loss_rest; /* of the share: 256 are one of 65535 */
	uint16_t p99_step; /* how far the estimate goes up, as p99_log; 0: not settled yet */
	uint16_t p99_gap;  /* RTTs since it last did; until it is settled, all so far */
	uint8_t lost_run;  /* saturated: so many were lost since one was returned or refused */
};

/* RTTs after which the estimate is worth something; until then it is the highest. */
#define RECENT_SETTLED 64

void recent_begin(struct recent *recent, struct local_time now);
void recent_add(struct recent *recent, const struct sample *sample);
int64_t recent_p99_ns(const struct recent *recent);  /* 0: none yet */
bool recent_is_settled(const struct recent *recent); /* that it is worth something */

#endif
