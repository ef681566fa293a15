/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows are chosen and sorted, columns are chosen by their priority. Must not know what a column
 * means.
 */
#include "top_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the peer's name, so that the numbers beside it are not all pushed out by one that is long. */
#define TEXT_FIRST_WIDTH 24

void top_table_init(struct top_table *table, struct top_style style)
{
	*table = (struct top_table){ .style = style };
	top_table_set_view(table, TOP_VIEW_PEERS);
}

void top_table_free(struct top_table *table)
{
	free(table->rows);
	table->rows = NULL;
	table->count = table->capacity = 0;
}

static const struct top_column *find_column(enum top_view view, const char *name)
{
	size_t count;
	const struct top_column *columns = top_columns(view, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	}
	return NULL;
}

void top_table_set_view(struct top_table *table, enum top_view view)
{
	const struct top_column *same = table->sort ? find_column(view, table->sort->name) : NULL;

	table->view = view;
	if (!same) {
		same = find_column(view, "health");
		table->descending = true;
	}
	table->sort = same;
}

bool top_table_sort_by(struct top_table *table, const char *name)
{
	bool reversed = *name == '-';
	const struct top_column *column = find_column(table->view, name + reversed);

	if (!column)
		return false;
	table->sort = column;
	table->descending = column->best_first == reversed;
	return true;
}

void top_table_sort_move(struct top_table *table, int step)
{
	size_t count;
	const struct top_column *columns = top_columns(table->view, &count);
	long at = table->sort - columns;

	do
		at += step;
	while (at >= 0 && at < (long)count && table->widths[at] == 0);
	if (at < 0 || at >= (long)count)
		return;
	table->sort = &columns[at];
	table->descending = !columns[at].best_first;
}

/* --- rows */

static struct top_cell cell_of(const struct top_table *table, const struct top_row *row)
{
	const struct top_peer *peer = &table->peers->peers[row->peer];
	bool by_flow = table->view == TOP_VIEW_FLOWS && peer->flow_count > 0;

	return (struct top_cell){ peer, by_flow ? &peer->flows[row->flow] : NULL };
}

static bool has_word(const struct top_cell *cell, const char *word)
{
	char port[TOP_NUMBER_CAPACITY] = "";

	if (cell->flow)
		top_text_count(port, cell->flow->source_port, (struct top_style){ 0 });
	return strcasestr(cell->peer->label, word) || strcasestr(cell->peer->address, word) ||
	       strcasestr(cell->peer->zone, word) || strcasestr(cell->peer->protocol, word) ||
	       strcasestr(cell->peer->state, word) || strcmp(port, word) == 0 ||
	       strcasestr(top_health_name(cell->peer->health), word);
}

struct words {
	char text[TOP_FILTER_CAPACITY];
	const char *word[TOP_FILTER_WORDS];
	size_t count;
};

static void split(const char *filter, struct words *words)
{
	char *rest;
	char *word;

	snprintf(words->text, sizeof(words->text), "%s", filter);
	words->count = 0;
	for (word = strtok_r(words->text, " ", &rest); word && words->count < TOP_FILTER_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		words->word[words->count++] = word;
}

static bool is_chosen(const struct top_cell *cell, const struct words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		if (!has_word(cell, words->word[i]))
			return false;
	}
	return true;
}

static uint32_t rows_of(const struct top_table *table, const struct top_peer *peer)
{
	return table->view == TOP_VIEW_FLOWS && peer->flow_count > 0 ? peer->flow_count : 1;
}

static int reserve(struct top_table *table)
{
	uint32_t needed = 0;
	struct top_row *grown;

	for (uint32_t peer = 0; peer < table->peers->count; peer++)
		needed += rows_of(table, &table->peers->peers[peer]);
	table->unfiltered = needed;
	if (needed <= table->capacity)
		return 0;
	grown = realloc(table->rows, needed * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->rows = grown;
	table->capacity = needed;
	return 0;
}

static void choose(struct top_table *table)
{
	struct words words = { .count = 0 };

	split(table->filter, &words);
	for (uint32_t peer = 0; peer < table->peers->count; peer++) {
		uint32_t rows = rows_of(table, &table->peers->peers[peer]);

		for (uint32_t flow = 0; flow < rows; flow++) {
			struct top_row row = { peer, flow };
			struct top_cell cell = cell_of(table, &row);

			if (is_chosen(&cell, &words))
				table->rows[table->count++] = row;
		}
	}
}

struct ordering {
	const struct top_table *table;
	struct {
		const struct top_column *column;
		bool descending;
	} by[6];
	size_t count;
};

/* What is equal goes by its loss, then by name, so that rows do not jump about. */
static void order_by(struct ordering *ordering, const struct top_table *table)
{
	static const char *const others[] = { "loss", "lost", "peer", "address", "port" };

	*ordering = (struct ordering){ .table = table, .count = 1 };
	ordering->by[0].column = table->sort;
	ordering->by[0].descending = table->descending;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct top_column *column = find_column(table->view, others[i]);

		if (!column)
			continue;
		ordering->by[ordering->count].column = column;
		ordering->by[ordering->count++].descending = i < 2;
	}
}

