/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns how a transaction becomes what stands in the directory: who goes, whose word stands, which
 * names and zones have room. Must not know what was offered, but by the entries.
 */
#include <assert.h>

#include "directory_state.h"

/* The entry's name makes room where another word is staged. */
static void directory_release_name(struct directory *directory, uint32_t index)
{
	const struct directory_entry *entry = &directory->entries[index];

	if (directory->staged[index].name_at != entry->name_at)
		directory_names_release(&directory->names, entry->name_at);
}

/* The source names it no longer. True: nobody does. */
static bool directory_leave(struct directory *directory, uint32_t index)
{
	struct directory_entry *entry = &directory->entries[index];

	if (entry->sources == directory->source)
		return true;
	if (entry->holder == directory->source) {
		directory->staged[index] = directory_plain_word(directory, index);
		entry->offered = DIRECTORY_ORPHANED;
	}
	return false;
}

/* Those go that nobody names any more; all of the others have a word that is to stand. */
static uint32_t directory_leave_all(struct directory *directory, directory_fn *removed, void *ctx)
{
	uint32_t count = 0;

	for (uint32_t index = 0; index < directory->top; index++) {
		struct directory_entry *entry = &directory->entries[index];

		if (entry->offered) {
			directory_forget_name(directory, index);
		} else if (entry->sources & directory->source &&
			   directory_leave(directory, index)) {
			removed(ctx, entry);
			directory_names_release(&directory->names, entry->name_at);
			directory_vacate(directory, index);
			count++;
		}
		if (entry->offered == DIRECTORY_OFFERED_OTHER ||
		    entry->offered == DIRECTORY_ORPHANED)
			directory_release_name(directory, index);
	}
	return count;
}

static bool has_other_word(const struct directory_entry *entry)
{
	return entry->offered == DIRECTORY_OFFERED_NEW ||
	       entry->offered == DIRECTORY_OFFERED_OTHER || entry->offered == DIRECTORY_ORPHANED;
}

static void directory_settle_zones(struct directory *directory,
				   uint8_t ret_zones[static DIRECTORY_ZONES_STAGED])
{
	bool used[DIRECTORY_ZONES_STAGED] = { false };

	for (uint32_t index = 0; index < directory->top; index++) {
		const struct directory_entry *entry = &directory->entries[index];

		if (has_other_word(entry))
			used[directory_offered_word(directory, index).zone] = true;
		else
			used[entry->zone] = true;
	}
	directory_zones_settle(&directory->zones, used, ret_zones);
}

/* The word that was staged stands, as far as there is room. Whether it is another than before. */
static bool directory_take_word(struct directory *directory, uint32_t index,
				const uint8_t zones[static DIRECTORY_ZONES_STAGED])
{
	struct directory_entry *entry = &directory->entries[index];
	bool is_new = entry->offered == DIRECTORY_OFFERED_NEW;
	struct directory_word word = directory_offered_word(directory, index);
	bool another;

	if (word.name_at && (is_new || word.name_at != entry->name_at) &&
	    !directory_names_keep(&directory->names, word.name_at)) {
		directory->dropped.names_dropped++;
		word.name_at = 0;
		word.name_hash = 0;
	}
	if (word.zone && !zones[word.zone])
		directory->dropped.zones_dropped++;
	/* Staged zones are different texts while they have different numbers, not after that. */
	another = word.name_at != entry->name_at || word.probe != entry->probe ||
		  (word.zone != entry->zone && (zones[word.zone] || entry->zone));
	entry->name_at = word.name_at;
	entry->name_hash = word.name_hash;
	entry->zone = zones[word.zone];
	entry->probe = word.probe;
	return another;
}

/* The command line is told apart from all others: what it names is always probed. */
static uint32_t kinds_of(uint32_t sources)
{
	uint32_t others = sources & ~(uint32_t)PEER_SOURCE_STATIC;

	return (sources & PEER_SOURCE_STATIC) | (others ? PEER_SOURCE_FILE : 0);
}

static void directory_apply(struct directory *directory, uint32_t index,
			    const uint8_t zones[static DIRECTORY_ZONES_STAGED],
			    struct directory_change *change)
{
	struct directory_entry *entry = &directory->entries[index];
	uint8_t before = entry->sources;
	bool another = has_other_word(entry) && directory_take_word(directory, index, zones);

	if (entry->offered && entry->offered != DIRECTORY_ORPHANED)
		entry->sources |= directory->source;
	else
		entry->sources &= (uint8_t)~directory->source;
	/* The lowest bit is the heaviest source. */
	entry->holder = entry->sources & (uint8_t)-entry->sources;
	if (before == 0) {
		directory->count++;
		change->added++;
		return;
	}
	entry->offered = DIRECTORY_OFFERED_NOT;
	if (another || kinds_of(before) != kinds_of(entry->sources))
		change->changed++;
}

/* All stands as it will: the callback may look at it. */
static void directory_tell_added(struct directory *directory, directory_fn *added, void *ctx)
{
	for (uint32_t index = 0; index < directory->top; index++) {
		struct directory_entry *entry = &directory->entries[index];

		if (entry->offered == DIRECTORY_OFFERED_NEW) {
			entry->offered = DIRECTORY_OFFERED_NOT;
			added(ctx, entry);
		}
	}
}

struct directory_change directory_commit(struct directory *directory, directory_fn *removed,
					 directory_fn *added, void *ctx)
{
	struct directory_change change = { .surplus = directory->surplus_offered };
	uint8_t zones[DIRECTORY_ZONES_STAGED];

	assert(directory->source);
	change.removed = directory_leave_all(directory, removed, ctx);
	directory->count -= change.removed;
	directory_settle_zones(directory, zones);
	for (uint32_t index = 0; index < directory->top; index++) {
		const struct directory_entry *entry = &directory->entries[index];

		if (entry->sources || entry->offered)
			directory_apply(directory, index, zones, &change);
	}
	directory_names_compact(&directory->names, directory->entries);
	directory->totals.names_dropped += directory->dropped.names_dropped;
	directory->totals.zones_dropped += directory->dropped.zones_dropped;
	directory->surplus[directory->source] = change.surplus;
	directory_end_transaction(directory);
	if (change.added > 0)
		directory_tell_added(directory, added, ctx);
	return change;
}
