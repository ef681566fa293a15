/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills structures from objects of JSON: each object has a table of the fields that are wanted, and
 * the others are skipped. Must not know what a field means.
 */
#ifndef TOP_FIELDS_H
#define TOP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "json_reader.h"
#include "top_data.h"

/* Text is cut to its room; what is of another type than it should be is left as it was. */
struct top_field {
	const char *name; /* NULL ends the table */
	enum { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOL, FIELD_OTHER } kind;
	size_t offset;
	size_t capacity; /* of a text */
	/* FIELD_OTHER: reads the value that begins with the token, to its end; false after an
	 * error of syntax. */
	bool (*read)(struct json_reader *reader, enum json_token token, void *object);
};

#define TEXT_AS(type, name, member)                              \
	{                                                        \
		name, FIELD_TEXT, offsetof(struct type, member), \
			sizeof(((struct type *)0)->member), NULL \
	}
#define TEXT(type, member) TEXT_AS(type, #member, member)
#define NUMBER_AS(type, name, member)                                      \
	{                                                                  \
		name, FIELD_NUMBER, offsetof(struct type, member), 0, NULL \
	}
#define NUMBER(type, member) NUMBER_AS(type, #member, member)
#define BOOL(type, member)                                                  \
	{                                                                   \
#member, FIELD_BOOL, offsetof(struct type, member), 0, NULL \
	}
#define OTHER(name, function)                     \
	{                                         \
		name, FIELD_OTHER, 0, 0, function \
	}
#define END                                   \
	{                                     \
		NULL, FIELD_OTHER, 0, 0, NULL \
	}

/* Reads the value that begins with the token; something else than an object is skipped. False
 * after an error of syntax, or when a field's reader said so. */
bool top_fields_read(struct json_reader *reader, enum json_token token,
		     const struct top_field *fields, void *object);

/* Says what is wrong with the document; -EPROTO. */
int top_fields_refuse(const struct json_reader *reader, const char *what,
		      char error[static TOP_ERROR_CAPACITY]);

#endif
