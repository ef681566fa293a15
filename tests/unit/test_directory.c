/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as the sources name them, merged. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/directory_fixture.h"

#define S PEER_SOURCE_STATIC
#define F PEER_SOURCE_FILE
#define D PEER_SOURCE_DNS

#define A  "10.0.0.1"
#define B  "10.0.0.2"
#define C  "10.0.0.3"
#define A6 "2001:db8::1"

static void nobody_is_there(void **state)
{
	struct fixture fixture = fixture_open(4, NULL, 0);

	(void)state;
	assert_directory(&fixture, "");
	assert_int_equal(directory_capacity(fixture.directory), 4);
	assert_int_equal(directory_surplus(fixture.directory), 0);
	assert_int_equal(index_of(&fixture, A), DIRECTORY_END);
	/* No hole has an address. */
	say(&fixture, F, LIST(A, B));
	say(&fixture, F, LIST(B));
	assert_int_equal(index_of(&fixture, "::"), DIRECTORY_END);
	assert_int_equal(directory_get(fixture.directory, 0)->sources, 0);
	assert_int_equal(directory_get(fixture.directory, 3)->sources, 0);
	directory_close(fixture.directory);
	directory_close(NULL);
}

/* Transactions of several sources, one after the other, from nothing. */
static void sources_are_merged_by_weight(void **state)
{
	static const struct {
		struct {
			enum peer_source source;
			const char *lines[4];
		} said[5];
		const char *events, *expected;		 /* after the last */
		uint32_t added, removed, changed, count; /* of it */
	} cases[] = {
		{ { { F, { A " a", B } } }, "+" A " +" B " ", A " a F, " B " F, ", 2, 0, 0, 2 },
		{ { { F, { A, B } }, { F, { A, B } } }, "", A " F, " B " F, ", 0, 0, 0, 2 },
		{ { { F, { A, B } }, { F, { B } } }, "-" A " ", "-, " B " F, ", 0, 1, 0, 1 },
		{ { { F, { A, B } }, { F, { A } } }, "-" B " ", A " F, ", 0, 1, 0, 1 },
		{ { { F, { A, B } }, { F, { B } }, { F, { C, B } } },
		  "+" C " ",
		  C " F, " B " F, ",
		  1,
		  0,
		  0,
		  2 },
		/* Nobody stands where somebody left in the same transaction. */
		{ { { F, { A, B } }, { F, { B, C } } },
		  "-" A " +" C " ",
		  "-, " B " F, " C " F, ",
		  1,
		  1,
		  0,
		  2 },
		/* Another word stands, of the same source. */
		{ { { F, { A " a", B } }, { F, { A " b", B } } },
		  "",
		  A " b F, " B " F, ",
		  0,
		  0,
		  1,
		  2 },
		{ { { F, { A " a", B } }, { F, { A, B " a" } } },
		  "",
		  A " F, " B " a F, ",
		  0,
		  0,
		  2,
		  2 },
		{ { { F, { A } }, { F, { A " probe=icmp" } } }, "", A " icmp F, ", 0, 0, 1, 1 },
		{ { { F, { A } }, { F, { A " zone=z" } } }, "", A " z! F, ", 0, 0, 1, 1 },
		{ { { F, { A " a probe=stamp zone=z" } }, { F, { A " a probe=stamp zone=z" } } },
		  "",
		  A " a stamp z! F, ",
		  0,
		  0,
		  0,
		  1 },
		/* The heavier one's word stands, whoever speaks first. */
		{ { { F, { A " a zone=z" } }, { D, { A, B } } },
		  "+" B " ",
		  A " a z! Fd, " B " D, ",
		  1,
		  0,
		  0,
		  2 },
		{ { { D, { A, B } }, { F, { A " a zone=z" } } },
		  "",
		  A " a z! Fd, " B " D, ",
		  0,
		  0,
		  1,
		  2 },
		{ { { D, { A } }, { F, { A } } }, "", A " Fd, ", 0, 0, 0, 1 },
		{ { { S, { A " s" } }, { D, { A } }, { F, { A " f zone=z" } } },
		  "",
		  A " s Sfd, ",
		  0,
		  0,
		  0,
		  1 },
		{ { { D, { A } }, { F, { A " f" } }, { S, { A " s" } } },
		  "",
		  A " s Sfd, ",
		  0,
		  0,
		  1,
		  1 },
		/* Wholly: what a lighter one says fills no gap. */
		{ { { S, { A } }, { F, { A " f zone=z" } } }, "", A " Sf, ", 0, 0, 1, 1 },
		/* Who names it no longer. */
		{ { { F, { A " a zone=z probe=icmp" } }, { D, { A } }, { F, { B } } },
		  "+" B " ",
		  A " D, " B " F, ",
		  1,
		  0,
		  1,
		  2 },
		{ { { F, { A " a" } }, { D, { A } }, { D, { B } } },
		  "+" B " ",
		  A " a F, " B " D, ",
		  1,
		  0,
		  0,
		  2 },
		{ { { F, { A " a" } }, { D, { A } }, { F, { NULL } }, { D, { B } } },
		  "-" A " +" B " ",
		  "-, " B " D, ",
		  1,
		  1,
		  0,
		  1 },
		{ { { S, { A " s" } }, { F, { A " f" } }, { F, { NULL } } },
		  "",
		  A " s S, ",
		  0,
		  0,
		  1,
		  1 },
		{ { { S, { A " s" } }, { F, { A " f" } }, { D, { A } }, { F, { NULL } } },
		  "",
		  A " s Sd, ",
		  0,
		  0,
		  0,
		  1 },
		{ { { S, { A " s" } }, { F, { A " f" } }, { S, { NULL } } },
		  "",
		  A " F, ",
		  0,
		  0,
		  1,
		  1 },
		{ { { F, { A " f" } }, { D, { A } }, { S, { A " f" } }, { S, { NULL } } },
		  "",
		  A " Fd, ",
		  0,
		  0,
		  1,
		  1 },
		/* Named by --peers.static alone, and by others too: that is told. */
		{ { { S, { A } }, { D, { A } } }, "", A " Sd, ", 0, 0, 1, 1 },
		{ { { D, { A } }, { S, { A } } }, "", A " Sd, ", 0, 0, 1, 1 },
		{ { { S, { A } }, { D, { A } }, { F, { A } } }, "", A " Sfd, ", 0, 0, 0, 1 },
		{ { { S, { A } }, { D, { A } }, { D, { NULL } } }, "", A " S, ", 0, 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture = fixture_open(4, NULL, 0);
		struct directory_change change = { 0 };

		for (size_t j = 0; j < 5 && cases[i].said[j].source; j++)
			change = say(&fixture, cases[i].said[j].source, cases[i].said[j].lines);
		assert_string_equal(fixture.events, cases[i].events);
		assert_directory(&fixture, cases[i].expected);
		assert_change(change, cases[i].added, cases[i].removed, cases[i].changed, 0);
		assert_int_equal(directory_count(fixture.directory), cases[i].count);
		directory_close(fixture.directory);
	}
}

/* What each offer of one transaction returns, and what is there after it. */
static void offers(void **state)
{
	static const struct {
		const char *heavier[3]; /* what --peers.static said */
		struct {
			const char *line;
			int expected;
		} offered[5];
		const char *expected;
	} cases[] = {
		{ { NULL }, { { A " a", 0 }, { A " b", -EEXIST } }, A " a F, " },
		{ { NULL }, { { A " a", 0 }, { "::ffff:" A " a", -EEXIST } }, A " a F, " },
		{ { A }, { { A, 0 }, { A, -EEXIST } }, A " Sf, " },
		{ { NULL },
		  { { A " a", 0 }, { B " a", -ENOTUNIQ }, { B " b", 0 } },
		  A " a F, " B " b F, " },
		{ { NULL }, { { A " a", 0 }, { A6 " a", 0 } }, A " a F, " A6 " a F, " },
		{ { NULL },
		  { { A6 " a", 0 },
		    { A " a", 0 },
		    { B " a", -ENOTUNIQ },
		    { "2001:db8::2 a", -ENOTUNIQ } },
		  A6 " a F, " A " a F, " },
		{ { NULL }, { { A, 0 }, { B, 0 } }, A " F, " B " F, " },
		{ { NULL }, { { A " a", 0 }, { B " A", 0 } }, A " a F, " B " A F, " },
		{ { NULL },
		  { { A " a", 0 }, { A " a", -EEXIST }, { B " a", -ENOTUNIQ } },
		  A " a F, " },
		/* Another source's names are another matter: who has which name, `peers` knows. */
		{ { A " a" }, { { B " a", 0 } }, A " a S, " B " a F, " },
		/* A name that does not stand was given nevertheless. */
		{ { A " a" },
		  { { A " b", 0 }, { B " b", -ENOTUNIQ }, { B " a", 0 } },
		  A " a Sf, " B " a F, " },
		{ { A " a" }, { { A " a", 0 }, { B " a", -ENOTUNIQ } }, A " a Sf, " },
		{ { A " a" }, { { B " b", 0 }, { A " b", -ENOTUNIQ } }, A " a S, " B " b F, " },
		/* What is said of the protocol beside a heavier word. */
		{ { A " probe=icmp" }, { { A, 0 } }, A " icmp Sf, " },
		{ { A " probe=icmp" }, { { A " probe=icmp", 0 } }, A " icmp Sf, " },
		{ { A " probe=icmp" }, { { A " probe=stamp", -EALREADY } }, A " icmp Sf, " },
		{ { A }, { { A " probe=icmp", -EALREADY }, { A, -EEXIST } }, A " Sf, " },
		/* Full: who is there may be named again. */
		{ { "10.0.1.1", "10.0.1.2" },
		  { { A, 0 }, { B, 0 }, { C, -ENOSPC }, { "10.0.1.1", 0 }, { A, -EEXIST } },
		  "10.0.1.1 Sf, 10.0.1.2 S, " A " F, " B " F, " },
		{ { "10.0.1.1", "10.0.1.2" },
		  { { A, 0 },
		    { B " b", 0 },
		    { C " c", -ENOSPC },
		    { C " b", -ENOTUNIQ },
		    { "10.0.1.2 c", 0 } },
		  "10.0.1.1 S, 10.0.1.2 Sf, " A " F, " B " b F, " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture = fixture_open(4, NULL, 0);
		uint32_t surplus = 0;

		say(&fixture, S, cases[i].heavier);
		directory_begin(fixture.directory, F);
		for (size_t j = 0; j < 5 && cases[i].offered[j].line; j++) {
			assert_int_equal(offer(&fixture, cases[i].offered[j].line),
					 cases[i].offered[j].expected);
			surplus += cases[i].offered[j].expected == -ENOSPC;
		}
		assert_int_equal(commit(&fixture).surplus, surplus);
		assert_int_equal(directory_surplus(fixture.directory), surplus);
		assert_directory(&fixture, cases[i].expected);
		directory_close(fixture.directory);
	}
}

/* A name is one's own again once the transaction is over, and may go to another address. */
static void names_move(void **state)
{
	struct fixture fixture = fixture_open(4, NULL, 0);

	(void)state;
	say(&fixture, F, LIST(A " a", B " b"));
	assert_change(say(&fixture, F, LIST(A " b", B " a")), 0, 0, 2, 0);
	assert_directory(&fixture, A " b F, " B " a F, ");
	assert_change(say(&fixture, F, LIST(B, C " a", A " c")), 1, 0, 2, 0);
	assert_directory(&fixture, A " c F, " B " F, " C " a F, ");
	directory_begin(fixture.directory, F);
	assert_int_equal(offer(&fixture, C " x"), 0);
	directory_abort(fixture.directory);
	assert_change(say(&fixture, F, LIST(A " x", C " a", B " y")), 0, 0, 2, 0);
	assert_directory(&fixture, A " x F, " B " y F, " C " a F, ");
	directory_close(fixture.directory);
}

static void nothing_is_visible_before_the_commit(void **state)
{
	struct fixture fixture = fixture_open(4, NULL, 0);
	char before[FIXTURE_TEXT], after[FIXTURE_TEXT];

	(void)state;
	say(&fixture, F, LIST(A " a zone=z", B));
	say(&fixture, D, LIST(C));
	describe(&fixture, 0, before, sizeof(before));
	for (int commits = 0; commits < 2; commits++) {
		directory_begin(fixture.directory, F);
		assert_int_equal(offer(&fixture, A " b probe=icmp zone=y"), 0);
		assert_int_equal(offer(&fixture, A6 " c zone=x"), 0);
		assert_int_equal(offer(&fixture, C " d"), 0);
		assert_int_equal(offer(&fixture, "10.0.0.4"), -ENOSPC);
		describe(&fixture, 0, after, sizeof(after));
		assert_string_equal(after, before);
		assert_int_equal(index_of(&fixture, A6), DIRECTORY_END);
		assert_int_equal(directory_count(fixture.directory), 3);
		assert_int_equal(directory_surplus(fixture.directory), 0);
		if (commits == 0) {
			directory_abort(fixture.directory);
			assert_directory(&fixture, A " a z! F, " B " F, " C " D, ");
			assert_int_equal(directory_surplus(fixture.directory), 0);
		}
	}
	assert_change(commit(&fixture), 1, 1, 2, 1);
	assert_string_equal(fixture.events, "-" B " +" A6 " ");
	assert_directory(&fixture, A " b icmp y! F, -, " C " d Fd, " A6 " c x! F, ");
	assert_int_equal(directory_surplus(fixture.directory), 1);
	directory_close(fixture.directory);
}

/* Each source has surplus of its own, of its last commit. */
static void surplus_of_all_sources(void **state)
{
	struct fixture fixture = fixture_open(1, NULL, 0);

	(void)state;
	say(&fixture, S, LIST(A));
	for (int source = 0; source < 2; source++) {
		directory_begin(fixture.directory, source ? D : F);
		assert_int_equal(offer(&fixture, B), -ENOSPC);
		assert_int_equal(offer(&fixture, C), -ENOSPC);
		assert_int_equal(commit(&fixture).surplus, 2);
	}
	assert_int_equal(directory_surplus(fixture.directory), 4);
	say(&fixture, D, LIST(A));
	assert_int_equal(directory_surplus(fixture.directory), 2);
	/* An entry that becomes free in a commit is free after it. */
	say(&fixture, D, LIST());
	say(&fixture, S, LIST());
	say(&fixture, F, LIST(B));
	assert_int_equal(directory_surplus(fixture.directory), 0);
	assert_directory(&fixture, B " F, ");
	directory_close(fixture.directory);
}

/* Marks stay with the address while it is there. */
static void marks(void **state)
{
	struct fixture fixture = fixture_open(4, NULL, 0);
	uint32_t index;

	(void)state;
	say(&fixture, F, LIST(A, B));
	index = index_of(&fixture, B);
	directory_set_own(fixture.directory, index, true);
	directory_set_chosen(fixture.directory, index, true);
	say(&fixture, F, LIST(B " b zone=z probe=icmp", C));
	assert_int_equal(index_of(&fixture, B), index);
	assert_true(directory_get(fixture.directory, index)->own);
	assert_true(directory_get(fixture.directory, index)->chosen);
	directory_set_own(fixture.directory, index, false);
	assert_false(directory_get(fixture.directory, index)->own);
	assert_true(directory_get(fixture.directory, index)->chosen);
	assert_false(directory_get(fixture.directory, index_of(&fixture, C))->chosen);
	directory_set_own(fixture.directory, index, true);
	say(&fixture, F, LIST(A, C));
	say(&fixture, F, LIST(B, C));
	assert_int_equal(index_of(&fixture, B), index);
	assert_false(directory_get(fixture.directory, index)->own);
	assert_false(directory_get(fixture.directory, index)->chosen);
	directory_close(fixture.directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_there),
		cmocka_unit_test(sources_are_merged_by_weight),
		cmocka_unit_test(offers),
		cmocka_unit_test(names_move),
		cmocka_unit_test(nothing_is_visible_before_the_commit),
		cmocka_unit_test(surplus_of_all_sources),
		cmocka_unit_test(marks),
	};

	return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
