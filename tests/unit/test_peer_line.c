/* SPDX-License-Identifier: Apache-2.0 */
/* Peers as people write them. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "peers.h"

#define LONGEST                                                                                    \
	"a234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
	"901234567"                                                                                \
	"b234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
	"901234567"                                                                                \
	"c2345678901234567890123456789012345678901234567890123456789"

static const char *const host_expected =
	"the address of one host, not an unspecified, broadcast, multicast or IPv6 link-local one";
static const char *const name_expected =
	"a name of 1 to 253 letters, digits, '.', '-' or '_' that is not an IP address";

static void lines_of_a_file(void **state)
{
	static const struct {
		const char *line;
		const char *address; /* NULL: nothing on the line */
		const char *name;
	} cases[] = {
		{ "", NULL, NULL },
		{ "  \t ", NULL, NULL },
		{ "# 10.0.0.1 a", NULL, NULL },
		{ "   # comment", NULL, NULL },
		{ "\r", NULL, NULL },
		{ "10.0.0.1", "10.0.0.1", "" },
		{ "10.0.0.1\r", "10.0.0.1", "" },
		{ "10.0.0.1 node-1", "10.0.0.1", "node-1" },
		{ "\t10.0.0.1\tnode_1.example.org  \r", "10.0.0.1", "node_1.example.org" },
		{ "10.0.0.1#comment", "10.0.0.1", "" },
		{ "10.0.0.1 a#comment", "10.0.0.1", "a" },
		{ "10.0.0.1 a # 10.0.0.2 b", "10.0.0.1", "a" },
		{ "2001:db8::1 b", "2001:db8::1", "b" },
		{ "::ffff:10.0.0.1 b", "10.0.0.1", "b" },
		{ "10.0.0.1 " LONGEST, "10.0.0.1", LONGEST },
		{ "10.0.0.1 1.2.3", "10.0.0.1", "1.2.3" },
	};

	(void)state;
	assert_int_equal(strlen(LONGEST), PEER_NAME_CAPACITY - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate;
		const char *expected = "untouched";
		char offender[PEER_NAME_CAPACITY] = "untouched", text[ADDRESS_TEXT_CAPACITY];
		int result = peer_parse_line(cases[i].line, &candidate, &expected, offender);

		assert_int_equal(result, cases[i].address ? 1 : 0);
		assert_string_equal(expected, "untouched");
		assert_string_equal(offender, "untouched");
		if (!cases[i].address)
			continue;
		address_format(&candidate.address, text);
		assert_string_equal(text, cases[i].address);
		assert_string_equal(candidate.name, cases[i].name);
	}
}

static void bad_lines_name_the_offender(void **state)
{
	static const struct {
		const char *line;
		const char *offender;
		const char *expected; /* NULL: a name */
	} cases[] = {
		{ "node-1", "node-1", "an IP address" },
		{ "node-1 10.0.0.1", "node-1", "an IP address" },
		{ "10.0.0.300 a", "10.0.0.300", "an IP address" },
		{ LONGEST, LONGEST, "an IP address" },
		{ "224.0.0.1 a", "224.0.0.1", "host" },
		{ "0.0.0.0", "0.0.0.0", "host" },
		{ "255.255.255.255", "255.255.255.255", "host" },
		{ "fe80::1", "fe80::1", "host" },
		{ "10.0.0.1 no/de", "no/de", NULL },
		{ "10.0.0.1 n\xc3\xb6", "n\xc3\xb6", NULL },
		{ "10.0.0.1 \x01", "\x01", NULL },
		{ "10.0.0.1 10.0.0.2", "10.0.0.2", NULL },
		{ "10.0.0.1 ::1", "::1", NULL },
		{ "10.0.0.1 " LONGEST "x", LONGEST, NULL },
		{ "10.0.0.1 zone=a", "zone=a", "no option, since none exists yet" },
		{ "10.0.0.1 a zone=a", "zone=a", "no option, since none exists yet" },
		{ "10.0.0.1 a b", "b", "nothing after ADDRESS NAME" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate = { .name = "untouched" };
		const char *expected = cases[i].expected, *found = NULL;
		char offender[PEER_NAME_CAPACITY];

		assert_int_equal(peer_parse_line(cases[i].line, &candidate, &found, offender),
				 -EINVAL);
		assert_string_equal(offender, cases[i].offender);
		if (!expected)
			expected = name_expected;
		else if (strcmp(expected, "host") == 0)
			expected = host_expected;
		assert_string_equal(found, expected);
		assert_string_equal(candidate.name, "untouched");
	}
}

static void values_of_static(void **state)
{
	static const struct {
		const char *text;
		int expected;
		const char *name;
	} cases[] = {
		{ "10.0.0.1", 1, "" },
		{ "a=10.0.0.1", 1, "a" },
		{ "a=2001:db8::1", 1, "a" },
		{ "", -EINVAL, NULL },
		{ "a", -EINVAL, NULL },
		{ "a=", -EINVAL, NULL },
		{ "=10.0.0.1", -EINVAL, NULL },
		{ "a=b=10.0.0.1", -EINVAL, NULL },
		{ "a b=10.0.0.1", -EINVAL, NULL },
		{ " 10.0.0.1", -EINVAL, NULL },
		{ "10.0.0.2=10.0.0.1", -EINVAL, NULL },
		{ "a=224.0.0.1", -EINVAL, NULL },
		{ "a=10.0.0.1#c", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate;
		const char *expected = NULL;

		assert_int_equal(peer_parse_static(cases[i].text, &candidate, &expected),
				 cases[i].expected);
		assert_true((expected != NULL) == (cases[i].expected < 0));
		if (cases[i].expected == 1)
			assert_string_equal(candidate.name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_a_file),
		cmocka_unit_test(bad_lines_name_the_offender),
		cmocka_unit_test(values_of_static),
	};

	return cmocka_run_group_tests_name("peer_line", tests, NULL, NULL);
}
