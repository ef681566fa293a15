/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf: octets as the specification has them, messages within messages of any length, and
 * nanoseconds as the nearest double.
 */
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protobuf.h"
#include "unit/protobuf_reading.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void a_field_is_as_specified(void **state)
{
	static const struct {
		char kind;
		uint32_t field;
		int64_t value;
		size_t length;
		const char *octets;
	} cases[] = {
		{ 'u', 1, 0, 2, "\x08\x00" },
		{ 'u', 1, 150, 3, "\x08\x96\x01" }, /* the specification's own example */
		{ 'u', 15, 127, 2, "\x78\x7f" },
		{ 'u', 16, 128, 4, "\x80\x01\x80\x01" },
		{ 'u', 1, -1, 11, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
		{ 's', 1, 0, 2, "\x08\x00" },
		{ 's', 1, -1, 2, "\x08\x01" },
		{ 's', 1, 1, 2, "\x08\x02" },
		{ 's', 1, -64, 2, "\x08\x7f" },
		{ 's', 1, 64, 3, "\x08\x80\x01" },
		{ 's', 1, INT64_MAX, 11, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
		{ 's', 1, INT64_MIN, 11, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
		{ 'd', 2, 1, 9, "\x11\0\0\0\0\0\0\xf0\x3f" },
		{ 'd', 2, -2, 9, "\x11\0\0\0\0\0\0\0\xc0" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char buffer[32];
		struct text text = text_over(buffer, sizeof(buffer));
		struct protobuf protobuf = protobuf_over(&text);

		if (cases[i].kind == 'u')
			protobuf_append_uint(&protobuf, cases[i].field, (uint64_t)cases[i].value);
		else if (cases[i].kind == 's')
			protobuf_append_sint(&protobuf, cases[i].field, cases[i].value);
		else
			protobuf_append_double(&protobuf, cases[i].field, (double)cases[i].value);
		assert_int_equal(text.length, cases[i].length);
		assert_memory_equal(buffer, cases[i].octets, cases[i].length);
	}
}

static void a_string_is_utf8_without_escapes(void **state)
{
	static const struct {
		const char *value;
		const char *octets;
	} cases[] = {
		{ "", "\x0a\x00" },
		{ "testing", "\x0a\x07testing" },
		{ "\"\\\n", "\x0a\x03\"\\\n" },
		{ "\xff", "\x0a\x03\xef\xbf\xbd" },
		{ "\xc3\xa9", "\x0a\x02\xc3\xa9" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char buffer[32];
		struct text text = text_over(buffer, sizeof(buffer));
		struct protobuf protobuf = protobuf_over(&text);

		protobuf_append_text(&protobuf, 1, cases[i].value);
		assert_int_equal(text.length, 2 + strlen(cases[i].octets + 2));
		assert_memory_equal(buffer, cases[i].octets, text.length);
	}
}

/* Every length at which one more octet is needed for it, at each depth. */
static void open_either(struct protobuf *protobuf, uint32_t field, bool is_long)
{
	if (is_long)
		protobuf_open_long(protobuf, field);
	else
		protobuf_open(protobuf, field);
}

static void messages_nest(void **state)
{
	static const size_t lengths[] = { 0,	 1,	121,   122,   123,   124,   125,   126,
					  127,	 128,	129,   16376, 16377, 16378, 16379, 16380,
					  16381, 16382, 16383, 16384, 16385, 20000 };
	static char value[20001];
	static char buffer[32768];

	(void)state;
	/* Each with either room for the lengths of the outer and of the inner ones. */
	for (size_t run = 0; run < 4 * LENGTH(lengths); run++) {
		struct text text = text_over(buffer, sizeof(buffer));
		struct protobuf protobuf = protobuf_over(&text);
		size_t i = run / 4;
		struct wire wire;
		struct wire_field field;

		memset(value, 'x', lengths[i]);
		value[lengths[i]] = '\0';
		open_either(&protobuf, 0, run & 1);
		open_either(&protobuf, 4, run & 1);
		open_either(&protobuf, 7, run & 2);
		if (run & 1)
			protobuf_append_string(&protobuf, 1, value);
		else
			protobuf_append_text(&protobuf, 1, value);
		protobuf_close(&protobuf);
		protobuf_append_uint(&protobuf, 2, 7);
		protobuf_close(&protobuf);
		protobuf_append_uint(&protobuf, 3, 9);
		protobuf_close(&protobuf);
		assert_false(text.overflowed);

		wire = wire_over(buffer, text.length);
		wire = wire_content(&wire);
		assert_true(wire.end == (const unsigned char *)buffer + text.length);
		assert_true(wire_next(&wire, &field) && field.number == 4);
		{
			struct wire inner = field.content;

			assert_true(wire_next(&inner, &field) && field.number == 7);
			{
				struct wire innermost = field.content;

				assert_true(wire_next(&innermost, &field) && field.number == 1);
				assert_int_equal(field.content.end - field.content.at, lengths[i]);
				assert_memory_equal(field.content.at, value, lengths[i]);
				assert_false(wire_next(&innermost, &field));
			}
			assert_true(wire_next(&inner, &field) && field.value == 7);
			assert_false(wire_next(&inner, &field));
		}
		assert_true(wire_next(&wire, &field) && field.value == 9);
		assert_false(wire_next(&wire, &field));
	}
}

static void write_some(struct text *text)
{
	struct protobuf protobuf = protobuf_over(text);

	protobuf_open_long(&protobuf, 0);
	protobuf_append_text(&protobuf, 1, "a name");
	protobuf_append_string(&protobuf, 2, "a string");
	for (int i = 0; i < 20; i++) {
		protobuf_open(&protobuf, 4);
		protobuf_append_double(&protobuf, 2, 0.5);
		protobuf_close(&protobuf);
	}
	protobuf_open(&protobuf, 13);
	protobuf_append_packed_sint(&protobuf, -300);
	protobuf_close(&protobuf);
	protobuf_close(&protobuf);
}

/* The sanitizers see to it that nothing is written beyond. */
static void what_does_not_fit_overflows(void **state)
{
	char buffer[1024];
	struct text whole = text_over(buffer, sizeof(buffer));

	(void)state;
	write_some(&whole);
	assert_false(whole.overflowed);
	for (size_t capacity = 0; capacity < whole.length; capacity++) {
		char *small = malloc(capacity + 1);
		struct text text = text_over(small, capacity);

		write_some(&text);
		assert_true(text.overflowed && text.length <= capacity);
		free(small);
	}
	{
		char *exact = malloc(whole.length);
		struct text text = text_over(exact, whole.length);

		write_some(&text);
		assert_false(text.overflowed);
		assert_memory_equal(exact, buffer, whole.length);
		free(exact);
	}
}

static void check_nearest(uint64_t value_ns)
{
	double seconds = protobuf_seconds(value_ns);
	char decimal[32];

	snprintf(decimal, sizeof(decimal), "%llu.%09llu",
		 (unsigned long long)(value_ns / 1000000000),
		 (unsigned long long)(value_ns % 1000000000));
	/* The C library reads decimals rounded correctly (round half to even). */
	if (seconds != strtod(decimal, NULL))
		fail_msg("%s is read as %.17g, not %.17g", decimal, strtod(decimal, NULL), seconds);
}

static void nanoseconds_become_the_nearest_double(void **state)
{
	static const uint64_t values[] = { 0,
					   1,
					   5000,
					   999999999,
					   1000000000,
					   1000000001,
					   (1ULL << 53) - 1,
					   1ULL << 53,
					   (1ULL << 53) + 1,
					   1700000000250000000,
					   1700000000123456789,
					   INT64_MAX,
					   UINT64_MAX,
					   UINT64_MAX - 1 };
	uint64_t random = 0x9e3779b97f4a7c15;

	(void)state;
	for (size_t i = 0; i < LENGTH(values); i++)
		check_nearest(values[i]);
	for (int i = 0; i < 300000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		check_nearest(random >> i % 64);
	}
	/* As close to halfway between two doubles as whole nanoseconds come: those of more than
	 * 2^34 s are 2^-18 s apart. */
	for (uint64_t odd = 1; odd < 200000; odd += 2) {
		uint64_t half_ns = odd * 1953125 / 1024; /* odd * 2^-19 s, rounded down */

		check_nearest((1ULL << 34) * 1000000000 + half_ns);
		check_nearest((1ULL << 34) * 1000000000 + half_ns + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_as_specified),
		cmocka_unit_test(a_string_is_utf8_without_escapes),
		cmocka_unit_test(messages_nest),
		cmocka_unit_test(what_does_not_fit_overflows),
		cmocka_unit_test(nanoseconds_become_the_nearest_double),
	};

	return cmocka_run_group_tests_name("protobuf", tests, NULL, NULL);
}
