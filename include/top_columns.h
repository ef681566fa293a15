/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of the table: what stands in a cell, and how two rows compare by it. Must not know
 * which columns are shown.
 */
#ifndef TOP_COLUMNS_H
#define TOP_COLUMNS_H

#include "top_data.h"
#include "top_text.h"

enum top_view { TOP_VIEW_PEERS, TOP_VIEW_DIRECTION, TOP_VIEW_FLOWS, TOP_VIEWS };

#define TOP_COLUMNS_MAX 24 /* of one view; a static assertion holds it */

enum top_kind {
	TOP_KIND_MARK,
	TOP_KIND_TEXT,
	TOP_KIND_COUNT,
	TOP_KIND_SHARE,
	TOP_KIND_DURATION,
	TOP_KIND_HOPS,
	TOP_KIND_SHAPE,
	TOP_KIND_FLOWS, /* how many, or which one is lossy */
};

/* What a row shows: a peer, and with TOP_VIEW_FLOWS one of its flows (NULL: it has but one). */
struct top_cell {
	const struct top_peer *peer;
	const struct top_flow *flow;
};

struct top_column {
	const char *name; /* as --sort has it */
	const char *title;
	const char *meaning; /* a phrase, for help */
	enum top_kind kind;
	unsigned int priority;	/* those of a low one are shown first */
	unsigned int width;	/* at least */
	unsigned int width_max; /* it grows up to this, as far as its content needs */
	double (*number)(const struct top_cell *cell);
	const char *(*words)(const struct top_cell *cell);
	bool best_first; /* sorted upwards when it is chosen: words, not numbers */
};

/* The bins of all shapes that are shown together. */
struct top_scale {
	unsigned int first, last; /* first > last: nothing to show */
};

const char *top_view_name(enum top_view view);
const struct top_column *top_columns(enum top_view view, size_t *ret_count);

void top_column_write(const struct top_column *column, const struct top_cell *cell,
		      const struct top_scale *scale, unsigned int width, struct text *text,
		      struct top_style style);
void top_column_write_title(const struct top_column *column, const struct top_scale *scale,
			    unsigned int width, const char *arrow, struct text *text,
			    struct top_style style);

/* Columns that the cell needs, if they vary. */
unsigned int top_column_needs(const struct top_column *column, const struct top_cell *cell,
			      struct top_style style);

/* Below, equal, above 0. What is not known comes last, whichever way. */
int top_column_compare(const struct top_column *column, const struct top_cell *a,
		       const struct top_cell *b, bool descending);

const char *top_health_colour(enum top_health health);
const char *top_health_mark(enum top_health health, struct top_style style);

/* The upper bound of a bin in seconds. */
double top_bin_seconds(unsigned int bin);

#endif
