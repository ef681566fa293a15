/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity TLV, filled in and read. Trusts no octet of a reply and reads none beyond its
 * length. Must not know whose reply it is, nor what becomes of a name.
 */
#include "identity.h"

#include <errno.h>
#include <string.h>

#include "peers.h"

/* Requests carry two at most; whatever else a reply brings is walked no further. */
#define TLVS_MAX 16

/* The reflector did not act upon it, so that the value is as we sent it. */
#define FLAGS_NOT_FILLED (STAMP_TLV_UNRECOGNIZED | STAMP_TLV_MALFORMED | STAMP_TLV_INTEGRITY)

_Static_assert(PEER_NAME_CAPACITY == STAMP_NAME_MAX + 1, "a name fits");
_Static_assert(PEER_ZONE_CAPACITY == STAMP_ZONE_MAX + 1, "a zone fits");

void identity_fill(const char *name, const char *zone, struct stamp_identity *ret)
{
	struct stamp_identity identity = {
		.version = STAMP_IDENTITY_VERSION,
		.capabilities = STAMP_CAPABILITY_STATEFUL,
		.zone_length = (uint8_t)strnlen(zone, STAMP_ZONE_MAX),
	};
	struct address address;

	/* Peers would not have it: it could pass for another's address in a label. */
	if (address_parse(name, &address) < 0)
		identity.name_length = (uint8_t)strnlen(name, STAMP_NAME_MAX);
	memcpy(identity.name, name, identity.name_length);
	memcpy(identity.zone, zone, identity.zone_length);
	*ret = identity;
}

static bool are_zeros(const char *octets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (octets[i] != '\0')
			return false;
	}
	return true;
}

static bool identity_is_valid(const struct stamp_identity *value)
{
	size_t name_length = value->name_length;
	size_t zone_length = value->zone_length;

	/* A name or zone that is valid is no longer than its field. */
	return value->version == STAMP_IDENTITY_VERSION &&
	       (name_length == 0 || peer_name_is_valid(value->name, name_length)) &&
	       peer_zone_is_valid(value->zone, zone_length) &&
	       are_zeros(value->name + name_length, STAMP_NAME_MAX - name_length) &&
	       are_zeros(value->zone + zone_length, STAMP_ZONE_MAX - zone_length);
}

static int identity_read(const uint8_t *octets, size_t length, struct identity *ret)
{
	struct identity identity = { 0 };
	struct stamp_identity value;

	if (length != sizeof(value))
		return -EINVAL;
	memcpy(&value, octets, sizeof(value));
	if (!identity_is_valid(&value))
		return -EINVAL;
	memcpy(identity.name, value.name, value.name_length);
	memcpy(identity.zone, value.zone, value.zone_length);
	identity.stateful = value.capabilities & STAMP_CAPABILITY_STATEFUL;
	*ret = identity;
	return 0;
}

int identity_parse(const uint8_t *payload, size_t length, struct identity *ret)
{
	size_t at = STAMP_BYTES;

	for (int i = 0; i < TLVS_MAX && length >= at + sizeof(struct stamp_tlv); i++) {
		uint8_t flags = payload[at];
		uint8_t type = payload[at + 1];
		size_t value_length = (size_t)payload[at + 2] << 8 | payload[at + 3];

		at += sizeof(struct stamp_tlv);
		/* Zeros are the padding of those who know no TLVs. */
		if (type == 0)
			break;
		if (type == STAMP_TLV_IDENTITY && (flags & FLAGS_NOT_FILLED))
			break;
		if (value_length > length - at)
			return type == STAMP_TLV_IDENTITY ? -EINVAL : -ENOENT;
		if (type == STAMP_TLV_IDENTITY)
			return identity_read(payload + at, value_length, ret);
		at += value_length;
	}
	return -ENOENT;
}
