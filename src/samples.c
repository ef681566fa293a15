/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns kc_flights and what user space remembers beside it: when each probe was sent and how far its
 * story has gone. The entry of a probe stays armed until a late or further reply cannot come any
 * more. Must not know who the peers are, nor keep totals.
 */
#include "samples.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum flight_state {
	FLIGHT_NONE = 0, /* nothing is armed here */
	FLIGHT_OUT,	 /* no verdict yet: in flight */
	FLIGHT_LOST,	 /* may still be answered late */
	FLIGHT_ANSWERED, /* may still be answered again */
};

/* Sequences of a flow: [first, next) stand in the window, all before are closed. Sequences wrap. */
struct flow {
	uint32_t first;
	uint32_t next;
	bool in_order;		    /* something was answered: the two below are set */
	uint32_t in_order_sequence; /* the highest answered, hence the last in order */
	int64_t in_order_rtt_ns;
};

struct slot {
	int64_t next_expiry_ns;	  /* never later than the first work of samples_expire */
	int64_t unresolved_at_ns; /* when its neighbour was last seen unresolved */
	uint32_t in_flight;
	bool unresolved; /* that was the last word on it */
};

struct samples {
	const struct kernel_memory *memory;
	int64_t timeout_ns;
	struct slot *slots; /* [slots] */
	struct flow *flows; /* [slots * flows] */
	int64_t *since_ns;  /* [as kc_flights]: sent, or T1 once that is known to count instead */
	uint8_t *states;    /* [as kc_flights]: enum flight_state */
};

int samples_open(const struct kernel_memory *memory, int64_t timeout_ns, struct samples **ret)
{
	const struct kernel_shape *shape = &memory->shape;
	size_t flows = (size_t)shape->slots * shape->flows;
	struct samples *samples = calloc(1, sizeof(*samples));

	if (!samples)
		return -ENOMEM;
	samples->memory = memory;
	samples->timeout_ns = timeout_ns;
	samples->slots = calloc(shape->slots, sizeof(*samples->slots));
	samples->flows = calloc(flows, sizeof(*samples->flows));
	samples->since_ns = calloc(flows * shape->window, sizeof(*samples->since_ns));
	samples->states = calloc(flows * shape->window, sizeof(*samples->states));
	if (!samples->slots || !samples->flows || !samples->since_ns || !samples->states) {
		samples_close(samples);
		return -ENOMEM;
	}
	for (uint32_t slot = 0; slot < shape->slots; slot++)
		samples_reset(samples, slot);
	*ret = samples;
	return 0;
}

void samples_close(struct samples *samples)
{
	if (!samples)
		return;
	free(samples->slots);
	free(samples->flows);
	free(samples->since_ns);
	free(samples->states);
	free(samples);
}

uint32_t samples_window(int64_t timeout_ns, int64_t interval_ns, uint32_t flows)
{
	int64_t pace_ns = interval_ns * flows;
	/* Two more: the division's rest, and a probe sent while its oldest waits for the next tick.
	 */
	int64_t needed = (2 * (timeout_ns + SAMPLES_GRACE_NS) + pace_ns - 1) / pace_ns + 2;
	uint32_t window = 4;

	while (window < needed)
		window *= 2;
	return window;
}

static struct flow *samples_flow(const struct samples *samples, uint32_t slot, uint16_t flow)
{
	return &samples->flows[(size_t)slot * samples->memory->shape.flows + flow];
}

static size_t samples_index(const struct samples *samples, uint32_t slot, uint16_t flow,
			    uint32_t sequence)
{
	const struct kernel_shape *shape = &samples->memory->shape;

	return ((size_t)slot * shape->flows + flow) * shape->window +
	       (sequence & (shape->window - 1));
}

static void samples_clear(struct samples *samples, size_t index)
{
	__atomic_store_n(&samples->memory->flights[index].nonce, 0, __ATOMIC_RELEASE);
	samples->states[index] = FLIGHT_NONE;
}

