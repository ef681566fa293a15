/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills structures from objects of JSON by tables of fields. Must not know what a field means.
 */
#include "top_fields.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "top_data.h"

static void copy_text(char *to, size_t capacity, const char *text)
{
	size_t length = strlen(text);

	if (length >= capacity) {
		length = capacity - 1;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(to, text, length);
	to[length] = '\0';
}

static bool take(struct json_reader *reader, enum json_token token, const struct top_field *field,
		 void *object)
{
	char *member = (char *)object + field->offset;

	if (field->kind == FIELD_OTHER)
		return field->read(reader, token, object);
	if (field->kind == FIELD_TEXT && token == JSON_STRING)
		copy_text(member, field->capacity, reader->text);
	else if (field->kind == FIELD_NUMBER && token == JSON_NUMBER && isfinite(reader->number))
		*(double *)(void *)member = reader->number < 0 ? NAN : reader->number;
	else if (field->kind == FIELD_BOOL && (token == JSON_TRUE || token == JSON_FALSE))
		*(bool *)member = token == JSON_TRUE;
	else
		return json_reader_skip(reader, token);
	return true;
}

/* Something else than an object is skipped. */
bool top_fields_read(struct json_reader *reader, enum json_token token,
		     const struct top_field *fields, void *object)
{
	if (token != JSON_OBJECT)
		return json_reader_skip(reader, token);
	while ((token = json_reader_next(reader)) == JSON_KEY) {
		const struct top_field *field = fields;

		while (field->name && strcmp(field->name, reader->text) != 0)
			field++;
		token = json_reader_next(reader);
		if (!(field->name ? take(reader, token, field, object)
				  : json_reader_skip(reader, token)))
			return false;
	}
	return token == JSON_OBJECT_END;
}

int top_fields_refuse(const struct json_reader *reader, const char *what,
		      char error[static TOP_ERROR_CAPACITY])
{
	if (reader->error)
		snprintf(error, TOP_ERROR_CAPACITY, "not JSON at octet %zu: %s", reader->at,
			 reader->error);
	else
		snprintf(error, TOP_ERROR_CAPACITY, "JSON, but not of kube-canary: %s", what);
	return -EPROTO;
}
