/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as code: peers to probes, probes to samples, samples to statistics. Must not know
 * sockets or clocks.
 */
#include "canary_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ssid.h"

void canary_notify(const struct canary *canary, enum canary_notice notice, uint32_t slot,
		   uint16_t flow)
{
	if (canary->settings.notice)
		canary->settings.notice(canary->settings.notice_ctx, notice, slot, flow);
}

static int canary_open_peers(struct canary *canary, uint32_t slots)
{
	const struct canary_settings *settings = &canary->settings;
	const struct directory_settings directory = { .capacity = settings->peers_max,
						      .networks = settings->networks,
						      .network_count = settings->network_count };
	const struct peers_settings peers = {
		.capacity = slots,
		.protocol = settings->protocol,
		.rest_ns = 2 * (settings->timeout_ns + SAMPLES_GRACE_NS),
		.linger_ns = settings->linger_ns,
		.events = canary_events(canary),
	};
	int err = directory_open(&directory, &canary->directory);

	if (err == 0)
		err = mesh_open(slots + MESH_ZONES, &canary->mesh);
	if (err == 0)
		err = peers_open(&peers, &canary->peers);
	if (err == 0)
		err = interfaces_open(slots + 1, &canary->interfaces); /* the known peers' */
	return err;
}

int canary_open(const struct canary_settings *settings, const struct kernel_memory *memory,
		struct canary **ret)
{
	uint32_t slots = memory->shape.slots;
	struct canary *canary = calloc(1, sizeof(*canary));
	int err = -ENOMEM;

	assert(settings->protocol != PROBE_DEFAULT);
	if (!canary)
		return err;
	canary->settings = *settings;
	canary->memory = memory;
	memcpy(canary->nonces.key, settings->nonce_key, sizeof(canary->nonces.key));
	canary->standings = calloc(slots, sizeof(*canary->standings));
	canary->flow_losses = calloc((size_t)slots * memory->shape.flows,
				     sizeof(*canary->flow_losses));
	if (!canary->standings || !canary->flow_losses)
		goto out;
	err = canary_open_counts(canary, slots);
	if (err == 0)
		err = canary_open_peers(canary, slots);
	if (err == 0)
		err = samples_open(memory, settings->timeout_ns, &canary->samples);
	if (err == 0)
		err = turns_open(slots, settings->interval_ns, settings->phase_ns, &canary->turns);
out:
	if (err == 0)
		*ret = canary;
	else
		canary_close(canary);
	return err;
}

void canary_close(struct canary *canary)
{
	if (!canary)
		return;
	turns_close(canary->turns);
	samples_close(canary->samples);
	interfaces_close(canary->interfaces);
	peers_close(canary->peers);
	mesh_close(canary->mesh);
	directory_close(canary->directory);
	canary_close_counts(canary);
	free(canary->standings);
	free(canary->flow_losses);
	free(canary);
}

/* --- probes go out --- */

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

/* Whether the programs can tell whose its replies are. */
static bool canary_is_placed(struct canary *canary, uint32_t slot)
{
	struct standing *standing = &canary->standings[slot];
	const struct peer *peer = peers_get(canary->peers, slot);
	uint32_t holder;

	if (!standing->placed)
		standing->placed = addresses_find(canary->memory, &peer->address, &holder) == 0 &&
				   holder == slot;
	return standing->placed;
}

/* Sessions of this canary never meet: there are fewer of them than identifiers. What cannot be
 * paired has one that is no slot's, lest it be stamped and then taken for lost. */
