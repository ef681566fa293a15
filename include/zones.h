/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted over all probed peers of a zone: complete, whoever of them has series, and never
 * falling. Pure core: must not know slots.
 */
#ifndef ZONES_H
#define ZONES_H

#include <stdint.h>

#include "native.h"
#include "peer_candidate.h"
#include "recent.h"
#include "stats.h"

#define ZONES_CAPACITY 64 /* zone 0: not known, or no room */

/* Of thousands of peers: 64 bits. */
struct zone {
	char name[PEER_ZONE_CAPACITY]; /* empty: zone 0 */
	struct peer_stats counts;      /* but for its buckets, in whose place stand */
	uint64_t buckets[STATS_BUCKETS];
	struct native_total native;
	struct recent recent; /* for its p99 */
};

struct zones;

int zones_open(struct zones **ret);
void zones_close(struct zones *zones);

/* The zone of that name, taken in if need be; 0 if there is no room for it or it
 * has no name. Zones stay for ever: their counters may not fall. */
uint32_t zones_find(struct zones *zones, const char *name);
uint32_t zones_count(const struct zones *zones); /* with zone 0 */
/* A peer's zone found no room. */
void zones_drop(struct zones *zones);
uint64_t zones_dropped(const struct zones *zones);
const struct zone *zones_get(const struct zones *zones, uint32_t index);

/* With its verdict a probe counts as sent too, so that the sum holds whoever comes, goes or moves:
 * what was in flight to a peer that left has none, and is not counted. */
void zones_add(struct zones *zones, uint32_t index, const struct sample *sample);

#endif
