/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs share with others: the maps with user space and other CPUs, the address table, a full
 * ring, and the right to be loaded at all. Must not know the layers below the message.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness.h"

static const struct shape *const ipv4 = &shapes[0];

static void a_full_ring_costs_the_record_but_not_the_pairing(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);
	struct frame frame = frame_of_echo(ipv4, &reply);
	struct kc_flight *flight = arm(harness, ipv4, KC_T1_TAKEN);
	unsigned filled = 0;

	while (harness->counters->ring_full == 0 && filled++ < RECORDS_MAX)
		run_frame(harness->skeleton->progs.kc_ingress, &frame);
	flight->t1_ns = 1000;
	run_frame(harness->skeleton->progs.kc_ingress, &frame);
	assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
	assert_int_equal(harness->counters->ring_full, 2);
	assert_int_equal(harness->peers[SLOT_IPV4].returned, 1);
	assert_int_equal(harness_drain(harness), filled - 1);
	run_frame(harness->skeleton->progs.kc_ingress, &frame);
	assert_int_equal(harness_drain(harness), 1);
}

static void an_address_is_found_at_any_place_where_it_may_stand(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);
	struct frame frame = frame_of_echo(ipv4, &reply);
	uint8_t octets[16];

	harness_map_ipv4(ipv4_peer, octets);
	for (uint32_t skip = 0; skip <= KC_ADDRESS_PROBES; skip++) {
		struct kc_flight *flight = arm(harness, ipv4, 1000);

		memset(harness->addresses, 0, ADDRESS_CAPACITY * sizeof(*harness->addresses));
		/* Others' entries and removed ones, one of them with our very address, come before. */
		for (uint32_t i = 0; i < skip; i++) {
			struct kc_address *other = harness_place(harness, octets, i);

			memcpy(other->address, octets, 16);
			other->address[15] ^= i % 2;
			other->use = i % 2 ? KC_ADDRESS_USED : KC_ADDRESS_REMOVED;
			other->slot = 0;
		}
		harness_insert(harness, octets, SLOT_IPV4);
		run_frame(harness->skeleton->progs.kc_ingress, &frame);
		assert_int_equal(flight->t1_ns, skip < KC_ADDRESS_PROBES ? KC_T1_TAKEN : 1000);
		assert_int_equal(harness->counters->rejected_source,
				 skip < KC_ADDRESS_PROBES ? 0 : 1);
	}
	/* An empty place ends the search. */
	struct kc_flight *flight = arm(harness, ipv4, 1000);

	*harness_place(harness, octets, 1) = *harness_place(harness, octets, 0);
	memset(harness_place(harness, octets, 0), 0, sizeof(struct kc_address));
	run_frame(harness->skeleton->progs.kc_ingress, &frame);
	assert_int_equal(flight->t1_ns, 1000);
}

static void the_smallest_rtt_is_kept(void **state)
{
	static const uint64_t ages_ns[] = { 5000000000, 3000000000, 9000000000 };
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);
	struct frame frame = frame_of_echo(ipv4, &reply);
	struct kc_flight *flight = arm(harness, ipv4, KC_T1_ARMED);
	const struct kc_peer *peer = &harness->peers[SLOT_IPV4];

	for (size_t i = 0; i < COUNT(ages_ns); i++) {
		flight->t1_ns = now_ns() - ages_ns[i];
		run_frame(harness->skeleton->progs.kc_ingress, &frame);
		assert_in_range(peer->last_rtt_ns, ages_ns[i], ages_ns[i] + 1000000000);
	}
	assert_in_range(peer->min_rtt_ns, 3000000000, 4000000000);
	assert_int_equal(peer->returned, COUNT(ages_ns));
}

/* One CPU's share of a race: the same reply many times. */
struct racer {
	const struct bpf_program *program;
	struct frame frame;
};

#define RACE_REPEAT 64

static void *race(void *ctx)
{
	struct racer *racer = ctx;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = racer->frame.octets,
		    .data_size_in = (uint32_t)racer->frame.bytes, .repeat = RACE_REPEAT);

	return (void *)(intptr_t)bpf_prog_test_run_opts(bpf_program__fd(racer->program), &options);
}

static void a_reply_is_returned_once_on_however_many_cpus(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);
	struct racer racers[] = {
		{ harness->skeleton->progs.kc_ingress, frame_of_echo(ipv4, &reply) },
		{ harness->skeleton->progs.kc_ingress_xdp, frame_of_echo(ipv4, &reply) },
	};

	for (unsigned round = 0; round < 300; round++) {
		struct kc_flight *flight = arm(harness, ipv4, 1000);
		pthread_t threads[COUNT(racers)];
		void *result;

		for (size_t i = 0; i < COUNT(racers); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
		for (size_t i = 0; i < COUNT(racers); i++) {
			assert_int_equal(pthread_join(threads[i], &result), 0);
			assert_null(result);
		}
		assert_int_equal(flight->t1_ns, KC_T1_TAKEN);
		assert_int_equal(harness->peers[SLOT_IPV4].returned, 1);
	}
}

static void an_entry_armed_anew_is_not_taken_by_an_old_reply(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct echo reply = echo_of(true);
	struct racer racer = { harness->skeleton->progs.kc_ingress, frame_of_echo(ipv4, &reply) };

	for (unsigned round = 0; round < 1000; round++) {
		struct kc_flight *flight = arm(harness, ipv4, 1000);
		pthread_t thread;
		void *result;

		assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
		for (unsigned delay = round % 100 * 50; delay > 0; delay--)
			__asm__ volatile("" ::: "memory");
		__atomic_store_n(&flight->t1_ns, KC_T1_ARMED, __ATOMIC_SEQ_CST);
		__atomic_store_n(&flight->nonce, NONCE + 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&flight->t1_ns, 2000, __ATOMIC_SEQ_CST); /* as egress would */
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_null(result);
		assert_int_equal(flight->t1_ns, 2000);
	}
}

/* Only CAP_BPF and CAP_NET_ADMIN are left; 0 if the tc programs can be loaded with them. */
static int load_with_least_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	struct canary_bpf *skeleton;
	int err;

	data[0].effective = data[0].permitted = 1U << CAP_NET_ADMIN;
	data[1].effective = data[1].permitted = 1U << (CAP_BPF - 32);
	if (syscall(SYS_capset, &header, data) != 0)
		return errno;
	skeleton = canary_bpf__open();
	if (!skeleton)
		return errno;
	harness_configure(skeleton);
	/* A variable offset into an XDP packet takes CAP_PERFMON; see packet.bpf.h. */
	bpf_program__set_autoload(skeleton->progs.kc_ingress_xdp, false);
	err = canary_bpf__load(skeleton);
	canary_bpf__destroy(skeleton);
	return -err;
}

static void the_tc_programs_load_without_cap_perfmon(void **state)
{
	int status = -1;
	pid_t child;

	harness_or_skip(state);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0)
		_exit(load_with_least_capabilities());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_costs_the_record_but_not_the_pairing),
		cmocka_unit_test(an_address_is_found_at_any_place_where_it_may_stand),
		cmocka_unit_test(the_smallest_rtt_is_kept),
		cmocka_unit_test(a_reply_is_returned_once_on_however_many_cpus),
		cmocka_unit_test(an_entry_armed_anew_is_not_taken_by_an_old_reply),
		cmocka_unit_test(the_tc_programs_load_without_cap_perfmon),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
