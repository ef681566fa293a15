/* SPDX-License-Identifier: Apache-2.0 */
/* Where all cannot probe all: what a node chooses is what the mesh's rule says of its place, so
 * that all nodes' choices make one mesh. */
#include "sim/choice.h"

#include "mesh.h"

struct expected {
	bool chosen[128];
};

static void on_expected(void *ctx, uint32_t node)
{
	((struct expected *)ctx)->chosen[node] = true;
}

/* By mesh.h alone: as the node at `self` chooses among the range, without those from `own` on. */
static void expect(struct expected *expected, const struct address *self, struct range range,
		   struct range own, uint32_t degree)
{
	struct mesh *mesh;

	assert_int_equal(mesh_open(128, &mesh), 0);
	mesh_begin(mesh, self, degree);
	for (uint32_t i = 0; i < range.count; i++) {
		struct address address = simulation_address(range.first + i);

		if (range.first + i - own.first >= own.count)
			mesh_consider(mesh, i, &address, range.zones ? 1 + i % range.zones : 0);
	}
	assert_int_equal(mesh_end(mesh, on_expected, expected), 0);
	mesh_close(mesh);
}

static void assert_choice(const struct simulation *sim, const struct expected *expected,
			  struct range range)
{
	for (uint32_t i = 0; i < range.count; i++)
		assert_int_equal(is_chosen(sim, range.first + i), expected->chosen[i]);
}

/* Each of a hundred nodes chooses for itself; together it is the mesh. */
static void all_choices_make_one_mesh(void **state)
{
	static const struct range clusters[] = { { 1, 100, 0 },
						 { V6 + 1, 100, 0 },
						 { 1, 100, 12 } };

	(void)state;
	for (size_t i = 0; i < sizeof(clusters) / sizeof(clusters[0]); i++) {
		struct range cluster = clusters[i];
		uint32_t watchers[100] = { 0 };

		for (uint32_t node = 0; node < cluster.count; node++) {
			struct simulation *sim = choice_open(40, CANARY_FAMILY_AUTO, DEGREE);
			struct range own = { cluster.first + node, 1, 0 };
			struct address self = simulation_address(own.first);
			struct expected expected = { { false } };
			uint32_t zones = 0;

			own_ranges(sim, &own, 1);
			say_ranges(sim, PEER_SOURCE_DNS, &cluster, 1);
			expect(&expected, &self, cluster, own, DEGREE);
			assert_choice(sim, &expected, cluster);
			assert_int_equal(count_slots(sim, cluster), count_chosen(sim, cluster));
			for (uint32_t j = 0; j < cluster.count; j++) {
				watchers[j] += expected.chosen[j];
				if (cluster.zones && expected.chosen[j])
					zones |= 1u << j % cluster.zones;
			}
			assert_int_equal(zones, cluster.zones ? (1u << cluster.zones) - 1 : 0);
			simulation_close(sim);
		}
		for (uint32_t j = 0; j < cluster.count; j++)
			assert_in_range(watchers[j], DEGREE, cluster.zones ? 100 : DEGREE);
	}
}

/* Each of our places chooses; with none, an address that nobody else has does. */
static void a_node_stands_where_its_addresses_are(void **state)
{
	static const struct {
		struct range own;
		bool loopback;
		uint32_t selves[2]; /* 0: all zero */
	} cases[] = {
		{ { 7, 1, 0 }, false, { 7, 7 } },     { { 7, 2, 0 }, false, { 7, 8 } },
		{ { 90, 1, 0 }, false, { 90, 90 } },  { { 90, 3, 0 }, true, { 90, 90 } },
		{ { 0, 0, 0 }, true, { 0, 0 } },      { { 0, 0, 0 }, false, { 0, 0 } },
		{ { V6 + 9, 1, 0 }, true, { 0, 0 } }, { { 30, 2, 0 }, true, { 30, 30 } },
	};
	const struct range file = { 1, 30, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
		struct address loopback = { .octets = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
		struct address ipv6_loopback = { .octets = { [15] = 1 } };
		struct expected expected = { { false } };

		canary_own_begin(sim->canary);
		if (cases[i].loopback) {
			canary_own_offer(sim->canary, &loopback);
			canary_own_offer(sim->canary, &ipv6_loopback);
		}
		for (uint32_t j = 0; j < cases[i].own.count; j++) {
			struct address own = simulation_address(cases[i].own.first + j);

			canary_own_offer(sim->canary, &own);
		}
		canary_own_commit(sim->canary, simulation_now(sim));
		say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
		for (int self = 0; self < 2; self++) {
			struct address address = { { 0 } };

			if (cases[i].selves[self])
				address = simulation_address(cases[i].selves[self]);
			expect(&expected, &address, file, cases[i].own, DEGREE);
		}
		assert_choice(sim, &expected, file);
		simulation_close(sim);
	}
}

/* Nor by its other addresses. */
static void a_node_does_not_choose_itself(void **state)
{
	const struct range file = { 1, 60, 0 }, own = { 10, 30, 0 };
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);

	(void)state;
	own_ranges(sim, &own, 1);
	say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
	assert_int_equal(count_chosen(sim, own), 0);
	assert_in_range(count_chosen(sim, file), DEGREE + 1, 30);
	simulation_close(sim);
}

