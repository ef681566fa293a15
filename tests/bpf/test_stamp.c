/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STAMP probes of ours and replies to them: stamped, paired and recorded once in each flow, and
 * nothing else is. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define T2	     0xec0000001fffffffULL
#define RESIDENCE    1718 /* of 2^-32 s: 400 ns, less than two system calls take */
#define RESIDENCE_NS 400

static void check_exchange(struct harness *harness, const struct shape *shape, unsigned flow,
			   const struct bpf_program *egress, const struct bpf_program *ingress)
{
	struct stamp probe = stamp_probe(flow), reply = stamp_reply_in(flow, T2, T2 + RESIDENCE, 1);
	struct frame out = frame_of_stamp(shape, &probe), in = frame_of_stamp(shape, &reply);
	struct kc_flight *flight = stamp_arm(harness, shape, flow, KC_T1_ARMED);
	struct kc_peer *peer = &harness->peers[slot_of(shape)];
	uint64_t before_ns = now_ns(), t1_ns;

	run_frame(egress, &out);
	t1_ns = flight->t1_ns;
	assert_in_range(t1_ns, before_ns, now_ns());
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
				      .residence_ns = RESIDENCE_NS,
				      .slot = slot_of(shape),
				      .counter = REPLY_COUNTER,
				      .flow = (uint16_t)flow,
				      .sequence = SEQUENCE,
				      .kind = KC_RETURNED,
				      .ttl = PACKET_TTL,
				      .sender_ttl = PACKET_TTL - 7 };
	assert_memory_equal(&harness->records[0], &expected, sizeof(expected));
	assert_int_equal(peer->returned, 1);
	assert_int_equal(peer->last_rtt_ns, expected.t4_ns - t1_ns - RESIDENCE_NS);
	assert_int_equal(peer->min_rtt_ns, expected.t4_ns - t1_ns - RESIDENCE_NS);

	run_frame(ingress, &in); /* a duplicate */
	assert_int_equal(harness_drain(harness), 1);
	expected.t1_ns = KC_T1_TAKEN;
	expected.t4_ns = harness->records[0].t4_ns;
	expected.residence_ns = harness->records[0].residence_ns;
	expected.kind = KC_DUPLICATE;
	assert_memory_equal(&harness->records[0], &expected, sizeof(expected));
	assert_int_equal(peer->returned, 1);
	assert_only_counter(harness, NO_COUNTER);
}

static void an_exchange_is_stamped_paired_and_recorded_once(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * FLOWS; i++) {
		const struct shape *shape = &shapes[i / FLOWS];
		struct programs programs = programs_of(harness, shape);

		for (size_t j = 0; programs.ingress[j]; j++)
			check_exchange(harness, shape, (unsigned)(i % FLOWS), programs.egress,
				       programs.ingress[j]);
	}
}

/* The upper half of the sequence is not looked at, nor is the SSID that comes back. */
static void a_probe_stands_at_the_low_bits_of_its_sequence(void **state)
{
	static const uint32_t sequences[] = { 0, 7, 8, 0xffff, 0x10000, 0xffffffff };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(sequences) * FLOWS; i++) {
		unsigned flow = (unsigned)(i % FLOWS);
		struct stamp probe = stamp_probe(flow);
		struct stamp reply = stamp_reply_in(flow, T2, T2, 1);
		struct kc_flight *flight = &harness->flights[(SLOT_IPV4 * FLOWS + flow) * WINDOW +
							     sequences[i / FLOWS] % WINDOW];

		octets_be(probe.payload, 4, sequences[i / FLOWS]);
		octets_be(reply.payload + 24, 4, sequences[i / FLOWS]);
		octets_be(reply.payload + 14, 2, 0);
		struct frame out = frame_of_stamp(&shapes[0], &probe);
		struct frame in = frame_of_stamp(&shapes[0], &reply);

		harness_reset(harness);
		*flight = (struct kc_flight){ .nonce = NONCE, .t1_ns = KC_T1_ARMED };
		run_frame(harness->skeleton->progs.kc_egress, &out);
		assert_true(flight->t1_ns > KC_T1_TAKEN);
		run_frame(harness->skeleton->progs.kc_ingress, &in);
		assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
		assert_int_equal(harness_drain(harness), 1);
		assert_int_equal(harness->records[0].sequence, sequences[i / FLOWS] & 0xffff);
		assert_int_equal(harness->records[0].flow, flow);
	}
}

/* Probes that must not be stamped, each by one thing. */
enum target { TO_PEER, TO_STRANGER, TO_OURSELVES };

static const struct {
	const char *name;
	enum target target;
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t sequence;
	uint64_t nonce;
	size_t payload_bytes;
} unstamped[] = {
	{ "stranger's", TO_STRANGER, FLOW_PORT, STAMP_PORT, SEQUENCE, NONCE, STAMP_BYTES },
	{ "our own", TO_OURSELVES, FLOW_PORT, STAMP_PORT, SEQUENCE, NONCE, STAMP_BYTES },
	{ "to another port", TO_PEER, FLOW_PORT, STAMP_PORT + 1, SEQUENCE, NONCE, STAMP_BYTES },
	{ "from another", TO_PEER, FLOW_PORT + FLOWS, STAMP_PORT, SEQUENCE, NONCE, STAMP_BYTES },
	{ "of another flow", TO_PEER, FLOW_PORT + 1, STAMP_PORT, SEQUENCE, NONCE, STAMP_BYTES },
	{ "from the reflector", TO_PEER, STAMP_PORT, STAMP_PORT, SEQUENCE, NONCE, STAMP_BYTES },
	{ "another sequence", TO_PEER, FLOW_PORT, STAMP_PORT, SEQUENCE + 1, NONCE, STAMP_BYTES },
	{ "another nonce", TO_PEER, FLOW_PORT, STAMP_PORT, SEQUENCE, NONCE + 1, STAMP_BYTES },
	{ "no nonce", TO_PEER, FLOW_PORT, STAMP_PORT, SEQUENCE, NONCE, 11 },
	{ "nothing at all", TO_PEER, FLOW_PORT, STAMP_PORT, SEQUENCE, NONCE, 0 },
};

