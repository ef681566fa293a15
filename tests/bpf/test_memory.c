/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs share with others: the maps with user space and other CPUs, the address table,
 * a full ring, and the right to be loaded at all. Must not know the layers below the message.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
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

/* Of others, and removed ones, one of them with our very address. */
static void occupy(struct harness *harness, const uint8_t octets[16], uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		struct kc_address *other = harness_place(harness, octets, i);

		memcpy(other->address, octets, 16);
		other->address[i % 4 == 1 ? 0 : 15] ^= i % 2;
		other->use = i % 2 ? KC_ADDRESS_USED : KC_ADDRESS_REMOVED;
		other->slot = 0;
	}
}

/* The peer stands at its skip'th place and nothing else does, but what came before it in its bucket
 * from `first` on, and in the other one before `end`. */
static bool is_found(struct harness *harness, uint32_t skip, uint32_t first, uint32_t end)
{
	struct kc_flight *flight = arm(harness, ipv4, 1000);
	struct echo reply = echo_of(true);
	struct frame frame = frame_of_echo(ipv4, &reply);
	struct kc_address *entry;
	uint8_t octets[16];
	bool is_paired;

	harness_map_ipv4(ipv4_peer, octets);
	memset(harness->addresses, 0, ADDRESS_CAPACITY * sizeof(*harness->addresses));
	occupy(harness, octets, skip - skip % KC_ADDRESS_BUCKET + first, skip);
	if (skip >= KC_ADDRESS_BUCKET)
		occupy(harness, octets, 0, end);
	entry = harness_place(harness, octets, skip);
	memcpy(entry->address, octets, 16);
	entry->slot = SLOT_IPV4;
	entry->use = KC_ADDRESS_USED;
	run_frame(harness->skeleton->progs.kc_ingress, &frame);
	is_paired = flight->t1_ns == KC_T1_TAKEN;
	assert_int_equal(harness->counters->rejected_source, is_paired ? 0 : 1);
	return is_paired;
}

static void an_address_is_found_at_any_place_where_it_may_stand(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (uint32_t skip = 0; skip < ADDRESS_PLACES; skip++) {
		/* However full the bucket is that is looked through first. */
		for (uint32_t end = 0; end <= KC_ADDRESS_BUCKET; end++)
			assert_true(is_found(harness, skip, 0, end));
		/* An empty place ends the search in its bucket. */
		if (skip % KC_ADDRESS_BUCKET != 0)
			assert_false(is_found(harness, skip, 1, KC_ADDRESS_BUCKET));
	}
}

/* In no other bucket, though both of its own are full. */
static void an_address_is_found_nowhere_else(void **state)
{
	struct harness *harness = harness_or_skip(state);
	uint8_t octets[16];

	harness_map_ipv4(ipv4_peer, octets);
	for (int full = 0; full < 2; full++) {
		struct kc_flight *flight = arm(harness, ipv4, 1000);
		struct echo reply = echo_of(true);
		struct frame frame = frame_of_echo(ipv4, &reply);

		for (uint32_t i = 0; i < ADDRESS_CAPACITY; i++) {
			memcpy(harness->addresses[i].address, octets, 16);
			harness->addresses[i].slot = SLOT_IPV4;
			harness->addresses[i].use = KC_ADDRESS_USED;
		}
		for (uint32_t i = 0; i < ADDRESS_PLACES; i++)
			harness_place(harness, octets, i)->use = full ? KC_ADDRESS_REMOVED
								      : KC_ADDRESS_EMPTY;
		run_frame(harness->skeleton->progs.kc_ingress, &frame);
		assert_int_equal(flight->t1_ns, 1000);
	}
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

/* One CPU that gets the same reply again and again. */
struct racer {
	const struct bpf_program *program;
	struct frame frame;
	bool stop;
	pthread_t thread;
};

#define RACE_REPEAT 1000
#define RACE_ROUNDS 20000
#define SPINS	    200

static void *race(void *ctx)
{
	struct racer *racer = ctx;
	intptr_t err = 0;

	while (err == 0 && !__atomic_load_n(&racer->stop, __ATOMIC_SEQ_CST)) {
		LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = racer->frame.octets,
			    .data_size_in = (uint32_t)racer->frame.bytes, .repeat = RACE_REPEAT);

		err = bpf_prog_test_run_opts(bpf_program__fd(racer->program), &options);
	}
	return (void *)err;
}

static void racer_start(struct racer *racer, const struct bpf_program *program)
{
	struct echo reply = echo_of(true);

	*racer = (struct racer){ .program = program, .frame = frame_of_echo(ipv4, &reply) };
	assert_int_equal(pthread_create(&racer->thread, NULL, race, racer), 0);
}

static void racer_stop(struct racer *racer)
{
	void *result;

	__atomic_store_n(&racer->stop, true, __ATOMIC_SEQ_CST);
	assert_int_equal(pthread_join(racer->thread, &result), 0);
	assert_null(result);
}

/* As user space and then egress do it. */
static void fly(struct kc_flight *flight, uint64_t nonce, uint64_t t1_ns)
{
	__atomic_store_n(&flight->t1_ns, KC_T1_ARMED, __ATOMIC_SEQ_CST);
	__atomic_store_n(&flight->nonce, nonce, __ATOMIC_SEQ_CST);
	__atomic_store_n(&flight->t1_ns, t1_ns, __ATOMIC_SEQ_CST);
}

