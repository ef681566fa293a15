/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole cluster whose nodes come, go and change their addresses: after every step each is
 * watched, each zone is watched from everywhere, and no more has changed than must.
 */
#include "unit/mesh_fixture.h"

enum { NODES = 1200, ZONES = 21, DEGREE = 16, STEPS = 40 };

struct cluster {
	uint64_t random;
	uint32_t count;		   /* that are there */
	uint32_t hosts[ZONES + 1]; /* addresses given out so far */
	bool there[NODES];
	struct node nodes[NODES];
	struct choice choices[NODES];
	struct choice before[NODES];
	struct mesh *mesh;
};

/* In racks of consecutive addresses; zones of very different sizes, the last of three nodes. */
static void node_arrive(struct cluster *cluster, uint32_t node, uint32_t zone)
{
	uint32_t host = cluster->hosts[zone]++;

	cluster->nodes[node].zone = zone;
	cluster->nodes[node].address = fake_address(zone << 16 | host / 40 << 8 | (host % 40 + 1));
	cluster->there[node] = true;
	cluster->count++;
}

static uint32_t any_zone(struct cluster *cluster)
{
	uint32_t a = fake_below(&cluster->random, ZONES - 1);
	uint32_t b = fake_below(&cluster->random, ZONES - 1);

	return 1 + (a < b ? a : b);
}

static void cluster_choose(struct cluster *cluster)
{
	memcpy(cluster->before, cluster->choices, sizeof(cluster->before));
	memset(cluster->choices, 0, sizeof(cluster->choices));
	for (uint32_t self = 0; self < NODES; self++) {
		struct choice *choice = &cluster->choices[self];

		if (!cluster->there[self])
			continue;
		mesh_begin(cluster->mesh, &cluster->nodes[self].address, DEGREE);
		for (uint32_t i = 0; i < NODES; i++)
			if (cluster->there[i])
				mesh_consider(cluster->mesh, i, &cluster->nodes[i].address,
					      cluster->nodes[i].zone);
		assert_int_equal(mesh_end(cluster->mesh, on_chosen, choice), 0);
	}
}

/* The first DEGREE of each choice are the ring's. */
static void cluster_check(const struct cluster *cluster)
{
	static uint32_t watched[NODES];
	uint32_t in_zone[ZONES + 1] = { 0 };

	memset(watched, 0, sizeof(watched));
	for (uint32_t node = 0; node < NODES; node++)
		in_zone[cluster->nodes[node].zone] += cluster->there[node];
	for (uint32_t self = 0; self < NODES; self++) {
		const struct choice *choice = &cluster->choices[self];
		uint64_t zones = 0;

		if (!cluster->there[self])
			continue;
		assert_in_range(choice->count, DEGREE, DEGREE + ZONES - 1);
		for (uint32_t k = 0; k < choice->count; k++) {
			uint32_t node = choice->nodes[k];

			assert_true(node != self && cluster->there[node]);
			assert_true(k < DEGREE || !(zones >> cluster->nodes[node].zone & 1));
			zones |= 1ull << cluster->nodes[node].zone;
			watched[node] += k < DEGREE;
		}
		for (uint32_t zone = 1; zone <= ZONES; zone++)
			assert_int_equal(zones >> zone & 1,
					 in_zone[zone] > (cluster->nodes[self].zone == zone));
	}
	for (uint32_t node = 0; node < NODES; node++)
		assert_int_equal(watched[node], cluster->there[node] ? DEGREE : 0);
}

/* Pairs of `node`, and others that are in one of the two meshes only. `node` is in one only. */
static void cluster_compare(const struct cluster *cluster, uint32_t node)
{
	uint32_t watched = 0, others = 0;

	for (uint32_t self = 0; self < NODES; self++) {
		const struct choice *before = &cluster->before[self];
		const struct choice *after = &cluster->choices[self];

		if (self == node)
			continue;
		watched += choice_holds(before, node) || choice_holds(after, node);
		for (uint32_t k = 0; k < before->count; k++)
			others += before->nodes[k] != node &&
				  !choice_holds(after, before->nodes[k]);
		for (uint32_t k = 0; k < after->count; k++)
			others += after->nodes[k] != node && !choice_holds(before, after->nodes[k]);
	}
	assert_true(watched >= DEGREE);
	assert_in_range(others, DEGREE, watched + 2 * DEGREE);
}

static uint32_t any_node(struct cluster *cluster, bool there)
{
	uint32_t node;

	do
		node = fake_below(&cluster->random, NODES);
	while (cluster->there[node] != there ||
	       (there && cluster->nodes[node].zone == ZONES && fake_below(&cluster->random, 2)));
	return node;
}

static void nodes_come_and_go(void **state)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	(void)state;
	assert_non_null(cluster);
	cluster->random = 0x5eed31;
	cluster->mesh = mesh_make(DEGREE + ZONES);
	for (uint32_t node = 0; node < 1000; node++)
		node_arrive(cluster, node,
			    node < 3	   ? ZONES
			    : node < ZONES ? node - 2
					   : any_zone(cluster));
	cluster_choose(cluster);
	cluster_check(cluster);
	for (int step = 0; step < STEPS; step++) {
		bool comes = step % 3 == 0;
		uint32_t node = any_node(cluster, !comes), zone = cluster->nodes[node].zone;

		if (comes) { /* now and then to where there are three */
			node_arrive(cluster, node, step % 12 ? any_zone(cluster) : ZONES);
		} else {
			cluster->there[node] = false;
			cluster->count--;
		}
		cluster_choose(cluster);
		cluster_compare(cluster, node);
		if (!comes && step % 3 == 1) { /* with another address */
			node_arrive(cluster, node, zone);
			cluster_choose(cluster);
			cluster_compare(cluster, node);
		}
		cluster_check(cluster);
	}
	mesh_close(cluster->mesh);
	free(cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_and_go),
	};

	return cmocka_run_group_tests_name("mesh of a cluster", tests, NULL, NULL);
}
