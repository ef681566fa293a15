/* SPDX-License-Identifier: Apache-2.0 */
/* The mesh: whom a node chooses, and who chooses it. */
#include "unit/mesh_fixture.h"

#include <math.h>

enum { NODES = 200, DEGREE = 16 };

/* By another language: 10.0.0.1 to 10.0.0.12 in zones 1, 2, 3 and none, of a degree of 2. A version
 * that drew otherwise would be no error, but it would change pairs without need. */
static void choices_are_for_ever(void **state)
{
	static const uint32_t expected[12][CHOICE_CAPACITY] = {
		{ 10, 5, 3 },	     { 4, 6, 3, 5 },  { 7, 11, 9, 2 }, { 6, 9, 3 },
		{ 8, 12, 10, 7, 1 }, { 9, 1, 10, 3 }, { 11, 2, 9 },    { 12, 3, 5, 2 },
		{ 1, 10, 7 },	     { 5, 8, 3, 6 },  { 2, 4, 7, 5 },  { 3, 7, 9, 2 },
	};
	struct mesh *mesh = mesh_make(DEGREE);
	struct node nodes[12];

	(void)state;
	for (uint32_t i = 0; i < 12; i++)
		nodes[i] = (struct node){ fake_address(i + 1), (i + 1) % 4 };
	for (uint32_t i = 0; i < 12; i++) {
		struct choice choice = choose(mesh, nodes, 12, i, 2);

		for (uint32_t k = 0; k < choice.count; k++)
			choice.nodes[k]++;
		assert_memory_equal(choice.nodes, expected[i], sizeof(choice.nodes));
	}
	mesh_close(mesh);
}

/* The same rule in another way: all of them sorted as they stand, self among them, and then on from
 * self. */
static const struct node *sorted_nodes;

static int by_position(const void *left, const void *right)
{
	const struct address *a = &sorted_nodes[*(const uint32_t *)left].address;
	const struct address *b = &sorted_nodes[*(const uint32_t *)right].address;
	uint64_t position_a = mesh_position(a), position_b = mesh_position(b);

	if (position_a != position_b)
		return position_a < position_b ? -1 : 1;
	return memcmp(a, b, sizeof(*a));
}

/* Checks each node's choice against it; returns the least and the most that watch one. */
static void assert_ring(const struct node *nodes, uint32_t count, uint32_t degree)
{
	struct mesh *mesh = mesh_make(degree);
	uint32_t order[NODES], watched[NODES] = { 0 };
	uint32_t expected = degree < count - 1 ? degree : count - 1;

	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	sorted_nodes = nodes;
	qsort(order, count, sizeof(order[0]), by_position);
	for (uint32_t i = 0; i < count; i++) {
		struct choice choice = choose(mesh, nodes, count, order[i], degree);

		assert_int_equal(choice.count, expected);
		assert_int_equal(choice.left_out, 0);
		for (uint32_t k = 0; k < choice.count; k++) {
			assert_int_equal(choice.nodes[k], order[(i + 1 + k) % count]);
			assert_int_not_equal(choice.nodes[k], order[i]);
			watched[choice.nodes[k]]++;
		}
	}
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(watched[i], expected);
	mesh_close(mesh);
}

static void each_chooses_the_next_and_is_chosen_as_often(void **state)
{
	static const uint32_t degrees[] = { 0, 1, 2, 3, 16, 17, 64, 100 };
	struct node nodes[NODES];
	uint64_t random = 0x5eed12;

	(void)state;
	for (size_t i = 0; i < sizeof(degrees) / sizeof(degrees[0]); i++) {
		for (uint32_t count = 1; count <= 18; count++) {
			nodes_make(nodes, count, 0, &random);
			assert_ring(nodes, count, degrees[i]);
		}
		nodes_make(nodes, NODES, 0, &random);
		assert_ring(nodes, NODES, degrees[i]);
	}
}

/* Positions at both ends of the circle, next to each other, and many nodes at one. */
static void nodes_at_one_place_stand_by_address(void **state)
{
	static const uint64_t places[] = { 0, 1, 2, 1ull << 63, UINT64_MAX - 1, UINT64_MAX };
	struct node nodes[NODES];
	uint64_t random = 0x5eed13;

	(void)state;
	for (uint32_t crowd = 1; crowd <= 9; crowd++) {
		uint32_t count = 0;

		for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++)
			for (uint32_t i = 0; i < crowd; i++) {
				nodes[count].zone = 0;
				nodes[count].address = address_at(places[place],
								  fake_random(&random));
				assert_true(mesh_position(&nodes[count].address) == places[place]);
				count++;
			}
		for (uint32_t degree = 0; degree <= 20; degree++)
			assert_ring(nodes, count, degree);
	}
}

