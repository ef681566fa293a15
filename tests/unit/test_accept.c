/* SPDX-License-Identifier: Apache-2.0 */
/* Content negotiation: what scrapers, browsers and tools really send, the grammar, and garbage
 * among it. */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "accept.h"

#define OM    "application/openmetrics-text"
#define PROTO "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily"
#define LINES 4
/* Text is given as the last resort. */
#define NOTHING ACCEPT_FORMATS

struct accept_case {
	const char *lines[LINES];
	unsigned int expected; /* a format, or NOTHING */
};

static enum accept_format choose(const char *const *lines, size_t count, bool *ret_acceptable)
{
	struct accept accept = { 0 };

	for (size_t i = 0; i < count && lines[i]; i++)
		accept_add(&accept, lines[i]);
	return accept_choose(&accept, ret_acceptable);
}

static void check_cases(const struct accept_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool acceptable;
		unsigned int format = choose(cases[i].lines, LINES, &acceptable);

		if (!acceptable && format == ACCEPT_TEXT)
			format = NOTHING;
		if (format != cases[i].expected)
			fail_msg("case %zu, %s: format %u, %sacceptable", i, cases[i].lines[0],
				 format, acceptable ? "" : "not ");
	}
}

static void what_clients_really_send(void **state)
{
	static const struct accept_case cases[] = {
		/* Prometheus 2.42, without and with native histograms. */
		{ { OM ";version=1.0.0," OM ";version=0.0.1;q=0.75,"
		       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1" },
		  ACCEPT_OPENMETRICS },
		{ { PROTO ";encoding=delimited," OM ";version=1.0.0;q=0.8," OM
			  ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1" },
		  ACCEPT_PROTOBUF },
		/* 2.50: all that it knows is weighed by its place. */
		{ { PROTO ";encoding=delimited;q=0.5," OM ";version=1.0.0;q=0.4," OM
			  ";version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1" },
		  ACCEPT_PROTOBUF },
		/* 3.x, without and with native histograms, and 3.0's escaping of everything. */
		{ { OM ";version=1.0.0;escaping=allow-utf-8;q=0.6," OM ";version=0.0.1;q=0.5,"
		       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		       "text/plain;version=0.0.4;q=0.3,*/*;q=0.2" },
		  ACCEPT_OPENMETRICS },
		{ { PROTO ";encoding=delimited;q=0.6," OM
			  ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM ";version=0.0.1;q=0.4,"
			  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
			  "text/plain;version=0.0.4;q=0.2,*/*;q=0.1" },
		  ACCEPT_PROTOBUF },
		{ { PROTO ";encoding=delimited;escaping=allow-utf-8;q=0.5," OM
			  ";version=1.0.0;escaping=allow-utf-8;q=0.4,"
			  "text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1" },
		  ACCEPT_PROTOBUF },
		/* scrape_protocols: [PrometheusText1.0.0], or 0.0.4 before OpenMetrics. */
		{ { "text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5" },
		  ACCEPT_TEXT },
		{ { "text/plain;version=0.0.4;q=0.6," OM ";version=1.0.0;q=0.5,*/*;q=0.4" },
		  ACCEPT_TEXT },
		/* Others that scrape. */
		{ { OM "; version=1.0.0; charset=utf-8" }, ACCEPT_OPENMETRICS },
		{ { OM ";version=2.0.0," OM ";version=1.0.0;q=0.9" }, ACCEPT_OPENMETRICS },
		{ { PROTO ";encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3" },
		  ACCEPT_PROTOBUF },
		{ { "text/plain;version=0.0.4;q=1,*/*;q=0.1" }, ACCEPT_TEXT },
		/* curl, wget, requests; nobody at all. */
		{ { "*/*" }, ACCEPT_TEXT },
		{ { NULL }, ACCEPT_TEXT },
		{ { "" }, ACCEPT_TEXT },
		/* Firefox, Chromium, Java, axios. */
		{ { "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
		    "*/*;q=0.8" },
		  ACCEPT_TEXT },
		{ { "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
		    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7" },
		  ACCEPT_TEXT },
		{ { "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" }, ACCEPT_TEXT },
		{ { "text/html, *; q=.2," OM ";q=.1" }, ACCEPT_TEXT },
		{ { "application/json, text/plain, */*" }, ACCEPT_TEXT },
		{ { "application/json" }, NOTHING },
	};

	(void)state;
	check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

static void weights_decide(void **state)
{
	static const struct accept_case cases[] = {
		{ { OM ";q=0.5,text/plain;q=0.501" }, ACCEPT_TEXT },
		{ { OM ";q=0.501,text/plain;q=0.5" }, ACCEPT_OPENMETRICS },
		{ { OM ";q=0.01,text/plain;q=0.009" }, ACCEPT_OPENMETRICS },
		{ { OM ";q=0.999,text/plain;q=1.000" }, ACCEPT_TEXT },
		{ { OM ";q=0.99,text/plain;q=1." }, ACCEPT_TEXT },
		{ { OM ";q=0.,text/plain;q=0.001" }, ACCEPT_TEXT },
		{ { OM ";Q=0.1 , text/plain;\tq=0.2" }, ACCEPT_TEXT },
		/* Of equals protobuf, then OpenMetrics, then text. */
		{ { "text/plain," OM "," PROTO }, ACCEPT_PROTOBUF },
		{ { "text/plain;version=0.0.4;charset=utf-8," OM }, ACCEPT_OPENMETRICS },
		{ { OM ";version=1.0.0;charset=utf-8,application/vnd.google.protobuf" },
		  ACCEPT_PROTOBUF },
		/* Refused. */
		{ { PROTO ";q=0, */*" }, ACCEPT_TEXT },
		{ { "*/*," PROTO ";q=0.000, text/plain;q=0" }, ACCEPT_OPENMETRICS },
		{ { PROTO ";encoding=delimited;q=0," OM ";version=1.0.0" }, ACCEPT_OPENMETRICS },
		{ { "text/plain;q=0" }, NOTHING },
		{ { "*/*;q=0" }, NOTHING },
		{ { PROTO ";q=0," OM ";q=0" }, NOTHING },
		{ { "*/*;q=0," OM ";q=0.001" }, ACCEPT_OPENMETRICS },
		/* Said twice: the greater weight, wherever it stands. */
		{ { OM ";q=0.3," OM ";q=0.9,text/plain;q=0.5" }, ACCEPT_OPENMETRICS },
		{ { OM ";q=0.9," OM ";q=0.3,text/plain;q=0.5" }, ACCEPT_OPENMETRICS },
		/* Several lines are one. */
		{ { OM ";q=0.5", "text/plain;q=0.7", PROTO ";q=0.6" }, ACCEPT_TEXT },
		{ { "*/*;q=0.1", "", OM ";q=0.5", "text/html" }, ACCEPT_OPENMETRICS },
	};

	(void)state;
	check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

static void the_most_specific_range_counts(void **state)
{
	static const struct accept_case cases[] = {
		{ { "text/*" }, ACCEPT_TEXT },
		{ { "application/*" }, ACCEPT_OPENMETRICS },
		{ { "TEXT/*;q=0.2, application/*;q=0.3" }, ACCEPT_OPENMETRICS },
		{ { "image/*" }, NOTHING },
		{ { "*/plain, text*/plain, te/*, text/pl*, **/*" }, NOTHING },
		/* A narrow range counts even if it has less weight. */
		{ { OM ";q=0.2, application/*;q=0.9, text/*;q=0.3, */*," PROTO ";q=0" },
		  ACCEPT_TEXT },
		{ { "application/*;q=0.2, text/*;q=0.1, */*" }, ACCEPT_OPENMETRICS },
		{ { "application/*;q=0,"
		    "*/*;q=0.1" },
		  ACCEPT_TEXT },
		{ { "text/plain;q=0.5, text/plain;version=0.0.4;q=0.1," OM ";q=0.3" },
		  ACCEPT_OPENMETRICS },
		{ { "text/plain;version=0.0.4;q=0.5," OM ";q=0.8," OM ";version=1.0.0;q=0.2" },
		  ACCEPT_TEXT },
		/* No number of parameters makes up for a name. */
		{ { "*/*;version=1.0.0;charset=utf-8;escaping=dots, application/*;q=0.5, "
		    "text/*;q=0.6" },
		  ACCEPT_TEXT },
		/* Of equal weight: what is named, then what a type allows, then all. */
		{ { "text/plain, */*" }, ACCEPT_TEXT },
		{ { OM ", */*" }, ACCEPT_OPENMETRICS },
		{ { "application/*, */*" }, ACCEPT_OPENMETRICS },
		{ { "application/*, text/plain" }, ACCEPT_TEXT },
		{ { PROTO ", text/*, */*" }, ACCEPT_PROTOBUF },
		/* Parameters that we don't know: RFC 9110's own example gives text 0.7. */
		{ { "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "
		    "text/plain;format=fixed;q=0.4, */*;q=0.5," OM ";q=0.8" },
		  ACCEPT_OPENMETRICS },
		{ { "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, "
		    "text/plain;format=fixed;q=0.4, */*;q=0.5," OM ";q=0.6" },
		  ACCEPT_TEXT },
		{ { OM ";version=1.0.0;novelty=1, */*;q=0.5" }, ACCEPT_OPENMETRICS },
		{ { "text/plain;format=flowed;q=0, */*;q=0.5" }, ACCEPT_TEXT },
		{ { "text/plain;format=flowed;q=0" }, NOTHING },
	};

	(void)state;
	check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

static void parameters_in_any_order_and_case(void **state)
{
	static const struct accept_case cases[] = {
		{ { "APPLICATION/OpenMetrics-Text;VERSION=1.0.0;Q=0.9,text/plain;q=0.1" },
		  ACCEPT_OPENMETRICS },
		{ { OM ";q=0.9;version=1.0.0,text/plain;q=0.5" }, ACCEPT_OPENMETRICS },
		{ { OM ";q=0.9;version=0.0.1,text/plain;q=0.5" }, ACCEPT_TEXT },
		{ { OM ";charset=UTF-8;version=1.0.0,text/plain" }, ACCEPT_OPENMETRICS },
		{ { "application/vnd.google.protobuf;encoding=delimited;"
		    "PROTO=io.prometheus.client.MetricFamily,text/plain" },
		  ACCEPT_PROTOBUF },
		{ { PROTO ";encoding=text," OM ";q=0.1" }, ACCEPT_OPENMETRICS },
		{ { "application/vnd.google.protobuf;proto=another.Family," OM ";q=0.1" },
		  ACCEPT_OPENMETRICS },
		{ { "application/vnd.google.protobuf;proto=io.prometheus.client.Metric," OM },
		  ACCEPT_OPENMETRICS },
		{ { OM ";version=1.0.00,text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { OM ";version=0.0.1" }, NOTHING },
		{ { "text/plain;version=1.0.0" }, NOTHING },
		{ { "text/plain;version=1.0.0," OM ";q=0.1" }, ACCEPT_OPENMETRICS },
		{ { "text/plain;charset=us-ascii," OM ";q=0.1" }, ACCEPT_OPENMETRICS },
		{ { OM ";escaping=values;version=1.0.0" }, ACCEPT_OPENMETRICS },
		/* One value that suits does not heal another. */
		{ { OM ";version=1.0.0;version=0.0.1,text/plain;q=0.1" }, ACCEPT_TEXT },
		/* Spaces, empty parameters, empty elements. */
		{ { " ,, \t" OM " ;\t version=1.0.0 ; q=0.9 , ,text/plain;q=0.5, " },
		  ACCEPT_OPENMETRICS },
		{ { OM ";;version=1.0.0; ;q=0.9;,text/plain;q=0.5;;" }, ACCEPT_OPENMETRICS },
		/* Quoted values. */
		{ { OM ";version=\"1.0.0\",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
		{ { OM ";version=\"\\1.\\0.0\",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
		{ { OM ";charset=\"UTF-8\",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
		{ { OM ";version=\"1.0\",text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { OM ";version=\"1.0.0 \",text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { OM ";version=\"\",text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { "text/html;a=\", " OM ",\",text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { "text/html;a=\"\\\", " OM ",\",text/plain;q=0.1" }, ACCEPT_TEXT },
		{ { "text/html;a=\"\\\\\", " OM ",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
		/* A quote that stands where no value begins is none. */
		{ { "a\", " OM ", b\",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
		{ { OM ";b=\";version=0;q=0\",text/plain;q=0.1" }, ACCEPT_OPENMETRICS },
	};

	(void)state;
	check_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Each is put before, between and after two good elements of which OpenMetrics must win; were it
 * read, or did it reach into its neighbours, something else would. */
static void garbage_spoils_only_itself(void **state)
{
	static const char *const garbage[] = {
		"text/plain;q=1.001",
		"text/plain;q=2",
		"text/plain;q=0.9999",
		"text/plain;q=",
		"text/plain;q=.",
		"text/plain;q=-1",
		"text/plain;q=1;0",
		"text/plain;q=1e0",
		"text/plain;q=0x1",
		"text/plain;q=0.0a",
		"text/plain;q=\"1\"",
		"text/plain;q =1",
		"text/plain;q= 1",
		"text/plain;q",
		"text/plain;q=1 1",
		"text/plain;q=01",
		"text/plain q=1",
		"text/plain=1",
		"text /plain",
		"text/ plain",
		"text/",
		"/plain",
		"/",
		"text",
		"text/plain/",
		"text//plain",
		"text/plain;a",
		"text/plain;=1",
		"text/plain;a=b=c",
		"text/plain;a=\"b",
		"text/plain;a=\"b\\",
		"text/plain;a=\"b\"c",
		"text/plain;a=\"\x01\"",
		"text/plain;a=\"\x7f\"",
		"text/plain;version:0.0.4",
		"text/plain\x7f",
		"text/plain\xc3\xa4",
		"(text/plain)",
		"text/plain;a=(b)",
		"\"text/plain\"",
		"\"",
		"a\"",
		"=",
		";",
		";q=1",
		"text/plain;\"a\"=b",
		"text/plain;a=\"b\\\"",
	};
	static const char *const good[] = { OM ";q=0.3", "text/plain;q=0.2" };

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		char lines[4][256];
		const char *several[] = { good[1], garbage[i], good[0] };
		struct accept accept = { 0 };
		bool acceptable;

		snprintf(lines[0], sizeof(lines[0]), "%s,%s,%s", garbage[i], good[0], good[1]);
		snprintf(lines[1], sizeof(lines[1]), "%s,%s,%s", good[0], garbage[i], good[1]);
		snprintf(lines[2], sizeof(lines[2]), "%s,%s,%s", good[1], garbage[i], good[0]);
		snprintf(lines[3], sizeof(lines[3]), "%s , %s , %s ", good[1], good[0], garbage[i]);
		for (unsigned int j = 0; j < 4; j++) {
			const char *line = lines[j];

			if (choose(&line, 1, &acceptable) != ACCEPT_OPENMETRICS)
				fail_msg("%s", line);
		}
		assert_int_equal(choose(several, 3, &acceptable), ACCEPT_OPENMETRICS);
		/* Who says nothing but garbage has said nothing. */
		accept_add(&accept, garbage[i]);
		if (accept.said)
			fail_msg("%s", garbage[i]);
		assert_int_equal(accept_choose(&accept, &acceptable), ACCEPT_TEXT);
		assert_true(acceptable);
	}
}

static void gzip_when_asked_for(void **state)
{
	static const struct {
		const char *lines[LINES];
		bool gzip;
	} cases[] = {
		{ { NULL }, false },
		{ { "" }, false },
		{ { "gzip" }, true },
		{ { "GZip" }, true },
		{ { "x-gzip" }, true },
		{ { "identity" }, false },
		{ { "deflate, gzip, br, zstd" }, true },
		{ { "gzip, deflate, br" }, true },
		{ { "br, deflate" }, false },
		{ { "gzip;q=0" }, false },
		{ { "gzip;q=0.000, *" }, false },
		{ { "gzip;q=0.001" }, true },
		{ { "gzip;q=1.0, identity; q=0.5, *;q=0" }, true },
		{ { "gzip;q=0.2, identity;q=0.5" }, false },
		{ { "gzip;q=0.5, identity;q=0.5" }, true },
		{ { "identity;q=0.5", "gzip;q=0.4" }, false },
		{ { "identity;q=0.5", "gzip;q=0.6" }, true },
		{ { "*" }, true },
		{ { "*;q=0" }, false },
		{ { "*;q=0.5, identity;q=0.6" }, false },
		{ { "identity;q=0, *;q=0.1" }, true },
		{ { "identity;q=0" }, false },
		/* `*` is all that is not named, the body as it is as well. */
		{ { "gzip;q=0.5, *;q=0.8" }, false },
		{ { "gzip;q=0.5, *;q=0.8, identity;q=0.1" }, true },
		{ { "br;q=1.0, gzip;q=0.8, *;q=0.1" }, true },
		{ { "gzip;q=0.2, identity;q=0.5, x-gzip;q=0.7" }, true },
		{ { "gzip;q=0.7, identity;q=0.5, gzip;q=0.2" }, true },
		/* Garbage. */
		{ { "gzip;q=2" }, false },
		{ { "gzip;q=x, deflate" }, false },
		{ { "=, gzip/, gzip;q=0.5, identity;q=" }, true },
		{ { "gzip/*, */gzip, gz" }, false },
		{ { "gzipp, zgzip" }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accept_encoding accept = { 0 };

		for (size_t j = 0; j < LINES && cases[i].lines[j]; j++)
			accept_encoding_add(&accept, cases[i].lines[j]);
		if (accept_encoding_gzip(&accept) != cases[i].gzip)
			fail_msg("case %zu, %s", i, cases[i].lines[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_clients_really_send),
		cmocka_unit_test(weights_decide),
		cmocka_unit_test(the_most_specific_range_counts),
		cmocka_unit_test(parameters_in_any_order_and_case),
		cmocka_unit_test(garbage_spoils_only_itself),
		cmocka_unit_test(gzip_when_asked_for),
	};

	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
