/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the STAMP tests have in common: probes in flight by flow, requests that must be answered and
 * requests that must not. Must not know how the programs do it.
 */
#ifndef STAMP_HARNESS_H
#define STAMP_HARNESS_H

#include "harness.h"

/* The shapes of what may be answered on devices with Ethernet headers. */
static const struct shape plain[] = {
	{ "IPv4", .extensions = NO_EXTENSION },
	{ "IPv6", .ipv6 = true, .extensions = NO_EXTENSION },
};

#define NTP_SLACK 16 /* of 2^-32 s: four nanoseconds of rounding */

static inline struct kc_flight *stamp_flight(struct harness *harness, const struct shape *shape,
					     unsigned flow)
{
	return &harness->flights[(slot_of(shape) * FLOWS + flow) * WINDOW + SEQUENCE % WINDOW];
}

/* As arm(), for a STAMP probe. */
static inline struct kc_flight *stamp_arm(struct harness *harness, const struct shape *shape,
					  unsigned flow, uint64_t t1_ns)
{
	struct kc_flight *flight = stamp_flight(harness, shape, flow);

	harness_reset(harness);
	*flight = (struct kc_flight){ .nonce = NONCE, .t1_ns = t1_ns };
	return flight;
}

/* All of them together. */
static inline uint64_t counters_sum(const struct harness *harness)
{
	uint64_t sum = 0, value;

	for (size_t i = 0; i < sizeof(*harness->counters); i += sizeof(value)) {
		memcpy(&value, (const char *)harness->counters + i, sizeof(value));
		sum += value;
	}
	return sum;
}

static inline uint64_t counter_value(const struct harness *harness, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)harness->counters + offset, sizeof(value));
	return value;
}

/* Where the peer's or our own address stands, or any other. */
static inline struct kc_address *entry_of(struct harness *harness, const uint8_t *ipv6,
					  const uint8_t *ipv4)
{
	uint8_t octets[16];
	uint32_t skip = 0;

	if (ipv6)
		memcpy(octets, ipv6, 16);
	else
		harness_map_ipv4(ipv4, octets);
	while (memcmp(harness_place(harness, octets, skip)->address, octets, 16) != 0)
		skip++;
	return harness_place(harness, octets, skip);
}

/* What reflects on devices with Ethernet headers, ended by NULL. */
struct reflectors {
	const struct bpf_program *programs[3];
};

static inline struct reflectors reflectors_of(const struct harness *harness)
{
	return (struct reflectors){ { harness->skeleton->progs.kc_ingress,
				      harness->skeleton->progs.kc_reflect } };
}

/* Both programs on both families. */
#define FOR_EACH_REFLECTOR(harness, i, shape, program)                               \
	for (size_t i = 0; i < 4; i++)                                               \
		for (const struct shape *shape = &plain[i / 2]; shape; shape = NULL) \
			for (const struct bpf_program *program =                     \
				     reflectors_of(harness).programs[i % 2];         \
			     program; program = NULL)

static inline uint64_t ntp_of(uint64_t monotonic_ns)
{
	return ntp_of_ns((__int128)monotonic_ns + REAL_OFFSET_NS);
}

/* T2 and T3 lie between two moments, in order. */
static inline void assert_times(const uint8_t *payload, uint64_t before_ns, uint64_t after_ns)
{
	uint64_t start = ntp_of(before_ns) - NTP_SLACK;
	uint64_t t2 = value_be(payload + 16, 8) - start, t3 = value_be(payload + 4, 8) - start;

	assert_in_range(t3, t2, ntp_of(after_ns) + NTP_SLACK - start);
}

/* The frame that must have come out for a request, whose T2 and T3 are as in `out`. */
static inline struct frame frame_expected(const struct shape *shape, const struct stamp *request,
					  const struct frame *in, const struct frame *out,
					  uint32_t count)
{
	struct stamp_identity identity = harness_identity();
	struct stamp reply = stamp_reflected(shape, request, count, ERROR_ESTIMATE + 1, &identity);
	struct frame expected;

	memcpy(reply.payload + 4, out->octets + in->message + UDP_BYTES + 4, 8);
	memcpy(reply.payload + 16, out->octets + in->message + UDP_BYTES + 16, 8);
	expected = frame_of_stamp(shape, &reply);
	if (!shape->no_ethernet) {
		memcpy(expected.octets, in->octets + 6, 6);
		memcpy(expected.octets + 6, in->octets, 6);
	}
	/* What follows the packet in its frame. */
	memcpy(expected.octets + expected.bytes, in->octets + expected.bytes,
	       in->bytes - expected.bytes);
	expected.bytes = in->bytes;
	return expected;
}

static inline void assert_same_frame(const struct frame *out, const struct frame *expected)
{
	assert_int_equal(out->bytes, expected->bytes);
	assert_memory_equal(out->octets, expected->octets, expected->bytes);
}

/* Must be answered, with that count. `in` is the request's frame, perhaps with something after
 * it. */
static inline struct frame check_reflected_frame(struct harness *harness,
						 const struct bpf_program *program,
						 const struct shape *shape,
						 const struct stamp *request,
						 const struct frame *in, uint32_t count)
{
	uint64_t before = counters_sum(harness), reflected = harness->counters->reflected;
	uint64_t peers = harness->peers[slot_of(shape)].reflected, before_ns = now_ns();
	struct frame out = { 0 }, expected;

	assert_int_equal(harness_run_freely(program, in->octets, in->bytes, &out), TC_ACT_REDIRECT);
	assert_times(out.octets + in->message + UDP_BYTES, before_ns, now_ns());
	expected = frame_expected(shape, request, in, &out, count);
	assert_same_frame(&out, &expected);
	assert_int_equal(harness->counters->reflected, reflected + 1);
	assert_int_equal(counters_sum(harness), before + 1);
	assert_int_equal(harness->peers[slot_of(shape)].reflected, peers + 1);
	return out;
}

static inline struct frame check_reflected(struct harness *harness,
					   const struct bpf_program *program,
					   const struct shape *shape, const struct stamp *request,
					   uint32_t count)
{
	struct frame in = frame_of_stamp(shape, request);

	return check_reflected_frame(harness, program, shape, request, &in, count);
}

/* Must go up as it came, and be counted there, or nowhere. */
static inline void check_refused(struct harness *harness, const struct bpf_program *program,
				 const struct frame *frame, size_t counter)
{
	uint64_t before = counters_sum(harness);
	uint64_t value = counter == NO_COUNTER ? 0 : counter_value(harness, counter);

	run_frame(program, frame);
	assert_int_equal(counters_sum(harness), before + (counter != NO_COUNTER));
	if (counter != NO_COUNTER)
		assert_int_equal(counter_value(harness, counter), value + 1);
	assert_int_equal(harness_drain(harness), 0);
}

#endif
