/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that must be answered: in place, every octet of the reply as it has to be, counted per
 * session. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

static void a_request_is_answered_in_place(void **state)
{
	static const uint16_t ports[] = { REQUEST_PORT, FLOW_PORT, FLOW_PORT + 1, 1, 65535 };
	static const uint8_t ttls[] = { 1, PACKET_TTL, 255 };
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t j = 0; j < COUNT(ports) * COUNT(ttls); j++) {
			struct stamp request = stamp_request_in();

			request.source_port = ports[j / COUNT(ttls)];
			request.ttl = ttls[j % COUNT(ttls)];
			harness_reset(harness);
			check_reflected(harness, program, shape, &request, 0);
			assert_int_equal(harness_drain(harness), 0);
		}
	}
}

static void nothing_in_a_request_but_its_own_fields_is_echoed(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();

		memset(request.payload, 0xff, STAMP_BYTES);
		harness_reset(harness);
		check_reflected(harness, program, shape, &request, 0);
		memset(request.payload, 0, STAMP_BYTES);
		check_reflected(harness, program, shape, &request, 0);
	}
}

/* Padding without any header, as TWAMP-Light has it, is left as it is. */
static void every_size_is_answered_by_as_much(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t padding = 0; padding < 1500; padding += padding < 300 ? 1 : 61) {
			struct stamp request = stamp_request_in();

			memset(request.payload + STAMP_BYTES, 0, padding);
			request.payload_bytes += padding;
			harness_reset(harness);
			check_reflected(harness, program, shape, &request, 0);
		}
	}
}

static void what_follows_the_packet_is_carried_along(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();
		struct frame frame = frame_of_stamp(shape, &request);

		memset(frame.octets + frame.bytes, 0xa5, 7);
		frame.bytes += 7;
		harness_reset(harness);
		check_reflected_frame(harness, program, shape, &request, &frame, 0);
		/* Within the IP packet. */
		stamp_add_tlv(&request, 0x15, 7, 9, 0x5a);
		request.udp_bytes = UDP_BYTES + STAMP_BYTES;
		check_reflected(harness, program, shape, &request, 1);
	}
}

static void a_checksum_is_as_good_after_as_before(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();
		struct frame in, out;

		stamp_make_sum_zero(shape, &request);
		harness_reset(harness);
		check_reflected(harness, program, shape, &request, 0);
		if (!shape->ipv6) {
			request.checksum = SUM_NONE;
			check_reflected(harness, program, shape, &request, 1);
		}
		/* One that looks as if it were left to a device, but was not: not covered up. */
		request.checksum = SUM_PARTIAL;
		in = frame_of_stamp(shape, &request);
		assert_int_equal(harness_run_freely(program, in.octets, in.bytes, &out),
				 TC_ACT_REDIRECT);
		out.ip = in.ip;
		out.message = in.message;
		assert_int_not_equal(udp_sum(&out, shape->ipv6, out.bytes - in.message, true),
				     0xffff);
	}
}

/* Of the clock: whatever user space says of it. */
static void times_are_those_of_the_real_clock(void **state)
{
	static const int64_t offsets_ns[] = {
		0, -1, 1, 1699999999999999999, 2085978495900000000, -999999999, 4000000000000000000,
	};
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct frame in = frame_of_stamp(&plain[0], &request), out;

	for (size_t i = 0; i < COUNT(offsets_ns); i++) {
		const uint8_t *payload = out.octets + in.message + UDP_BYTES;
		uint64_t before_ns, start, t2, t3;

		harness_reset(harness);
		harness->control->real_offset_ns = offsets_ns[i];
		harness->control->error_estimate_be = htons((uint16_t)(0x8000 + i));
		before_ns = now_ns();
		assert_int_equal(harness_run_freely(harness->skeleton->progs.kc_ingress, in.octets,
						    in.bytes, &out),
				 TC_ACT_REDIRECT);
		start = ntp_of_ns((__int128)before_ns + offsets_ns[i]) - NTP_SLACK;
		t2 = value_be(payload + 16, 8) - start;
		t3 = value_be(payload + 4, 8) - start;
		assert_in_range(t3, t2,
				ntp_of_ns((__int128)now_ns() + offsets_ns[i]) + NTP_SLACK - start);
		assert_int_equal(value_be(payload + 12, 2), 0x8000 + i);
	}
}

static void each_session_counts_by_itself(void **state)
{
	struct harness *harness = harness_or_skip(state);

	harness_reset(harness);
	for (uint32_t round = 0; round < 5; round++) {
		for (size_t i = 0; i < 8; i++) { /* by peer, port and SSID */
			struct stamp request = stamp_request_in();

			request.source_port = (uint16_t)(REQUEST_PORT + i / 2 % 2);
			octets_be(request.payload + 14, 2, i % 2 ? STAMP_SSID : 0);
			octets_be(request.payload, 4, 77 * round);
			check_reflected(harness, reflectors_of(harness).programs[round % 2],
					&plain[i / 4], &request, round);
		}
	}
}

/* How many places are taken, and one of them. */
static unsigned sessions_used(struct harness *harness, struct kc_session **ret_session)
{
	unsigned used = 0;

	for (size_t i = 0; i < SESSION_CAPACITY; i++) {
		if (harness->sessions[i].key == 0)
			continue;
		used++;
		*ret_session = &harness->sessions[i];
	}
	return used;
}

