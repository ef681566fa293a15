/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses and their zones. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "peer_candidate.h"

#define ZONE_63 "z23456789012345678901234567890123456789012345678901234567890123"

/* What was expected, by a letter. */
static const char *words_of(char letter)
{
	switch (letter) {
	case 'f':
		return "ZONE=CIDR, such as zone-a=10.1.0.0/16";
	case 'z':
		return "a zone of 1 to 63 letters, digits, '.', '-' or '_'";
	case 'r':
		return "a range of IP addresses, such as 10.1.0.0/16 or 2001:db8:1::/48";
	default:
		return "a range whose bits behind the prefix are zero, such as 10.1.0.0/16";
	}
}

static void ranges_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *zone, *prefix;
		uint8_t length;
	} cases[] = {
		{ "zone-a=10.1.0.0/16", "zone-a", "10.1.0.0", 112 },
		{ "zone-a=0.0.0.0/0", "zone-a", "0.0.0.0", 96 },
		{ "zone-a=128.0.0.0/1", "zone-a", "128.0.0.0", 97 },
		{ "zone-a=10.1.2.3/32", "zone-a", "10.1.2.3", 128 },
		{ "zone-a=10.1.2.2/31", "zone-a", "10.1.2.2", 127 },
		{ "zone-a=10.1.2.128/25", "zone-a", "10.1.2.128", 121 },
		{ "1.2.3.4=10.1.0.0/16", "1.2.3.4", "10.1.0.0", 112 },
		{ "A_z.9-=2001:db8:1::/48", "A_z.9-", "2001:db8:1::", 48 },
		{ "b=::/0", "b", "::", 0 },
		{ "b=2001:db8::1/128", "b", "2001:db8::1", 128 },
		{ "b=fd00::/8", "b", "fd00::", 8 },
		{ "b=2001:db8::8000:0:0:0/65", "b", "2001:db8:0:0:8000::", 65 },
		{ "b=::ffff:10.1.0.0/112", "b", "10.1.0.0", 112 },
		{ "b=::ffff:0:0/96", "b", "0.0.0.0", 96 },
		{ ZONE_63 "=10.0.0.0/8", ZONE_63, "10.0.0.0", 104 },
	};

	(void)state;
	assert_int_equal(strlen(ZONE_63), PEER_ZONE_CAPACITY - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone_network network;
		const char *expected = "untouched";
		char text[ADDRESS_TEXT_CAPACITY], prefix[ADDRESS_TEXT_CAPACITY];
		struct address address;

		assert_int_equal(zone_network_parse(cases[i].text, &network, &expected), 0);
		assert_string_equal(expected, "untouched");
		assert_string_equal(network.zone, cases[i].zone);
		assert_int_equal(address_parse(cases[i].prefix, &address), 0);
		address_format(&address, text);
		address_format(&network.prefix, prefix);
		assert_string_equal(prefix, text);
		assert_int_equal(network.length, cases[i].length);
	}
}