static int compare_rows(const void *first, const void *second, void *ctx)
{
	const struct ordering *ordering = ctx;
	struct top_cell a = cell_of(ordering->table, first);
	struct top_cell b = cell_of(ordering->table, second);
	int order = 0;

	for (size_t i = 0; order == 0 && i < ordering->count; i++)
		order = top_column_compare(ordering->by[i].column, &a, &b,
					   ordering->by[i].descending);
	return order;
}

static void sort(struct top_table *table)
{
	struct ordering ordering;

	order_by(&ordering, table);
	if (table->count > 1)
		qsort_r(table->rows, table->count, sizeof(*table->rows), compare_rows, &ordering);
}

static void find_scale(struct top_table *table)
{
	table->scale = (struct top_scale){ TOP_SHAPE_BINS, 0 };
	for (uint32_t i = 0; i < table->count; i++) {
		const struct top_peer *peer = &table->peers->peers[table->rows[i].peer];

		for (unsigned int bin = 0; bin < TOP_SHAPE_BINS; bin++) {
			if (peer->shape[bin] == 0)
				continue;
			if (bin < table->scale.first)
				table->scale.first = bin;
			if (bin > table->scale.last)
				table->scale.last = bin;
		}
	}
}

/* --- columns */

/* What the column would take if there were room: its title with an arrow, its content. */
static unsigned int wish_of(const struct top_table *table, const struct top_column *column)
{
	unsigned int wish = column->width;
	unsigned int title = (unsigned int)strlen(column->title) + 1;

	if (column->kind == TOP_KIND_SHAPE && table->scale.first <= table->scale.last)
		wish = table->scale.last - table->scale.first + 1;
	if (column->kind == TOP_KIND_TEXT && title > wish)
		wish = title;
	for (uint32_t i = 0; i < table->count && column->kind == TOP_KIND_TEXT; i++) {
		struct top_cell cell = cell_of(table, &table->rows[i]);
		unsigned int needs = top_column_needs(column, &cell, table->style);

		wish = needs > wish ? needs : wish;
	}
	if (wish < column->width)
		wish = column->width;
	return wish < column->width_max ? wish : column->width_max;
}

static const struct top_column *next_by_priority(const struct top_column *columns, size_t count,
						 const bool *taken)
{
	const struct top_column *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!taken[i] && (!best || columns[i].priority < best->priority))
			best = &columns[i];
	}
	return best;
}

/* Goes by priority as far as there is room; then those that would like more share what is left,
 * in the same order. */
static void lay_out(struct top_table *table, unsigned int width)
{
	bool taken[TOP_COLUMNS_MAX] = { false };
	unsigned int wishes[TOP_COLUMNS_MAX];
	const struct top_column *order[TOP_COLUMNS_MAX];
	const struct top_column *column;
	unsigned int used = 0;
	size_t count, shown = 0;
	const struct top_column *columns = top_columns(table->view, &count);

	memset(table->widths, 0, sizeof(table->widths));
	while ((column = next_by_priority(columns, count, taken))) {
		size_t i = (size_t)(column - columns);
		unsigned int first;

		taken[i] = true;
		wishes[i] = wish_of(table, column);
		first = wishes[i] < TEXT_FIRST_WIDTH ? wishes[i] : TEXT_FIRST_WIDTH;
		if (column->kind == TOP_KIND_SHAPE || width < 70)
			first = column->width;
		if (used + first + (shown > 0) > width)
			break;
		used += first + (shown > 0);
		table->widths[i] = first;
		order[shown++] = column;
	}
	for (size_t at = 0; at < shown; at++) {
		size_t i = (size_t)(order[at] - columns);
		unsigned int more = wishes[i] - table->widths[i];

		more = more < width - used ? more : width - used;
		table->widths[i] += more;
		used += more;
	}
}

int top_table_arrange(struct top_table *table, const struct top_peers *peers, unsigned int width)
{
	int err;

	table->peers = peers;
	table->count = 0;
	err = reserve(table);
	if (err)
		return err;
	choose(table);
	sort(table);
	find_scale(table);
	lay_out(table, width);
	return 0;
}

/* --- lines */

void top_table_write_head(const struct top_table *table, struct text *text)
{
	const char *arrows[2][2] = { { "^", "\xe2\x96\xb2" }, { "v", "\xe2\x96\xbc" } };
	size_t count;
	const struct top_column *columns = top_columns(table->view, &count);
	bool first = true;

	for (size_t i = 0; i < count; i++) {
		bool sorted = &columns[i] == table->sort;

		if (table->widths[i] == 0)
			continue;
		if (!first)
			top_text_spaces(text, 1);
		first = false;
		top_column_write_title(&columns[i], &table->scale, table->widths[i],
				       sorted ? arrows[table->descending][table->style.utf8] : "",
				       text, table->style);
	}
}

void top_table_write_row(const struct top_table *table, uint32_t row, struct text *text)
{
	struct top_cell cell = cell_of(table, &table->rows[row]);
	size_t count;
	const struct top_column *columns = top_columns(table->view, &count);
	bool first = true;

	for (size_t i = 0; i < count; i++) {
		if (table->widths[i] == 0)
			continue;
		if (!first)
			top_text_spaces(text, 1);
		first = false;
		top_column_write(&columns[i], &cell, &table->scale, table->widths[i], text,
				 table->style);
	}
}