static bool await_taken(const struct kc_flight *flight)
{
	uint64_t deadline_ns = now_ns() + 1000000000;

	while (__atomic_load_n(&flight->t1_ns, __ATOMIC_SEQ_CST) != KC_T1_TAKEN) {
		if (now_ns() > deadline_ns)
			return false;
		sched_yield();
	}
	return true;
}

/* With one CPU nothing races, and each round takes the scheduler's time slice. */
static unsigned race_rounds(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? RACE_ROUNDS : RACE_ROUNDS / 100;
}

static void a_reply_is_returned_once_on_however_many_cpus(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct kc_flight *flight = arm(harness, ipv4, KC_T1_TAKEN);
	const unsigned rounds = race_rounds();
	struct racer racers[2];
	bool taken = true;

	racer_start(&racers[0], harness->skeleton->progs.kc_ingress);
	racer_start(&racers[1], harness->skeleton->progs.kc_ingress_xdp);
	for (unsigned round = 0; taken && round < rounds; round++) {
		harness->control->heartbeat_ns = now_ns();
		fly(flight, NONCE, 1000 + round);
		taken = await_taken(flight);
	}
	racer_stop(&racers[0]);
	racer_stop(&racers[1]);
	assert_true(taken);
	assert_int_equal(harness->peers[SLOT_IPV4].returned, rounds);
}

static void an_entry_armed_anew_is_not_taken_by_an_old_reply(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct kc_flight *flight = arm(harness, ipv4, KC_T1_TAKEN);
	unsigned wrong = 0;
	struct racer racer;

	racer_start(&racer, harness->skeleton->progs.kc_ingress);
	for (unsigned round = 0; round < RACE_ROUNDS; round++) {
		uint64_t t1_ns = 1000 + 2 * round; /* a clock gives no stamp twice */

		harness->control->heartbeat_ns = now_ns();
		fly(flight, NONCE, t1_ns);
		for (unsigned spin = round % SPINS; spin > 0; spin--)
			__asm__ volatile("" ::: "memory");
		fly(flight, NONCE + 1, t1_ns + 1);
		for (unsigned spin = 10 * SPINS; spin > 0; spin--)
			__asm__ volatile("" ::: "memory");
		wrong += __atomic_load_n(&flight->t1_ns, __ATOMIC_SEQ_CST) != t1_ns + 1;
	}
	racer_stop(&racer);
	assert_int_equal(wrong, 0);
}

/* What the verifier makes of a program depends on the constants. */
static const struct {
	const char *name;
	uint32_t flows, window, address_capacity, session_capacity;
	bool reflector;
} loads[] = {
	{ "as in these tests", FLOWS, WINDOW, ADDRESS_CAPACITY, SESSION_CAPACITY, true },
	{ "as by default", 4, 4, 7136, 1024, true },
	{ "one flow", 1, 64, 7136, 1024, true },
	{ "all flows, no window", KC_FLOWS_MAX, 1, 2 * KC_ADDRESS_BUCKET, 1000, true },
	{ "no reflector", 4, 4, 7136, 1, false },
};

/* Only CAP_BPF and CAP_NET_ADMIN are left; 0 if the tc programs can be loaded with them. */
static int load_with_least_capabilities(size_t which)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	struct canary_bpf *skeleton;
	struct kc_config *config;
	int err;

	data[0].effective = data[0].permitted = 1U << CAP_NET_ADMIN;
	data[1].effective = data[1].permitted = 1U << (CAP_BPF - 32);
	if (syscall(SYS_capset, &header, data) != 0)
		return errno;
	skeleton = canary_bpf__open();
	if (!skeleton)
		return errno;
	harness_configure(skeleton, loads[which].reflector);
	config = (struct kc_config *)&skeleton->rodata->config;
	config->flows = loads[which].flows;
	config->window = loads[which].window;
	config->echo_window = loads[which].flows * loads[which].window;
	config->address_capacity = loads[which].address_capacity;
	config->session_capacity = loads[which].session_capacity;
	for (uint16_t flow = 0; flow < KC_FLOWS_MAX; flow++)
		config->flow_ports_be[flow] = flow < config->flows
						      ? htons((uint16_t)(FLOW_PORT + flow))
						      : 0;
	/* A variable offset into an XDP packet takes CAP_PERFMON; see packet.bpf.h. */
	bpf_program__set_autoload(skeleton->progs.kc_ingress_xdp, false);
	err = canary_bpf__load(skeleton);
	canary_bpf__destroy(skeleton);
	return -err;
}

static void the_tc_programs_load_without_cap_perfmon(void **state)
{
	harness_or_skip(state);
	for (size_t i = 0; i < COUNT(loads); i++) {
		int status = -1;
		pid_t child = fork();

		assert_int_not_equal(child, -1);
		if (child == 0)
			_exit(load_with_least_capabilities(i));
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status != 0)
			print_message("%s: %s\n", loads[i].name, strerror(WEXITSTATUS(status)));
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_costs_the_record_but_not_the_pairing),
		cmocka_unit_test(an_address_is_found_at_any_place_where_it_may_stand),
		cmocka_unit_test(an_address_is_found_nowhere_else),
		cmocka_unit_test(the_smallest_rtt_is_kept),
		cmocka_unit_test(a_reply_is_returned_once_on_however_many_cpus),
		cmocka_unit_test(an_entry_armed_anew_is_not_taken_by_an_old_reply),
		cmocka_unit_test(the_tc_programs_load_without_cap_perfmon),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
