/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `top`: as wide as it may be and no wider, in the order that was asked for, with the
 * rows that were asked for. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_table.h"
#include "unit/view_document.h"
#include "unit/view_world.h"

#define PEERS 120

static struct top_peers peers;
static struct top_table table;
static char line[16384];

static int read_world(void **state)
{
	char error[TOP_ERROR_CAPACITY];
	struct view_world world;
	char *whole;

	(void)state;
	view_open(&world, 256, RANKING_ALL);
	view_populate(&world, PEERS, 400);
	whole = document_text(DOCUMENT_PEERS, &world.exposition, 65536);
	assert_int_equal(top_data_read_peers(whole, strlen(whole), &peers, error), 0);
	free(whole);
	view_close(&world);
	return 0;
}

static int open_table(void **state)
{
	(void)state;
	top_table_init(&table, (struct top_style){ .utf8 = true });
	return 0;
}

static int close_table(void **state)
{
	(void)state;
	top_table_free(&table);
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	top_data_free(&peers);
	return 0;
}

static void arrange(unsigned int width)
{
	assert_int_equal(top_table_arrange(&table, &peers, width), 0);
}

static const char *head(void)
{
	struct text text = text_over(line, sizeof(line) - 1);

	top_table_write_head(&table, &text);
	assert_false(text.overflowed);
	line[text.length] = '\0';
	return line;
}

static const char *row(uint32_t number)
{
	struct text text = text_over(line, sizeof(line) - 1);

	assert_true(number < table.count);
	top_table_write_row(&table, number, &text);
	assert_false(text.overflowed);
	line[text.length] = '\0';
	return line;
}

static const struct top_peer *peer_at(uint32_t number)
{
	return &peers.peers[table.rows[number].peer];
}

/* In its own words: all lines are as wide as each other. */
static void every_width_is_kept(void **state)
{
	(void)state;
	for (int style = 0; style < 2; style++) {
		table.style.utf8 = style;
		for (enum top_view view = 0; view < TOP_VIEWS; view++) {
			top_table_set_view(&table, view);
			for (unsigned int width = TOP_WIDTH_MIN; width < 260; width++) {
				size_t wide;

				arrange(width);
				wide = top_text_width(head(), table.style);
				assert_in_range(wide, 1, width);
				for (uint32_t i = 0; i < table.count; i += 7)
					assert_int_equal(top_text_width(row(i), table.style), wide);
			}
		}
	}
}

static void the_wider_the_more(void **state)
{
	(void)state;
	arrange(80);
	assert_non_null(strstr(head(), "PEER"));
	for (const char *const *title = (const char *const[]){ "ZONE", "SENT", "LOSS", "LAST",
							       "P50", "P99", "SPREAD", NULL };
	     *title; title++)
		assert_non_null(strstr(head(), *title));
	assert_null(strstr(head(), "ADDRESS"));
	assert_null(strstr(head(), "JITTER"));
	arrange(120);
	for (const char *const *title =
		     (const char *const[]){ "MIN", "JITTER", "THERE", "BACK", NULL };
	     *title; title++)
		assert_non_null(strstr(head(), *title));
	arrange(200);
	for (const char *const *title = (const char *const[]){ "ADDRESS", "P90", "LOST", "HOPS",
							       "HEALTH", "FLOWS", NULL };
	     *title; title++)
		assert_non_null(strstr(head(), *title));
	/* What is wide enough shows names whole. */
	assert_non_null(strstr(row(0), "node-2.rack-0.example"));
	arrange(40);
	assert_non_null(strstr(head(), "LOSS"));
	assert_null(strstr(head(), "SENT"));
}

static void what_is_bad_comes_first(void **state)
{
	(void)state;
	arrange(80);
	assert_int_equal(table.count, PEERS);
	for (uint32_t i = 1; i < table.count; i++) {
		assert_true(peer_at(i - 1)->health >= peer_at(i)->health);
		if (peer_at(i - 1)->health == peer_at(i)->health)
			assert_true(peer_at(i - 1)->loss_recent >= peer_at(i)->loss_recent);
	}
}

static void sorted_by_each_column_both_ways(void **state)
{
	(void)state;
	for (enum top_view view = 0; view < TOP_VIEWS; view++) {
		size_t count;
		const struct top_column *columns = top_columns(view, &count);

		top_table_set_view(&table, view);
		for (size_t i = 0; i < 2 * count; i++) {
			table.sort = &columns[i / 2];
			table.descending = i % 2;
			arrange(200);
			for (uint32_t at = 1; at < table.count; at++) {
				struct top_cell cells[2];

				for (int n = 0; n < 2; n++) {
					const struct top_row *of =
						&table.rows[at - 1 + (uint32_t)n];
					const struct top_peer *peer = &peers.peers[of->peer];

					cells[n].peer = peer;
					cells[n].flow = view == TOP_VIEW_FLOWS && peer->flow_count
								? &peer->flows[of->flow]
								: NULL;
				}
				assert_true(top_column_compare(table.sort, &cells[0], &cells[1],
							       table.descending) <= 0);
			}
		}
	}
}

