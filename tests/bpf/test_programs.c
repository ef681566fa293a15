/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program does with one packet: stamps, pairs, rejects or lets alone, and in any case
 * leaves it as it was. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness.h"

/* What is not ours for its headers alone. */
static const struct shape foreign_shapes[] = {
	{ "three VLAN tags", .vlan_tags = 3, .extensions = NO_EXTENSION },
	{ "5 extensions", .ipv6 = true,
	  .extensions = { HOP, DESTINATION, ROUTING, DESTINATION, HOP, 255 },
	  .extension_bytes = 8 },
	{ "IPv6 fragment", .ipv6 = true, .extensions = { FRAGMENT, 255 }, .extension_bytes = 8 },
	{ "IPv6 fragment after an extension", .ipv6 = true, .extensions = { HOP, FRAGMENT, 255 },
	  .extension_bytes = 8 },
	{ "unknown extension", .ipv6 = true, .extensions = { 135, 255 }, .extension_bytes = 8 },
};

static void check_exchange(struct harness *harness, const struct shape *shape,
			   const struct bpf_program *egress, const struct bpf_program *ingress)
{
	struct echo request = echo_of(false), reply = echo_of(true);
	struct frame out = frame_of_echo(shape, &request), in = frame_of_echo(shape, &reply);
	struct kc_flight *flight = arm(harness, shape, KC_T1_ARMED);
	struct kc_peer *peer = &harness->peers[slot_of(shape)];
	uint64_t before_ns = now_ns(), t1_ns;

	run_frame(egress, &out);
	t1_ns = flight->t1_ns;
	assert_in_range(t1_ns, before_ns, now_ns());
	assert_int_equal(peer->sent, 1);
	run_frame(egress, &out); /* the same packet over a second device */
	assert_int_equal(flight->t1_ns, t1_ns);
	assert_int_equal(peer->sent, 1);

	before_ns = now_ns();
	run_frame(ingress, &in);
	assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
	assert_int_equal(harness_drain(harness), 1);
	assert_in_range(harness->records[0].t4_ns, before_ns, now_ns());
	struct kc_record expected = { .nonce = NONCE,
				      .t1_ns = t1_ns,
				      .t4_ns = harness->records[0].t4_ns,
				      .slot = slot_of(shape),
				      .sequence = SEQUENCE,
				      .kind = KC_RETURNED,
				      .ttl = PACKET_TTL };
	assert_memory_equal(&harness->records[0], &expected, sizeof(expected));
	assert_int_equal(peer->returned, 1);
	assert_int_equal(peer->last_rtt_ns, expected.t4_ns - t1_ns);
	assert_int_equal(peer->min_rtt_ns, expected.t4_ns - t1_ns);

	run_frame(ingress, &in); /* a duplicate */
	assert_int_equal(harness_drain(harness), 1);
	expected.t1_ns = KC_T1_TAKEN;
	expected.t4_ns = harness->records[0].t4_ns;
	expected.kind = KC_DUPLICATE;
	assert_memory_equal(&harness->records[0], &expected, sizeof(expected));
	assert_int_equal(peer->returned, 1);
	assert_only_counter(harness, NO_COUNTER);
}

static void an_exchange_is_stamped_paired_and_recorded_once(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct programs programs = programs_of(harness, &shapes[i]);

		for (size_t j = 0; programs.ingress[j]; j++)
			check_exchange(harness, &shapes[i], programs.egress, programs.ingress[j]);
	}
}

/* A reply that differs in one thing from a good one, and what is counted for it. */
struct rejection {
	const char *name;
	struct echo echo;
	uint64_t flight_nonce;
	uint64_t t1_ns;
	size_t counter;
};

#define GOOD .reply = true, .id = PACKET_ID, .sequence = SEQUENCE, .nonce = NONCE

