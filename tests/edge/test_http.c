/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over loopback, pumped by the test itself: one thread, as in the agent. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "edge/http_client.h"
#include "http.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define BODY_LENGTH   (300 * 1024)
#define ENDLESS	      SIZE_MAX

/* What is served: a pattern of any length. */
struct source {
	size_t body_length;
	size_t position[HTTP_SCRAPES];
	unsigned int scrapes;
	bool healthy;
	bool ready;
};

static char pattern(size_t position)
{
	return (char)('a' + position * 7 % 25);
}

static void metrics_begin(void *ctx, unsigned int scrape)
{
	struct source *source = ctx;

	assert_true(scrape < HTTP_SCRAPES);
	source->position[scrape] = 0;
	source->scrapes++;
}

static size_t metrics_read(void *ctx, unsigned int scrape, char *block, size_t capacity)
{
	struct source *source = ctx;
	size_t *position = &source->position[scrape];
	size_t length = 0;

	assert_int_equal(capacity, HTTP_BLOCK_BYTES);
	/* As whole rows do, blocks end short of their capacity by something else each time. */
	while (length < capacity - *position % 97 && *position < source->body_length)
		block[length++] = pattern((*position)++);
	return length;
}

static bool healthy(void *ctx)
{
	return ((struct source *)ctx)->healthy;
}

static bool ready(void *ctx, char *ret_reason, size_t capacity)
{
	if (!((struct source *)ctx)->ready)
		snprintf(ret_reason, capacity, "interface eth0: not attached");
	return ((struct source *)ctx)->ready;
}

static struct http *open_server(const char *host, struct source *source)
{
	const struct http_content content = { .ctx = source,
					      .metrics_begin = metrics_begin,
					      .metrics_read = metrics_read,
					      .healthy = healthy,
					      .ready = ready };
	struct http *http;

	*source = (struct source){ .body_length = BODY_LENGTH, .healthy = true, .ready = true };
	assert_int_equal(http_open(host, 0, &content, &http), 0);
	assert_true(http_port(http) > 0);
	return http;
}

static struct reply ask(struct http *http, const char *request)
{
	int fd = client_connect(http);
	struct reply reply;

	client_send(fd, request);
	reply = client_read_reply(http, fd, 5000);
	close(fd);
	return reply;
}

static void check_pattern(const struct reply *reply)
{
	assert_int_equal(reply->body_length, BODY_LENGTH);
	for (size_t i = 0; i < BODY_LENGTH; i++)
		assert_int_equal(reply->body[i], pattern(i));
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

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
	reply_close(&reply);
	reply = ask(http, "GET /metrics?collect=x HTTP/1.0\r\n\r\n");
	assert_int_equal(reply.status, 200);
	assert_false(reply.chunked);
	check_pattern(&reply);
	reply_close(&reply);
	assert_int_equal(source.scrapes, 2);
	reply = ask(http, "HEAD /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	assert_int_equal(reply.body_length, 0);
	assert_int_equal(source.scrapes, 2);
	reply_close(&reply);
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
	reply_close(&reply);
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
		reply_close(&reply);
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
	reply_close(&reply);
	reply = ask(http, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 503);
	reply_close(&reply);
	http_close(http);
}

static void requests_are_bounded(void **state)
{
	static const char *const starts[] = { "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ", "GET /" };
	static const char *const ends[] = { "\r\n\r\n", " HTTP/1.1\r\n" CLOSE };
	static char filler[64 * 1024];
	static char request[sizeof(filler) + 128];
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	for (size_t i = 0; i < LENGTH(starts); i++) {
		struct reply reply;

		snprintf(request, sizeof(request), "%s%s%s", starts[i], filler, ends[i]);
		reply = ask(http, request);
		assert_true(reply.status == 431 || (i == 1 && reply.status == 414));
		reply_close(&reply);
	}
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
		reply_close(&reply);
	}
	close(fd);
	http_close(http);
}

/* Begins a scrape that never ends, and reads nothing of it. */
static int begin_scrape(struct http *http)
{
	int fd = client_connect(http);

	client_send(fd, "GET /metrics HTTP/1.1\r\n" CLOSE);
	client_pump(http, 30);
	return fd;
}

static void scrapes_are_bounded(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply;
	int fds[HTTP_SCRAPES];

	(void)state;
	source.body_length = ENDLESS;
	for (int i = 0; i < HTTP_SCRAPES; i++)
		fds[i] = begin_scrape(http);
	assert_int_equal(source.scrapes, HTTP_SCRAPES);
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.text, "Retry-After: 1\r\n"));
	reply_close(&reply);
	reply = ask(http, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	reply_close(&reply);
	close(fds[1]);
	client_pump(http, 100);
	source.body_length = BODY_LENGTH;
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	check_pattern(&reply);
	reply_close(&reply);
	for (int i = 0; i < HTTP_SCRAPES; i++) {
		if (i != 1)
			close(fds[i]);
	}
	http_close(http);
}

