/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the entries of the directory: where an address stands, and what is offered of it until the
 * transaction ends. Must not know where candidates come from, nor who of them is probed.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "directory_state.h"

int directory_open(const struct directory_settings *settings, struct directory **ret)
{
	uint32_t capacity = settings->capacity;
	struct directory *directory = calloc(1, sizeof(*directory));

	assert(capacity > 0 && capacity <= DIRECTORY_MAX);
	if (!directory)
		return -ENOMEM;
	directory->capacity = capacity;
	directory->networks = settings->networks;
	directory->network_count = settings->network_count;
	/* Not zeroed, which might touch all of it: see `top`. */
	directory->entries = malloc(capacity * sizeof(*directory->entries));
	directory->staged = malloc(capacity * sizeof(*directory->staged));
	if (!directory->entries || !directory->staged ||
	    slot_index_open(capacity, &directory->addresses) < 0 ||
	    slot_index_open(capacity, &directory->offered_names) < 0 ||
	    directory_names_open(&directory->names, capacity) < 0) {
		directory_close(directory);
		return -ENOMEM;
	}
	*ret = directory;
	return 0;
}

void directory_close(struct directory *directory)
{
	if (!directory)
		return;
	directory_names_close(&directory->names);
	slot_index_close(directory->offered_names);
	slot_index_close(directory->addresses);
	free(directory->staged);
	free(directory->entries);
	free(directory);
}

static uint32_t address_hash(const struct address *address)
{
	return slot_index_hash(address->octets, sizeof(address->octets));
}

/* Committed or not. */
static uint32_t directory_look_up(const struct directory *directory, const struct address *address)
{
	uint32_t index = slot_index_first(directory->addresses, address_hash(address));

	while (index != SLOT_INDEX_END &&
	       !address_equal(&directory->entries[index].address, address))
		index = slot_index_next(directory->addresses, index);
	return index == SLOT_INDEX_END ? DIRECTORY_END : index;
}

struct directory_word directory_offered_word(const struct directory *directory, uint32_t index)
{
	const struct directory_entry *entry = &directory->entries[index];

	if (entry->offered != DIRECTORY_OFFERED_NEW && entry->offered != DIRECTORY_OFFERED_SAME)
		return directory->staged[index];
	return (struct directory_word){ .name_at = entry->name_at,
					.name_hash = entry->name_hash,
					.zone = entry->zone,
					.probe = entry->probe };
}

void directory_begin(struct directory *directory, enum peer_source source)
{
	assert(!directory->source && source);
	directory->source = (uint8_t)source;
	directory->vacant = 0;
	directory->surplus_offered = 0;
	directory->dropped = (struct directory_totals){ 0 };
}

/* Whether the source gave that name to an address of the same family. */
static bool directory_has_offered_name(const struct directory *directory,
				       const struct peer_candidate *candidate, uint32_t name_hash)
{
	bool ipv4 = address_is_ipv4(&candidate->address);
	uint32_t index = slot_index_first(directory->offered_names, name_hash);

	for (; index != SLOT_INDEX_END; index = slot_index_next(directory->offered_names, index)) {
		struct directory_word word = directory_offered_word(directory, index);

		if (word.name_hash == name_hash &&
		    address_is_ipv4(&directory->entries[index].address) == ipv4 &&
		    strcmp(directory_names_text(&directory->names, word.name_at),
			   candidate->name) == 0)
			return true;
	}
	return false;
}

void directory_forget_name(struct directory *directory, uint32_t index)
{
	struct directory_word word = directory_offered_word(directory, index);

	if (word.name_at)
		slot_index_remove(directory->offered_names, word.name_hash, index);
}

