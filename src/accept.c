/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads Accept and Accept-Encoding (RFC 9110 sections 5.6, 12.4.2, 12.5.1, 12.5.3). Knows what each
 * format is called and nothing else of it. Must not know HTTP's messages, nor copy any text.
 */
#include "accept.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000

/* A part of a line; not terminated. */
struct span {
	const char *at;
	const char *end;
};

/* type[/subtype] *(;name=value) */
struct element {
	struct span type;
	struct span subtype; /* empty: there was no slash */
	struct span parameters;
	unsigned int weight;
};

/* How closely a range names a format. A rank has this in its upper half, so that no number of
 * parameters makes up for a name. */
enum closeness { CLOSENESS_NONE = 0, CLOSENESS_ANY, CLOSENESS_TYPE, CLOSENESS_NAMED };
#define RANK_CLOSENESS 16
#define RANK_KNOWN     8 /* all its parameters are known; the rest is their number */

struct parameter {
	const char *name;
	const char *value; /* NULL: whatever it is */
};

#define PARAMETERS 3

static const struct {
	const char *type;
	const char *subtype;
	struct parameter known[PARAMETERS];
} formats[ACCEPT_TYPES] = {
	[ACCEPT_TEXT] = {
		.type = "text",
		.subtype = "plain",
		.known = { { "version", "0.0.4" }, { "charset", "utf-8" }, { "escaping", NULL } },
	},
	[ACCEPT_OPENMETRICS] = {
		.type = "application",
		.subtype = "openmetrics-text",
		.known = { { "version", "1.0.0" }, { "charset", "utf-8" }, { "escaping", NULL } },
	},
	[ACCEPT_PROTOBUF] = {
		.type = "application",
		.subtype = "vnd.google.protobuf",
		.known = { { "proto", "io.prometheus.client.MetricFamily" },
				{ "encoding", "delimited" },
				{ "escaping", NULL } },
	},
	[ACCEPT_HTML] = { .type = "text", .subtype = "html", .known = { { "charset", "utf-8" } } },
	[ACCEPT_JSON] = { .type = "application",
			  .subtype = "json",
			  .known = { { "charset", "utf-8" } } },
};

static bool is_space(char character)
{
	return character == ' ' || character == '\t';
}

static bool is_token(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') ||
	       (character != '\0' && strchr("!#$%&'*+-.^_`|~", character));
}

static bool is_empty(struct span span)
{
	return span.at == span.end;
}

static bool span_is(struct span span, const char *text)
{
	size_t length = (size_t)(span.end - span.at);

	return length == strlen(text) && strncasecmp(span.at, text, length) == 0;
}

/* The same of a value, which may be quoted. */
static bool value_is(struct span value, const char *text)
{
	if (*value.at != '"')
		return span_is(value, text);
	value.at++;
	value.end--;
	for (; value.at < value.end; value.at++, text++) {
		if (*value.at == '\\')
			value.at++;
		if (strncasecmp(value.at, text, 1) != 0)
			return false;
	}
	return *text == '\0';
}

/* The quote that ends what one at `at` begins; NULL if there is none before `end`, or garbage. */
static const char *quote_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && ++at == end)
			return NULL;
		if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
			return NULL;
	}
	return at < end ? at : NULL;
}

/* Takes the next element out of a list, without the spaces before it. A quote opens only where a
 * value begins, and only if it is closed again: so it is looked for in vain but once. */
static bool next_element(struct span *list, struct span *ret_element)
{
	struct span element = *list;

	while (element.at < list->end && (is_space(*element.at) || *element.at == ','))
		element.at++;
	if (element.at == list->end)
		return false;
	for (element.end = element.at; element.end < list->end && *element.end != ',';
	     element.end++) {
		if (*element.end == '"' && element.end > element.at && element.end[-1] == '=') {
			const char *close = quote_end(element.end, list->end);

			if (close)
				element.end = close;
		}
	}
	list->at = element.end;
	*ret_element = element;
	return true;
}

