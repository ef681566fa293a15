/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of peers, shared by the files that make it up: peers.c (slots and transactions) and
 * peers_names.c (names and labels). For them alone.
 */
#ifndef PEERS_STATE_H
#define PEERS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peers.h"

#define PEER_STATES  (PEER_DEPARTED + 1)
#define PEER_SOURCES (PEER_SOURCE_DNS + 1) /* used as an index: there are few */

struct peers {
	uint32_t capacity;
	enum probe_protocol protocol; /* for PROBE_DEFAULT */
	struct peer *slots;	      /* [capacity] */
	/* Hashes apart from what they are of, so that looking through all of them is cheap. */
	uint32_t *address_hashes; /* [capacity] */
	uint32_t *name_hashes;	  /* [capacity] */
	uint32_t *free_slots;	  /* [capacity], a ring, the longest free first */
	uint32_t free_first;
	uint32_t free_count;
	uint32_t counts[PEER_STATES];
	uint32_t surplus[PEER_SOURCES];
	uint32_t surplus_offered; /* in the running transaction */
	enum peer_source source;  /* 0: no transaction runs */
	bool unsettled;		  /* who has which name may have to change */
};

/* FNV-1a: the lists come from the operator, not from strangers. */
static inline uint32_t peers_hash(const void *bytes, size_t length)
{
	const uint8_t *octets = bytes;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ octets[i]) * 16777619u;
	return hash;
}

/* peers_names.c: a slot has become live other than by a commit, or is live no longer. */
void peers_enter_names(struct peers *peers, uint32_t slot);
void peers_leave_names(struct peers *peers, uint32_t slot);

#endif
