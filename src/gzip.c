/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib with its memory in one piece of ours, from which it takes and to which nothing goes back.
 * Must not know what it compresses.
 */
#include "gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WRAPPER 16
#define WINDOW_BITS  12 /* 4 KiB: some dozens of rows */
#define MEMORY_LEVEL 4
#define LEVEL	     3 /* half the time of 6, for a sixth more octets */

static void *take(struct gzip *gzip, size_t bytes)
{
	unsigned char *start = &gzip->memory[gzip->used];

	bytes = (bytes + 15) & ~(size_t)15;
	if (bytes > sizeof(gzip->memory) - gzip->used)
		return NULL;
	gzip->used += bytes;
	return start;
}

static void *on_allocate(void *ctx, unsigned int count, unsigned int size)
{
	return take(ctx, (size_t)count * size);
}

static void on_free(void *ctx, void *memory)
{
	(void)ctx;
	(void)memory;
}

/* zlib's own state comes first. */
static z_stream *state_of(struct gzip *gzip)
{
	return (void *)gzip->memory;
}

int gzip_begin(struct gzip *gzip)
{
	z_stream *state;

	gzip->used = 0;
	state = take(gzip, sizeof(*state));
	assert(state);
	*state = (z_stream){ .zalloc = on_allocate, .zfree = on_free, .opaque = gzip };
	return deflateInit2(state, LEVEL, Z_DEFLATED, GZIP_WRAPPER + WINDOW_BITS, MEMORY_LEVEL,
			    Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -ENOMEM;
}

size_t gzip_write(struct gzip *gzip, const char **input, size_t *length, bool last, char *output,
		  size_t capacity, bool *ret_finished)
{
	z_stream *state = state_of(gzip);
	int status;

	if (capacity > UINT_MAX)
		capacity = UINT_MAX;
	assert(*length <= UINT_MAX);
	state->next_in = (void *)(uintptr_t)*input;
	state->avail_in = (unsigned int)*length;
	state->next_out = (void *)output;
	state->avail_out = (unsigned int)capacity;
	status = deflate(state, last ? Z_FINISH : Z_NO_FLUSH);
	/* Z_BUF_ERROR: no room, or nothing to do yet. */
	assert(status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END);
	*input = (const char *)state->next_in;
	*length = state->avail_in;
	*ret_finished = status == Z_STREAM_END;
	return capacity - state->avail_out;
}
