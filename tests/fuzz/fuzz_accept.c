/* SPDX-License-Identifier: Apache-2.0 */
/* Accept and Accept-Encoding, line by line: accept_add(), accept_choose(), and the same of codings.
 */
#include "accept.h"
#include "fuzz.h"

#define LINES 4

static void check_same(const struct accept *a, const struct accept *b)
{
	bool acceptable[2];

	require(memcmp(a->weights, b->weights, sizeof(a->weights)) == 0);
	require(memcmp(a->ranks, b->ranks, sizeof(a->ranks)) == 0);
	require(a->said == b->said);
	require(accept_choose(a, &acceptable[0]) == accept_choose(b, &acceptable[1]));
	require(acceptable[0] == acceptable[1]);
}

static void check_choice(const struct accept *accept)
{
	bool acceptable = false;
	enum accept_format format = accept_choose(accept, &acceptable);

	require(format < ACCEPT_FORMATS);
	for (int i = 0; i < ACCEPT_TYPES; i++)
		require(accept->weights[i] <= 1000);
	if (!accept->said)
		require(acceptable);
	require(acceptable ? accept_allows(accept, format) : format == ACCEPT_TEXT);
	/* Nothing that we have is allowed where nothing is acceptable, nor weighs more. */
	for (int i = 0; i < ACCEPT_FORMATS && accept->said; i++) {
		require(acceptable || !accept_allows(accept, (enum accept_format)i));
		require(!acceptable || accept->ranks[i] == 0 ||
			accept->weights[i] <= accept->weights[format]);
	}
}

/* In any order, and again: the same. */
static void fuzz_types(char *const lines[LINES])
{
	struct accept accept = { .said = false }, reversed = { .said = false };

	for (int i = 0; i < LINES; i++) {
		accept_add(&accept, lines[i]);
		accept_add(&reversed, lines[LINES - 1 - i]);
		check_choice(&accept);
	}
	check_same(&accept, &reversed);
	for (int i = 0; i < LINES; i++)
		accept_add(&reversed, lines[i]);
	check_same(&accept, &reversed);
}

static void fuzz_codings(char *const lines[LINES])
{
	struct accept_encoding accept = { 0 }, reversed = { 0 };

	for (int i = 0; i < LINES; i++) {
		accept_encoding_add(&accept, lines[i]);
		accept_encoding_add(&reversed, lines[LINES - 1 - i]);
	}
	require(memcmp(&accept, &reversed, sizeof(accept)) == 0);
	require(accept.gzip <= 1001 && accept.identity <= 1001 && accept.any <= 1001);
	require(!accept_encoding_gzip(&accept) || accept.gzip > 1 || accept.any > 1);
	require(!accept_encoding_gzip(&accept) || accept.gzip == 0 ||
		accept.gzip >= accept.identity);
}

/* A comma is as good as another line, if no quote is left open before. */
static void check_joined(char *const lines[LINES])
{
	struct accept apart = { .said = false }, joined = { .said = false };
	char *line = malloc(strlen(lines[0]) + strlen(lines[1]) + 3);

	if (!strchr(lines[0], '"') && !strchr(lines[1], '"')) {
		sprintf(line, "%s, %s", lines[0], lines[1]);
		accept_add(&joined, line);
		accept_add(&apart, lines[0]);
		accept_add(&apart, lines[1]);
		check_same(&apart, &joined);
	}
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };
	char *lines[LINES];

	for (int i = 0; i < LINES; i++)
		lines[i] = input_text(&input, '\n');
	fuzz_types(lines);
	fuzz_codings(lines);
	check_joined(lines);
	for (int i = 0; i < LINES; i++)
		free(lines[i]);
	return 0;
}
