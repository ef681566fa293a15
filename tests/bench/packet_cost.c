/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each program costs, in lines of JSON: an unrelated packet over an empty program's, our own
 * probes and replies, instructions as the verifier counts them. For path.py, which judges.
 *   packet_cost ROUNDS
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf/cost.h"
#include "bpf/stamp_harness.h"

#define ROUNDS_MAX 101
static int empty_of(const struct bpf_program *program)
{
	static int tc_fd = -1, xdp_fd = -1;

	if (tc_fd < 0) {
		tc_fd = cost_load_empty(BPF_PROG_TYPE_SCHED_CLS);
		xdp_fd = cost_load_empty(BPF_PROG_TYPE_XDP);
	}
	return is_xdp(program) ? xdp_fd : tc_fd;
}

/* Prints the median, the least and the greatest of differences. */
static void differences_print(const char *kind, const struct bpf_program *program,
			      const char *packet, size_t bytes, int *differences, size_t count)
{
	int median = cost_median(differences, count);

	printf("{\"kind\": \"%s\", \"program\": \"%s\", \"packet\": \"%s\", \"bytes\": %zu, "
	       "\"ns\": %d, \"ns_min\": %d, \"ns_max\": %d, \"runs\": %zu}\n",
	       kind, bpf_program__name(program), packet, bytes, median, differences[0],
	       differences[count - 1], count);
	fflush(stdout);
}

static void unrelated_measure(const struct bpf_program *program, size_t rounds)
{
	for (size_t i = 0; i < COUNT(unrelated); i++) {
		int fd = bpf_program__fd(program), empty_fd = empty_of(program);
		struct frame frame;
		int differences[ROUNDS_MAX];

		if (!unrelated_frame(program, i, &frame))
			continue;
		for (size_t round = 0; round < rounds; round++) {
			int before = (int)cost_ns(empty_fd, &frame);
			int ours = (int)cost_ns(fd, &frame);

			/* Between two of the empty one: a slow drift of the clock's speed is not
			 * ours. */
			differences[round] = ours - (before + (int)cost_ns(empty_fd, &frame)) / 2;
		}
		differences_print("unrelated", program, unrelated[i].name, frame.bytes, differences,
				  rounds);
	}
}

/* One that is ours, once each time: a second one would be a duplicate. */
struct own {
	const char *name;
	const struct bpf_program *program;
	struct frame frame;
	bool stamp;
	uint64_t t1_ns;
	size_t counter; /* that must rise, or NO_COUNTER */
};

static void own_measure(struct harness *harness, const struct shape *shape, const struct own *own)
{
	enum { RUNS = 2001 };
	static int differences[RUNS];
	struct kc_flight *flight;

	for (size_t i = 0; i < RUNS; i++) {
		int empty = (int)cost_once_ns(empty_of(own->program), &own->frame);

		flight = own->stamp ? stamp_arm(harness, shape, 0, own->t1_ns)
				    : arm(harness, shape, own->t1_ns);
		differences[i] = (int)cost_once_ns(bpf_program__fd(own->program), &own->frame) -
				 empty;
		if (own->counter != NO_COUNTER)
			assert_only_counter(harness, own->counter);
		else if (own->t1_ns == KC_T1_ARMED)
			assert_true(flight->t1_ns > 1);
		else
			assert_int_equal(harness_drain(harness), 1);
	}
	differences_print(shape->ipv6 ? "own, IPv6" : "own, IPv4", own->program, own->name,
			  own->frame.bytes, differences, RUNS);
}

static void all_own_measure(struct harness *harness, const struct shape *shape)
{
	const struct canary_bpf *skeleton = harness->skeleton;
	const struct stamp probe = stamp_probe(0), request = stamp_request_in();
	const uint64_t answered = ntp_of(now_ns());
	const struct stamp reply = stamp_reply_in(0, answered, answered + 1, ERROR_ESTIMATE);
	const struct echo echo = echo_of(false), echo_reply = echo_of(true);
	const struct own all[] = {
		{ "STAMP probe leaves", skeleton->progs.kc_egress, frame_of_stamp(shape, &probe),
		  true, KC_T1_ARMED, NO_COUNTER },
		{ "STAMP probe is answered", skeleton->progs.kc_ingress,
		  frame_of_stamp(shape, &request), true, KC_T1_ARMED, COUNTER(reflected) },
		{ "STAMP reply is paired", skeleton->progs.kc_ingress,
		  frame_of_stamp(shape, &reply), true, now_ns(), NO_COUNTER },
		{ "ICMP probe leaves", skeleton->progs.kc_egress, frame_of_echo(shape, &echo),
		  false, KC_T1_ARMED, NO_COUNTER },
		{ "ICMP reply is paired", skeleton->progs.kc_ingress,
		  frame_of_echo(shape, &echo_reply), false, now_ns(), NO_COUNTER },
		{ "ICMP reply is paired", skeleton->progs.kc_ingress_xdp,
		  frame_of_echo(shape, &echo_reply), false, now_ns(), NO_COUNTER },
	};

	for (size_t i = 0; i < COUNT(all); i++)
		own_measure(harness, shape, &all[i]);
}

static void program_print(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t bytes = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes), 0);
	printf("{\"kind\": \"program\", \"program\": \"%s\", \"verified_instructions\": %u, "
	       "\"instructions\": %u, \"machine_code_bytes\": %u}\n",
	       bpf_program__name(program), info.verified_insns, info.xlated_prog_len / 8,
	       info.jited_prog_len);
}

int main(int count, char **arguments)
{
	size_t rounds = count == 2 ? strtoul(arguments[1], NULL, 10) : 0;
	struct harness *harness;
	struct bpf_program *program;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "packet_cost ROUNDS: 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	harness = harness_open(true);
	if (!harness) {
		perror("BPF programs cannot be loaded");
		return 1;
	}
	bpf_object__for_each_program(program, harness->skeleton->obj)
	{
		program_print(program);
		unrelated_measure(program, rounds);
	}
	for (size_t i = 0; i < COUNT(plain); i++)
		all_own_measure(harness, &plain[i]);
	harness_close(harness);
	return 0;
}