static void a_count_wraps(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct kc_session *session = NULL;

	harness_reset(harness);
	check_reflected(harness, harness->skeleton->progs.kc_ingress, &plain[0], &request, 0);
	assert_int_equal(sessions_used(harness, &session), 1);
	assert_int_equal(session->count, 1);
	session->count = 0xffffffff;
	check_reflected(harness, harness->skeleton->progs.kc_ingress, &plain[0], &request,
			0xffffffff);
	check_reflected(harness, harness->skeleton->progs.kc_ingress, &plain[0], &request, 0);
}

static void ask(struct harness *harness, uint16_t ssid, uint32_t count)
{
	struct stamp request = stamp_request_in();

	octets_be(request.payload + 14, 2, ssid);
	check_reflected(harness, harness->skeleton->progs.kc_ingress, &plain[ssid % 2], &request,
			count);
}

/* One that another CPU just used may seem to be of the future. */
static void the_longest_unused_session_gives_way(void **state)
{
	static const int32_t ages[][SESSION_CAPACITY] = {
		{ 900, 800, 1000, 700, 600, 500, 400, 300 },
		{ 10, 10, 11, 10, 10, 10, 10, 10 },
		{ 0, -1, 1000000, -2, 20000, 0, 0, 1 },
		{ 20, 20, 0x70000000, 20, 20, 20, 20, 20 },
	};
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(ages); i++) {
		struct kc_session *session;
		uint16_t given_way;
		uint32_t now;

		harness_reset(harness);
		for (uint16_t ssid = 0; ssid < SESSION_CAPACITY; ssid++)
			ask(harness, ssid, 0);
		assert_int_equal(sessions_used(harness, &session), SESSION_CAPACITY);
		now = (uint32_t)(now_ns() >> 16);
		for (size_t j = 0; j < SESSION_CAPACITY; j++)
			harness->sessions[j].used_at = now - (uint32_t)ages[i][j];
		given_way = (uint16_t)(harness->sessions[2].key & 0xffff);
		given_way = given_way < SESSION_CAPACITY ? given_way : ntohs(given_way);
		ask(harness, 100, 0);
		for (uint16_t ssid = 0; ssid < SESSION_CAPACITY; ssid++) {
			if (ssid != given_way)
				ask(harness, ssid, 1);
		}
		ask(harness, 100, 1);
	}
}

/* Used is used: the oldest is not who came first. */
static void a_session_in_use_does_not_give_way(void **state)
{
	struct harness *harness = harness_or_skip(state);

	harness_reset(harness);
	for (uint16_t ssid = 0; ssid < SESSION_CAPACITY; ssid++) {
		for (size_t j = 0; j < SESSION_CAPACITY; j++)
			harness->sessions[j].used_at -= 1000;
		ask(harness, ssid, 0);
	}
	for (size_t j = 0; j < SESSION_CAPACITY; j++)
		harness->sessions[j].used_at -= 1000;
	ask(harness, 0, 1);
	ask(harness, 100, 0); /* in the place of 1 */
	ask(harness, 0, 2);
	ask(harness, 2, 1);
	ask(harness, 1, 0);
}

/* It starts anew then, and the session that came is not told another's count. */
static void a_session_that_comes_back_starts_from_zero(void **state)
{
	struct harness *harness = harness_or_skip(state);

	harness_reset(harness);
	for (uint16_t ssid = 0; ssid < 4 * SESSION_CAPACITY; ssid++) {
		for (size_t j = 0; j < SESSION_CAPACITY; j++)
			harness->sessions[j].used_at -= 1000;
		ask(harness, ssid, 0);
	}
	ask(harness, 0, 0);
	ask(harness, 0, 1);
}

/* Of two reflectors neither answers what the other sent. */
static void a_reply_is_not_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();
		struct frame out;

		request.source_port = i % 2 ? REQUEST_PORT : FLOW_PORT;
		harness_reset(harness);
		out = check_reflected(harness, program, shape, &request, 0);
		/* At the other end, where we are the peer. */
		memset(out.octets, 0, 6);
		for (size_t j = 0; j < ADDRESS_CAPACITY; j++) {
			struct kc_address *address = &harness->addresses[j];

			if (address->use != KC_ADDRESS_USED)
				continue;
			address->own = !address->own;
			address->slot = address->own ? KC_SLOT_NONE : slot_of(shape);
		}
		harness_run(program, out.octets, out.bytes);
		assert_int_equal(harness->counters->reflected, 1);
		assert_true(counters_sum(harness) <= 2);
	}
}

static void xdp_answers_nothing(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(shapes); i++) {
		struct stamp request = stamp_request_in();
		struct frame frame = frame_of_stamp(&shapes[i], &request);

		harness_reset(harness);
		check_refused(harness, harness->skeleton->progs.kc_ingress_xdp, &frame, NO_COUNTER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_in_place),
		cmocka_unit_test(nothing_in_a_request_but_its_own_fields_is_echoed),
		cmocka_unit_test(every_size_is_answered_by_as_much),
		cmocka_unit_test(what_follows_the_packet_is_carried_along),
		cmocka_unit_test(a_checksum_is_as_good_after_as_before),
		cmocka_unit_test(times_are_those_of_the_real_clock),
		cmocka_unit_test(each_session_counts_by_itself),
		cmocka_unit_test(a_count_wraps),
		cmocka_unit_test(the_longest_unused_session_gives_way),
		cmocka_unit_test(a_session_in_use_does_not_give_way),
		cmocka_unit_test(a_session_that_comes_back_starts_from_zero),
		cmocka_unit_test(a_reply_is_not_answered),
		cmocka_unit_test(xdp_answers_nothing),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
