/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers come and go, and where they are; own addresses. Owns what joining and leaving mean for the
 * modules below. Must not know probes.
 */
#include "canary_state.h"

#include <string.h>

/* A loader that does not answer silences no peer: its probes are then unstamped, which shows. */
#define ATTACHMENT_PATIENCE_NS (2 * NS_PER_SECOND)

#define NEVER INT64_MAX

/* Forgets all that was known of the slot's peer; nothing of it counts from here on. */
static void canary_clear(struct canary *canary, uint32_t slot)
{
	uint32_t flows = canary->memory->shape.flows;
	bool echo = peers_get(canary->peers, slot)->probe == PROBE_ICMP;

	samples_reset(canary->samples, slot, echo);
	interfaces_route(canary->interfaces, slot, NULL, 0, canary->now);
	canary->stats[slot] = (struct peer_stats){ 0 };
	canary->standings[slot] = (struct standing){ 0 };
	memset(&canary->flow_losses[(size_t)slot * flows], 0, flows * sizeof(*canary->flow_losses));
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
void canary_displace(struct canary *canary, uint32_t slot)
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
			    canary_joined, canary_relabelled, canary);
}

/* One of our own addresses after all: neither probed nor anybody. */
static void canary_disown(struct canary *canary, uint32_t slot)
{
	canary_clear(canary, slot);
	canary_displace(canary, slot);
	peers_set_state(canary->peers, slot, PEER_OWN);
	peers_settle(canary->peers, canary_relabelled, canary);
}

void canary_on_route(struct canary *canary, uint32_t slot, bool own,
		     const struct interface_name *routes, uint32_t count, struct local_time now)
{
	const struct peer *peer = peers_get(canary->peers, slot);

	canary->now = now;
	if (!peer_is_live(peer) && peer->state != PEER_OWN && peer->state != PEER_KNOWN)
		return;
	if (own) {
		if (peer->state != PEER_OWN)
			canary_disown(canary, slot);
		return;
	}
	if (peer->state == PEER_OWN) {
		peers_set_state(canary->peers, slot, PEER_RESOLVING);
		peers_settle(canary->peers, canary_relabelled, canary);
		canary_place(canary, slot);
	}
	interfaces_route(canary->interfaces, slot, routes, count, now);
	canary->standings[slot].routed = true;
	canary->standings[slot].interfaces = count > 0;
	if (canary->settings.reflect_only && peer->state == PEER_RESOLVING)
		peers_set_state(canary->peers, slot, PEER_KNOWN);
}

/* When the peer may be probed: its programs are in place, or there is nothing to wait for. */
struct local_time canary_promotion(const struct canary *canary, uint32_t slot)
{
	const struct standing *standing = &canary->standings[slot];

	if (!standing->routed)
		return (struct local_time){ .ns = NEVER };
	if (!standing->interfaces || interfaces_ready(canary->interfaces, slot))
		return standing->joined_at;
	return local_after(standing->joined_at, ATTACHMENT_PATIENCE_NS);
}

/* --- own addresses --- */

void canary_own_begin(struct canary *canary)
{
	canary->own_offered.count = 0;
	canary->own_offered.missing = 0;
}

static bool own_holds(const struct own_addresses *own, const struct address *address)
{
	for (uint32_t i = 0; i < own->count; i++) {
		if (address_equal(&own->list[i], address))
			return true;
	}
	return false;
}

void canary_own_offer(struct canary *canary, const struct address *address)
{
	struct own_addresses *offered = &canary->own_offered;

	if (own_holds(offered, address))
		return;
	if (offered->count == ADDRESSES_OWN_MAX)
		offered->missing++;
	else
		offered->list[offered->count++] = *address;
}

/* Those that went make room first. All others are said again, since there may be room now. */
void canary_own_commit(struct canary *canary)
{
	struct own_addresses *offered = &canary->own_offered;
	uint32_t missing = canary->own.missing;

	for (uint32_t i = 0; i < canary->own.count; i++) {
		if (!own_holds(offered, &canary->own.list[i]))
			addresses_set_own(canary->memory, &canary->own.list[i], false);
	}
	for (uint32_t i = 0; i < offered->count; i++) {
		if (addresses_set_own(canary->memory, &offered->list[i], true) < 0)
			offered->missing++;
	}
	canary->own = *offered;
	/* Counted when they become more, not with each refresh. */
	if (canary->own.missing > missing)
		canary->totals.unplaced += canary->own.missing - missing;
}
