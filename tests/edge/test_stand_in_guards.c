/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stand-in for the kernel half must not take: nonces and stamps that are none, residence
 * that cannot be, addresses that are no peer's. Each case differs by one thing from one that is
 * taken.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "stand_in_world.h"

#define SECONDS 1000 /* of T2, of no era in particular */
#define BACK_NS (SENT_NS + 2 * NS_PER_SECOND)

/* The last one that was drained. */
static struct kc_record last;

/* Of sequence 0 in flow 0. */
static struct kc_flight *flight_of(const struct world *world)
{
	return &world->memory->flights[(size_t)SLOT * FLOWS * WINDOW];
}

static int begin_with_probe(void **state)
{
	struct world *world;

	assert_int_equal(begin(state), 0);
	world = *state;
	flight_of(world)->nonce = NONCE;
	return 0;
}

static void leave(const struct world *world, uint64_t nonce, int64_t at_ns)
{
	const struct echoed probe = { .peer = peer, .nonce = nonce };

	stand_in_on_left(world->stand_in, &probe, at_ns + OFFSET_NS);
}

static void keep(void *ctx, const struct kc_record *record)
{
	*(struct kc_record *)ctx = *record;
}

/* The records that come of a reply after two seconds; T2 and T3 are seconds behind SECONDS, and
 * their parts. */
static uint32_t answered(struct world *world, uint64_t nonce, uint16_t estimate,
			 const uint32_t t2[2], const uint32_t t3[2])
{
	struct stamp_reply packet = { .error_estimate_be = htons(estimate) };
	uint32_t t2_be[] = { htonl(SECONDS + t2[0]), htonl(t2[1]) };
	uint32_t t3_be[] = { htonl(SECONDS + t3[0]), htonl(t3[1]) };
	const struct stand_in_reply reply = { .echoed = { .peer = peer, .nonce = nonce },
					      .t4_real_ns = BACK_NS + OFFSET_NS,
					      .payload = (const uint8_t *)&packet,
					      .length = sizeof(packet) };

	memcpy(packet.receive_timestamp, t2_be, sizeof(t2_be));
	memcpy(packet.timestamp, t3_be, sizeof(t3_be));
	stand_in_on_reply(world->stand_in, &reply);
	return maps_drain(world->maps, NULL, keep, &last);
}

static uint32_t answered_plainly(struct world *world, uint64_t nonce)
{
	static const uint32_t zeros[2];

	return answered(world, nonce, 0, zeros, zeros);
}

/* Entries that are not in use have it. */
static void a_nonce_of_zero_is_nobodys(void **state)
{
	struct world *world = *state;

	flight_of(world)->nonce = 0;
	leave(world, 0, SENT_NS);
	assert_true(flight_of(world)->t1_ns == KC_T1_ARMED);
	flight_of(world)->t1_ns = (uint64_t)SENT_NS;
	assert_int_equal(answered_plainly(world, 0), 0);
	assert_int_equal(world->memory->counters->rejected_nonce, 1);
	flight_of(world)->nonce = NONCE;
	assert_int_equal(answered_plainly(world, NONCE), 1);
}

static void a_stamp_from_before_the_machine_was_up_is_none(void **state)
{
	static const int64_t none_ns[] = { -NS_PER_SECOND, -1, 0, KC_T1_TAKEN };
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(none_ns) / sizeof(none_ns[0]); i++) {
		leave(world, NONCE, none_ns[i]);
		assert_true(flight_of(world)->t1_ns == KC_T1_ARMED);
	}
	assert_int_equal(world->memory->peers[SLOT].sent, 0);
	leave(world, NONCE, KC_T1_TAKEN + 1);
	assert_int_equal(world->memory->peers[SLOT].sent, 1);
}

static void a_part_of_a_second_is_less_than_one(void **state)
{
	static const struct {
		uint32_t t2[2], t3[2];
		int64_t residence_ns; /* -1: rejected */
	} cases[] = {
		{ { 0, 999999999 }, { 1, 5 }, 6 },	     { { 0, 1000000000 }, { 1, 5 }, -1 },
		{ { 0, 5 }, { 0, 999999999 }, 999999994 },   { { 0, 5 }, { 0, 1000000000 }, -1 },
		{ { 0, UINT32_MAX }, { 4, 294967300 }, -1 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool taken = cases[i].residence_ns >= 0;

		flight_of(world)->t1_ns = KC_T1_ARMED;
		leave(world, NONCE, SENT_NS);
		assert_int_equal(answered(world, NONCE, STAMP_PTP, cases[i].t2, cases[i].t3),
				 taken);
		if (taken)
			assert_true(last.residence_ns == (uint64_t)cases[i].residence_ns);
	}
	assert_int_equal(world->memory->counters->rejected_residence, 3);
}

/* T1 is gone, so that its residence can be held against nothing. */
static void a_duplicate_may_have_stayed_long(void **state)
{
	static const uint32_t t2[2], t3[2] = { 3600, 0 };
	struct world *world = *state;

	leave(world, NONCE, SENT_NS);
	assert_int_equal(answered_plainly(world, NONCE), 1);
	assert_int_equal(answered(world, NONCE, 0, t2, t3), 1);
	assert_int_equal(last.kind, KC_DUPLICATE);
	assert_int_equal(world->memory->counters->rejected_residence, 0);
}

/* Of this machine itself, and of who has left. */
static void an_address_without_a_slot_is_no_peers(void **state)
{
	struct world *world = *state;

	leave(world, NONCE, SENT_NS);
	world->entry->slot = KC_SLOT_NONE;
	assert_int_equal(answered_plainly(world, NONCE), 0);
	world->entry->slot = SLOT;
	for (int use = 0; use <= UINT8_MAX; use++) {
		if (use == KC_ADDRESS_USED)
			continue;
		world->entry->use = (uint8_t)use;
		assert_int_equal(answered_plainly(world, NONCE), 0);
	}
	assert_int_equal(world->memory->counters->rejected_source, 1 + UINT8_MAX);
	world->entry->use = KC_ADDRESS_USED;
	assert_int_equal(answered_plainly(world, NONCE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_with_probe, end)
		TEST(a_nonce_of_zero_is_nobodys),
		TEST(a_stamp_from_before_the_machine_was_up_is_none),
		TEST(a_part_of_a_second_is_less_than_one),
		TEST(a_duplicate_may_have_stayed_long),
		TEST(an_address_without_a_slot_is_no_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