/* By --peers.zone, where the source says nothing. */
static void zones_are_known_by_ranges_of_addresses(void **state)
{
	static struct zone_network networks[8];
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
	const struct range file = { 0, 128, 0 };

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		networks[i] = (struct zone_network){ .prefix = fake_address(16 * i),
						     .length = 124 };
		snprintf(networks[i].zone, sizeof(networks[i].zone), "zone-%u", i);
	}
	sim->settings.networks = networks;
	sim->settings.network_count = 8;
	simulation_reopen(sim);
	say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(count_chosen(sim, (struct range){ 16 * i, 16, 0 }) > 0);
	assert_in_range(count_chosen(sim, file), 8, DEGREE + 7);
	for (uint32_t slot = 0; slot < 64; slot++) {
		const struct peer *peer = peers_get(canary_peers(sim->canary), slot);

		if (peer_is_live(peer))
			assert_string_equal(peer->zone,
					    networks[peer->address.octets[15] / 16].zone);
	}
	simulation_close(sim);
}

/* Its link comes up again, or its router is silent: what that does to the peers is to be seen, and
 * not to end with them. */
static void an_address_of_ours_is_gone_for_a_while(void **state)
{
	static const struct {
		enum canary_family family;
		struct range own[2]; /* the first one goes */
		struct range file[2];
	} cases[] = {
		{ CANARY_FAMILY_AUTO, { { 7, 1, 0 }, { 200, 1, 0 } }, { { 1, 60, 0 } } },
		{ CANARY_FAMILY_AUTO, { { 7, 1, 0 }, { V6 + 200, 1, 0 } }, { { 1, 60, 0 } } },
		{ CANARY_FAMILY_AUTO,
		  { { 7, 1, 0 }, { V6 + 7, 1, 0 } },
		  { { 1, 60, 0 }, { V6 + 1, 60, 0 } } },
		{ CANARY_FAMILY_BOTH,
		  { { V6 + 7, 1, 0 }, { 7, 1, 0 } },
		  { { 1, 60, 0 }, { V6 + 1, 60, 0 } } },
		{ CANARY_FAMILY_BOTH,
		  { { V6 + 200, 1, 0 }, { 200, 1, 0 } },
		  { { 1, 5, 0 }, { V6 + 1, 5, 0 } } },
		{ CANARY_FAMILY_AUTO,
		  { { 200, 1, 0 }, { V6 + 200, 1, 0 } },
		  { { 1, 5, 0 }, { V6 + 11, 5, 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *sim = choice_open(64, cases[i].family, DEGREE);
		uint32_t count = 0;

		own_ranges(sim, cases[i].own, 2);
		say_ranges(sim, PEER_SOURCE_FILE, cases[i].file, 2);
		for (int j = 0; j < 2; j++)
			count += count_slots(sim, cases[i].file[j]);
		assert_true(count >= DEGREE);
		simulation_run(sim, NS_PER_SECOND);
		own_ranges(sim, &cases[i].own[1], 1);
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_DEPARTED), 0);
		for (int j = 0; j < 2; j++)
			count -= count_slots(sim, cases[i].file[j]);
		assert_int_equal(count, 0);
		own_ranges(sim, cases[i].own, 2);
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_DEPARTED), 0);
		simulation_close(sim);
	}
}

/* Sources leave out who is not ready. */
static void we_are_off_the_lists_for_a_while(void **state)
{
	static const struct range lists[][2] = { { { 1, 60, 0 } },
						 { { 1, 6, 0 }, { 8, 53, 0 } },
						 { { 1, 60, 0 } } };
	const struct range own[] = { { 200, 1, 0 }, { 7, 1, 0 } };
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);

	(void)state;
	own_ranges(sim, own, 2);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		say_ranges(sim, PEER_SOURCE_DNS, lists[i], 2);
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_RESOLVING), DEGREE);
		assert_int_equal(peers_count(canary_peers(sim->canary), PEER_DEPARTED), 0);
	}
	simulation_close(sim);
}

/* For good: it stands where it would have from the start. */
static void an_address_of_ours_is_another_now(void **state)
{
	const struct range file = { 1, 60, 0 }, shorter = { 10, 51, 0 };
	struct simulation *sim = choice_open(64, CANARY_FAMILY_AUTO, DEGREE);
	struct address readdressed = simulation_address(30), unlisted = simulation_address(200);
	struct expected expected = { { false } };

	(void)state;
	own_ranges(sim, &(struct range){ 7, 1, 0 }, 1);
	say_ranges(sim, PEER_SOURCE_FILE, &file, 1);
	own_ranges(sim, &(struct range){ 30, 1, 0 }, 1);
	expect(&expected, &readdressed, file, (struct range){ 30, 1, 0 }, DEGREE);
	assert_choice(sim, &expected, file);
	/* No list has the place any more. */
	own_ranges(sim, &(struct range){ 7, 1, 0 }, 1);
	own_ranges(sim, &(struct range){ 200, 1, 0 }, 1);
	say_ranges(sim, PEER_SOURCE_FILE, &shorter, 1);
	expected = (struct expected){ { false } };
	expect(&expected, &unlisted, shorter, (struct range){ 200, 1, 0 }, DEGREE);
	assert_choice(sim, &expected, shorter);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_choices_make_one_mesh),
		cmocka_unit_test(a_node_stands_where_its_addresses_are),
		cmocka_unit_test(a_node_does_not_choose_itself),
		cmocka_unit_test(zones_are_known_by_ranges_of_addresses),
		cmocka_unit_test(an_address_of_ours_is_gone_for_a_while),
		cmocka_unit_test(we_are_off_the_lists_for_a_while),
		cmocka_unit_test(an_address_of_ours_is_another_now),
	};

	return cmocka_run_group_tests_name("canary_ring", tests, NULL, NULL);
}
