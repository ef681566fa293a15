/* SPDX-License-Identifier: Apache-2.0 */
/* Peers as people write them. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>

#include "peer_candidate.h"

#define LONGEST                                                                                    \
	"a234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
	"901234567"                                                                                \
	"b234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
	"901234567"                                                                                \
	"c2345678901234567890123456789012345678901234567890123456789"

#define LONGEST_ZONE "z23456789012345678901234567890123456789012345678901234567890123"

/* The longer texts of what was expected. */
static const char *const words[][2] = {
	{ "host", "the address of one host, not an unspecified, broadcast, multicast or IPv6 "
		  "link-local one" },
	{ "key", "probe= or zone=, the only options that there are" },
	{ "zone", "zone= and 1 to 63 letters, digits, '.', '-' or '_'" },
	{ "value", "probe=stamp or probe=icmp" },
	{ "options", "only options, such as probe=icmp, after ADDRESS [NAME]" },
};
static const char *const name_expected =
	"a name of 1 to 253 letters, digits, '.', '-' or '_' that is not an IP address";

static void lines_of_a_file(void **state)
{
	static const struct {
		const char *line;
		const char *address; /* NULL: nothing on the line */
		const char *name;
		enum probe_protocol probe;
	} cases[] = {
		{ "", NULL, NULL, PROBE_DEFAULT },
		{ "  \t ", NULL, NULL, PROBE_DEFAULT },
		{ "# 10.0.0.1 a", NULL, NULL, PROBE_DEFAULT },
		{ "   # comment", NULL, NULL, PROBE_DEFAULT },
		{ "\r", NULL, NULL, PROBE_DEFAULT },
		{ "10.0.0.1", "10.0.0.1", "", PROBE_DEFAULT },
		{ "10.0.0.1\r", "10.0.0.1", "", PROBE_DEFAULT },
		{ "10.0.0.1 node-1", "10.0.0.1", "node-1", PROBE_DEFAULT },
		{ "\t10.0.0.1\tnode_1.example.org  \r", "10.0.0.1", "node_1.example.org",
		  PROBE_DEFAULT },
		{ "10.0.0.1#comment", "10.0.0.1", "", PROBE_DEFAULT },
		{ "10.0.0.1 a#comment", "10.0.0.1", "a", PROBE_DEFAULT },
		{ "10.0.0.1 a # 10.0.0.2 b", "10.0.0.1", "a", PROBE_DEFAULT },
		{ "2001:db8::1 b", "2001:db8::1", "b", PROBE_DEFAULT },
		{ "::ffff:10.0.0.1 b", "10.0.0.1", "b", PROBE_DEFAULT },
		{ "10.0.0.1 " LONGEST, "10.0.0.1", LONGEST, PROBE_DEFAULT },
		{ "10.0.0.1 1.2.3", "10.0.0.1", "1.2.3", PROBE_DEFAULT },
		{ "10.0.0.1 probe=stamp", "10.0.0.1", "", PROBE_STAMP },
		{ "10.0.0.1 probe=icmp", "10.0.0.1", "", PROBE_ICMP },
		{ "10.0.0.1 a probe=icmp", "10.0.0.1", "a", PROBE_ICMP },
		{ "2001:db8::1\ta\tprobe=stamp \r", "2001:db8::1", "a", PROBE_STAMP },
		{ "10.0.0.1 a probe=icmp#comment", "10.0.0.1", "a", PROBE_ICMP },
		{ "10.0.0.1 probe=icmp # probe=stamp", "10.0.0.1", "", PROBE_ICMP },
		{ "10.0.0.1 probe", "10.0.0.1", "probe", PROBE_DEFAULT },
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
		assert_string_equal(candidate.zone, "");
		assert_int_equal(candidate.probe, cases[i].probe);
	}
}

