/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against clients that want to keep others out: these are served within seconds.
 * Needs no root. */
#include "edge/http_client.h"

#include <dirent.h>
#include <sys/resource.h>

#define ATTACKER 9 /* 127.0.0.9 */
#define SCRAPER	 1

static const char scrape[] = "GET /metrics HTTP/1.1\r\n" CLOSE;

static struct reply ask_from(struct http *http, uint32_t host, const char *request)
{
	int fd = client_connect_from(http, host, 0);
	struct pollfd connected = { .fd = fd, .events = POLLOUT };
	int64_t deadline_ms = client_now_ms() + 8000;
	struct reply reply;

	while (client_now_ms() < deadline_ms && poll(&connected, 1, 0) == 0)
		client_pump(http, 1);
	client_send(fd, request);
	reply = client_read_reply(http, fd, 8000);
	close(fd);
	return reply;
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* More than there are connections, more than may wait. */
#define CROWD 1000

static void crowds_keep_nobody_out(void **state)
{
	static int fds[CROWD];
	const struct rlimit room = { .rlim_cur = 2 * CROWD, .rlim_max = 2 * CROWD };
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int before = count_descriptors();

	(void)state;
	if (setrlimit(RLIMIT_NOFILE, &room)) {
		http_close(http);
		skip();
	}
	for (int i = 0; i < CROWD; i++) {
		fds[i] = client_connect_from(http, ATTACKER, 0);
		if (i % 16 == 0) {
			http_run(http);
			assert_true(count_descriptors() <= before + i + 1 + 2 * HTTP_CONNECTIONS);
		}
	}
	for (int round = 0; round < 6; round++) {
		int64_t start_ms = client_now_ms();
		struct reply reply = ask_from(http, round % 2 ? ATTACKER : SCRAPER, scrape);

		print_message("served after %d ms\n", (int)(client_now_ms() - start_ms));
		assert_int_equal(reply.status, 200);
		check_pattern(&reply);
		for (int i = 0; i < CROWD; i += 7) { /* they come again */
			close(fds[i]);
			fds[i] = client_connect_from(http, ATTACKER, 0);
		}
	}
	client_pump(http, 300);
	assert_true(count_descriptors() <= before + CROWD + HTTP_CONNECTIONS);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	http_close(http);
}

/* Others keep their connections, whether they have asked or not, while one opens more and more. */
static void who_has_most_makes_room(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int kept = client_connect_from(http, SCRAPER, 0);
	int silent = client_connect_from(http, SCRAPER + 1, 0);
	int fds[3 * HTTP_CONNECTIONS];

	(void)state;
	for (size_t i = 0; i < LENGTH(fds); i++) {
		fds[i] = client_connect_from(http, ATTACKER, 0);
		client_pump(http, 2);
		if (i % 8 == 0) {
			struct reply reply;

			client_send(kept, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
			reply = client_read_reply(http, kept, 1000);
			assert_int_equal(reply.status, 200);
		}
	}
	for (size_t i = 0; i < LENGTH(fds); i++)
		close(fds[i]);
	assert_false(client_closed(silent));
	close(silent);
	close(kept);
	http_close(http);
}

struct slow {
	const char *start;  /* at once */
	const char *octets; /* then one at a time, the last again and again */
	size_t read_bytes;  /* each time */
	int receive_bytes;
	int patience_seconds; /* of the server */
	int fd;
	size_t sent;
	int64_t ended_ms;
};

static void slow_turn(struct slow *slow, int64_t now_ms)
{
	static char buffer[64 * 1024];
	struct pollfd end = { .fd = slow->fd, .events = POLLRDHUP };

	if (slow->ended_ms)
		return;
	if (slow->octets) {
		ssize_t sent = send(slow->fd, &slow->octets[slow->sent], 1, MSG_NOSIGNAL);

		(void)sent;
		slow->sent += slow->octets[slow->sent + 1] != '\0';
	}
	/* What came before a reset can still be read. */
	if (slow->read_bytes)
		(void)recv(slow->fd, buffer, slow->read_bytes, MSG_DONTWAIT);
	else
		(void)client_closed(slow->fd);
	if (poll(&end, 1, 0) > 0)
		slow->ended_ms = now_ms;
}

#define PACE_LIMIT (2 * HTTP_PACE_SECONDS) /* what fits into buffers is taken at once */

/* All at once, since each takes its time. */
static void slow_ones_are_ended(void **state)
{
	static struct slow slow[] = {
		{ .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .start = "GET /met", .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .octets = "GET /metrics HTTP/1.1\r\nX: yyyyyyyyyy",
		  .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .octets = "\r\n", .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .start = "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n",
		  .patience_seconds = HTTP_IDLE_SECONDS },
		{ .start = "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\nGET /",
		  .octets = "x",
		  .patience_seconds = HTTP_IDLE_SECONDS },
		{ .start = "GET /-/ready HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		  .octets = "x",
		  .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .start = "GET /-/ready HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "100\r\n",
		  .octets = "x",
		  .patience_seconds = HTTP_REQUEST_SECONDS },
		{ .start = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
		  .receive_bytes = 2048,
		  .read_bytes = 32,
		  .patience_seconds = PACE_LIMIT },
		{ .start = "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
		  .receive_bytes = 2048,
		  .read_bytes = 32,
		  .patience_seconds = PACE_LIMIT },
		/* at a pace that will do */
		{ .start = "GET /api/v1/peers HTTP/1.1\r\nHost: x\r\n\r\n",
		  .read_bytes = 4096,
		  .patience_seconds = HTTP_ANSWER_SECONDS },
	};
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int64_t start_ms;
	int64_t now_ms;

	(void)state;
	source.body_length = ENDLESS;
	for (size_t i = 0; i < LENGTH(slow); i++) {
		slow[i].fd = client_connect_from(http, 10 + (uint32_t)i, slow[i].receive_bytes);
		client_pump(http, 5);
		if (slow[i].start)
			client_send(slow[i].fd, slow[i].start);
	}
	start_ms = client_now_ms();
	while ((now_ms = client_now_ms()) < start_ms + 1000 * (PACE_LIMIT + 2)) {
		for (size_t i = 0; i < LENGTH(slow); i++)
			slow_turn(&slow[i], now_ms);
		client_pump(http, 100);
	}
	for (size_t i = 0; i < LENGTH(slow); i++) {
		int64_t lasted_ms = slow[i].ended_ms ? slow[i].ended_ms - start_ms : INT64_MAX;
		int64_t patience_ms = 1000 * slow[i].patience_seconds;

		if (slow[i].patience_seconds == HTTP_ANSWER_SECONDS)
			assert_true(lasted_ms == INT64_MAX);
		else if (lasted_ms > patience_ms + 1500 ||
			 (slow[i].patience_seconds != PACE_LIMIT && lasted_ms < patience_ms - 500))
			fail_msg("case %zu lasted %lld ms", i, (long long)lasted_ms);
		close(slow[i].fd);
	}
	http_close(http);
}

/* Reads of all what there is. */
static void read_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		(void)client_closed(fds[i]);
}

static void begin_all(struct http *http, int *fds, uint32_t host)
{
	for (int i = 0; i < HTTP_STREAMS; i++) {
		fds[i] = client_connect_from(http, host, 0);
		client_pump(http, 10);
		client_send(fds[i], "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
		client_pump(http, 10);
	}
}

static void streams_are_shared(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fds[HTTP_STREAMS];
	int other;
	struct reply reply;

	(void)state;
	source.body_length = ENDLESS;
	begin_all(http, fds, ATTACKER);
	reply = ask_from(http, ATTACKER, scrape);
	assert_int_equal(reply.status, 503);
	read_all(fds, HTTP_STREAMS);
	other = client_connect_from(http, SCRAPER, 0);
	client_pump(http, 10);
	client_send(other, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	client_pump(http, 50);
	assert_int_equal(source.scrapes, HTTP_STREAMS + 1);
	assert_true(client_closed(fds[0])); /* the oldest of who has all */
	for (int i = 1; i < HTTP_STREAMS; i++)
		assert_false(client_closed(fds[i]));
	reply = ask_from(http, ATTACKER, scrape);
	assert_int_equal(reply.status, 503);
	assert_false(client_closed(other));
	for (int i = 0; i < HTTP_STREAMS; i++)
		close(fds[i]);
	close(other);
	http_close(http);
}

/* Also the asker's own. */
static void stalled_streams_make_room(void **state)
{
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fds[HTTP_STREAMS];
	int64_t start_ms = client_now_ms();
	int ended = 0;
	struct reply reply;

	(void)state;
	source.body_length = ENDLESS;
	begin_all(http, fds, SCRAPER);
	reply = ask_from(http, SCRAPER, scrape);
	assert_int_equal(reply.status, 503);
	while (client_now_ms() < start_ms + 1000 * HTTP_STALLED_SECONDS + 500) {
		(void)client_closed(fds[0]); /* gets on */
		client_pump(http, 20);
	}
	source.body_length = BODY_LENGTH;
	reply = ask_from(http, SCRAPER, scrape);
	assert_int_equal(reply.status, 200);
	check_pattern(&reply);
	assert_false(client_closed(fds[0]));
	for (int i = 0; i < HTTP_STREAMS; i++) {
		ended += client_closed(fds[i]);
		close(fds[i]);
	}
	assert_int_equal(ended, 1);
	http_close(http);
}

#define PIPELINED 60

static void pipelined_requests_are_answered_in_turn(void **state)
{
	static const char one[] = "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n";
	static char all[PIPELINED * sizeof(one)];
	static char text[PIPELINED * 512];
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fd = client_connect(http);
	size_t length = 0;
	int answers = 0;

	(void)state;
	for (int i = 0; i < PIPELINED; i++)
		strcat(all, one);
	client_pump(http, 10);
	client_send(fd, all);
	for (int i = 0; i < 100; i++) {
		ssize_t got;

		client_pump(http, 10);
		got = recv(fd, &text[length], sizeof(text) - 1 - length, MSG_DONTWAIT);
		length += got > 0 ? (size_t)got : 0;
	}
	for (const char *at = text; (at = strstr(at, "HTTP/1.1 200 OK\r\n")); at++)
		answers++;
	assert_int_equal(answers, PIPELINED);
	close(fd);
	http_close(http);
}

/* Who asks without end and reads nothing waits for itself alone. */
static void pipelining_without_reading_is_bounded(void **state)
{
	static char many[256 * 1024];
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fd = client_connect_from(http, ATTACKER, 2048);
	const int send_bytes = 4096;
	size_t sent = 0;
	struct reply reply;

	(void)state;
	while (sent + 64 < sizeof(many))
		sent += (size_t)sprintf(&many[sent], "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes)), 0);
	client_pump(http, 10);
	sent = 0;
	for (int i = 0; i < 100; i++) {
		ssize_t length = send(fd, many + sent, sizeof(many) - 1 - sent,
				      MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += length > 0 ? (size_t)length : 0;
		client_pump(http, 5);
	}
	assert_true(sent < sizeof(many) - 1);
	reply = ask_from(http, SCRAPER, scrape);
	assert_int_equal(reply.status, 200);
	close(fd);
	http_close(http);
}

static void endless_bodies_are_cut(void **state)
{
	static const char piece[] = "400\r\n";
	static char kibibyte[1024 + 3];
	struct source source;
	struct http *http = open_server("127.0.0.1", &source);
	int fd = client_connect(http);
	int pieces = 0;

	(void)state;
	memset(kibibyte, 'x', 1024);
	memcpy(&kibibyte[1024], "\r\n", 3);
	client_pump(http, 10);
	client_send(fd, "GET /-/ready HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (pieces < 100 && !client_closed(fd)) {
		client_send(fd, piece);
		client_send(fd, kibibyte);
		client_pump(http, 5);
		pieces++;
	}
	assert_in_range(pieces, HTTP_REQUEST_BODY_BYTES / 1024, HTTP_REQUEST_BODY_BYTES / 1024 + 4);
	close(fd);
	http_close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowds_keep_nobody_out),
		cmocka_unit_test(who_has_most_makes_room),
		cmocka_unit_test(slow_ones_are_ended),
		cmocka_unit_test(streams_are_shared),
		cmocka_unit_test(stalled_streams_make_room),
		cmocka_unit_test(pipelined_requests_are_answered_in_turn),
		cmocka_unit_test(pipelining_without_reading_is_bounded),
		cmocka_unit_test(endless_bodies_are_cut),
	};

	return cmocka_run_group_tests_name("http_attacks", tests, NULL, NULL);
}
