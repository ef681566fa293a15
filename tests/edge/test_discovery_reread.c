/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peers file that is read again, into the directory that it fills: what has not changed is not
 * disturbed, what is refused changes nothing, and SIGHUP is one more reason to read. Needs no root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "directory.h"
#include "discovery_file.h"
#include "folder.h"
#include "loop.h"

#define CAPACITY 8

/* What comes and goes, by address, in the order in which it is told. */
struct reader {
	struct directory *directory;
	struct loop *loop;
	struct directory_change last;
	int result;
	int readings;
	int told;
};

static int offer(void *ctx, const struct peer_candidate *candidate)
{
	return directory_offer(ctx, candidate);
}

static void tell(void *ctx, const struct directory_entry *entry)
{
	struct reader *reader = ctx;

	(void)entry;
	reader->told++;
}

static void read_peers(struct reader *reader)
{
	char error[DISCOVERY_ERROR_CAPACITY];

	reader->told = 0;
	reader->last = (struct directory_change){ 0 };
	directory_begin(reader->directory, PEER_SOURCE_FILE);
	reader->result = discovery_file_read("peers", offer, reader->directory, error);
	if (reader->result == 0)
		reader->last = directory_commit(reader->directory, tell, tell, reader);
	else
		directory_abort(reader->directory);
	reader->readings++;
}

static void reader_open(struct reader *reader)
{
	const struct directory_settings settings = { .capacity = CAPACITY };

	*reader = (struct reader){ .readings = 0 };
	assert_int_equal(directory_open(&settings, &reader->directory), 0);
}

static bool changed(const struct reader *reader)
{
	return reader->told > 0 || reader->last.added > 0 || reader->last.removed > 0 ||
	       reader->last.changed > 0;
}

static uint32_t index_of(const struct reader *reader, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return directory_find(reader->directory, &address);
}

static void what_has_not_changed_is_not_disturbed(void **state)
{
	/* The same peers, however they are written. */
	static const char *const same[] = {
		"10.0.0.1 a\n10.0.0.2 b zone=z\nfd00::1 a\n10.0.0.4\n",
		"10.0.0.4\nfd00::1 a\n10.0.0.2 b zone=z\n10.0.0.1 a\n",
		"# all\n\n 10.0.0.1\ta # one\r\n10.0.0.2 b zone=z\nfd00:0::1 a\n::ffff:10.0.0.4",
	};
	struct directory_entry before;
	struct reader reader;
	uint32_t index;

	(void)state;
	reader_open(&reader);
	put("peers", same[0]);
	read_peers(&reader);
	assert_int_equal(reader.last.added, 4);
	assert_int_equal(reader.told, 4);
	index = index_of(&reader, "10.0.0.2");
	assert_true(index != DIRECTORY_END);
	directory_set_chosen(reader.directory, index, true);
	before = *directory_get(reader.directory, index);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		put("peers", same[i]);
		read_peers(&reader);
		assert_int_equal(reader.result, 0);
		assert_false(changed(&reader));
		assert_int_equal(directory_count(reader.directory), 4);
		assert_int_equal(index_of(&reader, "10.0.0.2"), index);
		assert_int_equal(directory_get(reader.directory, index)->sources, before.sources);
		assert_int_equal(directory_get(reader.directory, index)->zone, before.zone);
		assert_int_equal(directory_get(reader.directory, index)->chosen, 1);
	}
	put("peers", "10.0.0.1 a\n10.0.0.2 b zone=z\nfd00::1 a\n10.0.0.5\n");
	read_peers(&reader);
	assert_true(reader.last.added == 1 && reader.last.removed == 1 && reader.told == 2);
	directory_close(reader.directory);
}

