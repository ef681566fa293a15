/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss of each flow of a peer by itself, so that one bad path of several shows. Totals, and the
 * last hundred verdicts. Pure core: must not know ports, peers or logs.
 */
#ifndef FLOW_LOSS_H
#define FLOW_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define FLOW_LOSS_RECENT   100 /* probes that are looked back on */
#define FLOW_LOSS_MIN	   5   /* lost of them, and */
#define FLOW_LOSS_MULTIPLE 3   /* times the mean share of the peer's other flows: it stands out */

/* All zero at the start of a flow. */
struct flow_loss {
	uint32_t judged; /* probes returned or lost */
	uint32_t lost;
	uint64_t recent[2]; /* bit: lost; a ring of FLOW_LOSS_RECENT places */
	uint8_t next;	    /* place in it */
	bool full;	    /* the ring has been round; until then its share is of what it holds */
	bool told;	    /* it stands out, and that has been said */
};

_Static_assert(sizeof(struct flow_loss) == 32, "flow_loss");

/* Counts a verdict on flows[flow] of a peer's `count` flows. True, once, when the flow begins to
 * stand out from those others that were judged at all; again only after it has been inconspicuous
 * (fewer than FLOW_LOSS_MIN lost of the last FLOW_LOSS_RECENT) in between. */
bool flow_loss_add(struct flow_loss *flows, uint32_t count, uint32_t flow, bool lost);

/* Lost of the last FLOW_LOSS_RECENT. */
uint32_t flow_loss_recent(const struct flow_loss *flow);

#endif
