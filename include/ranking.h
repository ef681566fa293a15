/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which peers have series of their own where not all shall: the worst, by loss and then by how far
 * their p99 is above their zone's. Slow to take in and slower to leave out, so that series do not
 * flap: who has been listed for long enough is left out as soon as he is not among the worst. Pure
 * core: must not know what is exported of them.
 */
#ifndef RANKING_H
#define RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"

#define RANKING_EVERY_NS (15 * NS_PER_SECOND)
#define RANKING_ENTER	 3 /* evaluations in a row among the worst, to be taken in */
#define RANKING_STAY_NS	 (600 * NS_PER_SECOND)

#define RANKING_ALL UINT32_MAX /* count: everybody is listed */

struct ranking;

/* count: so many are listed at most; 0: nobody. */
int ranking_open(uint32_t slots, uint32_t count, struct ranking **ret);
void ranking_close(struct ranking *ranking);

/* One evaluation: between begin and end each live peer once. loss: of 65535; excess: p99 over its
 * zone's, in 1/1024 (1024: equal), 0 where not known. Who neither lost nor exceeds is never listed.
 */
void ranking_begin(struct ranking *ranking, struct local_time now);
void ranking_offer(struct ranking *ranking, uint32_t slot, uint16_t loss, uint32_t excess);
void ranking_end(struct ranking *ranking);

/* The slot is somebody else's, or nobody's: not listed, never seen. */
void ranking_forget(struct ranking *ranking, uint32_t slot);

/* RANKING_ALL: everybody, whatever slots there are. */
bool ranking_lists(const struct ranking *ranking, uint32_t slot);
uint32_t ranking_listed(const struct ranking *ranking);

#endif
