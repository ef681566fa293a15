/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STAMP replies: both formats of their timestamps, and every way in which one may be none. Must not
 * know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define T2     0xec0000001fffffffULL
#define T3     (T2 + 0x800000) /* 1.95 ms */
#define AGE_NS 10000000000ULL  /* of a probe in flight here */
#define NTP    0x8a05
#define PTP    0x4a05

/* T1 of a probe sent that long ago. */
static uint64_t long_ago(void)
{
	return (now_ns() - AGE_NS) & ~(uint64_t)KC_T1_SEEN;
}

static const struct {
	const char *name;
	uint16_t error_estimate;
	uint64_t t2, t3;
	uint64_t residence_ns;
} residences[] = {
	{ "NTP, none", NTP, T2, T2, 0 },
	{ "NTP, one unit", NTP, T2, T2 + 1, 0 },
	{ "NTP, five units", NTP, T2, T2 + 5, 1 },
	{ "NTP, half a second", NTP, T2, T2 + 0x80000000, 500000000 },
	{ "NTP, over a second", NTP, 0xec00000040000000, 0xec00000580000000, 5250000000 },
	{ "NTP, borrow", NTP, 0xec000000c0000000, 0xec00000140000000, 500000000 },
	{ "NTP, next era", NTP, 0xffffffff80000000, 0x0000000180000000, 2000000000 },
	{ "NTP, sign", NTP, 0x7fffffff80000000, 0x8000000080000000, 1000000000 },
	{ "NTP, nearly ten", NTP, T2, T2 + 0x9fae147ae, 9979999999 },
	{ "NTP, no estimate", 0, T2, T2 + 0x80000000, 500000000 },
	{ "PTP, none", PTP, 0x100000001, 0x100000001, 0 },
	{ "PTP, one", PTP, 0x100000001, 0x100000002, 1 },
	{ "PTP, borrow", PTP, 0x6553f0003b9ac9ff, 0x6553f00100000001, 2 },
	{ "PTP, seconds", PTP, 0x6553f00000000005, 0x6553f00900000004, 8999999999 },
	{ "PTP, wrap", PTP, 0xffffffff1dcd6500, 0x000000001dcd6501, 1000000001 },
	{ "PTP, synchronised", PTP | 0x8000, 0x6553f00000000000, 0x6553f00000000400, 1024 },
};

static void residence_is_taken_from_either_format(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(residences) * COUNT(shapes); i++) {
		size_t which = i % COUNT(residences);
		const struct shape *shape = &shapes[i / COUNT(residences)];
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(1, residences[which].t2, residences[which].t3,
						    residences[which].error_estimate);
		struct frame frame = frame_of_stamp(shape, &reply);
		uint64_t expected_ns = residences[which].residence_ns;

		for (size_t j = 0; programs.ingress[j]; j++) {
			struct kc_peer *peer = &harness->peers[slot_of(shape)];
			const struct kc_record *record = &harness->records[0];

			stamp_arm(harness, shape, 1, long_ago());
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), 1);
			assert_in_range(record->residence_ns, expected_ns - (expected_ns > 0),
					expected_ns + 1);
			assert_int_equal(peer->last_rtt_ns,
					 record->t4_ns - record->t1_ns - record->residence_ns);
			assert_only_counter(harness, NO_COUNTER);
		}
	}
}

static const struct {
	const char *name;
	uint16_t error_estimate;
	uint64_t t2, t3;
} impossible[] = {
	{ "NTP, one unit back", NTP, T2, T2 - 1 },
	{ "NTP, a second back", NTP, T2, T2 - 0x100000000 },
	{ "NTP, back over the era", NTP, 0x0000000100000000, 0xffffffff00000000 },
	{ "NTP, half an era", NTP, T2, T2 + 0x8000000000000000 },
	{ "NTP, longer than the round trip", NTP, T2, T2 + 0xb00000000 },
	{ "NTP, much longer", NTP, T2, T2 + 0x7fffffffffffffff },
	{ "NTP, no T2", NTP, 0, T2 },
	{ "NTP, no T3", NTP, T2, 0 },
	{ "PTP, one back", PTP, 0x6553f00000000005, 0x6553f00000000004 },
	{ "PTP, one back over a second", PTP, 0x6553f00100000000, 0x6553f0003b9ac9ff },
	{ "PTP, a second back", PTP, 0x6553f00100000000, 0x6553f00000000000 },
	{ "PTP, longer than the round trip", PTP, 0x6553f00000000000, 0x6553f00b00000000 },
	{ "PTP, much longer", PTP, 0x6553f00000000000, 0xe553efff00000000 },
	/* The same octets in the other format would be good. */
	{ "NTP said to be PTP", PTP, 0xec000000c0000000, 0xec00000140000000 },
};

/* And does not use up the probe: the true reply may still come. */
static void an_impossible_residence_is_rejected(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp good = stamp_reply_in(0, T2, T3, NTP);

	for (size_t i = 0; i < COUNT(impossible) * COUNT(shapes); i++) {
		size_t which = i % COUNT(impossible);
		const struct shape *shape = &shapes[i / COUNT(impossible)];
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(0, impossible[which].t2, impossible[which].t3,
						    impossible[which].error_estimate);
		struct frame frame = frame_of_stamp(shape, &reply);
		struct frame good_frame = frame_of_stamp(shape, &good);

		for (size_t j = 0; programs.ingress[j]; j++) {
			uint64_t t1_ns = long_ago();
			struct kc_flight *flight = stamp_arm(harness, shape, 0, t1_ns);

			run_frame(programs.ingress[j], &frame);
			assert_only_counter(harness, COUNTER(rejected_residence));
			assert_int_equal(flight->t1_ns, t1_ns | KC_T1_SEEN);
			assert_int_equal(harness_drain(harness), 0);
			assert_int_equal(harness->peers[slot_of(shape)].returned, 0);
			run_frame(programs.ingress[j], &good_frame);
			assert_int_equal(harness_drain(harness), 1);
			assert_int_equal(harness->records[0].kind, KC_RETURNED);
		}
	}
}

