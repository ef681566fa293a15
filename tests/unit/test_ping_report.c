/* SPDX-License-Identifier: Apache-2.0 */
/* What `kube-canary ping` says, to the letter, and its figures. */
#include "unit/cmocka_all.h"

#include <stdlib.h>

#include "ping_report.h"

static struct ping_style style_of(const char *address, const char *name)
{
	struct ping_style style = { .name = name, .bytes = 44, .timeout_ns = NS_PER_SECOND };

	assert_int_equal(address_parse(address, &style.address), 0);
	return style;
}

static void each_fate_has_its_line(void **state)
{
	static const struct {
		struct sample sample;
		int64_t user_ns;
		uint16_t port;
		const char *expected;
	} cases[] = {
		{ { .verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = 5312, .reply_ttl = 64 },
		  -1,
		  0,
		  "44 bytes from 198.18.0.2: seq=7 ttl=64 time=5.31 us" },
		{ { .verdict = VERDICT_RETURNED,
		    .has_rtt = true,
		    .rtt_ns = 999999,
		    .reply_ttl = 64 },
		  12345678,
		  0,
		  "44 bytes from 198.18.0.2: seq=7 ttl=64 time=1000.0 us user=12.3 ms" },
		{ { .verdict = VERDICT_RETURNED,
		    .has_rtt = true,
		    .rtt_ns = 1200000000,
		    .reply_ttl = 1,
		    .reordered = true },
		  -1,
		  40001,
		  "44 bytes from 198.18.0.2: seq=7 port=40001 ttl=1 time=1.20 s (out of order)" },
		{ { .verdict = VERDICT_RETURNED, .reply_ttl = 64 },
		  -1,
		  0,
		  "44 bytes from 198.18.0.2: seq=7 ttl=64 time unknown: no room for its record" },
		{ { .duplicate = true }, -1, 0, "From 198.18.0.2: seq=7 duplicate" },
		{ { .late = true },
		  -1,
		  0,
		  "From 198.18.0.2: seq=7 late: answered after more than 1.00 s" },
		{ { .verdict = VERDICT_LOST, .late = true },
		  -1,
		  0,
		  "From 198.18.0.2: seq=7 late: answered after more than 1.00 s" },
		{ { .verdict = VERDICT_LOST },
		  -1,
		  0,
		  "No answer from 198.18.0.2: seq=7 within 1.00 s" },
		{ { .verdict = VERDICT_LOST, .never_left = true },
		  -1,
		  0,
		  "To 198.18.0.2: seq=7 unreachable: the next hop does not answer on the link" },
		{ { .verdict = VERDICT_REFUSED },
		  -1,
		  40001,
		  "From 198.18.0.2: seq=7 port=40001 port unreachable: nobody reflects there, or "
		  "not for this node" },
		{ { .verdict = VERDICT_UNSTAMPED },
		  -1,
		  0,
		  "To 198.18.0.2: seq=7 no stamp: it left where no program of ours sees it" },
		{ { .verdict = VERDICT_UNSTAMPED, .unseen = true },
		  -1,
		  0,
		  "From 198.18.0.2: seq=7 answered, but where no program of ours sees it: no "
		  "time" },
		{ { .lost_forward = 1 }, -1, 0, NULL },
	};
	struct ping_style style = style_of("198.18.0.2", NULL);
	char line[PING_LINE_CAPACITY];

	(void)state;
	style.user_time = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool said = ping_line_sample(&style, &cases[i].sample, 7, cases[i].user_ns,
					     cases[i].port, line);

		assert_int_equal(said, cases[i].expected != NULL);
		assert_string_equal(line, cases[i].expected ? cases[i].expected : "");
	}
}

