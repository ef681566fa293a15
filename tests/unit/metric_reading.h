/* SPDX-License-Identifier: Apache-2.0 */
/* Reads io.prometheus.client.MetricFamily, with one metric in it, and undoes what packs a native
 * histogram. Fields that the format does not have, or that are of another type, fail the test. */
#ifndef METRIC_READING_H
#define METRIC_READING_H

#include "unit/protobuf_reading.h"

#define READ_TEXT      1024
#define READ_LABELS    8
#define READ_BUCKETS   64
#define READ_INDEX_LOW (-400) /* of native buckets */
#define READ_INDICES   800

struct read_histogram {
	uint64_t count;
	double sum;
	unsigned int bucket_count;
	uint64_t cumulative[READ_BUCKETS];
	double bounds[READ_BUCKETS];
	bool is_native;
	int64_t schema;
	double zero_threshold;
	uint64_t zero_count;
	unsigned int span_count;
	unsigned int span_octets;	/* with their tags */
	unsigned int places;		/* in all spans */
	uint64_t indexed[READ_INDICES]; /* from READ_INDEX_LOW on */
};

struct read_family {
	char name[READ_TEXT];
	char help[READ_TEXT];
	char unit[READ_TEXT];
	uint64_t type; /* 0 counter, 1 gauge, 4 histogram */
	unsigned int metric_count;
	unsigned int label_count;
	char label_names[READ_LABELS][READ_TEXT];
	char label_values[READ_LABELS][READ_TEXT];
	unsigned int value_field; /* of Metric */
	double value;
	bool has_start;
	uint64_t start_seconds;
	uint64_t start_nanos;
	struct read_histogram histogram;
};

static inline void read_text(const struct wire_field *field, char ret[static READ_TEXT])
{
	size_t length = (size_t)(field->content.end - field->content.at);

	assert_int_equal(field->type, WIRE_LENGTH);
	assert_true(length < READ_TEXT && !memchr(field->content.at, 0, length));
	memcpy(ret, field->content.at, length);
	ret[length] = '\0';
}

static inline uint64_t read_uint(const struct wire_field *field)
{
	assert_int_equal(field->type, WIRE_VARINT);
	return field->value;
}

static inline void read_label(struct wire label, struct read_family *family)
{
	unsigned int index = family->label_count++;
	struct wire_field field;

	assert_true(index < READ_LABELS);
	while (wire_next(&label, &field)) {
		assert_in_range(field.number, 1, 2);
		read_text(&field, field.number == 1 ? family->label_names[index]
						    : family->label_values[index]);
	}
}

static inline void read_start(struct wire start, struct read_family *family)
{
	struct wire_field field;

	family->has_start = true;
	while (wire_next(&start, &field)) {
		assert_in_range(field.number, 1, 2);
		*(field.number == 1 ? &family->start_seconds
				    : &family->start_nanos) = read_uint(&field);
	}
	assert_true(family->start_nanos < 1000000000);
}

static inline void read_bucket(struct wire bucket, struct read_histogram *histogram)
{
	unsigned int index = histogram->bucket_count++;
	struct wire_field field;

	assert_true(index < READ_BUCKETS);
	while (wire_next(&bucket, &field)) {
		assert_in_range(field.number, 1, 2);
		if (field.number == 1)
			histogram->cumulative[index] = read_uint(&field);
		else
			histogram->bounds[index] = wire_double(&field);
	}
}

/* The buckets that spans name, in order. */
struct read_places {
	unsigned int count;
	int64_t indices[READ_INDICES];
	int64_t next;
};

static inline void read_span(struct wire span, struct read_places *places)
{
	struct wire_field field;
	uint64_t length = 0;

	while (wire_next(&span, &field)) {
		assert_in_range(field.number, 1, 2);
		if (field.number == 1)
			places->next += wire_signed(read_uint(&field));
		else
			length = read_uint(&field);
	}
	assert_true(length > 0);
	for (; length > 0; length--) {
		assert_true(places->count < READ_INDICES);
		places->indices[places->count++] = places->next++;
	}
}

static inline void read_deltas(struct wire deltas, const struct read_places *places,
			       struct read_histogram *histogram)
{
	uint64_t count = 0;
	unsigned int place = 0;

	for (; deltas.at < deltas.end; place++) {
		int64_t index = places->indices[place] - READ_INDEX_LOW;

		assert_true(place < places->count && index >= 0 && index < READ_INDICES);
		count += (uint64_t)wire_signed(wire_varint(&deltas));
		histogram->indexed[index] = count;
	}
	assert_int_equal(place, places->count);
	histogram->places = places->count;
}

static inline void read_native_field(const struct wire_field *field, struct read_places *places,
				     struct read_histogram *histogram)
{
	histogram->is_native = true;
	switch (field->number) {
	case 5:
		histogram->schema = wire_signed(read_uint(field));
		break;
	case 6:
		histogram->zero_threshold = wire_double(field);
		break;
	case 7:
		histogram->zero_count = read_uint(field);
		break;
	case 12:
		histogram->span_count++;
		histogram->span_octets += 2 +
					  (unsigned int)(field->content.end - field->content.at);
		read_span(field->content, places);
		break;
	case 13:
		read_deltas(field->content, places, histogram);
		break;
	default:
		fail_msg("field %u of Histogram", field->number);
	}
}

static inline void read_histogram(struct wire message, struct read_family *family)
{
	struct read_histogram *histogram = &family->histogram;
	struct read_places places = { 0 };
	struct wire_field field;

	while (wire_next(&message, &field)) {
		if (field.number == 1)
			histogram->count = read_uint(&field);
		else if (field.number == 2)
			histogram->sum = wire_double(&field);
		else if (field.number == 3)
			read_bucket(field.content, histogram);
		else if (field.number == 15)
			read_start(field.content, family);
		else
			read_native_field(&field, &places, histogram);
	}
}

/* Counter or Gauge. */
static inline void read_value(struct wire message, struct read_family *family)
{
	struct wire_field field;

	while (wire_next(&message, &field)) {
		if (field.number == 1) {
			family->value = wire_double(&field);
		} else {
			assert_true(family->value_field == 3 && field.number == 3);
			read_start(field.content, family);
		}
	}
}

static inline void read_metric(struct wire message, struct read_family *family)
{
	struct wire_field field;

	family->metric_count++;
	while (wire_next(&message, &field)) {
		if (field.number == 1) {
			read_label(field.content, family);
			continue;
		}
		assert_true(field.number == 2 || field.number == 3 || field.number == 7);
		assert_int_equal(family->value_field, 0);
		family->value_field = field.number;
		if (field.number == 7)
			read_histogram(field.content, family);
		else
			read_value(field.content, family);
	}
}

/* The next delimited message; false at the end. */
static inline bool read_family(struct wire *stream, struct read_family *ret)
{
	struct wire message;
	struct wire_field field;

	if (stream->at == stream->end)
		return false;
	memset(ret, 0, sizeof(*ret));
	message = wire_content(stream);
	while (wire_next(&message, &field)) {
		assert_in_range(field.number, 1, 5);
		if (field.number == 3)
			ret->type = read_uint(&field);
		else if (field.number == 4)
			read_metric(field.content, ret);
		else
			read_text(&field, field.number == 1   ? ret->name
					  : field.number == 2 ? ret->help
							      : ret->unit);
	}
	assert_int_equal(ret->metric_count, 1);
	return true;
}

#endif
