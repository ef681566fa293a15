/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads JSON (RFC 8259) that somebody else wrote, token by token, out of one piece of memory.
 * Strict; no recursion, no allocation, bounded depth. Must not know what the document means.
 */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_READER_DEPTH	 24  /* the API's documents have 5 */
#define JSON_READER_TEXT	 256 /* of a key or string with its zero: names have up to 253 */
#define JSON_READER_NUMBER_BYTES 64  /* as it is written: the longest of ours has 20 */

enum json_token {
	JSON_END, /* of the whole document */
	JSON_ERROR,
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_reader {
	const char *bytes; /* the caller's; read up to length, never beyond */
	size_t length;
	size_t at;	   /* where an error is, in octets from 0 */
	const char *error; /* a phrase, after JSON_ERROR */
	unsigned int depth;
	unsigned char expect;
	bool is_object[JSON_READER_DEPTH];
	/* Of the last key or string: UTF-8 without a zero in it (\u0000 is U+FFFD, and so is half a
	 * surrogate pair), cut after a whole character if it is longer. */
	char text[JSON_READER_TEXT];
	bool cut;
	double number; /* of the last one; infinite if it is beyond a double */
};

void json_reader_open(struct json_reader *reader, const char *bytes, size_t length);

/* The next token. After JSON_ERROR or JSON_END, that again. */
enum json_token json_reader_next(struct json_reader *reader);

/* Reads to the end of the value that begins with this token. False after an error. */
bool json_reader_skip(struct json_reader *reader, enum json_token begun);

#endif
