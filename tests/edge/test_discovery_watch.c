/* SPDX-License-Identifier: Apache-2.0 */
/* Noticing that the peers file changed, whatever way it is changed. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdbool.h>

#include "discovery_file.h"
#include "folder.h"

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

/* As editors do that keep the old one beside it. */
static void a_file_moved_away_and_back_is_noticed(void **state)
{
	struct discovery_file *file;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	assert_int_equal(rename("peers", "peers~"), 0);
	assert_int_equal(noticed(file), 0); /* something may take its place any moment */
	put("peers", "10.0.0.2\n");
	assert_int_equal(noticed(file), 1);
	assert_false(settles_with_change(file));
	assert_int_equal(unlink("peers"), 0);
	assert_int_equal(rename("peers~", "peers"), 0);
	assert_int_equal(noticed(file), 1);
	assert_false(settles_with_change(file));
	discovery_file_close(file);
}

static void lines_that_are_added_are_noticed(void **state)
{
	struct discovery_file *file;
	FILE *writer;

	(void)state;
	put("peers", "10.0.0.1\n");
	file = watch("peers");
	writer = fopen("peers", "a");
	assert_non_null(writer);
	fputs("10.0.0.2\n", writer);
	assert_int_equal(fclose(writer), 0);
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
		assert_int_equal(noticed(file), 1);
		assert_false(settles_with_change(file));
		put(path, "10.0.0.3\n10.0.0.4\n"); /* the new folder is watched too */
		assert_true(settles_with_change(file));
		snprintf(folder, sizeof(folder), "..2026_%d", i - 1);
		snprintf(path, sizeof(path), "%s/peers", folder);
		assert_int_equal(unlink(path) || rmdir(folder), 0);
		assert_false(settles_with_change(file));
	}
	discovery_file_close(file);
}

static uint32_t count_watches(const struct discovery_file *file)
{
	char line[256];
	uint32_t count = 0;
	FILE *info;

	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", discovery_file_fd(file));
	info = fopen(line, "r");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info))
		count += strncmp(line, "inotify ", 8) == 0;
	fclose(info);
	return count;
}

static void folders_that_lead_nowhere_any_more_are_not_watched(void **state)
{
	struct discovery_file *file;

	(void)state;
	assert_int_equal(mkdir("first", 0700) || mkdir("second", 0700), 0);
	put("first/peers", "10.0.0.1\n");
	put("second/peers", "10.0.0.2\n");
	assert_int_equal(symlink("first", "data"), 0);
	file = watch("data/peers");
	assert_int_equal(count_watches(file), 2);
	assert_int_equal(symlink("second", "new") || rename("new", "data"), 0);
	assert_true(settles_with_change(file));
	assert_int_equal(count_watches(file), 2);
	put("first/peers", "10.0.0.3\n");
	assert_int_equal(noticed(file), -1);
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
		TEST(writing_and_renaming_are_noticed_at_once),
		TEST(a_file_moved_away_and_back_is_noticed),
		TEST(lines_that_are_added_are_noticed),
		TEST(a_file_being_written_is_left_alone),
		TEST(a_change_without_notice_is_found_by_the_timer),
		TEST(gone_is_told_at_the_second_look_and_back_at_once),
		TEST(a_folder_may_come_later_go_and_come_back),
		TEST(the_swap_of_a_link_on_the_way_is_noticed),
		TEST(folders_that_lead_nowhere_any_more_are_not_watched),
		TEST(links_in_a_circle_and_absolute_ones_do_no_harm),
	};

	return cmocka_run_group_tests_name("discovery_watch", tests, NULL, NULL);
}
