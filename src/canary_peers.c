/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers come and go, and where they are. Owns what joining and leaving mean for the modules below,
 * and whose each address is. Must not know probes, nor who is chosen.
 */
#include "canary_state.h"

#include <string.h>

/* A loader that does not answer silences no peer: its probes are then unstamped, which shows. */
#define ATTACHMENT_PATIENCE_NS (2 * NS_PER_SECOND)

#define NEVER INT64_MAX

/* --- whose an address is --- */

bool canary_find_slot(const struct canary *canary, const struct address *address,
		      uint32_t *ret_slot)
{
	uint32_t slot;

	if (addresses_find(canary->memory, address, &slot) < 0 ||
	    peers_get(canary->peers, slot)->state == PEER_DEPARTED)
		return false;
	*ret_slot = slot;
	return true;
}

static void canary_insert_known(struct canary *canary, const struct address *address)
{
	if (addresses_insert(canary->memory, address, KC_SLOT_KNOWN) < 0)
		canary->totals.unplaced++;
}

/* No slot's any more. Our own are not reflected to. */
static void canary_give_back(struct canary *canary, const struct address *address)
{
	uint32_t index = directory_find(canary->directory, address);

	if (index != DIRECTORY_END && !directory_get(canary->directory, index)->own)
		canary_insert_known(canary, address);
	else
		addresses_remove(canary->memory, address);
}

void canary_replace(struct canary *canary, const struct address *address)
{
	uint32_t slot;

	if (addresses_find(canary->memory, address, &slot) < 0)
		canary_give_back(canary, address);
}

/* The same address may stand for a newer peer by now, which keeps it. */
void canary_displace(struct canary *canary, uint32_t slot)
{
	const struct address *address = &peers_get(canary->peers, slot)->address;
	uint32_t holder;

	if (addresses_find(canary->memory, address, &holder) == 0 && holder == slot)
		canary_give_back(canary, address);
	memset(&canary->memory->peers[slot], 0, sizeof(*canary->memory->peers));
}

/* --- what happens to slots --- */

/* Forgets all that was known of the slot's peer; nothing of it counts from here on. */
static void canary_clear(struct canary *canary, uint32_t slot)
{
	uint32_t flows = canary->memory->shape.flows;
	bool echo = peers_get(canary->peers, slot)->probe == PROBE_ICMP;

	samples_reset(canary->samples, slot, echo);
	interfaces_route(canary->interfaces, slot, NULL, 0, canary->now);
	canary_clear_counts(canary, slot);
	canary->questions -= canary->standings[slot].question_count;
	canary->standings[slot] = (struct standing){ 0 };
	memset(&canary->flow_losses[(size_t)slot * flows], 0, flows * sizeof(*canary->flow_losses));
	turns_stop(canary->turns, slot);
}

