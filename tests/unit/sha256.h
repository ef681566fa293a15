/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) in base64, as it stands in a Content-Security-Policy. */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_BASE64_CAPACITY 45

static inline uint32_t sha256_rotate(uint32_t value, unsigned int count)
{
	return value >> count | value << (32 - count);
}

static inline void sha256_block(uint32_t state[static 8], const uint8_t *block)
{
	static const uint32_t k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
		0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
		0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
		0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
		0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
		0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
		0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
		0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
		0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
		0xc67178f2
	};
	uint32_t w[64];
	uint32_t v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (sha256_rotate(w[i - 15], 7) ^ sha256_rotate(w[i - 15], 18) ^
			w[i - 15] >> 3) +
		       (sha256_rotate(w[i - 2], 17) ^ sha256_rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t one = v[7] + k[i] + w[i] + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
			       (sha256_rotate(v[4], 6) ^ sha256_rotate(v[4], 11) ^
				sha256_rotate(v[4], 25));
		uint32_t two = ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])) +
			       (sha256_rotate(v[0], 2) ^ sha256_rotate(v[0], 13) ^
				sha256_rotate(v[0], 22));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += one;
		v[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

static inline void sha256_base64(const char *bytes, size_t length,
				 char ret[static SHA256_BASE64_CAPACITY])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	size_t padded = (length + 9 + 63) / 64 * 64;
	uint8_t *message = calloc(1, padded);
	uint8_t digest[33] = { 0 }; /* and one more, so that groups of three are whole */

	memcpy(message, bytes, length);
	message[length] = 0x80;
	for (size_t i = 0; i < 8; i++)
		message[padded - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);
	for (size_t at = 0; at < padded; at += 64)
		sha256_block(state, message + at);
	free(message);
	for (int i = 0; i < 32; i++)
		digest[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
	for (int i = 0; i < 11; i++) {
		uint32_t group = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 |
				 digest[3 * i + 2];

		for (int k = 0; k < 4; k++)
			ret[4 * i + k] = digits[group >> (18 - 6 * k) & 63];
	}
	ret[43] = '=';
	ret[44] = '\0';
}

#endif
