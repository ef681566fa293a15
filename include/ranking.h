/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which peers have series of their own where not all shall: the worst, by loss and then by how far
 * their p99 is above their zone's. Slow to take in and slower to leave out, so that series do not
 * flap; but whoever is far worse than those that stay does not wait for them. Pure core: must not
 * know what is exported of them.
 */
#ifndef RANKING_H
#define RANKING_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"

#define RANKING_EVERY_NS (15 * NS_PER_SECOND)
#define RANKING_ENTER	 3 /* evaluations in a row among the worst, to be taken in */
#define RANKING_STAY_NS	 (600 * NS_PER_SECOND)

/* Who stays has places besides those of the worst: listed are at most so many times as many. */
#define RANKING_ROOM 2

/* Where that does not do, nobody leaves before his time but for one who is far worse: whose loss is
 * twice as much and a tenth of all more; or where nothing is lost, whose p99 is so many times as
 * far above. By chance, of many that are alike, hardly any two are so far apart for three
 * evaluations. */
#define RANKING_FAR_LOSS   (UINT16_MAX / 10)
#define RANKING_FAR_EXCESS 4

/* Of 65535: one lost probe of about a hundred that count, which may befall any. Only more ranks. */
#define RANKING_LOSS_NOISE 655

/* 1.25, in 1/1024; only as much as this ranks. Estimates of peers that are alike differ: of 50
 * whose p99 is 1.6 times the median, chance lists one an hour so, and all the time ten if any
 * excess ranks. */
#define RANKING_EXCESS_MIN 1280

#define RANKING_ALL UINT32_MAX /* count: everybody is listed */

struct ranking;

/* count: so many are the worst, and RANKING_ROOM times as many are listed at most; 0: nobody. */
int ranking_open(uint32_t slots, uint32_t count, struct ranking **ret);
void ranking_close(struct ranking *ranking);

/* One evaluation: between begin and end each live peer once. loss: of 65535; excess: p99 over its
 * zone's, in 1/1024 (1024: equal), 0 where not known. Whose loss is noise and whose excess is less
 * than the least that ranks, is not among the worst. */
void ranking_begin(struct ranking *ranking, struct local_time now);
void ranking_offer(struct ranking *ranking, uint32_t slot, uint16_t loss, uint32_t excess);
void ranking_end(struct ranking *ranking);

/* The slot is somebody else's, or nobody's: not listed, never seen. */
void ranking_forget(struct ranking *ranking, uint32_t slot);

/* RANKING_ALL: everybody, whatever slots there are. */
bool ranking_lists(const struct ranking *ranking, uint32_t slot);
uint32_t ranking_listed(const struct ranking *ranking);

#endif
