/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When good requests are not answered: beyond the rate, without user space, where it is not wanted
 * or a socket owns the port. Runs in a network namespace of its own, for its sockets. Must not know
 * how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "stamp_harness.h"

#define TICKS(milliseconds) ((milliseconds)*1000000LL / 65536)
#define BURST		    TICKS(1000)
#define INCREMENT	    TICKS(10)

static uint32_t *reflect_at(struct harness *harness, const struct shape *shape)
{
	return &entry_of(harness, shape->ipv6 ? ipv6_peer : NULL, ipv4_peer)->reflect_at;
}

static void more_than_the_rate_is_refused(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame frame = frame_of_stamp(shape, &request), out;
		uint64_t start_ns = now_ns();
		unsigned answered = 0;

		harness_reset(harness);
		while (harness_run_freely(program, frame.octets, frame.bytes, &out) ==
		       TC_ACT_REDIRECT)
			assert_true(answered++ < 1000);
		assert_in_range(answered, KC_REFLECT_RATE,
				KC_REFLECT_RATE + 1 + (now_ns() - start_ns) / 10000000);
		assert_same_frame(&out, &frame);
		assert_int_equal(harness->counters->refused_rate, 1);
		assert_int_equal(harness->counters->reflected, answered);
		assert_int_equal(harness->peers[slot_of(shape)].reflected, answered);

		/* The other peer is not concerned; a tenth of a second later ten are answered, and
		 * counted from zero: the one refused would else seem lost on its way here. */
		check_reflected(harness, program, &plain[!shape->ipv6], &request, 0);
		*reflect_at(harness, shape) -= (uint32_t)TICKS(100);
		for (uint32_t count = 0; count < 9; count++)
			check_reflected(harness, program, shape, &request, count);
		for (unsigned j = 0; j < 1000 && harness->counters->refused_rate == 1; j++)
			harness_run_freely(program, frame.octets, frame.bytes, &out);
		assert_int_equal(harness->counters->refused_rate, 2);
	}
}

static void the_rate_holds_whatever_time_it_is(void **state)
{
	/* The theoretical arrival time against now, in ticks; a machine's clock wraps in 78 h. */
	static const struct {
		int64_t ahead;
		bool answered;
	} times[] = {
		{ 0, true },
		{ -1, true },
		{ -BURST, true },
		{ -(1LL << 30), true },
		{ -(1LL << 31) + 20 * BURST, true },
		{ INCREMENT, true },
		{ BURST / 2, true },
		{ BURST - INCREMENT, true },
		{ BURST + INCREMENT / 2, false },
		{ BURST + 2 * INCREMENT, true }, /* more than can be: from before the wrap */
		{ 1LL << 30, true },
		{ (1LL << 31) - 20 * BURST, true },
	};
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < COUNT(times) * 2; i++) {
		const struct shape *shape = &plain[i % 2];
		int64_t ahead = times[i / 2].ahead;
		struct frame frame = frame_of_stamp(shape, &request);
		uint32_t now, *at;

		harness_reset(harness);
		at = reflect_at(harness, shape);
		now = (uint32_t)(now_ns() >> 16);
		*at = now + (uint32_t)ahead;
		if (!times[i / 2].answered) {
			check_refused(harness, harness->skeleton->progs.kc_ingress, &frame,
				      COUNTER(refused_rate));
			assert_int_equal(*at, now + (uint32_t)ahead);
			continue;
		}
		check_reflected(harness, harness->skeleton->progs.kc_ingress, shape, &request, 0);
		if (ahead < 0 || ahead > BURST)
			ahead = 0;
		assert_in_range(*at - now, ahead + INCREMENT,
				ahead + INCREMENT + 1 + (uint32_t)((now_ns() >> 16) - now));
	}
}

/* A session that was refused counts from zero, and only that one. */
static void a_refusal_by_rate_starts_the_count_anew(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in(), other = stamp_request_in();

	other.source_port++;
	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame frame = frame_of_stamp(shape, &request);

		harness_reset(harness);
		for (uint32_t count = 0; count < 3; count++) {
			check_reflected(harness, program, shape, &request, count);
			check_reflected(harness, program, shape, &other, count);
		}
		*reflect_at(harness, shape) = (uint32_t)(now_ns() >> 16) + BURST + INCREMENT / 2;
		check_refused(harness, program, &frame, COUNTER(refused_rate));
		*reflect_at(harness, shape) = 0;
		check_reflected(harness, program, shape, &request, 0);
		check_reflected(harness, program, shape, &request, 1);
		check_reflected(harness, program, shape, &other, 3);
	}
}

