/* SPDX-License-Identifier: Apache-2.0 */
/* Lines as they leave through standard error: quoting, escapes, cuts. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static int pipe_read_fd;
static int saved_stderr;

static int capture_stderr(void **state)
{
	int fds[2];

	(void)state;
	if (pipe(fds) < 0)
		return -1;
	pipe_read_fd = fds[0];
	saved_stderr = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	return 0;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_read_fd);
	return 0;
}

/* The line without its time, which is checked for its shape. */
static const char *read_line(char line[static LOG_LINE_CAPACITY + 1], bool json)
{
	const char *shape = json ? "{\"ts\":\"0000-00-00T00:00:00.000Z\","
				 : "ts=0000-00-00T00:00:00.000Z ";
	ssize_t length = read(pipe_read_fd, line, LOG_LINE_CAPACITY);

	assert_true(length > 0);
	line[length] = '\0';
	assert_int_equal(line[length - 1], '\n');
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == '0')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], shape[i]);
	}
	return line + strlen(shape);
}

struct row {
	const char *value;
	const char *logfmt;
	const char *json;
};

static const struct row rows[] = {
	{ "plain", "plain", "\"plain\"" },
	{ "", "\"\"", "\"\"" },
	{ "two words", "\"two words\"", "\"two words\"" },
	{ "a=b", "\"a=b\"", "\"a=b\"" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"" },
	{ "back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\"" },
	{ "one\ntwo", "\"one\\ntwo\"", "\"one\\ntwo\"" },
	{ "\x1b[31m", "\"\\u001b[31m\"", "\"\\u001b[31m\"" },
	{ "\x7f", "\"\\u007f\"", "\"\\u007f\"" },
	{ "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
	  "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "\xc2\x9b", "\"\\u009b\"", "\"\\u009b\"" },		    /* an escape of one character */
	{ "\xff", "\"\\ufffd\"", "\"\\ufffd\"" },		    /* never in UTF-8 */
	{ "\xc0\xaf", "\"\\ufffd\\ufffd\"", "\"\\ufffd\\ufffd\"" }, /* overlong */
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"",
	  "\"\\ufffd\\ufffd\\ufffd\"" },				     /* surrogate */
	{ "end\xe2\x82", "\"end\\ufffd\\ufffd\"", "\"end\\ufffd\\ufffd\"" }, /* cut short */
};

static void values_are_quoted_and_escaped(void **state)
{
	char line[LOG_LINE_CAPACITY + 1];
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_setup(LOG_LEVEL_INFO, 0);
		log_info("m", LOG_TEXT("k", rows[i].value), LOG_INT("n", -7));
		snprintf(expected, sizeof(expected), "level=info msg=\"m\" k=%s n=-7\n",
			 rows[i].logfmt);
		assert_string_equal(read_line(line, false), expected);
		log_setup(LOG_LEVEL_INFO, 1);
		log_info("m", LOG_TEXT("k", rows[i].value), LOG_INT("n", -7));
		snprintf(expected, sizeof(expected),
			 "\"level\":\"info\",\"msg\":\"m\",\"k\":%s,\"n\":-7}\n", rows[i].json);
		assert_string_equal(read_line(line, true), expected);
	}
}

static void a_line_needs_no_field_and_leaves_errno_alone(void **state)
{
	char line[LOG_LINE_CAPACITY + 1];

	(void)state;
	log_setup(LOG_LEVEL_WARN, 0);
	errno = ENOTTY;
	log_error("bare");
	assert_int_equal(errno, ENOTTY);
	assert_string_equal(read_line(line, false), "level=error msg=\"bare\"\n");
	log_info("not wanted");
	log_warn("why", LOG_ERRNO(-ENOENT));
	assert_string_equal(read_line(line, false),
			    "level=warn msg=\"why\" error=\"No such file or directory\"\n");
	log_warn("why", LOG_ERRNO(ENOENT));
	assert_string_equal(read_line(line, false),
			    "level=warn msg=\"why\" error=\"No such file or directory\"\n");
}

/* Whatever the length, whatever the character that is cut: one line, whole characters, all that was
 * opened is closed. */
static void long_lines_are_cut_and_still_well_formed(void **state)
{
	static const char *const fillings[] = { "x", "\xe2\x82\xac", "\"", "\x01", "\xff" };
	char line[LOG_LINE_CAPACITY + 1];
	char value[3 * LOG_LINE_CAPACITY + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
		for (size_t length = 0; length <= LOG_LINE_CAPACITY; length++) {
			bool json = (length + i) % 2;
			const char *end = json ? "}\n" : "\n";
			size_t quotes = 0;
			size_t line_length;

			value[0] = '\0';
			for (size_t j = 0; j < length; j++)
				strcpy(value + j * strlen(fillings[i]), fillings[i]);
			log_setup(LOG_LEVEL_INFO, json);
			log_info("m", LOG_TEXT("k", value), LOG_INT("number", 123456789),
				 LOG_TEXT("z", "z"));
			read_line(line, json);
			line_length = strlen(line);
			assert_string_equal(line + line_length - strlen(end), end);
			assert_ptr_equal(strchr(line, '\n'), line + line_length - 1);
			for (size_t j = 0; j < line_length; j++) {
				if (line[j] == '\\')
					j++;
				else
					quotes += line[j] == '"';
			}
			assert_int_equal(quotes % 2, 0);
			if (strstr(line, "number"))
				assert_non_null(strstr(line, json ? "\"number\":123456789"
								  : " number=123456789"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_quoted_and_escaped, capture_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(a_line_needs_no_field_and_leaves_errno_alone,
						capture_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(long_lines_are_cut_and_still_well_formed,
						capture_stderr, release_stderr),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
