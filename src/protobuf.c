/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the wire format of Protocol Buffers. The length of a message stands before it: an octet or
 * two are left for it, and the content moves where that does not do. Must not know what is written.
 */
#include "protobuf.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "instant.h"

#define VARINT_OCTETS 10 /* of 64 bits, seven in each */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

struct protobuf protobuf_over(struct text *text)
{
	return (struct protobuf){ .text = text };
}

static size_t varint_encode(uint64_t value, char *ret)
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

static uint64_t tag(uint32_t field, enum wire_type type)
{
	return (uint64_t)field << 3 | type;
}

static void append_tag(struct protobuf *protobuf, uint32_t field, enum wire_type type)
{
	append_varint(protobuf, tag(field, type));
}

/* Small numbers of either sign become small ones without a sign: 0, -1, 1, -2, … */
static uint64_t zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

void protobuf_append_uint(struct protobuf *protobuf, uint32_t field, uint64_t value)
{
	char octets[2 * VARINT_OCTETS];
	size_t length = varint_encode(tag(field, WIRE_VARINT), octets);

	length += varint_encode(value, octets + length);
	text_append_bytes(protobuf->text, octets, length);
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
	char octets[VARINT_OCTETS + sizeof(bits)];
	size_t length = varint_encode(tag(field, WIRE_FIXED64), octets);

	_Static_assert(sizeof(bits) == sizeof(value), "IEEE 754 binary64");
	memcpy(&bits, &value, sizeof(bits));
	bits = htole64(bits);
	memcpy(octets + length, &bits, sizeof(bits));
	text_append_bytes(protobuf->text, octets, length + sizeof(bits));
}

void protobuf_append_string(struct protobuf *protobuf, uint32_t field, const char *value)
{
	size_t length = strlen(value);

	append_tag(protobuf, field, WIRE_LENGTH);
	append_varint(protobuf, length);
	text_append_bytes(protobuf->text, value, length);
}

void protobuf_append_text(struct protobuf *protobuf, uint32_t field, const char *value)
{
	protobuf_open(protobuf, field);
	text_append_utf8(protobuf->text, value);
	protobuf_close(protobuf);
}

static void open_message(struct protobuf *protobuf, uint32_t field, size_t left)
{
	assert(protobuf->depth < PROTOBUF_DEPTH);
	if (field != 0)
		append_tag(protobuf, field, WIRE_LENGTH);
	text_append_bytes(protobuf->text, "\0", left);
	protobuf->open[protobuf->depth].start = protobuf->text->length;
	protobuf->open[protobuf->depth++].left = left;
}

void protobuf_open(struct protobuf *protobuf, uint32_t field)
{
	open_message(protobuf, field, 1);
}

void protobuf_open_long(struct protobuf *protobuf, uint32_t field)
{
	open_message(protobuf, field, 2);
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
	start = protobuf->open[--protobuf->depth].start;
	left = protobuf->open[protobuf->depth].left;
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
	for (size_t i = 0; i < needed; i++)
		text->buffer[start - left + i] = octets[i];
	text->length = place + length;
}

/* Two octets tell of 128 to 16383. */
#define REOPENED_LEFT 2
#define REOPENED_MAX  8192

static bool may_be_reopened(const struct text *text, size_t start)
{
	return text->buffer[start] & 0x80 && text->length - start <= REOPENED_MAX;
}

bool protobuf_reopen(struct protobuf *protobuf, size_t start)
{
	assert(protobuf->depth == 0);
	if (!may_be_reopened(protobuf->text, start))
		return false;
	protobuf->open[protobuf->depth].start = start + REOPENED_LEFT;
	protobuf->open[protobuf->depth++].left = REOPENED_LEFT;
	return true;
}

void protobuf_cut(const struct text *text, size_t start)
{
	if (may_be_reopened(text, start))
		varint_encode(text->length - start - REOPENED_LEFT, &text->buffer[start]);
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
