/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who of the directory is probed: whom the command line names, and of the others all or the node's
 * share of the mesh; in the order in which they are given slots. Must not know what follows from
 * it, nor by which rule mesh.h chooses.
 */
#include "canary_state.h"

_Static_assert(DIRECTORY_ZONES <= MESH_ZONES, "each zone of the directory is one of the mesh");

/* Of one family, by directory. */
struct tally {
	uint32_t all;
	uint32_t others;
};

/* Those that a word is said of below: of one family or of both. */
enum choice_family {
	CHOICE_IPV4 = 1,
	CHOICE_IPV6 = 2,
	CHOICE_ANY = CHOICE_IPV4 | CHOICE_IPV6,
};

static enum choice_family family_of(const struct address *address)
{
	return address_is_ipv4(address) ? CHOICE_IPV4 : CHOICE_IPV6;
}

/* Whom other nodes know as well, so that all choose among the same. */
static bool entry_is_shared(const struct directory_entry *entry)
{
	return entry->sources & ~(unsigned int)PEER_SOURCE_STATIC;
}

/* --- one chosen --- */

/* Beyond the slots nobody keeps his: it is for those who come before. */
static void canary_choose_one(struct canary *canary, uint32_t index)
{
	const struct directory_entry *entry = directory_get(canary->directory, index);
	struct peer_candidate candidate;
	uint32_t slot;

	if (entry->chosen)
		return;
	directory_set_chosen(canary->directory, index, true);
	if (canary->chosen++ >= peers_capacity(canary->peers) &&
	    canary_find_slot(canary, &entry->address, &slot))
		return;
	directory_candidate(canary->directory, index, &candidate);
	peers_offer(canary->peers, &candidate); /* surplus is counted there */
}

static void canary_on_chosen(void *ctx, uint32_t node)
{
	canary_choose_one(ctx, node);
}

/* --- all --- */

typedef bool choice_fn(const struct directory_entry *entry);

static bool entry_is_static(const struct directory_entry *entry)
{
	return entry->sources & PEER_SOURCE_STATIC;
}

static void canary_choose_some(struct canary *canary, choice_fn *wanted, enum choice_family family,
			       bool newcomers)
{
	uint32_t top = directory_top(canary->directory);
	uint32_t slot;

	for (uint32_t index = 0; index < top; index++) {
		const struct directory_entry *entry = directory_get(canary->directory, index);

		if (entry->sources && !entry->own && !entry->chosen && wanted(entry) &&
		    (family_of(&entry->address) & family) &&
		    (newcomers || canary_find_slot(canary, &entry->address, &slot)))
			canary_choose_one(canary, index);
	}
}

/* Those that have a slot first, so that nobody loses his to one who comes. */
static void canary_choose_all(struct canary *canary, choice_fn *wanted, enum choice_family family)
{
	canary_choose_some(canary, wanted, family, false);
	canary_choose_some(canary, wanted, family, true);
}

/* --- or a share --- */

static void canary_choose_for(struct canary *canary, const struct address *self,
			      enum choice_family family)
{
	uint32_t top = directory_top(canary->directory);
	uint32_t degree = canary->settings.degree;

	if (degree > peers_capacity(canary->peers))
		degree = peers_capacity(canary->peers);
	mesh_begin(canary->mesh, self, degree);
	for (uint32_t index = 0; index < top; index++) {
		const struct directory_entry *entry = directory_get(canary->directory, index);

		if (entry_is_shared(entry) && !entry->own && family_of(&entry->address) == family)
			mesh_consider(canary->mesh, index, &entry->address, entry->zone);
	}
	mesh_end(canary->mesh, canary_on_chosen, canary); /* has room for all */
}

static bool address_is_loopback(const struct address *address)
{
	static const struct address ipv6_loopback = { .octets = { [15] = 1 } };

	return address_is_ipv4(address) ? address->octets[12] == 127
					: address_equal(address, &ipv6_loopback);
}

/* Our first address that others could reach; NULL: this machine has none of the family. */
static const struct address *canary_self(const struct canary *canary, enum choice_family family)
{
	const struct own_addresses *own = &canary->own;

	for (uint32_t i = 0; i < own->count; i++) {
		if (family_of(&own->list[i]) == family && !address_is_loopback(&own->list[i]))
			return &own->list[i];
	}
	return NULL;
}

/* Where nobody else knows our place, any will do that other nodes have not; before those the one
 * that we had, while the address is ours or on the lists. It may be off the lists while we are not
 * ready; and if it is gone for a while, the peers' loss shows that. */
static struct address canary_other_place(const struct canary *canary, enum choice_family family)
{
	const struct address *last = &canary->ring_places[family == CHOICE_IPV6];
	const struct address *self = canary_self(canary, family);

	if (canary_is_listed_own(canary, last) ||
	    directory_find(canary->directory, last) != DIRECTORY_END)
		return *last;
	return self ? *self : (struct address){ { 0 } };
}

