/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4, against the paper's and the reference implementation's vectors; timestamps. */
#include "unit/cmocka_all.h"

#include <endian.h>
#include <string.h>

#include "instant.h"
#include "nonce.h"
#include "sim/fake_memory.h"

/* An implementation for any length, after the paper's section 2, to compare with: the paper's own
 * vector has 15 octets, and nonces are hashes of 8. */
static void reference_round(uint64_t v[4])
{
#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))
	v[0] += v[1];
	v[1] = ROTATE(v[1], 13);
	v[1] ^= v[0];
	v[0] = ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = ROTATE(v[3], 16);
	v[3] ^= v[2];
	v[0] += v[3];
	v[3] = ROTATE(v[3], 21);
	v[3] ^= v[0];
	v[2] += v[1];
	v[1] = ROTATE(v[1], 17);
	v[1] ^= v[2];
	v[2] = ROTATE(v[2], 32);
#undef ROTATE
}

static uint64_t reference(const uint64_t key[2], const uint8_t *message, size_t length)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (size_t block = 0; block <= length / 8; block++) {
		uint64_t word = block == length / 8 ? (uint64_t)length << 56 : 0;

		for (size_t i = 0; i < 8 && block * 8 + i < length; i++)
			word |= (uint64_t)message[block * 8 + i] << 8 * i;
		v[3] ^= word;
		reference_round(v);
		reference_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		reference_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const uint64_t paper_key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static void the_vectors_of_the_paper_hold(void **state)
{
	static const uint8_t message[15] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };
	struct nonce_source source = { .key = { paper_key[0], paper_key[1] },
				       .counter = 0x0706050403020100 };

	(void)state;
	assert_true(reference(paper_key, message, 15) == 0xa129ca6149be45e5); /* appendix A */
	assert_true(reference(paper_key, message, 0) == 0x726fdb47dd0e0e31);
	assert_true(reference(paper_key, message, 8) == 0x93f5f5799a932462);
	assert_true(nonce_next(&source) == 0x93f5f5799a932462);
	assert_true(source.counter == 0x0706050403020101);
}

static void nonces_are_hashes_of_a_counter(void **state)
{
	uint64_t seed = 0x5eed3;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)seed);
	for (int i = 0; i < 10000; i++) {
		struct nonce_source source = { .key = { fake_random(&seed), fake_random(&seed) },
					       .counter = fake_random(&seed) };
		uint8_t message[8];

		for (int octet = 0; octet < 8; octet++)
			message[octet] = (uint8_t)(source.counter >> 8 * octet);

		uint64_t expected = reference(source.key, message, sizeof(message));
		uint64_t nonce = nonce_next(&source);

		assert_true(nonce == expected);
		assert_true(nonce != 0);
	}
}

static void a_timestamp_is_the_time_but_for_its_random_bits(void **state)
{
	/* Seconds and fraction by hand: 2^32 / 10^9 of a nanosecond each. */
	static const struct {
		int64_t real_ns;
		uint32_t seconds, fraction;
	} cases[] = {
		{ 0, 0x83aa7e80, 0 },
		{ 1, 0x83aa7e80, 4 },
		{ NS_PER_SECOND / 2, 0x83aa7e80, 0x80000000 },
		{ NS_PER_SECOND - 1, 0x83aa7e80, 0xfffffffb },
		{ 1700000000 * NS_PER_SECOND + 250000000, 0xe8fe6f80, 0x40000000 },
		{ 2085978495 * NS_PER_SECOND + 999999999, 0xffffffff, 0xfffffffb },
		{ 2085978496 * NS_PER_SECOND, 0, 0 }, /* era 1 */
		{ 2085978497 * NS_PER_SECOND + 500000000, 1, 0x80000000 },
	};
	struct nonce_source source = { .key = { 1, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t ones = 0, zeros = 0;

		for (int j = 0; j < 64; j++) {
			struct nonce_source whole = source;
			uint64_t nonce = nonce_next_timestamp(&source, cases[i].real_ns);
			uint8_t octets[8];
			uint32_t seconds_be;
			uint16_t low;

			memcpy(octets, &nonce, sizeof(octets));
			memcpy(&seconds_be, octets, sizeof(seconds_be));
			assert_int_equal(be32toh(seconds_be), cases[i].seconds);
			assert_int_equal(octets[4] << 8 | octets[5], cases[i].fraction >> 16);
			low = (uint16_t)(octets[6] << 8 | octets[7]);
			assert_int_equal(low, nonce_next(&whole) & 0xffff);
			assert_true(nonce != 0);
			ones |= low;
			zeros |= (uint16_t)~low;
		}
		assert_int_equal(ones & zeros, 0xffff);
	}
}

/* The first 15 microseconds of an era are all zero but for the random bits. */
static void a_timestamp_is_never_zero(void **state)
{
	struct nonce_source source = { .key = { 3, 4 } };

	(void)state;
	for (int i = 0; i < 1 << 20; i++)
		assert_true(nonce_next_timestamp(&source, 2085978496 * NS_PER_SECOND) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_paper_hold),
		cmocka_unit_test(nonces_are_hashes_of_a_counter),
		cmocka_unit_test(a_timestamp_is_the_time_but_for_its_random_bits),
		cmocka_unit_test(a_timestamp_is_never_zero),
	};

	return cmocka_run_group_tests_name("nonce", tests, NULL, NULL);
}
