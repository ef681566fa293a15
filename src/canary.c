/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as code: peers to probes, probes to samples, samples to statistics. Owns what joining
 * and leaving mean for the modules below. Must not know sockets or clocks.
 */
#include "canary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "nonce.h"
#include "samples.h"
#include "turns.h"

#define HEARTBEAT_EVERY_NS NS_PER_SECOND

/* A loader that does not answer silences no peer: its probes are then unstamped, which shows. */
#define ATTACHMENT_PATIENCE_NS (2 * NS_PER_SECOND)

#define NEVER INT64_MAX

/* How things stand with the peer in a slot. */
struct standing {
	struct local_time joined_at;
	uint32_t flow;	 /* the next probe's */
	bool routed;	 /* its route is known */
	bool interfaces; /* it has some */
};

struct canary {
	struct canary_settings settings;
	const struct kernel_memory *memory;
	struct nonce_source nonces;
	struct peers *peers;
	struct interfaces *interfaces;
	struct samples *samples;
	struct turns *turns;
	struct peer_stats *stats;   /* [slots] */
	struct standing *standings; /* [slots] */
	struct canary_totals totals;
	struct local_time beat_at; /* the next heartbeat */
	struct local_time now;	   /* of the running commit */
};

int canary_open(const struct canary_settings *settings, const struct kernel_memory *memory,
		struct canary **ret)
{
	uint32_t slots = memory->shape.slots;
	struct canary *canary = calloc(1, sizeof(*canary));
	int err = -ENOMEM;

	if (!canary)
		return err;
	canary->settings = *settings;
	canary->memory = memory;
	memcpy(canary->nonces.key, settings->nonce_key, sizeof(canary->nonces.key));
	canary->stats = calloc(slots, sizeof(*canary->stats));
	canary->standings = calloc(slots, sizeof(*canary->standings));
	if (!canary->stats || !canary->standings)
		goto out;
	err = peers_open(slots, &canary->peers);
	if (err == 0)
		err = interfaces_open(slots, &canary->interfaces);
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
	free(canary->stats);
	free(canary->standings);
	free(canary);
}

/* --- peers come and go --- */

/* Forgets all that was known of the slot's peer; nothing of it counts from here on. */
static void canary_clear(struct canary *canary, uint32_t slot)
{
	samples_reset(canary->samples, slot);
	interfaces_route(canary->interfaces, slot, NULL, 0, canary->now);
	canary->stats[slot] = (struct peer_stats){ 0 };
	canary->standings[slot] = (struct standing){ 0 };
	turns_stop(canary->turns, slot);
}

static void canary_place(struct canary *canary, uint32_t slot)
{
	const struct address *address = &peers_get(canary->peers, slot)->address;
	struct kc_peer *view = &canary->memory->peers[slot];

	canary->standings[slot].joined_at = canary->now;
	memset(view, 0, sizeof(*view));
	address_format(address, view->address);
	if (addresses_insert(canary->memory, address, slot) < 0)
		canary->totals.unplaced++;
}

/* The same address may stand for a newer peer by now, which keeps it. */
static void canary_displace(struct canary *canary, uint32_t slot)
{
	const struct address *address = &peers_get(canary->peers, slot)->address;
	uint32_t holder;

	if (addresses_find(canary->memory, address, &holder) == 0 && holder == slot)
		addresses_remove(canary->memory, address);
	memset(&canary->memory->peers[slot], 0, sizeof(*canary->memory->peers));
}

/* Its address stays for as long as the slot rests, so that stragglers are told from strangers. */
static void canary_departed(void *ctx, uint32_t slot)
{
	canary_clear(ctx, slot);
}

static void canary_joined(void *ctx, uint32_t slot)
{
	canary_clear(ctx, slot);
	canary_place(ctx, slot);
}

void canary_peers_begin(struct canary *canary, enum peer_source source)
{
	peers_begin(canary->peers, source);
}

int canary_peers_offer(struct canary *canary, const struct peer_candidate *candidate)
{
	return peers_offer(canary->peers, candidate);
}

void canary_peers_abort(struct canary *canary)
{
	peers_abort(canary->peers);
}