static bool next_token(struct span *rest, struct span *ret_token)
{
	struct span token = { .at = rest->at, .end = rest->at };

	while (token.end < rest->end && is_token(*token.end))
		token.end++;
	if (is_empty(token))
		return false;
	rest->at = token.end;
	*ret_token = token;
	return true;
}

static bool next_value(struct span *rest, struct span *ret_value)
{
	const char *close;

	if (is_empty(*rest) || *rest->at != '"')
		return next_token(rest, ret_value);
	close = quote_end(rest->at, rest->end);
	if (!close)
		return false;
	*ret_value = (struct span){ .at = rest->at, .end = close + 1 };
	rest->at = close + 1;
	return true;
}

static void skip(struct span *rest, bool semicolons)
{
	while (rest->at < rest->end && (is_space(*rest->at) || (semicolons && *rest->at == ';')))
		rest->at++;
}

/* *( OWS ";" OWS [ token "=" value ] ): 1 and the next of them, 0 at the end, -EINVAL of garbage.
 */
static int next_parameter(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	skip(rest, false);
	if (is_empty(*rest))
		return 0;
	if (*rest->at != ';')
		return -EINVAL;
	skip(rest, true);
	if (is_empty(*rest))
		return 0;
	if (!next_token(rest, ret_name) || is_empty(*rest) || *rest->at != '=')
		return -EINVAL;
	rest->at++;
	return next_value(rest, ret_value) ? 1 : -EINVAL;
}

/* From 0 to 1 with at most three decimals, as thousandths. A fraction without its 0 is not in the
 * grammar, but Java's own client has always sent one. */
static bool read_weight(struct span text, unsigned int *ret_weight)
{
	unsigned int weight = 0;
	unsigned int unit = WEIGHT_MAX;

	if (*text.at == '0' || *text.at == '1')
		weight = (unsigned int)(*text.at++ - '0') * WEIGHT_MAX;
	else if (text.end - text.at < 2)
		return false;
	if (text.at < text.end && *text.at++ != '.')
		return false;
	for (; text.at < text.end; text.at++) {
		unit /= 10;
		if (unit == 0 || *text.at < '0' || *text.at > '9')
			return false;
		weight += (unsigned int)(*text.at - '0') * unit;
	}
	if (weight > WEIGHT_MAX)
		return false;
	*ret_weight = weight;
	return true;
}

static bool read_element(struct span text, struct element *ret_element)
{
	struct element element = { .weight = WEIGHT_MAX };
	struct span name, value;
	struct span rest;
	int found;

	if (!next_token(&text, &element.type))
		return false;
	element.subtype = (struct span){ .at = text.at, .end = text.at };
	if (text.at < text.end && *text.at == '/') {
		text.at++;
		if (!next_token(&text, &element.subtype))
			return false;
	}
	element.parameters = text;
	rest = text;
	while ((found = next_parameter(&rest, &name, &value)) > 0) {
		if (span_is(name, "q") && !read_weight(value, &element.weight))
			return false;
	}
	if (found < 0)
		return false;
	*ret_element = element;
	return true;
}

/* Takes elements out of a list until one is no garbage. */
static bool next_good_element(struct span *list, struct element *ret_element)
{
	struct span text;

	while (next_element(list, &text)) {
		if (read_element(text, ret_element))
			return true;
	}
	return false;
}

static enum closeness closeness_of(const struct element *range, enum accept_format format)
{
	if (span_is(range->type, "*"))
		return span_is(range->subtype, "*") ? CLOSENESS_ANY : CLOSENESS_NONE;
	if (!span_is(range->type, formats[format].type))
		return CLOSENESS_NONE;
	if (span_is(range->subtype, "*"))
		return CLOSENESS_TYPE;
	return span_is(range->subtype, formats[format].subtype) ? CLOSENESS_NAMED : CLOSENESS_NONE;
}