static void what_is_refused_changes_nothing(void **state)
{
	static const char *const refused[] = {
		"10.0.0.3 c\n10.0.0.999 d\n", /* a bad line after a good one */
		"10.0.0.3 c\n10.0.0.3 d\n",   /* an address twice */
		"10.0.0.3 c\n10.0.0.5 c\n",   /* a name twice, of one family */
		NULL,			      /* no file */
	};
	struct reader reader;

	(void)state;
	reader_open(&reader);
	put("peers", "10.0.0.1 a\n10.0.0.2 b\n");
	read_peers(&reader);
	assert_int_equal(directory_count(reader.directory), 2);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (refused[i])
			put("peers", refused[i]);
		else
			assert_int_equal(unlink("peers"), 0);
		read_peers(&reader);
		assert_int_equal(reader.result, refused[i] ? -EINVAL : -ENOENT);
		assert_int_equal(directory_count(reader.directory), 2);
		assert_true(index_of(&reader, "10.0.0.1") != DIRECTORY_END);
		assert_true(index_of(&reader, "10.0.0.3") == DIRECTORY_END);
		put("peers", "10.0.0.1 a\n10.0.0.2 b\n"); /* and back */
		read_peers(&reader);
		assert_int_equal(reader.result, 0);
		assert_false(changed(&reader));
	}
	directory_close(reader.directory);
}

/* An empty file is a good one: its author says that nobody is there. */
static void an_empty_file_empties_the_directory(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader);
	put("peers", "10.0.0.1 a\n10.0.0.2 b\n");
	read_peers(&reader);
	put("peers", "# nobody\n");
	read_peers(&reader);
	assert_int_equal(reader.last.removed, 2);
	assert_int_equal(directory_count(reader.directory), 0);
	directory_close(reader.directory);
}

/* More than there is room for: read again, it takes the places that were left. */
static void the_surplus_is_taken_once_there_is_room(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader);
	put("peers", "10.0.0.1\n10.0.0.2\n10.0.0.3\n10.0.0.4\n10.0.0.5\n"
		     "10.0.0.6\n10.0.0.7\n10.0.0.8\n10.0.0.9\n10.0.0.10\n");
	for (int i = 0; i < 2; i++) {
		read_peers(&reader);
		assert_int_equal(reader.result, 0);
		assert_int_equal(reader.last.surplus, 2);
		assert_int_equal(directory_count(reader.directory), CAPACITY);
		assert_int_equal(changed(&reader), i == 0);
	}
	put("peers", "10.0.0.2\n10.0.0.3\n10.0.0.4\n10.0.0.5\n"
		     "10.0.0.6\n10.0.0.7\n10.0.0.8\n10.0.0.9\n10.0.0.10\n");
	/* What goes may free its place only for the reading after it. */
	read_peers(&reader);
	assert_int_equal(reader.last.removed, 1);
	read_peers(&reader);
	assert_int_equal(reader.last.surplus, 1);
	assert_int_equal(directory_count(reader.directory), CAPACITY);
	directory_close(reader.directory);
}

static void on_signal(void *ctx, int number, struct local_time now)
{
	struct reader *reader = ctx;

	(void)now;
	assert_int_equal(number, SIGHUP);
	read_peers(reader);
	loop_stop(reader->loop);
}

static void sighup_reads_it_again(void **state)
{
	static const int signals[] = { SIGHUP, 0 };
	struct reader reader;

	(void)state;
	reader_open(&reader);
	put("peers", "10.0.0.1 a\n10.0.0.2 b\n");
	read_peers(&reader);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(loop_open(&reader.loop), 0);
		assert_int_equal(loop_signals(reader.loop, signals, on_signal, &reader), 0);
		assert_int_equal(kill(getpid(), SIGHUP), 0);
		assert_int_equal(loop_run(reader.loop), 0);
		loop_close(reader.loop);
		assert_int_equal(reader.readings, 2 + i);
		assert_int_equal(changed(&reader), i);
		put("peers", "10.0.0.1 a\n10.0.0.3 b\n");
	}
	directory_close(reader.directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
		TEST(what_has_not_changed_is_not_disturbed),
		TEST(what_is_refused_changes_nothing),
		TEST(an_empty_file_empties_the_directory),
		TEST(the_surplus_is_taken_once_there_is_room),
		TEST(sighup_reads_it_again),
	};

	return cmocka_run_group_tests_name("discovery_reread", tests, NULL, NULL);
}
