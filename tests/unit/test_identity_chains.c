/* SPDX-License-Identifier: Apache-2.0 */
/* The identity among other TLVs, cut off, unfilled, mutated. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/identity_fixture.h"
#include "sim/fake_memory.h"

static void flags_and_lengths_of_the_identity(void **state)
{
	struct stamp_identity value = identity_of("node", "");

	(void)state;
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct reply reply = reply_of((uint8_t)flags, &value);

		assert_int_equal(parse_reply(&reply), flags & 0xe0 ? -ENOENT : 0);
	}
	for (size_t length = 0; length <= 400; length++) {
		uint8_t longer[400] = { 0 };
		struct reply reply = reply_begin();

		memcpy(longer, &value, sizeof(value));
		append(&reply, 0, STAMP_TLV_IDENTITY, length, longer);
		assert_int_equal(parse_reply(&reply), length == 320 ? 0 : -EINVAL);
	}
}

/* Not a whole reply, not a whole TLV. */
static void truncated_at_every_length(void **state)
{
	struct stamp_identity value = identity_of("node", "zone");
	struct reply whole = reply_of(0, &value);
	struct identity identity;

	(void)state;
	for (size_t length = 0; length <= whole.length; length++) {
		int expected = length < STAMP_BYTES + 4 ? -ENOENT
			       : length < whole.length	? -EINVAL
							: 0;

		assert_int_equal(parse(whole.octets, length, &identity), expected);
	}
}

/* flags, type, length; type 0xff: a good identity. length beyond what follows where `cut`. */
struct tlv {
	uint8_t flags, type;
	uint16_t length;
	bool cut;
};

#define GOOD 0xff

static void chains_of_tlvs(void **state)
{
	static const struct {
		struct tlv tlvs[6]; /* up to the first that is all zero */
		int result;
	} cases[] = {
		{ { { 0, GOOD, 0, false } }, 0 },
		{ { { 0, 1, 40, false }, { 0, GOOD, 0, false } }, 0 },
		{ { { 0, 1, 0, false }, { 0, GOOD, 0, false } }, 0 },
		{ { { 0, 1, 1, false }, { 0, GOOD, 0, false } }, 0 },
		{ { { 0x80, 9, 3, false }, { 0x40, 1, 5, false }, { 0, GOOD, 0, false } }, 0 },
		{ { { 0, GOOD, 0, false }, { 0, 1, 40, false } }, 0 },
		{ { { 0, GOOD, 0, false }, { 0, 1, 40, true } }, 0 },
		{ { { 0, 1, 0, false },
		    { 0, 1, 0, false },
		    { 0, 1, 0, false },
		    { 0, 1, 0, false },
		    { 0, GOOD, 0, false } },
		  0 },
		/* None, or behind what cannot be walked. */
		{ { { 0, 1, 40, false } }, -ENOENT },
		{ { { 0, 244, 320, false } }, -ENOENT },
		{ { { 0, 246, 320, false } }, -ENOENT },
		{ { { 0, 1, 1, true }, { 0, GOOD, 0, false } }, -ENOENT },
		{ { { 0x40, 1, 65535, true }, { 0, GOOD, 0, false } }, -ENOENT },
		{ { { 0, 1, 4, true } }, -ENOENT },
		{ { { 0x80, 0, 0, false }, { 0, GOOD, 0, false } }, -ENOENT },
		/* The first identity decides. */
		{ { { 0, 245, 0, false }, { 0, GOOD, 0, false } }, -EINVAL },
		{ { { 0x80, 245, 320, false }, { 0, GOOD, 0, false } }, -ENOENT },
		{ { { 0x80, 245, 319, true }, { 0, GOOD, 0, false } }, -ENOENT },
		{ { { 0, 245, 320, false } }, -EINVAL },
		{ { { 0, 245, 320, true } }, -EINVAL },
		{ { { 0, GOOD, 0, false }, { 0, 245, 0, false } }, 0 },
	};
	struct stamp_identity value = identity_of("node", "zone");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply reply = reply_begin();

		for (int j = 0; j < 6; j++) {
			const struct tlv *tlv = &cases[i].tlvs[j];
			size_t start = reply.length;

			if (tlv->flags == 0 && tlv->type == 0)
				break;
			if (tlv->type == GOOD)
				append(&reply, 0, STAMP_TLV_IDENTITY, sizeof(value), &value);
			else
				append(&reply, tlv->flags, tlv->type, tlv->cut ? 0 : tlv->length,
				       NULL);
			if (tlv->cut) { /* announces more than there is, whatever follows */
				reply.octets[start + 2] = 0xff;
				reply.octets[start + 3] = (uint8_t)tlv->length;
			}
		}
		assert_int_equal(parse_reply(&reply), cases[i].result);
	}
}

