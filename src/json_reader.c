/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of JSON as a machine that expects one of a few things next; what is open is kept as
 * a stack of brackets. Must not know what the document means.
 */
#include "json_reader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_CLOSE, /* after [ */
	EXPECT_KEY,	       /* after a comma in an object */
	EXPECT_KEY_OR_CLOSE,   /* after { */
	EXPECT_COMMA_OR_CLOSE,
	EXPECT_NOTHING,
};

#define REPLACEMENT 0xfffd

void json_reader_open(struct json_reader *reader, const char *bytes, size_t length)
{
	*reader = (struct json_reader){ .bytes = bytes, .length = length, .expect = EXPECT_VALUE };
}

static enum json_token fail(struct json_reader *reader, const char *why)
{
	reader->error = why;
	return JSON_ERROR;
}

static bool fail_string(struct json_reader *reader, const char *why)
{
	reader->error = why;
	return false;
}

/* The octet `ahead` from here, or -1 at the end. */
static int peek(const struct json_reader *reader, size_t ahead)
{
	if (reader->length - reader->at <= ahead)
		return -1;
	return (unsigned char)reader->bytes[reader->at + ahead];
}

static bool is_digit(int octet)
{
	return octet >= '0' && octet <= '9';
}

static void skip_space(struct json_reader *reader)
{
	int octet = peek(reader, 0);

	while (octet == ' ' || octet == '\n' || octet == '\r' || octet == '\t') {
		reader->at++;
		octet = peek(reader, 0);
	}
}

static enum json_token value_done(struct json_reader *reader, enum json_token token)
{
	reader->expect = reader->depth > 0 ? EXPECT_COMMA_OR_CLOSE : EXPECT_NOTHING;
	return token;
}

/* --- strings */

