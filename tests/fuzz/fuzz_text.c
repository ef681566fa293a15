/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of others (names, zones, reasons) in our formats: labels, JSON, HTML, plain. Bounded,
 * well-formed whatever it is, and read again the same.
 */
#include "fuzz.h"
#include "text.h"
#include "unit/json_strict.h"

typedef void append_fn(struct text *text, const char *value);

/* Into as much room as is told, all of it ours; the rest is not touched. */
static size_t append(append_fn *function, const char *value, size_t capacity, char **ret)
{
	char *buffer = malloc(capacity + 1);
	struct text text = text_over(buffer, capacity);

	function(&text, value);
	require(text.length <= capacity);
	buffer[text.length] = '\0';
	require(is_utf8(buffer, text.length) && strlen(buffer) == text.length);
	if (text.overflowed) {
		size_t length = text.length;

		text_append(&text, "");
		text_append(&text, "x");
		require(text.overflowed && text.length == length);
	}
	*ret = buffer;
	return text.overflowed ? SIZE_MAX : text.length;
}

/* What of it is UTF-8, and U+FFFD for what is not: no octet is lost. */
static char *sanitised(const char *value)
{
	char *ret = malloc(3 * strlen(value) + 1), *to = ret;

	for (size_t left = strlen(value); left > 0;) {
		size_t step = utf8_octets((const uint8_t *)value, left);

		memcpy(to, step ? value : "\xef\xbf\xbd", step ? step : 3);
		to += step ? step : 3;
		value += step ? step : 1;
		left -= step ? step : 1;
	}
	*to = '\0';
	return ret;
}

static unsigned int hexadecimal(const char *at)
{
	char digits[5] = { 0 };

	memcpy(digits, at, 4);
	return (unsigned int)strtoul(digits, NULL, 16);
}

/* Backslashes taken away, as the readers of labels and of JSON do. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text != '\\') {
			*to++ = *text;
			continue;
		}
		text++;
		if (*text == 'u') {
			unsigned int point = hexadecimal(text + 1);

			if (point >= 0x80) /* of two octets: only controls are escaped */
				*to++ = (char)(0xc0 | point >> 6);
			*to++ = (char)(point >= 0x80 ? 0x80 | (point & 0x3f) : point);
			text += 4;
		} else {
			*to++ = *text == 'n' ? '\n' : *text;
		}
	}
	*to = '\0';
}

static void check_label(const char *value, const char *expected)
{
	char *escaped;

	append(text_append_label_value, value, 6 * strlen(value) + 1, &escaped);
	require(!strchr(escaped, '\n'));
	for (const char *at = escaped; *at; at++) {
		require(*at != '"');
		if (*at == '\\')
			require(*++at == '\\' || *at == '"' || *at == 'n');
	}
	unescape(escaped);
	require(strcmp(escaped, expected) == 0);
	free(escaped);
}

static void check_json(const char *value, const char *expected)
{
	char *escaped, *document;
	size_t length = append(text_append_json, value, 6 * strlen(value) + 1, &escaped);

	/* No control reaches a terminal, those of C1 (U+0080 to U+009F) neither. */
	for (const char *at = escaped; *at; at++)
		require((unsigned char)*at >= ' ' && *at != 0x7f &&
			!(*at == '\xc2' && (unsigned char)at[1] < 0xa0));
	document = malloc(length + 3);
	sprintf(document, "\"%s\"", escaped);
	require(json_is_valid(document));
	unescape(escaped);
	require(strcmp(escaped, expected) == 0);
	free(document);
	free(escaped);
}

static void check_html(const char *value)
{
	char *escaped;

	append(text_append_html, value, 6 * strlen(value) + 1, &escaped);
	for (const char *at = escaped; *at; at++) {
		require((unsigned char)*at >= 0x20 && *at != 0x7f);
		require(!strchr("<>\"'", *at));
		require(*at != '&' || !strncmp(at, "&amp;", 5) || !strncmp(at, "&lt;", 4) ||
			!strncmp(at, "&gt;", 4) || !strncmp(at, "&quot;", 6) ||
			!strncmp(at, "&#39;", 5));
	}
	free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static append_fn *const functions[] = { text_append_utf8, text_append_label_value,
						text_append_json, text_append_html };
	struct input input = { octets, length };
	size_t capacity = input_octet(&input);
	char *value = input_text(&input, '\0');
	char *expected = sanitised(value), *cut, *plain;

	/* Whole pieces or nothing: what is cut is well-formed, too. */
	for (int i = 0; i < 4; i++) {
		append(functions[i], value, capacity, &cut);
		free(cut);
	}
	append(text_append_utf8, value, 3 * strlen(value), &plain);
	require(strcmp(plain, expected) == 0);
	free(plain);
	check_label(value, expected);
	check_json(value, expected);
	check_html(value);
	free(expected);
	free(value);
	return 0;
}
