/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page for people: one HTML document that needs nothing else, produced piece by piece;
 * without script it has all that matters, with it the table sorts and renews itself. Reads the
 * core's state; must not know HTTP.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "exposition.h"

struct page_cursor {
	uint32_t row;
	uint32_t offset; /* within a fixed piece */
	uint8_t finished;
};

#define PAGE_ROW_CAPACITY 16384

/* As exposition_write. */
size_t page_write(const struct exposition *exposition, struct page_cursor *cursor, char *block,
		  size_t capacity);

/* The value of Content-Security-Policy: nothing but the page's own style and script, by hash. */
const char *page_policy(void);

#endif
