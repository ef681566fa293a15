/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format of Protocol Buffers, written into a bounded buffer: fields in the order in which
 * they come, messages within messages without knowing their length before. What does not fit makes
 * the text overflow, as all that is appended to it. Must not know what is written.
 */
#ifndef PROTOBUF_H
#define PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define PROTOBUF_DEPTH 4 /* messages within each other, the outermost one included */

struct protobuf {
	struct text *text;
	unsigned int depth;
	struct {
		size_t start; /* of its content */
		size_t left;  /* octets in front of that, for its length */
	} open[PROTOBUF_DEPTH];
};

struct protobuf protobuf_over(struct text *text);

/* field: its number, from 1. */
void protobuf_append_uint(struct protobuf *protobuf, uint32_t field, uint64_t value);
void protobuf_append_sint(struct protobuf *protobuf, uint32_t field, int64_t value);
void protobuf_append_double(struct protobuf *protobuf, uint32_t field, double value);
/* A string that is known to be UTF-8. */
void protobuf_append_string(struct protobuf *protobuf, uint32_t field, const char *value);
/* Any string: octets that are not UTF-8 become U+FFFD. */
void protobuf_append_text(struct protobuf *protobuf, uint32_t field, const char *value);

/* What is appended until it is closed is its content. Field 0: no field, but its length before it
 * (a delimited message). A long one has mostly 128 octets or more, else less: any other content is
 * moved when it is closed, which takes time. */
void protobuf_open(struct protobuf *protobuf, uint32_t field);
void protobuf_open_long(struct protobuf *protobuf, uint32_t field);
void protobuf_close(struct protobuf *protobuf);
/* Opens the delimited message that begins at `start` and ends the text: what is appended, less than
 * 8 KiB until it is opened again, becomes more of it. False: it is so short or so long that its
 * length might take another number of octets then. */
bool protobuf_reopen(struct protobuf *protobuf, size_t start);
/* The message that begins at `start` ends with the text, whatever became of it since. */
void protobuf_cut(const struct text *text, size_t start);
/* An element of an open field that is packed. */
void protobuf_append_packed_sint(struct protobuf *protobuf, int64_t value);

/* Nanoseconds as seconds, correctly rounded: the double that is nearest. */
double protobuf_seconds(uint64_t value_ns);

#endif
