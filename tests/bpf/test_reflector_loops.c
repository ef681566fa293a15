/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we sent, come back as a request: from a reflector at another port or from an echo service,
 * whatever the clock there says, so that no packet goes to and fro for ever. Built as the other
 * side would send it. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define ECHO_PORT  7 /* RFC 862 */
#define OTHER_PORT (STAMP_PORT + 1)
#define HOUR	   3600
#define T2_PLACE   16 /* in a reply, RFC 8972 figure 3 */
#define SENT_PLACE 28 /* there: the sender's timestamp */
#define BOUND	   64 /* seconds */

static const int64_t clocks[] = { 0, HOUR, -HOUR, 20 * 365 * 24 * HOUR };

/* With the ports exchanged; the reply as it stands in its frame. */
static struct stamp echoed(const struct frame *reply, size_t message, uint16_t port)
{
	struct stamp echo = stamp_request_in();

	echo.source_port = port;
	memcpy(echo.payload, reply->octets + message + UDP_BYTES, STAMP_BYTES);
	return echo;
}

/* By a reflector whose clock is off by so many seconds, and that has just received it. */
static struct stamp reflected(const struct frame *reply, size_t message, uint16_t port,
			      int64_t clock)
{
	const uint8_t *from = reply->octets + message + UDP_BYTES;
	struct stamp answer = echoed(reply, message, port);
	uint64_t there = ntp_of(now_ns()) + ((uint64_t)clock << 32);

	memset(answer.payload, 0, STAMP_BYTES);
	octets_be(answer.payload, 4, 5);
	octets_be(answer.payload + 4, 8, there + 9);
	octets_be(answer.payload + 12, 2, ERROR_ESTIMATE);
	memcpy(answer.payload + 14, from + 14, 2);
	octets_be(answer.payload + T2_PLACE, 8, there);
	memcpy(answer.payload + 24, from, 14);
	answer.payload[40] = 255;
	return answer;
}

/* Whoever forged the first one. */
static struct stamp first_request(uint16_t port)
{
	struct stamp request = stamp_request_in();

	request.source_port = port;
	memset(request.payload, 0, STAMP_BYTES);
	return request;
}

static void an_echo_ends_here(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = first_request(ECHO_PORT), echo;
		struct frame in = frame_of_stamp(shape, &request), out;

		harness_reset(harness);
		out = check_reflected(harness, program, shape, &request, 0);
		echo = echoed(&out, in.message, ECHO_PORT);
		in = frame_of_stamp(shape, &echo);
		check_refused(harness, program, &in, COUNTER(refused_loop));
		/* However long it took, within reason. */
		harness->control->real_offset_ns += (BOUND - 4) * 1000000000LL;
		check_refused(harness, program, &in, COUNTER(refused_loop));
	}
}

static void another_reflector_ends_here(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t j = 0; j < COUNT(clocks); j++) {
			struct stamp request = first_request(OTHER_PORT), answer;
			struct frame in = frame_of_stamp(shape, &request), out;

			harness_reset(harness);
			out = check_reflected(harness, program, shape, &request, 0);
			answer = reflected(&out, in.message, OTHER_PORT, clocks[j]);
			in = frame_of_stamp(shape, &answer);
			check_refused(harness, program, &in, COUNTER(refused_loop));
			harness->control->real_offset_ns += (BOUND - 4) * 1000000000LL;
			check_refused(harness, program, &in, COUNTER(refused_loop));
			assert_int_equal(harness->counters->reflected, 1);
		}
	}
}

/* The other one is like us: where clocks agree it does not even begin. */
static void a_reply_of_another_is_none_of_its_requests(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		uint64_t now = ntp_of(now_ns());
		struct stamp reply = stamp_reply_in(0, now, now + 1, ERROR_ESTIMATE);
		struct frame frame;

		reply.source_port = OTHER_PORT;
		reply.destination_port = STAMP_PORT;
		frame = frame_of_stamp(shape, &reply);
		harness_reset(harness);
		check_refused(harness, program, &frame, COUNTER(refused_loop));
	}
}

/* Seconds from now, of any era; the clock of the machine says when now is. */
static void only_what_is_of_now_is_a_loop(void **state)
{
	static const struct {
		int64_t seconds;
		bool loop;
	} times[] = {
		{ 0, true },	       { 1, true },
		{ BOUND - 2, true },   { 2 - BOUND, true },
		{ BOUND + 2, false },  { -BOUND - 2, false },
		{ HOUR, false },       { -HOUR, false },
		{ 0x7fffffff, false }, { -0x7fffffff, false },
	};
	static const size_t places[] = { T2_PLACE, SENT_PLACE };
	/* At the end of NTP's first era too, where the seconds wrap. */
	const int64_t starts_ns[] = { REAL_OFFSET_NS,
				      2085978496000000000 - 1000000000 - (int64_t)now_ns() };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(times) * COUNT(places) * COUNT(starts_ns); i++) {
		int64_t start_ns = starts_ns[i / COUNT(times) / COUNT(places)];
		bool loop = times[i % COUNT(times)].loop;
		struct stamp request = stamp_request_in();
		struct frame frame, out;
		uint64_t now;

		harness_reset(harness);
		harness->control->real_offset_ns = start_ns;
		now = ntp_of_ns((__int128)now_ns() + start_ns) >> 32;
		now += (uint64_t)times[i % COUNT(times)].seconds;
		octets_be(request.payload + places[i / COUNT(times) % COUNT(places)], 4,
			  (uint32_t)now ? (uint32_t)now : 1);
		frame = frame_of_stamp(&plain[0], &request);
		assert_int_equal(harness_run_freely(harness->skeleton->progs.kc_ingress,
						    frame.octets, frame.bytes, &out),
				 loop ? TC_ACT_UNSPEC : TC_ACT_REDIRECT);
		assert_only_counter(harness, loop ? COUNTER(refused_loop) : COUNTER(reflected));
	}
}

/* A request has zeros there, and these are no time, not even when the seconds are. */
static void zeros_are_never_a_loop(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct frame frame = frame_of_stamp(&plain[0], &request), out;

	for (int64_t seconds = -70; seconds <= 70; seconds++) {
		harness_reset(harness);
		harness->control->real_offset_ns = (2085978496 + seconds) * 1000000000 -
						   (int64_t)now_ns();
		assert_int_equal(harness_run_freely(harness->skeleton->progs.kc_ingress,
						    frame.octets, frame.bytes, &out),
				 TC_ACT_REDIRECT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_ends_here),
		cmocka_unit_test(another_reflector_ends_here),
		cmocka_unit_test(a_reply_of_another_is_none_of_its_requests),
		cmocka_unit_test(only_what_is_of_now_is_a_loop),
		cmocka_unit_test(zeros_are_never_a_loop),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
