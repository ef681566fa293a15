/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of zones: who is called what, and what was counted of each since the start. Must not
 * know slots, nor which peer is where.
 */
#include "zones.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct zones {
	uint32_t count;
	uint64_t dropped;
	struct zone list[ZONES_CAPACITY]; /* touched as far as there are zones */
};

int zones_open(struct zones **ret)
{
	struct zones *zones = calloc(1, sizeof(*zones));

	if (!zones)
		return -ENOMEM;
	zones->count = 1;
	*ret = zones;
	return 0;
}

void zones_close(struct zones *zones)
{
	free(zones);
}

/* A zone of no name is the first. */
uint32_t zones_find(struct zones *zones, const char *name)
{
	for (uint32_t i = 0; i < zones->count; i++) {
		if (strcmp(zones->list[i].name, name) == 0)
			return i;
	}
	if (zones->count == ZONES_CAPACITY || strlen(name) >= PEER_ZONE_CAPACITY)
		return 0;
	strcpy(zones->list[zones->count].name, name);
	return zones->count++;
}

uint32_t zones_count(const struct zones *zones)
{
	return zones->count;
}

void zones_drop(struct zones *zones)
{
	zones->dropped++;
}

uint64_t zones_dropped(const struct zones *zones)
{
	return zones->dropped;
}

const struct zone *zones_get(const struct zones *zones, uint32_t index)
{
	return &zones->list[index];
}

void zones_add(struct zones *zones, uint32_t index, const struct sample *sample)
{
	struct zone *zone = &zones->list[index];

	zone->counts.sent += sample->verdict != VERDICT_NONE;
	stats_count(&zone->counts, sample);
	recent_add(&zone->recent, sample);
	if (!sample_has_rtt(sample))
		return;
	zone->buckets[stats_bucket(sample->rtt_ns)]++;
	native_total_add(&zone->native, sample->rtt_ns);
}
