/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second half of samples: what becomes of probes as time passes. Verdicts when they are due,
 * then the closing of probes in the order of their sequences, which is when the direction of losses
 * may be told. Must not know what a reply is.
 */
#include "samples.h"

#include "samples_state.h"

/* When a probe without a verdict gets one, as far as is known. */
static int64_t samples_due_ns(const struct samples *samples, size_t index)
{
	return samples->entries[index].since_ns + samples->timeout_ns + SAMPLES_GRACE_NS;
}

static __u64 samples_t1_ns(const struct samples *samples, size_t index)
{
	return __atomic_load_n(&samples->memory->flights[index].t1_ns, __ATOMIC_ACQUIRE);
}

/* Neither this probe nor a later one of its flow: they were armed one after the other. */
static bool samples_none_due(const struct samples *samples, size_t index, struct local_time now)
{
	const struct entry *entry = &samples->entries[index];

	return entry->state == FLIGHT_OUT && !entry->moved &&
	       now.ns < samples_due_ns(samples, index);
}

static bool samples_flow_awaits_stamp(const struct samples *samples, uint32_t slot, uint16_t flow,
				      struct local_time now)
{
	const struct flow *sequences = samples_flow(samples, slot, flow);
	uint32_t sequence = sequences->first + sequences->judged;

	for (; sequence != sequences->next; sequence++) {
		size_t index = samples_index(samples, slot, flow, sequence);

		if (samples_none_due(samples, index, now))
			return false;
		if (samples->entries[index].state == FLIGHT_OUT &&
		    now.ns >= samples_due_ns(samples, index) &&
		    samples_t1_ns(samples, index) == KC_T1_ARMED)
			return true;
	}
	return false;
}

