/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the chains of slots, one for each bucket of hashes; as many buckets as slots. What is
 * not used is not touched. Must not know what is hashed.
 */
#include "slot_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct slot_index {
	uint32_t capacity;
	uint16_t *next;	  /* [capacity] of each slot: slot + 1, or 0; read only once written */
	uint16_t first[]; /* [capacity] of each bucket, likewise */
};

static uint32_t hash_seed = SLOT_INDEX_SEED;

int slot_index_open(uint32_t capacity, struct slot_index **ret)
{
	struct slot_index *index;

	assert(capacity > 0 && capacity <= SLOT_INDEX_MAX);
	index = calloc(1, sizeof(*index) + capacity * sizeof(index->first[0]));
	if (!index)
		return -ENOMEM;
	index->next = malloc(capacity * sizeof(index->next[0]));
	if (!index->next) {
		slot_index_close(index);
		return -ENOMEM;
	}
	index->capacity = capacity;
	*ret = index;
	return 0;
}

void slot_index_close(struct slot_index *index)
{
	if (!index)
		return;
	free(index->next);
	free(index);
}

/* Addresses differ in their last octets only, which FNV-1a leaves in few bits. */
static uint32_t slot_index_bucket(const struct slot_index *index, uint32_t hash)
{
	hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
	hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
	return (uint32_t)((uint64_t)hash * index->capacity >> 32);
}

void slot_index_add(struct slot_index *index, uint32_t hash, uint32_t slot)
{
	uint16_t *first = &index->first[slot_index_bucket(index, hash)];

	assert(slot < index->capacity);
	index->next[slot] = *first;
	*first = (uint16_t)(slot + 1);
}

void slot_index_remove(struct slot_index *index, uint32_t hash, uint32_t slot)
{
	uint16_t *link = &index->first[slot_index_bucket(index, hash)];

	while (*link != slot + 1) {
		assert(*link != 0);
		link = &index->next[*link - 1];
	}
	*link = index->next[slot];
}

uint32_t slot_index_first(const struct slot_index *index, uint32_t hash)
{
	uint32_t link = index->first[slot_index_bucket(index, hash)];

	return link ? link - 1 : SLOT_INDEX_END;
}

uint32_t slot_index_next(const struct slot_index *index, uint32_t slot)
{
	uint32_t link = index->next[slot];

	return link ? link - 1 : SLOT_INDEX_END;
}

void slot_index_set_seed(uint32_t seed)
{
	hash_seed = seed;
}

uint32_t slot_index_hash(const void *octets, size_t length)
{
	const uint8_t *octet = octets;
	uint32_t hash = hash_seed;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ octet[i]) * 16777619u;
	return hash;
}
