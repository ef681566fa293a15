/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of JSON. Whether all fitted, the text itself knows. Must not know what is written.
 */
#include "json.h"

static void json_begin(struct json *json)
{
	if (json->comma)
		text_append(json->text, ",");
	json->comma = true;
}

void json_open(struct json *json, char bracket)
{
	json_begin(json);
	text_append_bytes(json->text, &bracket, 1);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	text_append_bytes(json->text, &bracket, 1);
	json->comma = true;
}

void json_key(struct json *json, const char *name)
{
	json_begin(json);
	text_append(json->text, "\"");
	text_append(json->text, name);
	text_append(json->text, "\":");
	json->comma = false;
}

void json_null(struct json *json)
{
	json_begin(json);
	text_append(json->text, "null");
}

void json_bool(struct json *json, bool value)
{
	json_begin(json);
	text_append(json->text, value ? "true" : "false");
}

void json_string(struct json *json, const char *value)
{
	json_begin(json);
	text_append(json->text, "\"");
	text_append_json(json->text, value);
	text_append(json->text, "\"");
}

void json_uint(struct json *json, uint64_t value)
{
	json_begin(json);
	text_append_uint(json->text, value);
}

void json_seconds(struct json *json, uint64_t value_ns)
{
	json_begin(json);
	text_append_seconds(json->text, value_ns);
}

void json_share(struct json *json, uint16_t value)
{
	uint64_t thousandths = ((uint64_t)value * 1000 + UINT16_MAX / 2) / UINT16_MAX;

	/* What is 0.001 s is 0.001 of one. */
	json_seconds(json, thousandths * 1000000);
}

void json_key_string(struct json *json, const char *name, const char *value)
{
	json_key(json, name);
	json_string(json, value);
}

void json_key_uint(struct json *json, const char *name, uint64_t value)
{
	json_key(json, name);
	json_uint(json, value);
}

void json_key_bool(struct json *json, const char *name, bool value)
{
	json_key(json, name);
	json_bool(json, value);
}

void json_key_seconds(struct json *json, const char *name, bool known, uint64_t value_ns)
{
	json_key(json, name);
	if (known)
		json_seconds(json, value_ns);
	else
		json_null(json);
}