static void what_leaves_in_fragments_is_no_fault_of_programs(void **state)
{
	struct ping_style style = style_of("198.18.0.2", NULL);
	const struct sample unstamped = { .verdict = VERDICT_UNSTAMPED };
	const struct sample unseen = { .verdict = VERDICT_UNSTAMPED, .unseen = true };
	char line[PING_LINE_CAPACITY];

	(void)state;
	style.fragments = true;
	assert_true(ping_line_sample(&style, &unstamped, 7, -1, 0, line));
	assert_string_equal(line, "To 198.18.0.2: seq=7 no stamp: it left in fragments, which are "
				  "not stamped");
	assert_true(ping_line_sample(&style, &unseen, 7, -1, 0, line));
	assert_string_equal(line, "From 198.18.0.2: seq=7 answered, but where no program of ours "
				  "sees it: no time");
}

static void names_errors_and_the_user_time_only_where_wanted(void **state)
{
	struct ping_style style = style_of("fd00:18::2", "node-b");
	const struct sample sample = {
		.verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = 42, .reply_ttl = 64
	};
	struct probe_error error = { .type = 2, .mtu = 1280 };
	char line[PING_LINE_CAPACITY];

	(void)state;
	ping_line_start(&style, "STAMP", line);
	assert_string_equal(line, "PING node-b (fd00:18::2): STAMP, 44 bytes of data, stamped in "
				  "the kernel");
	ping_line_sample(&style, &sample, 1, 1000, 0, line);
	assert_string_equal(line, "44 bytes from node-b (fd00:18::2): seq=1 ttl=64 time=0.04 us");
	ping_line_not_sent(&style, 3, -90, line);
	assert_string_equal(line, "To node-b (fd00:18::2): seq=3 not sent: Message too long");
	address_parse("fd00:18::fe", &error.from);
	ping_line_error(&style, 2, &error, line);
	assert_string_equal(line, "From fd00:18::fe about node-b (fd00:18::2): seq=2 too large for "
				  "the next hop (MTU 1280)");
	error = (struct probe_error){ .from = error.from, .type = 1, .code = 7 };
	ping_line_error(&style, 2, &error, line);
	assert_string_equal(line, "From fd00:18::fe about node-b (fd00:18::2): seq=2 ICMP type 1, "
				  "code 7");
	style = style_of("198.18.0.2", NULL);
	error = (struct probe_error){ .from = style.address, .type = 3, .code = 1 };
	ping_line_error(&style, 2, &error, line);
	assert_string_equal(line, "From 198.18.0.2 about 198.18.0.2: seq=2 host unreachable");
	error.code = 255;
	ping_line_error(&style, 2, &error, line);
	assert_string_equal(line, "From 198.18.0.2 about 198.18.0.2: seq=2 ICMP type 3, code 255");
}

static void figures_are_exact(void **state)
{
	struct ping_figures *figures = calloc(1, sizeof(*figures));

	(void)state;
	assert_int_equal(ping_figures_mean_ns(figures), 0);
	assert_int_equal(ping_figures_deviation_ns(figures), 0);
	assert_int_equal(ping_figures_percentile_ns(figures, 500), 0);
	/* 1, 2, … 100 us, the largest first */
	for (int64_t us = 100; us > 0; us--)
		ping_figures_add(figures, us * NS_PER_US);
	assert_int_equal(figures->least_ns, 1000);
	assert_int_equal(figures->most_ns, 100000);
	assert_int_equal(ping_figures_mean_ns(figures), 50500);
	assert_int_equal(ping_figures_deviation_ns(figures), 28866); /* sqrt((100² - 1) / 12) us */
	assert_int_equal(ping_figures_percentile_ns(figures, 500), 50000);
	assert_int_equal(ping_figures_percentile_ns(figures, 900), 90000);
	assert_int_equal(ping_figures_percentile_ns(figures, 990), 99000);
	assert_int_equal(ping_figures_percentile_ns(figures, 1000), 100000);
	assert_int_equal(ping_figures_percentile_ns(figures, 0), 1000);
	free(figures);
}

static void percentiles_are_of_the_last(void **state)
{
	struct ping_figures *figures = calloc(1, sizeof(*figures));

	(void)state;
	for (uint32_t i = 0; i < 5 * PING_LAST; i++)
		ping_figures_add(figures, 4 * NS_PER_SECOND);
	for (uint32_t i = 0; i < PING_LAST; i++)
		ping_figures_add(figures, 4 * NS_PER_SECOND - 1000);
	assert_int_equal(ping_figures_percentile_ns(figures, 1000), 4 * NS_PER_SECOND - 1000);
	assert_int_equal(figures->most_ns, 4 * NS_PER_SECOND);
	/* No digits are lost beside large values. */
	assert_in_range(ping_figures_deviation_ns(figures), 371, 374);
	free(figures);
}

