/* SPDX-License-Identifier: Apache-2.0 */
/* The target of a request: its path, and what is escaped in it. */
#include <ctype.h>

#include "fuzz.h"
#include "http_state.h"

/* RFC 3986 section 2.1, a way of its own; -1: no escape begins here. */
static int escaped(const char *at)
{
	char digits[3] = { 0 };

	if (at[0] != '%' || !isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
		return -1;
	memcpy(digits, at + 1, 2);
	return (int)strtol(digits, NULL, 16);
}

static void check_path(const char *target)
{
	const char *path = http_path_of(target);
	size_t length = strlen(target);

	if (strncasecmp(target, "http://", 7) != 0) {
		require(path == target);
	} else if (path >= target && path <= target + length) {
		require(*path == '/' && path >= target + 7);
		require(!memchr(target + 7, '/', (size_t)(path - target) - 7));
	} else {
		require(strcmp(path, "/") == 0 && !strchr(target + 7, '/'));
	}
	require(strncasecmp(path, "http://", 7) == 0 || http_path_of(path) == path);
}

static void check_unescaped(const char *target)
{
	char *text = strdup(target), *expected = strdup(target);
	size_t length = 0, result;
	bool zero = false;

	for (const char *at = target; *at; at++) {
		int octet = escaped(at);

		zero |= octet == 0;
		expected[length++] = octet < 0 ? *at : (char)octet;
		at += octet < 0 ? 0 : 2;
	}
	expected[length] = '\0';
	result = http_on_unescape(NULL, NULL, text);
	require(result == strlen(text));
	if (zero)
		require(result == 0);
	else if (!strchr(target, '%') || strcmp(text, "") != 0)
		require(result <= strlen(target) && (result != length || !strcmp(text, expected)));
	free(text);
	free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };
	char *target = input_text(&input, '\n');

	check_path(target);
	check_unescaped(target);
	free(target);
	return 0;
}
