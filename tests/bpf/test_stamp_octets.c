/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Good STAMP replies of every size and kind of checksum, and with octets changed or cut off:
 * nothing of that may be taken for a measurement. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define T2  0xec0000001fffffffULL
#define T3  (T2 + 0x800000) /* 1.95 ms */
#define NTP 0x8a05

/* T1 of a probe sent so long ago that the round trip holds the residence. */
static uint64_t long_ago(void)
{
	return now_ns() - 1000000000;
}

static void every_length_below_a_whole_reply_is_rejected(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * STAMP_BYTES; i++) {
		const struct shape *shape = &shapes[i / STAMP_BYTES];
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(0, T2, T3, NTP);
		struct frame frame;

		reply.payload_bytes = i % STAMP_BYTES;
		frame = frame_of_stamp(shape, &reply);
		for (size_t j = 0; programs.ingress[j]; j++) {
			stamp_arm(harness, shape, 0, long_ago());
			run_frame(programs.ingress[j], &frame);
			assert_only_counter(harness, COUNTER(rejected_truncated));
		}
	}
}

static void a_cut_off_reply_is_never_accepted(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp reply = stamp_reply_in(0, T2, T3, NTP);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);
		struct frame frame = frame_of_stamp(&shapes[i], &reply);
		struct kc_flight *flight = stamp_flight(harness, &shapes[i], 0);
		/* BPF_PROG_TEST_RUN for tc wants whole IP headers. */
		size_t shortest = shapes[i].vlan_tags ? 14 : shapes[i].ipv6 ? 54 : 34;

		for (size_t bytes = shortest; bytes < frame.bytes; bytes++) {
			for (size_t j = 0; programs.ingress[j]; j++) {
				uint64_t t1_ns = long_ago();

				stamp_arm(harness, &shapes[i], 0, t1_ns);
				harness_run(programs.ingress[j], frame.octets, bytes);
				assert_int_equal(flight->t1_ns, t1_ns);
				assert_int_equal(harness_drain(harness), 0);
				assert_in_range(counters_sum(harness),
						bytes >= frame.message + UDP_BYTES,
						bytes >= frame.message + 4);
			}
		}
		stamp_arm(harness, &shapes[i], 0, long_ago());
		run_frame(programs.ingress[0], &frame); /* it was the cut that made it bad */
		assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
	}
}

static void a_corrupted_octet_is_never_accepted(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp reply = stamp_reply_in(0, T2, T3, NTP);

	stamp_add_tlv(&reply, 0, 1, 221, 0x5a); /* more than one block, and an odd size */
	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);
		struct frame good = frame_of_stamp(&shapes[i], &reply);
		size_t address = good.ip + (shapes[i].ipv6 ? 24 : 16); /* the destination */

		for (size_t offset = address; offset < good.bytes; offset++) {
			struct frame bad = good;
			uint64_t t1_ns = long_ago();
			struct kc_flight *flight = stamp_arm(harness, &shapes[i], 0, t1_ns);

			if (offset == address + (shapes[i].ipv6 ? 16U : 4U))
				offset = good.message;
			bad.octets[offset] ^= (uint8_t)(1 << offset % 8);
			for (size_t j = 0; programs.ingress[j]; j++)
				run_frame(programs.ingress[j], &bad);
			assert_int_equal(flight->t1_ns, t1_ns);
			assert_int_equal(harness_drain(harness), 0);
			if (offset > good.message + UDP_BYTES + 36 || offset < good.message)
				assert_true(harness->counters->rejected_checksum > 0);
		}
	}
}

static void every_size_of_message_is_summed_right(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);

		for (size_t padding = 0; padding < 2200; padding += padding < 600 ? 1 : 61) {
			struct stamp reply = stamp_reply_in(0, T2, T3, NTP);
			struct frame frame;

			stamp_add_tlv(&reply, 0, 1, padding, (uint8_t)padding);
			frame = frame_of_stamp(&shapes[i], &reply);
			memset(frame.octets + frame.bytes, 0xa5, 7); /* and it is not zero */
			frame.bytes += 7;
			for (size_t j = 0; programs.ingress[j]; j++) {
				struct kc_flight *flight = stamp_arm(harness, &shapes[i], 0,
								     long_ago());

				run_frame(programs.ingress[j], &frame);
				assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
			}
		}
	}
}

static void checksums_of_every_kind_are_judged(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * 4; i++) {
		const struct shape *shape = &shapes[i / 4];
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(0, T2, T3, NTP);
		struct frame frame;
		bool good;

		reply.checksum = (const enum udp_checksum[]){ SUM_RIGHT, SUM_NONE, SUM_PARTIAL,
							      SUM_RIGHT }[i % 4];
		if (i % 4 == 3)
			stamp_make_sum_zero(shape, &reply);
		good = reply.checksum != SUM_NONE || !shape->ipv6;
		frame = frame_of_stamp(shape, &reply);
		if (i % 4 == 3)
			assert_int_equal(value_be(frame.octets + frame.message + 6, 2), 0xffff);
		for (size_t j = 0; programs.ingress[j]; j++) {
			stamp_arm(harness, shape, 0, long_ago());
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), good);
			assert_only_counter(harness,
					    good ? NO_COUNTER : COUNTER(rejected_checksum));
		}
	}
}

/* UDP may end before IP does; the rest is not summed. */
static void udp_shorter_than_ip_is_paired(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);
		struct stamp reply = stamp_reply_in(0, T2, T3, NTP);
		struct frame frame;

		stamp_add(&reply, "\1\2\3", 3);
		reply.udp_bytes = UDP_BYTES + STAMP_BYTES;
		frame = frame_of_stamp(&shapes[i], &reply);
		for (size_t j = 0; programs.ingress[j]; j++) {
			stamp_arm(harness, &shapes[i], 0, long_ago());
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), 1);
			assert_only_counter(harness, NO_COUNTER);
		}
		/* But not after it, whatever the checksum says. */
		reply.udp_bytes = UDP_BYTES + reply.payload_bytes + 1;
		frame = frame_of_stamp(&shapes[i], &reply);
		frame.bytes++;
		frame_udp_checksum(&frame, shapes[i].ipv6, reply.udp_bytes, SUM_RIGHT);
		for (size_t j = 0; programs.ingress[j]; j++) {
			stamp_arm(harness, &shapes[i], 0, long_ago());
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), 0);
			assert_int_equal(counters_sum(harness), 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_below_a_whole_reply_is_rejected),
		cmocka_unit_test(a_cut_off_reply_is_never_accepted),
		cmocka_unit_test(a_corrupted_octet_is_never_accepted),
		cmocka_unit_test(every_size_of_message_is_summed_right),
		cmocka_unit_test(checksums_of_every_kind_are_judged),
		cmocka_unit_test(udp_shorter_than_ip_is_paired),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
