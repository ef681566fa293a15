/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T3 of an answer as it leaves: put right once, by the egress program, in the packet that the
 * reflector noted; every other packet from the reflector's port goes as it came. Must not know how
 * the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define WAIT_NS	     300000
#define WAIT_LONG_NS 11000000

static void wait_ns(uint64_t span_ns)
{
	uint64_t begin = now_ns();

	while (now_ns() - begin < span_ns)
		;
}

/* As the reflector made it, and what goes with it from there. */
static struct frame answer_of(struct harness *harness, const struct shape *shape,
			      const struct stamp *request, struct __sk_buff *ret_known)
{
	struct programs programs = programs_of(harness, shape);
	struct frame in = frame_of_stamp(shape, request), out;

	*ret_known = (struct __sk_buff){ 0 };
	harness_reset(harness);
	assert_int_equal(
		harness_run_knowing(programs.ingress[0], in.octets, in.bytes, ret_known, &out),
		TC_ACT_REDIRECT);
	assert_only_counter(harness, COUNTER(reflected));
	return out;
}

static struct frame depart(struct harness *harness, const struct shape *shape,
			   const struct frame *answer, struct __sk_buff *known)
{
	struct frame out;

	assert_int_equal(harness_run_knowing(programs_of(harness, shape).egress, answer->octets,
					     answer->bytes, known, &out),
			 TC_ACT_UNSPEC);
	assert_only_counter(harness, COUNTER(reflected));
	return out;
}

static uint64_t t3_of(const struct frame *request, const struct frame *answer)
{
	return value_be(answer->octets + request->message + UDP_BYTES + 4, 8);
}

static void check_departure(struct harness *harness, const struct shape *shape,
			    const struct stamp *request)
{
	struct frame in = frame_of_stamp(shape, request), answer, out, expected;
	uint64_t begin_ns = now_ns(), before_ns, after_ns;
	struct __sk_buff known;

	answer = answer_of(harness, shape, request, &known);
	wait_ns(WAIT_NS);
	before_ns = now_ns();
	out = depart(harness, shape, &answer, &known);
	after_ns = now_ns();
	assert_times(out.octets + in.message + UDP_BYTES, begin_ns, after_ns);
	assert_in_range(t3_of(&in, &out), ntp_of(before_ns) - NTP_SLACK,
			ntp_of(after_ns) + NTP_SLACK);
	expected = frame_expected(shape, request, &in, &out, 0);
	assert_same_frame(&out, &expected);

	/* Over a second device, such as a bond's member. */
	wait_ns(WAIT_NS);
	answer = out;
	out = depart(harness, shape, &answer, &known);
	assert_same_frame(&out, &answer);
}

static void t3_is_put_right_once_as_the_answer_leaves(void **state)
{
	static const enum udp_checksum sums[] = { SUM_RIGHT, SUM_NONE };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(plain) * COUNT(sums); i++) {
		struct stamp request = stamp_request_in();

		request.checksum = sums[i / 2];
		if (!plain[i % 2].ipv6 || request.checksum != SUM_NONE)
			check_departure(harness, &plain[i % 2], &request);
	}
}

/* BPF_PROG_TEST_RUN delivers no request on such a device: this one came by another. */
static void t3_is_put_right_without_ethernet(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < COUNT(plain); i++) {
		struct frame in = frame_of_stamp(&plain[i], &request), answer, out;
		struct __sk_buff known;
		uint64_t before_ns;

		answer = answer_of(harness, &plain[i], &request, &known);
		before_ns = now_ns();
		assert_int_equal(harness_run_knowing(harness->skeleton->progs.kc_egress_l3,
						     answer.octets + in.ip, answer.bytes - in.ip,
						     &known, &out),
				 TC_ACT_UNSPEC);
		in.message -= in.ip;
		assert_in_range(t3_of(&in, &out), ntp_of(before_ns) - NTP_SLACK,
				ntp_of(now_ns()) + NTP_SLACK);
	}
}

/* The packet itself, and what goes with it, changed in one thing. */
static void without_doubt_only(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < COUNT(plain); i++) {
		struct frame in = frame_of_stamp(&plain[i], &request), answer, out;
		size_t payload = in.message + UDP_BYTES;
		struct __sk_buff known, changed;

		answer = answer_of(harness, &plain[i], &request, &known);
		for (size_t word = 0; word < COUNT(known.cb); word++) {
			changed = known;
			changed.cb[word] ^= word == 0 ? 0x80000000U : 1; /* ns: seconds ago */
			out = depart(harness, &plain[i], &answer, &changed);
			assert_same_frame(&out, &answer);
		}
		memset(&changed, 0, sizeof(changed));
		out = depart(harness, &plain[i], &answer, &changed);
		assert_same_frame(&out, &answer);
		for (size_t octet = 4; octet < 12; octet++) {
			changed = known;
			answer.octets[payload + octet] ^= 1;
			out = depart(harness, &plain[i], &answer, &changed);
			assert_same_frame(&out, &answer);
			answer.octets[payload + octet] ^= 1;
		}
		/* From another's port, or truncated. */
		changed = known;
		answer.octets[in.message + 1] ^= 1;
		out = depart(harness, &plain[i], &answer, &changed);
		assert_same_frame(&out, &answer);
		answer.octets[in.message + 1] ^= 1;
		answer.bytes = payload + 11;
		changed = known;
		out = depart(harness, &plain[i], &answer, &changed);
		assert_same_frame(&out, &answer);
	}
}

static void not_after_a_while(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();
	struct __sk_buff known;
	struct frame answer = answer_of(harness, &plain[0], &request, &known), out;

	wait_ns(WAIT_LONG_NS);
	out = depart(harness, &plain[0], &answer, &known);
	assert_same_frame(&out, &answer);
}

/* Of another program at that port, where we do not reflect. */
static void without_a_reflector_nothing_is_touched(void **state)
{
	struct harness *harness = harness_or_skip(state), *silent = harness_open(false);
	struct stamp request = stamp_request_in();
	struct __sk_buff known;
	struct frame answer = answer_of(harness, &plain[0], &request, &known), out;

	assert_non_null(silent);
	harness_reset(silent);
	assert_int_equal(harness_run_knowing(silent->skeleton->progs.kc_egress, answer.octets,
					     answer.bytes, &known, &out),
			 TC_ACT_UNSPEC);
	assert_same_frame(&out, &answer);
	harness_close(silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t3_is_put_right_once_as_the_answer_leaves),
		cmocka_unit_test(t3_is_put_right_without_ethernet),
		cmocka_unit_test(without_doubt_only),
		cmocka_unit_test(not_after_a_while),
		cmocka_unit_test(without_a_reflector_nothing_is_touched),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