struct peers_change canary_peers_commit(struct canary *canary, struct local_time now)
{
	int64_t rest_ns = 2 * (canary->settings.timeout_ns + SAMPLES_GRACE_NS);

	canary->now = now;
	return peers_commit(canary->peers, local_after(now, rest_ns), canary_departed,
			    canary_joined, canary);
}

void canary_on_route(struct canary *canary, uint32_t slot, bool own,
		     const struct interface_name *routes, uint32_t count, struct local_time now)
{
	const struct peer *peer = peers_get(canary->peers, slot);

	canary->now = now;
	if (!peer_is_live(peer) && peer->state != PEER_OWN)
		return;
	if (own) {
		if (peer->state == PEER_OWN)
			return;
		canary_clear(canary, slot);
		canary_displace(canary, slot);
		peers_set_state(canary->peers, slot, PEER_OWN);
		return;
	}
	if (peer->state == PEER_OWN) {
		peers_set_state(canary->peers, slot, PEER_RESOLVING);
		canary_place(canary, slot);
	}
	interfaces_route(canary->interfaces, slot, routes, count, now);
	canary->standings[slot].routed = true;
	canary->standings[slot].interfaces = count > 0;
}

/* --- probes go out --- */

/* Counted as sent from the moment it is armed, so that the sum holds at every instant;
 * canary_on_sent takes it back. */
static bool canary_arm(struct canary *canary, uint32_t slot, struct local_time now,
		       struct probe *ret)
{
	struct standing *standing = &canary->standings[slot];
	struct probe probe = {
		.destination = peers_get(canary->peers, slot)->address,
		.nonce = nonce_next(&canary->nonces),
		.slot = slot,
		.flow = (uint16_t)standing->flow,
	};

	if (samples_arm(canary->samples, slot, probe.flow, probe.nonce, now, &probe.sequence) < 0) {
		canary->totals.window_full++;
		return false;
	}
	standing->flow = (standing->flow + 1) % canary->memory->shape.flows;
	canary->stats[slot].sent++;
	*ret = probe;
	return true;
}

uint32_t canary_due(struct canary *canary, struct local_time now, struct probe *batch,
		    uint32_t capacity)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < canary->memory->shape.slots && count < capacity; slot++) {
		if (turns_take(canary->turns, slot, now) &&
		    canary_arm(canary, slot, now, &batch[count]))
			count++;
	}
	return count;
}

void canary_on_sent(struct canary *canary, const struct probe *probe, int error)
{
	uint32_t before = samples_in_flight(canary->samples, probe->slot);

	if (error == 0)
		return;
	samples_disarm(canary->samples, probe->slot, probe->flow, probe->sequence);
	if (samples_in_flight(canary->samples, probe->slot) < before)
		canary->stats[probe->slot].sent--;
}

/* --- what became of them --- */

static void canary_on_sample(void *ctx, const struct sample *sample)
{
	struct canary *canary = ctx;
	struct interfaces *interfaces = canary->interfaces;

	stats_add(&canary->stats[sample->slot], sample);
	canary->totals.unstamped += sample->verdict == VERDICT_UNSTAMPED;
	canary->totals.dropped += sample->verdict == VERDICT_RETURNED && !sample->has_rtt;
	if (sample->verdict == VERDICT_RETURNED || sample->late)
		interfaces_on_evidence(interfaces, sample->slot, EVIDENCE_RETURNED);
	else if (sample->verdict == VERDICT_LOST)
		interfaces_on_evidence(interfaces, sample->slot,
				       sample->never_left ? EVIDENCE_NEVER_LEFT : EVIDENCE_LOST);
	else if (sample->verdict == VERDICT_UNSTAMPED)
		interfaces_on_evidence(interfaces, sample->slot,
				       sample->unseen ? EVIDENCE_OVERHEARD : EVIDENCE_UNSTAMPED);
}

void canary_on_record(struct canary *canary, const struct kc_record *record)
{
	samples_on_record(canary->samples, record, canary_on_sample, canary);
}

