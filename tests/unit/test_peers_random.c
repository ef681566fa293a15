/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes in whatever order: the table does and tells what the plain model does, and what
 * must hold between any two calls, holds. */
#include "unit/cmocka_all.h"

#include "unit/peers_model_steps.h"

enum { STEPS = 60000 };

struct world {
	struct fixture real;
	struct model model;
	uint64_t random;
	int64_t now;
	bool listed[MODEL_ADDRESSES]; /* as the sources have it */
	uint32_t given[MODEL_ADDRESSES];
	bool settled;		     /* by the last step */
	uint8_t before[MODEL_SLOTS]; /* states */
	uint32_t seen[128];	     /* how often each event was told, by its sign */
	uint32_t learnt[4];	     /* how often it came to that */
	uint32_t lost, surplus, both;
};

static uint32_t draw(struct world *world, uint32_t count)
{
	return (uint32_t)((fake_random(&world->random) >> 32) % count);
}

static uint32_t address_of(uint32_t address)
{
	return address / 2 + (address % 2 ? FIXTURE_IPV6 : 0);
}

static void name_of(uint32_t index, char name[static 16])
{
	snprintf(name, 16, index ? "n%u" : "", index);
}

/* --- steps: of both, with the same results --- */

/* The sources change their mind about a few. */
static void change_list(struct world *world)
{
	for (uint32_t count = 1 + draw(world, 3); count > 0; count--) {
		uint32_t address = draw(world, MODEL_ADDRESSES);

		if (draw(world, 6) == 0)
			world->given[address] = draw(world, 3) ? 0 : draw(world, MODEL_NAMES);
		else
			world->listed[address] = !world->listed[address];
	}
	if (draw(world, 40) == 0)
		memset(world->listed, (int)draw(world, 2), sizeof(world->listed));
}

static void offer_both(struct world *world, uint32_t address, uint32_t given)
{
	char name[ADDRESS_TEXT_CAPACITY];
	int expected = model_offer(&world->model, address, given);

	name_of(given, name);
	assert_int_equal(offer(&world->real, address_of(address), name), expected);
	world->surplus += expected == -ENOSPC;
}

static void step_commit(struct world *world)
{
	uint32_t first = draw(world, MODEL_ADDRESSES);
	struct peers_change change;

	change_list(world);
	if (draw(world, 10) == 0) {
		world->model.family_next = draw(world, 3);
		peers_set_family(world->real.peers, world->model.family_next);
	}
	world->real.departs = world->model.told.departs = draw(world, 4) == 0;
	peers_begin(world->real.peers);
	world->model.change = (struct peers_change){ 0 };
	for (uint32_t i = 0; i < MODEL_ADDRESSES; i++) {
		uint32_t address = (first + i) % MODEL_ADDRESSES;

		if (!world->listed[address])
			continue;
		offer_both(world, address, world->given[address]);
		if (draw(world, 8) == 0)
			offer_both(world, address, draw(world, MODEL_NAMES));
	}
	model_commit(&world->model, world->now);
	change = peers_commit(world->real.peers, at(world->now));
	assert_memory_equal(&change, &world->model.change, sizeof(change));
	world->both += world->model.family == PEER_FAMILY_BOTH;
	world->settled = true;
}

static void step_learn(struct world *world, uint32_t slot)
{
	uint32_t name = 1 + draw(world, MODEL_NAMES - 1);
	enum peer_learning expected;
	uint32_t expected_loser;
	char text[16];

	if (!model_live(&world->model.peers[slot]))
		return;
	name_of(name, text);
	expected = model_learn(&world->model, slot, name, world->now, &expected_loser);
	assert_int_equal(learn(&world->real, slot, text, "", world->now, expected_loser), expected);
	world->learnt[expected]++;
	world->lost += expected_loser != slot;
}