/* How specifically a range names a format; 0: not at all. */
static unsigned int rank_of(const struct element *range, enum accept_format format)
{
	const struct parameter *known = formats[format].known;
	enum closeness closeness = closeness_of(range, format);
	struct span rest = range->parameters;
	struct span name, value;
	unsigned int named = 0;
	bool all_known = true;

	if (closeness == CLOSENESS_NONE)
		return 0;
	while (next_parameter(&rest, &name, &value) > 0) {
		unsigned int i = 0;

		if (span_is(name, "q"))
			continue;
		while (i < PARAMETERS && known[i].name && !span_is(name, known[i].name))
			i++;
		if (i == PARAMETERS || !known[i].name)
			all_known = false;
		else if (known[i].value && !value_is(value, known[i].value))
			return 0;
		else
			named |= 1U << i;
	}
	/* A variant that is refused for what we don't know of says nothing about ours. */
	if (!all_known && range->weight == 0)
		return 0;
	return (unsigned int)closeness * RANK_CLOSENESS + (all_known ? RANK_KNOWN : 0) +
	       (unsigned int)__builtin_popcount(named);
}

void accept_add(struct accept *accept, const char *line)
{
	static const char any[] = "*";
	struct span list = { .at = line, .end = line + strlen(line) };
	struct element range;

	while (next_good_element(&list, &range)) {
		/* A lone asterisk is not in the grammar either: Java's again. */
		if (is_empty(range.subtype) && span_is(range.type, any))
			range.subtype = (struct span){ .at = any, .end = any + 1 };
		if (is_empty(range.subtype))
			continue;
		accept->said = true;
		for (unsigned int i = 0; i < ACCEPT_TYPES; i++) {
			unsigned int rank = rank_of(&range, (enum accept_format)i);

			if (rank == 0 || rank < accept->ranks[i] ||
			    (rank == accept->ranks[i] && range.weight < accept->weights[i]))
				continue;
			accept->ranks[i] = (unsigned char)rank;
			accept->weights[i] = range.weight;
		}
	}
}

enum accept_format accept_choose(const struct accept *accept, bool *ret_acceptable)
{
	enum accept_format best = ACCEPT_TEXT;
	unsigned int weight = 0;
	unsigned int closeness = CLOSENESS_NONE;

	for (unsigned int i = 0; i < ACCEPT_FORMATS; i++) {
		unsigned int closer = accept->ranks[i] / RANK_CLOSENESS;

		if (accept->weights[i] == 0 || accept->weights[i] < weight)
			continue;
		if (accept->weights[i] == weight &&
		    (closer < closeness || (closer == closeness && closer != CLOSENESS_NAMED)))
			continue;
		best = (enum accept_format)i;
		weight = accept->weights[i];
		closeness = closer;
	}
	*ret_acceptable = weight > 0 || !accept->said;
	return best;
}

bool accept_allows(const struct accept *accept, enum accept_format format)
{
	return !accept->said || accept->weights[format] > 0;
}

void accept_encoding_add(struct accept_encoding *accept, const char *line)
{
	struct span list = { .at = line, .end = line + strlen(line) };
	struct element coding;

	while (next_good_element(&list, &coding)) {
		unsigned int *weight;

		if (!is_empty(coding.subtype))
			continue;
		/* RFC 9110 section 8.4.1.3: x-gzip is the same. */
		if (span_is(coding.type, "gzip") || span_is(coding.type, "x-gzip"))
			weight = &accept->gzip;
		else if (span_is(coding.type, "identity"))
			weight = &accept->identity;
		else if (span_is(coding.type, "*"))
			weight = &accept->any;
		else
			continue;
		if (coding.weight + 1 > *weight)
			*weight = coding.weight + 1;
	}
}

bool accept_encoding_gzip(const struct accept_encoding *accept)
{
	unsigned int gzip = accept->gzip ? accept->gzip : accept->any;
	unsigned int identity = accept->identity ? accept->identity : accept->any;

	return gzip > 1 && gzip >= identity;
}
