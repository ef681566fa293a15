/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: the pieces of src/page/ as they were built in, and between them what is known at the
 * moment, one after the other into blocks. Must not know what the parts look like.
 */
#include "page.h"

#include <assert.h>
#include <string.h>

#include "page_parts.h"

enum page_kind { PAGE_FIXED, PAGE_NODE, PAGE_ABOUT, PAGE_SUMMARY, PAGE_HERE, PAGE_PEERS };

struct page_piece {
	const char *text; /* PAGE_FIXED only */
	size_t length;
	enum page_kind kind;
};

/* page_pieces[] and PAGE_POLICY, as scripts/embed-page made them. */
#include "page_pieces.h"

#define PIECES (sizeof(page_pieces) / sizeof(page_pieces[0]))

const char *page_policy(void)
{
	return PAGE_POLICY;
}

/* As much as there is room for; true when that was all. */
static bool append_fixed(struct text *text, const struct page_piece *piece, uint32_t *offset)
{
	size_t length = piece->length - *offset;

	if (length > text->capacity - text->length)
		length = text->capacity - text->length;
	text_append_bytes(text, piece->text + *offset, length);
	*offset += (uint32_t)length;
	return *offset == piece->length;
}

/* Part `offset` of the piece; true after the last. */
static bool append_part(struct text *text, const struct exposition *exposition,
			const struct page_piece *piece, uint32_t *offset)
{
	switch (piece->kind) {
	case PAGE_FIXED:
		return append_fixed(text, piece, offset);
	case PAGE_NODE:
		text_append_html(text, exposition->node_name);
		return true;
	case PAGE_ABOUT:
		page_append_about(text, exposition);
		return true;
	case PAGE_SUMMARY:
		page_append_summary(text, exposition);
		return true;
	case PAGE_HERE:
		page_append_here(text, exposition);
		return true;
	case PAGE_PEERS:
		if (*offset < peers_capacity(exposition->peers))
			page_append_peer(text, exposition, *offset);
		*offset += 1;
		return *offset >= peers_capacity(exposition->peers);
	}
	return true;
}

size_t page_write(const struct exposition *exposition, struct page_cursor *cursor, char *block,
		  size_t capacity)
{
	struct text text = text_over(block, capacity);

	assert(capacity >= PAGE_ROW_CAPACITY);
	while (cursor->row < PIECES) {
		const size_t whole_length = text.length;
		const uint32_t before = cursor->offset;

		if (append_part(&text, exposition, &page_pieces[cursor->row], &cursor->offset)) {
			if (!text.overflowed) {
				cursor->row++;
				cursor->offset = 0;
				continue;
			}
		} else if (!text.overflowed && text.length < capacity) {
			continue;
		}
		/* The block is full. A part that did not fit is for the next one; one that fits no
		 * empty block would hold up the page for ever. */
		assert(!text.overflowed || whole_length > 0);
		if (text.overflowed)
			cursor->offset = before;
		return text.overflowed ? whole_length : text.length;
	}
	cursor->finished = 1;
	return text.length;
}
