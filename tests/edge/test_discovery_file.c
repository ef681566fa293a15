/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a peers file: lines, limits, errors and their words. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>

#include "discovery_file.h"
#include "folder.h"

#define OFFERED_CAPACITY 8

struct offered {
	struct peer_candidate candidates[OFFERED_CAPACITY];
	uint32_t count;
	int results[OFFERED_CAPACITY]; /* what to answer */
};

static int offer(void *ctx, const struct peer_candidate *candidate)
{
	struct offered *offered = ctx;

	assert_true(offered->count < OFFERED_CAPACITY);
	offered->candidates[offered->count] = *candidate;
	return offered->results[offered->count++];
}

struct row {
	const char *content;
	size_t length; /* 0: as long as the text */
	uint32_t offered;
	int result;
	const char *error; /* contained in it */
};

static const struct row rows[] = {
	{ "", 0, 0, 0, NULL },
	{ "\n\n# nobody\n", 0, 0, 0, NULL },
	{ "10.0.0.1 a\n10.0.0.2 b\n", 0, 2, 0, NULL },
	{ "10.0.0.1 a\n10.0.0.2 b", 0, 2, 0, NULL },
	{ "10.0.0.1 a\r\n\r\n10.0.0.2 b\r\n", 0, 2, 0, NULL },
	{ "10.0.0.1 a\r", 0, 1, 0, NULL },
	{ "10.0.0.1 a\n10.0.0.2 b\n10.0.0.300 c\n", 0, 2, -EINVAL,
	  "line 3: \"10.0.0.300\": expected " },
	{ "10.0.0.1 \"\x1b\n", 0, 0, -EINVAL, "line 1: \"\\x22\\x1b\": expected " },
	{ "10.0.0.1 \\\x7f\xff\n", 0, 0, -EINVAL, "line 1: \"\\x5c\\x7f\\xff\": expected " },
	{ "10.0.0.1 a probe=icmp\n10.0.0.2 probe=stamp\n", 0, 2, 0, NULL },
	{ "10.0.0.1 a probe=icmp\n10.0.0.2 probe=tcp\n", 0, 1, -EINVAL,
	  "line 2: \"probe=tcp\": expected probe=stamp or probe=icmp" },
	{ "10.0.0.1 a rack=b\n", 0, 0, -EINVAL,
	  "line 1: \"rack=b\": expected probe= or zone=, the only options that there are" },
	{ "10.0.0.1 a zone=b\n10.0.0.2 a zone=/\n", 0, 1, -EINVAL,
	  "line 2: \"zone=/\": expected zone= and 1 to 63 letters" },
	{ "10.0.0.1\0 a\n", 12, 0, -EINVAL, "line 1: \"10.0.0.1\": expected text" },
	{ "10.0.0.1 a\n\0", 12, 1, -EINVAL, "line 2: \"\": expected text" },
};

static void files_are_read_line_by_line(void **state)
{
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct offered offered = { .count = 0 };

		write_file("peers", rows[i].content,
			   rows[i].length ? rows[i].length : strlen(rows[i].content));
		strcpy(error, "peers file peers, untouched");
		assert_int_equal(discovery_file_read("peers", offer, &offered, error),
				 rows[i].result);
		assert_int_equal(offered.count, rows[i].offered);
		assert_memory_equal(error, "peers file peers, ", 18);
		assert_non_null(strstr(error, rows[i].error ? rows[i].error : "untouched"));
	}
}

/* Lines of all lengths around the limit, across the blocks in which the file is read. */
static void only_lines_beyond_the_limit_are_refused(void **state)
{
	static char content[16384];
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	for (size_t length = PEER_LINE_CAPACITY - 1; length <= PEER_LINE_CAPACITY + 2; length++) {
		for (int carriage_return = 0; carriage_return < 2; carriage_return++) {
			bool fits = length <= PEER_LINE_CAPACITY;
			struct offered offered = { .count = 0 };
			size_t at = 0;

			for (int line = 0; line < 5; line++) {
				memset(content + at, ' ', length);
				memcpy(content + at, "10.0.0.1 a", 10);
				at += length;
				if (carriage_return)
					content[at++] = '\r';
				content[at++] = '\n';
			}
			write_file("peers", content, at);
			assert_int_equal(discovery_file_read("peers", offer, &offered, error),
					 fits ? 0 : -EINVAL);
			assert_int_equal(offered.count, fits ? 5 : 0);
			if (!fits) {
				assert_non_null(strstr(error, "line 1: \"10.0.0.1 a   "));
				assert_non_null(strstr(error, "expected a shorter line"));
			}
		}
	}
}

static void what_offer_says_is_an_error_or_not(void **state)
{
	static const struct {
		int result;
		int expected;
		const char *error;
	} answers[] = {
		{ -ENOSPC, 0, NULL },
		{ -EEXIST, -EINVAL,
		  "line 2: \"10.0.0.2\": the address is already on an earlier line" },
		{ -ENOTUNIQ, -EINVAL, "line 2: \"b\": the name is already another address's" },
	};
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	put("peers", "10.0.0.1 a\n10.0.0.2 b\n10.0.0.3 c\n");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct offered offered = { .results = { 0, answers[i].result } };

		assert_int_equal(discovery_file_read("peers", offer, &offered, error),
				 answers[i].expected);
		assert_int_equal(offered.count, answers[i].expected ? 2 : 3);
		if (answers[i].error)
			assert_non_null(strstr(error, answers[i].error));
	}
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
	struct offered offered = { .count = 0 };
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	assert_int_equal(discovery_file_read("none", offer, &offered, error), -ENOENT);
	assert_string_equal(error, "peers file none: No such file or directory");
	assert_int_equal(discovery_file_read(".", offer, &offered, error), -EISDIR);
	assert_string_equal(error, "peers file .: Is a directory");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(discovery_file_read("fifo", offer, &offered, error), -ENODEV);
	assert_string_equal(error, "peers file fifo: Not a regular file");
	assert_int_equal(discovery_file_read("/dev/zero", offer, &offered, error), -ENODEV);
}

static void a_line_says_how_to_probe_and_where_it_is(void **state)
{
	struct offered offered = { .count = 0 };
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	put("peers", "10.0.0.1 a\n10.0.0.2 b zone=z probe=icmp\n10.0.0.3 probe=stamp # c\n");
	assert_int_equal(discovery_file_read("peers", offer, &offered, error), 0);
	assert_int_equal(offered.candidates[0].probe, PROBE_DEFAULT);
	assert_int_equal(offered.candidates[1].probe, PROBE_ICMP);
	assert_int_equal(offered.candidates[2].probe, PROBE_STAMP);
	assert_string_equal(offered.candidates[0].zone, "");
	assert_string_equal(offered.candidates[1].zone, "z");
	assert_string_equal(offered.candidates[2].zone, "");
}

static void a_file_of_any_size_is_bounded(void **state)
{
	struct offered offered = { .count = 0 };
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	put("peers", "#");
	assert_int_equal(truncate("peers", 1LL << 32), 0); /* sparse: one line without an end */
	assert_int_equal(discovery_file_read("peers", offer, &offered, error), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
		TEST(files_are_read_line_by_line),
		TEST(only_lines_beyond_the_limit_are_refused),
		TEST(what_offer_says_is_an_error_or_not),
		TEST(what_is_no_file_is_refused_without_waiting),
		TEST(a_line_says_how_to_probe_and_where_it_is),
		TEST(a_file_of_any_size_is_bounded),
	};

	return cmocka_run_group_tests_name("discovery_file", tests, NULL, NULL);
}
