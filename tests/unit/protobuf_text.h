/* SPDX-License-Identifier: Apache-2.0 */
/* Delimited messages of io.prometheus.client.MetricFamily as text, as `protoc --decode` writes
 * them: see tests/interop/metrics.proto, which says the same for protoc. */
#ifndef PROTOBUF_TEXT_H
#define PROTOBUF_TEXT_H

#include "unit/protobuf_reading.h"

#include <stdio.h>
#include <stdlib.h>

enum known_kind { KNOWN_MESSAGE, KNOWN_STRING, KNOWN_UINT, KNOWN_SINT, KNOWN_DOUBLE, KNOWN_TYPE };

struct known_field {
	uint32_t number;
	const char *name;
	enum known_kind kind;
	const struct known_field *fields; /* of a message; its last has no name */
};

static const struct known_field known_label[] = {
	{ 1, "name", KNOWN_STRING, NULL },
	{ 2, "value", KNOWN_STRING, NULL },
	{ 0 },
};
static const struct known_field known_timestamp[] = {
	{ 1, "seconds", KNOWN_UINT, NULL },
	{ 2, "nanos", KNOWN_UINT, NULL },
	{ 0 },
};
static const struct known_field known_gauge[] = {
	{ 1, "value", KNOWN_DOUBLE, NULL },
	{ 0 },
};
static const struct known_field known_counter[] = {
	{ 1, "value", KNOWN_DOUBLE, NULL },
	{ 3, "created_timestamp", KNOWN_MESSAGE, known_timestamp },
	{ 0 },
};
static const struct known_field known_bucket[] = {
	{ 1, "cumulative_count", KNOWN_UINT, NULL },
	{ 2, "upper_bound", KNOWN_DOUBLE, NULL },
	{ 0 },
};
static const struct known_field known_span[] = {
	{ 1, "offset", KNOWN_SINT, NULL },
	{ 2, "length", KNOWN_UINT, NULL },
	{ 0 },
};
static const struct known_field known_histogram[] = {
	{ 1, "sample_count", KNOWN_UINT, NULL },
	{ 2, "sample_sum", KNOWN_DOUBLE, NULL },
	{ 3, "bucket", KNOWN_MESSAGE, known_bucket },
	{ 5, "schema", KNOWN_SINT, NULL },
	{ 6, "zero_threshold", KNOWN_DOUBLE, NULL },
	{ 7, "zero_count", KNOWN_UINT, NULL },
	{ 12, "positive_span", KNOWN_MESSAGE, known_span },
	{ 13, "positive_delta", KNOWN_SINT, NULL },
	{ 15, "created_timestamp", KNOWN_MESSAGE, known_timestamp },
	{ 0 },
};
static const struct known_field known_metric[] = {
	{ 1, "label", KNOWN_MESSAGE, known_label },
	{ 2, "gauge", KNOWN_MESSAGE, known_gauge },
	{ 3, "counter", KNOWN_MESSAGE, known_counter },
	{ 7, "histogram", KNOWN_MESSAGE, known_histogram },
	{ 0 },
};
static const struct known_field known_family[] = {
	{ 1, "name", KNOWN_STRING, NULL }, { 2, "help", KNOWN_STRING, NULL },
	{ 3, "type", KNOWN_TYPE, NULL },   { 4, "metric", KNOWN_MESSAGE, known_metric },
	{ 5, "unit", KNOWN_STRING, NULL }, { 0 },
};

static inline void print_string(FILE *file, struct wire content)
{
	fputc('"', file);
	for (; content.at < content.end; content.at++) {
		if (*content.at == '\n')
			fputs("\\n", file);
		else if (strchr("\"'\\", *content.at))
			fprintf(file, "\\%c", *content.at);
		else if (*content.at < ' ' || *content.at > '~')
			fprintf(file, "\\%03o", *content.at);
		else
			fputc(*content.at, file);
	}
	fputc('"', file);
}

/* With 15 digits, if that is the same double. */
static inline void print_double(FILE *file, double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	fputs(text, file);
}

static inline void print_scalar(FILE *file, const struct known_field *known,
				const struct wire_field *field)
{
	static const char *const types[] = { "COUNTER", "GAUGE", "SUMMARY", "UNTYPED",
					     "HISTOGRAM" };

	switch (known->kind) {
	case KNOWN_STRING:
		print_string(file, field->content);
		break;
	case KNOWN_UINT:
		fprintf(file, "%llu", (unsigned long long)field->value);
		break;
	case KNOWN_SINT:
		fprintf(file, "%lld", (long long)wire_signed(field->value));
		break;
	case KNOWN_DOUBLE:
		print_double(file, wire_double(field));
		break;
	case KNOWN_TYPE:
		assert_in_range(field->value, 0, 4);
		fputs(types[field->value], file);
		break;
	case KNOWN_MESSAGE:
		break;
	}
}

#define PRINT_DEPTH 5

/* Messages that are open, the outermost first. */
struct print_level {
	struct wire wire;
	const struct known_field *fields;
};

/* Elements of a packed field stand one by one. */
static inline void print_field(FILE *file, int indent, const struct known_field *known,
			       struct wire_field *field)
{
	bool packed = known->kind != KNOWN_STRING && field->type == WIRE_LENGTH;

	do {
		if (packed)
			field->value = wire_varint(&field->content);
		fprintf(file, "%*s%s: ", indent, "", known->name);
		print_scalar(file, known, field);
		fputc('\n', file);
	} while (packed && field->content.at < field->content.end);
}

static inline void print_family_message(FILE *file, struct wire message)
{
	struct print_level levels[PRINT_DEPTH] = { { message, known_family } };
	int depth = 1;

	fputs("family {\n", file);
	while (depth > 0) {
		struct print_level *level = &levels[depth - 1];
		const struct known_field *known = level->fields;
		struct wire_field field;

		if (!wire_next(&level->wire, &field)) {
			depth--;
			fprintf(file, "%*s}\n", 2 * depth, "");
			continue;
		}
		while (known->name && known->number != field.number)
			known++;
		if (!known->name)
			fail_msg("field %u is not known", field.number);
		if (known->kind != KNOWN_MESSAGE) {
			print_field(file, 2 * depth, known, &field);
			continue;
		}
		assert_true(depth < PRINT_DEPTH && field.type == WIRE_LENGTH);
		fprintf(file, "%*s%s {\n", 2 * depth, "", known->name);
		levels[depth++] = (struct print_level){ field.content, known->fields };
	}
}

/* All messages; the caller frees what it returns. */
static inline char *print_messages(const char *octets, size_t length)
{
	struct wire stream = wire_over(octets, length);
	char *text = NULL;
	size_t text_length;
	FILE *file = open_memstream(&text, &text_length);

	assert_non_null(file);
	while (stream.at < stream.end)
		print_family_message(file, wire_content(&stream));
	assert_int_equal(fclose(file), 0);
	return text;
}

#endif
