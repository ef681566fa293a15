/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over loopback, pumped by the test itself: what is answered to what. Needs no
 * root. */
#include "edge/http_client.h"

#include <arpa/inet.h>

static void metrics_are_streamed(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);

	(void)state;
	assert_int_equal(reply.status, 200);
	assert_true(reply.chunked && reply.complete);
	assert_non_null(strstr(reply.text, "\r\nContent-Type: text/of-metrics\r\n"));
	assert_non_null(strstr(reply.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
	check_pattern(&reply);
	reply = ask(http, "GET /metrics?collect=x HTTP/1.0\r\n\r\n");
	assert_int_equal(reply.status, 200);
	assert_false(reply.chunked);
	check_pattern(&reply);
	assert_int_equal(source.scrapes, 2);
	assert_int_equal(source.sent, 2);
	assert_int_equal(source.whole, 2);
	assert_int_equal(source.sent_bytes, BODY_LENGTH);
	http_close(http);
}

/* As to GET, but for the body and what only the body tells. */
static void heads_have_no_body(void **state)
{
	static const char *const paths[] = { "/metrics", "/", "/api/v1/peers" };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(paths); i++) {
		char request[128];
		struct reply reply;

		snprintf(request, sizeof(request),
			 "HEAD %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n", paths[i]);
		reply = ask(http, request);
		assert_int_equal(reply.status, 200);
		assert_string_equal(strstr(reply.text, "\r\n\r\n"), "\r\n\r\n");
		assert_null(strcasestr(reply.text, "Content-Length:"));
		assert_non_null(strstr(reply.text, "\r\nContent-Type: "));
		assert_non_null(strstr(reply.text, "\r\nContent-Encoding: gzip\r\n"));
		assert_non_null(strstr(reply.text, "\r\nVary: Accept, Accept-Encoding\r\n"));
		assert_non_null(strstr(reply.text, "\r\nCache-Control: no-store\r\n"));
	}
	assert_int_equal(source.scrapes, 0);
	assert_int_equal(source.sent, 0);
	http_close(http);
}

static void an_empty_scrape_is_complete(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply;

	(void)state;
	source.body_length = 0;
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	assert_true(reply.complete);
	assert_int_equal(reply.body_length, 0);
	http_close(http);
}

