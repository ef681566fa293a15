/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers as people write them: a line of a peers file, a value of --peers.static, and what a name
 * is. Must not know what becomes of them.
 */
#include <errno.h>
#include <string.h>

#include "peer_candidate.h"

#define BLANKS " \t\r\v\f"

static const char *const expected_address = "an IP address";
static const char *const expected_host =
	"the address of one host, not an unspecified, broadcast, multicast or IPv6 link-local one";
static const char *const expected_name =
	"a name of 1 to 253 letters, digits, '.', '-' or '_' that is not an IP address";
static const char *const expected_key = "probe= or zone=, the only options that there are";
static const char *const expected_probe = "probe=stamp or probe=icmp";
static const char *const expected_zone = "zone= and 1 to 63 letters, digits, '.', '-' or '_'";
static const char *const expected_once = "each option once";
static const char *const expected_options =
	"only options, such as probe=icmp, after ADDRESS [NAME]";

/* A piece of the text, not terminated. */
struct word_text {
	const char *start;
	size_t length;
};

static bool is_name_character(char character)
{
	return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
	       (character >= '0' && character <= '9') || character == '.' || character == '-' ||
	       character == '_';
}

static const char *parse_address(struct word_text word, struct address *ret)
{
	char text[ADDRESS_TEXT_CAPACITY];

	if (word.length >= sizeof(text))
		return expected_address;
	memcpy(text, word.start, word.length);
	text[word.length] = '\0';
	if (address_parse(text, ret) < 0)
		return expected_address;
	return address_why_no_host(ret) ? expected_host : NULL;
}

static bool are_name_characters(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!is_name_character(text[i]))
			return false;
	}
	return true;
}

bool peer_name_is_valid(const char *name, size_t length)
{
	char text[PEER_NAME_CAPACITY];
	struct address address;

	if (length == 0 || length >= sizeof(text) || !are_name_characters(name, length))
		return false;
	memcpy(text, name, length);
	text[length] = '\0';
	/* Else a name could pass for another peer's address in its label. */
	return address_parse(text, &address) < 0;
}

bool peer_zone_is_valid(const char *zone, size_t length)
{
	return length < PEER_ZONE_CAPACITY && are_name_characters(zone, length);
}

static const char *parse_name(struct word_text word, char ret[static PEER_NAME_CAPACITY])
{
	if (!peer_name_is_valid(word.start, word.length))
		return expected_name;
	memcpy(ret, word.start, word.length);
	ret[word.length] = '\0';
	return NULL;
}

static bool is_option(struct word_text word)
{
	return memchr(word.start, '=', word.length) != NULL;
}

static bool word_is(struct word_text word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.start, text, word.length) == 0;
}

static bool word_begins(struct word_text word, const char *text)
{
	return word.length >= strlen(text) && memcmp(word.start, text, strlen(text)) == 0;
}

static const char *parse_probe(struct word_text word, struct peer_candidate *candidate)
{
	if (candidate->probe != PROBE_DEFAULT)
		return expected_once;
	if (word_is(word, "probe=stamp"))
		candidate->probe = PROBE_STAMP;
	else if (word_is(word, "probe=icmp"))
		candidate->probe = PROBE_ICMP;
	else
		return expected_probe;
	return NULL;
}

static const char *parse_zone(struct word_text word, struct peer_candidate *candidate)
{
	const char *zone = word.start + strlen("zone=");
	size_t length = word.length - strlen("zone=");

	if (candidate->zone[0])
		return expected_once;
	if (length == 0 || !peer_zone_is_valid(zone, length))
		return expected_zone;
	memcpy(candidate->zone, zone, length);
	candidate->zone[length] = '\0';
	return NULL;
}

static const char *parse_option(struct word_text word, struct peer_candidate *candidate)
{
	if (word_begins(word, "probe="))
		return parse_probe(word, candidate);
	if (word_begins(word, "zone="))
		return parse_zone(word, candidate);
	return expected_key;
}

/* The next word of the line, of length 0 at its end or at a comment. */
static struct word_text next_word(const char **cursor)
{
	const char *start = *cursor + strspn(*cursor, BLANKS);
	struct word_text word = { .start = start, .length = strcspn(start, BLANKS "#") };

	*cursor = start + word.length;
	return word;
}

int peer_parse_line(const char *line, struct peer_candidate *ret, const char **ret_expected,
		    char ret_offender[static PEER_NAME_CAPACITY])
{
	struct peer_candidate candidate = { 0 };
	struct word_text word = next_word(&line);
	const char *expected;

	if (word.length == 0)
		return 0;
	expected = parse_address(word, &candidate.address);
	for (bool first = true; !expected; first = false) {
		word = next_word(&line);
		if (word.length == 0)
			break;
		if (is_option(word))
			expected = parse_option(word, &candidate);
		else
			expected = first ? parse_name(word, candidate.name) : expected_options;
	}
	if (expected) {
		size_t length = word.length < PEER_NAME_CAPACITY ? word.length
								 : PEER_NAME_CAPACITY - 1;

		memcpy(ret_offender, word.start, length);
		ret_offender[length] = '\0';
		*ret_expected = expected;
		return -EINVAL;
	}
	*ret = candidate;
	return 1;
}

int peer_parse_static(const char *text, struct peer_candidate *ret, const char **ret_expected)
{
	struct peer_candidate candidate = { 0 };
	const char *equals = strchr(text, '=');
	const char *address = equals ? equals + 1 : text;
	const char *expected = NULL;

	if (equals) {
		struct word_text name = { .start = text, .length = (size_t)(equals - text) };

		expected = parse_name(name, candidate.name);
	}
	if (!expected) {
		struct word_text rest = { .start = address, .length = strlen(address) };

		expected = parse_address(rest, &candidate.address);
	}
	if (expected) {
		*ret_expected = expected;
		return -EINVAL;
	}
	*ret = candidate;
	return 1;
}
