/* SPDX-License-Identifier: Apache-2.0 */
/* Text of strangers on a terminal: it takes the columns it is given, and no more than shows. */
#include "unit/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "top_text.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define FFFD	      "\xef\xbf\xbd"

static const struct top_style utf8 = { .utf8 = true };
static const struct top_style ascii = { 0 };

static const char *cell(const char *value, size_t width, enum top_align align,
			struct top_style style)
{
	static char buffer[4096];
	struct text text = text_over(buffer, sizeof(buffer) - 1);

	top_text_cell(&text, value, width, align, style);
	assert_false(text.overflowed);
	buffer[text.length] = '\0';
	return buffer;
}

static void cells_have_their_width(void **state)
{
	static const struct {
		const char *value;
		size_t width;
		const char *left, *right, *in_ascii;
	} cases[] = {
		{ "node", 6, "node  ", "  node", "node  " },
		{ "node", 4, "node", "node", "node" },
		{ "node-1", 4, "nod\xe2\x80\xa6", "nod\xe2\x80\xa6", "nod~" },
		{ "", 3, "   ", "   ", "   " },
		{ "node", 1, "\xe2\x80\xa6", "\xe2\x80\xa6", "~" },
		{ "node", 0, "", "", "" },
		{ "z\xc3\xbcrich", 6, "z\xc3\xbcrich", "z\xc3\xbcrich", "z?rich" },
		/* Two columns each: what is cut leaves no half of one. */
		{ "\xe6\x9d\xb1\xe4\xba\xac", 5, "\xe6\x9d\xb1\xe4\xba\xac ",
		  " \xe6\x9d\xb1\xe4\xba\xac", "??   " },
		{ "\xe6\x9d\xb1\xe4\xba\xac", 3, "\xe6\x9d\xb1\xe2\x80\xa6",
		  "\xe6\x9d\xb1\xe2\x80\xa6", "?? " },
		{ "\xe6\x9d\xb1\xe4\xba\xac", 2, "\xe2\x80\xa6 ", "\xe2\x80\xa6 ", "??" },
		{ "\xf0\x9f\x98\x80x", 4, "\xf0\x9f\x98\x80x ", " \xf0\x9f\x98\x80x", "?x  " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		assert_string_equal(cell(cases[i].value, cases[i].width, TOP_LEFT, utf8),
				    cases[i].left);
		assert_string_equal(cell(cases[i].value, cases[i].width, TOP_RIGHT, utf8),
				    cases[i].right);
		assert_string_equal(cell(cases[i].value, cases[i].width, TOP_LEFT, ascii),
				    cases[i].in_ascii);
	}
}

static void nothing_but_letters_reaches_the_terminal(void **state)
{
	static const struct {
		const char *value, *shown;
	} cases[] = {
		{ "\033[2J", "\xe2\x90\x9b[2J" },
		{ "a\r\n\tb", "a\xe2\x90\x8d\xe2\x90\x8a\xe2\x90\x89"
			      "b" },
		{ "\x07\x7f", "\xe2\x90\x87\xe2\x90\xa1" },
		{ "\xc2\x9b"
		  "31m",
		  FFFD "31m" },			   /* CSI as one character */
		{ "\xc2\x90\xc2\x9d", FFFD FFFD }, /* DCS, OSC */
		{ "\xe2\x80\xae"
		  "evil",
		  FFFD "evil" },			       /* right to left */
		{ "\xe2\x81\xa6\xe2\x80\x8b", FFFD FFFD },     /* isolate, zero width */
		{ "e\xcc\x81", "e" FFFD },		       /* a mark on the letter before */
		{ "\xef\xbb\xbf\xef\xb8\x8f", FFFD FFFD },     /* byte order, variation */
		{ "\xf3\xa0\x81\x81\xee\x80\x80", FFFD FFFD }, /* tag, private */
		{ "\x9b"
		  "31m",
		  FFFD "31m" }, /* CSI as an octet: no UTF-8 */
		{ "\xe2\x82", FFFD FFFD },
		{ "\xc0\x9b", FFFD FFFD },
		{ "\xf0\x80\x80\x9b", FFFD FFFD FFFD FFFD },
		{ "\xff\xfe", FFFD FFFD },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const char *shown = cell(cases[i].value, top_text_width(cases[i].value, utf8),
					 TOP_LEFT, utf8);

		assert_string_equal(shown, cases[i].shown);
	}
	/* Every character there is, one after the other, and in ASCII. */
	for (uint32_t code = 1; code < 0x110000; code++) {
		char value[5] = "";
		const char *shown;
		size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		uint32_t rest = code;

		for (size_t i = length - 1; i > 0; i--, rest >>= 6)
			value[i] = (char)(0x80 | (rest & 0x3f));
		value[0] = (char)(length == 1 ? rest : (0xf00U >> length & 0xf0) | rest);
		shown = cell(value, 1, TOP_LEFT, ascii);
		if (strlen(shown) != 1 || shown[0] < 0x20 || shown[0] == 0x7f)
			fail_msg("U+%04x in ASCII", code);
		shown = cell(value, 2, TOP_LEFT, utf8);
		if ((unsigned char)shown[0] < 0x20 || shown[0] == 0x7f ||
		    ((unsigned char)shown[0] == 0xc2 && (unsigned char)shown[1] < 0xa0))
			fail_msg("U+%04x", code);
	}
}

static void numbers_fit_their_columns(void **state)
{
	static const struct {
		void (*write)(char *, double, struct top_style);
		double value;
		const char *expected, *in_ascii;
	} cases[] = {
		{ top_text_duration, NAN, "\xe2\x80\x93", "-" },
		{ top_text_duration, 0, "0.00\xc2\xb5s", "0.00us" },
		{ top_text_duration, 0.0000215, "21.5\xc2\xb5s", "21.5us" },
		{ top_text_duration, 0.000999, "999\xc2\xb5s", "999us" },
		{ top_text_duration, 0.0009996, "1.00ms", "1.00ms" },
		{ top_text_duration, 0.01, "10.0ms", "10.0ms" },
		{ top_text_duration, 0.9996, "1.00s", "1.00s" },
		{ top_text_duration, 3600, "3600s", "3600s" },
		{ top_text_duration, 99998, "99998s", "99998s" },
		{ top_text_duration, 1e300, ">1day", ">1day" },
		{ top_text_share, NAN, "\xe2\x80\x93", "-" },
		{ top_text_share, 0, "0%", "0%" },
		{ top_text_share, 0.001, "0.1%", "0.1%" },
		{ top_text_share, 0.0994, "9.9%", "9.9%" },
		{ top_text_share, 0.0996, "10%", "10%" },
		{ top_text_share, 1, "100%", "100%" },
		{ top_text_share, 1e300, "\xe2\x80\x93", "-" },
		{ top_text_count, NAN, "\xe2\x80\x93", "-" },
		{ top_text_count, 999999, "999999", "999999" },
		{ top_text_count, 1000000, "1.00M", "1.00M" },
		{ top_text_count, 999999999, "1.00G", "1.00G" },
		{ top_text_count, 1e300, "many", "many" },
	};
	char text[TOP_NUMBER_CAPACITY];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		cases[i].write(text, cases[i].value, utf8);
		assert_string_equal(text, cases[i].expected);
		cases[i].write(text, cases[i].value, ascii);
		assert_string_equal(text, cases[i].in_ascii);
	}
	/* Whatever they are. */
	for (double value = 1e-12; value < 1e25; value *= 1.01) {
		top_text_duration(text, value, utf8);
		assert_in_range(top_text_width(text, utf8), 1, 6);
		top_text_count(text, value, utf8);
		assert_in_range(top_text_width(text, utf8), 1, 6);
		top_text_share(text, value, utf8);
		assert_in_range(top_text_width(text, utf8), 1, 5);
	}
}

static void ages(void **state)
{
	static const struct {
		double seconds;
		const char *expected;
	} cases[] = {
		{ 0, "0 s" },	      { 59.9, "59 s" },		 { 60, "1 min" },
		{ 3599, "59 min" },   { 3600, "1 h 0 min" },	 { 86399, "23 h 59 min" },
		{ 86400, "1 d 0 h" }, { 1e10, "115740 d 17 h" }, { 1e12, "?" },
		{ NAN, "?" },
	};
	char text[TOP_NUMBER_CAPACITY];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		top_text_age(text, cases[i].seconds);
		assert_string_equal(text, cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_have_their_width),
		cmocka_unit_test(nothing_but_letters_reaches_the_terminal),
		cmocka_unit_test(numbers_fit_their_columns),
		cmocka_unit_test(ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