static void check_silent(struct harness *harness)
{
	struct stamp request = stamp_request_in();

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame frame = frame_of_stamp(shape, &request);

		check_refused(harness, program, &frame, NO_COUNTER);
	}
	assert_only_counter(harness, NO_COUNTER);
}

static void without_a_heartbeat_nothing_is_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);
	uint64_t heartbeats[] = { 0, now_ns() - INERT_AFTER_NS - 1,
				  now_ns() + INERT_AFTER_NS + 60000000000 };

	for (size_t i = 0; i < COUNT(heartbeats); i++) {
		harness_reset(harness);
		harness->control->heartbeat_ns = heartbeats[i];
		check_silent(harness);
	}
}

static void a_reflector_that_is_not_wanted_answers_nothing(void **state)
{
	struct harness *harness = harness_or_skip(state), *without = harness_open(false);

	(void)harness;
	assert_non_null(without);
	harness_reset(without);
	check_silent(without);
	harness_close(without);
}

static const struct {
	const char *name;
	int family;
	bool only_v6;
	const uint8_t *address; /* NULL: any */
	uint16_t port;
	bool owns[2];
} sockets[] = {
	{ "any IPv4", AF_INET, false, NULL, STAMP_PORT, { true, false } },
	{ "any address", AF_INET6, false, NULL, STAMP_PORT, { true, true } },
	{ "any IPv6", AF_INET6, true, NULL, STAMP_PORT, { false, true } },
	{ "our IPv4", AF_INET, false, ipv4_own, STAMP_PORT, { true, false } },
	{ "our IPv6", AF_INET6, true, ipv6_own, STAMP_PORT, { false, true } },
	{ "another IPv4", AF_INET, false, ipv4_stranger, STAMP_PORT, { false, false } },
	{ "another IPv6", AF_INET6, true, ipv6_stranger, STAMP_PORT, { false, false } },
	{ "another port", AF_INET6, false, NULL, STAMP_PORT + 1, { false, false } },
	{ "the sender's port", AF_INET6, false, NULL, REQUEST_PORT, { false, false } },
};

static int socket_open(size_t which)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(sockets[which].port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(sockets[which].port) };
	int fd = socket(sockets[which].family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int one = 1, only_v6 = sockets[which].only_v6;
	bool is_v6 = sockets[which].family == AF_INET6;

	assert_true(fd >= 0);
	/* An address that no interface here has. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	if (is_v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	if (sockets[which].address)
		memcpy(is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, sockets[which].address,
		       is_v6 ? 16 : 4);
	if (is_v6)
		assert_int_equal(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	else
		assert_int_equal(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	return fd;
}

static void a_local_socket_has_the_port_to_itself(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t which = 0; which < COUNT(sockets); which++) {
		int fd = socket_open(which);

		harness_reset(harness);
		FOR_EACH_REFLECTOR(harness, i, shape, program)
		{
			struct frame frame = frame_of_stamp(shape, &request);

			if (sockets[which].owns[shape->ipv6])
				check_refused(harness, program, &frame, COUNTER(refused_socket));
			else
				check_reflected(harness, program, shape, &request, i % 2);
		}
		close(fd);
	}
	harness_reset(harness);
	FOR_EACH_REFLECTOR(harness, i, shape, program)
	check_reflected(harness, program, shape, &request, i % 2);
}

static int open_in_namespace(void **state)
{
	if (unshare(CLONE_NEWNET) != 0) {
		print_message("skipping all: no network namespace to be had\n");
		return 0;
	}
	return open_harness(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_the_rate_is_refused),
		cmocka_unit_test(the_rate_holds_whatever_time_it_is),
		cmocka_unit_test(a_refusal_by_rate_starts_the_count_anew),
		cmocka_unit_test(without_a_heartbeat_nothing_is_answered),
		cmocka_unit_test(a_reflector_that_is_not_wanted_answers_nothing),
		cmocka_unit_test(a_local_socket_has_the_port_to_itself),
	};

	return cmocka_run_group_tests(tests, open_in_namespace, close_harness);
}
