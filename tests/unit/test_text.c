/* SPDX-License-Identifier: Apache-2.0 */
/* Text: numbers are exact, escapes are complete, a buffer is never left. */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/fake_memory.h"
#include "text.h"

#define REPLACEMENT   "\xef\xbf\xbd"
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct escape_case {
	const char *input;
	const char *expected;
};

static void seconds_are_exact_and_canonical(void **state)
{
	static const struct {
		uint64_t value_ns;
		const char *expected;
	} cases[] = {
		{ 0, "0.0" },
		{ 1, "0.000000001" },
		{ 10, "0.00000001" },
		{ 5000, "0.000005" },
		{ 1500000, "0.0015" },
		{ 100000000, "0.1" },
		{ 999999999, "0.999999999" },
		{ 1000000000, "1.0" },
		{ 1000000001, "1.000000001" },
		{ 10000000000, "10.0" },
		{ 1700000000123456789, "1700000000.123456789" }, /* a double holds 17 digits */
		{ UINT64_MAX, "18446744073.709551615" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char buffer[32] = { 0 };
		struct text text = text_over(buffer, sizeof(buffer) - 1);

		text_append_seconds(&text, cases[i].value_ns);
		assert_string_equal(buffer, cases[i].expected);
		assert_int_equal(text.length, strlen(cases[i].expected));
	}
}

static void whole_numbers(void **state)
{
	static const uint64_t cases[] = { 0, 9, 10, 4294967296, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char buffer[32] = { 0 };
		char expected[32];
		struct text text = text_over(buffer, sizeof(buffer) - 1);

		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)cases[i]);
		text_append_uint(&text, cases[i]);
		assert_string_equal(buffer, expected);
	}
}

static void check_escapes(const struct escape_case *cases, size_t count,
			  void (*append)(struct text *text, const char *value))
{
	for (size_t i = 0; i < count; i++) {
		char *input = strdup(cases[i].input); /* so that a sanitizer sees its end */
		char buffer[128] = { 0 };
		struct text text = text_over(buffer, sizeof(buffer) - 1);

		append(&text, input);
		assert_string_equal(buffer, cases[i].expected);
		assert_false(text.overflowed);
		free(input);
	}
}

static void label_values(void **state)
{
	static const struct escape_case cases[] = {
		{ "", "" },
		{ "node-1", "node-1" },
		{ "a\"b\\c\nd", "a\\\"b\\\\c\\nd" },
		{ "\r\t\x01\x7f", "\r\t\x01\x7f" }, /* the format escapes three octets only */
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa4", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa4" },
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
		{ "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
		{ "\x80", REPLACEMENT },
		{ "\xff\xfe", REPLACEMENT REPLACEMENT },
		{ "\xc0\x80", REPLACEMENT REPLACEMENT }, /* overlong */
		{ "\xe0\x9f\xbf", REPLACEMENT REPLACEMENT REPLACEMENT },
		{ "\xed\xa0\x80", REPLACEMENT REPLACEMENT REPLACEMENT }, /* a surrogate */
		{ "\xf0\x8f\xbf\xbf", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT },
		{ "\xf4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT },
		{ "\xc3", REPLACEMENT }, /* cut short by the end of the string */
		{ "\xe2\x82", REPLACEMENT REPLACEMENT },
		{ "\xf0\x9f\x90", REPLACEMENT REPLACEMENT REPLACEMENT },
		{ "\xe2\"", REPLACEMENT "\\\"" }, /* must not swallow the quote */
		{ "\xe2\x82\n", REPLACEMENT REPLACEMENT "\\n" },
	};

	(void)state;
	check_escapes(cases, LENGTH(cases), text_append_label_value);
}

static void json_strings(void **state)
{
	static const struct escape_case cases[] = {
		{ "", "" },
		{ "a\"b\\c", "a\\\"b\\\\c" },
		{ "\n\r\t\x01\x1f", "\\u000a\\u000d\\u0009\\u0001\\u001f" },
		{ "\x7f\xc3\xa9", "\\u007f\xc3\xa9" },
		/* C1, and what is beside it */
		{ "e\xc2\x80\xc2\x9b\xc2\x9f[\xc2\xa0", "e\\u0080\\u009b\\u009f[\xc2\xa0" },
		{ "\x9b\xc2", REPLACEMENT REPLACEMENT },
		{ "\xff\"", REPLACEMENT "\\\"" },
	};

	(void)state;
	check_escapes(cases, LENGTH(cases), text_append_json);
}

static void nothing_is_appended_after_an_overflow(void **state)
{
	char buffer[4] = "####";
	struct text text = text_over(buffer, 3);

	(void)state;
	text_append(&text, "ab");
	text_append(&text, "cd");
	assert_true(text.overflowed);
	text_append(&text, "e");
	text_append_uint(&text, 7);
	assert_int_equal(text.length, 2);
	assert_memory_equal(buffer, "ab##", 4);
}

static void exactly_full_is_no_overflow(void **state)
{
	char buffer[3];
	struct text text = text_over(buffer, sizeof(buffer));

	(void)state;
	text_append(&text, "abc");
	text_append(&text, "");
	assert_false(text.overflowed);
	assert_int_equal(text.length, 3);
}

/* Whatever octets come, at whatever capacity: no octet outside, and what was appended is one line. */
static void any_octets_at_any_capacity(void **state)
{
	uint64_t seed = (uint64_t)getpid() << 20 | 1;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		size_t length = fake_random(&seed) % 12;
		size_t capacity = fake_random(&seed) % 40;
		char *input = malloc(length + 1);
		char *buffer = malloc(capacity + 1);
		struct text text = text_over(buffer, capacity);

		for (size_t i = 0; i < length; i++)
			input[i] = (char)(fake_random(&seed) % 3 ? 0x80 + fake_random(&seed) % 128
								 : 1 + fake_random(&seed) % 127);
		input[length] = '\0';
		buffer[capacity] = '#';
		text_append_label_value(&text, input);
		assert_true(text.length <= capacity);
		assert_int_equal(buffer[capacity], '#');
		assert_null(memchr(buffer, '\n', text.length));
		if (!text.overflowed)
			assert_true(text.length >= length);
		free(buffer);
		free(input);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_exact_and_canonical),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(label_values),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(nothing_is_appended_after_an_overflow),
		cmocka_unit_test(exactly_full_is_no_overflow),
		cmocka_unit_test(any_octets_at_any_capacity),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
