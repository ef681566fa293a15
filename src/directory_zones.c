/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the texts of zones and the numbers that entries know them by. Must not know who is in them.
 */
#include <string.h>

#include "directory_state.h"

_Static_assert(DIRECTORY_ZONES_STAGED <= UINT8_MAX, "numbers of zones are octets");

/* The number of the zone, or where it may be put; DIRECTORY_ZONES_STAGED: nowhere. */
static uint32_t zone_place(const struct directory_zones *zones, const char *zone, uint32_t hash)
{
	uint32_t vacant = DIRECTORY_ZONES_STAGED;

	for (uint32_t i = 1; i < DIRECTORY_ZONES_STAGED; i++) {
		if (zones->texts[i][0] == '\0') {
			if (vacant == DIRECTORY_ZONES_STAGED)
				vacant = i;
		} else if (zones->hashes[i] == hash && strcmp(zones->texts[i], zone) == 0) {
			return i;
		}
	}
	return vacant;
}

uint8_t directory_zones_find(struct directory_zones *zones, const char *zone)
{
	size_t length = strlen(zone);
	uint32_t hash = slot_index_hash(zone, length);
	uint32_t place;

	if (length == 0)
		return 0;
	place = zone_place(zones, zone, hash);
	if (place == DIRECTORY_ZONES_STAGED)
		return UINT8_MAX;
	memcpy(zones->texts[place], zone, length + 1);
	zones->hashes[place] = hash;
	return (uint8_t)place;
}

void directory_zones_settle(struct directory_zones *zones,
			    const bool used[static DIRECTORY_ZONES_STAGED],
			    uint8_t ret_zones[static DIRECTORY_ZONES_STAGED])
{
	uint32_t vacant = 1;

	for (uint32_t i = 1; i < DIRECTORY_ZONES_STAGED; i++) {
		ret_zones[i] = i < DIRECTORY_ZONES && used[i] ? (uint8_t)i : 0;
		if (!used[i])
			zones->texts[i][0] = '\0';
	}
	ret_zones[0] = 0;
	for (uint32_t i = DIRECTORY_ZONES; i < DIRECTORY_ZONES_STAGED; i++) {
		if (!used[i])
			continue;
		while (vacant < DIRECTORY_ZONES && zones->texts[vacant][0])
			vacant++;
		if (vacant < DIRECTORY_ZONES) {
			memcpy(zones->texts[vacant], zones->texts[i], sizeof(zones->texts[i]));
			zones->hashes[vacant] = zones->hashes[i];
			ret_zones[i] = (uint8_t)vacant;
		}
		zones->texts[i][0] = '\0';
	}
}
