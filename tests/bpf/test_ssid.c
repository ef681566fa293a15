/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which flight a STAMP probe stamps as it leaves: that of the session which its SSID names,
 * wherever it goes, and no other one. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define SESSIONS (SLOTS * FLOWS)
#define FLIGHTS	 (SESSIONS * WINDOW)

/* All in flight with the same nonce: only the SSID tells them apart. */
static void arm_all(struct harness *harness)
{
	harness_reset(harness);
	for (size_t i = 0; i < FLIGHTS; i++)
		harness->flights[i] = (struct kc_flight){ .nonce = NONCE, .t1_ns = KC_T1_ARMED };
}

/* The one flight that is stamped, as that of a session; SESSIONS: none is. */
static unsigned session_stamped(const struct harness *harness)
{
	unsigned stamped = SESSIONS;

	for (unsigned i = 0; i < FLIGHTS; i++) {
		if (harness->flights[i].t1_ns == KC_T1_ARMED)
			continue;
		assert_int_equal(stamped, SESSIONS);
		assert_int_equal(i % WINDOW, SEQUENCE % WINDOW);
		stamped = i / WINDOW;
	}
	return stamped;
}

static unsigned session_of_run(struct harness *harness, const struct shape *shape, unsigned flow,
			       uint16_t ssid)
{
	struct stamp probe = stamp_probe(flow, ssid);
	struct frame frame = frame_of_stamp(shape, &probe);

	run_frame(programs_of(harness, shape).egress, &frame);
	return session_stamped(harness);
}

/* SSIDs follow one another, and 1 follows the greatest. */
static void name_sessions(uint16_t base, uint8_t ret_sessions[65536])
{
	unsigned ssid = base;

	memset(ret_sessions, SESSIONS, 65536);
	for (unsigned session = 0; session < SESSIONS; session++) {
		ssid = ssid == 0xffff ? 1 : ssid + 1;
		ret_sessions[ssid] = (uint8_t)session;
	}
}

/* All that are near the sessions' or that wrap around to them, and some of the others: an emulated
 * CPU does them too. */
static bool is_tried(uint16_t ssid, uint16_t base)
{
	return (uint16_t)(ssid - base + 4 * SESSIONS) < 8 * SESSIONS || ssid % 251 == 0;
}

static void check_ssids(struct harness *harness, uint16_t base)
{
	static uint8_t sessions[65536];
	struct kc_peer *peers = harness->peers;

	name_sessions(base, sessions);
	arm_all(harness);
	for (unsigned i = 0; i < FLOWS * 65536; i++) {
		unsigned flow = i / 65536, session = sessions[i % 65536];
		bool ours = session < SESSIONS && session % FLOWS == flow;
		unsigned stamped;

		if (!is_tried((uint16_t)i, base))
			continue;
		stamped = session_of_run(harness, &plain[0], flow, (uint16_t)i);
		assert_int_equal(stamped, ours ? session : SESSIONS);
		if (!ours)
			continue;
		assert_int_equal(peers[session / FLOWS].sent, flow + 1);
		harness->flights[stamped * WINDOW + SEQUENCE % WINDOW].t1_ns = KC_T1_ARMED;
	}
	for (size_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(peers[slot].sent, FLOWS);
	assert_only_counter(harness, NO_COUNTER);
}

static void each_ssid_stamps_its_own_flight_or_none(void **state)
{
	static const uint16_t bases[] = { 0, 0xffff - SESSIONS, SSID_BASE, 0xfffe, 0xffff };

	harness_or_skip(state);
	for (size_t i = 0; i < COUNT(bases); i++) {
		struct harness *harness = harness_open_with(true, bases[i]);

		assert_non_null(harness);
		check_ssids(harness, bases[i]);
		harness_close(harness);
	}
}

/* As its SSID says, in every shape; the slot's own address plays no part. */
static void a_probe_is_stamped_wherever_it_goes(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * FLOWS * 3; i++) {
		const struct shape *shape = &shapes[i / 3 / FLOWS];
		unsigned flow = (unsigned)(i / 3 % FLOWS);
		const uint8_t *destinations[] = { NULL, shape->ipv6 ? ipv6_stranger : ipv4_stranger,
						  shape->ipv6 ? ipv6_own : ipv4_own };
		struct stamp probe = stamp_probe(flow, ssid_of(shape, flow));

		probe.destination = destinations[i % 3];
		struct frame frame = frame_of_stamp(shape, &probe);

		arm_all(harness);
		run_frame(programs_of(harness, shape).egress, &frame);
		assert_int_equal(session_stamped(harness), slot_of(shape) * FLOWS + flow);
		for (unsigned slot = 0; slot < SLOTS; slot++)
			assert_int_equal(harness->peers[slot].sent, slot == slot_of(shape));
		assert_only_counter(harness, NO_COUNTER);
	}
}

/* To a peer of ours, by another one's session: nothing is in flight there with this nonce. */
static void the_ssid_of_another_slot_stamps_nothing(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * FLOWS; i++) {
		const struct shape *shape = &shapes[i / FLOWS];
		const struct shape *other = &plain[!shape->ipv6];
		unsigned flow = (unsigned)(i % FLOWS);

		stamp_arm(harness, shape, flow, KC_T1_ARMED);
		stamp_flight(harness, other, flow)->nonce = NONCE + 1;
		assert_int_equal(session_of_run(harness, shape, flow, ssid_of(other, flow)),
				 SESSIONS);
	}
}

static void a_probe_too_short_to_be_one_is_not_stamped(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * (STAMP_BYTES + 1); i++) {
		const struct shape *shape = &shapes[i / (STAMP_BYTES + 1)];
		struct stamp probe = stamp_probe(0, ssid_of(shape, 0));
		unsigned session = slot_of(shape) * FLOWS;

		probe.payload_bytes = i % (STAMP_BYTES + 1);
		struct frame frame = frame_of_stamp(shape, &probe);

		arm_all(harness);
		run_frame(programs_of(harness, shape).egress, &frame);
		assert_int_equal(session_stamped(harness),
				 probe.payload_bytes < STAMP_BYTES ? SESSIONS : session);
	}
}

#define READ_BYTES 16 /* of the probe: up to its SSID */

/* Whatever its headers say. */
static void a_probe_cut_off_before_its_ssid_is_not_stamped(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes) * (READ_BYTES + 1); i++) {
		const struct shape *shape = &shapes[i / (READ_BYTES + 1)];
		size_t bytes = i % (READ_BYTES + 1);
		struct stamp probe = stamp_probe(0, ssid_of(shape, 0));
		struct frame frame = frame_of_stamp(shape, &probe);
		unsigned session = slot_of(shape) * FLOWS;
		/* BPF_PROG_TEST_RUN for tc wants whole IP headers. */
		size_t shortest = shape->vlan_tags ? 14 : shape->ipv6 ? 54 : 34;

		if (frame.message + UDP_BYTES + bytes < shortest)
			continue;
		arm_all(harness);
		harness_run(programs_of(harness, shape).egress, frame.octets,
			    frame.message + UDP_BYTES + bytes);
		assert_int_equal(session_stamped(harness), bytes < READ_BYTES ? SESSIONS : session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ssid_stamps_its_own_flight_or_none),
		cmocka_unit_test(a_probe_is_stamped_wherever_it_goes),
		cmocka_unit_test(the_ssid_of_another_slot_stamps_nothing),
		cmocka_unit_test(a_probe_too_short_to_be_one_is_not_stamped),
		cmocka_unit_test(a_probe_cut_off_before_its_ssid_is_not_stamped),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
