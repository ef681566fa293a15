/* SPDX-License-Identifier: Apache-2.0 */
/* The TLVs of a STAMP reply, of which the first identity counts: identity_parse(). */
#include <errno.h>

#include "fuzz.h"
#include "identity.h"
#include "peer_candidate.h"

static bool identity_equal(const struct identity *a, const struct identity *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       a->stateful == b->stateful;
}

static void check_holds(const struct identity *identity)
{
	size_t name = strnlen(identity->name, sizeof(identity->name));
	size_t zone = strnlen(identity->zone, sizeof(identity->zone));

	require(name <= STAMP_NAME_MAX && zone <= STAMP_ZONE_MAX);
	require(name == 0 || peer_name_is_valid(identity->name, name));
	require(peer_zone_is_valid(identity->zone, zone));
}

/* Said by a reflector of ours, and read again. */
static void check_round_trip(const struct identity *identity)
{
	uint8_t payload[STAMP_BYTES + sizeof(struct stamp_tlv) + sizeof(struct stamp_identity)] = {
		[STAMP_BYTES + 1] = STAMP_TLV_IDENTITY,
		[STAMP_BYTES + 2] = sizeof(struct stamp_identity) >> 8,
		[STAMP_BYTES + 3] = sizeof(struct stamp_identity) & 0xff,
	};
	struct stamp_identity value;
	struct identity again, expected = *identity;

	expected.stateful = true; /* ours counts sessions */
	identity_fill(identity->name, identity->zone, &value);
	memcpy(payload + STAMP_BYTES + sizeof(struct stamp_tlv), &value, sizeof(value));
	require(identity_parse(payload, sizeof(payload), &again) == 0);
	require(identity_equal(&again, &expected));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };
	struct identity identity, longer, before;
	size_t bytes;
	uint8_t *payload = input_piece(&input, length, &bytes);
	int result;

	memset(&identity, 0xa5, sizeof(identity));
	before = identity;
	result = identity_parse(payload, bytes, &identity);
	require(result == 0 || result == -ENOENT || result == -EINVAL);
	if (result < 0) {
		require(memcmp(&identity, &before, sizeof(identity)) == 0);
	} else {
		check_holds(&identity);
		check_round_trip(&identity);
		/* What follows the identity changes nothing. */
		payload = realloc(payload, bytes + 8);
		memset(payload + bytes, 0xff, 8);
		require(identity_parse(payload, bytes + 8, &longer) == 0);
		require(identity_equal(&longer, &identity));
	}
	free(payload);
	return 0;
}
