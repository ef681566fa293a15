/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over the table of families, whole rows into blocks, in whichever format. Must not know
 * what a family measures, nor how a format writes it.
 */
#include "exposition.h"

#include <assert.h>

#include "families.h"

/* Of a block that holds the largest row, so much is enough: no more of its memory is touched, and a
 * row that does not fit any more is hardly ever written in vain. */
#define BLOCK_WANTED 4096

static const struct encoder *const encoders[ACCEPT_FORMATS] = {
	[ACCEPT_TEXT] = &encoder_text,
	[ACCEPT_OPENMETRICS] = &encoder_openmetrics,
	[ACCEPT_PROTOBUF] = &encoder_protobuf,
};

const char *exposition_content_type(enum accept_format format)
{
	return encoders[format]->content_type;
}

static uint32_t family_rows(const struct family *family, const struct exposition *exposition)
{
	if (family->rows == FAMILY_ROW_PER_PEER)
		return peers_capacity(exposition->peers);
	if (family->rows == FAMILY_ROW_PER_ZONE)
		return zones_count(exposition->zones);
	return family->rows;
}

/* What stands at the cursor: the header of a family, a row, or what ends it all. */
static void write_piece(const struct exposition *exposition, const struct encoder *encoder,
			const struct exposition_cursor *cursor, struct text *text)
{
	const struct family *family;
	struct metric_sink sink = { .encoder = encoder, .text = text };

	if (cursor->family == families_count) {
		encoder->end(text);
		return;
	}
	family = &families[cursor->family];
	sink.family = &family->metric;
	if (cursor->row == 0)
		encoder->begin(&family->metric, text);
	else
		family->write(family, exposition, cursor->row - 1, &sink);
}

static void advance(const struct exposition *exposition, struct exposition_cursor *cursor)
{
	if (cursor->family == families_count) {
		cursor->finished = 1;
	} else if (cursor->row < family_rows(&families[cursor->family], exposition)) {
		cursor->row++;
	} else {
		cursor->family++;
		cursor->row = 0;
	}
}

size_t exposition_write(const struct exposition *exposition, enum accept_format format,
			struct exposition_cursor *cursor, char *block, size_t capacity)
{
	struct text text = text_over(block, capacity);
	struct text whole_rows = text;

	assert(format < ACCEPT_FORMATS && capacity >= EXPOSITION_ROW_CAPACITY);
	while (!cursor->finished) {
		write_piece(exposition, encoders[format], cursor, &text);
		if (text.overflowed) {
			/* A row that fits no empty block would hold up the scrape for ever. */
			assert(whole_rows.length > 0);
			if (encoders[format]->cut)
				encoders[format]->cut(&whole_rows);
			break;
		}
		whole_rows = text;
		advance(exposition, cursor);
		if (whole_rows.length >= BLOCK_WANTED)
			break;
	}
	return whole_rows.length;
}
