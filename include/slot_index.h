/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a hash to the slots that have it, so that looking for one among thousands is cheap. Knows
 * hashes only: whether a slot is the one that is looked for, its owner compares. Pure core.
 */
#ifndef SLOT_INDEX_H
#define SLOT_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define SLOT_INDEX_END UINT32_MAX
#define SLOT_INDEX_MAX UINT16_MAX /* capacity at most: four octets a slot */

struct slot_index;

/* For slots 0 to capacity - 1, none of them in it. 0 or -ENOMEM. */
int slot_index_open(uint32_t capacity, struct slot_index **ret);
void slot_index_close(struct slot_index *index);

/* A slot is in it at most once. */
void slot_index_add(struct slot_index *index, uint32_t hash, uint32_t slot);
/* By the hash that it was added with. */
void slot_index_remove(struct slot_index *index, uint32_t hash, uint32_t slot);

/* Slots that may have the hash, others among them, in no order; SLOT_INDEX_END after the last:
 *   for (slot = slot_index_first(index, hash); slot != SLOT_INDEX_END;
 *        slot = slot_index_next(index, slot))
 * While walking, only the slot at hand may be removed, after its successor was read. */
uint32_t slot_index_first(const struct slot_index *index, uint32_t hash);
uint32_t slot_index_next(const struct slot_index *index, uint32_t slot);

/* FNV-1a from a seed. The lists come from the operator, but who writes one may mean harm: to none
 * but a start whose seed is guessed all fall into one chain. Set once, before any hash is made. */
#define SLOT_INDEX_SEED 2166136261u /* FNV's own, unless another one is set */
void slot_index_set_seed(uint32_t seed);
uint32_t slot_index_hash(const void *octets, size_t length);

#endif
