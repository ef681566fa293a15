/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the room for the names of the directory. Must not know who said them, nor when a transaction
 * runs.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "directory_state.h"

#define OWNER_OCTETS 2

_Static_assert(DIRECTORY_MAX <= UINT16_MAX, "an owner is two octets");

/* Of the record whose name stands there. */
static uint32_t record_octets(const struct directory_names *names, uint32_t name_at)
{
	return OWNER_OCTETS + (uint32_t)strlen(names->pool + name_at) + 1;
}

int directory_names_open(struct directory_names *names, uint32_t capacity)
{
	names->limit = capacity * DIRECTORY_NAME_OCTETS;
	if (names->limit < DIRECTORY_NAME_OCTETS_MIN)
		names->limit = DIRECTORY_NAME_OCTETS_MIN;
	names->pool = malloc(2 * (size_t)names->limit);
	return names->pool ? 0 : -ENOMEM;
}

void directory_names_close(struct directory_names *names)
{
	free(names->pool);
}

const char *directory_names_text(const struct directory_names *names, uint32_t name_at)
{
	return name_at ? names->pool + name_at : "";
}

uint32_t directory_names_append(struct directory_names *names, uint32_t owner, const char *name)
{
	uint32_t name_at = names->end + OWNER_OCTETS;
	uint32_t octets = OWNER_OCTETS + (uint32_t)strlen(name) + 1;
	uint16_t owner_word = (uint16_t)owner;

	if (octets > 2 * names->limit - names->end)
		return 0;
	memcpy(names->pool + names->end, &owner_word, sizeof(owner_word));
	memcpy(names->pool + name_at, name, octets - OWNER_OCTETS);
	names->end += octets;
	return name_at;
}

void directory_names_abort(struct directory_names *names)
{
	names->end = names->end_committed;
}

bool directory_names_keep(struct directory_names *names, uint32_t name_at)
{
	uint32_t octets = record_octets(names, name_at);

	if (octets > names->limit - names->octets)
		return false;
	names->octets += octets;
	return true;
}

void directory_names_release(struct directory_names *names, uint32_t name_at)
{
	if (name_at)
		names->octets -= record_octets(names, name_at);
}

void directory_names_compact(struct directory_names *names, struct directory_entry *entries)
{
	uint32_t to = names->octets == names->end ? names->end : 0;

	for (uint32_t from = to; from < names->end;) {
		uint32_t octets = record_octets(names, from + OWNER_OCTETS);
		uint16_t owner;

		memcpy(&owner, names->pool + from, sizeof(owner));
		if (entries[owner].name_at == from + OWNER_OCTETS) {
			memmove(names->pool + to, names->pool + from, octets);
			entries[owner].name_at = to + OWNER_OCTETS;
			to += octets;
		}
		from += octets;
	}
	assert(to == names->octets);
	names->end = to;
	names->end_committed = to;
}