void samples_reset(struct samples *samples, uint32_t slot)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	size_t entries = (size_t)shape->flows * shape->window;

	assert(slot < shape->slots);
	for (size_t i = 0; i < entries; i++)
		samples_clear(samples, slot * entries + i);
	memset(samples_flow(samples, slot, 0), 0, shape->flows * sizeof(struct flow));
	samples->slots[slot] = (struct slot){ .next_expiry_ns = INT64_MAX,
					      .unresolved_at_ns = INT64_MIN };
}

static bool flow_holds(const struct flow *flow, uint32_t sequence)
{
	return sequence - flow->first < flow->next - flow->first;
}

int samples_arm(struct samples *samples, uint32_t slot, uint16_t flow, uint64_t nonce,
		struct local_time now, uint32_t *ret_sequence)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	struct flow *sequences = samples_flow(samples, slot, flow);
	struct slot *own = &samples->slots[slot];
	int64_t due_ns = now.ns + samples->timeout_ns + SAMPLES_GRACE_NS;

	assert(slot < shape->slots && flow < shape->flows && nonce != 0);
	if (sequences->next - sequences->first >= shape->window)
		return -EBUSY;

	size_t index = samples_index(samples, slot, flow, sequences->next);
	struct kc_flight *flight = &samples->memory->flights[index];

	/* The programs heed an entry only while its nonce is a packet's: it is set last. */
	__atomic_store_n(&flight->nonce, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&flight->t1_ns, KC_T1_ARMED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&flight->nonce, nonce, __ATOMIC_RELEASE);
	samples->since_ns[index] = now.ns;
	samples->states[index] = FLIGHT_OUT;
	own->in_flight++;
	if (due_ns < own->next_expiry_ns)
		own->next_expiry_ns = due_ns;
	*ret_sequence = sequences->next++;
	return 0;
}

void samples_disarm(struct samples *samples, uint32_t slot, uint16_t flow, uint32_t sequence)
{
	struct flow *sequences = samples_flow(samples, slot, flow);
	size_t index = samples_index(samples, slot, flow, sequence);

	if (!flow_holds(sequences, sequence) || samples->states[index] != FLIGHT_OUT)
		return;
	samples_clear(samples, index);
	samples->slots[slot].in_flight--;
	if (sequence + 1 == sequences->next)
		sequences->next = sequence;
}

/* An answer in time: its place in the order, and how it varies from the one before. */
static void flow_answered(struct flow *flow, struct sample *sample)
{
	if (flow->in_order && (int32_t)(sample->sequence - flow->in_order_sequence) < 0) {
		sample->reordered = true;
		return;
	}
	if (flow->in_order) {
		int64_t difference_ns = sample->rtt_ns - flow->in_order_rtt_ns;

		sample->has_variation = true;
		sample->variation_ns = difference_ns < 0 ? -difference_ns : difference_ns;
	}
	flow->in_order = true;
	flow->in_order_sequence = sample->sequence;
	flow->in_order_rtt_ns = sample->rtt_ns;
}

/* The one way out of FLIGHT_OUT, except for samples_disarm. */
static void samples_judge(struct samples *samples, size_t index, enum flight_state state,
			  const struct sample *sample, sample_fn *done, void *ctx)
{
	assert(samples->states[index] == FLIGHT_OUT && sample->verdict != VERDICT_NONE);
	if (state == FLIGHT_NONE)
		samples_clear(samples, index);
	samples->states[index] = (uint8_t)state;
	samples->slots[sample->slot].in_flight--;
	done(ctx, sample);
}

static void samples_on_reply(struct samples *samples, size_t index, int64_t rtt_ns,
			     struct sample *sample, sample_fn *done, void *ctx)
{
	bool late = rtt_ns > samples->timeout_ns && rtt_ns <= 2 * samples->timeout_ns;