static void bad_ranges(void **state)
{
	static const struct {
		const char *text;
		char expected;
	} cases[] = {
		{ "", 'f' },
		{ "10.1.0.0/16", 'f' },
		{ "zone-a", 'f' },
		{ "=10.1.0.0/16", 'z' },
		{ "zone a=10.1.0.0/16", 'z' },
		{ "z\xc3\xb6=10.1.0.0/16", 'z' },
		{ ZONE_63 "4=10.0.0.0/8", 'z' },
		{ "a=", 'r' },
		{ "a=10.1.0.0", 'r' },
		{ "a=10.1.0.0/", 'r' },
		{ "a=/16", 'r' },
		{ "a=10.1/16", 'r' },
		{ "a=10.1.0.0/33", 'r' },
		{ "a=10.1.0.0/112", 'r' },
		{ "a=10.1.0.0/-1", 'r' },
		{ "a=10.1.0.0/+16", 'r' },
		{ "a=10.1.0.0/ 16", 'r' },
		{ "a=10.1.0.0/16 ", 'r' },
		{ "a=10.1.0.0/16/8", 'r' },
		{ "a=10.1.0.0/016", 'r' },
		{ "a=10.1.0.0/00", 'r' },
		{ "a=10.1.0.0/0x10", 'r' },
		{ "a=10.1.0.0/4294967312", 'r' },
		{ "a=b=10.1.0.0/16", 'r' },
		{ "a=fd00::/129", 'r' },
		{ "a=fd00::/999", 'r' },
		{ "a=fd00::%eth0/8", 'r' },
		{ "a=1234:1234:1234:1234:1234:1234:123.123.123.1234/128", 'r' },
		{ "a=10.1.0.1/16", '0' },
		{ "a=10.1.0.0/15", '0' },
		{ "a=10.1.2.3/31", '0' },
		{ "a=0.0.0.1/0", '0' },
		{ "a=128.0.0.0/0", '0' },
		{ "a=fd00::1/8", '0' },
		{ "a=::1/0", '0' },
		{ "a=2001:db8::1/127", '0' },
		{ "a=2001:db8:0:1::/63", '0' },
		{ "a=::ffff:0.0.0.0/95", '0' },
		{ "a=::ffff:10.1.0.0/111", '0' },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone_network network, before;
		const char *expected = NULL;

		memset(&network, 0x5a, sizeof(network));
		memset(&before, 0x5a, sizeof(before));
		assert_int_equal(zone_network_parse(cases[i].text, &network, &expected), -EINVAL);
		assert_string_equal(expected, words_of(cases[i].expected));
		assert_memory_equal(&network, &before, sizeof(network));
	}
}

static void the_longest_range_of_the_family(void **state)
{
	static const char *const ranges[] = {
		"six=::/0",	     "eight=10.0.0.0/8",    "sixteen=10.1.0.0/16",
		"nine=10.128.0.0/9", "host=10.1.2.3/32",    "again=10.1.0.0/16",
		"odd=10.1.2.0/23",   "block=2001:db8::/32", "part=2001:db8:0:2::/63",
		"low=::/96",
	};
	static const struct {
		const char *address;
		const char *zone;
	} cases[] = {
		{ "10.1.2.3", "host" },
		{ "10.1.2.4", "odd" },
		{ "10.1.3.255", "odd" },
		{ "10.1.4.0", "sixteen" },
		{ "10.1.1.255", "sixteen" },
		{ "10.2.0.0", "eight" },
		{ "10.127.255.255", "eight" },
		{ "10.128.0.0", "nine" },
		{ "10.255.255.255", "nine" },
		{ "11.0.0.0", "" },
		{ "9.255.255.255", "" },
		{ "::a01:203", "low" },
		{ "2001:db8::1", "block" },
		{ "2001:db8:0:2::1", "part" },
		{ "2001:db8:0:3:ffff:ffff:ffff:ffff", "part" },
		{ "2001:db8:0:4::", "block" },
		{ "2001:db9::", "six" },
		{ "ffff::1", "six" },
	};
	enum { RANGES = sizeof(ranges) / sizeof(ranges[0]) };
	struct zone_network networks[RANGES];
	const char *expected;
	struct address address;

	(void)state;
	for (size_t i = 0; i < RANGES; i++)
		assert_int_equal(zone_network_parse(ranges[i], &networks[i], &expected), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(address_parse(cases[i].address, &address), 0);
		assert_string_equal(zone_network_of(networks, RANGES, &address), cases[i].zone);
		assert_string_equal(zone_network_of(networks, 0, &address), "");
		assert_string_equal(zone_network_of(NULL, 0, &address), "");
	}
	/* All of IPv4 is not all of IPv6. */
	assert_int_equal(zone_network_parse("four=0.0.0.0/0", &networks[0], &expected), 0);
	assert_int_equal(address_parse("2001:db9::", &address), 0);
	assert_string_equal(zone_network_of(networks, RANGES, &address), "");
	assert_int_equal(address_parse("11.0.0.0", &address), 0);
	assert_string_equal(zone_network_of(networks, RANGES, &address), "four");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_as_people_write_them),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(the_longest_range_of_the_family),
	};

	return cmocka_run_group_tests_name("zone_network", tests, NULL, NULL);
}
