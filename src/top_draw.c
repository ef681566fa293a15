/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen, line by line: who is asked and how it stands, the table, the keys; or help. Must not
 * know the terminal or the network.
 */
#include "top_control.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DOT(style) ((style).utf8 ? " \xc2\xb7 " : ", ")
/* Lines beside the rows of a screen that is high enough for all of them. */
#define HEAD_LINES 4

/* A line that ends at the edge. */
struct line {
	struct text *text;
	struct top_style style;
	size_t room;
};

static void put(struct line *line, const char *rendition, const char *words)
{
	size_t width = top_text_width(words, line->style);

	width = width < line->room ? width : line->room;
	if (width == 0)
		return;
	if (rendition)
		top_text_colour(line->text, rendition, line->style);
	top_text_cell(line->text, words, width, TOP_LEFT, line->style);
	if (rendition)
		top_text_colour(line->text, TOP_PLAIN, line->style);
	line->room -= width;
}

static void put_right(struct line *line, const char *rendition, const char *words)
{
	size_t width = top_text_width(words, line->style);

	if (width >= line->room)
		return;
	top_text_spaces(line->text, line->room - width);
	line->room = width;
	put(line, rendition, words);
}

static void put_clock(struct line *line, const struct top_screenful *screenful)
{
	char words[64] = "";
	uint64_t seconds;

	if (screenful->status && screenful->status->time < 1e12) {
		seconds = (uint64_t)screenful->status->time;
		snprintf(words, sizeof(words), "%02u:%02u:%02u UTC",
			 (unsigned int)(seconds / 3600 % 24), (unsigned int)(seconds / 60 % 60),
			 (unsigned int)(seconds % 60));
	}
	put_right(line, *screenful->problem ? TOP_DIM : NULL, words);
}

static void draw_title(struct line *line, const struct top_screenful *screenful)
{
	const struct top_status *status = screenful->status;
	char age[TOP_NUMBER_CAPACITY];

	put(line, TOP_BOLD, status ? status->node : "kube-canary top");
	put(line, NULL, DOT(line->style));
	if (status && *status->zone) {
		put(line, NULL, status->zone);
		put(line, NULL, DOT(line->style));
	}
	if (status && *status->version) {
		put(line, NULL, "v");
		put(line, NULL, status->version);
		put(line, NULL, DOT(line->style));
	}
	if (status && !isnan(status->uptime)) {
		top_text_age(age, status->uptime);
		put(line, NULL, "up ");
		put(line, NULL, age);
		put(line, NULL, DOT(line->style));
	}
	put(line, NULL, screenful->where);
	put_clock(line, screenful);
}

static void draw_summary(struct line *line, const struct top_screenful *screenful)
{
	const struct top_peers *peers = screenful->peers;
	char words[64];

	snprintf(words, sizeof(words), "%u peer%s", peers->count, peers->count == 1 ? "" : "s");
	put(line, TOP_BOLD, words);
	for (int i = 0; i < TOP_HEALTHS; i++) {
		static const enum top_health order[] = { TOP_HEALTH_OK, TOP_HEALTH_DEGRADED,
							 TOP_HEALTH_LOST, TOP_HEALTH_REFUSED,
							 TOP_HEALTH_UNKNOWN };
		enum top_health health = order[i];
		uint32_t count = peers->health[health];

		snprintf(words, sizeof(words), "   %s %u %s", top_health_mark(health, line->style),
			 count, top_health_name(health));
		put(line, count ? top_health_colour(health) : TOP_DIM, words);
	}
	if (peers->surplus) {
		snprintf(words, sizeof(words), "   %u more left out", peers->surplus);
		put(line, TOP_RED, words);
	}
}

static void put_interface(struct line *line, const struct top_interface *interface)
{
	const char *rendition = interface->attached ? NULL : TOP_RED;

	put(line, rendition, interface->name);
	put(line, rendition, " ");
	put(line, rendition, interface->egress);
	if (strcmp(interface->egress, interface->ingress) != 0) {
		put(line, rendition, "/");
		put(line, rendition, interface->ingress);
	}
	put(line, NULL, DOT(line->style));
}

