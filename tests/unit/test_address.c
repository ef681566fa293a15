/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: what is one, how it is written, which are hosts. */
#include "unit/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "address.h"
#include "sim/fake_memory.h"

static void text_forms_are_canonical(void **state)
{
	static const struct {
		const char *input;
		const char *expected;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:0201", "192.0.2.1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		/* RFC 5952 section 4.2.2: a single zero group stays; 4.2.3: the longest, else the
		   first. */
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "0:0:3:4:5:6:7:8", "::3:4:5:6:7:8" },
		{ "0:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address;
		char text[ADDRESS_TEXT_CAPACITY];

		assert_int_equal(address_parse(cases[i].input, &address), 0);
		address_format(&address, text);
		assert_string_equal(text, cases[i].expected);
	}
}

static void what_is_no_address_leaves_the_output_alone(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"node-1",
		"1.2.3",
		"1.2.3.256",
		"1.2.3.4.5",
		"1.2.3.4 ",
		" ::1",
		"1::2::3",
		"fe80::1%eth0",
		"[::1]",
		"::1/128",
		"10.0.0.1:80",
		"0x0a.0.0.1",
		"12345",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"g::",
		"::ffff:1.2.3",
	};
	const struct address before = fake_address(7);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address = before;

		assert_int_equal(address_parse(cases[i], &address), -EINVAL);
		assert_true(address_equal(&address, &before));
	}
}

static void every_address_survives_its_text(void **state)
{
	uint64_t seed = 0x5eed1;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)seed);
	for (int i = 0; i < 20000; i++) {
		struct address address, again;
		char text[ADDRESS_TEXT_CAPACITY], libc_text[INET6_ADDRSTRLEN];

		for (int octet = 0; octet < 16; octet += 2) {
			uint64_t bits = fake_random(&seed);
			/* Every other group zero, so that runs of all lengths come up. */
			address.octets[octet] = bits & 1 ? (uint8_t)(bits >> 8) : 0;
			address.octets[octet + 1] = bits & 1 ? (uint8_t)(bits >> 16) : 0;
		}
		address_format(&address, text);
		assert_int_equal(address_parse(text, &again), 0);
		assert_true(address_equal(&address, &again));
		/* glibc writes ::1.2.3.4 where the first 96 bits are zero, RFC 5952 does not ask
		 * for it. */
		inet_ntop(AF_INET6, address.octets, libc_text, sizeof(libc_text));
		if (!strchr(libc_text, '.'))
			assert_string_equal(text, libc_text);
	}
}

static void only_hosts_are_hosts(void **state)
{
	static const struct {
		const char *input;
		const char *expected;
	} cases[] = {
		{ "10.0.0.1", NULL },
		{ "127.0.0.1", NULL },
		{ "169.254.1.1", NULL },
		{ "223.255.255.255", NULL },
		{ "240.0.0.1", NULL },
		{ "::1", NULL },
		{ "fd00::1", NULL },
		{ "fec0::1", NULL },
		{ "0.0.0.0", "the unspecified address" },
		{ "::", "the unspecified address" },
		{ "::ffff:0.0.0.0", "the unspecified address" },
		{ "255.255.255.255", "the broadcast address" },
		{ "224.0.0.1", "a multicast address" },
		{ "239.255.255.255", "a multicast address" },
		{ "ff02::1", "a multicast address" },
		{ "fe80::1", "a link-local address, which needs an interface" },
		{ "febf::1", "a link-local address, which needs an interface" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address;
		const char *why;

		assert_int_equal(address_parse(cases[i].input, &address), 0);
		why = address_why_no_host(&address);
		if (cases[i].expected)
			assert_string_equal(why ? why : "", cases[i].expected);
		else
			assert_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_forms_are_canonical),
		cmocka_unit_test(what_is_no_address_leaves_the_output_alone),
		cmocka_unit_test(every_address_survives_its_text),
		cmocka_unit_test(only_hosts_are_hosts),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