static void only_so_many_tlvs_are_walked(void **state)
{
	struct stamp_identity value = identity_of("node", "zone");

	(void)state;
	for (int before = 0; before < 32; before++) {
		struct reply reply = reply_begin();

		for (int i = 0; i < before; i++)
			append(&reply, 0, STAMP_TLV_EXTRA_PADDING, 0, NULL);
		append(&reply, 0, STAMP_TLV_IDENTITY, sizeof(value), &value);
		assert_int_equal(parse_reply(&reply), before < 16 ? 0 : -ENOENT);
	}
}

/* Zeros, as a reflector leaves them that knows no TLVs, or none of ours in an echo of our own. */
static void zeros_are_no_identity(void **state)
{
	struct reply reply = reply_begin();

	(void)state;
	memset(reply.octets + reply.length, 0, 400);
	for (size_t end = reply.length + 400; reply.length <= end; reply.length++)
		assert_int_equal(parse_reply(&reply), -ENOENT);
}

/* Independent of the code's own rule. */
static void assert_harmless(const char *text, size_t capacity, bool may_be_empty)
{
	size_t length = strnlen(text, capacity);

	assert_true(length < capacity && (length > 0 || may_be_empty));
	for (size_t i = 0; i < length; i++) {
		assert_non_null(strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789.-_",
				       text[i]));
	}
}

static struct reply random_reply(uint64_t *random)
{
	static const char *const names[] = { "node-1", "n", "1.2.3.4", "a.b", "x" };
	struct stamp_identity value = identity_of(names[fake_random(random) % 5], "zone-a");
	struct reply reply = reply_begin();

	for (uint64_t i = fake_random(random) % 4; i > 0; i--)
		append(&reply, (uint8_t)(fake_random(random) % 2 * 0x80),
		       (uint8_t)(fake_random(random) % 3 + 1), fake_random(random) % 30, NULL);
	append(&reply, 0, STAMP_TLV_IDENTITY, sizeof(value), &value);
	if (fake_random(random) % 2)
		append(&reply, 0, STAMP_TLV_EXTRA_PADDING, fake_random(random) % 30, NULL);
	return reply;
}

/* A good reply with a few octets changed or cut off: an error or something harmless, and never a
 * read beyond its end (the sanitized build sees that). */
static void mutations_are_valid_or_refused(void **state)
{
	enum { MUTATIONS = 100000 };
	uint32_t results[3] = { 0 };
	uint64_t random = 0x5eed6;

	(void)state;
	print_message("seed %#llx\n", (unsigned long long)random);
	for (int i = 0; i < MUTATIONS; i++) {
		struct reply reply = random_reply(&random);
		struct identity identity;
		int result;

		for (uint64_t changes = fake_random(&random) % 4; changes > 0; changes--) {
			size_t span = fake_random(&random) % 2 ? reply.length : STAMP_BYTES + 48;
			size_t at = STAMP_BYTES + fake_random(&random) % (span - STAMP_BYTES);

			if (at < reply.length)
				reply.octets[at] = (uint8_t)(fake_random(&random) >> 32);
		}
		if (fake_random(&random) % 8 == 0)
			reply.length = fake_random(&random) % (reply.length + 1);
		result = parse(reply.octets, reply.length, &identity);
		assert_true(result == 0 || result == -ENOENT || result == -EINVAL);
		results[result == 0 ? 0 : result == -ENOENT ? 1 : 2]++;
		if (result == 0) {
			assert_harmless(identity.name, sizeof(identity.name), true);
			assert_harmless(identity.zone, sizeof(identity.zone), true);
			assert_string_not_equal(identity.name, "1.2.3.4");
		}
	}
	print_message("read %u, none %u, refused %u\n", results[0], results[1], results[2]);
	for (int i = 0; i < 3; i++)
		assert_true(results[i] > MUTATIONS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_lengths_of_the_identity),
		cmocka_unit_test(truncated_at_every_length),
		cmocka_unit_test(chains_of_tlvs),
		cmocka_unit_test(only_so_many_tlvs_are_walked),
		cmocka_unit_test(zeros_are_no_identity),
		cmocka_unit_test(mutations_are_valid_or_refused),
	};

	return cmocka_run_group_tests_name("identity_chains", tests, NULL, NULL);
}