/* The name of the candidate: where it stands already, or staged. */
static void directory_stage_name(struct directory *directory, uint32_t index, const char *name,
				 uint32_t name_hash, struct directory_word *word)
{
	const struct directory_entry *entry = &directory->entries[index];

	if (name[0] == '\0')
		return;
	if (entry->name_at && entry->name_hash == name_hash &&
	    strcmp(directory_names_text(&directory->names, entry->name_at), name) == 0)
		word->name_at = entry->name_at;
	else
		word->name_at = directory_names_append(&directory->names, index, name);
	if (word->name_at) {
		word->name_hash = name_hash;
		slot_index_add(directory->offered_names, name_hash, index);
	}
}

static uint8_t directory_stage_zone(struct directory *directory, uint32_t index, const char *zone)
{
	const struct directory_entry *entry = &directory->entries[index];
	uint8_t found;

	if (zone[0] == '\0')
		zone = zone_network_of(directory->networks, directory->network_count,
				       &entry->address);
	if (strcmp(directory->zones.texts[entry->zone], zone) == 0)
		return entry->zone;
	found = directory_zones_find(&directory->zones, zone);
	if (found != UINT8_MAX)
		return found;
	directory->dropped.zones_dropped++;
	return 0;
}

struct directory_word directory_plain_word(struct directory *directory, uint32_t index)
{
	return (struct directory_word){ .zone = directory_stage_zone(directory, index, ""),
					.probe = PROBE_DEFAULT };
}

static struct directory_word directory_stage_word(struct directory *directory, uint32_t index,
						  const struct peer_candidate *candidate,
						  uint32_t name_hash)
{
	struct directory_word word = { .probe = candidate->probe };

	word.zone = directory_stage_zone(directory, index, candidate->zone);
	directory_stage_name(directory, index, candidate->name, name_hash, &word);
	if (candidate->name[0] && !word.name_at)
		directory->dropped.names_dropped++;
	return word;
}

/* The first free entry, or DIRECTORY_END. None is freed while a transaction runs. */
static uint32_t directory_take_vacant(struct directory *directory)
{
	uint32_t index = directory->vacant;

	while (index < directory->top &&
	       (directory->entries[index].sources || directory->entries[index].offered))
		index++;
	directory->vacant = index;
	if (index == directory->capacity)
		return DIRECTORY_END;
	if (index == directory->top)
		directory->top++;
	return index;
}

static int directory_offer_new(struct directory *directory, const struct peer_candidate *candidate,
			       uint32_t name_hash)
{
	uint32_t index = directory_take_vacant(directory);
	struct directory_entry *entry;
	struct directory_word word;

	if (index == DIRECTORY_END) {
		directory->surplus_offered++;
		return -ENOSPC;
	}
	entry = &directory->entries[index];
	*entry = (struct directory_entry){ .address = candidate->address };
	word = directory_stage_word(directory, index, candidate, name_hash);
	entry->name_at = word.name_at;
	entry->name_hash = word.name_hash;
	entry->zone = word.zone;
	entry->probe = word.probe;
	entry->offered = DIRECTORY_OFFERED_NEW;
	slot_index_add(directory->addresses, address_hash(&entry->address), index);
	return 0;
}

/* A heavier source's word stands; of this one only the name is remembered, until the transaction
 * ends. */
static int directory_offer_beside(struct directory *directory, uint32_t index,
				  const struct peer_candidate *candidate, uint32_t name_hash)
{
	struct directory_entry *entry = &directory->entries[index];
	struct directory_word word = { 0 };

	directory_stage_name(directory, index, candidate->name, name_hash, &word);
	directory->staged[index] = word;
	entry->offered = DIRECTORY_OFFERED_BESIDE;
	if (candidate->probe != PROBE_DEFAULT && candidate->probe != entry->probe)
		return -EALREADY;
	return 0;
}

