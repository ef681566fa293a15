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
	/* Once: it may be being written. */
	const struct kc_record read = *record;

	if (read.slot >= shape->slots || read.flow >= shape->flows)
		return;
	__builtin_prefetch(&canary->standings[read.slot]);
	__builtin_prefetch(&canary->flow_losses[(size_t)read.slot * shape->flows + read.flow], 1);
	samples_expect_record(canary->samples, &read);
	canary_expect_rtt(canary, read.slot,
			  (int64_t)(read.t4_ns - read.t1_ns - read.residence_ns));
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

	if (!canary_awaits_reply(canary) ||
	    addresses_find(canary->memory, &reply->peer, &slot) != 0)
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
