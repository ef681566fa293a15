/* SPDX-License-Identifier: Apache-2.0 */
/* `top` on a screen: what keys are, what they do, and that no screen is left or overrun, whatever
 * its size and whatever the instance is called. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_control.h"
#include "top_keys.h"

#define PEERS 50
#define EVIL                              \
	"\033[2J\033]0;owned\x07\xc2\x9b" \
	"31m\r\n"

static struct top_peer list[PEERS];
static struct top_peers peers = { .peers = list, .count = PEERS };
static struct top_status status = { .node = "node-a",
				    .zone = "zone-a",
				    .version = "0.1.0",
				    .time = 45296,
				    .uptime = 3700,
				    .interval = 1 };
static struct top_control control;
static char *screen;

static int open_control(void **state)
{
	(void)state;
	memset(&control, 0, sizeof(control));
	top_table_init(&control.table, (struct top_style){ .utf8 = true });
	control.lines = 24;
	control.columns = 80;
	memset(peers.health, 0, sizeof(peers.health));
	for (int i = 0; i < PEERS; i++) {
		list[i] = (struct top_peer){ .health = TOP_HEALTH_OK, .p50 = i, .last = NAN };
		snprintf(list[i].label, sizeof(list[i].label), "node-%02d", i);
	}
	peers.health[TOP_HEALTH_OK] = PEERS;
	screen = malloc(top_control_capacity(500, TOP_WIDTH_MAX));
	return !screen;
}

static int close_control(void **state)
{
	(void)state;
	top_table_free(&control.table);
	free(screen);
	return 0;
}

static void draw_with(const char *problem)
{
	struct top_screenful screenful = { &status, &peers, "127.0.0.1:10862", problem };
	size_t capacity = top_control_capacity(control.lines, control.columns);
	struct text text = text_over(screen, capacity - 1);

	assert_int_equal(top_table_arrange(&control.table, &peers, control.columns), 0);
	top_control_draw(&control, &screenful, &text);
	assert_false(text.overflowed);
	screen[text.length] = '\0';
}

static void draw(void)
{
	draw_with("");
}

static void type(const char *keys)
{
	size_t length = strlen(keys);

	while (length > 0) {
		size_t used;
		int key = top_key_decode(keys, length, true, &used);

		top_control_key(&control, key);
		keys += used;
		length -= used;
	}
	draw();
}

static void keys_are_decoded(void **state)
{
	static const struct {
		const char *octets;
		int key;
		size_t used;
	} cases[] = {
		{ "q", 'q', 1 },
		{ "\033", TOP_KEY_ESCAPE, 1 },
		{ "\033[A", TOP_KEY_UP, 3 },
		{ "\033OB", TOP_KEY_DOWN, 3 },
		{ "\033[C", TOP_KEY_RIGHT, 3 },
		{ "\033[D", TOP_KEY_LEFT, 3 },
		{ "\033[5~", TOP_KEY_PAGE_UP, 4 },
		{ "\033[6~q", TOP_KEY_PAGE_DOWN, 4 },
		{ "\033[H", TOP_KEY_HOME, 3 },
		{ "\033[1~", TOP_KEY_HOME, 4 },
		{ "\033[4~", TOP_KEY_END, 4 },
		{ "\033OF", TOP_KEY_END, 3 },
		{ "\033[1;5A", TOP_KEY_UP, 6 },
		{ "\033[15~", TOP_KEY_NONE, 5 },
		{ "\033[<0;1;1Mq", TOP_KEY_NONE, 9 },
		{ "\033q", TOP_KEY_ESCAPE, 1 },
		{ "\033\033[A", TOP_KEY_ESCAPE, 1 },
		{ "\033[", TOP_KEY_NONE, 2 },
		{ "\033[1;", TOP_KEY_NONE, 4 },
		{ "\xc3\xa9", 0xc3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t used = 99, length = strlen(cases[i].octets);

		assert_int_equal(top_key_decode(cases[i].octets, length, true, &used),
				 cases[i].key);
		assert_int_equal(used, cases[i].used);
		/* Of each beginning, more is waited for. */
		for (size_t cut = 1; cut < cases[i].used; cut++) {
			assert_int_equal(top_key_decode(cases[i].octets, cut, false, &used),
					 TOP_KEY_MORE);
			assert_int_equal(used, 0);
		}
	}
}

