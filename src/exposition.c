/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text format 0.0.4: the walk over the table of families, whole rows into blocks, and the
 * syntax of rows. Must not know what a family measures.
 */
#include "exposition.h"

#include <assert.h>

#include "families.h"

void row_append_label(struct text *text, const char *opening, const char *value)
{
	text_append(text, opening);
	text_append_label_value(text, value);
	text_append(text, "\"");
}

void row_append_peer(struct text *text, const struct row_peer *peer)
{
	row_append_label(text, "peer=\"", peer->label);
	if (peer->family)
		row_append_label(text, ",family=\"", peer->family);
}

static void append_name(const struct family *family, struct text *text, const char *opening,
			const char *label_value)
{
	text_append(text, family->name);
	if (opening) {
		row_append_label(text, opening, label_value);
		text_append(text, "}");
	}
}

void row_append_count(struct text *text, const char *opening, uint64_t value)
{
	text_append(text, opening);
	text_append_uint(text, value);
	text_append(text, "\n");
}

void row_append_seconds(struct text *text, const char *opening, uint64_t value_ns)
{
	text_append(text, opening);
	text_append_seconds(text, value_ns);
	text_append(text, "\n");
}

void row_write_count(const struct family *family, struct text *text, const char *opening,
		     const char *label_value, uint64_t value)
{
	append_name(family, text, opening, label_value);
	row_append_count(text, " ", value);
}

void row_write_seconds(const struct family *family, struct text *text, const char *opening,
		       const char *label_value, uint64_t value_ns)
{
	append_name(family, text, opening, label_value);
	row_append_seconds(text, " ", value_ns);
}

void row_histogram_add(struct row_histogram *histogram, uint64_t count)
{
	struct text *text = histogram->text;
	unsigned int bucket = histogram->buckets++;

	histogram->cumulative += count;
	text_append(text, histogram->family->name);
	text_append(text, "_bucket{");
	if (histogram->peer) {
		row_append_peer(text, histogram->peer);
		text_append(text, ",");
	}
	text_append(text, "le=\"");
	if (bucket < STATS_BOUNDS)
		text_append_seconds(text, (uint64_t)stats_bounds_ns[bucket]);
	else
		text_append(text, "+Inf");
	row_append_count(text, "\"} ", histogram->cumulative);
}

static void append_series(const struct row_histogram *histogram, const char *suffix)
{
	text_append(histogram->text, histogram->family->name);
	text_append(histogram->text, suffix);
	if (histogram->peer) {
		text_append(histogram->text, "{");
		row_append_peer(histogram->text, histogram->peer);
		text_append(histogram->text, "}");
	}
}

void row_histogram_finish(struct row_histogram *histogram, uint64_t sum_ns)
{
	append_series(histogram, "_sum");
	row_append_seconds(histogram->text, " ", sum_ns);
	append_series(histogram, "_count");
	row_append_count(histogram->text, " ", histogram->cumulative);
}

static void write_header(const struct family *family, struct text *text)
{
	static const char *const types[] = {
		[FAMILY_COUNTER] = " counter\n",
		[FAMILY_GAUGE] = " gauge\n",
		[FAMILY_HISTOGRAM] = " histogram\n",
	};

	text_append(text, "# HELP ");
	text_append(text, family->name);
	text_append(text, " ");
	text_append(text, family->help);
	text_append(text, "\n# TYPE ");
	text_append(text, family->name);
	text_append(text, types[family->type]);
}

static uint32_t family_rows(const struct family *family, const struct exposition *exposition)
{
	return family->rows == FAMILY_ROW_PER_PEER ? peers_capacity(exposition->peers)
						   : family->rows;
}

size_t exposition_write(const struct exposition *exposition, struct exposition_cursor *cursor,
			char *block, size_t capacity)
{
	struct text text = text_over(block, capacity);
	size_t whole_rows_length = 0;

	assert(capacity >= EXPOSITION_ROW_CAPACITY);
	while (cursor->family < families_count) {
		const struct family *family = &families[cursor->family];

		if (cursor->row == 0) {
			write_header(family, &text);
		} else if (cursor->row <= family_rows(family, exposition)) {
			family->write(family, exposition, cursor->row - 1, &text);
		} else {
			cursor->family++;
			cursor->row = 0;
			continue;
		}
		if (text.overflowed) {
			/* A row that fits no empty block would hold up the scrape for ever. */
			assert(whole_rows_length > 0);
			return whole_rows_length;
		}
		whole_rows_length = text.length;
		cursor->row++;
	}
	cursor->finished = 1;
	return whole_rows_length;
}