static void shuffle(struct node *nodes, uint32_t count, uint64_t *random, uint32_t *order)
{
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t j = fake_below(random, i + 1), place = order[i];
		struct node node = nodes[i];

		nodes[i] = nodes[j];
		nodes[j] = node;
		order[i] = order[j];
		order[j] = place;
	}
}

/* Neither the order in which nodes are told nor the numbers of zones; in any capacity. */
static void order_and_numbers_do_not_matter(void **state)
{
	uint64_t random = 0x5eed14;

	(void)state;
	for (int trial = 0; trial < 400; trial++) {
		uint32_t degree = fake_below(&random, 20);
		uint32_t zones = fake_below(&random, MESH_ZONES);
		uint32_t count = 2 + fake_below(&random, NODES - 2);
		uint32_t turn = fake_below(&random, MESH_ZONES - 1), order[NODES], self;
		struct mesh *mesh = mesh_make(degree + fake_below(&random, MESH_ZONES));
		struct node nodes[NODES], other[NODES];
		struct choice choice, again;

		nodes_make(nodes, count, zones, &random);
		if (trial % 2) /* many at few places: lots that are the same as well */
			for (uint32_t i = 0; i < count; i++)
				nodes[i].address = address_at(i % 3, i);
		memcpy(other, nodes, sizeof(nodes));
		shuffle(other, count, &random, order);
		for (uint32_t i = 0; i < count; i++)
			if (other[i].zone) /* 1 to 63, in another order */
				other[i].zone = (other[i].zone * 5 + turn) % (MESH_ZONES - 1) + 1;

		self = fake_below(&random, count);
		again = choose(mesh, other, count, self, degree);
		choice = choose(mesh, nodes, count, order[self], degree);
		assert_int_equal(choice.count, again.count);
		assert_int_equal(choice.left_out, again.left_out);
		for (uint32_t i = 0; i < choice.count; i++)
			assert_int_equal(choice.nodes[i], order[again.nodes[i]]);
		mesh_close(mesh);
	}
}

/* Of each zone that has a node other than self one is chosen: the ring's, or one and no more. With
 * less room the same ones, as far as there is room, and the rest is counted. */
static void each_zone_is_watched(void **state)
{
	uint32_t drawn_in_all = 0, left_out_in_all = 0;
	uint64_t random = 0x5eed15;

	(void)state;
	for (int trial = 0; trial < 1000; trial++) {
		uint32_t degree = fake_below(&random, 12), room = fake_below(&random, MESH_ZONES);
		uint32_t zones = fake_below(&random, MESH_ZONES);
		uint32_t count = 1 + fake_below(&random, NODES - 1);
		uint32_t self = fake_below(&random, count), ring;
		struct mesh *mesh = mesh_make(degree + MESH_ZONES);
		struct mesh *small = mesh_make(degree + room);
		uint32_t there[MESH_ZONES] = { 0 }, chosen[MESH_ZONES] = { 0 };
		struct node nodes[NODES];
		struct choice choice, less;

		nodes_make(nodes, count, zones, &random);
		for (uint32_t i = 0; i < count; i++)
			there[nodes[i].zone] += i != self;
		choice = choose(mesh, nodes, count, self, degree);
		assert_int_equal(choice.left_out, 0);
		ring = degree < count - 1 ? degree : count - 1;
		for (uint32_t i = 0; i < choice.count; i++) {
			uint32_t zone = nodes[choice.nodes[i]].zone;

			assert_int_not_equal(choice.nodes[i], self);
			assert_true(i < ring || (zone != 0 && chosen[zone] == 0));
			chosen[zone]++;
		}
		for (uint32_t zone = 1; zone < MESH_ZONES; zone++)
			assert_int_equal(chosen[zone] > 0, there[zone] > 0);

		less = choose(small, nodes, count, self, degree);
		assert_int_equal(less.count + less.left_out, choice.count);
		assert_true(less.left_out == 0 || less.count == degree + room);
		assert_memory_equal(less.nodes, choice.nodes, less.count * sizeof(less.nodes[0]));
		drawn_in_all += choice.count - ring;
		left_out_in_all += less.left_out;
		mesh_close(small);
		mesh_close(mesh);
	}
	assert_true(drawn_in_all > 5000);
	assert_true(left_out_in_all > 1000);
}

