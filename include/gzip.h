/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compresses a stream (RFC 1952) in memory of a fixed size: rows of metrics resemble the rows right
 * before them, so a small window does as well as a large one. Must not know what it compresses.
 */
#ifndef GZIP_H
#define GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* Of zlib 1.2 and 1.3, with some room: 30 KiB are used. */
#define GZIP_BYTES 32768

struct gzip {
	size_t used;
	_Alignas(16) unsigned char memory[GZIP_BYTES];
};

/* Begins anew; whatever was before is forgotten, there is nothing to close. 0, or -ENOMEM of a zlib
 * that needs more. */
int gzip_begin(struct gzip *gzip);

/* Takes input as long as there is room for output; *input and *length are moved on. last: there is
 * no more input beyond. Returns the octets written, which may be none: it has to collect some
 * first. *ret_finished: the stream is complete. */
size_t gzip_write(struct gzip *gzip, const char **input, size_t *length, bool last, char *output,
		  size_t capacity, bool *ret_finished);

#endif