static void names_count_and_what_is_not_known_is_last(void **state)
{
	static struct top_peer some[4] = { { .label = "node-10", .p50 = 3 },
					   { .label = "node-9", .p50 = NAN },
					   { .label = "", .p50 = 1 },
					   { .label = "node-2", .p50 = 2 } };
	const struct top_peers few = { .peers = some, .count = 4 };
	static const struct {
		const char *sort;
		uint32_t order[4];
	} cases[] = { { "peer", { 3, 1, 0, 2 } },
		      { "-peer", { 0, 1, 3, 2 } },
		      { "p50", { 0, 3, 2, 1 } },
		      { "-p50", { 2, 3, 0, 1 } } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(top_table_sort_by(&table, cases[i].sort));
		assert_int_equal(top_table_arrange(&table, &few, 80), 0);
		for (int n = 0; n < 4; n++)
			assert_int_equal(table.rows[n].peer, cases[i].order[n]);
	}
	assert_false(top_table_sort_by(&table, "colour"));
	assert_false(top_table_sort_by(&table, ""));
	assert_false(top_table_sort_by(&table, "there%"));
}

static void the_sorted_column_is_marked_and_moves(void **state)
{
	(void)state;
	top_table_sort_by(&table, "peer");
	arrange(80);
	assert_non_null(strstr(head(), "PEER\xe2\x96\xb2"));
	top_table_sort_move(&table, 1);
	assert_string_equal(table.sort->name, "zone");
	top_table_sort_move(&table, 1);
	assert_string_equal(table.sort->name, "sent");
	assert_true(table.descending);
	assert_non_null(strstr(head(), "SENT\xe2\x96\xbc"));
	for (int i = 0; i < 40; i++)
		top_table_sort_move(&table, 1);
	assert_string_equal(table.sort->name, "spread");
	for (int i = 0; i < 40; i++)
		top_table_sort_move(&table, -1);
	assert_string_equal(table.sort->name, "health");
}

static uint32_t filtered(const char *words)
{
	snprintf(table.filter, sizeof(table.filter), "%s", words);
	arrange(80);
	return table.count;
}

static void filters_by_words(void **state)
{
	(void)state;
	assert_int_equal(filtered(""), PEERS);
	assert_int_equal(filtered("rack-1."), 40);
	assert_int_equal(filtered("  RACK-1.   zone-A "), 13);
	assert_int_equal(filtered("rack-1. zone-a nowhere"), 0);
	assert_int_equal(table.unfiltered, PEERS);
	assert_int_equal(filtered("icmp"), 2);
	/* However many words: none is passed over. */
	assert_int_equal(filtered("- - - - - - - - rack-1."), 40);
	assert_int_equal(filtered("- - - - - - - - nowhere"), 0);
	assert_int_equal(filtered("fd00::"), 12);
	assert_int_equal(filtered("degraded"), peers.health[TOP_HEALTH_DEGRADED]);
	assert_int_equal(filtered("node-7."), 1);
	top_table_set_view(&table, TOP_VIEW_FLOWS);
	assert_int_equal(filtered("node-7."), 4);
	assert_int_equal(filtered("node-7. 50003"), 1);
	assert_non_null(strstr(row(0), "50003"));
	assert_int_equal(filtered("icmp"), 2);
}

static void a_view_keeps_its_order_if_it_can(void **state)
{
	(void)state;
	top_table_sort_by(&table, "-zone");
	top_table_set_view(&table, TOP_VIEW_DIRECTION);
	assert_string_equal(table.sort->name, "zone");
	assert_true(table.descending);
	top_table_sort_by(&table, "there%");
	top_table_set_view(&table, TOP_VIEW_PEERS);
	assert_string_equal(table.sort->name, "health");
	assert_true(table.descending);
}

static void distributions_share_a_scale(void **state)
{
	static struct top_peer two[2] = { { .label = "a" }, { .label = "b" } };
	const struct top_peers few = { .peers = two, .count = 2 };

	(void)state;
	two[0].shape[20] = 100;
	two[0].shape[22] = 1;
	two[1].shape[27] = 7;
	top_table_sort_by(&table, "peer");
	assert_int_equal(top_table_arrange(&table, &few, 80), 0);
	assert_non_null(strstr(row(0), "\xe2\x96\x88 \xe2\x96\x81     "));
	assert_non_null(strstr(row(1), "       \xe2\x96\x88"));
	table.style.utf8 = false;
	assert_non_null(strstr(row(0), "@ .     "));
	two[1].shape[27] = 0;
	two[0].shape[20] = two[0].shape[22] = 0;
	assert_int_equal(top_table_arrange(&table, &few, 80), 0);
	assert_null(strchr(row(0), '@'));
	assert_non_null(strstr(head(), "SPREAD"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_width_is_kept, open_table, close_table),
		cmocka_unit_test_setup_teardown(the_wider_the_more, open_table, close_table),
		cmocka_unit_test_setup_teardown(what_is_bad_comes_first, open_table, close_table),
		cmocka_unit_test_setup_teardown(sorted_by_each_column_both_ways, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(names_count_and_what_is_not_known_is_last,
						open_table, close_table),
		cmocka_unit_test_setup_teardown(the_sorted_column_is_marked_and_moves, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(filters_by_words, open_table, close_table),
		cmocka_unit_test_setup_teardown(a_view_keeps_its_order_if_it_can, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(distributions_share_a_scale, open_table,
						close_table),
	};

	return cmocka_run_group_tests(tests, read_world, free_world);
}
