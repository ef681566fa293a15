/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a peers file, and noticing that it changed, in a folder of its own. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery_file.h"

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

static int enter_folder(void **state)
{
	static char folder[] = "/tmp/test_discovery_file.XXXXXX";

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	*state = folder;
	return !mkdtemp(folder) || chdir(folder);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int leave_folder(void **state)
{
	return chdir("/") || nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *path, const char *content, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *path, const char *content)
{
	write_file(path, content, strlen(content));
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
	{ "10.0.0.1 a\n10.0.0.2 b\n10.0.0.300 c\n", 0, 2, -EINVAL,
	  "line 3: \"10.0.0.300\": expected " },
	{ "10.0.0.1 \"\x1b\n", 0, 0, -EINVAL, "line 1: \"\\x22\\x1b\": expected " },
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
			if (!fits)
				assert_non_null(strstr(error, "line 1: \"10.0.0.1 a   "));
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

static void a_file_of_any_size_is_bounded(void **state)
{
	struct offered offered = { .count = 0 };
	char error[DISCOVERY_ERROR_CAPACITY];

	(void)state;
	put("peers", "#");
	assert_int_equal(truncate("peers", 1LL << 32), 0); /* sparse: one line without an end */
	assert_int_equal(discovery_file_read("peers", offer, &offered, error), -EFBIG);
}

/* Whether a notice is waiting, and what is made of it. */
static int noticed(struct discovery_file *file)
{
	struct pollfd waiting = { .fd = discovery_file_fd(file), .events = POLLIN };

	return poll(&waiting, 1, 0) > 0 ? discovery_file_changed(file) : -1;
}

static struct discovery_file *watch(const char *path)
{
	struct discovery_file *file = NULL;

	assert_int_equal(discovery_file_open(path, &file), 0);
	assert_int_equal(discovery_file_changed(file), 0);
	return file;
}

/* Until nothing is waiting any more. True: a change was told of. */
static bool settles_with_change(struct discovery_file *file)
{
	bool changed = false;
	int result;

	for (int i = 0; i < 10 && (result = noticed(file)) >= 0; i++)
		changed |= result > 0;
	assert_int_equal(noticed(file), -1);
	return changed;
}

static void writing_and_renaming_are_noticed_at_once(void **state)
{
	struct discovery_file *file;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	assert_int_equal(noticed(file), -1);
	put("peers", "10.0.0.2\n"); /* in place, same size */
	assert_int_equal(noticed(file), 1);
	assert_false(settles_with_change(file));
	put("new", "10.0.0.3\n");
	assert_false(settles_with_change(file)); /* somebody else's file */
	assert_int_equal(rename("new", "peers"), 0);
	assert_int_equal(noticed(file), 1);
	assert_false(settles_with_change(file));
	discovery_file_close(file);
}

static void a_file_being_written_is_left_alone(void **state)
{
	struct discovery_file *file;
	FILE *writer;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	writer = fopen("peers", "w");
	assert_non_null(writer);
	assert_int_equal(discovery_file_changed(file), 0); /* empty by now */
	fputs("10.0.0.2\n", writer);
	fflush(writer);
	assert_int_equal(discovery_file_changed(file), 0);
	fclose(writer);
	assert_int_equal(noticed(file), 1);
	discovery_file_close(file);
}

static void a_change_without_notice_is_found_by_the_timer(void **state)
{
	struct discovery_file *file;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	assert_int_equal(chmod("peers", 0600), 0);
	assert_int_equal(noticed(file), -1);
	assert_int_equal(discovery_file_changed(file), 0);
	assert_int_equal(discovery_file_changed(file), 1);
	assert_int_equal(discovery_file_changed(file), 0);
	discovery_file_close(file);
}

static void gone_is_told_at_the_second_look_and_back_at_once(void **state)
{
	struct discovery_file *file;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	assert_int_equal(unlink("peers"), 0);
	assert_int_equal(noticed(file), 0);
	assert_int_equal(discovery_file_changed(file), 1);
	assert_int_equal(discovery_file_changed(file), 0);
	put("peers", "10.0.0.1\n");
	assert_true(settles_with_change(file));
	discovery_file_close(file);
}

static void a_folder_may_come_later_go_and_come_back(void **state)
{
	struct discovery_file *file;

	(void)state;
	file = watch("a/b/peers");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mkdir("a", 0700), 0);
		assert_false(settles_with_change(file));
		assert_int_equal(mkdir("a/b", 0700), 0);
		assert_false(settles_with_change(file));
		put("a/b/peers", "10.0.0.1\n");
		assert_true(settles_with_change(file));
		assert_int_equal(unlink("a/b/peers"), 0);
		assert_int_equal(rmdir("a/b"), 0);
		assert_int_equal(rmdir("a"), 0);
		settles_with_change(file);
		while (discovery_file_changed(file))
			;
	}
	discovery_file_close(file);
}