static uint16_t canary_ssid(struct canary *canary, uint32_t slot, uint16_t flow)
{
	const struct kernel_shape *shape = &canary->memory->shape;
	uint32_t session = slot * shape->flows + flow;

	if (!canary_is_placed(canary, slot))
		session = shape->slots * shape->flows;
	return kc_ssid(session, shape->ssid_base);
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

/* Slots from *from on whose turn came, at most so many; *from is moved behind them. What arming
 * them needs is fetched meanwhile, see canary_expect_record. */
static uint32_t canary_find_due(const struct canary *canary, struct local_time tick, uint32_t *from,
				uint32_t *ret, uint32_t capacity)
{
	uint16_t flows[PROBE_BATCH];
	uint32_t count = 0;

	while (count < capacity) {
		uint32_t slot = turns_find(canary->turns, *from, tick);

		*from = slot;
		if (slot == canary->memory->shape.slots)
			break;
		flows[count] = canary_flow(canary, slot, turns_next(canary->turns, slot));
		__builtin_prefetch(peers_get(canary->peers, slot));
		__builtin_prefetch(&canary->standings[slot], 1);
		__builtin_prefetch(&canary->stats[slot].sent, 1);
		/* The egress program's, last written where the ingress program ran. */
		__builtin_prefetch(&canary->memory->peers[slot].sent, 1);
		samples_expect_probe(canary->samples, slot, flows[count]);
		ret[count++] = slot;
		*from = slot + 1;
	}
	for (uint32_t i = 0; i < count; i++)
		samples_expect_arming(canary->samples, ret[i], flows[i]);
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

/* --- what became of them --- */

/* What the probe tells of our own programs. A refusal tells of the peer's host only. */
static void canary_heed(struct canary *canary, const struct sample *sample)
{
	struct interfaces *interfaces = canary->interfaces;

	if (sample->verdict == VERDICT_RETURNED || sample->late)
		interfaces_on_evidence(interfaces, sample->slot, EVIDENCE_RETURNED);
	else if (sample->verdict == VERDICT_LOST)
		interfaces_on_evidence(interfaces, sample->slot,
				       sample->never_left ? EVIDENCE_NEVER_LEFT : EVIDENCE_LOST);
	else if (sample->verdict == VERDICT_UNSTAMPED)
		interfaces_on_evidence(interfaces, sample->slot,
				       sample->unseen ? EVIDENCE_OVERHEARD : EVIDENCE_UNSTAMPED);
}

/* What it tells of the flow's path; what never left took none. */
static void canary_compare_flows(struct canary *canary, const struct sample *sample)
{
	uint32_t count = samples_flows(canary->samples, sample->slot);
	bool lost = sample->verdict == VERDICT_LOST;
	struct flow_loss *flows =
		&canary->flow_losses[(size_t)sample->slot * canary->memory->shape.flows];

	if (count < 2 || sample->never_left || (!lost && sample->verdict != VERDICT_RETURNED))
		return;
	if (flow_loss_add(flows, count, sample->flow, lost))
		canary_notify(canary, CANARY_FLOW_LOSSY, sample->slot, sample->flow);
}

void canary_on_sample(void *ctx, const struct sample *sample)
{
	struct canary *canary = ctx;
	struct standing *standing = &canary->standings[sample->slot];
	bool was_refused = standing->refused;

	canary_count_sample(canary, sample);
	canary_heed(canary, sample);
	if (canary_heed_question(canary, sample))
		canary_compare_flows(canary, sample);
	if (sample->verdict != VERDICT_NONE && sample->verdict != VERDICT_UNSTAMPED)
		standing->refused_last = sample->verdict == VERDICT_REFUSED;
	if (sample->verdict == VERDICT_REFUSED)
		standing->refused = true;
	else if (sample->verdict == VERDICT_RETURNED)
		standing->refused = false;
	if (standing->refused != was_refused)
		canary_notify(canary, was_refused ? CANARY_ANSWERS_AGAIN : CANARY_REFUSED,
			      sample->slot, sample->flow);
	if (canary->settings.sample)
		canary->settings.sample(canary->settings.sample_ctx, sample);
}

void canary_expect_record(const struct canary *canary, const struct kc_record *record)
{
	const struct kernel_shape *shape = &canary->memory->shape;

	if (record->slot >= shape->slots || record->flow >= shape->flows)
		return;
	__builtin_prefetch(&canary->standings[record->slot]);
	__builtin_prefetch(&canary->flow_losses[record->slot * shape->flows + record->flow], 1);
	samples_expect_record(canary->samples, record);
	canary_expect_rtt(canary, record->slot,
			  (int64_t)(record->t4_ns - record->t1_ns - record->residence_ns));
}

void canary_on_record(struct canary *canary, const struct kc_record *record)
{
	samples_on_record(canary->samples, record, canary_on_sample, canary);
}

static void canary_overhear(struct canary *canary, uint32_t slot, const struct echoed *reply)
{
	samples_on_overheard(canary->samples, slot, reply->flow, reply->sequence, reply->nonce,
			     canary_on_sample, canary);
}

void canary_on_overheard(struct canary *canary, const struct echoed *reply)
{
	uint32_t slot;

	if (addresses_find(canary->memory, &reply->peer, &slot) == 0)
		canary_overhear(canary, slot, reply);
}

bool canary_awaits_reply(const struct canary *canary)
{
	return canary->questions > 0 || samples_all_in_flight(canary->samples) > 0;
}

void canary_on_reply(struct canary *canary, const struct echoed *reply, const uint8_t *payload,
		     size_t length, struct local_time now)
{
	uint32_t slot;

	if (addresses_find(canary->memory, &reply->peer, &slot) != 0)
		return;
	canary_heed_identity(canary, slot, reply, payload, length, now);
	canary_overhear(canary, slot, reply);
}

bool canary_on_refused(struct canary *canary, const struct echoed *quoted)
{
	uint32_t before;
	uint32_t slot;

	if (addresses_find(canary->memory, &quoted->peer, &slot) != 0)
		return false;
	before = samples_in_flight(canary->samples, slot);
	samples_on_refused(canary->samples, slot, quoted->flow, quoted->sequence, quoted->nonce,
			   canary_on_sample, canary);
	return samples_in_flight(canary->samples, slot) < before;
}

/* --- what there is to see --- */

const struct directory *canary_directory(const struct canary *canary)
{
	return canary->directory;
}

struct peers *canary_peers(struct canary *canary)
{
	return canary->peers;
}

struct interfaces *canary_interfaces(struct canary *canary)
{
	return canary->interfaces;
}

const struct canary_totals *canary_totals(const struct canary *canary)
{
	return &canary->totals;
}

const struct flow_loss *canary_flows(const struct canary *canary, uint32_t slot,
				     uint32_t *ret_count)
{
	*ret_count = samples_flows(canary->samples, slot);
	return &canary->flow_losses[(size_t)slot * canary->memory->shape.flows];
}

uint32_t canary_slot_in_flight(const struct canary *canary, uint32_t slot)
{
	return samples_in_flight(canary->samples, slot);
}

uint32_t canary_in_flight(const struct canary *canary)
{
	return samples_all_in_flight(canary->samples);
}
