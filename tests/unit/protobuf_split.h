/* SPDX-License-Identifier: Apache-2.0 */
/* Delimited messages of MetricFamily, made anew with one metric in each. */
#ifndef PROTOBUF_SPLIT_H
#define PROTOBUF_SPLIT_H

#include "unit/protobuf_reading.h"

#include <stdlib.h>

#define SPLIT_CAPACITY (4 * 1024 * 1024)
#define SPLIT_METRIC   4 /* the field of MetricFamily */

struct split {
	char *octets;
	size_t length;
};

static inline void split_append(struct split *split, const void *octets, size_t length)
{
	if (split->length + length > SPLIT_CAPACITY)
		abort();
	memcpy(split->octets + split->length, octets, length);
	split->length += length;
}

static inline void split_append_varint(struct split *split, size_t value)
{
	for (; value >= 0x80; value >>= 7)
		split_append(split, &(unsigned char){ (unsigned char)(value | 0x80) }, 1);
	split_append(split, &(unsigned char){ (unsigned char)value }, 1);
}

/* All other fields come first; here they stand in the order of their numbers, as protoc tells them.
 */
static inline uint32_t split_message(struct wire message, struct split *ret)
{
	const unsigned char *head = message.at;
	size_t head_length = 0, tail_length = 0;
	struct wire_field field;
	uint32_t metrics = 0;

	for (const unsigned char *at = message.at; wire_next(&message, &field); at = message.at) {
		size_t length = (size_t)(message.at - at);

		if (field.number != SPLIT_METRIC) {
			assert_int_equal(metrics, 0);
			assert_true(field.number > SPLIT_METRIC || tail_length == 0);
			*(field.number < SPLIT_METRIC ? &head_length : &tail_length) += length;
			continue;
		}
		metrics++;
		split_append_varint(ret, head_length + length + tail_length);
		split_append(ret, head, head_length);
		split_append(ret, at, length);
		split_append(ret, head + head_length, tail_length);
	}
	return metrics;
}

/* Frees `whole`. ret_messages, if not NULL: how many there were. A zero follows. */
static inline char *protobuf_split(char *whole, size_t *length, uint32_t *ret_messages)
{
	struct split split = { .octets = malloc(SPLIT_CAPACITY + 1) };
	struct wire stream = wire_over(whole, *length);
	uint32_t messages = 0;

	for (; stream.at < stream.end; messages++)
		assert_true(split_message(wire_content(&stream), &split) > 0);
	free(whole);
	split.octets[split.length] = '\0';
	*length = split.length;
	if (ret_messages)
		*ret_messages = messages;
	return split.octets;
}

#endif
