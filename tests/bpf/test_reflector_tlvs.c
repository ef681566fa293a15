/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLVs of a request (RFC 8972 section 4): flags set and cleared, our identity filled in, all else
 * as it came, at even and odd places. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

/* Other TLVs before shift what is asked about to every alignment. */
#define SHIFTS 4

static struct stamp shifted(size_t shift)
{
	struct stamp request = stamp_request_in();

	if (shift > 0)
		stamp_add_tlv(&request, 0x80, 1, shift, 0xee);
	return request;
}

static void check_both(struct harness *harness, const struct stamp *request)
{
	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		harness_reset(harness);
		check_reflected(harness, program, shape, request, 0);
	}
}

static void the_identity_is_filled_in(void **state)
{
	static const uint8_t flags[] = { 0x80, 0, 0x40, 0xff };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < SHIFTS * COUNT(flags); i++) {
		struct stamp request = shifted(i % SHIFTS);

		stamp_add_tlv(&request, flags[i / SHIFTS], STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
		check_both(harness, &request);
		stamp_add_tlv(&request, 0x80, 1, 33, 0); /* with more to come */
		stamp_add_tlv(&request, 0, 77, 3, 9);
		check_both(harness, &request);
	}
}

/* What the builder expects is worth nothing if it never expects it. */
static void the_identity_is_ours(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp_identity identity = harness_identity();
	struct stamp request = stamp_request_in();
	struct frame out;

	stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
	harness_reset(harness);
	out = check_reflected(harness, harness->skeleton->progs.kc_ingress, &plain[0], &request, 0);
	assert_int_equal(out.octets[14 + 20 + 8 + 44], 0);
	assert_memory_equal(out.octets + 14 + 20 + 8 + 44 + 4, &identity, IDENTITY_BYTES);
}

static void an_identity_of_wrong_length_is_malformed(void **state)
{
	static const size_t lengths[] = { 0,   1,   319, 321, 4, 640, IDENTITY_BYTES - 256,
					  256, 576, 1000 };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < SHIFTS * COUNT(lengths); i++) {
		struct stamp request = shifted(i % SHIFTS);

		stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, lengths[i / SHIFTS], 0);
		stamp_add_tlv(&request, 0, 200, 1, 0); /* and the next is found */
		check_both(harness, &request);
	}
}

/* Nobody else's octets are overwritten. */
static void an_identity_with_contents_is_left_alone(void **state)
{
	static const size_t places[] = { 0, 1, 63, 64, 159, 255, 256, 318, 319 };
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t j = 0; j < SHIFTS * COUNT(places); j++) {
			struct stamp request = shifted(j % SHIFTS);
			size_t value = request.payload_bytes + 4;
			struct frame in, out;

			stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
			request.payload[value + places[j / SHIFTS]] = j % 2 ? 1 : 0x80;
			in = frame_of_stamp(shape, &request);
			out = in;
			harness_reset(harness);
			assert_int_equal(harness_run_freely(program, in.octets, in.bytes, &out),
					 TC_ACT_REDIRECT);
			value += in.message + UDP_BYTES;
			assert_memory_equal(out.octets + value, in.octets + value, IDENTITY_BYTES);
			assert_int_equal(udp_sum(&out, shape->ipv6, in.bytes - in.message, true),
					 0xffff);
			/* And it says that it is malformed. */
			harness_reset(harness);
			check_reflected(harness, program, shape, &request, 0);
		}
	}
}

static void unknown_types_are_said_to_be(void **state)
{
	static const uint8_t flags[] = { 0, 0x80, 0x40, 0xc0, 0x3f, 0xff };
	struct harness *harness = harness_or_skip(state);

	for (unsigned type = 1; type < 256; type++) {
		struct stamp request = shifted(type % SHIFTS);

		if (type == STAMP_TLV_IDENTITY)
			continue;
		for (size_t i = 0; i < COUNT(flags); i++)
			stamp_add_tlv(&request, flags[i], (uint8_t)type, (type + i) % 12, 0x3c);
		check_both(harness, &request);
	}
}

/* Eight are looked at. */
static void any_number_of_them_is_bounded(void **state)
{
	struct harness *harness = harness_or_skip(state);

	for (size_t bytes = 0; bytes < 3; bytes++) {
		struct stamp request = stamp_request_in();

		for (unsigned count = 0; count < 12; count++) {
			stamp_add_tlv(&request, 0, 99, bytes, 0);
			check_both(harness, &request);
		}
	}
	/* Ours may be the last of them, or one too late. */
	for (unsigned before = 6; before < 9; before++) {
		struct stamp request = stamp_request_in();

		for (unsigned count = 0; count < before; count++)
			stamp_add_tlv(&request, 0x80, 1, 1, 0);
		stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
		check_both(harness, &request);
	}
}

/* Longer than what is left. */
static void a_length_beyond_the_end_is_malformed(void **state)
{
	static const uint8_t types[] = { 1, 2, STAMP_TLV_IDENTITY, 255 };
	static const size_t beyond[] = { 1, 2, 255, 256, 40000 };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < SHIFTS * COUNT(types) * COUNT(beyond); i++) {
		size_t which = i / SHIFTS;

		for (size_t bytes = 0; bytes < 400; bytes += 100 + i % 2 * 220) {
			struct stamp request = shifted(i % SHIFTS);
			uint8_t *length = request.payload + request.payload_bytes + 2;

			stamp_add_tlv(&request, i % 3 ? 0x80 : 0, types[which % COUNT(types)],
				      bytes, 0);
			octets_be(length, 2, bytes + beyond[which / COUNT(types)]);
			check_both(harness, &request);
			/* What follows is of another packet, or of nobody. */
			request.udp_bytes = UDP_BYTES + request.payload_bytes;
			stamp_add_tlv(&request, 0, 3, 300, 0);
			check_both(harness, &request);
		}
	}
}

static void rests_and_zeros_end_the_list(void **state)
{
	static const uint8_t rests[][4] = { { 0 }, { 0x80, 1, 0, 0 }, { 0, 245, 1, 64 }, { 255 } };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < SHIFTS * COUNT(rests); i++) {
		for (size_t bytes = 1; bytes < 4; bytes++) {
			struct stamp request = shifted(i % SHIFTS);

			stamp_add(&request, rests[i / SHIFTS], bytes);
			check_both(harness, &request);
		}
	}
	for (size_t shift = 0; shift < SHIFTS; shift++) {
		struct stamp request = shifted(shift);

		stamp_add_tlv(&request, 0x80, 0, 8, 0); /* reserved */
		stamp_add_tlv(&request, 0, 5, 8, 0);
		check_both(harness, &request);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_identity_is_filled_in),
		cmocka_unit_test(the_identity_is_ours),
		cmocka_unit_test(an_identity_of_wrong_length_is_malformed),
		cmocka_unit_test(an_identity_with_contents_is_left_alone),
		cmocka_unit_test(unknown_types_are_said_to_be),
		cmocka_unit_test(any_number_of_them_is_bounded),
		cmocka_unit_test(a_length_beyond_the_end_is_malformed),
		cmocka_unit_test(rests_and_zeros_end_the_list),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
