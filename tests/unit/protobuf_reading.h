/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the wire format of Protocol Buffers, strictly: what is not as short as it can be, or not
 * whole, fails the test. Shares nothing with what writes it. */
#ifndef PROTOBUF_READING_H
#define PROTOBUF_READING_H

#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

/* What is left to read. */
struct wire {
	const unsigned char *at;
	const unsigned char *end;
};

struct wire_field {
	uint32_t number;
	unsigned int type;
	uint64_t value; /* of a varint; the bits of a double */
	struct wire content;
};

static inline struct wire wire_over(const char *octets, size_t length)
{
	const unsigned char *at = (const unsigned char *)octets;

	return (struct wire){ .at = at, .end = at + length };
}

static inline uint64_t wire_varint(struct wire *wire)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;; shift += 7) {
		uint64_t octet;

		assert_true(wire->at < wire->end && shift < 64);
		octet = *wire->at++;
		assert_true(shift < 63 || octet <= 1);
		value |= (octet & 0x7f) << shift;
		if (octet < 0x80) {
			assert_true(octet > 0 || shift == 0);
			return value;
		}
	}
}

static inline int64_t wire_signed(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline struct wire wire_content(struct wire *wire)
{
	uint64_t length = wire_varint(wire);
	struct wire content = { .at = wire->at };

	assert_true(length <= (uint64_t)(wire->end - wire->at));
	wire->at += length;
	content.end = wire->at;
	return content;
}

/* False at the end. */
static inline bool wire_next(struct wire *wire, struct wire_field *ret)
{
	uint64_t tag;

	if (wire->at == wire->end)
		return false;
	tag = wire_varint(wire);
	*ret = (struct wire_field){ .number = (uint32_t)(tag >> 3), .type = tag & 7 };
	assert_true(tag >> 3 >= 1 && tag >> 3 < 1 << 29);
	switch (ret->type) {
	case WIRE_VARINT:
		ret->value = wire_varint(wire);
		break;
	case WIRE_FIXED64:
		assert_true(wire->end - wire->at >= 8);
		for (unsigned int i = 0; i < 8; i++)
			ret->value |= (uint64_t)*wire->at++ << 8 * i;
		break;
	case WIRE_LENGTH:
		ret->content = wire_content(wire);
		break;
	default:
		fail_msg("wire type %u", ret->type);
	}
	return true;
}

static inline double wire_double(const struct wire_field *field)
{
	double value;

	assert_int_equal(field->type, WIRE_FIXED64);
	memcpy(&value, &field->value, sizeof(value));
	return value;
}

#endif
