/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes to make meshes of, and what one of them chooses. Must not know how it is chosen, but for
 * the rule of positions, so that nodes can be put wherever a test wants them.
 */
#ifndef MESH_FIXTURE_H
#define MESH_FIXTURE_H

#include "unit/cmocka_all.h"

#include <string.h>

#include "mesh.h"
#include "sim/fake_memory.h"

#define CHOICE_CAPACITY 128

struct node {
	struct address address;
	uint32_t zone;
};

/* As mesh_end tells it. */
struct choice {
	uint32_t left_out;
	uint32_t count;
	uint32_t nodes[CHOICE_CAPACITY];
};

static inline uint32_t fake_below(uint64_t *random, uint32_t limit)
{
	return (uint32_t)((fake_random(random) >> 32) % limit);
}

static inline void on_chosen(void *ctx, uint32_t node)
{
	struct choice *choice = ctx;

	assert_true(choice->count < CHOICE_CAPACITY);
	choice->nodes[choice->count++] = node;
}

/* Self is among the nodes: that it is not chosen is a matter of the mesh. */
static inline struct choice choose(struct mesh *mesh, const struct node *nodes, uint32_t count,
				   uint32_t self, uint32_t degree)
{
	struct choice choice = { 0 };

	mesh_begin(mesh, &nodes[self].address, degree);
	for (uint32_t i = 0; i < count; i++)
		mesh_consider(mesh, i, &nodes[i].address, nodes[i].zone);
	choice.left_out = mesh_end(mesh, on_chosen, &choice);
	return choice;
}

static inline bool choice_holds(const struct choice *choice, uint32_t node)
{
	for (uint32_t i = 0; i < choice->count; i++)
		if (choice->nodes[i] == node)
			return true;
	return false;
}

static inline struct address address_of(uint64_t high, uint64_t low)
{
	struct address address;

	for (int i = 0; i < 8; i++) {
		address.octets[i] = (uint8_t)(high >> (56 - 8 * i));
		address.octets[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return address;
}

static inline uint64_t unmix(uint64_t word)
{
	word = (word ^ word >> 31 ^ word >> 62) * 0x319642b2d24d8ec3;
	word = (word ^ word >> 27 ^ word >> 54) * 0x96de1b173f119089;
	return word ^ word >> 30 ^ word >> 60;
}

/* One of the many addresses at that position: another for each `high`. */
static inline struct address address_at(uint64_t position, uint64_t high)
{
	struct address of_high = address_of(0, high);

	return address_of(high, unmix(position) ^ mesh_position(&of_high));
}

/* Nodes in no order; zones 0 to `zones`. Some runs of consecutive addresses. */
static inline void nodes_make(struct node *nodes, uint32_t count, uint32_t zones, uint64_t *random)
{
	uint64_t base = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (fake_below(random, 8) == 0)
			base = fake_random(random);
		nodes[i].address = address_of(0x20010db800000000, base + i);
		nodes[i].zone = fake_below(random, zones + 1);
	}
}

static inline struct mesh *mesh_make(uint32_t capacity)
{
	struct mesh *mesh;

	assert_int_equal(mesh_open(capacity, &mesh), 0);
	return mesh;
}

#endif
