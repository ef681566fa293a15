/* SPDX-License-Identifier: Apache-2.0 */
/* Ranking by estimates of peers that are alike: noise fills no places, hides nobody who is bad, and
 * does not make series flap, not even where all are bad alike. */
#include "unit/cmocka_all.h"

#include <string.h>

#include "ranking.h"
#include "recent.h"

#define PEERS  50
#define PLACES 10
#define ROOM   (PLACES * RANKING_ROOM)
#define BAD    37

#define EVALUATION_S (RANKING_EVERY_NS / NS_PER_SECOND)
#define STAY_S	     (RANKING_STAY_NS / NS_PER_SECOND)

/* A mesh of one zone, probed once a second. */
struct mesh {
	struct ranking *ranking;
	struct recent peers[PEERS];
	struct recent zone;
	int64_t now_s;
	uint32_t loss;	   /* per mille, of each */
	uint32_t bad_loss; /* of one; 0: as all */
	bool bad_late;	   /* the same one's replies: each fifth comes after ten times the time */
	uint64_t random;
	uint64_t listed;
	int64_t since_s[PEERS];
	uint32_t entered;
	uint32_t early; /* so many left before their time */
};

static uint32_t below(struct mesh *mesh, uint32_t limit)
{
	mesh->random ^= mesh->random << 13;
	mesh->random ^= mesh->random >> 7;
	mesh->random ^= mesh->random << 17;
	return (uint32_t)(mesh->random >> 33) % limit;
}

/* 170 us and a long tail: one in a hundred is above 350 us, one in ten thousand above 2 ms. */
static int64_t rtt_of(struct mesh *mesh)
{
	uint32_t one = below(mesh, 65536), other = below(mesh, 65536);

	return (150 + 20 * 65536 / (1 + (one > other ? one : other))) * NS_PER_US;
}

static void mesh_probe(struct mesh *mesh, uint32_t slot)
{
	bool bad = slot == BAD;
	struct sample sample = { .slot = slot, .verdict = VERDICT_LOST };

	if (below(mesh, 1000) >= (bad && mesh->bad_loss > 0 ? mesh->bad_loss : mesh->loss)) {
		sample.verdict = VERDICT_RETURNED;
		sample.has_rtt = true;
		sample.rtt_ns = rtt_of(mesh);
		if (bad && mesh->bad_late && below(mesh, 5) == 0)
			sample.rtt_ns *= 10;
	}
	recent_add(&mesh->peers[slot], &sample);
	recent_add(&mesh->zone, &sample);
}

static void mesh_look(struct mesh *mesh)
{
	assert_in_range(ranking_listed(mesh->ranking), 0, ROOM);
	for (uint32_t slot = 0; slot < PEERS; slot++) {
		bool is = ranking_lists(mesh->ranking, slot), was = mesh->listed >> slot & 1;

		if (is && !was) {
			mesh->entered++;
			mesh->since_s[slot] = mesh->now_s;
		}
		mesh->early += was && !is && mesh->now_s - mesh->since_s[slot] < STAY_S;
		mesh->listed ^= (uint64_t)(is != was) << slot;
	}
}

static void mesh_evaluate(struct mesh *mesh)
{
	bool settled = recent_is_settled(&mesh->zone);

	ranking_begin(mesh->ranking, (struct local_time){ mesh->now_s * NS_PER_SECOND });
	for (uint32_t slot = 0; slot < PEERS; slot++) {
		const struct recent *recent = &mesh->peers[slot];
		int64_t excess = 0;

		if (settled && recent_is_settled(recent))
			excess = recent_p99_ns(recent) * 1024 / recent_p99_ns(&mesh->zone);
		ranking_offer(mesh->ranking, slot, recent->loss, (uint32_t)excess);
	}
	ranking_end(mesh->ranking);
	mesh_look(mesh);
}

static void mesh_run(struct mesh *mesh, int64_t seconds)
{
	while (seconds-- > 0) {
		mesh->now_s++;
		for (uint32_t slot = 0; slot < PEERS; slot++)
			mesh_probe(mesh, slot);
		if (mesh->now_s % EVALUATION_S == 0)
			mesh_evaluate(mesh);
	}
}

static void mesh_open(struct mesh *mesh, uint64_t seed)
{
	*mesh = (struct mesh){ .random = seed * 0x9e3779b97f4a7c15 };
	assert_int_equal(ranking_open(PEERS, PLACES, &mesh->ranking), 0);
}

/* Whatever the noise had listed by then, at the first evaluation or later. */
static void noise_hides_nobody(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct mesh mesh;

		mesh_open(&mesh, seed);
		mesh.loss = seed % 3; /* none, 0.1 %, 0.2 % */
		mesh_run(&mesh, seed <= 30 ? 180 : 600 + seed);
		mesh.bad_late = seed % 2;
		mesh.bad_loss = mesh.bad_late ? 0 : 500;
		mesh_run(&mesh, mesh.bad_late ? 180 : 60);
		assert_true(mesh.listed >> BAD & 1);
		ranking_close(mesh.ranking);
	}
}

/* A day on which all are alike: few are ever listed, and each for its time. The places would bear
 * 2880. */
static void noise_does_not_make_series_flap(void **state)
{
	struct mesh mesh;

	(void)state;
	mesh_open(&mesh, 7);
	mesh_run(&mesh, 24 * 3600);
	print_message("in a day of noise %u entered %u places\n", mesh.entered, ROOM);
	assert_in_range(mesh.entered, 1, 600);
	assert_int_equal(mesh.early, 0);
	ranking_close(mesh.ranking);
}

/* All places are taken, and who is among the worst is so by chance: each stays his time, but one
 * who is far worse than all does not wait for it. */
static void all_that_are_bad_alike_do_not_flap(void **state)
{
	static const uint32_t losses[] = { 10, 50, 200 };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct mesh mesh;

		mesh_open(&mesh, 11 + i);
		mesh.loss = losses[i];
		mesh_run(&mesh, 6 * 3600);
		print_message("%u per mille: in six hours %u entered, %u left early\n", losses[i],
			      mesh.entered, mesh.early);
		assert_in_range(mesh.entered, ROOM, ROOM * 6 * 6);
		assert_in_range(mesh.early, 0, mesh.entered / 200);
		mesh.early = 0;
		while (mesh.listed >> BAD & 1)
			mesh_run(&mesh, EVALUATION_S);
		mesh.bad_loss = 900;
		mesh_run(&mesh, 75);
		assert_true(mesh.listed >> BAD & 1);
		assert_in_range(mesh.early, 0, 1);
		ranking_close(mesh.ranking);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noise_hides_nobody),
		cmocka_unit_test(noise_does_not_make_series_flap),
		cmocka_unit_test(all_that_are_bad_alike_do_not_flap),
	};

	return cmocka_run_group_tests_name("ranking and noise", tests, NULL, NULL);
}