static void paths_methods_and_bad_requests(void **state)
{
	static const struct {
		const char *request;
		int status;
		const char *expected; /* part of the reply */
	} cases[] = {
		{ "HEAD / HTTP/1.1\r\n" CLOSE, 200, "Content-Security-Policy: " POLICY "\r\n" },
		{ "GET /-/healthy HTTP/1.1\r\n" CLOSE, 200, "healthy\n" },
		{ "GET /-/ready HTTP/1.1\r\n" CLOSE, 200, "ready\n" },
		{ "HEAD /-/ready HTTP/1.1\r\n" CLOSE, 200, "Content-Length: 6\r\n" },
		{ "GET /metrics/ HTTP/1.1\r\n" CLOSE, 404, "nosniff" },
		{ "GET //metrics HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "GET /-/../metrics HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "GET http://host/-/healthy HTTP/1.1\r\n" CLOSE, 200, "healthy\n" },
		{ "GET HTTP://host:10862/nothing HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "HEAD http://host HTTP/1.1\r\n" CLOSE, 200, "Content-Security-Policy: " },
		{ "POST http://host/metrics HTTP/1.1\r\n" CLOSE, 405, "Allow: GET, HEAD\r\n" },
		{ "GET /-/%68ealthy HTTP/1.1\r\n" CLOSE, 200, "healthy\n" },
		{ "GET /-/healthy%00 HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "GET /-/healthy%00x HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "POST / HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE "abc", 405,
		  "Allow: GET, HEAD\r\n" },
		{ "POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE, 405,
		  "Allow: GET, HEAD\r\n" },
		{ "DELETE /-/healthy HTTP/1.1\r\n" CLOSE, 405, "Allow: GET, HEAD\r\n" },
		{ "GET /-/ready HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE "abc", 200, "ready\n" },
		{ "GET /-/ready HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE
		  "3\r\nabc\r\n0\r\n\r\n",
		  200, "ready\n" },
		{ "GET /-/ready HTTP/1.1\r\nContent-Length: 8193\r\n" CLOSE, 413,
		  "content too large\n" },
		{ "OPTIONS * HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "get /metrics HTTP/1.1\r\n" CLOSE, 405, "Allow: GET, HEAD\r\n" },
		{ "GET /metrics HTTP/1.1\r\n\r\n", 400, "HTTP/1.1 400" }, /* no Host */
	};
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct reply reply = ask(http, cases[i].request);

		if (reply.status != cases[i].status || !strstr(reply.text, cases[i].expected))
			fail_msg("case %zu: %.300s", i, reply.text);
	}
	assert_int_equal(source.scrapes, 0);
	http_close(http);
}

static void states_are_told(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply;

	(void)state;
	source.ready = false;
	source.healthy = false;
	reply = ask(http, "GET /-/ready HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 503);
	assert_string_equal(reply.body, "interface eth0: not attached\n");
	reply = ask(http, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 503);
	http_close(http);
}

static void connections_are_kept(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fd = client_connect(http);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct reply reply;

		client_send(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
		reply = client_read_reply(http, fd, 5000);
		assert_int_equal(reply.status, 200);
		check_pattern(&reply);
	}
	close(fd);
	http_close(http);
}

static void garbage_is_survived(void **state)
{
	unsigned int seed = (unsigned int)getpid();
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply;

	(void)state;
	print_message("seed %u\n", seed);
	for (int round = 0; round < 200; round++) {
		int fd = client_connect(http);
		char garbage[256];

		for (size_t i = 0; i < sizeof(garbage) - 1; i++)
			garbage[i] = (char)(1 + rand_r(&seed) % 255);
		garbage[sizeof(garbage) - 1] = '\0';
		if (round % 2)
			memcpy(garbage, "GET /metrics HTTP/1.1\r\n", 23);
		client_send(fd, garbage);
		client_pump(http, 1);
		close(fd);
	}
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	http_close(http);
}

static void check_refused(struct http *http, const char *host, uint16_t port, int expected)
{
	struct source source;
	const struct http_content content = content_of(&source);
	struct http_address addresses[] = { { .host = "127.0.0.1" }, { .port = port } };
	struct http *other = NULL;
	uint32_t failed = UINT32_MAX;

	(void)http;
	snprintf(addresses[1].host, sizeof(addresses[1].host), "%s", host);
	assert_int_equal(http_open(addresses, 2, &content, &other, &failed), expected);
	assert_null(other);
	assert_int_equal(failed, 1);
}

static void addresses_to_listen_on(void **state)
{
	struct source source;
	struct http *http = open_server("", &source);
	struct reply reply;

	(void)state;
	reply = ask(http, "GET /-/ready HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	check_refused(http, "", http_port(http, 0), -EADDRINUSE);
	check_refused(http, "127.0.0.1", http_port(http, 0), -EADDRINUSE);
	check_refused(http, "localhost", 0, -EINVAL);
	check_refused(http, "192.0.2.1", 0, -EADDRNOTAVAIL);
	http_close(http);
	http_close(NULL);
	http = open_server("::", &source); /* both families too */
	reply = ask(http, "GET /-/ready HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	http_close(http);
}

static int connect_to(int family, const char *host, uint16_t port)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (family == AF_INET) {
		assert_int_equal(inet_pton(family, host, &four.sin_addr), 1);
		assert_int_equal(connect(fd, (struct sockaddr *)&four, sizeof(four)), 0);
	} else {
		assert_int_equal(inet_pton(family, host, &six.sin6_addr), 1);
		assert_int_equal(connect(fd, (struct sockaddr *)&six, sizeof(six)), 0);
	}
	return fd;
}

static void several_addresses_at_once(void **state)
{
	static const struct http_address addresses[HTTP_LISTEN] = {
		{ .host = "127.0.0.1" }, { .host = "::1" }, { .host = "127.0.0.2" }, { .host = "" }
	};
	static const struct {
		int family;
		const char *host;
		uint32_t which;
	} cases[] = { { AF_INET, "127.0.0.1", 0 },
		      { AF_INET6, "::1", 1 },
		      { AF_INET, "127.0.0.2", 2 },
		      { AF_INET, "127.0.0.3", 3 },
		      { AF_INET6, "::1", 3 } };
	struct source source;
	const struct http_content content = content_of(&source);
	struct http *http = NULL;
	uint32_t failed = 0;

	(void)state;
	assert_int_equal(http_open(addresses, 0, &content, &http, &failed), -EINVAL);
	assert_int_equal(http_open(addresses, HTTP_LISTEN + 1, &content, &http, &failed), -EINVAL);
	assert_int_equal(http_open(addresses, HTTP_LISTEN, &content, &http, &failed), 0);
	for (uint32_t i = 1; i < HTTP_LISTEN; i++)
		assert_int_not_equal(http_port(http, i), http_port(http, 0));
	for (size_t i = 0; i < LENGTH(cases); i++) {
		int fd = connect_to(cases[i].family, cases[i].host,
				    http_port(http, cases[i].which));
		struct reply reply;

		client_send(fd, "GET /metrics HTTP/1.1\r\n" CLOSE);
		reply = client_read_reply(http, fd, 5000);
		assert_int_equal(reply.status, 200);
		check_pattern(&reply);
		close(fd);
	}
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_streamed),
		cmocka_unit_test(heads_have_no_body),
		cmocka_unit_test(an_empty_scrape_is_complete),
		cmocka_unit_test(paths_methods_and_bad_requests),
		cmocka_unit_test(states_are_told),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(addresses_to_listen_on),
		cmocka_unit_test(several_addresses_at_once),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