static void step_state(struct world *world, uint32_t slot)
{
	static const enum peer_state states[] = { PEER_RESOLVING, PEER_PROBED, PEER_OWN };
	enum peer_state state = states[draw(world, 3)];
	const struct model_peer *peer = &world->model.peers[slot];

	if (!model_live(peer) && peer->state != PEER_OWN)
		return;
	model_set_state(&world->model, slot, state);
	peers_set_state(world->real.peers, slot, state);
}

static void step_end_lingering(struct world *world, uint32_t slot)
{
	if (!world->model.peers[slot].lingering)
		return;
	model_depart(&world->model, slot, world->now);
	note(&world->model.told, '-', slot);
	model_settle(&world->model, world->now);
	peers_end_lingering(world->real.peers, slot, at(world->now));
	world->settled = true;
}

static void step(struct world *world)
{
	uint32_t kind = draw(world, 32);
	uint32_t slot = draw(world, MODEL_SLOTS);

	if (kind < 6) {
		step_commit(world);
	} else if (kind < 8) {
		step_state(world, slot);
	} else if (kind < 24) {
		step_learn(world, slot);
	} else if (kind < 27) {
		assert_int_equal(peers_release(world->real.peers, at(world->now)),
				 model_release(&world->model, world->now));
		world->settled = true;
	} else if (kind < 28) {
		step_end_lingering(world, slot);
	} else {
		model_settle(&world->model, world->now);
		peers_settle(world->real.peers, at(world->now));
		world->settled = true;
	}
}

/* --- the table is as the model has it --- */

static void compare_slot(const struct world *world, uint32_t slot)
{
	const struct model_peer *expected = &world->model.peers[slot];
	const struct peer *peer = peers_get(world->real.peers, slot);
	struct address address = fixture_address(address_of(expected->address));
	char name[ADDRESS_TEXT_CAPACITY];

	assert_int_equal(peer->state, expected->state);
	assert_int_equal(peer->offered, 0);
	assert_int_equal(peer->news, 0);
	assert_int_equal(peer->lingering, expected->lingering);
	if (!model_listed(expected))
		return;
	assert_true(address_equal(&peer->address, &address));
	name_of(expected->name, name);
	assert_string_equal(peer->name, name);
	assert_int_equal(peer->learnt, expected->learnt);
	if (expected->state == PEER_TWIN)
		assert_int_equal(peer->holder, expected->holder);
	if (!model_live(expected))
		return;
	if (model_label(expected) == MODEL_ADDRESS)
		address_format(&address, name);
	assert_label(&world->real, slot, name);
}

static void compare(struct world *world)
{
	uint32_t lingering = 0;

	assert_string_equal(world->real.events, world->model.told.events);
	for (uint32_t slot = 0; slot < MODEL_SLOTS; slot++) {
		compare_slot(world, slot);
		lingering += world->model.peers[slot].lingering &&
			     model_live(&world->model.peers[slot]);
	}
	for (enum peer_state state = PEER_FREE; state <= PEER_DEPARTED; state++)
		assert_int_equal(peers_count(world->real.peers, state),
				 model_count(&world->model, state));
	assert_int_equal(peers_lingering(world->real.peers), lingering);
	assert_int_equal(peers_surplus(world->real.peers), world->model.surplus);
	for (const char *event = world->real.events; *event; event++)
		world->seen[*event & 127]++;
}

/* --- what must hold, whatever the model says --- */

static bool told_apart(const struct world *world, const struct peer *a, const struct peer *b)
{
	return world->model.family == PEER_FAMILY_BOTH &&
	       address_is_ipv4(&a->address) != address_is_ipv4(&b->address);
}

static void check_labels(const struct world *world)
{
	char labels[MODEL_SLOTS][PEER_NAME_CAPACITY];

	for (uint32_t a = 0; a < MODEL_SLOTS; a++) {
		const struct peer *peer = peers_get(world->real.peers, a);

		if (!peer_is_live(peer))
			continue;
		peers_label(world->real.peers, a, labels[a]);
		for (uint32_t b = 0; b < a; b++) {
			const struct peer *other = peers_get(world->real.peers, b);

			if (!peer_is_live(other))
				continue;
			assert_false(address_equal(&peer->address, &other->address));
			assert_true(told_apart(world, peer, other) ||
				    strcmp(labels[a], labels[b]) != 0);
		}
	}
}

