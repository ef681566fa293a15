/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns when each slot is probed next. Must not know peers or probes.
 */
#include "turns.h"

#include <errno.h>
#include <stdlib.h>

/* A turn missed by more than this, and by more than an interval, is left out: after a stall the
 * peers are probed at their phases again, not all at once. Less lateness than this must never
 * silence a peer. */
#define TURN_LATE_MAX_NS NS_PER_SECOND

/* A wake-up with cold caches costs as much as a dozen probes, whatever it does: at a leisurely pace
 * the ticks decide what a probe costs. Stamps are the kernel's, so that no figure depends on them.
 */
#define TICK_MAX_NS (100 * NS_PER_MS)

#define NEVER INT64_MAX

struct turns {
	uint32_t slots;
	int64_t interval_ns;
	int64_t phase_ns;
	struct local_time next[]; /* [slots] */
};

int turns_open(uint32_t slots, int64_t interval_ns, int64_t phase_ns, struct turns **ret)
{
	struct turns *turns = calloc(1, sizeof(*turns) + slots * sizeof(turns->next[0]));

	if (!turns)
		return -ENOMEM;
	turns->slots = slots;
	turns->interval_ns = interval_ns;
	turns->phase_ns = phase_ns;
	for (uint32_t slot = 0; slot < slots; slot++)
		turns_stop(turns, slot);
	*ret = turns;
	return 0;
}

void turns_close(struct turns *turns)
{
	free(turns);
}

/* Multiples of the interval, beside the phase. By the golden ratio, any run of slots is spread
 * evenly (Weyl). */
void turns_start(struct turns *turns, uint32_t slot, struct local_time now)
{
	int64_t interval_ns = turns->interval_ns;
	int64_t last_ns = turns->next[slot].ns;
	int64_t share = (slot * 0x9e3779b9u) >> 12; /* of 2^20 */
	int64_t phase_ns = ((share * interval_ns >> 20) + turns->phase_ns) % interval_ns;
	int64_t count = (now.ns - phase_ns + interval_ns) / interval_ns;

	turns->next[slot].ns = count * interval_ns + phase_ns;
	if (turns->phase_ns != TURNS_AT_ONCE)
		return;
	if (last_ns == NEVER)
		turns->next[slot] = now;
	else if (last_ns <= now.ns)
		turns->next[slot].ns = now.ns + interval_ns - (now.ns - last_ns) % interval_ns;
	else
		turns->next[slot].ns = last_ns;
}

void turns_stop(struct turns *turns, uint32_t slot)
{
	turns->next[slot].ns = NEVER;
}

bool turns_take(struct turns *turns, uint32_t slot, struct local_time now)
{
	int64_t late_ns = local_since(now, turns->next[slot]);

	if (late_ns < 0)
		return false;
	turns_start(turns, slot, now);
	return late_ns <= turns->interval_ns || late_ns <= TURN_LATE_MAX_NS;
}

struct local_time turns_next(const struct turns *turns, uint32_t slot)
{
	return turns->next[slot];
}

uint32_t turns_find(const struct turns *turns, uint32_t from, struct local_time now)
{
	while (from < turns->slots && turns->next[from].ns > now.ns)
		from++;
	return from;
}

struct local_time turns_first(const struct turns *turns)
{
	struct local_time first = { .ns = NEVER };

	for (uint32_t slot = 0; slot < turns->slots; slot++)
		if (turns->next[slot].ns < first.ns)
			first = turns->next[slot];
	return first;
}

int64_t turns_tick_ns(int64_t interval_ns, uint32_t slots, uint32_t batch)
{
	int64_t ticks = (interval_ns + TICK_MAX_NS - 1) / TICK_MAX_NS;
	int64_t batches = (slots + batch - 1) / batch;
	int64_t tick_ns = interval_ns / (batches > ticks ? batches : ticks);

	return tick_ns < TURNS_TICK_MIN_NS ? TURNS_TICK_MIN_NS : tick_ns;
}
