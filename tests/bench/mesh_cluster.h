/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clusters as they are built, and who probes whom in one. Must not know what is measured of them.
 */
#ifndef MESH_CLUSTER_H
#define MESH_CLUSTER_H

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mesh.h"

enum {
	NODES_MAX = 50000,
	HOSTS = 65535,	 /* of a zone's /16 */
	FULL_BELOW = 64, /* the defaults */
	DEGREE = 16,
	CAPACITY = 128,
	TINY = 3, /* nodes of the one zone that is far smaller than all others */
};

struct node {
	struct address address;
	uint32_t zone; /* from 1 on */
};

struct cluster {
	uint64_t random;
	uint32_t count;
	uint32_t zones;
	uint32_t first[MESH_ZONES + 1]; /* node of each zone, from 1 on, and the end */
	struct node nodes[NODES_MAX];
};

/* Who probes whom: of each node so many, and which. */
struct pairs {
	uint32_t count[NODES_MAX];
	uint32_t chosen[NODES_MAX][CAPACITY];
};

struct shape {
	uint32_t count;
	uint32_t zones;
	bool tiny; /* one zone more, of TINY nodes */
	uint32_t meshes;
};

static struct cluster cluster;
static struct pairs pairs;
static struct mesh *mesh;

static inline uint32_t below(uint64_t *random, uint32_t limit)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (uint32_t)((*random * 0x2545f4914f6cdd1d >> 32) % limit);
}

/* Shares as 1/2 : 1/3 : 1/4 …; the last has what is left. */
static inline void zones_size(const struct shape *shape)
{
	uint32_t tiny = shape->tiny ? TINY : 0, next = 0;
	double all = 0;

	cluster.zones = shape->zones + (shape->tiny ? 1 : 0);
	for (uint32_t zone = 1; zone <= shape->zones; zone++)
		all += 1.0 / (zone + 1);
	for (uint32_t zone = 1; zone <= shape->zones; zone++) {
		cluster.first[zone] = next;
		next += (uint32_t)((shape->count - tiny) / all / (zone + 1));
	}
	cluster.first[shape->zones + 1] = shape->count - tiny;
	cluster.first[cluster.zones + 1] = shape->count;
}

/* Each zone has a /16 of its own in 10.0.0.0/8, and its nodes consecutive addresses in it, from
 * anywhere on: racks are runs of them. */
static inline void cluster_make(const struct shape *shape, uint64_t seed)
{
	bool taken[256] = { 0 };

	cluster.count = shape->count;
	cluster.random = seed * 0x9e3779b97f4a7c15; /* small ones begin alike */
	zones_size(shape);
	for (uint32_t zone = 1; zone <= cluster.zones; zone++) {
		uint32_t room = HOSTS - (cluster.first[zone + 1] - cluster.first[zone]);
		uint32_t network, host = 1 + below(&cluster.random, room < 50000 ? room : 50000);

		do
			network = below(&cluster.random, 256);
		while (taken[network]);
		taken[network] = true;
		for (uint32_t i = cluster.first[zone]; i < cluster.first[zone + 1]; i++) {
			uint32_t words_be[4] = { 0, 0, htobe32(0xffff),
						 htobe32(10u << 24 | network << 16 | host++) };

			memcpy(cluster.nodes[i].address.octets, words_be, sizeof(words_be));
			cluster.nodes[i].zone = zone;
		}
	}
}

struct choice {
	uint32_t count;
	uint32_t *nodes;
};

static inline void on_chosen(void *ctx, uint32_t node)
{
	struct choice *choice = ctx;

	choice->nodes[choice->count++] = node;
}

/* without: a node that is not there; cluster.count: all are. */
static inline uint32_t choose(uint32_t self, bool known, uint32_t without, uint32_t *nodes)
{
	struct choice choice = { .nodes = nodes };

	if (cluster.count - 1 <= FULL_BELOW) {
		for (uint32_t i = 0; i < cluster.count; i++)
			if (i != self && i != without)
				on_chosen(&choice, i);
		return choice.count;
	}
	mesh_begin(mesh, &cluster.nodes[self].address, DEGREE);
	for (uint32_t i = 0; i < cluster.count; i++)
		if (i != self && i != without)
			mesh_consider(mesh, i, &cluster.nodes[i].address,
				      known ? cluster.nodes[i].zone : 0);
	if (mesh_end(mesh, on_chosen, &choice) != 0)
		abort();
	return choice.count;
}

static inline void pairs_make(bool known)
{
	for (uint32_t i = 0; i < cluster.count; i++)
		pairs.count[i] = choose(i, known, cluster.count, pairs.chosen[i]);
}

static inline bool holds(const uint32_t *nodes, uint32_t count, uint32_t node)
{
	for (uint32_t i = 0; i < count; i++)
		if (nodes[i] == node)
			return true;
	return false;
}

#endif
