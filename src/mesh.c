/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the rule of who probes whom: the nearest on the ring in a bounded heap, and the best of each
 * zone by rendezvous (Thaler, Ravishankar 1996). Must not know what nodes are, nor what becomes of
 * the choice.
 */
#include "mesh.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where a node stands in an order of which the first are wanted: round the ring from self on, or
 * among those of its zone. */
struct place {
	uint64_t key;
	struct address address; /* of two with one key the lesser stands first */
	uint32_t node;
	uint8_t zone;
	bool behind; /* on the ring before self, so that all that follow self come first */
};

struct mesh {
	uint32_t capacity;
	uint32_t degree;
	struct place self;
	uint64_t lot;			/* what self draws nodes of zones by */
	uint64_t met;			/* zones that have a node: bit by number */
	uint32_t count;			/* places in nearest */
	struct place drawn[MESH_ZONES]; /* of each zone that was met */
	struct place nearest[];		/* [capacity] a heap, the farthest of them on top */
};

/* The finaliser of SplitMix64 (Stafford's thirteenth): one to one, and every bit of the input
 * changes about half of the output's. */
static uint64_t mix(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	return word ^ word >> 31;
}

uint64_t mesh_position(const struct address *address)
{
	uint64_t words_be[2];

	memcpy(words_be, address->octets, sizeof(words_be));
	return mix(mix(be64toh(words_be[0])) ^ be64toh(words_be[1]));
}

int mesh_open(uint32_t capacity, struct mesh **ret)
{
	struct mesh *mesh = calloc(1, sizeof(*mesh) + capacity * sizeof(mesh->nearest[0]));

	if (!mesh)
		return -ENOMEM;
	mesh->capacity = capacity;
	*ret = mesh;
	return 0;
}

void mesh_close(struct mesh *mesh)
{
	free(mesh);
}

void mesh_begin(struct mesh *mesh, const struct address *self, uint32_t degree)
{
	assert(degree <= mesh->capacity);
	mesh->self.address = *self;
	mesh->self.key = mesh_position(self);
	/* Not by the position as it is: a draws b must say nothing of whether b draws a. */
	mesh->lot = mix(mesh->self.key);
	mesh->degree = degree;
	mesh->met = 0;
	mesh->count = 0;
}

static int place_compare(const struct place *a, const struct place *b)
{
	if (a->behind != b->behind)
		return a->behind ? 1 : -1;
	if (a->key != b->key)
		return a->key > b->key ? 1 : -1;
	return memcmp(a->address.octets, b->address.octets, sizeof(a->address.octets));
}

/* Puts a place where the one at `index` was, whom nobody needs, and restores the heap below. */
static void heap_sink(struct place *heap, uint32_t count, uint32_t index, struct place place)
{
	for (uint32_t child; (child = 2 * index + 1) < count; index = child) {
		if (child + 1 < count && place_compare(&heap[child + 1], &heap[child]) > 0)
			child++;
		if (place_compare(&heap[child], &place) <= 0)
			break;
		heap[index] = heap[child];
	}
	heap[index] = place;
}

static void heap_rise(struct place *heap, uint32_t index, struct place place)
{
	while (index > 0) {
		uint32_t parent = (index - 1) / 2;

		if (place_compare(&heap[parent], &place) >= 0)
			break;
		heap[index] = heap[parent];
		index = parent;
	}
	heap[index] = place;
}

void mesh_consider(struct mesh *mesh, uint32_t node, const struct address *address, uint32_t zone)
{
	struct place place = { .address = *address, .node = node, .zone = (uint8_t)zone };
	uint64_t position = mesh_position(address);
	int order;

	assert(zone < MESH_ZONES);
	place.key = position;
	order = place_compare(&place, &mesh->self);
	if (order == 0)
		return;
	place.behind = order < 0;
	if (mesh->count < mesh->degree)
		heap_rise(mesh->nearest, mesh->count++, place);
	else if (mesh->degree > 0 && place_compare(&place, &mesh->nearest[0]) < 0)
		heap_sink(mesh->nearest, mesh->count, 0, place);

	if (zone == 0)
		return;
	place.key = ~mix(mesh->lot ^ position); /* the highest lot stands first */
	place.behind = false;
	if (!(mesh->met >> zone & 1) || place_compare(&place, &mesh->drawn[zone]) < 0)
		mesh->drawn[zone] = place;
	mesh->met |= 1ULL << zone;
}

/* Takes the farthest out again and again, and leaves them in their order. */
static void nearest_sort(struct mesh *mesh)
{
	for (uint32_t left = mesh->count; left > 1; left--) {
		struct place farthest = mesh->nearest[0];

		heap_sink(mesh->nearest, left - 1, 0, mesh->nearest[left - 1]);
		mesh->nearest[left - 1] = farthest;
	}
}

/* Of the zones left; by lots, not by number, so that which of them find no room is the same
 * however zones are numbered. */
static const struct place *drawn_first(const struct mesh *mesh, uint64_t zones)
{
	const struct place *first = NULL;

	for (uint32_t zone = 1; zone < MESH_ZONES; zone++)
		if (zones >> zone & 1 && (!first || place_compare(&mesh->drawn[zone], first) < 0))
			first = &mesh->drawn[zone];
	return first;
}

uint32_t mesh_end(struct mesh *mesh, mesh_chosen_fn *chosen, void *ctx)
{
	uint32_t room = mesh->capacity - mesh->count, left_out = 0;
	uint64_t zones = mesh->met; /* that are not among the nearest */
	const struct place *drawn;

	nearest_sort(mesh);
	for (uint32_t i = 0; i < mesh->count; i++) {
		chosen(ctx, mesh->nearest[i].node);
		zones &= ~(1ULL << mesh->nearest[i].zone);
	}
	for (; (drawn = drawn_first(mesh, zones)); zones &= ~(1ULL << drawn->zone)) {
		if (room == 0) {
			left_out++;
			continue;
		}
		room--;
		chosen(ctx, drawn->node);
	}
	return left_out;
}
