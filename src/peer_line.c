/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers as people write them: a line of a peers file, a value of --peers.static. Must not know what
 * becomes of them.
 */
#include <errno.h>
#include <string.h>

#include "peers.h"

#define BLANKS " \t\r\v\f"

static const char *const expected_address = "an IP address";
static const char *const expected_host =
	"the address of one host, not an unspecified, broadcast, multicast or IPv6 link-local one";
static const char *const expected_name =
	"a name of 1 to 253 letters, digits, '.', '-' or '_' that is not an IP address";
static const char *const expected_no_option = "no option, since none exists yet";
static const char *const expected_end = "nothing after ADDRESS NAME";

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

static const char *parse_name(struct word_text word, char ret[static PEER_NAME_CAPACITY])
{
	struct address address;

	if (word.length == 0 || word.length >= PEER_NAME_CAPACITY)
		return expected_name;
	for (size_t i = 0; i < word.length; i++) {
		if (!is_name_character(word.start[i]))
			return expected_name;
	}
	memcpy(ret, word.start, word.length);
	ret[word.length] = '\0';
	/* Else a name could pass for another peer's address in its label. */
	return address_parse(ret, &address) == 0 ? expected_name : NULL;
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
	if (!expected) {
		word = next_word(&line);
		if (word.length > 0) {
			bool option = memchr(word.start, '=', word.length) != NULL;

			expected = option ? expected_no_option : parse_name(word, candidate.name);
		}
	}
	if (!expected && word.length > 0) {
		word = next_word(&line);
		if (word.length > 0)
			expected = memchr(word.start, '=', word.length) ? expected_no_option
									: expected_end;
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
