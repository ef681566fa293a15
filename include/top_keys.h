/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key a terminal's octets mean. Must not know what a key does.
 */
#ifndef TOP_KEYS_H
#define TOP_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* A key is an octet that was typed (of a character beyond ASCII, one after the other), or one of
 * these. */
enum top_key {
	TOP_KEY_NONE = 256, /* a sequence that means nothing here */
	TOP_KEY_MORE,	    /* a sequence that is not whole yet */
	TOP_KEY_ESCAPE,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
};

/* The first key of what was read, and how many octets it has. `all_there`: no more are to come, so
 * that an escape alone is the key of that name, not the beginning of a sequence. */
int top_key_decode(const char *octets, size_t length, bool all_there, size_t *ret_used);

#endif