void canary_on_overheard(struct canary *canary, const struct address *source, uint16_t sequence,
			 uint64_t nonce)
{
	uint32_t slot;

	if (addresses_find(canary->memory, source, &slot) < 0)
		return;
	for (uint16_t flow = 0; flow < canary->memory->shape.flows; flow++)
		samples_on_overheard(canary->samples, slot, flow, sequence, nonce, canary_on_sample,
				     canary);
}

/* --- time passes --- */

/* When the peer may be probed: its programs are in place, or there is nothing to wait for. */
static struct local_time canary_promotion(const struct canary *canary, uint32_t slot)
{
	const struct standing *standing = &canary->standings[slot];

	if (!standing->routed)
		return (struct local_time){ .ns = NEVER };
	if (!standing->interfaces || interfaces_ready(canary->interfaces, slot))
		return standing->joined_at;
	return local_after(standing->joined_at, ATTACHMENT_PATIENCE_NS);
}

bool canary_awaits_stamp(const struct canary *canary, uint32_t slot, struct local_time now)
{
	return samples_awaits_stamp(canary->samples, slot, now);
}

void canary_on_neighbour(struct canary *canary, uint32_t slot, bool unresolved,
			 struct local_time now)
{
	samples_on_neighbour(canary->samples, slot, unresolved, now);
}

static void canary_expire_slot(struct canary *canary, uint32_t slot, struct local_time now)
{
	const struct peer *peer = peers_get(canary->peers, slot);

	switch ((enum peer_state)peer->state) {
	case PEER_FREE:
	case PEER_OWN:
		break;
	case PEER_RESOLVING:
		if (local_since(now, canary_promotion(canary, slot)) < 0)
			break;
		peers_set_state(canary->peers, slot, PEER_PROBED);
		turns_start(canary->turns, slot, now);
		break;
	case PEER_PROBED:
		samples_expire(canary->samples, slot, now, canary_on_sample, canary);
		break;
	case PEER_DEPARTED:
		if (local_since(now, peer->release_at) >= 0)
			canary_displace(canary, slot);
		break;
	}
}

void canary_on_expiry(struct canary *canary, struct local_time now)
{
	for (uint32_t slot = 0; slot < canary->memory->shape.slots; slot++)
		canary_expire_slot(canary, slot, now);
	peers_release(canary->peers, now);
	__atomic_store_n(&canary->memory->control->heartbeat_ns, (uint64_t)now.ns,
			 __ATOMIC_RELEASE);
	canary->beat_at = local_after(now, HEARTBEAT_EVERY_NS);
}

static struct local_time canary_slot_due(const struct canary *canary, uint32_t slot)
{
	const struct peer *peer = peers_get(canary->peers, slot);
	struct local_time probe_at = turns_next(canary->turns, slot);
	struct local_time expiry = samples_next_expiry(canary->samples, slot);

	if (peer->state == PEER_RESOLVING)
		return canary_promotion(canary, slot);
	if (peer->state == PEER_DEPARTED)
		return peer->release_at;
	return local_since(probe_at, expiry) < 0 ? probe_at : expiry;
}

struct local_time canary_next_due(const struct canary *canary, struct local_time now)
{
	struct local_time earliest = canary->beat_at;

	(void)now; /* a beat is never more than a second ahead of it */
	for (uint32_t slot = 0; slot < canary->memory->shape.slots; slot++) {
		struct local_time due = canary_slot_due(canary, slot);

		if (local_since(due, earliest) < 0)
			earliest = due;
	}
	return earliest;
}

struct peers *canary_peers(struct canary *canary)
{
	return canary->peers;
}

struct interfaces *canary_interfaces(struct canary *canary)
{
	return canary->interfaces;
}

const struct peer_stats *canary_stats(const struct canary *canary, uint32_t slot)
{
	return &canary->stats[slot];
}

const struct canary_totals *canary_totals(const struct canary *canary)
{
	return &canary->totals;
}

uint32_t canary_slot_in_flight(const struct canary *canary, uint32_t slot)
{
	return samples_in_flight(canary->samples, slot);
}

uint32_t canary_in_flight(const struct canary *canary)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < canary->memory->shape.slots; slot++)
		count += canary_slot_in_flight(canary, slot);
	return count;
}
