/* SPDX-License-Identifier: Apache-2.0 */
/* One node comes or goes: which pairs change, and how many at most. */
#include "unit/mesh_fixture.h"

enum { NODES = 120, DEGREE_MAX = 20, ZONES_MAX = 12 };

struct meshes {
	struct node nodes[NODES];
	struct choice before[NODES];
	struct choice after[NODES];
};

/* Pairs of the one that came, and other pairs that came or went. */
struct changes {
	uint32_t probes;  /* it probes so many */
	uint32_t watched; /* and is probed by so many, */
	uint32_t by_ring; /* so many of them the next before it on the ring */
	uint32_t others;
};

static uint32_t chosen_place(const struct choice *choice, uint32_t node)
{
	for (uint32_t i = 0; i < choice->count; i++)
		if (choice->nodes[i] == node)
			return i;
	return UINT32_MAX;
}

/* Nodes in `a` that are not in `b`, but for `except`. */
static uint32_t choice_less(const struct choice *a, const struct choice *b, uint32_t except)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < a->count; i++)
		count += a->nodes[i] != except && !choice_holds(b, a->nodes[i]);
	return count;
}

/* The last of `count` nodes comes, or goes, which is the same the other way round. */
static struct changes compare(struct meshes *meshes, uint32_t count, uint32_t degree)
{
	struct mesh *mesh = mesh_make(DEGREE_MAX + ZONES_MAX);
	uint32_t last = count - 1;
	struct changes changes = { 0 };

	for (uint32_t i = 0; i < last; i++)
		meshes->before[i] = choose(mesh, meshes->nodes, last, i, degree);
	for (uint32_t i = 0; i < count; i++)
		meshes->after[i] = choose(mesh, meshes->nodes, count, i, degree);
	changes.probes = meshes->after[last].count;
	for (uint32_t i = 0; i < last; i++) {
		const struct choice *before = &meshes->before[i], *after = &meshes->after[i];
		uint32_t place = chosen_place(after, last);
		uint32_t gone = choice_less(before, after, last);
		uint32_t come = choice_less(after, before, last);

		/* Who does not probe it is not touched; who drew it no longer probes the one drawn
		 * before. Who has it next on the ring may give up the one at the end and the one
		 * drawn of its zone, and may have to draw another of the zone at the end. */
		if (place == UINT32_MAX)
			assert_int_equal(gone + come, 0);
		else if (place >= degree)
			assert_true(gone <= 1 && come == 0);
		else
			assert_true(gone <= 2 && come <= 1);
		changes.watched += place != UINT32_MAX;
		changes.by_ring += place < degree;
		changes.others += gone + come;
	}
	mesh_close(mesh);
	return changes;
}

/* Without zones there is nothing to spare: it has `degree` pairs in each direction, and of each
 * that gains one a pair goes. */
static void a_ring_changes_by_three_times_its_degree(void **state)
{
	struct meshes *meshes = calloc(1, sizeof(*meshes));
	uint64_t random = 0x5eed21;

	(void)state;
	assert_non_null(meshes);
	for (int trial = 0; trial < 300; trial++) {
		uint32_t degree = fake_below(&random, DEGREE_MAX + 1);
		uint32_t count = 2 + fake_below(&random, trial % 2 ? NODES - 1 : DEGREE_MAX + 5);
		uint32_t all = degree < count - 1 ? degree : count - 1;
		struct changes changes;

		nodes_make(meshes->nodes, count, 0, &random);
		changes = compare(meshes, count, degree);
		assert_int_equal(changes.probes, all);
		assert_int_equal(changes.watched, all);
		assert_int_equal(changes.by_ring, all);
		assert_int_equal(changes.others, degree < count - 1 ? degree : 0);
	}
	free(meshes);
}

/* One other pair at most for each that probes it, and two more for each of the `degree` before it.
 * In one trial at least it was as many: less cannot be promised. */
