/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: which rows, in which order, which columns, how wide. Must not know where it is
 * written.
 */
#ifndef TOP_TABLE_H
#define TOP_TABLE_H

#include "top_columns.h"

#define TOP_FILTER_CAPACITY 128
#define TOP_FILTER_WORDS    (TOP_FILTER_CAPACITY / 2) /* of an octet and a space each */
#define TOP_WIDTH_MIN	    20
#define TOP_WIDTH_MAX	    1000

struct top_row {
	uint32_t peer;
	uint32_t flow; /* of TOP_VIEW_FLOWS, and if the peer has several */
};

struct top_table {
	/* As wanted; whoever changes them arranges anew. */
	enum top_view view;
	const struct top_column *sort; /* of this view */
	bool descending;
	char filter[TOP_FILTER_CAPACITY]; /* words, all of which a row must have */
	struct top_style style;
	/* As arranged. */
	const struct top_peers *peers;
	struct top_row *rows; /* grows to what was needed */
	uint32_t count;
	uint32_t capacity;
	uint32_t unfiltered; /* rows that there would be without a filter */
	struct top_scale scale;
	unsigned int widths[TOP_COLUMNS_MAX]; /* 0: not shown */
};

void top_table_init(struct top_table *table, struct top_style style);
void top_table_free(struct top_table *table);

void top_table_set_view(struct top_table *table, enum top_view view);
/* "loss", or "-loss" for the other way round; false if the view has no such column. */
bool top_table_sort_by(struct top_table *table, const char *name);
/* To the next column that is shown, or (-1) the one before. */
void top_table_sort_move(struct top_table *table, int step);

/* Chooses, sorts and lays out. 0, or -ENOMEM with no rows left. */
int top_table_arrange(struct top_table *table, const struct top_peers *peers, unsigned int width);

/* One line each, without its end, of at most the width. */
void top_table_write_head(const struct top_table *table, struct text *text);
void top_table_write_row(const struct top_table *table, uint32_t row, struct text *text);

#endif
