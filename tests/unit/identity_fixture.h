/* SPDX-License-Identifier: Apache-2.0 */
/* Replies with TLVs, put together octet by octet, and the parser asked about them. */
#ifndef IDENTITY_FIXTURE_H
#define IDENTITY_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "identity.h"

#define REPLY_CAPACITY 2048

/* A reply's payload as it is put together. */
struct reply {
	uint8_t octets[REPLY_CAPACITY];
	size_t length;
};

static inline struct reply reply_begin(void)
{
	struct reply reply = { .length = STAMP_BYTES };

	memset(reply.octets, 0x5a, STAMP_BYTES);
	return reply;
}

static inline void append(struct reply *reply, uint8_t flags, uint8_t type, size_t length,
			  const void *value)
{
	uint8_t header[] = { flags, type, (uint8_t)(length >> 8), (uint8_t)length };

	assert_true(reply->length + sizeof(header) + length <= sizeof(reply->octets));
	memcpy(reply->octets + reply->length, header, sizeof(header));
	reply->length += sizeof(header);
	if (value)
		memcpy(reply->octets + reply->length, value, length);
	else
		memset(reply->octets + reply->length, 0xee, length);
	reply->length += length;
}

static inline struct reply reply_of(uint8_t flags, const struct stamp_identity *value)
{
	struct reply reply = reply_begin();

	append(&reply, flags, STAMP_TLV_IDENTITY, sizeof(*value), value);
	return reply;
}

/* In memory of exactly its size, so that a read beyond it is seen; what is returned in case of an
 * error must not have been touched. */
static inline int parse(const uint8_t *octets, size_t length, struct identity *ret)
{
	uint8_t *exact = malloc(length ? length : 1);
	struct identity before;
	int result;

	assert_non_null(exact);
	memcpy(exact, octets, length);
	memset(ret, 0x77, sizeof(*ret));
	before = *ret;
	result = identity_parse(exact, length, ret);
	if (result != 0)
		assert_memory_equal(ret, &before, sizeof(before));
	free(exact);
	return result;
}

static inline int parse_reply(const struct reply *reply)
{
	struct identity identity;

	return parse(reply->octets, reply->length, &identity);
}

static inline struct stamp_identity identity_of(const char *name, const char *zone)
{
	struct stamp_identity value;

	memset(&value, 0xaa, sizeof(value));
	identity_fill(name, zone, &value);
	return value;
}

#endif
