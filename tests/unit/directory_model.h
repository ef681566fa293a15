/* SPDX-License-Identifier: Apache-2.0 */
/* A directory as a plain table that is looked through from end to end, and what is said to it. */
#ifndef DIRECTORY_MODEL_H
#define DIRECTORY_MODEL_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "directory.h"
#include "sim/fake_memory.h"

enum { ADDRESSES_MAX = 150, KINDS = 3, RECORD_OCTETS = 3 };

struct shape {
	uint64_t seed;
	uint32_t steps;
	uint32_t capacity;
	uint32_t addresses; /* half of them of each family */
	uint32_t names;	    /* 0: each address has its own few, so that all are unique */
	uint32_t zones;
	bool only_file; /* mostly, and no other source gives names */
};

/* An address as it should be in the directory. */
struct model_entry {
	struct peer_candidate word;	    /* as it stands: without what there was no room for */
	struct peer_candidate wanted, said; /* with the zone of its network, and without */
	uint32_t sources, holder;	    /* 0: not there */
	uint32_t place;
	bool own, chosen;
};

struct world {
	const struct shape *shape;
	struct directory *directory;
	struct zone_network networks[3];
	uint64_t random;
	struct model_entry before[ADDRESSES_MAX], entries[ADDRESSES_MAX];
	bool offered[ADDRESSES_MAX]; /* in the running transaction, and taken */
	struct peer_candidate said[ADDRESSES_MAX];
	uint32_t fresh, surplus; /* in it, too */
	uint32_t surplus_of[KINDS];
	uint32_t told_removed[ADDRESSES_MAX], told_added[ADDRESSES_MAX];
	struct directory_totals totals;
	uint32_t results[5]; /* how often each came, to see that all do */
	uint32_t orphans, aborts;
};

static inline uint32_t draw(struct world *world, uint32_t count)
{
	return (uint32_t)((fake_random(&world->random) >> 32) % count);
}

static inline struct address address_of(uint32_t number)
{
	return number % 2 ? fake_ipv6_address(number / 2) : fake_address(number / 2);
}

static inline uint32_t number_of(const struct world *world, const struct address *address)
{
	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		struct address other = address_of(number);

		if (address_equal(&other, address))
			return number;
	}
	fail_msg("an address that nobody named");
	return 0;
}

static inline struct peer_candidate draw_candidate(struct world *world, uint32_t number, bool named)
{
	const struct shape *shape = world->shape;
	struct peer_candidate candidate = { .address = address_of(number) };

	if (named && draw(world, 8) > 0) {
		/* Names of many are as long as their numbers say, so that they recur. */
		uint32_t name = shape->names ? draw(world, shape->names)
					     : 10 * number + draw(world, 3);
		uint32_t digits = shape->names ? 2 + name : 110 + 70 * (name % 10);

		snprintf(candidate.name, sizeof(candidate.name), "n%0*u", (int)digits, name);
	}
	if (named && draw(world, 8) > 0)
		snprintf(candidate.zone, sizeof(candidate.zone), "zone-%u",
			 draw(world, shape->zones));
	if (draw(world, 4) == 0)
		candidate.probe = draw(world, 2) ? PROBE_STAMP : PROBE_ICMP;
	return candidate;
}

static inline bool word_equal(const struct peer_candidate *a, const struct peer_candidate *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       a->probe == b->probe;
}

/* The zone that it is in where a source says none, looked up bit by bit. */
static inline void add_zone_of_networks(const struct world *world, struct peer_candidate *word)
{
	int longest = -1;

	if (word->zone[0])
		return;
	for (size_t i = 0; i < sizeof(world->networks) / sizeof(world->networks[0]); i++) {
		const struct zone_network *network = &world->networks[i];
		int bit = 0;

		while (bit < network->length &&
		       !((network->prefix.octets[bit / 8] ^ word->address.octets[bit / 8]) &
			 0x80 >> bit % 8))
			bit++;
		if (bit == network->length && bit > longest) {
			longest = bit;
			memcpy(word->zone, network->zone, sizeof(word->zone));
		}
	}
}

/* What offering it should return. */
static inline int model_offer(struct world *world, uint32_t source,
			      const struct peer_candidate *candidate, uint32_t number)
{
	const struct model_entry *entry = &world->before[number];
	uint32_t there = world->fresh;

	if (world->offered[number])
		return -EEXIST;
	for (uint32_t other = 0; other < world->shape->addresses; other++) {
		if (candidate->name[0] && world->offered[other] && other % 2 == number % 2 &&
		    strcmp(world->said[other].name, candidate->name) == 0)
			return -ENOTUNIQ;
		there += world->before[other].sources != 0;
	}
	if (!entry->sources && there == world->shape->capacity)
		return -ENOSPC;
	world->offered[number] = true;
	world->said[number] = *candidate;
	world->fresh += !entry->sources;
	if (entry->sources && entry->holder < source && candidate->probe != PROBE_DEFAULT &&
	    candidate->probe != entry->word.probe)
		return -EALREADY;
	return 0;
}

static inline void model_commit(struct world *world, uint32_t source)
{
	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		struct model_entry *entry = &world->entries[number];
		uint32_t holder = entry->holder;

		if (world->offered[number])
			entry->sources |= source;
		else
			entry->sources &= ~source;
		for (holder = 1; entry->sources && !(entry->sources & holder); holder *= 2)
			;
		if (entry->sources == 0) {
			*entry = (struct model_entry){ 0 };
			continue;
		}
		if (world->offered[number] && holder == source) {
			entry->wanted = entry->said = world->said[number];
		} else if (entry->holder != holder) {
			entry->wanted = (struct peer_candidate){ 0 };
			world->orphans++;
		}
		entry->wanted.address = address_of(number);
		add_zone_of_networks(world, &entry->wanted);
		entry->holder = holder;
	}
}

#endif
