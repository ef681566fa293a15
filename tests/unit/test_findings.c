/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: columns are kept, what is foreign moves no cursor, JSON is JSON, nothing is lost
 * silently. */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "unit/json_strict.h"

struct fixture {
	struct findings findings;
	char buffer[FINDINGS_TEXT_CAPACITY];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static const char *written(struct fixture *fixture, struct findings_style style)
{
	struct text text = text_over(fixture->buffer, sizeof(fixture->buffer) - 1);

	findings_write_text(&fixture->findings, &style, &text);
	assert_false(text.overflowed);
	fixture->buffer[text.length] = '\0';
	return fixture->buffer;
}

static struct finding *add(struct fixture *fixture, enum finding_level level, const char *found)
{
	struct finding *finding = findings_add(&fixture->findings, level, "Group", "group.id",
					       "title");

	finding_say(finding, "%s", found);
	return finding;
}

static void rows_and_summary(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, FINDING_OK, "all is well");
	finding_advise(add(fixture, FINDING_FAIL, "one two three four five six seven eight"),
		       "do %d things, each of which is worth a word", 2);
	assert_string_equal(written(fixture, (struct findings_style){ .columns = 50 }),
			    "Group\n"
			    "  ok    title           all is well\n"
			    "  FAIL  title           one two three four five\n"
			    "                        six seven eight\n"
			    "                        -> do 2 things, each of\n"
			    "                           which is worth a word\n"
			    "\n"
			    "kube-canary would not work here: 1 problem, 0 warnings, "
			    "0 not tried.\n-q shows only these.\n");
}

static void problems_only(void **state)
{
	static const struct findings_style style = { .columns = 80, .problems_only = true };
	struct fixture *fixture = *state;

	add(fixture, FINDING_OK, "good");
	add(fixture, FINDING_NOTE, "neither");
	assert_string_equal(written(fixture, style), "");
	add(fixture, FINDING_UNTRIED, "unknown");
	add(fixture, FINDING_WARN, "bad");
	written(fixture, style);
	assert_null(strstr(fixture->buffer, "good"));
	assert_null(strstr(fixture->buffer, "neither"));
	assert_non_null(strstr(fixture->buffer, "  skip  title           unknown\n"));
	assert_non_null(strstr(fixture->buffer, "  warn  title           bad\n"));
	assert_non_null(strstr(fixture->buffer, "No problem was found so far: "));
}

/* Of words that fit, whatever the width: no line is wider, and all words are there. */
static void no_line_is_too_wide(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 1; i < 40; i++) {
		char words[FINDING_TEXT_CAPACITY] = "";

		for (int word = 0; word < i; word++)
			sprintf(words + strlen(words), "%.*s ", 1 + (word * 5 + i) % 9,
				"abcdefghi");
		finding_advise(add(fixture, FINDING_WARN, words), "%s", words);
	}
	for (uint32_t columns = 73; columns <= 140; columns += 7) {
		size_t letters = 0;
		char *rest = NULL;

		written(fixture, (struct findings_style){ .columns = columns });
		for (char *line = strtok_r(fixture->buffer, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			assert_true(strlen(line) <= columns);
			assert_true(line[strlen(line) - 1] != ' ');
			letters += strspn(line, " ") >= 24;
		}
		assert_true(letters > 0);
	}
}

static void nothing_foreign_reaches_the_terminal(void **state)
{
	struct fixture *fixture = *state;
	const struct findings_style style = { .columns = 80, .colour = false };

	finding_advise(add(fixture, FINDING_WARN,
			   "\033[2Jdevice\x9b"
			   "1m\r\n\x7f"),
		       "\a\b");
	written(fixture, style);
	for (const char *at = fixture->buffer; *at; at++)
		assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	assert_non_null(strstr(fixture->buffer, "?[2Jdevice?1m???"));
	written(fixture, (struct findings_style){ .columns = 80, .colour = true });
	assert_non_null(strstr(fixture->buffer, "\033[33mwarn\033[0m"));
	assert_null(strstr(fixture->buffer, "\033[2J"));
}

static void json_is_json(void **state)
{
	struct fixture *fixture = *state;
	struct text text = text_over(fixture->buffer, sizeof(fixture->buffer) - 1);
	struct finding *finding = add(fixture, FINDING_FAIL, "quote \" backslash \\ \xff");

	strcpy(finding->interface, "eth0");
	add(fixture, FINDING_OK, "good");
	findings_write_json(&fixture->findings, false, &text);
	fixture->buffer[text.length] = '\0';
	assert_true(json_is_valid(fixture->buffer));
	assert_string_equal(
		fixture->buffer,
		"{\"works\":false,\"count\":{\"ok\":1,\"note\":0,\"not_tried\":0,\"warn\":0,"
		"\"fail\":1,\"left_out\":0},\"findings\":["
		"{\"id\":\"group.id\",\"status\":\"fail\",\"interface\":\"eth0\",\"group\":"
		"\"Group\","
		"\"title\":\"title\",\"found\":\"quote \\\" backslash \\\\ \xef\xbf\xbd\","
		"\"advice\":null},"
		"{\"id\":\"group.id\",\"status\":\"ok\",\"interface\":null,\"group\":\"Group\","
		"\"title\":\"title\",\"found\":\"good\",\"advice\":null}]}\n");
}

/* The worst that may come: every row full of what takes most octets. */
static void all_fit_and_more_are_counted(void **state)
{
	struct fixture *fixture = *state;
	struct text text = text_over(fixture->buffer, sizeof(fixture->buffer));
	char worst[FINDING_TEXT_CAPACITY + 10];

	memset(worst, '\001', sizeof(worst) - 1);
	worst[sizeof(worst) - 1] = '\0';
	for (int i = 0; i < FINDINGS_CAPACITY + 3; i++)
		finding_advise(add(fixture, FINDING_WARN, worst), "%s", worst);
	assert_int_equal(fixture->findings.count, FINDINGS_CAPACITY);
	assert_int_equal(fixture->findings.left_out, 3);
	assert_int_equal(findings_count(&fixture->findings, FINDING_WARN), FINDINGS_CAPACITY);
	findings_write_json(&fixture->findings, false, &text);
	assert_false(text.overflowed);
	written(fixture, (struct findings_style){ .columns = 0 });
	assert_non_null(strstr(fixture->buffer, "3 more findings had no room.\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_and_summary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(problems_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_line_is_too_wide, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_foreign_reaches_the_terminal, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(json_is_json, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_fit_and_more_are_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