/* The nodes of a zone share those who draw them, and whom a node draws says nothing of who draws
 * it. */
static void draws_are_shared(void **state)
{
	enum { EACH = 100, TRIALS = 40 };
	struct mesh *mesh = mesh_make(MESH_ZONES);
	struct node nodes[2 * EACH];
	uint64_t random = 0x5eed16;
	uint32_t mutual = 0;
	double sum = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		uint32_t low = 0x0a000000 + fake_below(&random, 1 << 24);
		uint32_t drawn[2 * EACH] = { 0 }, watched[2 * EACH] = { 0 };

		for (uint32_t i = 0; i < 2 * EACH; i++)
			nodes[i] = (struct node){ address_of(0, 0xffff00000000ull + low + i),
						  1 + i % 2 };
		for (uint32_t i = 0; i < 2 * EACH; i++) {
			struct choice choice = choose(mesh, nodes, 2 * EACH, i, 0);

			assert_int_equal(choice.count, 2);
			drawn[i] = choice.nodes[choice.nodes[0] % 2 == i % 2];
			assert_int_equal(drawn[i] % 2, (i + 1) % 2);
			watched[drawn[i]]++;
		}
		for (uint32_t i = 0; i < 2 * EACH; i++)
			sum += (watched[i] - 1.0) * (watched[i] - 1.0);
		for (uint32_t i = 0; i < 2 * EACH; i += 2)
			mutual += drawn[drawn[i]] == i;
	}
	/* Chi squared of 198 in each trial; one draw in a hundred is mutual. */
	assert_true(fabs(sum - 198 * TRIALS) < 5 * 126);
	assert_in_range(mutual, TRIALS / 4, TRIALS * 2);
	mesh_close(mesh);
}

/* A machine of several addresses chooses at each of them, and never itself. It stands several times
 * before another, so each address is chosen `degree` times but for one more or less for each. */
static void several_addresses_choose_together(void **state)
{
	enum { MACHINES = 50 };
	uint64_t random = 0x5eed17;

	(void)state;
	for (uint32_t own = 1; own <= 4; own++) {
		uint32_t count = own * MACHINES, watched[4 * MACHINES] = { 0 };
		struct mesh *mesh = mesh_make(DEGREE);
		struct node nodes[4 * MACHINES];

		nodes_make(nodes, count, 0, &random);
		for (uint32_t self = 0; self < count; self++) {
			struct choice choice = { 0 };

			mesh_begin(mesh, &nodes[self].address, DEGREE);
			for (uint32_t i = 0; i < count; i++)
				if (i % MACHINES != self % MACHINES)
					mesh_consider(mesh, i, &nodes[i].address, 0);
			assert_int_equal(mesh_end(mesh, on_chosen, &choice), 0);
			assert_int_equal(choice.count, DEGREE);
			for (uint32_t k = 0; k < DEGREE; k++)
				watched[choice.nodes[k]]++;
		}
		for (uint32_t i = 0; i < count; i++)
			assert_in_range(watched[i], DEGREE - (own - 1), DEGREE + (own - 1));
		mesh_close(mesh);
	}
}

static void nobody_is_nobody(void **state)
{
	struct mesh *mesh = mesh_make(DEGREE);
	struct address self = fake_address(1);
	struct choice choice = { 0 };

	(void)state;
	mesh_begin(mesh, &self, DEGREE);
	assert_int_equal(mesh_end(mesh, on_chosen, &choice), 0);
	mesh_consider(mesh, 7, &self, 3);
	assert_int_equal(mesh_end(mesh, on_chosen, &choice), 0);
	assert_int_equal(choice.count, 0);
	mesh_close(mesh);
	mesh_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices_are_for_ever),
		cmocka_unit_test(each_chooses_the_next_and_is_chosen_as_often),
		cmocka_unit_test(nodes_at_one_place_stand_by_address),
		cmocka_unit_test(order_and_numbers_do_not_matter),
		cmocka_unit_test(each_zone_is_watched),
		cmocka_unit_test(draws_are_shared),
		cmocka_unit_test(several_addresses_choose_together),
		cmocka_unit_test(nobody_is_nobody),
	};

	return cmocka_run_group_tests_name("mesh", tests, NULL, NULL);
}
