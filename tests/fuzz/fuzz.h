/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers have in common: the input taken apart piece by piece, and properties that must
 * hold. Must not know any parser.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Else a defect: libFuzzer keeps the input. */
#define require(condition)                                                                \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* What is left of it. */
struct input {
	const uint8_t *octets;
	size_t length;
};

/* As many octets as there are; the rest of *to is zeros. */
static inline size_t input_take(struct input *input, void *to, size_t bytes)
{
	size_t taken = bytes < input->length ? bytes : input->length;

	memset(to, 0, bytes);
	if (taken > 0)
		memcpy(to, input->octets, taken);
	input->octets += taken;
	input->length -= taken;
	return taken;
}

static inline uint8_t input_octet(struct input *input)
{
	uint8_t octet;

	input_take(input, &octet, sizeof(octet));
	return octet;
}

static inline uint16_t input_u16(struct input *input)
{
	uint16_t value;

	input_take(input, &value, sizeof(value));
	return value;
}

static inline uint32_t input_u32(struct input *input)
{
	uint32_t value;

	input_take(input, &value, sizeof(value));
	return value;
}

static inline uint64_t input_u64(struct input *input)
{
	uint64_t value;

	input_take(input, &value, sizeof(value));
	return value;
}

/* A copy of exactly so many octets, so that a read beyond them is one beyond the allocation. */
static inline uint8_t *input_piece(struct input *input, size_t wanted, size_t *ret_length)
{
	size_t length = wanted < input->length ? wanted : input->length;
	uint8_t *piece = malloc(length ? length : 1);

	if (!piece)
		abort();
	input_take(input, piece, length);
	*ret_length = length;
	return piece;
}

/* The text up to the next such octet, or zero, or the end; the separator is taken too. */
static inline char *input_text(struct input *input, uint8_t separator)
{
	size_t length = 0;
	char *text;

	while (length < input->length && input->octets[length] != separator &&
	       input->octets[length] != '\0')
		length++;
	text = malloc(length + 1);
	if (!text)
		abort();
	input_take(input, text, length);
	text[length] = '\0';
	if (input->length > 0)
		input_octet(input);
	return text;
}

/* UTF-8 by RFC 3629's table, a way of its own: octets of the character that begins here, or 0. */
static inline size_t utf8_octets(const uint8_t *at, size_t left)
{
	uint32_t code = at[0];
	size_t more = at[0] < 0x80 ? 0 : at[0] >> 5 == 6 ? 1 : at[0] >> 4 == 14 ? 2 : 3;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	if ((at[0] >= 0x80 && at[0] < 0xc0) || at[0] >= 0xf8 || more >= left)
		return 0;
	if (more > 0)
		code = at[0] & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return more + 1;
}

static inline bool is_utf8(const char *text, size_t length)
{
	size_t step;

	for (size_t at = 0; at < length; at += step) {
		step = utf8_octets((const uint8_t *)text + at, length - at);
		if (step == 0)
			return false;
	}
	return true;
}

/* Fit to be shown to a person: not empty, ended within the capacity, no control characters. */
static inline bool is_one_line(const char *text, size_t capacity)
{
	size_t length = strnlen(text, capacity);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return length > 0 && length < capacity;
}

#endif
