/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are answered on several CPUs at once: what each is told of its session's count.
 * Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "stamp_harness.h"

#define RACE_ROUNDS 20000

/* One CPU that asks again and again, and which counts it was told. */
struct racer {
	struct harness *harness;
	uint8_t *told; /* of both, by count */
	bool failed;
	pthread_t thread;
};

static void *race(void *ctx)
{
	struct racer *racer = ctx;
	struct stamp request = stamp_request_in();
	struct frame in = frame_of_stamp(&plain[0], &request), out;
	struct kc_address *peer = entry_of(racer->harness, NULL, ipv4_peer);
	int program_fd = bpf_program__fd(racer->harness->skeleton->progs.kc_ingress);

	for (unsigned round = 0; round < RACE_ROUNDS && !racer->failed; round++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.octets,
			    .data_size_in = (uint32_t)in.bytes, .data_out = out.octets,
			    .data_size_out = sizeof(out.octets), .repeat = 1);
		uint64_t count = 2 * RACE_ROUNDS;

		__atomic_store_n(&peer->reflect_at, 0, __ATOMIC_RELAXED);
		racer->harness->control->heartbeat_ns = now_ns();
		if (bpf_prog_test_run_opts(program_fd, &options) == 0 &&
		    options.retval == TC_ACT_REDIRECT)
			count = value_be(out.octets + in.message + UDP_BYTES, 4);
		racer->failed = count >= 2 * RACE_ROUNDS;
		if (!racer->failed)
			__atomic_fetch_add(&racer->told[count], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void no_count_is_told_twice_on_however_many_cpus(void **state)
{
	static uint8_t told[2 * RACE_ROUNDS];
	struct harness *harness = harness_or_skip(state);
	struct racer racers[2] = { { .harness = harness, .told = told },
				   { .harness = harness, .told = told } };

	harness_reset(harness);
	memset(told, 0, sizeof(told));
	for (size_t i = 0; i < COUNT(racers); i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	for (size_t i = 0; i < COUNT(racers); i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
	assert_false(racers[0].failed || racers[1].failed);
	for (size_t i = 0; i < COUNT(told); i++)
		assert_int_equal(told[i], 1);
}

#define NEW_SESSIONS 20000

/* One CPU that begins each session at the same moment as the other. */
struct beginner {
	struct harness *harness;
	unsigned *arrived; /* of both */
	uint32_t told[NEW_SESSIONS];
	pthread_t thread;
};

/* Where sessions begin: at places that are free. */
static void sessions_clear(struct harness *harness)
{
	harness->control->heartbeat_ns = now_ns();
	entry_of(harness, NULL, ipv4_peer)->reflect_at = 0;
	for (size_t i = 0; i < SESSION_CAPACITY; i++)
		harness->sessions[i] = (struct kc_session){ 0 };
}

/* Until both are there; the last one prepares what follows. */
static void meet(struct beginner *beginner, unsigned meeting)
{
	if (__atomic_add_fetch(beginner->arrived, 1, __ATOMIC_SEQ_CST) % 3 == 2) {
		sessions_clear(beginner->harness);
		__atomic_add_fetch(beginner->arrived, 1, __ATOMIC_SEQ_CST);
	}
	for (unsigned turns = 0;
	     __atomic_load_n(beginner->arrived, __ATOMIC_SEQ_CST) < 3 * (meeting + 1); turns++)
		if (turns > 5000) /* there may be but one CPU for both */
			sched_yield();
}

static void *begin(void *ctx)
{
	struct beginner *beginner = ctx;
	struct stamp request = stamp_request_in();
	struct frame in = frame_of_stamp(&plain[0], &request), out;
	int program_fd = bpf_program__fd(beginner->harness->skeleton->progs.kc_ingress);

	for (unsigned round = 0; round < NEW_SESSIONS; round++) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.octets,
			    .data_size_in = (uint32_t)in.bytes, .data_out = out.octets,
			    .data_size_out = sizeof(out.octets), .repeat = 1);

		meet(beginner, round);
		if (bpf_prog_test_run_opts(program_fd, &options) == 0 &&
		    options.retval == TC_ACT_REDIRECT)
			beginner->told[round] =
				(uint32_t)value_be(out.octets + in.message + UDP_BYTES, 4);
		else
			beginner->told[round] = UINT32_MAX;
	}
	return NULL;
}

static void a_session_begins_once_on_however_many_cpus(void **state)
{
	static struct beginner beginners[2];
	struct harness *harness = harness_or_skip(state);
	unsigned arrived = 0, wrong = 0;

	harness_reset(harness);
	for (size_t i = 0; i < COUNT(beginners); i++) {
		beginners[i].harness = harness;
		beginners[i].arrived = &arrived;
		assert_int_equal(pthread_create(&beginners[i].thread, NULL, begin, &beginners[i]),
				 0);
	}
	for (size_t i = 0; i < COUNT(beginners); i++)
		assert_int_equal(pthread_join(beginners[i].thread, NULL), 0);
	for (size_t i = 0; i < NEW_SESSIONS; i++)
		wrong += !(beginners[0].told[i] <= 1 &&
			   beginners[1].told[i] == 1 - beginners[0].told[i]);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_count_is_told_twice_on_however_many_cpus),
		cmocka_unit_test(a_session_begins_once_on_however_many_cpus),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