static const struct rejection rejections[] = {
	{ "stranger",
	  { GOOD, .payload_bytes = 44, .from_stranger = true },
	  NONCE,
	  1000,
	  COUNTER(rejected_source) },
	{ "no nonce at all",
	  { GOOD, .payload_bytes = 0 },
	  NONCE,
	  1000,
	  COUNTER(rejected_truncated) },
	{ "seven eighths of a nonce",
	  { GOOD, .payload_bytes = 7 },
	  NONCE,
	  1000,
	  COUNTER(rejected_truncated) },
	{ "wrong nonce, right sequence",
	  { GOOD, .payload_bytes = 44 },
	  NONCE + 1,
	  1000,
	  COUNTER(rejected_nonce) },
	{ "nothing in flight", { GOOD, .payload_bytes = 44 }, 0, 0, COUNTER(rejected_nonce) },
	{ "nothing in flight, nonce zero",
	  { .reply = true, .id = PACKET_ID, .sequence = SEQUENCE, .payload_bytes = 44 },
	  0,
	  1000,
	  COUNTER(rejected_nonce) },
	{ "right nonce, wrong sequence",
	  { .reply = true,
	    .id = PACKET_ID,
	    .sequence = SEQUENCE + 1,
	    .nonce = NONCE,
	    .payload_bytes = 44 },
	  NONCE,
	  1000,
	  COUNTER(rejected_nonce) },
	{ "never stamped, or armed anew",
	  { GOOD, .payload_bytes = 44 },
	  NONCE,
	  KC_T1_ARMED,
	  COUNTER(rejected_unstamped) },
	{ "another's identifier",
	  { .reply = true,
	    .id = PACKET_ID + 1,
	    .sequence = SEQUENCE,
	    .nonce = NONCE,
	    .payload_bytes = 44 },
	  NONCE,
	  1000,
	  NO_COUNTER },
	{ "a request, not a reply",
	  { .id = PACKET_ID, .sequence = SEQUENCE, .nonce = NONCE, .payload_bytes = 44 },
	  NONCE,
	  1000,
	  NO_COUNTER },
};

static void a_reply_that_is_not_ours_is_counted_by_its_reason(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(rejections) * COUNT(shapes); i++) {
		const struct rejection *rejection = &rejections[i % COUNT(rejections)];
		const struct shape *shape = &shapes[i / COUNT(rejections)];
		struct programs programs = programs_of(harness, shape);
		struct frame frame = frame_of_echo(shape, &rejection->echo);

		for (size_t j = 0; programs.ingress[j]; j++) {
			struct kc_flight *flight = arm(harness, shape, rejection->t1_ns);

			flight->nonce = rejection->flight_nonce;
			run_frame(programs.ingress[j], &frame);
			assert_int_equal(harness_drain(harness), 0);
			assert_int_equal(flight->t1_ns, rejection->t1_ns);
			assert_int_equal(harness->peers[slot_of(shape)].returned, 0);
			assert_only_counter(harness, rejection->counter);
		}
	}
}

static void a_request_that_is_not_ours_is_not_stamped(void **state)
{
	static const struct echo requests[] = {
		{ .id = PACKET_ID + 1, .sequence = SEQUENCE, .nonce = NONCE, .payload_bytes = 44 },
		{ .id = PACKET_ID, .sequence = SEQUENCE + 1, .nonce = NONCE, .payload_bytes = 44 },
		{ .id = PACKET_ID, .sequence = SEQUENCE, .nonce = NONCE + 1, .payload_bytes = 44 },
		{ .id = PACKET_ID, .sequence = SEQUENCE, .nonce = NONCE, .payload_bytes = 7 },
		{ .id = PACKET_ID,
		  .sequence = SEQUENCE,
		  .nonce = NONCE,
		  .payload_bytes = 44,
		  .from_stranger = true },
		{ .id = PACKET_ID,
		  .sequence = SEQUENCE,
		  .nonce = NONCE,
		  .payload_bytes = 44,
		  .reply = true },
	};
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(requests) * COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i / COUNT(requests)];
		struct frame frame = frame_of_echo(shape, &requests[i % COUNT(requests)]);
		struct kc_flight *flight = arm(harness, shape, KC_T1_ARMED);

		run_frame(programs_of(harness, shape).egress, &frame);
		assert_int_equal(flight->t1_ns, KC_T1_ARMED);
		assert_int_equal(harness->peers[slot_of(shape)].sent, 0);
		assert_only_counter(harness, NO_COUNTER);
	}
}