static void rows_scroll_within_bounds(void **state)
{
	(void)state;
	type("N\033[A");
	assert_int_equal(control.first, 0);
	assert_non_null(strstr(screen, "rows 1 to 18 of 50"));
	assert_non_null(strstr(screen, "node-00"));
	assert_null(strstr(screen, "node-18"));
	type("\033[Bj");
	assert_int_equal(control.first, 2);
	type("\033[6~\033[6~\033[6~\033[6~");
	assert_int_equal(control.first, PEERS - 18);
	assert_non_null(strstr(screen, "rows 33 to 50 of 50"));
	assert_non_null(strstr(screen, "node-49"));
	type("\033[5~");
	assert_in_range(control.first, 10, 20);
	type("G");
	assert_int_equal(control.first, PEERS - 18);
	control.lines = 200;
	draw();
	assert_int_equal(control.first, 0);
	control.lines = 24;
	type("Gg");
	assert_int_equal(control.first, 0);
}

static void keys_sort_view_pause_and_end(void **state)
{
	(void)state;
	type("M");
	assert_string_equal(control.table.sort->name, "p50");
	assert_true(strstr(screen, "node-49") && !strstr(screen, "node-00"));
	type("r");
	assert_true(strstr(screen, "node-00") && !strstr(screen, "node-49"));
	type("<");
	assert_string_equal(control.table.sort->name, "min");
	type("3");
	assert_int_equal(control.table.view, TOP_VIEW_FLOWS);
	type("\t");
	assert_int_equal(control.table.view, TOP_VIEW_PEERS);
	type("p");
	assert_true(control.paused);
	assert_non_null(strstr(screen, "paused"));
	type(" ");
	assert_false(control.paused);
	type("h");
	assert_non_null(strstr(screen, "any key goes back"));
	type("q");
	assert_false(control.ended);
	assert_null(strstr(screen, "any key goes back"));
	type("\x01\x7f\xff~");
	type("q");
	assert_true(control.ended);
}