int directory_offer(struct directory *directory, const struct peer_candidate *candidate)
{
	uint32_t name_hash = slot_index_hash(candidate->name, strlen(candidate->name));
	uint32_t index = directory_look_up(directory, &candidate->address);
	struct directory_entry *entry;
	struct directory_word word;

	assert(directory->source);
	if (index != DIRECTORY_END && directory->entries[index].offered)
		return -EEXIST;
	if (candidate->name[0] && directory_has_offered_name(directory, candidate, name_hash))
		return -ENOTUNIQ;
	if (index == DIRECTORY_END)
		return directory_offer_new(directory, candidate, name_hash);
	entry = &directory->entries[index];
	if (entry->holder < directory->source)
		return directory_offer_beside(directory, index, candidate, name_hash);
	word = directory_stage_word(directory, index, candidate, name_hash);
	entry->offered = DIRECTORY_OFFERED_SAME;
	if (word.name_at != entry->name_at || word.zone != entry->zone ||
	    word.probe != entry->probe) {
		entry->offered = DIRECTORY_OFFERED_OTHER;
		directory->staged[index] = word;
	}
	return 0;
}

void directory_vacate(struct directory *directory, uint32_t index)
{
	struct directory_entry *entry = &directory->entries[index];

	slot_index_remove(directory->addresses, address_hash(&entry->address), index);
	*entry = (struct directory_entry){ 0 };
}

void directory_end_transaction(struct directory *directory)
{
	while (directory->top > 0 && directory->entries[directory->top - 1].sources == 0)
		directory->top--;
	directory->source = 0;
}

void directory_abort(struct directory *directory)
{
	bool zones[DIRECTORY_ZONES_STAGED] = { false };
	uint8_t moved[DIRECTORY_ZONES_STAGED];

	assert(directory->source);
	for (uint32_t index = 0; index < directory->top; index++) {
		struct directory_entry *entry = &directory->entries[index];

		if (entry->offered)
			directory_forget_name(directory, index);
		if (entry->offered == DIRECTORY_OFFERED_NEW)
			directory_vacate(directory, index);
		entry->offered = DIRECTORY_OFFERED_NOT;
		zones[entry->zone] = true;
	}
	directory_names_abort(&directory->names);
	directory_zones_settle(&directory->zones, zones, moved);
	directory_end_transaction(directory);
}

uint32_t directory_count(const struct directory *directory)
{
	return directory->count;
}

uint32_t directory_capacity(const struct directory *directory)
{
	return directory->capacity;
}

uint32_t directory_surplus(const struct directory *directory)
{
	uint32_t surplus = 0;

	for (uint32_t source = 0; source < DIRECTORY_SOURCES; source++)
		surplus += directory->surplus[source];
	return surplus;
}

const struct directory_totals *directory_totals(const struct directory *directory)
{
	return &directory->totals;
}

uint32_t directory_find(const struct directory *directory, const struct address *address)
{
	uint32_t index = directory_look_up(directory, address);

	if (index != DIRECTORY_END && directory->entries[index].sources == 0)
		return DIRECTORY_END;
	return index;
}

uint32_t directory_top(const struct directory *directory)
{
	assert(!directory->source);
	return directory->top;
}

const struct directory_entry *directory_get(const struct directory *directory, uint32_t index)
{
	static const struct directory_entry hole;

	return index < directory->top ? &directory->entries[index] : &hole;
}

void directory_candidate(const struct directory *directory, uint32_t index,
			 struct peer_candidate *ret)
{
	const struct directory_entry *entry = directory_get(directory, index);
	const char *name = directory_names_text(&directory->names, entry->name_at);
	const char *zone = directory->zones.texts[entry->zone];

	*ret = (struct peer_candidate){ .address = entry->address, .probe = entry->probe };
	memcpy(ret->name, name, strlen(name) + 1);
	memcpy(ret->zone, zone, strlen(zone) + 1);
}

void directory_set_own(struct directory *directory, uint32_t index, bool own)
{
	directory->entries[index].own = own;
}

void directory_set_chosen(struct directory *directory, uint32_t index, bool chosen)
{
	directory->entries[index].chosen = chosen;
}
