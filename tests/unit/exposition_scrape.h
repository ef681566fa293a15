/* SPDX-License-Identifier: Apache-2.0 */
/* Scraping an exposition, and reading what comes of it. */
#ifndef EXPOSITION_SCRAPE_H
#define EXPOSITION_SCRAPE_H

#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "unit/protobuf_split.h"

#define LENGTH(array)  (sizeof(array) / sizeof((array)[0]))
#define WHOLE_CAPACITY (4 * 1024 * 1024)

/* All of it, cut into blocks of that size; each block is an allocation of its own. A zero follows.
 */
static inline char *scrape_whole(const struct exposition *exposition, enum accept_format format,
				 size_t block_capacity, size_t *ret_length)
{
	struct exposition_cursor cursor = { 0 };
	char *whole = malloc(WHOLE_CAPACITY);
	size_t length = 0;
	size_t written;

	do {
		char *block = malloc(block_capacity);

		written = exposition_write(exposition, format, &cursor, block, block_capacity);
		if (written > block_capacity || length + written >= WHOLE_CAPACITY)
			abort();
		if (written > 0 && format != ACCEPT_PROTOBUF)
			assert_int_equal(block[written - 1], '\n');
		memcpy(whole + length, block, written);
		length += written;
		free(block);
	} while (written > 0);
	assert_true(cursor.finished);
	whole[length] = '\0';
	*ret_length = length;
	return whole;
}

/* The same, but of protobuf with a message for each metric: how many stand in one depends on the
 * blocks. */
static inline char *scrape_as(const struct exposition *exposition, enum accept_format format,
			      size_t block_capacity, size_t *ret_length)
{
	char *whole = scrape_whole(exposition, format, block_capacity, ret_length);

	return format == ACCEPT_PROTOBUF ? protobuf_split(whole, ret_length, NULL) : whole;
}

static inline char *scrape(const struct exposition *exposition, size_t block_capacity,
			   size_t *ret_length)
{
	return scrape_as(exposition, ACCEPT_TEXT, block_capacity, ret_length);
}

/* name[{label="value",...}] number, with nothing left over. */
static inline bool is_sample(const char *at)
{
	const char word[] = "abcdefghijklmnopqrstuvwxyz_";

	at += strspn(at, word);
	if (*at == '{') {
		do {
			at++;
			at += strspn(at, word);
			if (*at++ != '=' || *at++ != '"')
				return false;
			for (; *at && *at != '"'; at++) {
				if (*at == '\\' && !strchr("\\\"n", *++at))
					return false;
			}
			if (*at++ != '"')
				return false;
		} while (*at == ',');
		if (*at++ != '}')
			return false;
	}
	return at[0] == ' ' && strspn(at + 1, "0123456789.") > 0 &&
	       at[1 + strspn(at + 1, "0123456789.")] == '\0';
}

static inline unsigned long long sample_value(const char *text, const char *series)
{
	const char *at = strstr(text, series);

	assert_non_null(at);
	return strtoull(at + strlen(series), NULL, 10);
}

#endif
