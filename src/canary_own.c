/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are this machine's: as rtnetlink lists them, and as single routes tell. Keeps
 * kc_addresses and the directory's marks by it. Must not know what follows for slots.
 */
#include "canary_state.h"

#include <string.h>

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

bool canary_is_listed_own(const struct canary *canary, const struct address *address)
{
	return own_holds(&canary->own, address);
}

/* Until a route says otherwise, an address that went is another machine's. */
static void canary_lose(struct canary *canary, const struct address *address)
{
	uint32_t index = directory_find(canary->directory, address);

	addresses_set_own(canary->memory, address, false);
	if (index != DIRECTORY_END)
		canary_mark_own(canary, index, false);
}

static bool own_equal(const struct own_addresses *a, const struct own_addresses *b)
{
	return a->count == b->count && memcmp(a->list, b->list, a->count * sizeof(a->list[0])) == 0;
}

/* Those that went make room first. All others are said again, since there may be room now. */
void canary_own_commit(struct canary *canary, struct local_time now)
{
	struct own_addresses *offered = &canary->own_offered;
	uint32_t missing = canary->own.missing;

	canary->now = now;
	for (uint32_t i = 0; i < canary->own.count; i++) {
		if (!own_holds(offered, &canary->own.list[i]))
			canary_lose(canary, &canary->own.list[i]);
	}
	for (uint32_t i = 0; i < offered->count; i++) {
		if (addresses_set_own(canary->memory, &offered->list[i], true) < 0)
			offered->missing++;
	}
	if (!own_equal(&canary->own, offered))
		canary->stale = true;
	canary->own = *offered;
	/* Counted when they become more, not with each refresh. */
	if (canary->own.missing > missing)
		canary->totals.unplaced += canary->own.missing - missing;
	canary_mark_all_own(canary);
	if (canary->stale)
		canary_choose(canary, now);
}

void canary_mark_own(struct canary *canary, uint32_t index, bool own)
{
	const struct directory_entry *entry = directory_get(canary->directory, index);

	if (entry->own == own)
		return;
	directory_set_own(canary->directory, index, own);
	canary_replace(canary, &entry->address);
	canary->stale = true;
}

void canary_mark_all_own(struct canary *canary)
{
	for (uint32_t i = 0; i < canary->own.count; i++) {
		uint32_t index = directory_find(canary->directory, &canary->own.list[i]);

		if (index != DIRECTORY_END)
			canary_mark_own(canary, index, true);
	}
}