static void with_zones_a_bounded_number_changes(void **state)
{
	struct meshes *meshes = calloc(1, sizeof(*meshes));
	uint32_t reached = 0, drawn = 0;
	uint64_t random = 0x5eed22;

	(void)state;
	assert_non_null(meshes);
	for (int trial = 0; trial < 2000; trial++) {
		uint32_t degree = fake_below(&random, trial % 2 ? DEGREE_MAX + 1 : 3);
		uint32_t zones = 1 + fake_below(&random, ZONES_MAX);
		uint32_t count = 2 + fake_below(&random, NODES - 1);
		uint32_t all = degree < count - 1 ? degree : count - 1;
		struct changes changes;

		nodes_make(meshes->nodes, count, zones, &random);
		changes = compare(meshes, count, degree);
		assert_in_range(changes.probes, all, all + zones);
		assert_int_equal(changes.by_ring, all);
		assert_true(changes.others <= changes.watched + 2 * all);
		reached += all > 0 && changes.others == changes.watched + 2 * all;
		drawn += changes.watched - changes.by_ring;
	}
	assert_true(reached > 0);
	assert_true(drawn > 5000);
	free(meshes);
}

/* Where all nodes are of one known zone it makes no difference that it is known. */
static void one_zone_is_no_zone(void **state)
{
	struct mesh *mesh = mesh_make(DEGREE_MAX + ZONES_MAX);
	struct node nodes[NODES], same[NODES];
	uint64_t random = 0x5eed23;

	(void)state;
	nodes_make(nodes, NODES, 0, &random);
	for (uint32_t i = 0; i < NODES; i++)
		same[i] = (struct node){ nodes[i].address, 9 };
	for (uint32_t i = 0; i < NODES; i++) {
		struct choice a = choose(mesh, nodes, NODES, i, 1 + i % DEGREE_MAX);
		struct choice b = choose(mesh, same, NODES, i, 1 + i % DEGREE_MAX);

		assert_memory_equal(&a, &b, sizeof(a));
	}
	mesh_close(mesh);
}

/* A set of nodes cut off from the rest, whatever set: the next after its last one is outside. Of a
 * set of `degree` nodes and more, and so many outside, at least degree * (degree + 1) / 2 pairs
 * cross in each direction. */
static void no_partition_goes_unseen(void **state)
{
	struct mesh *mesh = mesh_make(DEGREE_MAX);
	struct node nodes[NODES];
	uint64_t random = 0x5eed24;

	(void)state;
	for (uint32_t trial = 0; trial < 300; trial++) {
		uint32_t degree = 1 + fake_below(&random, DEGREE_MAX), cut, out = 0, in = 0;
		bool inside[NODES] = { 0 };

		nodes_make(nodes, NODES, 0, &random);
		cut = degree + fake_below(&random, NODES + 1 - 2 * degree);
		for (uint32_t left = cut, i = 0; left > 0; i = fake_below(&random, NODES)) {
			left -= !inside[i];
			inside[i] = true;
		}
		if (trial % 2) { /* the worst: one run of the ring */
			struct choice run = choose(mesh, nodes, NODES, 0, DEGREE_MAX);

			cut = DEGREE_MAX + 1;
			memset(inside, 0, sizeof(inside));
			for (uint32_t i = 0; i < run.count; i++)
				inside[run.nodes[i]] = true;
			inside[0] = true;
		}
		for (uint32_t i = 0; i < NODES; i++) {
			struct choice choice = choose(mesh, nodes, NODES, i, degree);

			for (uint32_t k = 0; k < choice.count; k++) {
				out += inside[i] && !inside[choice.nodes[k]];
				in += !inside[i] && inside[choice.nodes[k]];
			}
		}
		assert_true(out >= degree * (degree + 1) / 2);
		assert_true(in >= degree * (degree + 1) / 2);
		if (trial % 2)
			assert_int_equal(out, degree * (degree + 1) / 2);
	}
	mesh_close(mesh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_changes_by_three_times_its_degree),
		cmocka_unit_test(with_zones_a_bounded_number_changes),
		cmocka_unit_test(one_zone_is_no_zone),
		cmocka_unit_test(no_partition_goes_unseen),
	};

	return cmocka_run_group_tests_name("mesh_changes", tests, NULL, NULL);
}
