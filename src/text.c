/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends to a caller's buffer: whole pieces or nothing. Numbers are exact integer arithmetic,
 * since a double cannot hold nanoseconds of a long sum. Must not know what is written.
 */
#include "text.h"

#include <string.h>

#define SECOND_DIGITS 9
#define NS_IN_SECOND  1000000000u

struct text text_over(char *buffer, size_t capacity)
{
	return (struct text){ .buffer = buffer, .capacity = capacity };
}

/* Most pieces are some octets long: of these a call of memcpy() takes longer than the copying, with
 * musl many times as long. Words, the last of which may overlap the one before; below a word's
 * length, halves; below that three octets, which may be the same ones. */
static void copy(char *to, const char *from, size_t length)
{
	const size_t word = sizeof(uint64_t), half = sizeof(uint32_t);

	if (length >= word) {
		for (size_t i = 0; i < length - word; i += word)
			memcpy(to + i, from + i, word);
		memcpy(to + length - word, from + length - word, word);
	} else if (length >= half) {
		memcpy(to, from, half);
		memcpy(to + length - half, from + length - half, half);
	} else if (length > 0) {
		to[0] = from[0];
		to[length / 2] = from[length / 2];
		to[length - 1] = from[length - 1];
	}
}

void text_append_bytes(struct text *text, const char *bytes, size_t length)
{
	if (text->overflowed || length > text->capacity - text->length) {
		text->overflowed = true;
		return;
	}
	copy(text->buffer + text->length, bytes, length);
	text->length += length;
}

void text_append_uint(struct text *text, uint64_t value)
{
	char digits[20]; /* of UINT64_MAX */
	size_t start = sizeof(digits);

	do {
		digits[--start] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	text_append_bytes(text, digits + start, sizeof(digits) - start);
}

void text_append_wrapped(struct text *text, const char *words, size_t indent, size_t width)
{
	size_t used = 0;

	while (*words) {
		size_t length = strcspn(words, " ");

		if (used > 0 && used + 1 + length > width) {
			text_append(text, "\n");
			for (size_t i = 0; i < indent; i++)
				text_append(text, " ");
			used = 0;
		} else if (used > 0) {
			text_append(text, " ");
			used++;
		}
		text_append_bytes(text, words, length);
		used += length;
		words += length;
		words += strspn(words, " ");
	}
	text_append(text, "\n");
}

void text_append_seconds(struct text *text, uint64_t value_ns)
{
	char piece[1 + SECOND_DIGITS] = ".";
	uint64_t fraction = value_ns % NS_IN_SECOND;
	size_t length = sizeof(piece);

	for (size_t i = SECOND_DIGITS; i > 0; i--) {
		piece[i] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	while (length > 2 && piece[length - 1] == '0')
		length--;
	text_append_uint(text, value_ns / NS_IN_SECOND);
	text_append_bytes(text, piece, length);
}

/* Octets of the UTF-8 character that begins here, 0 if none does (RFC 3629 section 4: no overlong
 * forms, no surrogates, nothing above U+10FFFF). The terminating zero is never read past. */
static size_t utf8_length(const unsigned char *octets)
{
	unsigned char lowest = 0x80;
	unsigned char highest = 0xbf;
	size_t length;

	if (octets[0] < 0x80)
		return 1;
	if (octets[0] < 0xc2 || octets[0] > 0xf4)
		return 0;
	length = octets[0] < 0xe0 ? 2 : octets[0] < 0xf0 ? 3 : 4;
	if (octets[0] == 0xe0)
		lowest = 0xa0;
	else if (octets[0] == 0xed)
		highest = 0x9f;
	else if (octets[0] == 0xf0)
		lowest = 0x90;
	else if (octets[0] == 0xf4)
		highest = 0x8f;
	if (octets[1] < lowest || octets[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if (octets[i] < 0x80 || octets[i] > 0xbf)
			return 0;
	}
	return length;
}

/* Octets from here on up to one that begins no character, or to the end. */
static size_t utf8_run(const char *value)
{
	const unsigned char *octets = (const unsigned char *)value;
	size_t run = 0, length = 1;

	while (octets[run] && length > 0) {
		/* ASCII, as nearly all is, without a call for each octet. */
		length = octets[run] < 0x80 ? 1 : utf8_length(&octets[run]);
		run += length;
	}
	return run;
}

/* Appends one character as it is, or U+FFFD for an octet that begins none; returns the octets used
 * up. */
static size_t append_character(struct text *text, const char *value)
{
	size_t length = utf8_length((const unsigned char *)value);

	if (length == 0) {
		text_append(text, "\xef\xbf\xbd");
		return 1;
	}
	text_append_bytes(text, value, length);
	return length;
}

/* Octets from here on that stand for themselves wherever they are put: in a label mostly all. */
static size_t plain_run(const char *value)
{
	size_t run = 0;

	while (value[run] >= ' ' && value[run] < 0x7f && value[run] != '"' && value[run] != '\\')
		run++;
	return run;
}

void text_append_label_value(struct text *text, const char *value)
{
	while (*value) {
		size_t run = plain_run(value);

		if (run > 0) {
			text_append_bytes(text, value, run);
			value += run;
		} else if (*value == '\n') {
			text_append(text, "\\n");
			value++;
		} else {
			if (*value == '\\' || *value == '"')
				text_append(text, "\\");
			value += append_character(text, value);
		}
	}
}

void text_append_utf8(struct text *text, const char *value)
{
	while (*value) {
		size_t run = utf8_run(value);

		if (run > 0)
			text_append_bytes(text, value, run);
		value += run > 0 ? run : append_character(text, value);
	}
}

/* Octets of the control character that a value begins with, C1 among them as UTF-8 has it; 0: none.
 * A terminal may obey each. */
static size_t control_length(const char *value, unsigned char *ret_code)
{
	const unsigned char *octets = (const unsigned char *)value;
	bool c1 = octets[0] == 0xc2 && octets[1] >= 0x80 && octets[1] < 0xa0;

	if (!c1 && octets[0] >= 0x20 && octets[0] != 0x7f)
		return 0;
	*ret_code = octets[c1];
	return c1 ? 2 : 1;
}

void text_append_json(struct text *text, const char *value)
{
	static const char hexadecimal[] = "0123456789abcdef";

	while (*value) {
		unsigned char code;
		size_t length = control_length(value, &code);

		if (length > 0) {
			char escape[] = {
				'\\', 'u', '0', '0', hexadecimal[code >> 4], hexadecimal[code & 15]
			};

			text_append_bytes(text, escape, sizeof(escape));
			value += length;
			continue;
		}
		if (*value == '\\' || *value == '"')
			text_append(text, "\\");
		value += append_character(text, value);
	}
}

/* A reference for what has a meaning in HTML, or NULL. */
static const char *html_reference(char octet)
{
	switch (octet) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void text_append_html(struct text *text, const char *value)
{
	while (*value) {
		unsigned char octet = (unsigned char)*value;
		const char *reference = html_reference(*value);

		if (octet < 0x20 || octet == 0x7f) {
			char picture[] = { '\xe2', '\x90',
					   (char)(0x80 | (octet == 0x7f ? 0x21 : octet)) };

			text_append_bytes(text, picture, sizeof(picture));
			value++;
		} else if (reference) {
			text_append(text, reference);
			value++;
		} else {
			value += append_character(text, value);
		}
	}
}
