/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that are known and not probed: their requests are answered, and what looks like a reply of
 * theirs is a stranger's. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

/* As user space leaves the peer's address where it has no slot. */
static void make_known(struct harness *harness, const struct shape *shape)
{
	entry_of(harness, shape->ipv6 ? ipv6_peer : NULL, ipv4_peer)->slot = KC_SLOT_KNOWN;
}

/* Of no slot. */
static void assert_no_peer_touched(const struct harness *harness)
{
	static const struct kc_peer untouched;

	for (size_t slot = 0; slot < SLOTS; slot++) {
		assert_int_equal(harness->peers[slot].sent, untouched.sent);
		assert_int_equal(harness->peers[slot].returned, untouched.returned);
		assert_int_equal(harness->peers[slot].reflected, untouched.reflected);
	}
}

static void the_known_are_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame in = frame_of_stamp(shape, &request);

		harness_reset(harness);
		make_known(harness, shape);
		for (uint32_t count = 0; count < 3; count++) {
			struct frame out = { 0 }, expected;

			assert_int_equal(harness_run_freely(program, in.octets, in.bytes, &out),
					 TC_ACT_REDIRECT);
			expected = frame_expected(shape, &request, &in, &out, count);
			assert_same_frame(&out, &expected);
			assert_int_equal(harness->counters->reflected, count + 1);
			assert_int_equal(counters_sum(harness), count + 1);
		}
		assert_no_peer_touched(harness);
	}
}

/* At a rate of their own, as all. */
static void the_known_are_answered_so_often_only(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame in = frame_of_stamp(shape, &request), out;

		harness_reset(harness);
		make_known(harness, shape);
		for (int n = 0; n < 1000; n++)
			harness_run_freely(program, in.octets, in.bytes, &out);
		assert_true(harness->counters->reflected >= 100);
		assert_true(harness->counters->refused_rate > 0);
		assert_int_equal(counters_sum(harness), 1000);
	}
}

/* Whatever slot a program might take them for: nothing is in flight to them. */
static void the_known_have_no_replies_to_give(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i];
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(0, 0xec0000001fffffffULL, 0xec0000001fffffffULL,
						    0x8a05);
		struct frame frame = frame_of_stamp(shape, &reply);

		for (size_t j = 0; programs.ingress[j]; j++) {
			struct kc_flight *flight = stamp_arm(harness, shape, 0, 1000);

			make_known(harness, shape);
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness->counters->rejected_source, 1);
			assert_int_equal(counters_sum(harness), 1);
			assert_int_equal(harness_drain(harness), 0);
			assert_int_equal(flight->t1_ns, 1000);
			assert_no_peer_touched(harness);
		}
	}
}

static void what_is_sent_to_the_known_is_not_ours(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i];
		struct stamp probe = stamp_probe(0);
		struct frame frame = frame_of_stamp(shape, &probe);
		struct kc_flight *flight = stamp_arm(harness, shape, 0, KC_T1_ARMED);

		make_known(harness, shape);
		run_frame(programs_of(harness, shape).egress, &frame);
		assert_int_equal(flight->t1_ns, KC_T1_ARMED);
		assert_no_peer_touched(harness);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_are_answered),
		cmocka_unit_test(the_known_are_answered_so_often_only),
		cmocka_unit_test(the_known_have_no_replies_to_give),
		cmocka_unit_test(what_is_sent_to_the_known_is_not_ours),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
