/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From probes in flight to verdicts: arms entries of kc_flights, matches the ring's records with
 * them and expires what stays out. Every probe ends in exactly one verdict.
 * Pure core: must not know who the peers are, nor keep totals.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"
#include "kernel_memory.h"

enum verdict {
	VERDICT_NONE = 0, /* an attribute of a probe that has its verdict already */
	VERDICT_RETURNED, /* answered in time */
	VERDICT_LOST, /* stamped, or without a neighbour to go to; no answer within the timeout */
	VERDICT_REFUSED,   /* a validated ICMP port unreachable (STAMP) */
	VERDICT_UNSTAMPED, /* a stamp of ours is missing: nothing is known */
};

/* What became known of one probe. */
struct sample {
	uint32_t slot;
	uint32_t sequence;
	uint16_t flow;
	uint8_t verdict; /* enum verdict */
	bool has_rtt;	 /* false: returned, but its record found no room in the ring */
	bool unseen; /* unstamped: it left and was answered, but ingress did not see the reply */
	bool late;   /* answered within one more timeout, by T4 - T1; it stays lost */
	bool never_left; /* lost without a stamp: its neighbour does not answer on the link */
	bool duplicate;
	uint8_t reply_ttl;    /* TTL or hop limit of the reply; 0: none was seen */
	uint8_t probe_ttl;    /* of the probe, as its reflector says that it got it; 0: not known */
	bool reordered;	      /* RFC 4737: a later probe of the flow was answered before it */
	bool has_variation;   /* in order, with an in-order reply of the flow before it */
	int64_t rtt_ns;	      /* (T4 - T1) - (T3 - T2) */
	int64_t variation_ns; /* |RTT - RTT of that reply| (RFC 3393, selection: consecutive
				 received) */
	/* Earlier losses of the flow whose direction became known; attributes of no verdict. */
	uint32_t lost_forward;
	uint32_t lost_backward;
};

/* Whether it has a place in histograms. */
static inline bool sample_has_rtt(const struct sample *sample)
{
	return sample->verdict == VERDICT_RETURNED && sample->has_rtt;
}

/* A probe leaves a little after it is armed, and a record is written a little after T4: nothing is
 * judged sooner than this after it is due. */
#define SAMPLES_GRACE_NS (50 * NS_PER_MS)

/* Probes of a slot are closed together, late by this share of the timeout at most: to look at it
 * for each of them would cost more than all else that becomes of a probe. */
#define SAMPLES_CLOSING_SHARE 4

typedef void sample_fn(void *ctx, const struct sample *sample);

struct samples;

/* `memory` must outlive it. late_ns == timeout_ns more is waited for a late reply. */
int samples_open(const struct kernel_memory *memory, int64_t timeout_ns, struct samples **ret);
void samples_close(struct samples *samples);

/* Smallest window (a power of two) of each flow in which nothing is overwritten before its late
 * reply may have come; also not where an ICMP peer has one flow in the place of all. */
uint32_t samples_window(int64_t timeout_ns, int64_t interval_ns, uint32_t flows);
/* The window of such a peer: the largest power of two in flows * window. */
uint32_t samples_echo_window(uint32_t window, uint32_t flows);

/* Starts anew for another peer: disarms all entries of the slot, sequences from 0. Echo: an ICMP
 * peer, whose only flow is 0. */
void samples_reset(struct samples *samples, uint32_t slot, bool echo);

/* Flows of the slot's peer: 1 or shape.flows. */
uint32_t samples_flows(const struct samples *samples, uint32_t slot);

/* Whether the slot's reflector counts each session, so that losses have a direction. Until it is
 * said, and when it is taken back, all are undetermined. */
void samples_set_stateful(struct samples *samples, uint32_t slot, bool stateful);

/* The slot's statistics start anew. Whatever was sent so far, if lost, stays undetermined, so that
 * no loss counted before gets its direction counted after; and of what has its verdict already no
 * late or further reply is told any more. */
void samples_start_anew(struct samples *samples, uint32_t slot);

/* Fetches the flow, of which arming a probe needs its next place. Changes nothing. */
void samples_expect_probe(const struct samples *samples, uint32_t slot, uint16_t flow);
/* Fetches that place; reads the flow. Changes nothing. */
void samples_expect_arming(const struct samples *samples, uint32_t slot, uint16_t flow);

/* Puts the next probe of (slot, flow) in flight. 0 and its sequence, or -EBUSY: the window is full.
 */
int samples_arm(struct samples *samples, uint32_t slot, uint16_t flow, uint64_t nonce,
		struct local_time now, uint32_t *ret_sequence);

/* The probe was not sent after all: as if it had never been armed. Its sequence is used again if it
 * is still the newest of the flow, otherwise left out. */
void samples_disarm(struct samples *samples, uint32_t slot, uint16_t flow, uint32_t sequence);

/* Fetches what a record of an existing slot and flow would need. Changes nothing. */
void samples_expect_record(const struct samples *samples, const struct kc_record *record);

/* A record of the ring. Calls `done` at most once; records of probes long closed say nothing. */
void samples_on_record(struct samples *samples, const struct kc_record *record, sample_fn *done,
		       void *ctx);

/* A valid reply was overheard on a socket that the ingress program never saw: unstamped (T4
 * missing). */
void samples_on_overheard(struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
			  uint64_t nonce, sample_fn *done, void *ctx);

/* A port unreachable that quotes the probe: refused, if it is in flight. */
void samples_on_refused(struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
			uint64_t nonce, sample_fn *done, void *ctx);

/* Whether the window holds a probe of that sequence and nonce, with a verdict or without. */
bool samples_holds(const struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
		   uint64_t nonce);

/* Some probe's time is up, and it has no stamp: worth asking about the slot's neighbour. */
bool samples_awaits_stamp(const struct samples *samples, uint32_t slot, struct local_time now);

/* Whether the neighbour that the slot's probes go to does not answer on the link, as of `now` and
 * until said anew: such a neighbour makes lost what would be unstamped. */
void samples_on_neighbour(struct samples *samples, uint32_t slot, bool unresolved,
			  struct local_time now);

/* Settles what is due. The ring must have been drained since `now` was read, so that an entry that
 * is taken without a record tells of a full ring. */
void samples_expire(struct samples *samples, uint32_t slot, struct local_time now, sample_fn *done,
		    void *ctx);
/* Fetches what it would need, first of all. Changes nothing. */
void samples_expect_expiry(const struct samples *samples, uint32_t slot);

uint32_t samples_in_flight(const struct samples *samples, uint32_t slot);
uint32_t samples_all_in_flight(const struct samples *samples);

/* When samples_expire is to be called for the slot, which does nothing before; ns INT64_MAX: never.
 */
struct local_time samples_next_expiry(const struct samples *samples, uint32_t slot);
/* The first slot from that one on for which it has come; all slots: for none. And when it comes
 * next, for any. */
uint32_t samples_find_expired(const struct samples *samples, uint32_t from, struct local_time now);
struct local_time samples_first_expiry(const struct samples *samples);

#endif
