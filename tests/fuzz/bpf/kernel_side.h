/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet through the programs in the kernel, and what tells that they did the same there as here.
 * For fuzz_bpf.c alone.
 */
#ifndef FUZZ_KERNEL_SIDE_H
#define FUZZ_KERNEL_SIDE_H

#include "bpf/harness.h"
#include "bpf/programs.h"

/* The maps. */
struct state {
	struct kc_control control;
	struct kc_counters counters;
	struct kc_address addresses[ADDRESS_CAPACITY];
	struct kc_peer peers[SLOTS];
	struct kc_flight flights[SLOTS * FLOWS * WINDOW];
	struct kc_session sessions[SESSION_CAPACITY];
};

/* What one run makes of a packet. */
struct outcome {
	struct state state;
	struct kc_record record;
	uint32_t records;
	int verdict;
	uint8_t octets[PACKET_CAPACITY];
	size_t bytes;
};

/* The input's first octets: in which state of things the packet comes. */
struct recipe {
	uint8_t program;  /* modulo PROGRAMS */
	uint8_t flights;  /* of their T1; sessions; idle or not; what is made of the packet */
	uint8_t linear;	  /* octets that are accessed directly; 0: all */
	uint8_t stranger; /* what BPF_PROG_TEST_RUN has no way to say; 0: nothing */
	uint8_t stretch;  /* more octets behind the input's, in 32ths */
};

#define PACKET_BYTES 9300

static struct harness *kernel; /* NULL: out of reach */
static uint8_t packet[PACKET_CAPACITY];
static size_t packet_bytes;

static inline bool is_l3(enum program program)
{
	return program == PROGRAM_EGRESS_L3 || program == PROGRAM_INGRESS_L3;
}

static inline void kernel_load(const struct state *state)
{
	memcpy(kernel->control, &state->control, sizeof(state->control));
	memcpy(kernel->counters, &state->counters, sizeof(state->counters));
	memcpy(kernel->addresses, state->addresses, sizeof(state->addresses));
	memcpy(kernel->peers, state->peers, sizeof(state->peers));
	memcpy(kernel->flights, state->flights, sizeof(state->flights));
	memcpy(kernel->sessions, state->sessions, sizeof(state->sessions));
}

static inline void kernel_save(struct outcome *ret)
{
	memcpy(&ret->state.control, kernel->control, sizeof(ret->state.control));
	memcpy(&ret->state.counters, kernel->counters, sizeof(ret->state.counters));
	memcpy(ret->state.addresses, kernel->addresses, sizeof(ret->state.addresses));
	memcpy(ret->state.peers, kernel->peers, sizeof(ret->state.peers));
	memcpy(ret->state.flights, kernel->flights, sizeof(ret->state.flights));
	memcpy(ret->state.sessions, kernel->sessions, sizeof(ret->state.sessions));
	ret->records = harness_drain(kernel);
	if (ret->records > 0)
		ret->record = kernel->records[0];
}

/* False: the kernel wants no such packet, too short or too long for it. */
static inline bool run_in_kernel(const struct recipe *recipe, const struct state *state,
				 struct outcome *ret)
{
	const struct bpf_program *programs[PROGRAMS] = {
		[PROGRAM_EGRESS] = kernel->skeleton->progs.kc_egress,
		[PROGRAM_EGRESS_L3] = kernel->skeleton->progs.kc_egress_l3,
		[PROGRAM_INGRESS] = kernel->skeleton->progs.kc_ingress,
		[PROGRAM_INGRESS_L3] = kernel->skeleton->progs.kc_ingress_l3,
		[PROGRAM_REFLECT] = kernel->skeleton->progs.kc_reflect,
		[PROGRAM_XDP] = kernel->skeleton->progs.kc_ingress_xdp,
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
		    .data_size_in = (uint32_t)packet_bytes, .data_out = ret->octets,
		    .data_size_out = sizeof(ret->octets), .repeat = 1);
	int fd = bpf_program__fd(programs[recipe->program % PROGRAMS]);

	kernel_load(state);
	if (bpf_prog_test_run_opts(fd, &options) != 0)
		return false;
	ret->verdict = (int)options.retval;
	ret->bytes = options.data_size_out;
	kernel_save(ret);
	return true;
}

static inline bool outcome_equal(const struct outcome *a, const struct outcome *b)
{
	return a->verdict == b->verdict && a->bytes == b->bytes &&
	       memcmp(a->octets, b->octets, a->bytes) == 0 &&
	       memcmp(&a->state, &b->state, sizeof(a->state)) == 0 && a->records == b->records &&
	       (a->records == 0 || memcmp(&a->record, &b->record, sizeof(a->record)) == 0);
}

/* CLOCK_MONOTONIC of a timestamp that ntp_from_real() wrote; it is exact to a nanosecond. */
static inline uint64_t monotonic_of(const uint8_t *octets)
{
	uint64_t seconds = value_be(octets, 4), fraction = value_be(octets + 4, 4);

	seconds += (1ULL << 32) - NTP_UNIX_OFFSET; /* of the next era */
	return seconds * 1000000000ULL + ((fraction * 1000000000ULL + 0xffffffff) >> 32) -
	       (uint64_t)REAL_OFFSET_NS;
}

/* When the kernel looked at its clock: what it wrote somewhere tells. */
static inline void times_of(const struct recipe *recipe, const struct state *state,
			    const struct outcome *outcome, uint64_t ret[2])
{
	size_t ip = is_l3(recipe->program % PROGRAMS) ? 0 : 14;
	size_t stamp = ip + (outcome->octets[ip] >> 4 == 6 ? 40 : 20) + 8;

	if (outcome->verdict == TC_ACT_REDIRECT) {
		ret[0] = monotonic_of(outcome->octets + stamp + 16);
		ret[1] = monotonic_of(outcome->octets + stamp + 4);
	} else if (outcome->records > 0) {
		ret[0] = outcome->record.t4_ns;
	} else {
		for (size_t i = 0; i < COUNT(state->flights); i++)
			if (state->flights[i].t1_ns == KC_T1_ARMED &&
			    outcome->state.flights[i].t1_ns != KC_T1_ARMED)
				ret[0] = outcome->state.flights[i].t1_ns;
	}
}

#endif
