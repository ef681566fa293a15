/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Good replies with octets changed, cut off, added or made up: nothing of it may be taken for a
 * measurement. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness.h"

static void a_corrupted_octet_is_never_accepted(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);

	reply.payload_bytes = 300; /* more than one block, and all sizes of rest but 1 and 2 */
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);
		struct frame good = frame_of_echo(&shapes[i], &reply);

		for (size_t offset = good.message; offset < good.bytes; offset++) {
			struct frame bad = good;
			struct kc_flight *flight = arm(harness, &shapes[i], 1000);

			bad.octets[offset] ^= (uint8_t)(1 << offset % 8);
			for (size_t j = 0; programs.ingress[j]; j++)
				run_frame(programs.ingress[j], &bad);
			assert_int_equal(flight->t1_ns, 1000);
			assert_int_equal(harness_drain(harness), 0);
			/* Type, identifier, sequence and nonce are looked at before the
			 * checksum. */
			if (offset - good.message > 15 || offset - good.message - 1 < 3)
				assert_true(harness->counters->rejected_checksum > 0);
		}
	}
}

static void a_cut_off_reply_is_never_accepted(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);
		struct frame frame = frame_of_echo(&shapes[i], &reply);
		struct kc_flight *flight = arm(harness, &shapes[i], 1000);
		size_t shortest = shapes[i].ipv6 ? 14 + 40
						 : 14 + 20; /* of BPF_PROG_TEST_RUN for tc */

		for (size_t bytes = 14; bytes < frame.bytes; bytes++) {
			for (size_t j = 0; programs.ingress[j]; j++) {
				if (j == 1 || bytes >= shortest || shapes[i].vlan_tags > 0)
					harness_run(programs.ingress[j], frame.octets, bytes);
			}
			if (bytes >= shortest || shapes[i].vlan_tags > 0)
				harness_run(programs.egress, frame.octets, bytes);
			assert_int_equal(flight->t1_ns, 1000);
			assert_int_equal(harness_drain(harness), 0);
		}
		run_frame(programs.ingress[0], &frame); /* so that it is the cut that made it bad */
		assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
	}
}

static void every_size_of_message_is_summed_right(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);

		for (reply.payload_bytes = 8; reply.payload_bytes < 2200;
		     reply.payload_bytes += reply.payload_bytes < 600 ? 1 : 61) {
			struct frame frame = frame_of_echo(&shapes[i], &reply);

			memset(frame.octets + frame.bytes, 0xa5, 7); /* padding that is not zero */
			frame.bytes += 7;
			for (size_t j = 0; programs.ingress[j]; j++) {
				struct kc_flight *flight = arm(harness, &shapes[i], 1000);

				run_frame(programs.ingress[j], &frame);
				assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
			}
		}
	}
}

static void unrelated_packets_pass_untouched(void **state)
{
	static const uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
					 0,    0,    1,	   8,	 6,    0,    1, 8, 0 };
	static const uint8_t protocols[] = { 6, 17, 132, 47, 2 };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * COUNT(protocols); i++) {
		const struct shape *shape = &shapes[i / COUNT(protocols)];
		struct programs programs = programs_of(harness, shape);
		struct frame frame = frame_of_transport(shape, protocols[i % COUNT(protocols)]);

		arm(harness, shape, KC_T1_ARMED);
		run_frame(programs.egress, &frame);
		for (size_t j = 0; programs.ingress[j]; j++)
			run_frame(programs.ingress[j], &frame);
		run_frame(harness->skeleton->progs.kc_reflect, &frame);
		assert_only_counter(harness, NO_COUNTER);
	}
	harness_run(harness->skeleton->progs.kc_reflect, arp, sizeof(arp));
	harness_run(harness->skeleton->progs.kc_egress, arp, sizeof(arp));
	harness_run(harness->skeleton->progs.kc_ingress, arp, sizeof(arp));
	harness_run(harness->skeleton->progs.kc_ingress_xdp, arp, sizeof(arp));
	assert_only_counter(harness, NO_COUNTER);
}

static void random_damage_is_never_accepted(void **state)
{
	struct harness *harness = harness_or_skip(state);
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)now_ns();
	struct echo reply = echo_of(true);
	unsigned accepted = 0;

	print_message("SEED=%u\n", seed);
	for (unsigned round = 0; round < 20000; round++) {
		const struct shape *shape = &shapes[(unsigned)rand_r(&seed) % COUNT(shapes)];
		struct programs programs = programs_of(harness, shape);
		struct frame frame = frame_of_echo(shape, &reply);
		struct kc_flight *flight = arm(harness, shape, 1000);
		size_t first = shape->no_ethernet ? 14 : 0; /* 12 and 13 are BPF_PROG_TEST_RUN's */

		for (unsigned hits = 1 + (unsigned)rand_r(&seed) % 4; hits > 0; hits--) {
			size_t offset = first + (size_t)rand_r(&seed) % (frame.bytes - first);

			frame.octets[offset] = (uint8_t)rand_r(&seed);
		}
		for (size_t j = 0; programs.ingress[j]; j++)
			run_frame(programs.ingress[j], &frame);
		run_frame(programs.egress, &frame);
		accepted += flight->t1_ns == KC_T1_TAKEN;
		for (unsigned k = harness_drain(harness); k > 0; k--)
			assert_int_equal(harness->records[k - 1].nonce, NONCE);
	}
	/* Damage to MAC addresses, tags, options or TTL is no damage to the message. */
	assert_in_range(accepted, 1, 12000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_corrupted_octet_is_never_accepted),
		cmocka_unit_test(a_cut_off_reply_is_never_accepted),
		cmocka_unit_test(every_size_of_message_is_summed_right),
		cmocka_unit_test(unrelated_packets_pass_untouched),
		cmocka_unit_test(random_damage_is_never_accepted),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
