/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over loopback: which of its forms a document comes in. Needs no root. */
#include "edge/http_client.h"

#define METRICS "/metrics"
#define PAGE	"/"
#define PEERS	"/api/v1/peers"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0"
#define PROTOBUF                                                                            \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=" \
	"delimited"

/* As Prometheus 2.42 asks with native histograms, and without. */
#define ACCEPT_NATIVE                                                                       \
	"Accept: " PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,"            \
	"application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5," \
	"*/*;q=0.1\r\n"
#define ACCEPT_CLASSIC                                                 \
	"Accept: application/openmetrics-text;version=1.0.0,"          \
	"application/openmetrics-text;version=0.0.1;q=0.75,text/plain" \
	";version=0.0.4;q=0.5,*/*;q=0.1\r\n"
#define ACCEPT_BROWSER                                                   \
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9," \
	"image/avif,image/webp,*/*;q=0.8\r\n"

static void formats_are_chosen(void **state)
{
	static const struct {
		const char *path;
		const char *headers;
		int status;
		const char *type;
	} cases[] = {
		{ METRICS, "", 200, "text/of-metrics" },
		{ METRICS, "Accept: */*\r\n", 200, "text/of-metrics" },
		{ METRICS, ACCEPT_NATIVE, 200, "proto/buf" },
		{ METRICS, ACCEPT_CLASSIC, 200, "open/metrics" },
		{ METRICS, ACCEPT_BROWSER, 200, "text/of-metrics" },
		{ METRICS, "Accept: text/plain;q=0.9\r\nAccept: " OPENMETRICS "\r\n", 200,
		  "open/metrics" },
		{ METRICS, "Accept: " OPENMETRICS ";q=0.1\r\naccept: text/plain\r\n", 200,
		  "text/of-metrics" },
		{ METRICS, "ACCEPT: " PROTOBUF ";q=0.9\r\nX: y\r\nAccept: text/plain;q=0.8\r\n",
		  200, "proto/buf" },
		/* the last resort */
		{ METRICS, "Accept: image/png\r\n", 200, "text/of-metrics" },
		{ METRICS, "Accept: ,;=\"\r\n", 200, "text/of-metrics" },
		{ METRICS, "Accept:\r\n", 200, "text/of-metrics" },
		{ PAGE, "", 200, "text/html; charset=utf-8" },
		{ PAGE, ACCEPT_BROWSER, 200, "text/html; charset=utf-8" },
		{ PAGE, "Accept: text/*;q=0.1\r\n", 200, "text/html; charset=utf-8" },
		{ PAGE, "Accept: application/json\r\n", 406, "text/plain; charset=utf-8" },
		{ PAGE, "Accept: */*, text/html;q=0\r\n", 406, "text/plain; charset=utf-8" },
		{ PEERS, "Accept: application/json\r\n", 200, "application/json" },
		{ PEERS, "Accept: application/json; charset=utf-8\r\n", 200, "application/json" },
		{ PEERS, "Accept: application/*\r\n", 200, "application/json" },
		{ PEERS, ACCEPT_BROWSER, 200, "application/json" },
		{ PEERS, "Accept: text/html\r\n", 406, "text/plain; charset=utf-8" },
		{ PEERS, "Accept: text/html\r\nAccept: */*;q=0.01\r\n", 200, "application/json" },
		{ "/-/ready", "Accept: text/html\r\n", 200, "text/plain; charset=utf-8" },
	};
	static const char *const methods[] = { "GET", "HEAD" };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(cases) * LENGTH(methods); i++) {
		size_t row = i / LENGTH(methods);
		char request[1024];
		char expected[128];
		struct reply reply;

		snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%s" CLOSE,
			 methods[i % LENGTH(methods)], cases[row].path, cases[row].headers);
		snprintf(expected, sizeof(expected), "\r\nContent-Type: %s\r\n", cases[row].type);
		reply = ask(http, request);
		if (reply.status != cases[row].status || !strstr(reply.text, expected))
			fail_msg("case %zu: %.400s", row, reply.text);
		if (reply.status == 406)
			assert_non_null(strstr(reply.text, "\r\nVary: Accept\r\n"));
	}
	http_close(http);
}

