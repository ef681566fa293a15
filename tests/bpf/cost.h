/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a program takes, by BPF_PROG_TEST_RUN: one CPU, hot caches, so lower bounds; and packets
 * that none of them wants. Must not know what the programs do, nor what a good figure is.
 */
#ifndef COST_H
#define COST_H

#include "harness.h"

#define COST_REPEAT  200000
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

/* Of others on the host. Tagged: where the driver leaves the tag in the packet. */
static const struct {
	const char *name;
	bool ipv6;
	unsigned vlan_tags;
	uint8_t protocol; /* 0: the reply to an echo request of another program */
} unrelated[] = {
	{ "TCP", false, 0, PROTOCOL_TCP },
	{ "UDP", false, 0, PROTOCOL_UDP },
	{ "TCP over IPv6", true, 0, PROTOCOL_TCP },
	{ "UDP over IPv6", true, 0, PROTOCOL_UDP },
	{ "TCP, VLAN tag", false, 1, PROTOCOL_TCP },
	{ "UDP over IPv6, VLAN tag", true, 1, PROTOCOL_UDP },
	{ "another's ICMP echo", false, 0, 0 },
	{ "another's ICMPv6 echo", true, 0, 0 },
};

/* A program that does nothing, to compare with. */
static inline int cost_load_empty(enum bpf_prog_type type)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = 0,
		  .imm = type == BPF_PROG_TYPE_XDP ? 2 /* XDP_PASS */ : TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(type, "empty", "GPL", instructions, COUNT(instructions), NULL);
}

static inline uint32_t cost_of_runs(int program_fd, const struct frame *frame, int repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->octets,
		    .data_size_in = (uint32_t)frame->bytes, .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(program_fd, &options), 0);
	return options.duration;
}

/* Nanoseconds of one run, the mean of many. */
static inline uint32_t cost_ns(int program_fd, const struct frame *frame)
{
	return cost_of_runs(program_fd, frame, COST_REPEAT);
}

/* Of one run only: what comes out of it is no request any more. Its own cost is to be taken off. */
static inline uint32_t cost_once_ns(int program_fd, const struct frame *frame)
{
	return cost_of_runs(program_fd, frame, 1);
}

static inline int cost_compare(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

/* Sorts them. */
static inline int cost_median(int *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), cost_compare);
	return values[count / 2];
}

/* As it comes to the program, or leaves by it; false: never, there. */
static inline bool unrelated_frame(const struct bpf_program *program, size_t i, struct frame *ret)
{
	const char *name = bpf_program__name(program);
	const struct shape shape = { .ipv6 = unrelated[i].ipv6,
				     .no_ethernet = strstr(name, "_l3"),
				     .vlan_tags = unrelated[i].vlan_tags,
				     .extensions = NO_EXTENSION };
	struct echo echo = echo_of(!strstr(name, "egress"));

	if (shape.vlan_tags > 0 && shape.no_ethernet)
		return false;
	echo.id = PACKET_ID + 1;
	*ret = unrelated[i].protocol ? frame_of_transport(&shape, unrelated[i].protocol)
				     : frame_of_echo(&shape, &echo);
	return true;
}

#endif