	if (samples->states[index] == FLIGHT_LOST) {
		samples->states[index] = FLIGHT_ANSWERED;
		/* Even an answer in time, that came while the verdict was being given, is late now.
		 */
		sample->late = rtt_ns <= 2 * samples->timeout_ns;
		if (sample->late)
			done(ctx, sample);
	} else if (samples->states[index] == FLIGHT_OUT) {
		if (rtt_ns <= samples->timeout_ns) {
			sample->verdict = VERDICT_RETURNED;
			sample->has_rtt = true;
			sample->rtt_ns = rtt_ns;
			flow_answered(samples_flow(samples, sample->slot, sample->flow), sample);
		} else {
			sample->verdict = VERDICT_LOST;
			sample->late = late;
		}
		samples_judge(samples, index, FLIGHT_ANSWERED, sample, done, ctx);
	}
}

/* The probe in the window that a reply answers, by the low bits of its sequence and the nonce. */
static bool samples_find(const struct samples *samples, struct sample *sample, uint16_t echoed,
			 uint64_t nonce, size_t *ret_index)
{
	const struct flow *flow = samples_flow(samples, sample->slot, sample->flow);
	uint32_t past_first = (echoed - flow->first) & (samples->memory->shape.window - 1);

	sample->sequence = flow->first + past_first;
	*ret_index = samples_index(samples, sample->slot, sample->flow, sample->sequence);
	return nonce != 0 && (uint16_t)sample->sequence == echoed &&
	       flow_holds(flow, sample->sequence) &&
	       samples->memory->flights[*ret_index].nonce == nonce;
}

void samples_on_record(struct samples *samples, const struct kc_record *record, sample_fn *done,
		       void *ctx)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	struct sample sample = { .slot = record->slot, .flow = record->flow };
	size_t index;

	if (record->slot >= shape->slots || record->flow >= shape->flows ||
	    !samples_find(samples, &sample, record->sequence, record->nonce, &index))
		return;
	if (record->kind == KC_DUPLICATE) {
		sample.duplicate = true;
		done(ctx, &sample);
	} else if (record->kind == KC_RETURNED && record->t1_ns > KC_T1_TAKEN &&
		   record->t4_ns >= record->t1_ns) {
		samples_on_reply(samples, index, (int64_t)(record->t4_ns - record->t1_ns), &sample,
				 done, ctx);
	}
}

void samples_on_overheard(struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
			  uint64_t nonce, sample_fn *done, void *ctx)
{
	struct sample sample = { .slot = slot, .flow = flow, .verdict = VERDICT_UNSTAMPED };
	size_t index;
	__u64 t1_ns;

	if (!samples_find(samples, &sample, echoed, nonce, &index) ||
	    samples->states[index] != FLIGHT_OUT)
		return;
	t1_ns = __atomic_load_n(&samples->memory->flights[index].t1_ns, __ATOMIC_ACQUIRE);
	sample.unseen = t1_ns != KC_T1_ARMED;
	/* Taken: the ingress program did see it, its record is under way. */
	if (t1_ns != KC_T1_TAKEN)
		samples_judge(samples, index, FLIGHT_NONE, &sample, done, ctx);
}

/* When a probe without a verdict gets one, as far as is known. */
static int64_t samples_due_ns(const struct samples *samples, size_t index)
{
	return samples->since_ns[index] + samples->timeout_ns + SAMPLES_GRACE_NS;
}

bool samples_awaits_stamp(const struct samples *samples, uint32_t slot, struct local_time now)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	size_t entries = (size_t)shape->flows * shape->window;

	if (now.ns < samples->slots[slot].next_expiry_ns)
		return false;
	for (size_t index = slot * entries; index < (slot + 1) * entries; index++) {
		const __u64 *t1_ns = &samples->memory->flights[index].t1_ns;

		if (samples->states[index] == FLIGHT_OUT &&
		    now.ns >= samples_due_ns(samples, index) &&
		    __atomic_load_n(t1_ns, __ATOMIC_ACQUIRE) == KC_T1_ARMED)
			return true;
	}
	return false;
}

