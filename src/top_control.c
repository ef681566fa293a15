/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keys do. Must not know the terminal or the network.
 */
#include "top_control.h"

#include <string.h>

#define BACKSPACE	0x7f
#define CONTROL(letter) ((letter)&0x1f)

#include "top_keys.h"

static bool filter_key(struct top_control *control, int key)
{
	char *filter = control->table.filter;
	size_t length = strlen(filter);

	if (key == TOP_KEY_ESCAPE || key == CONTROL('U')) {
		filter[0] = '\0';
		if (key == TOP_KEY_ESCAPE)
			control->mode = TOP_MODE_TABLE;
	} else if (key == '\r' || key == '\n') {
		control->mode = TOP_MODE_TABLE;
	} else if (key == BACKSPACE || key == '\b') {
		/* A whole character, and first what follows its first octet. */
		while (length > 0 && ((unsigned char)filter[length - 1] & 0xc0) == 0x80)
			length--;
		filter[length > 0 ? length - 1 : 0] = '\0';
	} else if (key >= ' ' && key < 256 && length < TOP_FILTER_CAPACITY - 1) {
		filter[length] = (char)key;
		filter[length + 1] = '\0';
	} else {
		return false;
	}
	control->first = 0;
	return true;
}

/* Beyond the last row is mended when it is drawn. */
static void scroll(struct top_control *control, int64_t rows)
{
	int64_t first = (int64_t)control->first + rows;

	control->first = first < 0 ? 0 : first > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)first;
}

static bool scroll_key(struct top_control *control, int key)
{
	int64_t page = control->lines > 8 ? control->lines - 7 : 1;

	switch (key) {
	case TOP_KEY_UP:
	case 'k':
		scroll(control, -1);
		return true;
	case TOP_KEY_DOWN:
	case 'j':
		scroll(control, 1);
		return true;
	case TOP_KEY_PAGE_UP:
	case CONTROL('B'):
		scroll(control, -page);
		return true;
	case TOP_KEY_PAGE_DOWN:
	case CONTROL('F'):
		scroll(control, page);
		return true;
	case TOP_KEY_HOME:
	case 'g':
		control->first = 0;
		return true;
	case TOP_KEY_END:
	case 'G':
		control->first = UINT32_MAX / 2;
		return true;
	default:
		return false;
	}
}

static void set_view(struct top_control *control, enum top_view view)
{
	top_table_set_view(&control->table, view);
	control->first = 0;
}

/* The columns' own letters. */
static bool sort_key(struct top_control *control, int key)
{
	static const struct {
		char letter;
		const char *column;
	} letters[] = { { 'H', "health" }, { 'N', "peer" },  { 'Z', "zone" }, { 'L', "loss" },
			{ 'S', "sent" },   { 'T', "last" },  { 'M', "p50" },  { 'P', "p99" },
			{ 'J', "jitter" }, { 'D', "spread" } };

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (key == letters[i].letter)
			return top_table_sort_by(&control->table, letters[i].column);
	}
	return false;
}

static bool table_key(struct top_control *control, int key)
{
	struct top_table *table = &control->table;

	switch (key) {
	case '<':
	case TOP_KEY_LEFT:
		top_table_sort_move(table, -1);
		return true;
	case '>':
	case TOP_KEY_RIGHT:
		top_table_sort_move(table, 1);
		return true;
	case 'r':
	case 'R':
		table->descending = !table->descending;
		return true;
	case '1':
	case '2':
	case '3':
		set_view(control, (enum top_view)(key - '1'));
		return true;
	case '\t':
		set_view(control, (table->view + 1) % TOP_VIEWS);
		return true;
	case '/':
		control->mode = TOP_MODE_FILTER;
		return false;
	case TOP_KEY_ESCAPE:
		table->filter[0] = '\0';
		return true;
	default:
		return sort_key(control, key);
	}
}

bool top_control_key(struct top_control *control, int key)
{
	if (control->mode == TOP_MODE_FILTER)
		return filter_key(control, key);
	if (key == 'q' || key == 'Q') {
		control->ended = control->mode == TOP_MODE_TABLE;
		control->mode = TOP_MODE_TABLE;
		return false;
	}
	if (control->mode == TOP_MODE_HELP) {
		control->mode = TOP_MODE_TABLE;
		return false;
	}
	if (key == 'h' || key == '?') {
		control->mode = TOP_MODE_HELP;
		return false;
	}
	if (key == 'p' || key == ' ') {
		control->paused = !control->paused;
		return false;
	}
	return !scroll_key(control, key) && table_key(control, key);
}
