/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in network order, octet by octet, for tests that share no code with what they test. Must
 * not know any packet.
 */
#ifndef OCTETS_H
#define OCTETS_H

#include <stddef.h>
#include <stdint.h>

static inline void octets_be(uint8_t *octets, size_t bytes, uint64_t value)
{
	while (bytes-- > 0) {
		octets[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static inline uint64_t value_be(const uint8_t *octets, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | octets[i];
	return value;
}

#endif