void samples_on_neighbour(struct samples *samples, uint32_t slot, bool unresolved,
			  struct local_time now)
{
	samples->slots[slot].unresolved = unresolved;
	if (unresolved)
		samples->slots[slot].unresolved_at_ns = now.ns;
}

/* A probe whose time is up. Returns when it is due again, or 0: it has its verdict now. */
static int64_t samples_expire_flight(struct samples *samples, size_t index, struct local_time now,
				     struct sample *sample, sample_fn *done, void *ctx)
{
	const struct slot *slot = &samples->slots[sample->slot];
	int64_t t1_ns = (int64_t)__atomic_load_n(&samples->memory->flights[index].t1_ns,
						 __ATOMIC_ACQUIRE);
	int64_t closing_ns = samples_due_ns(samples, index) + samples->timeout_ns;

	if (t1_ns == KC_T1_ARMED) {
		/* At any time while it was out will do: the kernel drops what it held back. */
		sample->never_left = slot->unresolved ||
				     samples->since_ns[index] <= slot->unresolved_at_ns;
		sample->verdict = sample->never_left ? VERDICT_LOST : VERDICT_UNSTAMPED;
		samples_judge(samples, index, FLIGHT_NONE, sample, done, ctx);
	} else if (t1_ns == KC_T1_TAKEN) {
		/* The ring was full, unless the record is just being written: it is waited for. */
		if (now.ns < closing_ns)
			return closing_ns;
		sample->verdict = VERDICT_RETURNED;
		samples_judge(samples, index, FLIGHT_ANSWERED, sample, done, ctx);
	} else {
		/* It may have left long after it was armed: what counts is when it left. */
		samples->since_ns[index] = t1_ns;
		if (now.ns < t1_ns + samples->timeout_ns)
			return t1_ns + samples->timeout_ns + SAMPLES_GRACE_NS;
		sample->verdict = VERDICT_LOST;
		samples_judge(samples, index, FLIGHT_LOST, sample, done, ctx);
	}
	return 0;
}

/* Settles one entry as far as it is due; returns when it is due next. */
static int64_t samples_settle(struct samples *samples, size_t index, struct local_time now,
			      struct sample *sample, sample_fn *done, void *ctx)
{
	if (samples->states[index] == FLIGHT_OUT) {
		int64_t due_ns = samples_due_ns(samples, index);

		if (now.ns >= due_ns)
			due_ns = samples_expire_flight(samples, index, now, sample, done, ctx);
		if (due_ns > 0)
			return due_ns;
	}
	if (samples->states[index] == FLIGHT_NONE)
		return INT64_MAX;

	int64_t closing_ns = samples_due_ns(samples, index) + samples->timeout_ns;

	if (now.ns < closing_ns)
		return closing_ns;
	samples_clear(samples, index);
	return INT64_MAX;
}

void samples_expire(struct samples *samples, uint32_t slot, struct local_time now, sample_fn *done,
		    void *ctx)
{
	int64_t next_ns = INT64_MAX;

	if (now.ns < samples->slots[slot].next_expiry_ns)
		return;
	for (uint16_t flow = 0; flow < samples->memory->shape.flows; flow++) {
		struct flow *sequences = samples_flow(samples, slot, flow);

		for (uint32_t sequence = sequences->first; sequence != sequences->next;
		     sequence++) {
			struct sample sample = { .slot = slot, .flow = flow, .sequence = sequence };
			size_t index = samples_index(samples, slot, flow, sequence);
			int64_t due_ns = samples_settle(samples, index, now, &sample, done, ctx);

			if (due_ns < next_ns)
				next_ns = due_ns;
			if (sequence == sequences->first && samples->states[index] == FLIGHT_NONE)
				sequences->first++;
		}
	}
	samples->slots[slot].next_expiry_ns = next_ns;
}

uint32_t samples_in_flight(const struct samples *samples, uint32_t slot)
{
	return samples->slots[slot].in_flight;
}

struct local_time samples_next_expiry(const struct samples *samples, uint32_t slot)
{
	return (struct local_time){ .ns = samples->slots[slot].next_expiry_ns };
}