static void documents_are_told_their_format(void **state)
{
	static const struct {
		const char *headers;
		enum accept_format format;
	} cases[] = { { "", ACCEPT_TEXT },
		      { ACCEPT_NATIVE, ACCEPT_PROTOBUF },
		      { ACCEPT_CLASSIC, ACCEPT_OPENMETRICS } };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char request[1024];

		source.format = ACCEPT_TYPES;
		snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\n%s" CLOSE,
			 cases[i].headers);
		(void)ask(http, request);
		assert_int_equal(source.format, cases[i].format);
	}
	http_close(http);
}

static void gzip_is_the_same_document(void **state)
{
	static const char *const paths[] = { METRICS, PAGE, PEERS };
	static const size_t lengths[] = { BODY_LENGTH, 0, 1, HTTP_BLOCK_BYTES,
					  HTTP_BLOCK_BYTES + 1 };
	static const char *const ends[] = { " HTTP/1.1\r\n", " HTTP/1.0\r\n" };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(paths) * LENGTH(lengths) * LENGTH(ends); i++) {
		char request[256];
		struct reply reply;
		size_t packed_length;

		source.body_length = lengths[i / LENGTH(paths) / LENGTH(ends)];
		snprintf(request, sizeof(request), "GET %s%sAccept-Encoding: gzip\r\n" CLOSE,
			 paths[i % LENGTH(paths)], ends[i / LENGTH(paths) % LENGTH(ends)]);
		reply = ask(http, request);
		assert_int_equal(reply.status, 200);
		assert_true(reply.complete);
		assert_non_null(strstr(reply.text, "\r\nContent-Encoding: gzip\r\n"));
		assert_non_null(strstr(reply.text, "\r\nVary: Accept, Accept-Encoding\r\n"));
		packed_length = reply.body_length;
		assert_int_equal(source.sent_bytes, packed_length);
		assert_int_equal(unpack(&reply), source.body_length);
		for (size_t at = 0; at < source.body_length; at++)
			assert_int_equal(reply.body[at], pattern(at));
		if (source.body_length == BODY_LENGTH)
			assert_true(packed_length < BODY_LENGTH / 20);
	}
	assert_int_equal(source.sent, source.whole);
	http_close(http);
}

/* What compresses well is many blocks before it is a piece. libmicrohttpd asks twice in some turns.
 */
static void others_have_their_turn_between_blocks(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	unsigned int before = client_turns;
	struct reply reply = ask(http, "GET /metrics HTTP/1.1\r\nAccept-Encoding: gzip\r\n" CLOSE);

	(void)state;
	assert_int_equal(reply.status, 200);
	assert_true(client_turns - before >= BODY_LENGTH / HTTP_BLOCK_BYTES / 2);
	http_close(http);
}

static void codings_are_chosen(void **state)
{
	static const struct {
		const char *headers;
		bool gzip;
	} cases[] = {
		{ "", false },
		{ "Accept-Encoding: gzip\r\n", true },
		{ "Accept-Encoding: x-gzip\r\n", true },
		{ "Accept-Encoding: gzip, deflate, br, zstd\r\n", true },
		{ "Accept-Encoding: br\r\nAccept-Encoding: gzip;q=0.5\r\n", true },
		{ "Accept-Encoding: *\r\n", true },
		{ "Accept-Encoding: gzip;q=0\r\n", false },
		{ "Accept-Encoding: *, gzip;q=0\r\n", false },
		{ "Accept-Encoding: gzip;q=0.2, identity;q=0.5\r\n", false },
		{ "Accept-Encoding: identity\r\n", false },
		{ "Accept-Encoding:\r\n", false },
		{ "Accept: gzip\r\n", false },
		/* nothing that we have: the plain one is better than none */
		{ "Accept-Encoding: identity;q=0\r\n", false },
	};
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char request[256];
		struct reply reply;
		bool told;

		snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\n%s" CLOSE,
			 cases[i].headers);
		reply = ask(http, request);
		told = strstr(reply.text, "\r\nContent-Encoding: gzip\r\n") != NULL;
		if (reply.status != 200 || told != cases[i].gzip)
			fail_msg("case %zu: %.300s", i, reply.text);
		if (told)
			assert_int_equal(unpack(&reply), BODY_LENGTH);
		else
			check_pattern(&reply);
	}
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_chosen),
		cmocka_unit_test(documents_are_told_their_format),
		cmocka_unit_test(gzip_is_the_same_document),
		cmocka_unit_test(others_have_their_turn_between_blocks),
		cmocka_unit_test(codings_are_chosen),
	};

	return cmocka_run_group_tests_name("http_negotiation", tests, NULL, NULL);
}