static void aborted_scrapes_are_forgotten(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	struct reply reply;

	(void)state;
	source.body_length = ENDLESS;
	for (int i = 0; i < 5 * HTTP_SCRAPES; i++) {
		int fd = begin_scrape(http);

		if (i % 2)
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		close(fd);
		client_pump(http, 50);
	}
	assert_int_equal(source.scrapes, 5 * HTTP_SCRAPES);
	source.body_length = BODY_LENGTH;
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	reply_close(&reply);
	http_close(http);
}

static void others_are_served_once_connections_are_free(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fds[HTTP_CONNECTIONS];
	int waiting;
	struct reply reply;

	(void)state;
	for (int i = 0; i < HTTP_CONNECTIONS; i++)
		fds[i] = client_connect(http);
	client_pump(http, 50);
	waiting = client_connect(http);
	client_send(waiting, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	reply = client_read_reply(http, waiting, 200);
	assert_int_equal(reply.status, 0);
	reply_close(&reply);
	close(fds[0]);
	reply = client_read_reply(http, waiting, 2000);
	assert_int_equal(reply.status, 200);
	reply_close(&reply);
	close(waiting);
	for (int i = 1; i < HTTP_CONNECTIONS; i++)
		close(fds[i]);
	http_close(http);
}

/* others: connections that stand already when no descriptor is left. */
static void check_full_fd_table(int others)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int kept = others ? client_connect(http) : -1;
	struct rlimit before;
	struct rlimit none;
	struct reply reply;
	int fd;

	client_pump(http, 50);
	fd = client_connect(http);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	client_send(fd, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	reply = client_read_reply(http, fd, 200);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(reply.status, 0);
	reply_close(&reply);
	if (others)
		close(kept);
	reply = client_read_reply(http, fd, 2000);
	assert_int_equal(reply.status, 200);
	reply_close(&reply);
	close(fd);
	http_close(http);
}

static void a_full_fd_table_is_survived(void **state)
{
	(void)state;
	check_full_fd_table(0);
	check_full_fd_table(1);
}

static void idle_connections_end(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	const char *const starts[] = { NULL, "GET /met", "GET /metrics HTTP/1.1\r\n" CLOSE };
	int fds[LENGTH(starts)];
	char octet;

	(void)state;
	source.body_length = ENDLESS;
	for (size_t i = 0; i < LENGTH(starts); i++) {
		fds[i] = client_connect(http);
		if (starts[i])
			client_send(fds[i], starts[i]);
	}
	client_pump(http, (HTTP_IDLE_SECONDS - 2) * 1000);
	for (size_t i = 0; i < LENGTH(starts); i++)
		assert_true(recv(fds[i], &octet, 1, MSG_PEEK | MSG_DONTWAIT) == (i == 2 ? 1 : -1));
	client_pump(http, 4000);
	for (size_t i = 0; i < LENGTH(starts); i++) {
		assert_true(client_closed(fds[i]));
		close(fds[i]);
	}
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
	reply_close(&reply);
	http_close(http);
}

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long total;
	long resident;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &total, &resident), 2);
	fclose(file);
	return resident;
}

static void scrapes_leave_nothing_behind(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	long before = 0;

	(void)state;
	source.body_length = 60 * 1024;
	for (int i = 0; i < 2100; i++) {
		struct reply reply = ask(http, i % 10 ? "GET /metrics HTTP/1.1\r\n" CLOSE
						      : "GET /nowhere HTTP/1.1\r\n" CLOSE);

		assert_int_equal(reply.status, i % 10 ? 200 : 404);
		reply_close(&reply);
		if (i == 100)
			before = resident_pages();
	}
	print_message("resident pages after 100 and 2100 requests: %ld, %ld\n", before,
		      resident_pages());
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
	assert_true(resident_pages() <= before + 2);
#endif
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
	reply_close(&reply);
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
	reply_close(&reply);
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_streamed),
		cmocka_unit_test(an_empty_scrape_is_complete),
		cmocka_unit_test(paths_methods_and_bad_requests),
		cmocka_unit_test(states_are_told),
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(scrapes_are_bounded),
		cmocka_unit_test(aborted_scrapes_are_forgotten),
		cmocka_unit_test(others_are_served_once_connections_are_free),
		cmocka_unit_test(a_full_fd_table_is_survived),
		cmocka_unit_test(idle_connections_end),
		cmocka_unit_test(garbage_is_survived),
		cmocka_unit_test(scrapes_leave_nothing_behind),
		cmocka_unit_test(addresses_to_listen_on),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
