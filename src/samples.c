/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns kc_flights and what user space remembers beside it: arms probes, and takes in what comes of
 * them. The entry of a probe stays armed until a late or further reply cannot come any more; time
 * is samples_expiry.c's. Must not know who the peers are, nor keep totals.
 */
#include "samples.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "samples_state.h"

#define SLOT_AT_REST ((struct slot){ .unresolved_at_ns = INT64_MIN })

int samples_open(const struct kernel_memory *memory, int64_t timeout_ns, struct samples **ret)
{
	const struct kernel_shape *shape = &memory->shape;
	size_t flows = (size_t)shape->slots * shape->flows;
	struct samples *samples = calloc(1, sizeof(*samples));

	assert(shape->echo_window <= shape->flows * shape->window);
	assert(shape->flows * shape->window <= FLOW_JUDGED_MASK);
	if (!samples)
		return -ENOMEM;
	samples->memory = memory;
	samples->timeout_ns = timeout_ns;
	samples->expiries_ns = calloc(shape->slots, sizeof(*samples->expiries_ns));
	samples->slots = calloc(shape->slots, sizeof(*samples->slots));
	samples->flows = calloc(flows, sizeof(*samples->flows));
	samples->entries = calloc(flows * shape->window, sizeof(*samples->entries));
	if (!samples->expiries_ns || !samples->slots || !samples->flows || !samples->entries) {
		samples_close(samples);
		return -ENOMEM;
	}
	/* Zeroed, flights and entries are as samples_reset leaves them, and nobody touches them
	 * yet. */
	for (uint32_t slot = 0; slot < shape->slots; slot++) {
		samples->slots[slot] = SLOT_AT_REST;
		samples->expiries_ns[slot] = INT64_MAX;
	}
	*ret = samples;
	return 0;
}

void samples_close(struct samples *samples)
{
	if (!samples)
		return;
	free(samples->expiries_ns);
	free(samples->slots);
	free(samples->flows);
	free(samples->entries);
	free(samples);
}

/* Probes of a flow from the arming of one until its late reply cannot come any more. */
static int64_t samples_needed(int64_t timeout_ns, int64_t pace_ns)
{
	int64_t kept_ns = 2 * (timeout_ns + SAMPLES_GRACE_NS) + timeout_ns / SAMPLES_CLOSING_SHARE;

	/* Two more: the division's rest, and a probe sent while its oldest waits for the next tick.
	 */
	return (kept_ns + pace_ns - 1) / pace_ns + 2;
}

uint32_t samples_window(int64_t timeout_ns, int64_t interval_ns, uint32_t flows)
{
	int64_t needed = samples_needed(timeout_ns, interval_ns * flows);
	int64_t echo_needed = samples_needed(timeout_ns, interval_ns);
	uint32_t window = 4;

	while (window < needed || samples_echo_window(window, flows) < echo_needed)
		window *= 2;
	return window;
}

uint32_t samples_echo_window(uint32_t window, uint32_t flows)
{
	uint32_t echo_window = window;

	while (2 * echo_window <= flows * window)
		echo_window *= 2;
	return echo_window;
}

void samples_end(struct samples *samples, size_t index)
{
	__atomic_store_n(&samples->memory->flights[index].nonce, 0, __ATOMIC_RELEASE);
	samples->entries[index].over = true;
}

void samples_reset(struct samples *samples, uint32_t slot, bool echo)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	size_t entries = (size_t)shape->flows * shape->window;

	assert(slot < shape->slots && (!echo || shape->echo_window > 0));
	for (size_t i = 0; i < entries; i++) {
		samples_end(samples, slot * entries + i);
		samples->entries[slot * entries + i] = (struct entry){ .state = FLIGHT_NONE };
	}
	memset(samples_flow(samples, slot, 0), 0, shape->flows * sizeof(struct flow));
	samples->in_flight -= samples->slots[slot].in_flight;
	samples->slots[slot] = SLOT_AT_REST;
	samples->slots[slot].echo = echo;
	samples->expiries_ns[slot] = INT64_MAX;
}

uint32_t samples_flows(const struct samples *samples, uint32_t slot)
{
	return samples->slots[slot].echo ? 1 : samples->memory->shape.flows;
}

static void samples_forget_losses(struct samples *samples, uint32_t slot)
{
	for (uint32_t i = 0; i < samples_flows(samples, slot); i++) {
		struct flow *flow = samples_flow(samples, slot, (uint16_t)i);

		flow->direction = (struct direction){ 0 };
		flow->directed = false;
		flow->directed_from = flow->next;
	}
}

void samples_start_anew(struct samples *samples, uint32_t slot)
{
	const struct kernel_shape *shape = &samples->memory->shape;
	size_t entries = (size_t)shape->flows * shape->window;

	samples_forget_losses(samples, slot);
	for (size_t index = slot * entries; index < (slot + 1) * entries; index++)
		samples->entries[index].former = samples->entries[index].state != FLIGHT_OUT;
}

void samples_set_stateful(struct samples *samples, uint32_t slot, bool stateful)
{
	if (samples->slots[slot].stateful == stateful)
		return;
	samples->slots[slot].stateful = stateful;
	samples_forget_losses(samples, slot);
}

