/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of each peer and of each zone, when that begins anew, and whose series are shown.
 * Must not know probes, nor why a peer comes or goes.
 */
#include "canary_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No bucket holds more than all that returned. Between two reviews are far fewer than the rest. */
#define RETURNED_MAX (UINT32_MAX / 2)

int canary_open_counts(struct canary *canary, uint32_t slots)
{
	int err = -ENOMEM;

	canary->stats = calloc(slots, sizeof(*canary->stats));
	canary->natives = calloc(slots, sizeof(*canary->natives));
	canary->recents = calloc(slots, sizeof(*canary->recents));
	if (canary->stats && canary->natives && canary->recents)
		err = zones_open(&canary->zones);
	if (err == 0)
		err = ranking_open(slots, canary->settings.listed, &canary->ranking);
	return err;
}

void canary_close_counts(struct canary *canary)
{
	ranking_close(canary->ranking);
	zones_close(canary->zones);
	free(canary->stats);
	free(canary->natives);
	free(canary->recents);
}

/* --- when it begins --- */

static void canary_clear_counters(struct canary *canary, uint32_t slot)
{
	canary->stats[slot] = (struct peer_stats){ 0 };
	memset(&canary->natives[slot], 0, sizeof(canary->natives[slot]));
}

void canary_clear_counts(struct canary *canary, uint32_t slot)
{
	canary_clear_counters(canary, slot);
	recent_begin(&canary->recents[slot], canary->now);
	ranking_forget(canary->ranking, slot);
}

void canary_begin_counts(struct canary *canary, uint32_t slot)
{
	recent_begin(&canary->recents[slot], canary->now);
	canary_follow_zone(canary, slot);
}

void canary_begin_anew(struct canary *canary, uint32_t slot)
{
	canary_clear_counts(canary, slot);
	canary->stats[slot].sent = samples_in_flight(canary->samples, slot);
	samples_start_anew(canary->samples, slot);
}

/* Its counters are worn out: as if the exporter had been started anew, but how the peer fares
 * lately and whether it is listed stay as they are. */
static void canary_renew_counters(struct canary *canary, uint32_t slot)
{
	canary_clear_counters(canary, slot);
	canary->recents[slot].since = canary->now;
	canary->stats[slot].sent = samples_in_flight(canary->samples, slot);
	samples_start_anew(canary->samples, slot);
}

void canary_follow_zone(struct canary *canary, uint32_t slot)
{
	const char *name = peers_get(canary->peers, slot)->zone;
	struct standing *standing = &canary->standings[slot];

	if (strcmp(zones_get(canary->zones, standing->zone)->name, name) == 0)
		return;
	standing->zone = (uint8_t)zones_find(canary->zones, name);
	if (standing->zone == 0 && name[0] && !standing->displaced)
		zones_drop(canary->zones);
	standing->displaced = standing->zone == 0 && name[0];
}

/* --- what is counted --- */

void canary_count_sent(struct canary *canary, uint32_t slot, int32_t count)
{
	canary->stats[slot].sent += (uint64_t)(int64_t)count;
}

void canary_expect_rtt(const struct canary *canary, uint32_t slot, int64_t rtt_ns)
{
	__builtin_prefetch(&canary->stats[slot].returned, 1);
	__builtin_prefetch(&canary->stats[slot].rtt_sum_ns, 1);
	__builtin_prefetch(&canary->recents[slot], 1);
	native_expect(&canary->natives[slot], rtt_ns);
}

/* What is lost of a peer that left is nobody's loss: its own counters end with the running call,
 * those of its zone do not. */
void canary_count_sample(struct canary *canary, const struct sample *sample)
{
	const struct standing *standing = &canary->standings[sample->slot];

	stats_add(&canary->stats[sample->slot], sample);
	recent_add(&canary->recents[sample->slot], sample);
	if (sample_has_rtt(sample))
		native_add(&canary->natives[sample->slot], sample->rtt_ns);
	if (!standing->left)
		zones_add(canary->zones, standing->zone, sample);
	canary->totals.unstamped += sample->verdict == VERDICT_UNSTAMPED;
	canary->totals.dropped += sample->verdict == VERDICT_RETURNED && !sample->has_rtt;
}

/* --- who is shown --- */

/* Its p99 in 1024ths of its zone's. */
static uint32_t canary_excess(const struct canary *canary, uint32_t slot)
{
	const struct zone *zone = zones_get(canary->zones, canary->standings[slot].zone);
	const struct recent *recent = &canary->recents[slot];
	uint64_t excess;

	if (!recent_is_settled(recent) || !recent_is_settled(&zone->recent))
		return 0;
	excess = (uint64_t)recent_p99_ns(recent) * 1024 / (uint64_t)recent_p99_ns(&zone->recent);
	return excess < UINT32_MAX ? (uint32_t)excess : UINT32_MAX;
}

/* Most that one peer can add between two reviews is far less than NATIVE_MARGIN. So few have room
 * in any case. */
static bool canary_is_worn(const struct canary *canary, uint32_t slot)
{
	uint64_t returned = canary->stats[slot].returned;

	return returned > RETURNED_MAX || (returned / NATIVE_MARGIN > NATIVE_CARRIES &&
					   !native_has_room(&canary->natives[slot]));
}

/* Narrow counters never run over: a peer's begin anew before. */
void canary_review(struct canary *canary, struct local_time now)
{
	if (local_since(now, canary->review_at) < 0)
		return;
	canary->review_at = local_after(now, RANKING_EVERY_NS);
	ranking_begin(canary->ranking, now);
	for (uint32_t slot = 0; slot < canary->memory->shape.slots; slot++) {
		if (!peer_is_live(peers_get(canary->peers, slot)))
			continue;
		if (canary_is_worn(canary, slot))
			canary_renew_counters(canary, slot);
		ranking_offer(canary->ranking, slot, canary->recents[slot].loss,
			      canary_excess(canary, slot));
	}
	ranking_end(canary->ranking);
}

/* --- what there is to see --- */

const struct peer_stats *canary_stats(const struct canary *canary, uint32_t slot)
{
	return &canary->stats[slot];
}

const struct native_histogram *canary_native(const struct canary *canary, uint32_t slot)
{
	return &canary->natives[slot];
}

const struct recent *canary_recent(const struct canary *canary, uint32_t slot)
{
	return &canary->recents[slot];
}

const struct zones *canary_zones(const struct canary *canary)
{
	return canary->zones;
}

const struct ranking *canary_ranking(const struct canary *canary)
{
	return canary->ranking;
}
