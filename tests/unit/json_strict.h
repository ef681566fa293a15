/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parser of JSON (RFC 8259) that takes nothing else: no octets outside of UTF-8, no control
 * characters, no leading zeros, no comma too many. It skips values; NULL is an error.
 */
#ifndef JSON_STRICT_H
#define JSON_STRICT_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define JSON_DEPTH 8

static inline const char *json_skip_value(const char *at, int depth);

static inline const char *json_skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static inline const char *json_skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		unsigned char octet = (unsigned char)*at;

		if (octet < 0x20)
			return NULL;
		if (octet == '\\') {
			at++;
			if (*at == 'u') {
				for (int i = 1; i <= 4; i++)
					if (!isxdigit((unsigned char)at[i]))
						return NULL;
				at += 4;
			} else if (!*at || !strchr("\"\\/bfnrt", *at)) {
				return NULL;
			}
		} else if (octet >= 0x80) {
			int more = octet >= 0xf0 ? 3 : octet >= 0xe0 ? 2 : 1;

			if (octet < 0xc2 || octet > 0xf4)
				return NULL;
			for (; more > 0; more--)
				if (((unsigned char)*++at & 0xc0) != 0x80)
					return NULL;
		}
	}
	return at + 1;
}

static inline const char *json_skip_digits(const char *at)
{
	size_t count = strspn(at, "0123456789");

	return count > 0 ? at + count : NULL;
}

static inline const char *json_skip_number(const char *at)
{
	if (*at == '-')
		at++;
	if (*at == '0')
		at++;
	else
		at = json_skip_digits(at);
	if (at && *at == '.')
		at = json_skip_digits(at + 1);
	if (at && (*at == 'e' || *at == 'E')) {
		at++;
		at = json_skip_digits(at + (*at == '+' || *at == '-'));
	}
	return at;
}

/* After the bracket. */
static inline const char *json_skip_members(const char *at, bool object, int depth)
{
	const char end = object ? '}' : ']';

	at = json_skip_space(at);
	if (*at == end)
		return at + 1;
	for (;;) {
		if (object) {
			at = json_skip_string(json_skip_space(at));
			if (!at || *(at = json_skip_space(at)) != ':')
				return NULL;
			at++;
		}
		at = json_skip_value(at, depth);
		if (!at)
			return NULL;
		at = json_skip_space(at);
		if (*at == end)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

static inline const char *json_skip_value(const char *at, int depth)
{
	static const char *const words[] = { "true", "false", "null" };

	at = json_skip_space(at);
	if (depth >= JSON_DEPTH)
		return NULL;
	if (*at == '{' || *at == '[')
		return json_skip_members(at + 1, *at == '{', depth + 1);
	if (*at == '"')
		return json_skip_string(at);
	for (int i = 0; i < 3; i++)
		if (strncmp(at, words[i], strlen(words[i])) == 0)
			return at + strlen(words[i]);
	return json_skip_number(at);
}

/* The text is one JSON value, and nothing else. */
static inline bool json_is_valid(const char *text)
{
	const char *end = json_skip_value(text, 0);

	return end && *json_skip_space(end) == '\0';
}

#endif