/* At each of our places, so that everybody is watched by as many as watch others. */
static void canary_choose_ring(struct canary *canary, enum choice_family family)
{
	uint32_t top = directory_top(canary->directory);
	uint32_t places = 0;

	for (uint32_t index = 0; index < top && places < ADDRESSES_OWN_MAX; index++) {
		const struct directory_entry *entry = directory_get(canary->directory, index);

		if (!entry_is_shared(entry) || !entry->own || family_of(&entry->address) != family)
			continue;
		canary_choose_for(canary, &entry->address, family);
		canary->ring_places[family == CHOICE_IPV6] = entry->address;
		places++;
	}
	if (places == 0) {
		struct address place = canary_other_place(canary, family);

		canary_choose_for(canary, &place, family);
	}
}

/* --- which --- */

/* And forgets the former choice. */
static void canary_count(struct canary *canary, struct tally *ret_ipv4, struct tally *ret_ipv6)
{
	uint32_t top = directory_top(canary->directory);

	for (uint32_t index = 0; index < top; index++) {
		const struct directory_entry *entry = directory_get(canary->directory, index);
		struct tally *tally = address_is_ipv4(&entry->address) ? ret_ipv4 : ret_ipv6;

		if (!entry->sources)
			continue;
		tally->all++;
		tally->others += entry_is_shared(entry) && !entry->own;
		if (entry->chosen)
			directory_set_chosen(canary->directory, index, false);
	}
}

/* At addresses of a family that it never had one of itself this machine could reach nobody, nor
 * ever learn whose twins they are. Where there are no others, they are tried all the same, so that
 * this shows; and so does it if our last address of a family is gone (its router is silent, its
 * link comes up again). */
static enum choice_family canary_families(struct canary *canary, const struct tally *ipv4,
					  const struct tally *ipv6)
{
	if (canary->settings.family == CANARY_FAMILY_IPV4)
		return CHOICE_IPV4;
	if (canary->settings.family == CANARY_FAMILY_IPV6)
		return CHOICE_IPV6;
	if (canary_self(canary, CHOICE_IPV4))
		canary->families |= CHOICE_IPV4;
	if (canary_self(canary, CHOICE_IPV6))
		canary->families |= CHOICE_IPV6;
	if (canary->families == CHOICE_IPV4 && ipv4->others)
		return CHOICE_IPV4;
	if (canary->families == CHOICE_IPV6 && ipv6->others)
		return CHOICE_IPV6;
	return CHOICE_ANY;
}

static enum peer_family canary_peer_family(const struct canary *canary, bool ipv6_first)
{
	if (canary->settings.family == CANARY_FAMILY_BOTH)
		return PEER_FAMILY_BOTH;
	return ipv6_first ? PEER_FAMILY_IPV6 : PEER_FAMILY_ANY;
}

/* Sources name them again, but they are not among the chosen: as good as any other of those. */
static void canary_end_lingering(struct canary *canary, struct local_time now)
{
	uint32_t slots = peers_lingering(canary->peers) ? peers_capacity(canary->peers) : 0;

	for (uint32_t slot = 0; slot < slots; slot++) {
		const struct peer *peer = peers_get(canary->peers, slot);

		if (peer->lingering && peer_is_live(peer) &&
		    directory_find(canary->directory, &peer->address) != DIRECTORY_END)
			peers_end_lingering(canary->peers, slot, now);
	}
}

/* Sources may have moved those that have a slot already. */
static void canary_follow_zones(struct canary *canary)
{
	for (uint32_t slot = 0; slot < peers_capacity(canary->peers); slot++) {
		if (peer_is_live(peers_get(canary->peers, slot)))
			canary_follow_zone(canary, slot);
	}
}

/* Those that other nodes know as well: all, or a share. */
static void canary_choose_shared(struct canary *canary, enum choice_family first,
				 enum choice_family second, bool full)
{
	if (full) {
		canary_choose_all(canary, entry_is_shared, first);
		canary_choose_all(canary, entry_is_shared, second);
		return;
	}
	canary_choose_ring(canary, first);
	if (canary->settings.family == CANARY_FAMILY_BOTH && second)
		canary_choose_ring(canary, second);
}

struct peers_change canary_choose(struct canary *canary, struct local_time now)
{
	const struct canary_settings *settings = &canary->settings;
	struct tally ipv4 = { 0 }, ipv6 = { 0 };
	enum choice_family families, first;
	struct peers_change change;
	bool ipv6_first, full;

	canary->now = now;
	canary->stale = false;
	canary->chosen = 0;
	canary_count(canary, &ipv4, &ipv6);
	families = canary_families(canary, &ipv4, &ipv6);
	/* Of a dual-stack cluster's addresses now the one family, now the other has a few more:
	 * nobody's mind shall change by that. */
	ipv6_first = families == CHOICE_IPV6 || (families == CHOICE_ANY && ipv6.all > 2 * ipv4.all);
	first = ipv6_first ? CHOICE_IPV6 : CHOICE_IPV4;
	full = (!(families & CHOICE_IPV4) || ipv4.others <= settings->full_below) &&
	       (!(families & CHOICE_IPV6) || ipv6.others <= settings->full_below);
	peers_set_family(canary->peers, canary_peer_family(canary, ipv6_first));
	peers_begin(canary->peers);
	if (settings->degree > 0) {
		canary_choose_all(canary, entry_is_static, first);
		canary_choose_all(canary, entry_is_static, CHOICE_ANY & ~first);
		canary_choose_shared(canary, first, families & ~first, full);
	}
	change = peers_commit(canary->peers, now);
	canary_end_lingering(canary, now);
	canary_follow_zones(canary);
	return change;
}