static void sums_say_what_is_known(void **state)
{
	struct peer_stats stats = {
		.sent = 10, .returned = 7, .lost = 1, .duplicate = 1, .unstamped = 1
	};
	struct ping_figures *kernel = calloc(1, sizeof(*kernel));
	struct ping_figures *user = calloc(1, sizeof(*user));
	struct ping_account account = { .stats = &stats,
					.in_flight = 1,
					.kernel = kernel,
					.user = user,
					.elapsed_ns = 9012 * NS_PER_MS };
	struct ping_style style = style_of("198.18.0.2", NULL);
	char text[PING_SUMMARY_CAPACITY];
	char line[PING_LINE_CAPACITY];

	(void)state;
	ping_figures_add(kernel, 5000);
	ping_figures_add(kernel, 7000);
	ping_figures_add(user, 2 * NS_PER_MS);
	ping_summary(&style, &account, text);
	assert_string_equal(text,
			    "--- 198.18.0.2 ping statistics ---\n"
			    "10 sent, 7 received, 12.5% loss, 1 duplicate, 1 without a stamp, 1 in "
			    "flight, 9.01 s\n"
			    "rtt  min/avg/max/mdev = 5.000/6.000/7.000/1.000 us\n"
			    "     p50/p90/p99 = 5.000/7.000/7.000 us\n");
	style.user_time = true;
	ping_summary(&style, &account, text);
	assert_non_null(strstr(text, "\nuser min/avg/max/mdev = 2.000/2.000/2.000/0.000 ms\n"));
	ping_interim(&style, &account, line);
	assert_string_equal(line, "198.18.0.2: 7/10 packets, 12.5% loss, min/avg/ewma/max = "
				  "5.00/6.00/5.25/7.00 us");
	stats = (struct peer_stats){ .sent = 2 };
	account.not_sent = 3;
	account.in_flight = 2;
	*kernel = (struct ping_figures){ 0 };
	style.user_time = false;
	ping_summary(&style, &account, text);
	assert_string_equal(text, "--- 198.18.0.2 ping statistics ---\n"
				  "2 sent, 0 received, 3 not sent, 2 in flight, 9.01 s\n");
	free(kernel);
	free(user);
}

static void nothing_overflows(void **state)
{
	struct ping_figures *figures = calloc(1, sizeof(*figures));
	const struct peer_stats stats = { .sent = UINT64_MAX,
					  .returned = UINT64_MAX,
					  .lost = 1,
					  .refused = UINT64_MAX,
					  .unstamped = UINT64_MAX,
					  .late = UINT64_MAX,
					  .duplicate = UINT64_MAX,
					  .reordered = UINT64_MAX,
					  .dropped = UINT64_MAX };
	struct ping_account account = { &stats,	   UINT64_MAX, UINT64_MAX, UINT64_MAX,
					INT64_MAX, figures,    figures };
	char name[PEER_NAME_CAPACITY];
	char text[PING_SUMMARY_CAPACITY];
	char line[PING_LINE_CAPACITY];
	struct ping_style style;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	style = style_of("fd00:1111:2222:3333:4444:5555:6666:7777", name);
	style.user_time = true;
	ping_figures_add(figures, INT64_MAX / 2);
	ping_summary(&style, &account, text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	ping_interim(&style, &account, line);
	assert_true(strlen(line) < PING_LINE_CAPACITY);
	free(figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fate_has_its_line),
		cmocka_unit_test(what_leaves_in_fragments_is_no_fault_of_programs),
		cmocka_unit_test(names_errors_and_the_user_time_only_where_wanted),
		cmocka_unit_test(figures_are_exact),
		cmocka_unit_test(percentiles_are_of_the_last),
		cmocka_unit_test(sums_say_what_is_known),
		cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