/* Of all that share a name one goes by it, and none of the others is there but for a twin of the
 * other family, or shadowed. */
static void check_name(const struct world *world, const struct peer *peer)
{
	uint32_t holders = 0, twins = 0, lingering = 0, staying = 0;

	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		const struct peer *other = peers_get(world->real.peers, i);

		if ((!peer_is_live(other) && other->state != PEER_TWIN) ||
		    strcmp(other->name, peer->name) != 0 || told_apart(world, peer, other))
			continue;
		*(other->lingering ? &lingering : &staying) += 1;
		if (other->state == PEER_TWIN) {
			const struct peer *holder = peers_get(world->real.peers, other->holder);

			twins++;
			assert_true(peer_is_live(holder) && !holder->shadowed);
			assert_string_equal(holder->name, peer->name);
			assert_true(address_is_ipv4(&holder->address) !=
				    address_is_ipv4(&other->address));
			if (holder->learnt == other->learnt)
				assert_int_equal(address_is_ipv4(&holder->address),
						 world->model.family == PEER_FAMILY_ANY);
			else
				assert_false(holder->learnt);
		} else if (!other->shadowed) {
			holders++;
		} else {
			assert_false(other->learnt);
		}
	}
	assert_int_equal(holders, 1);
	assert_true(twins <= 1 && (twins == 0 || world->model.family != PEER_FAMILY_BOTH));
	assert_true(lingering == 0 || staying == 0);
}

static void check(struct world *world)
{
	check_labels(world);
	for (uint32_t slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct peer *peer = peers_get(world->real.peers, slot);

		if (world->settled && peer->name[0] &&
		    (peer_is_live(peer) || peer->state == PEER_TWIN))
			check_name(world, peer);
		/* A slot changes hands only through its rest. */
		if (world->before[slot] == PEER_DEPARTED)
			assert_true(peer->state == PEER_DEPARTED || peer->state == PEER_FREE);
		else if (peer->state == PEER_FREE)
			assert_int_equal(world->before[slot], PEER_FREE);
		world->before[slot] = peer->state;
	}
}

static void the_table_does_as_the_model_does(void **state)
{
	struct world world = { .random = 0x5eed5 };

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)world.random);
	fixture_open_with(&world.real, MODEL_SLOTS, FIXTURE_LINGER);
	model_open(&world.model);
	for (int i = 0; i < STEPS; i++) {
		world.now += draw(&world, 40);
		world.settled = false;
		world.real.events[0] = '\0';
		world.model.told.events[0] = '\0';
		step(&world);
		compare(&world);
		check(&world);
	}
	for (const char *sign = "?-+=~"; *sign; sign++) {
		print_message("%c %u  ", *sign, world.seen[(uint8_t)*sign]);
		assert_true(world.seen[(uint8_t)*sign] > 500);
	}
	print_message("learnt %u, taken %u, changing %u, lost %u, surplus %u, both %u\n",
		      world.learnt[PEER_LEARNT_NAME], world.learnt[PEER_LEARNT_TAKEN],
		      world.learnt[PEER_LEARNT_CHANGING], world.lost, world.surplus, world.both);
	assert_true(world.learnt[PEER_LEARNT_NAME] > 1000);
	assert_true(world.learnt[PEER_LEARNT_TAKEN] > 1000);
	assert_true(world.learnt[PEER_LEARNT_CHANGING] > 100);
	assert_true(world.lost > 100 && world.surplus > 100 && world.both > 1000);
	peers_close(world.real.peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_does_as_the_model_does),
	};

	return cmocka_run_group_tests_name("peers_random", tests, NULL, NULL);
}