bool samples_awaits_stamp(const struct samples *samples, uint32_t slot, struct local_time now)
{
	uint32_t flows = 0;

	if (now.ns >= samples->expiries_ns[slot] && samples->slots[slot].in_flight > 0)
		flows = samples_flows(samples, slot);
	for (uint32_t flow = 0; flow < flows; flow++)
		if (samples_flow_awaits_stamp(samples, slot, (uint16_t)flow, now))
			return true;
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
	struct entry *entry = &samples->entries[index];
	int64_t t1_ns = (int64_t)samples_t1_ns(samples, index);
	int64_t closing_ns = samples_due_ns(samples, index) + samples->timeout_ns;

	/* A T1 that lies ahead is of a clock that was set, and would be out for ever. */
	if (t1_ns == KC_T1_ARMED || t1_ns > now.ns + samples->timeout_ns) {
		/* At any time while it was out will do: the kernel drops what it held back, or lets
		 * it go yet, unseen. */
		sample->never_left = slot->unresolved || entry->since_ns <= slot->unresolved_at_ns;
		sample->verdict = sample->never_left ? VERDICT_LOST : VERDICT_UNSTAMPED;
		samples_end(samples, index);
		samples_judge(samples, index, FLIGHT_UNCLEAR, sample, done, ctx);
	} else if (t1_ns == KC_T1_TAKEN) {
		/* The ring was full, unless the record is just being written: it is waited for. */
		if (now.ns < closing_ns)
			return closing_ns;
		sample->verdict = VERDICT_RETURNED;
		samples_judge(samples, index, FLIGHT_UNCLEAR, sample, done, ctx);
	} else {
		/* It may have left long after it was armed: what counts is when it left. */
		entry->since_ns = t1_ns;
		entry->moved = true;
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
	struct entry *entry = &samples->entries[index];

	if (entry->state == FLIGHT_OUT) {
		int64_t due_ns = samples_due_ns(samples, index);

		if (now.ns >= due_ns)
			due_ns = samples_expire_flight(samples, index, now, sample, done, ctx);
		if (due_ns > 0)
			return due_ns;
	}
	if (entry->over)
		return INT64_MAX;

	int64_t closing_ns = samples_due_ns(samples, index) + samples->timeout_ns;

	if (now.ns < closing_ns)
		return closing_ns + samples->timeout_ns / SAMPLES_CLOSING_SHARE;
	/* Answered late, but the ring was full: it was not lost on any way. */
	if (entry->state == FLIGHT_LOST && samples_t1_ns(samples, index) == KC_T1_TAKEN)
		entry->state = FLIGHT_UNCLEAR;
	samples_end(samples, index);
	return INT64_MAX;
}

/* Whether the flow's first probe, answered in time, arrived after all probes before it and before
 * all behind it, as far as can be told: those in its company must all have been counted after it. A
 * lost one may have overtaken it. */
static bool samples_first_in_order(const struct samples *samples, uint32_t slot, uint16_t flow)
{
	const struct flow *sequences = samples_flow(samples, slot, flow);
	const struct entry *first =
		&samples->entries[samples_index(samples, slot, flow, sequences->first)];

	if (first->company > SAMPLES_COMPANY_MAX || first->since_ns < sequences->settled_ns)
		return false;
	for (uint32_t i = 1; i <= first->company; i++) {
		size_t index = samples_index(samples, slot, flow, sequences->first + i);
		const struct entry *later = &samples->entries[index];

		if ((later->state != FLIGHT_ANSWERED && later->state != FLIGHT_LATE) ||
		    (int32_t)(later->counter - first->counter) <= 0)
			return false;
	}
	return true;
}

/* What the flow's first probe, which is closed, tells of the way on which earlier ones were lost.
 */
static struct direction_finding samples_first_finding(struct samples *samples, uint32_t slot,
						      uint16_t flow, const struct entry *first)
{
	struct flow *sequences = samples_flow(samples, slot, flow);
	struct direction_probe probe = { .sequence = sequences->first,
					 .counter = first->counter,
					 .outcome = DIRECTION_UNCLEAR };

	if (sequences->first == sequences->directed_from)
		sequences->directed = true;
	if (!samples->slots[slot].stateful || !sequences->directed)
		return (struct direction_finding){ 0 };
	if (first->state == FLIGHT_LOST)
		probe.outcome = DIRECTION_LOST;
	else if (first->state == FLIGHT_LATE)
		probe.outcome = DIRECTION_LATE;
	else if (first->state == FLIGHT_ANSWERED)
		probe.outcome = DIRECTION_ANSWERED;
	probe.in_order = probe.outcome == DIRECTION_ANSWERED &&
			 samples_first_in_order(samples, slot, flow);
	return direction_on_closed(&sequences->direction, &probe);
}

/* Closes all that is over, up to the first that is not. */
static void samples_close_over(struct samples *samples, uint32_t slot, uint16_t flow,
			       sample_fn *done, void *ctx)
{
	struct flow *sequences = samples_flow(samples, slot, flow);

	for (; sequences->first != sequences->next; sequences->first++) {
		struct sample sample = { .slot = slot, .flow = flow, .sequence = sequences->first };
		struct entry *first =
			&samples->entries[samples_index(samples, slot, flow, sequences->first)];
		struct direction_finding found;

		if (!first->over)
			break;
		if (sequences->judged > 0)
			sequences->judged--;
		found = samples_first_finding(samples, slot, flow, first);
		if (first->state != FLIGHT_ANSWERED)
			sequences->settled_ns = first->since_ns + SAMPLES_OVERTAKING_NS;
		first->state = FLIGHT_NONE;
		sample.lost_forward = found.forward;
		sample.lost_backward = found.backward;
		if (found.forward > 0 || found.backward > 0)
			done(ctx, &sample);
	}
}

/* Returns when the flow is due next. Of a window that is long against what is due, only the ends
 * are looked at: probes that wait to be closed, and behind those that have their verdicts, probes
 * that wait for one. Both come due in the order of sequences, but for T1 that came late: who waits
 * behind such a one is closed with it. */
static int64_t samples_expire_flow(struct samples *samples, uint32_t slot, uint16_t flow,
				   struct local_time now, sample_fn *done, void *ctx)
{
	struct flow *sequences = samples_flow(samples, slot, flow);
	uint32_t sequence = sequences->first;
	int64_t next_ns = INT64_MAX;

	while (sequence != sequences->next) {
		struct sample sample = { .slot = slot, .flow = flow, .sequence = sequence };
		size_t index = samples_index(samples, slot, flow, sequence);
		uint32_t place = sequence - sequences->first;
		int64_t due_ns = samples_settle(samples, index, now, &sample, done, ctx);

		if (due_ns < next_ns)
			next_ns = due_ns;
		if (samples_none_due(samples, index, now))
			break;
		if (place == sequences->judged && samples->entries[index].state != FLIGHT_OUT)
			sequences->judged = (place + 1) & FLOW_JUDGED_MASK;
		sequence++;
		if (place < sequences->judged && !samples->entries[index].over)
			sequence = sequences->first + sequences->judged;
	}
	samples_close_over(samples, slot, flow, done, ctx);
	return next_ns;
}

void samples_expect_expiry(const struct samples *samples, uint32_t slot)
{
	for (uint32_t flow = 0; flow < samples->memory->shape.flows; flow++)
		__builtin_prefetch(samples_flow(samples, slot, (uint16_t)flow), 1);
}

/* As samples_expect_expiry: of all flows at once what is looked at first. */
static void samples_expect_firsts(const struct samples *samples, uint32_t slot, uint32_t flows)
{
	for (uint32_t flow = 0; flow < flows; flow++) {
		uint32_t first = samples_flow(samples, slot, (uint16_t)flow)->first;
		size_t index = samples_index(samples, slot, (uint16_t)flow, first);

		__builtin_prefetch(&samples->entries[index], 1);
		__builtin_prefetch(&samples->memory->flights[index], 1);
	}
}

void samples_expire(struct samples *samples, uint32_t slot, struct local_time now, sample_fn *done,
		    void *ctx)
{
	uint32_t flows = samples_flows(samples, slot);
	int64_t next_ns = INT64_MAX;

	if (now.ns < samples->expiries_ns[slot])
		return;
	samples_expect_firsts(samples, slot, flows);
	for (uint32_t flow = 0; flow < flows; flow++) {
		int64_t due_ns = samples_expire_flow(samples, slot, (uint16_t)flow, now, done, ctx);

		if (due_ns < next_ns)
			next_ns = due_ns;
	}
	samples->expiries_ns[slot] = next_ns;
}

struct local_time samples_next_expiry(const struct samples *samples, uint32_t slot)
{
	return (struct local_time){ .ns = samples->expiries_ns[slot] };
}

uint32_t samples_find_expired(const struct samples *samples, uint32_t from, struct local_time now)
{
	while (from < samples->memory->shape.slots && samples->expiries_ns[from] > now.ns)
		from++;
	return from;
}

struct local_time samples_first_expiry(const struct samples *samples)
{
	int64_t first_ns = INT64_MAX;

	for (uint32_t slot = 0; slot < samples->memory->shape.slots; slot++)
		if (samples->expiries_ns[slot] < first_ns)
			first_ns = samples->expiries_ns[slot];
	return (struct local_time){ .ns = first_ns };
}
