/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server under too many, too long, too slow requests: others are served again. Needs no
 * root. */
#include "edge/http_client.h"

#include <malloc.h>
#include <sys/resource.h>

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
	}
	http_close(http);
}

/* Also where it leaves no room for the header of a reply: by its length, or by its fields. */
static void every_header_is_answered(void **state)
{
	static char request[2 * HTTP_CONNECTION_MEMORY];
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);

	(void)state;
	source.body_length = 1;
	for (int length = 4000; length <= HTTP_CONNECTION_MEMORY; length += 50) {
		int fields = length % 100 == 0 ? 1 : length / 64;
		size_t used = (size_t)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n");
		struct reply reply;

		for (int i = 0; i < fields; i++)
			used += (size_t)snprintf(request + used, sizeof(request) - used,
						 "X:%0*d\r\n", fields == 1 ? length : 1, 0);
		snprintf(request + used, sizeof(request) - used, CLOSE);
		reply = ask(http, request);
		assert_true(reply.complete);
		assert_true(reply.status == 200 || reply.status == 431);
		assert_true(length > 5000 || reply.status == 200);
	}
	assert_int_equal(source.sent, source.scrapes);
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
	int fds[HTTP_STREAMS];

	(void)state;
	source.body_length = ENDLESS;
	for (int i = 0; i < HTTP_STREAMS; i++)
		fds[i] = begin_scrape(http);
	assert_int_equal(source.scrapes, HTTP_STREAMS);
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.text, "Retry-After: 1\r\n"));
	assert_int_equal(source.refused, 1);
	reply = ask(http, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	close(fds[1]);
	client_pump(http, 100);
	source.body_length = BODY_LENGTH;
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	check_pattern(&reply);
	for (int i = 0; i < HTTP_STREAMS; i++) {
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
	for (int i = 0; i < 5 * HTTP_STREAMS; i++) {
		int fd = begin_scrape(http);

		if (i % 2)
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		close(fd);
		client_pump(http, 50);
	}
	assert_int_equal(source.scrapes, 5 * HTTP_STREAMS);
	assert_int_equal(source.sent, 5 * HTTP_STREAMS);
	assert_int_equal(source.whole, 0);
	source.body_length = BODY_LENGTH;
	reply = ask(http, "GET /metrics HTTP/1.1\r\n" CLOSE);
	assert_int_equal(reply.status, 200);
	http_close(http);
}

/* The oldest makes room, again and again. */
static void new_connections_are_let_in(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fds[HTTP_CONNECTIONS];
	int waiting;
	struct reply reply;

	(void)state;
	for (int i = 0; i < HTTP_CONNECTIONS; i++) {
		fds[i] = client_connect(http);
		client_pump(http, 5);
	}
	for (int i = 0; i < HTTP_CONNECTIONS; i++) {
		assert_false(client_closed(fds[i]));
		waiting = client_connect(http);
		client_send(waiting, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
		reply = client_read_reply(http, waiting, 500);
		assert_int_equal(reply.status, 200);
		assert_true(client_closed(fds[i]));
		close(fds[i]);
		fds[i] = waiting;
	}
	for (int i = 0; i < HTTP_CONNECTIONS; i++) {
		assert_false(client_closed(fds[i]));
		close(fds[i]);
	}
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
	unsigned int turns_before;
	int fd;

	client_pump(http, 50);
	fd = client_connect(http);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	client_send(fd, "GET /-/healthy HTTP/1.1\r\n" CLOSE);
	turns_before = client_turns;
	reply = client_read_reply(http, fd, 200);
	assert_true(client_turns - turns_before < 50); /* it does not try again and again */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(reply.status, 0);
	if (others)
		close(kept);
	reply = client_read_reply(http, fd, 2000);
	assert_int_equal(reply.status, 200);
	close(fd);
	http_close(http);
}

static void a_full_fd_table_is_survived(void **state)
{
	(void)state;
	check_full_fd_table(0);
	check_full_fd_table(1);
}

/* Of our own: pages of files come and go with the page cache, sixteen at a time. */
static long anonymous_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long total;
	long resident;
	long shared;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld %ld", &total, &resident, &shared), 3);
	fclose(file);
	return resident - shared;
}

static void scrapes_leave_nothing_behind(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	long before = 0;
	size_t used_before = 0;

	(void)state;
	source.body_length = 60 * 1024;
	for (int i = 0; i < 2100; i++) {
		static const char *const requests[] = {
			"GET /metrics HTTP/1.1\r\n" CLOSE,
			"GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n" CLOSE,
			"GET /nowhere HTTP/1.1\r\n" CLOSE,
		};
		size_t which = (size_t)i % LENGTH(requests);
		struct reply reply = ask(http, requests[which]);

		assert_int_equal(reply.status, which < 2 ? 200 : 404);
		if (i == 100) {
			before = anonymous_pages();
			used_before = mallinfo2().uordblks;
		}
	}
	print_message("anonymous pages after 100 and 2100 requests: %ld, %ld\n", before,
		      anonymous_pages());
	assert_int_equal(mallinfo2().uordblks, used_before);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
	assert_true(anonymous_pages() <= before + 2);
#endif
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(every_header_is_answered),
		cmocka_unit_test(scrapes_are_bounded),
		cmocka_unit_test(aborted_scrapes_are_forgotten),
		cmocka_unit_test(new_connections_are_let_in),
		cmocka_unit_test(a_full_fd_table_is_survived),
		cmocka_unit_test(scrapes_leave_nothing_behind),
	};

	return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