static void draw_node(struct line *line, const struct top_screenful *screenful)
{
	const struct top_status *status = screenful->status;
	char words[96];

	if (!status)
		return;
	for (uint32_t i = 0; i < status->interface_count && i < TOP_INTERFACES_MAX; i++)
		put_interface(line, &status->interfaces[i]);
	if (status->interface_count > TOP_INTERFACES_MAX) {
		snprintf(words, sizeof(words), "%u more",
			 status->interface_count - TOP_INTERFACES_MAX);
		put(line, NULL, words);
		put(line, NULL, DOT(line->style));
	}
	if (status->interface_count == 0) {
		put(line, TOP_RED, "no interface in use");
		put(line, NULL, DOT(line->style));
	}
	if (!isnan(status->interval)) {
		snprintf(words, sizeof(words), "a probe every %g s", status->interval);
		put(line, NULL, words);
	}
	if (status->clock_known && !status->clock_synchronised) {
		put(line, NULL, DOT(line->style));
		put(line, TOP_YELLOW, "clock not synchronised");
	}
	if (status->surplus > 0) {
		snprintf(words, sizeof(words), "%.0f peers too many for its limits",
			 status->surplus < 1e15 ? status->surplus : 1e15);
		put(line, NULL, DOT(line->style));
		put(line, TOP_YELLOW, words);
	}
}

static void draw_state(struct line *line, const struct top_control *control,
		       const struct top_screenful *screenful, uint32_t page)
{
	const struct top_table *table = &control->table;
	uint32_t last = control->first + page < table->count ? control->first + page : table->count;
	char words[96];

	if (control->mode == TOP_MODE_FILTER) {
		put(line, TOP_BOLD, "Filter: ");
		put(line, NULL, table->filter);
		put(line, TOP_INVERSE, " ");
		put(line, TOP_DIM, "  Enter keeps it, Esc shows all");
		return;
	}
	if (*screenful->problem) {
		put(line, TOP_RED, "no answer from ");
		put(line, TOP_RED, screenful->where);
		put(line, TOP_RED, ": ");
		put(line, TOP_RED, screenful->problem);
		put(line, TOP_RED, ", trying again");
		return;
	}
	if (!screenful->status) {
		put(line, NULL, "asking ");
		put(line, NULL, screenful->where);
		return;
	}
	put(line, TOP_BOLD, top_view_name(table->view));
	if (table->count > 0)
		snprintf(words, sizeof(words), "  rows %u to %u of %u", control->first + 1, last,
			 table->count);
	else
		snprintf(words, sizeof(words), "  %s",
			 table->unfiltered ? "none is like that" : "none is probed");
	put(line, NULL, words);
	snprintf(words, sizeof(words), "  sorted by %s", table->sort->name);
	put(line, NULL, words);
	if (*table->filter) {
		put(line, NULL, "  with ");
		put(line, TOP_BOLD, table->filter);
	}
	if (control->paused)
		put(line, TOP_YELLOW, "  paused");
}

bool top_control_heading(const struct top_control *control, const struct top_screenful *screenful,
			 unsigned int number, struct text *text)
{
	struct line line = { text, control->table.style, control->columns };

	if (number == 0)
		draw_title(&line, screenful);
	else if (number == 1)
		draw_summary(&line, screenful);
	else if (number == 2)
		draw_node(&line, screenful);
	return number < 3;
}

/* --- the screen */