static void another_packet_is_not_stamped(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(unstamped) * COUNT(shapes); i++) {
		size_t which = i % COUNT(unstamped);
		const struct shape *shape = &shapes[i / COUNT(unstamped)];
		struct stamp probe = stamp_probe(0);
		struct kc_flight *flight = stamp_arm(harness, shape, 0, KC_T1_ARMED);

		probe.source_port = unstamped[which].source_port;
		probe.destination_port = unstamped[which].destination_port;
		probe.payload_bytes = unstamped[which].payload_bytes;
		octets_be(probe.payload, 4, unstamped[which].sequence);
		memcpy(probe.payload + 4, &unstamped[which].nonce, 8);
		if (unstamped[which].target == TO_STRANGER)
			probe.destination = shape->ipv6 ? ipv6_stranger : ipv4_stranger;
		if (unstamped[which].target == TO_OURSELVES)
			probe.destination = shape->ipv6 ? ipv6_own : ipv4_own;
		struct frame frame = frame_of_stamp(shape, &probe);

		run_frame(programs_of(harness, shape).egress, &frame);
		assert_int_equal(flight->t1_ns, KC_T1_ARMED);
		assert_int_equal(harness->peers[slot_of(shape)].sent, 0);
		assert_only_counter(harness, NO_COUNTER);
	}
}

/* Neither a nonce of zero nor a flow without port is a probe. */
static void an_idle_entry_is_not_stamped(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp probe = stamp_probe(0);
	struct kc_flight *flight = stamp_arm(harness, &shapes[0], 0, KC_T1_ARMED);

	flight->nonce = 0;
	memset(probe.payload + 4, 0, 8);
	struct frame frame = frame_of_stamp(&shapes[0], &probe);

	run_frame(harness->skeleton->progs.kc_egress, &frame);
	assert_int_equal(flight->t1_ns, KC_T1_ARMED);

	probe = stamp_probe(0);
	probe.source_port = 0;
	frame = frame_of_stamp(&shapes[0], &probe);
	stamp_arm(harness, &shapes[0], 0, KC_T1_ARMED);
	for (size_t i = 0; i < SLOTS * FLOWS * WINDOW; i++)
		harness->flights[i] = (struct kc_flight){ .nonce = NONCE, .t1_ns = KC_T1_ARMED };
	run_frame(harness->skeleton->progs.kc_egress, &frame);
	for (size_t i = 0; i < SLOTS * FLOWS * WINDOW; i++)
		assert_int_equal(harness->flights[i].t1_ns, KC_T1_ARMED);
}

static void check_left_alone(struct harness *harness, const struct shape *shape,
			     const struct frame *out, const struct frame *in)
{
	struct programs programs = programs_of(harness, shape);
	struct kc_flight *flight = stamp_flight(harness, shape, 0);

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

#define FRAGMENT_BITS 14 /* 13 of offset, and more fragments */

static void foreign_headers_and_fragments_are_left_alone(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp probe = stamp_probe(0), reply = stamp_reply_in(0, T2, T2, 1);

	for (size_t i = 0; i < COUNT(foreign_shapes); i++) {
		struct frame out = frame_of_stamp(&foreign_shapes[i], &probe);
		struct frame in = frame_of_stamp(&foreign_shapes[i], &reply);

		stamp_arm(harness, &foreign_shapes[i], 0, KC_T1_ARMED);
		check_left_alone(harness, &foreign_shapes[i], &out, &in);
	}
	for (size_t i = 0; i < FRAGMENT_BITS * COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i / FRAGMENT_BITS];
		struct frame out = frame_of_stamp(shape, &probe),
			     in = frame_of_stamp(shape, &reply);

		if (shape->ipv6)
			continue;
		set_be16(&out, out.ip + 6, (size_t)1 << i % FRAGMENT_BITS);
		set_be16(&in, in.ip + 6, (size_t)1 << i % FRAGMENT_BITS);
		stamp_arm(harness, shape, 0, KC_T1_ARMED);
		check_left_alone(harness, shape, &out, &in);
	}
}

static void without_a_heartbeat_the_programs_do_nothing(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp probe = stamp_probe(0), reply = stamp_reply_in(0, T2, T2, 1);
	uint64_t heartbeats[] = { 0, now_ns() - INERT_AFTER_NS - 1,
				  now_ns() + INERT_AFTER_NS + 60000000000 };

	for (size_t i = 0; i < COUNT(shapes) * COUNT(heartbeats); i++) {
		const struct shape *shape = &shapes[i / COUNT(heartbeats)];
		struct frame out = frame_of_stamp(shape, &probe),
			     in = frame_of_stamp(shape, &reply);

		stamp_arm(harness, shape, 0, KC_T1_ARMED);
		harness->control->heartbeat_ns = heartbeats[i % COUNT(heartbeats)];
		check_left_alone(harness, shape, &out, &in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_is_stamped_paired_and_recorded_once),
		cmocka_unit_test(a_probe_stands_at_the_low_bits_of_its_sequence),
		cmocka_unit_test(another_packet_is_not_stamped),
		cmocka_unit_test(an_idle_entry_is_not_stamped),
		cmocka_unit_test(foreign_headers_and_fragments_are_left_alone),
		cmocka_unit_test(without_a_heartbeat_the_programs_do_nothing),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
