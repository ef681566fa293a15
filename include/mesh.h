/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a node probes where all cannot probe all: the same rule on every node gives one mesh,
 * without a word between them. Nodes stand on a ring at the hash of their address; each probes the
 * next `degree` behind it, and is so probed by as many before it. A zone that is not among those is
 * probed at one node, which each node draws for itself (rendezvous hashing), so that the zone's
 * nodes share the burden. Both are consistent: who comes or goes changes the pairs that it is part
 * of, and `degree` others; with zones at most one other for each node that it is probed by, and two
 * more for each of the `degree` before it.
 * Pure core: looks at each node once, in any order, and keeps only the best.
 */
#ifndef MESH_H
#define MESH_H

#include <stdint.h>

#include "address.h"

#define MESH_ZONES 64 /* zone 0: not known, sought by nobody */

struct mesh;

/* Working memory for choices of at most `capacity` nodes. 0 or -ENOMEM. */
int mesh_open(uint32_t capacity, struct mesh **ret);
void mesh_close(struct mesh *mesh);

/* Where the address stands on the ring: the same on all nodes, for ever; a part of the protocol. */
uint64_t mesh_position(const struct address *address);

/* Begins the choice of the node at this address. degree: at most the capacity. */
void mesh_begin(struct mesh *mesh, const struct address *self, uint32_t degree);

/* One node of the ring, each once; self is passed over. `node` names it to mesh_end. zone <
 * MESH_ZONES, as this machine numbers them: the choice does not depend on the numbers. */
void mesh_consider(struct mesh *mesh, uint32_t node, const struct address *address, uint32_t zone);

/* Calls chosen once for each chosen node: first the next on the ring, in their order, then those of
 * zones that are not among them. Returns how many found no room in the capacity. */
typedef void mesh_chosen_fn(void *ctx, uint32_t node);
uint32_t mesh_end(struct mesh *mesh, mesh_chosen_fn *chosen, void *ctx);

#endif
