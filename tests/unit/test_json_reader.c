/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that others wrote: what is valid is read, what is not is refused where it breaks, and no
 * octet beyond the end is touched. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_reader.h"
#include "unit/view_document.h"
#include "unit/view_world.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Whether it is one document. The copy is as long, so that a sanitizer sees who reads on. */
static bool check(struct json_reader *reader, const char *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1);
	enum json_token token;
	bool valid;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	json_reader_open(reader, copy, length);
	do
		token = json_reader_next(reader);
	while (token != JSON_END && token != JSON_ERROR);
	valid = token == JSON_END;
	assert_int_equal(json_reader_next(reader), token);
	assert_true(reader->at <= length);
	assert_true(valid == !reader->error);
	free(copy);
	return valid;
}

static void documents_are_taken_or_refused(void **state)
{
	static const char *const valid[] = {
		"0",
		"-0",
		" [ ] ",
		"{}",
		"[1,2]",
		"{\"a\":1}",
		"{\"a\":{\"b\":[null,true,false]}}",
		"\"\"",
		"1e5",
		"1E-5",
		"0.5e+05",
		"123456789012345678901234567890",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"\t\r\n [\n1 , 2\t]\r\n",
		"{\"a\":1,\"a\":2}",
		"\"\x7f\"",
		"\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"",
	};
	static const char *const refused[] = {
		"",
		" ",
		"[",
		"]",
		"{",
		"}",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":}",
		"{,}",
		"[}",
		"{]",
		"[1}",
		"{\"a\":1]",
		"nul",
		"nulll",
		"True",
		"tru",
		"01",
		"-",
		"-a",
		"+1",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"NaN",
		"Infinity",
		"1 2",
		"[] []",
		"\"",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\n\"",
		"\"\x1f\"",
		"'a'",
		"\"\x80\"",
		"\"\xc3\"",
		"\"\xc0\xaf\"",
		"\"\xe0\x80\xaf\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf0\x80\x80\xaf\"",
		"\"\xff\"",
		"\"\xe2\x82\"",
		"\"\xf8\x88\x80\x80\x80\"",
		"\xef\xbb\xbf{}",
		"// a\n1",
		"[1]x",
		"\v1",
	};
	struct json_reader reader;

	(void)state;
	for (size_t i = 0; i < LENGTH(valid); i++) {
		if (!check(&reader, valid[i], strlen(valid[i])))
			fail_msg("%s: %s", valid[i], reader.error);
	}
	for (size_t i = 0; i < LENGTH(refused); i++) {
		if (check(&reader, refused[i], strlen(refused[i])))
			fail_msg("taken: %s", refused[i]);
	}
	assert_false(check(&reader, "1\0", 2));
	assert_false(check(&reader, "\"\0\"", 3));
}

