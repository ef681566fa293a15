/* SPDX-License-Identifier: Apache-2.0 */
/* Whole documents out of blocks of any size. */
#ifndef VIEW_DOCUMENT_H
#define VIEW_DOCUMENT_H

#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "page.h"

enum document { DOCUMENT_PEERS, DOCUMENT_STATUS, DOCUMENT_PAGE };

struct document_cursor {
	struct api_cursor api;
	struct page_cursor page;
};

static inline size_t document_write(enum document document, const struct exposition *exposition,
				    struct document_cursor *cursor, char *block, size_t capacity)
{
	switch (document) {
	case DOCUMENT_PEERS:
		return api_peers_write(exposition, &cursor->api, block, capacity);
	case DOCUMENT_STATUS:
		return api_status_write(exposition, &cursor->api, block, capacity);
	case DOCUMENT_PAGE:
		return page_write(exposition, &cursor->page, block, capacity);
	}
	return 0;
}

/* To be freed. The block is exactly as large as it is said to be. */
static inline char *document_text(enum document document, const struct exposition *exposition,
				  size_t capacity)
{
	struct document_cursor cursor = { 0 };
	char *block = malloc(capacity);
	char *whole = NULL;
	size_t length = 0;
	size_t more;

	assert_non_null(block);
	while ((more = document_write(document, exposition, &cursor, block, capacity)) > 0) {
		assert_true(more <= capacity);
		whole = realloc(whole, length + more + 1);
		assert_non_null(whole);
		memcpy(whole + length, block, more);
		length += more;
		whole[length] = '\0';
		assert_int_equal(strlen(whole), length);
	}
	assert_true(document == DOCUMENT_PAGE ? cursor.page.finished : cursor.api.finished);
	assert_int_equal(document_write(document, exposition, &cursor, block, capacity), 0);
	free(block);
	return whole;
}

static inline unsigned int occurrences(const char *text, const char *wanted)
{
	unsigned int count = 0;

	for (; (text = strstr(text, wanted)); text++)
		count++;
	return count;
}

#endif
