/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) appended to a text value by value; the commas come by themselves. Must not know
 * what is written.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct json {
	struct text *text;
	bool comma; /* something stands before, at this depth */
};

/* One of `{[` and one of `]}`. */
void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);

/* The next value is the member's of that name, which needs no escape. */
void json_key(struct json *json, const char *name);

void json_null(struct json *json);
void json_bool(struct json *json, bool value);
void json_string(struct json *json, const char *value); /* any octets */
void json_uint(struct json *json, uint64_t value);
void json_seconds(struct json *json, uint64_t value_ns);
/* A share of 65535, in thousandths of 1. */
void json_share(struct json *json, uint16_t value);

/* A key and its value. */
void json_key_string(struct json *json, const char *name, const char *value);
void json_key_uint(struct json *json, const char *name, uint64_t value);
void json_key_bool(struct json *json, const char *name, bool value);
/* Unless it is known: null. */
void json_key_seconds(struct json *json, const char *name, bool known, uint64_t value_ns);

#endif
