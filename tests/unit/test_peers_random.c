/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes in whatever order: no two labels are the same, and every change of one is told. */
#include "unit/cmocka_all.h"

#include "unit/peers_fixture.h"

enum { SLOTS = 12, ADDRESSES = 14, NAMES = 6, STEPS = 40000 };

struct world {
	struct peers *peers;
	uint64_t random;
	int64_t now_ns;
	char labels[SLOTS][PEER_NAME_CAPACITY]; /* before the step; empty: not live */
	int64_t named_ns[SLOTS];		/* when the name was learnt */
	uint32_t told[SLOTS];			/* how often, in this step */
	uint32_t fresh;				/* slots that this step brought to life */
	uint32_t relabelled, taken, lost, kept; /* in all, to see that these happen */
};

static uint32_t draw(struct world *world, uint32_t count)
{
	return (uint32_t)((fake_random(&world->random) >> 32) % count);
}

static struct local_time now_of(const struct world *world)
{
	return (struct local_time){ .ns = world->now_ns };
}

static void on_world_departed(void *ctx, uint32_t slot)
{
	struct world *world = ctx;

	world->labels[slot][0] = '\0';
}

static void on_world_joined(void *ctx, uint32_t slot)
{
	struct world *world = ctx;

	world->fresh |= 1u << slot;
	if (draw(world, 6) == 0)
		peers_set_state(world->peers, slot, draw(world, 2) ? PEER_KNOWN : PEER_OWN);
}

static void on_world_relabelled(void *ctx, uint32_t slot)
{
	struct world *world = ctx;

	world->told[slot]++;
	world->relabelled++;
}

static void name_of(uint32_t index, char name[static 8])
{
	snprintf(name, 8, index ? "n%u" : "", index);
}

static void step_transaction(struct world *world)
{
	enum peer_source source = draw(world, 2) ? PEER_SOURCE_FILE : PEER_SOURCE_STATIC;

	peers_begin(world->peers, source);
	for (uint32_t count = draw(world, 9); count > 0; count--) {
		struct peer_candidate candidate = { .address =
							    fake_address(draw(world, ADDRESSES)) };

		name_of(draw(world, 2) ? draw(world, NAMES) : 0, candidate.name);
		peers_offer(world->peers, &candidate);
	}
	if (draw(world, 8) == 0)
		peers_abort(world->peers);
	else
		peers_commit(world->peers, now_of(world), on_world_departed, on_world_joined,
			     on_world_relabelled, world);
}

/* What the header says, by looking at everybody. */
static enum peer_learning learning_of(const struct world *world, uint32_t slot, const char *name,
				      uint32_t *ret_loser)
{
	const struct peer *peer = peers_get(world->peers, slot);
	enum peer_learning learning = PEER_LEARNT_NAME;

	*ret_loser = slot;
	if (peer->name[0] && (!peer->learnt || strcmp(peer->name, name) == 0))
		return PEER_LEARNT_NOTHING_NEW;
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct peer *other = peers_get(world->peers, i);

		if (i == slot || !peer_is_live(other) || strcmp(other->name, name) != 0)
			continue;
		if (other->learnt && world->now_ns - other->learnt_at.ns >= 150 * NS_PER_SECOND)
			*ret_loser = i;
		else
			learning = PEER_LEARNT_TAKEN;
	}
	if (learning == PEER_LEARNT_NAME && peer->introduced &&
	    world->now_ns - world->named_ns[slot] < 3600 * NS_PER_SECOND)
		learning = PEER_LEARNT_CHANGING;
	if (learning != PEER_LEARNT_NAME)
		*ret_loser = slot;
	return learning;
}

static void step_learn(struct world *world, uint32_t slot)
{
	enum peer_learning expected;
	uint32_t expected_loser, loser = SLOTS;
	char name[8];

	if (!peer_is_live(peers_get(world->peers, slot)))
		return;
	name_of(1 + draw(world, NAMES - 1), name);
	expected = learning_of(world, slot, name, &expected_loser);
	assert_int_equal(peers_learn(world->peers, slot, name, "zone", now_of(world), &loser),
			 expected);
	assert_int_equal(loser, expected_loser);
	if (expected == PEER_LEARNT_NAME) {
		world->told[slot]++;
		world->told[loser] += loser != slot;
		world->named_ns[slot] = world->now_ns;
	}
	world->kept += expected == PEER_LEARNT_CHANGING;
	world->taken += expected == PEER_LEARNT_TAKEN;
	world->lost += loser != slot;
}

