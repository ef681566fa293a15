/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What samples.c and samples_expiry.c share: the story of each probe, kept beside kc_flights, and
 * where it stands. Nobody else includes this.
 */
#ifndef SAMPLES_STATE_H
#define SAMPLES_STATE_H

#include <stddef.h>

#include "direction.h"
#include "samples.h"

/* No packet is taken to overtake another that left so long before it. Later probes that overtake
 * are seen by their answers, but a lost one leaves no trace of when it arrived. */
#define SAMPLES_OVERTAKING_NS (20 * NS_PER_MS)

/* At most so many probes of a flow on the way at once are looked at, to tell who overtook whom. */
#define SAMPLES_COMPANY_MAX 64

enum flight_state {
	FLIGHT_NONE = 0, /* no probe of the window */
	FLIGHT_OUT,	 /* no verdict yet: in flight */
	FLIGHT_LOST,	 /* may still be answered late */
	FLIGHT_ANSWERED, /* in time; may still be answered again, as all below */
	FLIGHT_LATE,	 /* answered, but lost */
	FLIGHT_UNCLEAR,	 /* has its verdict; whether it was counted, and once, is unknown */
};

/* What is known of a probe besides its kc_flight, from arming until it is closed. */
struct entry {
	int64_t since_ns; /* sent, or T1 once that is known to count instead */
	uint32_t counter; /* of the reflector, when it was ANSWERED or LATE */
	uint8_t state;	  /* enum flight_state */
	uint8_t company;  /* later probes that were sent before its reply came, as far as counted */
	bool over : 1;	  /* nothing is armed any more: closed when all before it are */
	bool former : 1;  /* its verdict was counted before the statistics began anew */
	bool moved : 1;	  /* since_ns is T1: no longer in the order of sequences */
};

/* 19 hours; and as many probes as a window holds. */
#define FLOW_RTT_BITS	 46
#define FLOW_RTT_MASK	 ((UINT64_C(1) << FLOW_RTT_BITS) - 1)
#define FLOW_JUDGED_BITS 16
#define FLOW_JUDGED_MASK ((1U << FLOW_JUDGED_BITS) - 1)

/* Sequences of a flow: [first, next) stand in the window, all before are closed. Sequences wrap. */
struct flow {
	uint32_t first;
	uint32_t next;
	uint32_t in_order_sequence; /* the highest answered, hence the last in order */
	uint32_t directed_from;	    /* losses before have no direction */
	uint64_t in_order_rtt_ns : FLOW_RTT_BITS;
	uint64_t judged : FLOW_JUDGED_BITS; /* so many from first on are not OUT, at least */
	uint64_t in_order : 1; /* something was answered: the rtt and in_order_sequence are set */
	uint64_t directed : 1; /* directed_from is closed */
	int64_t settled_ns; /* what leaves from then on overtakes no unanswered one; 0: any time */
	struct direction direction;
};

struct slot {
	int64_t unresolved_at_ns; /* when its neighbour was last seen unresolved */
	uint32_t in_flight;
	bool unresolved; /* that was the last word on it */
	bool echo;	 /* one flow, with the window of all */
	bool stateful;
};

struct samples {
	const struct kernel_memory *memory;
	int64_t timeout_ns;
	uint32_t in_flight;   /* of all slots */
	int64_t *expiries_ns; /* [slots]: never later than a verdict is due, or the closing of many;
				 apart, since on every wake-up all are looked at */
	struct slot *slots;   /* [slots] */
	struct flow *flows;   /* [slots * flows] */
	struct entry *entries; /* [as kc_flights] */
};

static inline struct flow *samples_flow(const struct samples *samples, uint32_t slot, uint16_t flow)
{
	return &samples->flows[(size_t)slot * samples->memory->shape.flows + flow];
}

static inline uint32_t samples_slot_window(const struct samples *samples, uint32_t slot)
{
	const struct kernel_shape *shape = &samples->memory->shape;

	return samples->slots[slot].echo ? shape->echo_window : shape->window;
}

static inline size_t samples_index(const struct samples *samples, uint32_t slot, uint16_t flow,
				   uint32_t sequence)
{
	const struct kernel_shape *shape = &samples->memory->shape;

	return ((size_t)slot * shape->flows + flow) * shape->window +
	       (sequence & (samples_slot_window(samples, slot) - 1));
}

static inline bool flow_holds(const struct flow *flow, uint32_t sequence)
{
	return sequence - flow->first < flow->next - flow->first;
}

/* samples.c: from now on no packet is a reply to it. */
void samples_end(struct samples *samples, size_t index);

/* samples.c: the one way out of FLIGHT_OUT, except for samples_disarm. */
void samples_judge(struct samples *samples, size_t index, enum flight_state state,
		   const struct sample *sample, sample_fn *done, void *ctx);

#endif