void samples_expect_probe(const struct samples *samples, uint32_t slot, uint16_t flow)
{
	__builtin_prefetch(samples_flow(samples, slot, flow), 1);
}

void samples_expect_arming(const struct samples *samples, uint32_t slot, uint16_t flow)
{
	size_t index = samples_index(samples, slot, flow, samples_flow(samples, slot, flow)->next);

	__builtin_prefetch(&samples->memory->flights[index], 1);
	__builtin_prefetch(&samples->entries[index], 1);
}

int samples_arm(struct samples *samples, uint32_t slot, uint16_t flow, uint64_t nonce,
		struct local_time now, uint32_t *ret_sequence)
{
	struct flow *sequences = samples_flow(samples, slot, flow);
	struct slot *own = &samples->slots[slot];
	int64_t due_ns = now.ns + samples->timeout_ns + SAMPLES_GRACE_NS;

	assert(slot < samples->memory->shape.slots && flow < samples_flows(samples, slot));
	assert(nonce != 0);
	if (sequences->next - sequences->first >= samples_slot_window(samples, slot))
		return -EBUSY;

	size_t index = samples_index(samples, slot, flow, sequences->next);
	struct kc_flight *flight = &samples->memory->flights[index];

	/* The programs heed an entry only while its nonce is a packet's: it is set last. */
	__atomic_store_n(&flight->nonce, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&flight->t1_ns, KC_T1_ARMED, __ATOMIC_RELEASE);
	__atomic_store_n(&flight->nonce, nonce, __ATOMIC_RELEASE);
	samples->entries[index] = (struct entry){ .since_ns = now.ns, .state = FLIGHT_OUT };
	own->in_flight++;
	samples->in_flight++;
	if (due_ns < samples->expiries_ns[slot])
		samples->expiries_ns[slot] = due_ns;
	*ret_sequence = sequences->next++;
	return 0;
}

void samples_disarm(struct samples *samples, uint32_t slot, uint16_t flow, uint32_t sequence)
{
	struct flow *sequences = samples_flow(samples, slot, flow);
	size_t index = samples_index(samples, slot, flow, sequence);

	if (!flow_holds(sequences, sequence) || samples->entries[index].state != FLIGHT_OUT)
		return;
	samples_end(samples, index);
	samples->entries[index].state = FLIGHT_UNCLEAR;
	samples->slots[slot].in_flight--;
	samples->in_flight--;
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
		int64_t difference_ns = sample->rtt_ns - (int64_t)flow->in_order_rtt_ns;

		sample->has_variation = true;
		sample->variation_ns = difference_ns < 0 ? -difference_ns : difference_ns;
	}
	flow->in_order = true;
	flow->in_order_sequence = sample->sequence;
	flow->in_order_rtt_ns = (uint64_t)sample->rtt_ns & FLOW_RTT_MASK;
}

void samples_judge(struct samples *samples, size_t index, enum flight_state state,
		   const struct sample *sample, sample_fn *done, void *ctx)
{
	assert(samples->entries[index].state == FLIGHT_OUT && sample->verdict != VERDICT_NONE);
	samples->entries[index].state = (uint8_t)state;
	samples->slots[sample->slot].in_flight--;
	samples->in_flight--;
	done(ctx, sample);
}

/* Later probes of the flow that were armed by T4: they may have overtaken the answered one. */
static uint8_t samples_company(const struct samples *samples, const struct sample *answered,
			       int64_t t4_ns)
{
	const struct flow *flow = samples_flow(samples, answered->slot, answered->flow);
	uint8_t company = 0;

	for (uint32_t sequence = answered->sequence + 1; sequence != flow->next; sequence++) {
		size_t index = samples_index(samples, answered->slot, answered->flow, sequence);

		if (company > SAMPLES_COMPANY_MAX || samples->entries[index].since_ns > t4_ns)
			break;
		company++;
	}
	return company;
}

static void samples_on_reply(struct samples *samples, size_t index, const struct kc_record *record,
			     struct sample *sample, sample_fn *done, void *ctx)
{
	struct entry *entry = &samples->entries[index];
	/* In time or late is when it came back, however long the reflector kept it. */
	int64_t elapsed_ns = (int64_t)(record->t4_ns - record->t1_ns);
	bool late = elapsed_ns > samples->timeout_ns && elapsed_ns <= 2 * samples->timeout_ns;

	if (entry->state == FLIGHT_LOST) {
		entry->state = FLIGHT_LATE;
		entry->counter = record->counter;
		/* Even an answer in time, that came while the verdict was being given, is late now.
		 */
		sample->late = elapsed_ns <= 2 * samples->timeout_ns;
		if (sample->late && !entry->former)
			done(ctx, sample);
	} else if (entry->state == FLIGHT_OUT) {
		entry->counter = record->counter;
		if (elapsed_ns <= samples->timeout_ns) {
			sample->verdict = VERDICT_RETURNED;
			sample->has_rtt = true;
			sample->rtt_ns = elapsed_ns - (int64_t)record->residence_ns;
			flow_answered(samples_flow(samples, sample->slot, sample->flow), sample);
			entry->company = samples_company(samples, sample, (int64_t)record->t4_ns);
			samples_judge(samples, index, FLIGHT_ANSWERED, sample, done, ctx);
		} else {
			sample->verdict = VERDICT_LOST;
			sample->late = late;
			samples_judge(samples, index, FLIGHT_LATE, sample, done, ctx);
		}
	}
}

