/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer as people see it: what the core's tables hold of it, brought together and judged in one
 * word. Must not know in which format it is shown.
 */
#ifndef PEER_VIEW_H
#define PEER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "exposition.h"

/* The first that holds, in this order but for HEALTH_OK. */
enum peer_health {
	HEALTH_OK = 0,
	HEALTH_DEGRADED, /* more than HEALTH_LOSS is lost lately, or one flow stands out */
	/* The last probes were lost, so many in a row as there are flows, HEALTH_LOST_RUN at least.
	 */
	HEALTH_LOST,
	HEALTH_REFUSED, /* the last probe was: the node answers, its reflector does not */
	/* No verdict yet, or not probed yet, or the last probe was not stamped: nothing is known.
	 */
	HEALTH_UNKNOWN,
	HEALTHS,
};

#define HEALTH_LOSS	(UINT16_MAX / 50) /* of 65535: 2 % */
#define HEALTH_LOST_RUN 3

const char *peer_health_name(enum peer_health health);

struct peer_view {
	const struct peer *peer;
	const struct peer_stats *stats;
	const struct recent *recent;
	const struct flow_loss *flows; /* [flow_count] */
	uint32_t flow_count;
	uint32_t slot;
	enum peer_health health;
	const char *state;    /* "probed", "resolving" or "lingering" */
	const char *family;   /* "ipv4" or "ipv6" */
	const char *protocol; /* "stamp" or "icmp" */
	bool listed;	      /* it has series of its own */
	bool has_rtt;	      /* one at least; without it, what follows is 0 */
	bool has_variation;
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
	uint64_t variation_ns; /* mean */
	uint64_t undetermined; /* lost, and not known which way */
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];
	struct native_total native;
};

/* False where no live peer is. */
bool peer_view_read(const struct exposition *exposition, uint32_t slot, struct peer_view *ret);

/* Of all live peers: how many are in which health. */
void peer_view_count(const struct exposition *exposition, uint32_t ret[static HEALTHS]);

#endif