static void step_state(struct world *world, uint32_t slot)
{
	static const enum peer_state states[] = { PEER_RESOLVING, PEER_PROBED, PEER_OWN,
						  PEER_KNOWN };
	const struct peer *peer = peers_get(world->peers, slot);

	if (peer->state == PEER_FREE || peer->state == PEER_DEPARTED)
		return;
	peers_set_state(world->peers, slot, states[draw(world, 4)]);
	if (!peer_is_live(peer))
		world->labels[slot][0] = '\0';
	else if (world->labels[slot][0] == '\0')
		world->fresh |= 1u << slot;
}

/* Labels are distinct; they changed where that was told, and nowhere else. */
static void look(struct world *world)
{
	char label[PEER_NAME_CAPACITY];

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct peer *peer = peers_get(world->peers, slot);
		bool was_live = world->labels[slot][0] != '\0';
		bool fresh = world->fresh & 1u << slot;

		if (!peer_is_live(peer)) {
			assert_false(was_live);
			assert_int_equal(world->told[slot], 0);
			assert_false(peer->learnt && peer->state != PEER_DEPARTED);
			continue;
		}
		peers_label(world->peers, slot, label);
		assert_true(was_live != fresh);
		/* A name is never empty, nor is that of who learnt it ever the address. */
		assert_true(!peer->learnt || strcmp(label, peer->name) == 0);
		if (was_live)
			assert_int_equal(world->told[slot],
					 strcmp(label, world->labels[slot]) != 0);
		else
			assert_int_equal(world->told[slot], 0);
		memcpy(world->labels[slot], label, sizeof(label));
		for (uint32_t other = 0; other < slot; other++)
			assert_string_not_equal(label, world->labels[other]);
	}
	memset(world->told, 0, sizeof(world->told));
	world->fresh = 0;
}

/* Once all is settled the label is the name, where no source gave it to a peer in a lower slot. */
static void look_settled(const struct world *world)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct peer *peer = peers_get(world->peers, slot);
		bool named = peer->name[0] != '\0';

		if (!peer_is_live(peer))
			continue;
		for (uint32_t lower = 0; lower < slot; lower++) {
			if (peer_is_live(peers_get(world->peers, lower)) &&
			    strcmp(peers_get(world->peers, lower)->name, peer->name) == 0)
				named = false;
		}
		assert_int_equal(strcmp(world->labels[slot], peer->name) == 0, named);
	}
}

static void every_change_of_a_label_is_told(void **state)
{
	struct world world = { .random = 0x5eed5 };

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)world.random);
	assert_int_equal(peers_open(SLOTS, PROBE_STAMP, &world.peers), 0);
	for (int step = 0; step < STEPS; step++) {
		uint32_t kind = draw(&world, 16);

		world.now_ns += draw(&world, 40) * NS_PER_SECOND;
		if (kind < 3)
			step_transaction(&world);
		else if (kind < 5)
			step_state(&world, draw(&world, SLOTS));
		else if (kind < 14)
			step_learn(&world, draw(&world, SLOTS));
		else if (kind < 15)
			peers_release(world.peers, now_of(&world));
		else
			peers_settle(world.peers, on_world_relabelled, &world);
		look(&world);
		if (kind == 15)
			look_settled(&world);
	}
	print_message("relabelled %u, taken %u, lost %u, kept %u\n", world.relabelled, world.taken,
		      world.lost, world.kept);
	assert_true(world.relabelled > 200 && world.taken > 1000 && world.lost > 100 &&
		    world.kept > 100);
	peers_close(world.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_of_a_label_is_told),
	};

	return cmocka_run_group_tests_name("peers_random", tests, NULL, NULL);
}