/* A round trip of microseconds does not hold half a second. */
static void residence_is_held_against_the_round_trip(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp reply = stamp_reply_in(0, T2, T3 + 0xa0000000, NTP);
	struct frame frame = frame_of_stamp(&shapes[0], &reply);

	stamp_arm(harness, &shapes[0], 0, now_ns());
	run_frame(harness->skeleton->progs.kc_ingress, &frame);
	assert_only_counter(harness, COUNTER(rejected_residence));
}

/* A reply that differs in one thing from a good one, and what is counted for it. */
struct rejection {
	const char *name;
	void (*spoil)(struct stamp *stamp, bool ipv6);
	uint64_t flight_nonce;
	uint64_t t1_ns;
	size_t counter;
};

static void spoil_nothing(struct stamp *stamp, bool ipv6)
{
	(void)stamp;
	(void)ipv6;
}

static void spoil_source(struct stamp *stamp, bool ipv6)
{
	stamp->source = ipv6 ? ipv6_stranger : ipv4_stranger;
}

static void from_own(struct stamp *stamp, bool ipv6)
{
	stamp->source = ipv6 ? ipv6_own : ipv4_own;
}

static void spoil_nonce(struct stamp *stamp, bool ipv6)
{
	stamp->payload[28 + 7 * ipv6] ^= 1;
}

static void spoil_sequence(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->payload[27] ^= 1;
}

static void spoil_flow(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->destination_port ^= FLOW_PORT ^ (FLOW_PORT + 1);
}

static void spoil_checksum(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->checksum = SUM_WRONG;
}

static void zero_nonce(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	memset(stamp->payload + 28, 0, 8);
}

static void another_source_port(struct stamp *stamp, bool ipv6)
{
	stamp->source_port = ipv6 ? STAMP_PORT + 1 : 0;
}

static void another_destination_port(struct stamp *stamp, bool ipv6)
{
	/* No port, which stands for no flow, or that of the flow after the last. */
	stamp->destination_port = ipv6 ? 0 : FLOW_PORT + FLOWS;
}

static void short_by_one(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->payload_bytes = STAMP_BYTES - 1;
}

static void short_in_udp(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->udp_bytes = UDP_BYTES + STAMP_BYTES - 1;
}

static void empty(struct stamp *stamp, bool ipv6)
{
	(void)ipv6;
	stamp->payload_bytes = 0;
}

static const struct rejection rejections[] = {
	{ "stranger", spoil_source, NONCE, 1000, COUNTER(rejected_source) },
	{ "our own address", from_own, NONCE, 1000, COUNTER(rejected_source) },
	{ "wrong nonce", spoil_nonce, NONCE, 1000, COUNTER(rejected_nonce) },
	{ "wrong sequence", spoil_sequence, NONCE, 1000, COUNTER(rejected_nonce) },
	{ "wrong flow", spoil_flow, NONCE, 1000, COUNTER(rejected_nonce) },
	{ "nothing in flight", spoil_nothing, 0, 0, COUNTER(rejected_nonce) },
	{ "nothing in flight, no nonce", zero_nonce, 0, 1000, COUNTER(rejected_nonce) },
	{ "wrong checksum", spoil_checksum, NONCE, 1000, COUNTER(rejected_checksum) },
	{ "never stamped", spoil_nothing, NONCE, KC_T1_ARMED, COUNTER(rejected_unstamped) },
	{ "short", short_by_one, NONCE, 1000, COUNTER(rejected_truncated) },
	{ "short, says UDP", short_in_udp, NONCE, 1000, COUNTER(rejected_truncated) },
	{ "empty", empty, NONCE, 1000, COUNTER(rejected_truncated) },
	{ "from another port", another_source_port, NONCE, 1000, NO_COUNTER },
	{ "to another port", another_destination_port, NONCE, 1000, NO_COUNTER },
};

static void a_reply_that_is_not_ours_is_counted_by_its_reason(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(rejections) * COUNT(shapes) * FLOWS; i++) {
		const struct rejection *rejection = &rejections[i % COUNT(rejections)];
		const struct shape *shape = &shapes[i / COUNT(rejections) / FLOWS];
		unsigned flow = (unsigned)(i / COUNT(rejections) % FLOWS);
		struct programs programs = programs_of(harness, shape);
		struct stamp reply = stamp_reply_in(flow, T2, T3, NTP);

		rejection->spoil(&reply, shape->ipv6);
		struct frame frame = frame_of_stamp(shape, &reply);

		for (size_t j = 0; programs.ingress[j]; j++) {
			struct kc_flight *flight = stamp_arm(harness, shape, flow,
							     rejection->t1_ns);

			flight->nonce = rejection->flight_nonce;
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), 0);
			assert_int_equal(flight->t1_ns, rejection->t1_ns);
			assert_int_equal(harness->peers[slot_of(shape)].returned, 0);
			assert_only_counter(harness, rejection->counter);
		}
		/* What only reflects does not know replies. */
		harness_reset(harness);
		run_frame(harness->skeleton->progs.kc_reflect, &frame);
		assert_only_counter(harness, NO_COUNTER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(residence_is_taken_from_either_format),
		cmocka_unit_test(an_impossible_residence_is_rejected),
		cmocka_unit_test(residence_is_held_against_the_round_trip),
		cmocka_unit_test(a_reply_that_is_not_ours_is_counted_by_its_reason),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
