/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes go out: whose turn it is, and what each carries. Must not know sockets or clocks, nor what
 * becomes of a probe.
 */
#include "canary_state.h"

void canary_on_clock(struct canary *canary, const struct wall_clock *clock)
{
	struct kc_control *control = canary->memory->control;

	canary->real_offset_ns = clock->offset_ns;
	__atomic_store_n(&control->real_offset_ns, clock->offset_ns, __ATOMIC_RELEASE);
	__atomic_store_n(&control->error_estimate_be, clock->error_estimate_be, __ATOMIC_RELEASE);
}

/* Of the turn at that instant. Flows are used in turn, and in the same interval the same one by all
 * peers: those that are probed together are probed from the same port, also after some have missed
 * a turn. */
static uint16_t canary_flow(const struct canary *canary, uint32_t slot, struct local_time turn)
{
	int64_t number = turn.ns / canary->settings.interval_ns;

	return (uint16_t)(number % samples_flows(canary->samples, slot));
}

/* Sessions of this canary never meet: there are fewer of them than identifiers. */
static uint16_t canary_ssid(const struct canary *canary, uint32_t slot, uint16_t flow)
{
	uint32_t session = slot * canary->memory->shape.flows + flow;

	return (uint16_t)(1 + (canary->settings.ssid_base + session) % UINT16_MAX);
}

static void canary_fill(struct canary *canary, uint32_t slot, struct local_time now,
			struct probe *ret)
{
	const struct peer *peer = peers_get(canary->peers, slot);
	/* The one that was just taken. */
	struct local_time turn = local_after(turns_next(canary->turns, slot),
					     -canary->settings.interval_ns);

	*ret = (struct probe){
		.destination = peer->address,
		.slot = slot,
		.flow = canary_flow(canary, slot, turn),
		.protocol = peer->probe,
	};
	if (peer->probe == PROBE_STAMP) {
		ret->nonce = nonce_next_timestamp(&canary->nonces, now.ns + canary->real_offset_ns);
		ret->ssid = canary_ssid(canary, slot, ret->flow);
		ret->ask = canary_is_curious(canary, slot, now);
	} else {
		ret->nonce = nonce_next(&canary->nonces);
	}
}

/* Counted as sent from the moment it is armed, so that the sum holds at every instant;
 * canary_on_sent takes it back. In its place in the batch, whatever comes of it: a copy would wait
 * until memory has what was armed. */
static bool canary_arm(struct canary *canary, uint32_t slot, struct local_time now,
		       struct probe *probe)
{
	canary_fill(canary, slot, now, probe);
	if (samples_arm(canary->samples, slot, probe->flow, probe->nonce, now, &probe->sequence) <
	    0) {
		canary->totals.window_full++;
		return false;
	}
	canary_count_sent(canary, slot, 1);
	canary_on_armed(canary, probe, now);
	return true;
}

/* Slots from *from on whose turn came, at most PROBE_BATCH; *from is moved behind them. What arming
 * them needs is fetched meanwhile, see canary_expect_record. */
static uint32_t canary_find_due(const struct canary *canary, struct local_time tick, uint32_t *from,
				uint32_t *ret, uint32_t wanted)
{
	uint32_t slots = canary->memory->shape.slots;
	uint32_t slot = turns_find(canary->turns, *from, tick);
	uint16_t flows[PROBE_BATCH];
	uint32_t count = 0;

	for (; count < wanted && slot < slots; slot = turns_find(canary->turns, slot + 1, tick)) {
		flows[count] = canary_flow(canary, slot, turns_next(canary->turns, slot));
		__builtin_prefetch(peers_get(canary->peers, slot));
		__builtin_prefetch(&canary->standings[slot], 1);
		__builtin_prefetch(&canary->stats[slot].sent, 1);
		/* The egress program's, last written where the ingress program ran. */
		__builtin_prefetch(&canary->memory->peers[slot].sent, 1);
		samples_expect_probe(canary->samples, slot, flows[count]);
		ret[count++] = slot;
	}
	*from = slot;
	for (uint32_t i = 0; i < count; i++) {
		samples_expect_arming(canary->samples, ret[i], flows[i]);
		/* As the counter above. */
		addresses_expect(canary->memory, &peers_get(canary->peers, ret[i])->address);
	}
	return count;
}

uint32_t canary_due(struct canary *canary, struct local_time tick, struct local_time now,
		    struct probe *batch, uint32_t capacity)
{
	uint32_t slots[PROBE_BATCH];
	uint32_t from = 0;
	uint32_t count = 0;
	uint32_t found, wanted;

	do {
		wanted = capacity - count < PROBE_BATCH ? capacity - count : PROBE_BATCH;
		found = canary_find_due(canary, tick, &from, slots, wanted);
		for (uint32_t i = 0; i < found; i++)
			if (turns_take(canary->turns, slots[i], tick) &&
			    canary_arm(canary, slots[i], now, &batch[count]))
				count++;
	} while (found == wanted && count < capacity);
	return count;
}

void canary_end_turns(struct canary *canary, uint32_t slot)
{
	turns_stop(canary->turns, slot);
}

void canary_on_sent(struct canary *canary, const struct probe *probe, int error)
{
	uint32_t before = samples_in_flight(canary->samples, probe->slot);

	if (error == 0)
		return;
	samples_disarm(canary->samples, probe->slot, probe->flow, probe->sequence);
	if (samples_in_flight(canary->samples, probe->slot) == before)
		return;
	canary_count_sent(canary, probe->slot, -1);
	canary_on_not_sent(canary, probe);
}
