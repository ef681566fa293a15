/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the wire format of Protocol Buffers. The length of a message stands before it: an octet or
 * two are left for it, and the content moves where that does not do. Must not know what is written.
 */
#include "protobuf.h"

#include <assert.h>
#include <string.h>

#include "instant.h"

#define VARINT_OCTETS 10 /* of 64 bits, seven in each */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

struct protobuf protobuf_over(struct text *text)
{
	return (struct protobuf){ .text = text };
}

static size_t varint_encode(uint64_t value, char ret[static VARINT_OCTETS])
{
	size_t length = 0;

	while (value >= 0x80) {
		ret[length++] = (char)(value | 0x80);
		value >>= 7;
	}
	ret[length++] = (char)value;
	return length;
}

static void append_varint(struct protobuf *protobuf, uint64_t value)
{
	char octets[VARINT_OCTETS];

	text_append_bytes(protobuf->text, octets, varint_encode(value, octets));
}

static void append_tag(struct protobuf *protobuf, uint32_t field, enum wire_type type)
{
	append_varint(protobuf, (uint64_t)field << 3 | type);
}

/* Small numbers of either sign become small ones without a sign: 0, -1, 1, -2, … */
static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

void protobuf_append_uint(struct protobuf *protobuf, uint32_t field, uint64_t value)
{
	append_tag(protobuf, field, WIRE_VARINT);
	append_varint(protobuf, value);
}

void protobuf_append_sint(struct protobuf *protobuf, uint32_t field, int64_t value)
{
	protobuf_append_uint(protobuf, field, zigzag(value));
}

void protobuf_append_packed_sint(struct protobuf *protobuf, int64_t value)
{
	append_varint(protobuf, zigzag(value));
}

void protobuf_append_double(struct protobuf *protobuf, uint32_t field, double value)
{
	uint64_t bits;
	char octets[sizeof(bits)];

	_Static_assert(sizeof(bits) == sizeof(value), "IEEE 754 binary64");
	memcpy(&bits, &value, sizeof(bits));
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(bits >> 8 * i);
	append_tag(protobuf, field, WIRE_FIXED64);
	text_append_bytes(protobuf->text, octets, sizeof(octets));
}

void protobuf_append_text(struct protobuf *protobuf, uint32_t field, const char *value)
{
	protobuf_open(protobuf, field);
	text_append_utf8(protobuf->text, value);
	protobuf_close(protobuf);
}

/* Octets that are left for a length. One tells 127; the outermost message is mostly longer. */
static size_t octets_left(unsigned int depth)
{
	return depth == 0 ? 2 : 1;
}

void protobuf_open(struct protobuf *protobuf, uint32_t field)
{
	assert(protobuf->depth < PROTOBUF_DEPTH);
	if (field != 0)
		append_tag(protobuf, field, WIRE_LENGTH);
	text_append_bytes(protobuf->text, "\0", octets_left(protobuf->depth));
	protobuf->starts[protobuf->depth++] = protobuf->text->length;
}

void protobuf_close(struct protobuf *protobuf)
{
	struct text *text = protobuf->text;
	char octets[VARINT_OCTETS];
	size_t place; /* where the content belongs */
	size_t start;
	size_t length;
	size_t needed;
	size_t left;

	assert(protobuf->depth > 0);
	start = protobuf->starts[--protobuf->depth];
	left = octets_left(protobuf->depth);
	length = text->length - start;
	needed = varint_encode(length, octets);
	if (needed > left)
		text_append_bytes(text, octets, needed - left);
	if (text->overflowed)
		return;
	place = start - left + needed;
	/* To move nothing is not always for nothing: musl does it octet by octet. */
	if (place != start)
		memmove(text->buffer + place, text->buffer + start, length);
	memcpy(text->buffer + start - left, octets, needed);
	text->length = place + length;
}

double protobuf_seconds(uint64_t value_ns)
{
	uint64_t seconds = value_ns / NS_PER_SECOND;
	uint64_t rest = value_ns % NS_PER_SECOND;
	uint64_t fraction;
	uint64_t nearly;
	int bits;

	/* Both are doubles themselves: one rounding, by the division. */
	if (value_ns < 1ULL << 53)
		return (double)value_ns / (double)NS_PER_SECOND;
	/* All whole bits and 64 binary places; of these the first 64 bits, and whether anything
	 * follows. That is more than a double holds: its rounding is right. */
	fraction = (rest << 32) / NS_PER_SECOND << 32;
	rest = (rest << 32) % NS_PER_SECOND;
	fraction |= (rest << 32) / NS_PER_SECOND;
	rest = (rest << 32) % NS_PER_SECOND;
	bits = 64 - __builtin_clzll(seconds);
	nearly = seconds << (64 - bits) | fraction >> bits;
	if (fraction << (64 - bits) != 0 || rest != 0)
		nearly |= 1;
	return (double)nearly / (double)(1ULL << (64 - bits));
}