static void strings_are_decoded(void **state)
{
	static const struct {
		const char *written, *read;
	} cases[] = {
		{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz" },
		{ "\"\\u0041\\u00E9\\u20ac\\uD83D\\ude00\"",
		  "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\"\\u001b[31m\"", "\033[31m" },
		/* What C cannot hold, and what is no character. */
		{ "\"a\\u0000b\"", "a\xef\xbf\xbd"
				   "b" },
		{ "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\ude00\"", "\xef\xbf\xbd" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
					"A" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
		{ "\"\\uffff\\udbff\\udfff\"", "\xef\xbf\xbf\xf4\x8f\xbf\xbf" },
		{ "\"\\u07ff\\u0800\"", "\xdf\xbf\xe0\xa0\x80" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct json_reader reader;

		json_reader_open(&reader, cases[i].written, strlen(cases[i].written));
		assert_int_equal(json_reader_next(&reader), JSON_STRING);
		assert_string_equal(reader.text, cases[i].read);
		assert_false(reader.cut);
		assert_int_equal(json_reader_next(&reader), JSON_END);
	}
}

static void a_long_string_is_cut_between_characters(void **state)
{
	char written[1000] = "\"";
	struct json_reader reader;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(written, "\xe2\x82\xac");
	strcat(written, "\"");
	json_reader_open(&reader, written, strlen(written));
	assert_int_equal(json_reader_next(&reader), JSON_STRING);
	assert_true(reader.cut);
	assert_int_equal(strlen(reader.text), (JSON_READER_TEXT - 1) / 3 * 3);
	assert_int_equal(json_reader_next(&reader), JSON_END);
	/* What just fits is whole, and so is the next one. */
	snprintf(written, sizeof(written), "[\"%0255d\",\"%0256d\",\"a\"]", 0, 0);
	json_reader_open(&reader, written, strlen(written));
	json_reader_next(&reader);
	json_reader_next(&reader);
	assert_false(reader.cut);
	assert_int_equal(strlen(reader.text), 255);
	json_reader_next(&reader);
	assert_true(reader.cut);
	assert_int_equal(strlen(reader.text), 255);
	json_reader_next(&reader);
	assert_false(reader.cut);
	assert_string_equal(reader.text, "a");
}

static void numbers_of_any_size(void **state)
{
	char written[200];
	struct json_reader reader;

	(void)state;
	json_reader_open(&reader, "[1e999,-1e999,1e-999,0.000021579,9007199254740993]", 49);
	json_reader_next(&reader);
	json_reader_next(&reader);
	assert_true(isinf(reader.number) && reader.number > 0);
	json_reader_next(&reader);
	assert_true(isinf(reader.number) && reader.number < 0);
	json_reader_next(&reader);
	assert_true(reader.number == 0);
	json_reader_next(&reader);
	assert_true(reader.number == 0.000021579);
	memset(written, '1', sizeof(written));
	assert_true(check(&reader, written, JSON_READER_NUMBER_BYTES));
	assert_false(check(&reader, written, JSON_READER_NUMBER_BYTES + 1));
	assert_false(check(&reader, written, sizeof(written)));
}

static void nesting_is_bounded(void **state)
{
	static char deep[200000];
	struct json_reader reader;

	(void)state;
	for (size_t i = 0; i < JSON_READER_DEPTH; i++) {
		deep[i] = '[';
		deep[2 * JSON_READER_DEPTH - 1 - i] = ']';
	}
	assert_true(check(&reader, deep, 2UL * JSON_READER_DEPTH));
	memset(deep, '[', sizeof(deep));
	assert_false(check(&reader, deep, sizeof(deep)));
	assert_string_equal(reader.error, "nested too deeply");
	assert_int_equal(reader.at, JSON_READER_DEPTH);
	for (size_t i = 0; i + 5 <= sizeof(deep); i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	assert_false(check(&reader, deep, sizeof(deep)));
	assert_string_equal(reader.error, "nested too deeply");
}

static void values_are_skipped_whole(void **state)
{
	static const char document[] = "{\"a\":{\"b\":[1,{\"c\":[[]]}],\"d\":{}},\"e\":7}";
	struct json_reader reader;

	(void)state;
	json_reader_open(&reader, document, strlen(document));
	json_reader_next(&reader);
	assert_int_equal(json_reader_next(&reader), JSON_KEY);
	assert_true(json_reader_skip(&reader, json_reader_next(&reader)));
	assert_int_equal(json_reader_next(&reader), JSON_KEY);
	assert_string_equal(reader.text, "e");
	assert_true(json_reader_skip(&reader, json_reader_next(&reader)));
	assert_int_equal(json_reader_next(&reader), JSON_OBJECT_END);
	json_reader_open(&reader, "[[1,x]]", 7);
	json_reader_next(&reader);
	assert_false(json_reader_skip(&reader, json_reader_next(&reader)));
	assert_int_equal(reader.at, 4);
}

/* No beginning of a document is one, and every octet that is spoilt is survived. */
static void real_documents_cut_and_spoilt_anywhere(void **state)
{
	static const enum document documents[] = { DOCUMENT_PEERS, DOCUMENT_STATUS };
	struct view_world world;
	struct json_reader reader;

	(void)state;
	view_open(&world, 8, RANKING_ALL);
	view_populate(&world, 3, 50);
	for (size_t i = 0; i < LENGTH(documents); i++) {
		char *whole = document_text(documents[i], &world.exposition, 65536);
		size_t length = strlen(whole);

		assert_true(check(&reader, whole, length));
		for (size_t cut = 0; cut + 1 < length; cut++) /* the last is a line's end */
			assert_false(check(&reader, whole, cut));
		for (size_t at = 0; at < length; at++) {
			static const char spoilers[] = "\0\"\\{}[],:\x80\xff"
						       "1eu";
			char kept = whole[at];

			for (size_t spoiler = 0; spoiler < sizeof(spoilers); spoiler++) {
				whole[at] = spoilers[spoiler];
				check(&reader, whole, length);
			}
			whole[at] = kept;
		}
		free(whole);
	}
	view_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_taken_or_refused),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(a_long_string_is_cut_between_characters),
		cmocka_unit_test(numbers_of_any_size),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(values_are_skipped_whole),
		cmocka_unit_test(real_documents_cut_and_spoilt_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
