/* SPDX-License-Identifier: Apache-2.0 */
/* Content negotiation of what nobody sends: any octets, any order, any length. */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"

#define OM    "application/openmetrics-text"
#define PROTO "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"

/* In a block of its own, so that a sanitizer sees one octet too far. */
static void add_to_both(struct accept *accept, struct accept_encoding *encoding, const char *line)
{
	char *copy = strdup(line);

	assert_non_null(copy);
	accept_add(accept, copy);
	accept_encoding_add(encoding, copy);
	free(copy);
}

static void random_text(char *text, size_t length, const char *alphabet)
{
	size_t letters = strlen(alphabet);

	for (size_t i = 0; i < length; i++)
		text[i] = alphabet[(size_t)random() % letters];
	text[length] = '\0';
}

/* Any octets do no harm; and what no range can be made of changes nothing between good ones. */
static void random_garbage(void **state)
{
	static const char wild[] = "text/plain;q=01.5\"\\,,*/*; \t\x01\xff=gzip";
	static const char tame[] = "text;q=01.5\\ \t\x01\xff\x7f=()<>@:[]?{}";

	(void)state;
	srandom(2);
	for (unsigned int round = 0; round < 50000; round++) {
		struct accept_encoding encoding = { 0 };
		struct accept accept = { 0 };
		char text[64];
		char line[320];
		bool acceptable;

		random_text(text, (size_t)random() % sizeof(text), wild);
		add_to_both(&accept, &encoding, text);
		for (unsigned int i = 0; i < ACCEPT_FORMATS; i++) {
			assert_true(accept.weights[i] <= 1000);
			assert_true(accept.ranks[i] != 0 || accept.weights[i] == 0);
		}
		assert_true(accept_choose(&accept, &acceptable) < ACCEPT_FORMATS);
		(void)accept_encoding_gzip(&encoding);

		random_text(text, (size_t)random() % sizeof(text), tame);
		snprintf(line, sizeof(line), "%s, text/plain;q=0.2, %s,%s;q=0.3 ,%s, gzip;q=0.5",
			 text, text, OM, text);
		accept = (struct accept){ 0 };
		encoding = (struct accept_encoding){ 0 };
		add_to_both(&accept, &encoding, line);
		if (accept_choose(&accept, &acceptable) != ACCEPT_OPENMETRICS || !acceptable ||
		    encoding.gzip != 501)
			fail_msg("%s", line);
	}
}

/* The order of elements, and how they are spread over lines, changes nothing. */
static void order_does_not_matter(void **state)
{
	static const char *const ranges[] = {
		"*/*;q=0.1",	      "text/*;q=0.9", "application/*;q=0.4",
		"text/plain",	      OM ";q=0.9",    "text/plain;version=0.0.4;q=0.3",
		OM ";q=0.35",	      PROTO ";q=0.8", PROTO ";encoding=delimited;q=0.2",
		"text/plain;a=\",\"", "garbage;;=",   "text/plain;version=9",
	};
	const size_t count = sizeof(ranges) / sizeof(ranges[0]);
	const char *shuffled[sizeof(ranges) / sizeof(ranges[0])];

	(void)state;
	srandom(3);
	memcpy(shuffled, ranges, sizeof(ranges));
	for (unsigned int round = 0; round < 1000; round++) {
		struct accept_encoding encoding = { 0 };
		struct accept accept = { 0 };
		char line[512] = "";
		bool acceptable;

		for (size_t i = 0; i < count; i++) {
			size_t other = i + (size_t)random() % (count - i);
			const char *range = shuffled[other];

			shuffled[other] = shuffled[i];
			shuffled[i] = range;
			if (line[0] && random() % 4 == 0) {
				add_to_both(&accept, &encoding, line);
				line[0] = '\0';
			}
			if (line[0])
				strcat(line, ", ");
			strcat(line, range);
		}
		add_to_both(&accept, &encoding, line);
		assert_int_equal(accept.weights[ACCEPT_TEXT], 300);
		assert_int_equal(accept.weights[ACCEPT_OPENMETRICS], 900);
		assert_int_equal(accept.weights[ACCEPT_PROTOBUF], 200);
		assert_int_equal(accept_choose(&accept, &acceptable), ACCEPT_OPENMETRICS);
	}
}

/* What is long is read as what is short; quotes looked for in vain at each would take minutes. */
static void long_lines(void **state)
{
	static const char *const repeated[] = {
		",a=\"",
		",\\\"",
		",=\"\\\"",
		"\\\",=\"",
		",text/plain;a=\"\\\"",
		";version=1.0.0",
		";charset=utf-8;escaping=x",
		";;  ",
		"=\"=\"\\",
	};
	const size_t length = 1 << 20;
	char *line = malloc(length + 64);

	(void)state;
	assert_non_null(line);
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		struct accept_encoding encoding = { 0 };
		struct accept accept = { 0 };
		size_t step = strlen(repeated[i]);
		size_t used = strlen(OM);
		bool acceptable;

		memcpy(line, OM, used);
		for (; used + step < length; used += step)
			memcpy(line + used, repeated[i], step);
		memcpy(line + used, ",*/*;q=0.5", sizeof(",*/*;q=0.5"));
		add_to_both(&accept, &encoding, line);
		assert_true(accept_choose(&accept, &acceptable) < ACCEPT_FORMATS);
		assert_true(acceptable);
		assert_true(accept.ranks[ACCEPT_OPENMETRICS] < 64);
	}
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_garbage),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests_name("accept, random", tests, NULL, NULL);
}