static void canary_place(struct canary *canary, uint32_t slot)
{
	const struct address *address = &peers_get(canary->peers, slot)->address;
	struct kc_peer *view = &canary->memory->peers[slot];

	canary->standings[slot].joined_at = canary->now;
	canary_begin_counts(canary, slot);
	memset(view, 0, sizeof(*view));
	address_format(address, view->address);
	/* What found no place was counted when it was discovered. */
	addresses_insert(canary->memory, address, slot);
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

/* As if it departed, but it keeps slot and address: it may be needed again any time. */
static void canary_parked(void *ctx, uint32_t slot)
{
	canary_clear(ctx, slot);
	canary_notify(ctx, CANARY_TWIN, slot, 0);
}

/* Only whom no source names any more: others were chosen no longer. */
static bool canary_lingers(void *ctx, uint32_t slot)
{
	const struct canary *canary = ctx;
	const struct peer *peer = peers_get(canary->peers, slot);

	if (canary->settings.linger_ns == 0 || !peer_is_live(peer) ||
	    directory_find(canary->directory, &peer->address) != DIRECTORY_END)
		return false;
	canary_notify(canary, CANARY_LINGERING, slot, 0);
	return true;
}

struct peers_events canary_events(struct canary *canary)
{
	return (struct peers_events){
		.lingers = canary_lingers,
		.departed = canary_departed,
		.joined = canary_joined,
		.parked = canary_parked,
		.relabelled = canary_relabelled,
		.ctx = canary,
	};
}

/* --- sources --- */

void canary_peers_begin(struct canary *canary, enum peer_source source)
{
	directory_begin(canary->directory, source);
}

int canary_peers_offer(struct canary *canary, const struct peer_candidate *candidate)
{
	return directory_offer(canary->directory, candidate);
}

void canary_peers_abort(struct canary *canary)
{
	directory_abort(canary->directory);
}

/* A slot that lingers or rests keeps its address, and has it already where the peer comes back. */
static void canary_discovered(void *ctx, const struct directory_entry *entry)
{
	struct canary *canary = ctx;
	uint32_t slot;

	if (addresses_find(canary->memory, &entry->address, &slot) < 0)
		canary_insert_known(canary, &entry->address);
}

static void canary_undiscovered(void *ctx, const struct directory_entry *entry)
{
	struct canary *canary = ctx;
	uint32_t slot;

	if (addresses_find(canary->memory, &entry->address, &slot) < 0)
		addresses_remove(canary->memory, &entry->address);
}

struct canary_change canary_peers_commit(struct canary *canary, struct local_time now)
{
	struct canary_change change = { 0 };

	canary->now = now;
	change.discovered = directory_commit(canary->directory, canary_undiscovered,
					     canary_discovered, canary);
	canary_mark_all_own(canary);
	if (change.discovered.added > 0 || change.discovered.removed > 0 ||
	    change.discovered.changed > 0)
		change.probed = canary_choose(canary, now);
	else
		change.probed.surplus = peers_surplus(canary->peers);
	return change;
}

/* --- routes --- */

/* One of our own addresses after all: neither probed nor anybody. */
static void canary_disown(struct canary *canary, uint32_t slot, struct local_time now)
{
	if (peers_get(canary->peers, slot)->state == PEER_OWN)
		return;
	canary_clear(canary, slot);
	canary_displace(canary, slot);
	peers_set_state(canary->peers, slot, PEER_OWN);
	peers_settle(canary->peers, now);
}

void canary_on_route(struct canary *canary, uint32_t slot, bool own,
		     const struct interface_name *routes, uint32_t count, struct local_time now)
{
	const struct peer *peer = peers_get(canary->peers, slot);
	uint32_t index;

	canary->now = now;
	if (!peer_is_live(peer) && peer->state != PEER_OWN)
		return;
	index = directory_find(canary->directory, &peer->address);
	if (index != DIRECTORY_END)
		canary_mark_own(canary, index, own);
	if (own) {
		canary_disown(canary, slot, now);
		return;
	}
	if (peer->state == PEER_OWN) {
		peers_set_state(canary->peers, slot, PEER_RESOLVING);
		peers_settle(canary->peers, now);
		canary_place(canary, slot);
	}
	interfaces_route(canary->interfaces, slot, routes, count, now);
	canary->standings[slot].routed = true;
	canary->standings[slot].interfaces = count > 0;
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

/* --- those that are known only --- */

const struct address *canary_known(const struct canary *canary, uint32_t index)
{
	const struct directory_entry *entry = directory_get(canary->directory, index);
	uint32_t slot;

	if (!entry->sources)
		return NULL;
	if (canary_find_slot(canary, &entry->address, &slot) &&
	    peers_get(canary->peers, slot)->state != PEER_TWIN)
		return NULL;
	return &entry->address;
}

void canary_known_begin(struct canary *canary)
{
	canary->known.count = 0;
}

static void known_add(struct known_routes *known, const struct interface_name *route)
{
	for (uint32_t i = 0; i < known->count; i++) {
		if (known->list[i].ifindex == route->ifindex)
			return;
	}
	if (known->count < sizeof(known->list) / sizeof(known->list[0]))
		known->list[known->count++] = *route;
}

void canary_on_known_route(struct canary *canary, uint32_t index, bool own,
			   const struct interface_name *routes, uint32_t count)
{
	const struct address *address = canary_known(canary, index);

	if (!address)
		return;
	canary_mark_own(canary, index, own || canary_is_listed_own(canary, address));
	for (uint32_t i = 0; i < count && !own; i++)
		known_add(&canary->known, &routes[i]);
}

/* In the slot beyond the peers'. */
void canary_known_commit(struct canary *canary, struct local_time now)
{
	interfaces_route(canary->interfaces, canary->memory->shape.slots, canary->known.list,
			 canary->known.count, now);
}
