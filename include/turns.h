/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When each slot's turn to be probed is: one in every interval, each slot at a phase of its own.
 * Pure core: must not know peers or probes.
 */
#ifndef TURNS_H
#define TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"

struct turns;

/* phase_ns shifts all slots alike, so that nodes do not probe in step. TURNS_AT_ONCE: a slot's
 * first turn is when it starts, and that is its phase. */
#define TURNS_AT_ONCE (-1)
int turns_open(uint32_t slots, int64_t interval_ns, int64_t phase_ns, struct turns **ret);
void turns_close(struct turns *turns);

void turns_start(struct turns *turns, uint32_t slot, struct local_time now);
void turns_stop(struct turns *turns, uint32_t slot);

/* True: it is the slot's turn. One that was missed by long is left out, not made up for. */
bool turns_take(struct turns *turns, uint32_t slot, struct local_time now);

/* When turns_take has work for the slot; ns INT64_MAX for a stopped one. */
struct local_time turns_next(const struct turns *turns, uint32_t slot);

/* The first slot from that one on for which turns_take has work; all slots: none has. And when it
 * has work next, for any. Asked on every wake-up, so not of each slot by itself. */
uint32_t turns_find(const struct turns *turns, uint32_t from, struct local_time now);
struct local_time turns_first(const struct turns *turns);

/* How far apart the ticks are, in which turns of several slots are taken together: as far as few
 * wake-ups want it (100 ms), but no farther than that a tick has, on average, at most `batch` of
 * them, and one of a slot. An interval is a whole number of ticks (but for a rest of nanoseconds),
 * so that a slot's turns stay an interval apart, and slots that come or go mostly change nothing.
 * At the least that a tick can be, a millisecond, neither a batch nor whole ticks are promised. */
#define TURNS_TICK_MIN_NS NS_PER_MS
int64_t turns_tick_ns(int64_t interval_ns, uint32_t slots, uint32_t batch);

#endif