/* What the kubelet does to a ConfigMap's volume, see its atomic writer. */
static void the_swap_of_a_link_on_the_way_is_noticed(void **state)
{
	char path[64];
	struct discovery_file *file;

	assert_int_equal(mkdir("..2026_0", 0700), 0);
	put("..2026_0/peers", "10.0.0.1\n");
	assert_int_equal(symlink("..2026_0", "..data"), 0);
	assert_int_equal(symlink("..data/peers", "peers"), 0);
	snprintf(path, sizeof(path), "%s/peers", (const char *)*state);
	file = watch(path);
	for (int i = 1; i < 4; i++) {
		char folder[16];

		snprintf(folder, sizeof(folder), "..2026_%d", i);
		assert_int_equal(mkdir(folder, 0700), 0);
		snprintf(path, sizeof(path), "%s/peers", folder);
		put(path, "10.0.0.2\n");
		assert_false(settles_with_change(file));
		assert_int_equal(symlink(folder, "..data_tmp"), 0);
		assert_int_equal(rename("..data_tmp", "..data"), 0);
		assert_true(settles_with_change(file));
		put(path, "10.0.0.3\n10.0.0.4\n"); /* the new folder is watched too */
		assert_true(settles_with_change(file));
		snprintf(folder, sizeof(folder), "..2026_%d", i - 1);
		snprintf(path, sizeof(path), "%s/peers", folder);
		assert_int_equal(unlink(path) || rmdir(folder), 0);
		assert_false(settles_with_change(file));
	}
	discovery_file_close(file);
}

static void links_in_a_circle_and_absolute_ones_do_no_harm(void **state)
{
	struct discovery_file *file;
	char path[64];

	assert_int_equal(symlink("two", "one"), 0);
	assert_int_equal(symlink("one", "two"), 0);
	file = watch("one/peers");
	discovery_file_close(file);
	assert_int_equal(mkdir("real", 0700), 0);
	snprintf(path, sizeof(path), "%s/real", (const char *)*state);
	assert_int_equal(symlink(path, "link"), 0);
	file = watch("./link//../link/peers");
	put("real/peers", "10.0.0.1\n");
	assert_true(settles_with_change(file));
	discovery_file_close(file);
	discovery_file_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
		TEST(files_are_read_line_by_line),
		TEST(only_lines_beyond_the_limit_are_refused),
		TEST(what_offer_says_is_an_error_or_not),
		TEST(what_is_no_file_is_refused_without_waiting),
		TEST(a_file_of_any_size_is_bounded),
		TEST(writing_and_renaming_are_noticed_at_once),
		TEST(a_file_being_written_is_left_alone),
		TEST(a_change_without_notice_is_found_by_the_timer),
		TEST(gone_is_told_at_the_second_look_and_back_at_once),
		TEST(a_folder_may_come_later_go_and_come_back),
		TEST(the_swap_of_a_link_on_the_way_is_noticed),
		TEST(links_in_a_circle_and_absolute_ones_do_no_harm),
	};

	return cmocka_run_group_tests_name("discovery_file", tests, NULL, NULL);
}