static void a_filter_is_typed(void **state)
{
	char many[300];

	(void)state;
	type("/q4\x7f"
	     "\x7f"
	     "de-4");
	assert_string_equal(control.table.filter, "de-4");
	assert_int_equal(control.table.count, 10);
	assert_false(control.ended);
	assert_non_null(strstr(screen, "Filter: de-4"));
	type("7\r");
	assert_int_equal(control.mode, TOP_MODE_TABLE);
	assert_int_equal(control.table.count, 1);
	assert_non_null(strstr(screen, "with de-47"));
	type("/z");
	assert_int_equal(control.table.count, 0);
	type("\r");
	assert_non_null(strstr(screen, "none is like that"));
	type("\033");
	assert_int_equal(control.table.count, PEERS);
	type("/\xc3\xa9\x7f");
	assert_string_equal(control.table.filter, "");
	type("\x7f\x7f");
	assert_string_equal(control.table.filter, "");
	memset(many, 'n', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	type(many);
	assert_int_equal(strlen(control.table.filter), TOP_FILTER_CAPACITY - 1);
	type("\x15");
	assert_string_equal(control.table.filter, "");
}

/* Colours are of our own making; everything else that begins with an escape is not. */
static void assert_harmless(void)
{
	static const char *const ours[] = { "\033[H",	"\033[K",  "\033[0m",	 "\033[1m",
					    "\033[2m",	"\033[7m", "\033[1;31m", "\033[32m",
					    "\033[33m", "\033[36m" };

	for (const char *at = screen; *at; at++) {
		bool found = (unsigned char)*at >= 0x20 && *at != 0x7f;

		for (size_t i = 0; *at == '\033' && i < sizeof(ours) / sizeof(ours[0]); i++)
			found |= strncmp(at, ours[i], strlen(ours[i])) == 0;
		found |= (*at == '\r' && at[1] == '\n') || *at == '\n';
		if (!found || ((unsigned char)*at == 0xc2 && (unsigned char)at[1] < 0xa0))
			fail_msg("octet %#x at %td", (unsigned char)*at, at - screen);
	}
}

static void any_size_with_any_name(void **state)
{
	static const char *const problems[] = { "", EVIL };
	static const unsigned int sizes[][2] = { { 1, 20 },   { 2, 20 },    { 3, 21 },	{ 5, 25 },
						 { 9, 40 },   { 10, 79 },   { 24, 80 }, { 25, 81 },
						 { 50, 200 }, { 500, 1000 } };

	(void)state;
	for (int i = 0; i < PEERS; i++) {
		strcpy(list[i].label, EVIL);
		for (int n = 0; n < 20 && i % 2; n++)
			strcat(list[i].label, "\xf0\x9f\x98\x80");
		strcpy(list[i].zone, EVIL);
		strcpy(list[i].address, EVIL);
		strcpy(list[i].protocol, "\x9b"
					 "2J");
		strcpy(list[i].state, "\033c");
		list[i].health = i % TOP_HEALTHS;
		list[i].shape[i] = 1;
	}
	strcpy(status.node, EVIL);
	strcpy(status.version, EVIL);
	status.interface_count = 1;
	strcpy(status.interfaces[0].name, "\033[2J");
	strcpy(status.interfaces[0].egress, "\033c");
	strcpy(control.table.filter, "\033");
	for (size_t i = 0; i < 2 * 2 * 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int breaks = 0;

		control.table.style = (struct top_style){ .utf8 = i & 1, .colour = i & 2 };
		control.lines = sizes[i / 12][0];
		control.columns = sizes[i / 12][1];
		control.mode = (enum top_mode)(i / 4 % 3);
		top_table_set_view(&control.table, (enum top_view)(i % TOP_VIEWS));
		draw_with(problems[i / 2 % 2]);
		assert_harmless();
		for (const char *at = screen; (at = strchr(at, '\n')); at++)
			breaks++;
		assert_int_equal(breaks, control.lines - 1);
	}
	strcpy(status.node, "node-a");
	strcpy(status.version, "0.1.0");
	status.interface_count = 0;
}

/* Without colours, so that octets are columns. */
static void no_line_is_too_long(void **state)
{
	(void)state;
	control.table.style.utf8 = false;
	for (unsigned int columns = TOP_WIDTH_MIN; columns < 250; columns++) {
		control.columns = columns;
		for (control.mode = 0; control.mode <= TOP_MODE_HELP; control.mode++) {
			char *at, *rest;

			draw_with(columns % 2 ? "a problem that takes many words to be told" : "");
			for (at = strtok_r(screen, "\r\n", &rest); at;
			     at = strtok_r(NULL, "\r\n", &rest)) {
				while (strncmp(at, "\033[", 2) == 0)
					at += 3;
				if (strlen(at) > columns)
					fail_msg("%u: %s", columns, at);
			}
		}
	}
}

static void what_is_wrong_is_said(void **state)
{
	struct top_screenful screenful = { NULL, &peers, "[::1]:1", "" };
	struct text text = text_over(screen, top_control_capacity(24, 80) - 1);

	(void)state;
	draw_with("connection refused");
	assert_non_null(strstr(screen, "no answer from 127.0.0.1:10862: connection refused, trying "
				       "again"));
	assert_non_null(strstr(screen, "node-00"));
	assert_non_null(strstr(screen, "no interface in use"));
	assert_non_null(strstr(screen, "12:34:56 UTC"));
	assert_non_null(strstr(screen, "up 1 h 1 min"));
	peers.count = 0;
	assert_int_equal(top_table_arrange(&control.table, &peers, 80), 0);
	top_control_draw(&control, &screenful, &text);
	peers.count = PEERS;
	screen[text.length] = '\0';
	assert_non_null(strstr(screen, "asking [::1]:1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_decoded),
		cmocka_unit_test_setup_teardown(rows_scroll_within_bounds, open_control,
						close_control),
		cmocka_unit_test_setup_teardown(keys_sort_view_pause_and_end, open_control,
						close_control),
		cmocka_unit_test_setup_teardown(a_filter_is_typed, open_control, close_control),
		cmocka_unit_test_setup_teardown(any_size_with_any_name, open_control,
						close_control),
		cmocka_unit_test_setup_teardown(no_line_is_too_long, open_control, close_control),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said, open_control, close_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
