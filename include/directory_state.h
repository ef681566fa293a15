/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory, shared by the files that make it up: directory.c (entries, what is offered),
 * directory_commit.c, directory_names.c and directory_zones.c. For them alone.
 */
#ifndef DIRECTORY_STATE_H
#define DIRECTORY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "directory.h"
#include "slot_index.h"

/* struct directory_entry.offered */
enum directory_offered {
	DIRECTORY_OFFERED_NOT = 0,
	DIRECTORY_OFFERED_NEW,	  /* its word stands in the entry, which nobody sees yet */
	DIRECTORY_OFFERED_SAME,	  /* the word that stands already */
	DIRECTORY_OFFERED_OTHER,  /* another word, which is staged */
	DIRECTORY_OFFERED_BESIDE, /* a heavier source's word stands; what is staged is only its name
				   */
	DIRECTORY_ORPHANED, /* within commit: the holder names it no longer; a word is staged */
};

/* What is said of an entry. */
struct directory_word {
	uint32_t name_at;
	uint32_t name_hash;
	uint8_t zone; /* among the staged ones, too */
	uint8_t probe;
};

/* Names stand one behind the other, as records of two octets (whose name, an index), the text and a
 * zero; 0 is the place of none. A record is dead once that entry's name_at is another. What stands
 * is never more than `limit` octets; as many again are there for what is staged, so that no name is
 * dropped only because the old ones are still needed if the transaction is aborted. */
struct directory_names {
	char *pool; /* [2 * limit], touched as far as it is used */
	uint32_t limit;
	uint32_t end;
	uint32_t end_committed;
	uint32_t octets; /* of the records that stand */
};

/* The same with zones: what stands is below DIRECTORY_ZONES. */
#define DIRECTORY_ZONES_STAGED (2 * DIRECTORY_ZONES)
struct directory_zones {
	char texts[DIRECTORY_ZONES_STAGED][PEER_ZONE_CAPACITY]; /* empty: free, but for 0: none */
	uint32_t hashes[DIRECTORY_ZONES_STAGED];
};

#define DIRECTORY_SOURCES (PEER_SOURCE_DNS + 1) /* used as an index: there are few */

struct directory {
	uint32_t capacity;
	uint32_t top; /* entries beyond were never written, or are free */
	uint32_t count;
	struct directory_entry *entries;  /* [capacity] */
	struct directory_word *staged;	  /* [capacity]; most are never touched */
	struct slot_index *addresses;	  /* of entries, be they committed or not */
	struct slot_index *offered_names; /* in the running transaction */
	struct directory_names names;
	struct directory_zones zones;
	const struct zone_network *networks;
	uint32_t network_count;
	uint32_t surplus[DIRECTORY_SOURCES];
	struct directory_totals totals;

	/* The running transaction. */
	uint8_t source;	 /* 0: none runs */
	uint32_t vacant; /* no entry before this one is free */
	uint32_t surplus_offered;
	struct directory_totals dropped; /* not yet in totals */
};

/* directory.c: what is offered of the entry: its own word, or a staged one. */
struct directory_word directory_offered_word(const struct directory *directory, uint32_t index);
/* Makes it a hole. */
void directory_vacate(struct directory *directory, uint32_t index);
/* The end of a transaction: takes the entry's name from those that were offered. */
void directory_forget_name(struct directory *directory, uint32_t index);
void directory_end_transaction(struct directory *directory);
/* What a source says that only names the address. */
struct directory_word directory_plain_word(struct directory *directory, uint32_t index);

/* directory_names.c */
int directory_names_open(struct directory_names *names, uint32_t capacity);
void directory_names_close(struct directory_names *names);
const char *directory_names_text(const struct directory_names *names, uint32_t name_at);
/* Stages a name. 0: there is no room. */
uint32_t directory_names_append(struct directory_names *names, uint32_t owner, const char *name);
void directory_names_abort(struct directory_names *names);
/* A staged name is to stand: false if there is no room. */
bool directory_names_keep(struct directory_names *names, uint32_t name_at);
void directory_names_release(struct directory_names *names, uint32_t name_at);
/* Drops the records that are dead, and tells the entries where their names are now. */
void directory_names_compact(struct directory_names *names, struct directory_entry *entries);

/* directory_zones.c */
/* Stages a zone; "" is 0. UINT8_MAX: there is no room. */
uint8_t directory_zones_find(struct directory_zones *zones, const char *zone);
/* Frees all that are not used, and moves those that are to where they may stand. ret_zones: what
 * each is now; 0 where there is no room. */
void directory_zones_settle(struct directory_zones *zones,
			    const bool used[static DIRECTORY_ZONES_STAGED],
			    uint8_t ret_zones[static DIRECTORY_ZONES_STAGED]);

#endif
