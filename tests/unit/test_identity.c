/* SPDX-License-Identifier: Apache-2.0 */
/* The value of the identity TLV: what our reflector says, what of others' words is believed. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/identity_fixture.h"

static void what_is_filled_in_is_read(void **state)
{
	static const size_t lengths[][2] = {
		{ 1, 0 }, { 1, 1 }, { 63, 63 }, { 252, 62 }, { 253, 63 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char name[STAMP_NAME_MAX + 1] = "", zone[STAMP_ZONE_MAX + 1] = "";
		struct stamp_identity value;
		struct identity identity;
		struct reply reply;

		memset(name, 'n', lengths[i][0]);
		memset(zone, 'Z', lengths[i][1]);
		value = identity_of(name, zone);
		assert_int_equal(value.version, 1);
		assert_int_equal(value.capabilities, 1);
		reply = reply_of(0, &value);
		assert_int_equal(parse(reply.octets, reply.length, &identity), 0);
		assert_string_equal(identity.name, name);
		assert_string_equal(identity.zone, zone);
		assert_true(identity.stateful);
	}
}

/* Octet for octet: it is what goes over the wire. */
static void the_value_is_as_documented(void **state)
{
	struct stamp_identity value = identity_of("node-1", "zone-a");
	uint8_t expected[320] = { 1, 1, 6, 6 };

	(void)state;
	memcpy(expected + 4, "node-1", 6);
	memcpy(expected + 257, "zone-a", 6);
	assert_memory_equal(&value, expected, sizeof(expected));
}

static void longer_ones_are_cut(void **state)
{
	char longer[400];
	struct stamp_identity value;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	value = identity_of(longer, longer);
	assert_int_equal(value.name_length, 253);
	assert_int_equal(value.zone_length, 63);

	struct reply reply = reply_of(0, &value);

	assert_int_equal(parse_reply(&reply), 0);
}

static void an_address_is_no_name(void **state)
{
	struct stamp_identity value = identity_of("10.0.0.5", "zone-a");
	struct reply reply = reply_of(0, &value);
	struct identity identity;

	(void)state;
	assert_int_equal(value.name_length, 0);
	assert_int_equal(value.zone_length, 6);
	assert_int_equal(identity_of("fd00::5", "").name_length, 0);
	assert_int_equal(identity_of("10.0.0.5.example", "").name_length, 16);
	assert_int_equal(parse(reply.octets, reply.length, &identity), 0);
	assert_string_equal(identity.name, "");
}

static void capabilities_are_told_apart(void **state)
{
	static const struct {
		uint8_t capabilities;
		bool stateful;
	} cases[] = { { 0, false }, { 1, true }, { 0xfe, false }, { 0xff, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stamp_identity value = identity_of("a", "");
		struct identity identity;
		struct reply reply;

		value.capabilities = cases[i].capabilities;
		reply = reply_of(0, &value);
		assert_int_equal(parse(reply.octets, reply.length, &identity), 0);
		assert_int_equal(identity.stateful, cases[i].stateful);
	}
}

static void hostile_values_are_refused(void **state)
{
	/* Lengths below 0: as long as the text. */
	static const struct {
		const char *name, *zone;
		int name_length, zone_length, result;
	} cases[] = {
		{ "a", "", -1, -1, 0 },
		{ "azAZ09.-_", "azAZ09.-_", -1, -1, 0 },
		{ "", "", -1, -1, 0 },
		{ "", "z", -1, -1, 0 },
		{ "a", "", 0, -1, -EINVAL },
		{ "a", "", 2, -1, -EINVAL },
		{ "ab", "", 1, -1, -EINVAL },
		{ "a", "", 253, -1, -EINVAL },
		{ "a", "", 254, -1, -EINVAL },
		{ "a", "", 255, -1, -EINVAL },
		{ "a", "z", -1, 0, -EINVAL },
		{ "a", "z", -1, 2, -EINVAL },
		{ "a", "z", -1, 63, -EINVAL },
		{ "a", "z", -1, 64, -EINVAL },
		{ "a", "z", -1, 255, -EINVAL },
		{ "a\"b", "", -1, -1, -EINVAL },
		{ "a\nb", "", -1, -1, -EINVAL },
		{ "a\\b", "", -1, -1, -EINVAL },
		{ "a{b", "", -1, -1, -EINVAL },
		{ "a b", "", -1, -1, -EINVAL },
		{ " a", "", -1, -1, -EINVAL },
		{ "a\x7f", "", -1, -1, -EINVAL },
		{ "a\x1b[2J", "", -1, -1, -EINVAL },
		{ "n\xc3\xb6"
		  "de",
		  "", -1, -1, -EINVAL },
		{ "a\xff", "", -1, -1, -EINVAL },
		{ "\x80", "", -1, -1, -EINVAL },
		{ "a", "z\"", -1, -1, -EINVAL },
		{ "a", "z\n", -1, -1, -EINVAL },
		{ "a", "\\", -1, -1, -EINVAL },
		{ "a", "z\xc3\xb6", -1, -1, -EINVAL },
		{ "10.0.0.1", "", -1, -1, -EINVAL },
		{ "0.0.0.0", "", -1, -1, -EINVAL },
		{ "::1", "", -1, -1, -EINVAL },
		{ "a::", "", -1, -1, -EINVAL },
		{ "10.0.0.256", "", -1, -1, 0 },
		{ "10.0.0", "10.0.0.1", -1, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stamp_identity value = identity_of("", cases[i].zone);
		struct reply reply;

		memcpy(value.name, cases[i].name, strlen(cases[i].name));
		value.name_length = (uint8_t)strlen(cases[i].name);
		if (cases[i].name_length >= 0)
			value.name_length = (uint8_t)cases[i].name_length;
		if (cases[i].zone_length >= 0)
			value.zone_length = (uint8_t)cases[i].zone_length;
		reply = reply_of(0, &value);
		assert_int_equal(parse_reply(&reply), cases[i].result);
	}
}

/* Every octet of the value matters: what is no character of the name or zone is zero. */
static void every_octet_is_looked_at(void **state)
{
	struct stamp_identity value = identity_of("node", "zone");

	(void)state;
	for (size_t at = 0; at < sizeof(value); at++) {
		struct reply reply = reply_of(0, &value);
		bool capability = at == offsetof(struct stamp_identity, capabilities);

		reply.octets[STAMP_BYTES + 4 + at] = '"';
		assert_int_equal(parse_reply(&reply), capability ? 0 : -EINVAL);
		/* And a zero within the name or zone is no character either. */
		reply.octets[STAMP_BYTES + 4 + at] = '\0';
		if ((at >= 4 && at < 8) || (at >= 257 && at < 261))
			assert_int_equal(parse_reply(&reply), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_filled_in_is_read),
		cmocka_unit_test(the_value_is_as_documented),
		cmocka_unit_test(longer_ones_are_cut),
		cmocka_unit_test(an_address_is_no_name),
		cmocka_unit_test(capabilities_are_told_apart),
		cmocka_unit_test(hostile_values_are_refused),
		cmocka_unit_test(every_octet_is_looked_at),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