/* The probe in the window that a reply answers, by the low bits of its sequence and the nonce. */
static bool samples_find(const struct samples *samples, struct sample *sample, uint16_t echoed,
			 uint64_t nonce, size_t *ret_index)
{
	if (sample->slot >= samples->memory->shape.slots ||
	    sample->flow >= samples_flows(samples, sample->slot))
		return false;

	const struct flow *flow = samples_flow(samples, sample->slot, sample->flow);
	uint32_t past_first = (echoed - flow->first) &
			      (samples_slot_window(samples, sample->slot) - 1);

	sample->sequence = flow->first + past_first;
	*ret_index = samples_index(samples, sample->slot, sample->flow, sample->sequence);
	return nonce != 0 && (uint16_t)sample->sequence == echoed &&
	       flow_holds(flow, sample->sequence) &&
	       samples->memory->flights[*ret_index].nonce == nonce;
}

static void samples_on_duplicate(struct samples *samples, size_t index, uint32_t counter,
				 struct sample *sample, sample_fn *done, void *ctx)
{
	struct entry *entry = &samples->entries[index];

	/* The reply was doubled on the way back, unless the probe was, and then counted twice. */
	if ((entry->state == FLIGHT_ANSWERED || entry->state == FLIGHT_LATE) &&
	    entry->counter != counter)
		entry->state = FLIGHT_UNCLEAR;
	sample->duplicate = true;
	if (!entry->former)
		done(ctx, sample);
}

void samples_expect_record(const struct samples *samples, const struct kc_record *record)
{
	size_t index = samples_index(samples, record->slot, record->flow, record->sequence);

	__builtin_prefetch(samples_flow(samples, record->slot, record->flow), 1);
	__builtin_prefetch(&samples->memory->flights[index], 1);
	__builtin_prefetch(&samples->entries[index], 1);
}

void samples_on_record(struct samples *samples, const struct kc_record *record, sample_fn *done,
		       void *ctx)
{
	struct sample sample = { .slot = record->slot,
				 .flow = record->flow,
				 .reply_ttl = record->ttl,
				 .probe_ttl = record->sender_ttl };
	size_t index;

	if (!samples_find(samples, &sample, record->sequence, record->nonce, &index))
		return;
	if (record->kind == KC_DUPLICATE)
		samples_on_duplicate(samples, index, record->counter, &sample, done, ctx);
	else if (record->kind == KC_RETURNED && record->t1_ns > KC_T1_TAKEN &&
		 record->t4_ns >= record->t1_ns &&
		 record->residence_ns <= record->t4_ns - record->t1_ns)
		samples_on_reply(samples, index, record, &sample, done, ctx);
}

void samples_on_overheard(struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
			  uint64_t nonce, sample_fn *done, void *ctx)
{
	struct sample sample = { .slot = slot, .flow = flow, .verdict = VERDICT_UNSTAMPED };
	size_t index;
	__u64 t1_ns;

	if (!samples_find(samples, &sample, echoed, nonce, &index) ||
	    samples->entries[index].state != FLIGHT_OUT)
		return;
	t1_ns = __atomic_load_n(&samples->memory->flights[index].t1_ns, __ATOMIC_ACQUIRE);
	sample.unseen = t1_ns != KC_T1_ARMED;
	/* The ingress program did see it: its record is under way, or it had reasons. */
	if (t1_ns & KC_T1_SEEN)
		return;
	samples_end(samples, index);
	samples_judge(samples, index, FLIGHT_UNCLEAR, &sample, done, ctx);
}

void samples_on_refused(struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
			uint64_t nonce, sample_fn *done, void *ctx)
{
	struct sample sample = { .slot = slot, .flow = flow, .verdict = VERDICT_REFUSED };
	size_t index;

	if (!samples_find(samples, &sample, echoed, nonce, &index) ||
	    samples->entries[index].state != FLIGHT_OUT)
		return;
	/* Taken: it was answered as well, and the record of that is under way. */
	if (__atomic_load_n(&samples->memory->flights[index].t1_ns, __ATOMIC_ACQUIRE) !=
	    KC_T1_TAKEN)
		samples_judge(samples, index, FLIGHT_UNCLEAR, &sample, done, ctx);
}

bool samples_holds(const struct samples *samples, uint32_t slot, uint16_t flow, uint16_t echoed,
		   uint64_t nonce)
{
	struct sample sample = { .slot = slot, .flow = flow };
	size_t index;

	return samples_find(samples, &sample, echoed, nonce, &index);
}

uint32_t samples_in_flight(const struct samples *samples, uint32_t slot)
{
	return samples->slots[slot].in_flight;
}

uint32_t samples_all_in_flight(const struct samples *samples)
{
	return samples->in_flight;
}