static void draw_keys(struct line *line, const struct top_control *control)
{
	static const char *const keys[][2] = {
		{ "q", "quit" },  { "h", "help" },  { "<> r", "sort" },	  { "/", "filter" },
		{ "p", "pause" }, { "1", "peers" }, { "2", "direction" }, { "3", "flows" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bool on = keys[i][0][0] == '1' + (int)control->table.view ||
			  (keys[i][0][0] == 'p' && control->paused);

		if (line->room < strlen(keys[i][0]) + 1 + strlen(keys[i][1]))
			return;
		put(line, TOP_BOLD, keys[i][0]);
		put(line, NULL, " ");
		put(line, on ? TOP_INVERSE : NULL, keys[i][1]);
		put(line, NULL, "  ");
	}
}

static void draw_head(struct text *text, const struct top_table *table)
{
	top_text_colour(text, TOP_INVERSE, table->style);
	top_table_write_head(table, text);
	top_text_colour(text, TOP_PLAIN, table->style);
}

/* Line of help, from 0; the last of the screen says how to leave it. */
static void draw_help(struct line *line, const struct top_control *control, unsigned int number)
{
	static const char *const keys[][2] = {
		{ "arrows PgUp PgDn Home End", "move through the rows; also k j g G" },
		{ "< > left right", "sort by the next column; r turns the order round" },
		{ "H N Z S L T M P J D", "by health, name, zone, sent, loss, last, median," },
		{ "", "p99, jitter, spread" },
		{ "/", "rows with all these words; Esc shows all again" },
		{ "1 2 3 Tab", "peers, direction of loss, flows" },
		{ "p space, q Ctrl-C", "pause, quit" },
		{ "", "" },
	};
	const unsigned int key_lines = sizeof(keys) / sizeof(keys[0]);
	size_t count;
	const struct top_column *columns = top_columns(control->table.view, &count);
	char words[128];

	if (number + 1 == control->lines) {
		put(line, TOP_INVERSE, "any key goes back");
		return;
	}
	if (number < key_lines) {
		snprintf(words, sizeof(words), "%-28s", keys[number][0]);
		put(line, TOP_BOLD, words);
		put(line, NULL, keys[number][1]);
		return;
	}
	number -= key_lines;
	for (size_t i = 0; i < count; i++) {
		if (!columns[i].meaning || number-- > 0)
			continue;
		snprintf(words, sizeof(words), "%-11s", columns[i].title);
		put(line, TOP_BOLD, words);
		put(line, NULL, columns[i].meaning);
		return;
	}
}

static void draw_middle(struct line *line, const struct top_control *control, unsigned int number)
{
	const struct top_table *table = &control->table;

	if (number == 0)
		draw_head(line->text, table);
	else if (control->first + number - 1 < table->count)
		top_table_write_row(table, control->first + number - 1, line->text);
}

/* The more lines there are, the more stands beside the rows. */
static unsigned int lines_above(unsigned int lines)
{
	return lines >= 12 ? HEAD_LINES : lines >= 6 ? 2 : lines >= 3 ? 1 : 0;
}

static void draw_above(struct line *line, const struct top_control *control,
		       const struct top_screenful *screenful, unsigned int number, uint32_t page)
{
	unsigned int above = lines_above(control->lines);

	/* What is said now is never left out. */
	if (number + 1 == above)
		draw_state(line, control, screenful, page);
	else
		top_control_heading(control, screenful, number, line->text);
}

void top_control_draw(struct top_control *control, const struct top_screenful *screenful,
		      struct text *text)
{
	unsigned int lines = control->lines;
	unsigned int above = lines_above(lines);
	unsigned int below = lines >= 10 ? 1 : 0;
	uint32_t page = lines > above + below + 1 ? lines - above - below - 1 : 0;

	if (control->first + page > control->table.count)
		control->first = control->table.count > page ? control->table.count - page : 0;
	text_append(text, "\033[H");
	for (unsigned int number = 0; number < lines; number++) {
		struct line line = { text, control->table.style, control->columns };

		/* Afterwards it would take the last character of a line that is full. */
		text_append(text, "\033[K");
		if (control->mode == TOP_MODE_HELP)
			draw_help(&line, control, number);
		else if (number < above)
			draw_above(&line, control, screenful, number, page);
		else if (number + below == lines && below > 0)
			draw_keys(&line, control);
		else
			draw_middle(&line, control, number - above);
		if (number + 1 < lines)
			text_append(text, "\r\n");
	}
}

/* A character of a cell has 4 octets at most, and may be coloured by itself: 9 octets for it and 4
 * to end it, but only once in a cell, which is followed by a space. */
size_t top_control_capacity(unsigned int lines, unsigned int columns)
{
	return 16 + (size_t)lines * (columns * 16UL + 64);
}