/* Neither stamps nor pairs nor counts. */
static void check_left_alone(struct harness *harness, const struct shape *shape,
			     const struct frame *out, const struct frame *in)
{
	struct programs programs = programs_of(harness, shape);
	struct kc_flight *flight = flight_at(harness, shape);

	flight->t1_ns = KC_T1_ARMED;
	run_frame(programs.egress, out);
	assert_int_equal(flight->t1_ns, KC_T1_ARMED);
	flight->t1_ns = 1000;
	for (size_t i = 0; programs.ingress[i]; i++)
		run_frame(programs.ingress[i], in);
	assert_int_equal(flight->t1_ns, 1000);
	assert_int_equal(harness_drain(harness), 0);
	assert_only_counter(harness, NO_COUNTER);
}

#define FRAGMENT_BITS 14 /* 13 of offset, and more fragments */

static void foreign_headers_and_fragments_are_left_alone(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo request = echo_of(false), reply = echo_of(true);

	for (size_t i = 0; i < COUNT(foreign_shapes); i++) {
		struct frame out = frame_of_echo(&foreign_shapes[i], &request);
		struct frame in = frame_of_echo(&foreign_shapes[i], &reply);

		arm(harness, &foreign_shapes[i], KC_T1_ARMED);
		check_left_alone(harness, &foreign_shapes[i], &out, &in);
	}
	for (size_t i = 0; i < FRAGMENT_BITS * COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i / FRAGMENT_BITS];
		struct frame out = frame_of_echo(shape, &request),
			     in = frame_of_echo(shape, &reply);

		if (shape->ipv6)
			continue;
		set_be16(&out, out.ip + 6, (size_t)1 << i % FRAGMENT_BITS);
		set_be16(&in, in.ip + 6, (size_t)1 << i % FRAGMENT_BITS);
		arm(harness, shape, KC_T1_ARMED);
		check_left_alone(harness, shape, &out, &in);
	}
}

static void without_a_heartbeat_the_programs_do_nothing(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo request = echo_of(false), reply = echo_of(true);
	/* Old; and of another clock, which would be new for long. */
	uint64_t heartbeats[] = { 0, now_ns() - INERT_AFTER_NS - 1,
				  now_ns() + INERT_AFTER_NS + 60000000000, UINT64_MAX };

	for (size_t i = 0; i < COUNT(shapes) * COUNT(heartbeats); i++) {
		const struct shape *shape = &shapes[i / COUNT(heartbeats)];
		struct frame out = frame_of_echo(shape, &request),
			     in = frame_of_echo(shape, &reply);

		arm(harness, shape, KC_T1_ARMED);
		harness->control->heartbeat_ns = heartbeats[i % COUNT(heartbeats)];
		check_left_alone(harness, shape, &out, &in);
	}
	/* A heartbeat of another CPU, a little ahead, is one. */
	check_exchange(harness, &shapes[0], harness->skeleton->progs.kc_egress,
		       harness->skeleton->progs.kc_ingress);
	struct kc_flight *flight = arm(harness, &shapes[0], KC_T1_ARMED);
	struct frame out = frame_of_echo(&shapes[0], &request);

	harness->control->heartbeat_ns = now_ns() + 1000000000;
	run_frame(harness->skeleton->progs.kc_egress, &out);
	assert_int_not_equal(flight->t1_ns, KC_T1_ARMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_is_stamped_paired_and_recorded_once),
		cmocka_unit_test(a_reply_that_is_not_ours_is_counted_by_its_reason),
		cmocka_unit_test(a_request_that_is_not_ours_is_not_stamped),
		cmocka_unit_test(foreign_headers_and_fragments_are_left_alone),
		cmocka_unit_test(without_a_heartbeat_the_programs_do_nothing),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