/* Octets of the character that begins here (RFC 3629 section 4), or 0. */
static size_t utf8_length(const struct json_reader *reader)
{
	int first = peek(reader, 0);
	int second = peek(reader, 1);
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (length == 1)
		return 1;
	if (first < 0xc2 || first > 0xf4 || (second & 0xc0) != 0x80 || second < 0)
		return 0;
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	for (size_t i = 2; i < length; i++) {
		int octet = peek(reader, i);

		if (octet < 0 || (octet & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

static void append(struct json_reader *reader, size_t *used, const char *character, size_t length)
{
	if (reader->cut || length > sizeof(reader->text) - 1 - *used) {
		reader->cut = true;
		return;
	}
	memcpy(reader->text + *used, character, length);
	*used += length;
}

static void append_code_point(struct json_reader *reader, size_t *used, uint32_t code)
{
	char octets[4];
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = length - 1; i > 0; i--) {
		octets[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	octets[0] = (char)(length == 1 ? code : (0xf00U >> length & 0xf0) | code);
	append(reader, used, octets, length);
}

/* The four digits after \u, `ahead` octets from here; -1 if they are none. */
static int32_t hexadecimal(const struct json_reader *reader, size_t ahead)
{
	int32_t value = 0;

	for (size_t i = ahead; i < ahead + 4; i++) {
		int octet = peek(reader, i);
		int digit;

		if (is_digit(octet))
			digit = octet - '0';
		else if ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'f' && octet > 0)
			digit = (octet | 0x20) - 'a' + 10;
		else
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* At the u. What is no character becomes U+FFFD: it is no fault of the syntax. */
static bool read_unicode(struct json_reader *reader, size_t *used)
{
	int32_t code = hexadecimal(reader, 1);
	int32_t low;

	if (code < 0)
		return false;
	reader->at += 5;
	if (code >= 0xd800 && code < 0xdc00 && peek(reader, 0) == '\\' && peek(reader, 1) == 'u') {
		low = hexadecimal(reader, 2);
		if (low >= 0xdc00 && low < 0xe000) {
			reader->at += 6;
			append_code_point(reader, used,
					  0x10000U + ((uint32_t)(code - 0xd800) << 10) +
						  (uint32_t)(low - 0xdc00));
			return true;
		}
	}
	if (code == 0 || (code >= 0xd800 && code < 0xe000))
		code = REPLACEMENT;
	append_code_point(reader, used, (uint32_t)code);
	return true;
}

/* After the backslash. */
static bool read_escape(struct json_reader *reader, size_t *used)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	int octet = peek(reader, 0);
	const char *found;

	if (octet == 'u')
		return read_unicode(reader, used);
	found = octet > 0 ? strchr(letters, octet) : NULL;
	if (!found)
		return false;
	append(reader, used, &meanings[found - letters], 1);
	reader->at++;
	return true;
}

/* At the quote that opens it; past the one that closes it. */
static bool read_string(struct json_reader *reader)
{
	size_t used = 0;

	reader->cut = false;
	reader->at++;
	for (;;) {
		int octet = peek(reader, 0);
		size_t length;

		if (octet < 0)
			return fail_string(reader, "it ends within a string");
		if (octet < 0x20)
			return fail_string(reader, "a control character in a string");
		if (octet == '"')
			break;
		if (octet == '\\') {
			reader->at++;
			if (!read_escape(reader, &used))
				return fail_string(reader, "an escape that JSON does not have");
			continue;
		}
		length = utf8_length(reader);
		if (length == 0)
			return fail_string(reader, "not UTF-8");
		append(reader, &used, reader->bytes + reader->at, length);
		reader->at += length;
	}
	reader->at++;
	reader->text[used] = '\0';
	return true;
}

/* --- numbers and names */

static size_t digits(const struct json_reader *reader, size_t ahead)
{
	size_t end = ahead;

	while (is_digit(peek(reader, end)))
		end++;
	return end - ahead;
}

/* Octets of the number that begins here, or 0: [-] int [frac] [exp]. */
static size_t number_length(const struct json_reader *reader)
{
	size_t end = peek(reader, 0) == '-' ? 1 : 0;
	size_t whole = digits(reader, end);

	if (whole == 0 || (whole > 1 && peek(reader, end) == '0'))
		return 0;
	end += whole;
	if (peek(reader, end) == '.') {
		size_t fraction = digits(reader, end + 1);

		if (fraction == 0)
			return 0;
		end += 1 + fraction;
	}
	if (peek(reader, end) == 'e' || peek(reader, end) == 'E') {
		size_t sign = peek(reader, end + 1) == '+' || peek(reader, end + 1) == '-';
		size_t power = digits(reader, end + 1 + sign);

		if (power == 0)
			return 0;
		end += 1 + sign + power;
	}
	return end;
}

static enum json_token read_number(struct json_reader *reader)
{
	char written[JSON_READER_NUMBER_BYTES + 1];
	size_t length = number_length(reader);

	if (length == 0)
		return fail(reader, "no value");
	if (length > JSON_READER_NUMBER_BYTES)
		return fail(reader, "a number of too many digits");
	memcpy(written, reader->bytes + reader->at, length);
	written[length] = '\0';
	reader->number = strtod(written, NULL);
	reader->at += length;
	return value_done(reader, JSON_NUMBER);
}

static enum json_token read_name(struct json_reader *reader, const char *name,
				 enum json_token token)
{
	size_t length = strlen(name);

	if (reader->length - reader->at < length ||
	    memcmp(reader->bytes + reader->at, name, length) != 0)
		return fail(reader, "no value");
	reader->at += length;
	return value_done(reader, token);
}

/* --- structure */

static enum json_token open_bracket(struct json_reader *reader, bool is_object)
{
	if (reader->depth == JSON_READER_DEPTH)
		return fail(reader, "nested too deeply");
	reader->is_object[reader->depth++] = is_object;
	reader->expect = is_object ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
	reader->at++;
	return is_object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token close_bracket(struct json_reader *reader)
{
	bool is_object = reader->is_object[reader->depth - 1];

	if (peek(reader, 0) != (is_object ? '}' : ']'))
		return fail(reader,
			    is_object ? "a comma or } is missing" : "a comma or ] is missing");
	reader->at++;
	reader->depth--;
	return value_done(reader, is_object ? JSON_OBJECT_END : JSON_ARRAY_END);
}

static enum json_token read_value(struct json_reader *reader)
{
	switch (peek(reader, 0)) {
	case '{':
		return open_bracket(reader, true);
	case '[':
		return open_bracket(reader, false);
	case '"':
		return read_string(reader) ? value_done(reader, JSON_STRING) : JSON_ERROR;
	case 't':
		return read_name(reader, "true", JSON_TRUE);
	case 'f':
		return read_name(reader, "false", JSON_FALSE);
	case 'n':
		return read_name(reader, "null", JSON_NULL);
	default:
		return read_number(reader);
	}
}

static enum json_token read_key(struct json_reader *reader)
{
	if (peek(reader, 0) != '"')
		return fail(reader, "a key is missing");
	if (!read_string(reader))
		return JSON_ERROR;
	skip_space(reader);
	if (peek(reader, 0) != ':')
		return fail(reader, "a colon is missing");
	reader->at++;
	reader->expect = EXPECT_VALUE;
	return JSON_KEY;
}

enum json_token json_reader_next(struct json_reader *reader)
{
	int octet;

	if (reader->error)
		return JSON_ERROR;
	skip_space(reader);
	octet = peek(reader, 0);
	if (reader->expect == EXPECT_NOTHING)
		return octet < 0 ? JSON_END : fail(reader, "something after the end");
	if (octet < 0)
		return fail(reader, "it ends too early");
	if (reader->expect == EXPECT_COMMA_OR_CLOSE) {
		if (octet != ',')
			return close_bracket(reader);
		reader->at++;
		skip_space(reader);
		octet = peek(reader, 0);
		reader->expect = reader->is_object[reader->depth - 1] ? EXPECT_KEY : EXPECT_VALUE;
	}
	if ((reader->expect == EXPECT_KEY_OR_CLOSE && octet == '}') ||
	    (reader->expect == EXPECT_VALUE_OR_CLOSE && octet == ']'))
		return close_bracket(reader);
	if (reader->expect == EXPECT_KEY || reader->expect == EXPECT_KEY_OR_CLOSE)
		return read_key(reader);
	return read_value(reader);
}

bool json_reader_skip(struct json_reader *reader, enum json_token begun)
{
	unsigned int outside = reader->depth - 1;

	if (begun != JSON_OBJECT && begun != JSON_ARRAY)
		return begun != JSON_ERROR;
	while (reader->depth > outside) {
		if (json_reader_next(reader) == JSON_ERROR)
			return false;
	}
	return true;
}
