/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over loopback, pumped by the test itself: what is answered to what. Needs no
 * root. */
#include "edge/http_client.h"

static void metrics_are_streamed(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);

	(void)state;
	assert_int_equal(reply.status, 200);
	assert_true(reply.chunked && reply.complete);
	assert_non_null(strstr(reply.text,
			       "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(reply.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
	check_pattern(&reply);
	reply = ask(http, "GET /metrics?collect=x HTTP/1.0\r\n\r\n");
	assert_int_equal(reply.status, 200);
	assert_false(reply.chunked);
	check_pattern(&reply);
	assert_int_equal(source.scrapes, 2);
	reply = ask(http, "HEAD /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body_length, 0);
	assert_int_equal(source.scrapes, 2);
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
		{ "GET / HTTP/1.1\r\n" CLOSE, 200, "/-/ready" },
		{ "GET /-/healthy HTTP/1.1\r\n" CLOSE, 200, "healthy\n" },
		{ "GET /-/ready HTTP/1.1\r\n" CLOSE, 200, "ready\n" },
		{ "HEAD /-/ready HTTP/1.1\r\n" CLOSE, 200, "Content-Length: 6\r\n" },
		{ "GET /metrics/ HTTP/1.1\r\n" CLOSE, 404, "nosniff" },
		{ "GET //metrics HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "GET /-/../metrics HTTP/1.1\r\n" CLOSE, 404, "not found\n" },
		{ "POST / HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE "abc", 405,
		  "Allow: GET, HEAD\r\n" },
		{ "POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE, 405,
		  "Allow: GET, HEAD\r\n" },
		{ "DELETE /-/healthy HTTP/1.1\r\n" CLOSE, 405, "Allow: GET, HEAD\r\n" },
		{ "GET / HTTP/1.1\r\nContent-Length: 3\r\n" CLOSE "abc", 200, "/-/ready" },
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

static void addresses_to_listen_on(void **state)
{
	struct source source;
	struct http *http = open_server("", &source);
	const struct http_content content = { .ctx = &source };
	struct http *other = NULL;
	struct reply reply;

	(void)state;
	reply = ask(http, "GET / HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	assert_int_equal(http_open("", http_port(http), &content, &other), -EADDRINUSE);
	assert_int_equal(http_open("127.0.0.1", http_port(http), &content, &other), -EADDRINUSE);
	assert_int_equal(http_open("localhost", 0, &content, &other), -EINVAL);
	assert_int_equal(http_open("192.0.2.1", 0, &content, &other), -EADDRNOTAVAIL);
	assert_null(other);
	http_close(http);
	http_close(NULL);
	http = open_server("::", &source); /* both families too */
	reply = ask(http, "GET / HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_streamed),
		cmocka_unit_test(an_empty_scrape_is_complete),
		cmocka_unit_test(paths_methods_and_bad_requests),
		cmocka_unit_test(states_are_told),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(addresses_to_listen_on),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
