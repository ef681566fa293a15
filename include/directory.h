/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is there: the addresses that the sources name, merged, each with what is said of it, in a
 * table of fixed capacity. Who of them is probed is not decided here. Pure core: must not know
 * where candidates come from, nor slots of peers.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "peer_candidate.h"

#define DIRECTORY_MAX 65535 /* capacity at most: thirteen of the largest clusters */
#define DIRECTORY_END UINT32_MAX

/* Different zones that sources may name, and no zone, which is 0. */
#define DIRECTORY_ZONES 64

/* Octets for each entry, on average, to keep names in; a name beyond is not kept, and counted. */
#define DIRECTORY_NAME_OCTETS	  64
#define DIRECTORY_NAME_OCTETS_MIN 16384

struct directory_entry {
	struct address address;
	uint32_t name_at; /* among the names; 0: none */
	uint32_t name_hash;
	uint8_t zone;	 /* 0: not known beforehand */
	uint8_t probe;	 /* enum probe_protocol */
	uint8_t sources; /* enum peer_source, or'ed; 0: nobody is here */
	uint8_t holder;	 /* the one whose word stands: the heaviest of them */
	uint8_t offered; /* in the running transaction */
	uint8_t own;	 /* an address of this machine, as its owner marked it */
	uint8_t chosen;	 /* to be probed, as its owner marked it */
	uint8_t reserved;
};

_Static_assert(sizeof(struct directory_entry) == 32, "thousands of them");

struct directory_totals {
	uint64_t names_dropped; /* no room: the peer has to say its name itself */
	uint64_t zones_dropped; /* more zones than are told apart: that entry has none */
};

struct directory;

/* networks: where a source does not say the zone; alive as long as the directory. */
struct directory_settings {
	uint32_t capacity; /* 1..DIRECTORY_MAX */
	const struct zone_network *networks;
	uint32_t network_count;
};
int directory_open(const struct directory_settings *settings, struct directory **ret);
void directory_close(struct directory *directory);

/* A transaction replaces all that `source` said before. Between begin and commit nothing is
 * visible: abort leaves the table as it was. Offering returns
 *  0          taken (or already there),
 *  -EEXIST    this source offered that address already,
 *  -ENOTUNIQ  this source gave that name to another address of the same family,
 *  -EALREADY  taken, but a heavier source names it too and says otherwise of its protocol,
 *  -ENOSPC    no entry is free; counted as surplus, to be offered again later.
 * Of an address that several sources name the heaviest one's word stands, wholly; where that one
 * names it no longer, the next one's stands: such an entry counts as changed. (What a file says is
 * not remembered beside the word of --peers.static, which never goes.) */
void directory_begin(struct directory *directory, enum peer_source source);
int directory_offer(struct directory *directory, const struct peer_candidate *candidate);
void directory_abort(struct directory *directory);

/* Entries keep their place while they are there, but for their word. removed first, then added, for
 * each entry whose address came or went; `entry` as it is after, or was before. */
typedef void directory_fn(void *ctx, const struct directory_entry *entry);
struct directory_change {
	uint32_t added;
	uint32_t removed;
	/* Another word stands; or --peers.static alone does not name it alone any more, or does. */
	uint32_t changed;
	uint32_t surplus; /* offered by this source, but no entry was free */
};
struct directory_change directory_commit(struct directory *directory, directory_fn *removed,
					 directory_fn *added, void *ctx);

uint32_t directory_count(const struct directory *directory);
uint32_t directory_capacity(const struct directory *directory);
uint32_t directory_surplus(const struct directory *directory); /* of all sources' last commits */
const struct directory_totals *directory_totals(const struct directory *directory);

/* Its index, or DIRECTORY_END. */
uint32_t directory_find(const struct directory *directory, const struct address *address);
/* Entries stand at indices below this; some of them may have no source, they are holes. Never while
 * a transaction runs. */
uint32_t directory_top(const struct directory *directory);
const struct directory_entry *directory_get(const struct directory *directory, uint32_t index);
/* All that is said of it, for the table of those that are probed. */
void directory_candidate(const struct directory *directory, uint32_t index,
			 struct peer_candidate *ret);

/* Marks; a new entry has neither. */
void directory_set_own(struct directory *directory, uint32_t index, bool own);
void directory_set_chosen(struct directory *directory, uint32_t index, bool chosen);

#endif
