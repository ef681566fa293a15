/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a refusal is worded: one line, with which option, which text and what was expected, or which
 * option was probably meant. Must not know why something is refused.
 */
#include <errno.h>
#include <string.h>

#include "config_state.h"

#define QUOTED_LENGTH 64 /* of an offending text, longer ones are cut */

#define COMPARED_LENGTH 32 /* longer than any name by more than may be wrong */

/* Insertions, deletions and replacements (Levenshtein) that make one the other, in any spelling. */
static size_t edit_distance(const char *a, size_t a_length, const char *b)
{
	size_t b_length = strlen(b);
	size_t row[COMPARED_LENGTH + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 0; i < a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b_length; j++) {
			size_t replaced = diagonal + (option_variable_character(a[i]) !=
						      option_variable_character(b[j]));
			size_t other = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = replaced < other ? replaced : other;
		}
	}
	return row[b_length];
}

/* The one that was probably meant; NULL: nothing is near. */
static const struct option *find_nearest_option(const char *name, size_t length)
{
	const struct option *nearest = NULL;
	size_t limit = length / 3 + 2; /* from here on it is another word */

	if (length > COMPARED_LENGTH)
		return NULL;
	for (size_t row = 0; row < options_count; row++) {
		const char *group_end = strchr(options[row].name, '.');
		size_t distance = edit_distance(name, length, options[row].name);
		size_t distance_of_end = group_end ? 1 + edit_distance(name, length, group_end + 1)
						   : SIZE_MAX;

		if (distance_of_end < distance) /* the group was forgotten */
			distance = distance_of_end;
		if (distance < limit) {
			limit = distance;
			nearest = &options[row];
		}
	}
	return nearest;
}

static void append_quoted(struct text *text, const char *value, size_t length)
{
	static const char hexadecimal[] = "0123456789abcdef";

	text_append(text, "\"");
	for (size_t i = 0; i < length && i < QUOTED_LENGTH; i++) {
		unsigned char octet = (unsigned char)value[i];
		char escape[] = { '\\', 'x', hexadecimal[octet >> 4], hexadecimal[octet & 15] };

		if (octet < 0x20 || octet > 0x7e) {
			text_append_bytes(text, escape, sizeof(escape));
			continue;
		}
		if (octet == '"' || octet == '\\')
			text_append(text, "\\");
		text_append_bytes(text, &value[i], 1);
	}
	text_append(text, length > QUOTED_LENGTH ? "...\"" : "\"");
}

/* The line so far: CONFIG_ERROR_CAPACITY holds any, and its terminating zero was written before. */
struct text config_error_line(const struct reading *reading)
{
	memset(reading->ret_error, 0, CONFIG_ERROR_CAPACITY);
	return text_over(reading->ret_error, CONFIG_ERROR_CAPACITY - 1);
}

int config_refuse(const struct reading *reading, const char *value, const char *expected)
{
	struct text text = config_error_line(reading);

	option_append_name(&text, reading->option, reading->variable);
	text_append(&text, ": got ");
	if (value)
		append_quoted(&text, value, strlen(value));
	else
		text_append(&text, "no value");
	text_append(&text, ", expected ");
	if (expected)
		text_append(&text, expected);
	else
		option_append_expectation(&text, reading->option);
	return -EINVAL;
}

int config_refuse_unknown(const struct reading *reading, const char *what, const char *whole,
			  const char *name, size_t length)
{
	struct text text = config_error_line(reading);
	const struct option *nearest = find_nearest_option(name, length);

	text_append(&text, what);
	text_append(&text, " ");
	append_quoted(&text, whole, (size_t)(name - whole) + length);
	if (nearest && !(reading->variable && nearest->kind == OPTION_SWITCH)) {
		text_append(&text, ", did you mean ");
		option_append_name(&text, nearest, reading->variable);
	} else {
		text_append(&text, ", expected one of those that --help lists");
	}
	return -EINVAL;
}
