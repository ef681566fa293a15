/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012) of one 64-bit word, whole or in place of a timestamp's low
 * bits. Must not know what the nonces protect.
 */
#include "nonce.h"

#include <endian.h>

#include "instant.h"
#include "stamp.h"

struct sip_state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline void sip_rounds(struct sip_state *state, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		state->v0 += state->v1;
		state->v2 += state->v3;
		state->v1 = rotate_left(state->v1, 13) ^ state->v0;
		state->v3 = rotate_left(state->v3, 16) ^ state->v2;
		state->v0 = rotate_left(state->v0, 32);
		state->v2 += state->v1;
		state->v0 += state->v3;
		state->v1 = rotate_left(state->v1, 17) ^ state->v2;
		state->v3 = rotate_left(state->v3, 21) ^ state->v0;
		state->v2 = rotate_left(state->v2, 32);
	}
}

static uint64_t sip_hash_word(const uint64_t key[2], uint64_t word)
{
	struct sip_state state = {
		.v0 = key[0] ^ 0x736f6d6570736575,
		.v1 = key[1] ^ 0x646f72616e646f6d,
		.v2 = key[0] ^ 0x6c7967656e657261,
		.v3 = key[1] ^ 0x7465646279746573,
	};
	/* What follows the message: its length in octets, in the topmost octet. */
	const uint64_t blocks[2] = { word, (uint64_t)sizeof(word) << 56 };

	for (int i = 0; i < 2; i++) {
		state.v3 ^= blocks[i];
		sip_rounds(&state, 2);
		state.v0 ^= blocks[i];
	}
	state.v2 ^= 0xff;
	sip_rounds(&state, 4);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

uint64_t nonce_next(struct nonce_source *source)
{
	uint64_t nonce;

	do {
		nonce = sip_hash_word(source->key, source->counter++);
	} while (nonce == 0);
	return nonce;
}

uint64_t nonce_next_timestamp(struct nonce_source *source, int64_t real_ns)
{
	const uint64_t random_bits = (1ull << STAMP_NONCE_BITS) - 1;
	uint64_t since_1900_ns = (uint64_t)real_ns + STAMP_NTP_UNIX_SECONDS * NS_PER_SECOND;
	uint64_t seconds = since_1900_ns / NS_PER_SECOND;
	uint64_t fraction = (since_1900_ns % NS_PER_SECOND << 32) / NS_PER_SECOND;
	uint64_t timestamp = (seconds << 32 | fraction) & ~random_bits;
	uint64_t random;

	do {
		random = nonce_next(source) & random_bits;
	} while ((timestamp | random) == 0); /* once in an era of 136 years */
	return htobe64(timestamp | random);
}