static void zones_of_a_file(void **state)
{
	static const struct {
		const char *line, *name, *zone;
		enum probe_protocol probe;
	} cases[] = {
		{ "10.0.0.1 zone=a", "", "a", PROBE_DEFAULT },
		{ "10.0.0.1 zone=probe\r", "", "probe", PROBE_DEFAULT },
		{ "10.0.0.1 a zone=eu-1.B_2", "a", "eu-1.B_2", PROBE_DEFAULT },
		{ "10.0.0.1 zone zone=b#c", "zone", "b", PROBE_DEFAULT },
		{ "10.0.0.1 a zone=1.2.3.4", "a", "1.2.3.4", PROBE_DEFAULT },
		{ "10.0.0.1 a zone=" LONGEST_ZONE, "a", LONGEST_ZONE, PROBE_DEFAULT },
		{ "10.0.0.1 a probe=icmp zone=b", "a", "b", PROBE_ICMP },
		{ "10.0.0.1 a zone=b probe=stamp", "a", "b", PROBE_STAMP },
		{ "10.0.0.1\tzone=b\tprobe=icmp # zone=c", "", "b", PROBE_ICMP },
	};

	(void)state;
	assert_int_equal(strlen(LONGEST_ZONE), PEER_ZONE_CAPACITY - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char offender[PEER_NAME_CAPACITY];
		struct peer_candidate candidate;
		const char *expected = NULL;

		assert_int_equal(peer_parse_line(cases[i].line, &candidate, &expected, offender),
				 1);
		assert_string_equal(candidate.name, cases[i].name);
		assert_string_equal(candidate.zone, cases[i].zone);
		assert_int_equal(candidate.probe, cases[i].probe);
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
		{ "1234:1234:1234:1234:1234:1234:123.123.123.1234",
		  "1234:1234:1234:1234:1234:1234:123.123.123.1234", "an IP address" },
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
		{ "10.0.0.1 zone=", "zone=", "zone" },
		{ "10.0.0.1 zone=#a", "zone=", "zone" },
		{ "10.0.0.1 zone= a", "zone=", "zone" },
		{ "10.0.0.1 a zone=a/b", "zone=a/b", "zone" },
		{ "10.0.0.1 a zone=a=b", "zone=a=b", "zone" },
		{ "10.0.0.1 a zone=\xc3\xb6", "zone=\xc3\xb6", "zone" },
		{ "10.0.0.1 a zone=" LONGEST_ZONE "x", "zone=" LONGEST_ZONE "x", "zone" },
		{ "10.0.0.1 a zone=a zone=a", "zone=a", "each option once" },
		{ "10.0.0.1 zone=a probe=icmp zone=b", "zone=b", "each option once" },
		{ "10.0.0.1 zone=a probe=tcp", "probe=tcp", "value" },
		{ "10.0.0.1 zone=a b", "b", "options" },
		{ "10.0.0.1 Zone=a", "Zone=a", "key" },
		{ "10.0.0.1 zones=a", "zones=a", "key" },
		{ "10.0.0.1 a rack=a", "rack=a", "key" },
		{ "10.0.0.1 a rack=a probe=icmp", "rack=a", "key" },
		{ "10.0.0.1 Probe=icmp", "Probe=icmp", "key" },
		{ "10.0.0.1 probes=icmp", "probes=icmp", "key" },
		{ "10.0.0.1 prob=icmp", "prob=icmp", "key" },
		{ "10.0.0.1 =icmp", "=icmp", "key" },
		{ "10.0.0.1 =", "=", "key" },
		{ "10.0.0.1 probe=", "probe=", "value" },
		{ "10.0.0.1 probe=tcp", "probe=tcp", "value" },
		{ "10.0.0.1 a probe=ICMP", "probe=ICMP", "value" },
		{ "10.0.0.1 a probe=icmp6", "probe=icmp6", "value" },
		{ "10.0.0.1 a probe=icm", "probe=icm", "value" },
		{ "10.0.0.1 a probe=icmp=", "probe=icmp=", "value" },
		{ "10.0.0.1 probe==icmp", "probe==icmp", "value" },
		{ "10.0.0.1 probe= icmp", "probe=", "value" },
		{ "10.0.0.1 probe=icmp probe=icmp", "probe=icmp", "each option once" },
		{ "10.0.0.1 a probe=icmp probe=stamp", "probe=stamp", "each option once" },
		{ "10.0.0.1 a b", "b", "options" },
		{ "10.0.0.1 probe=icmp a", "a", "options" },
		{ "10.0.0.1 a probe=icmp b", "b", "options" },
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
		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
			if (strcmp(expected, words[j][0]) == 0)
				expected = words[j][1];
		}
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
		{ "a=10.0.0.1 probe=icmp", -EINVAL, NULL },
		{ "10.0.0.1 probe=icmp", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate;
		const char *expected = NULL;

		assert_int_equal(peer_parse_static(cases[i].text, &candidate, &expected),
				 cases[i].expected);
		assert_true((expected != NULL) == (cases[i].expected < 0));
		if (cases[i].expected == 1) {
			assert_string_equal(candidate.name, cases[i].name);
			assert_string_equal(candidate.zone, "");
			assert_int_equal(candidate.probe, PROBE_DEFAULT);
		}
	}
}

/* Read to its length and no further, whatever stands there. */
static void names_and_zones(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		bool name, zone;
	} cases[] = {
		{ "", 0, false, true },
		{ "a", 1, true, true },
		{ "a\"", 1, true, true },
		{ "a\"", 2, false, false },
		{ "a\0b", 3, false, false },
		{ "\0", 1, false, false },
		{ "a\n", 2, false, false },
		{ "a\\", 2, false, false },
		{ "n\xc3\xb6", 3, false, false },
		{ "\xff", 1, false, false },
		{ "a b", 3, false, false },
		{ "a/b", 3, false, false },
		{ "a:b", 3, false, false },
		{ "@[`{", 1, false, false },
		{ "[", 1, false, false },
		{ "`", 1, false, false },
		{ "{", 1, false, false },
		{ "azAZ09.-_", 9, true, true },
		{ "1.2.3.4", 7, false, true },
		{ "1.2.3.45", 7, false, true },
		{ "1.2.3", 5, true, true },
		{ LONGEST, 253, true, false },
		{ LONGEST "x", 254, false, false },
		{ LONGEST, 64, true, false },
		{ LONGEST, 63, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(peer_name_is_valid(cases[i].text, cases[i].length), cases[i].name);
		assert_int_equal(peer_zone_is_valid(cases[i].text, cases[i].length), cases[i].zone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_a_file),
		cmocka_unit_test(zones_of_a_file),
		cmocka_unit_test(bad_lines_name_the_offender),
		cmocka_unit_test(values_of_static),
		cmocka_unit_test(names_and_zones),
	};

	return cmocka_run_group_tests_name("peer_line", tests, NULL, NULL);
}
