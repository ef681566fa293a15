/* SPDX-License-Identifier: Apache-2.0 */
/* Something to serve, and a client that turns the server's crank while it waits. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http.h"

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))
#define CLIENT_CAPACITY (1024 * 1024)

/* The memory is shared by all replies: only the last one stands. */
struct reply {
	int status; /* 0: none came */
	bool chunked;
	bool complete; /* the last chunk came, or as much as was promised, or the end */
	char *text;    /* headers and body as they came */
	size_t text_length;
	char *body; /* without chunk headers */
	size_t body_length;
};

static inline int64_t client_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs the server for a while, or until fd (-1: none) has something to read. */
static inline void client_wait(struct http *http, int fd, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = http_fd(http), .events = POLLIN },
				{ .fd = fd, .events = POLLIN } };
	int64_t left_ms;

	while ((left_ms = deadline_ms - client_now_ms()) > 0) {
		int timeout_ms = http_timeout_ms(http);

		if (timeout_ms < 0 || timeout_ms > left_ms)
			timeout_ms = (int)left_ms;
		assert_true(poll(fds, 2, timeout_ms) >= 0);
		http_run(http);
		if (fds[1].revents)
			return;
	}
}

static inline void client_pump(struct http *http, int64_t duration_ms)
{
	client_wait(http, -1, client_now_ms() + duration_ms);
}

static inline int client_connect(struct http *http)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(http_port(http)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void client_send(int fd, const char *request)
{
	(void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
}

static inline bool client_closed(int fd)
{
	static char buffer[256 * 1024];
	ssize_t length;

	do
		length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	while (length > 0);
	return length == 0 || errno == ECONNRESET;
}

/* RFC 9112 section 7.1. True when the last chunk is there. */
static inline bool reply_join_chunks(struct reply *reply, const char *at, const char *end)
{
	for (;;) {
		char *data;
		size_t length = strtoul(at, &data, 16);

		data += 2;
		if (data > end || (size_t)(end - data) < length + 2)
			return false;
		if (length == 0)
			return data + 2 == end;
		memcpy(reply->body + reply->body_length, data, length);
		reply->body_length += length;
		at = data + length + 2;
	}
}

static inline void reply_parse(struct reply *reply, bool closed)
{
	char *headers_end = strstr(reply->text, "\r\n\r\n");
	const char *length = strstr(reply->text, "Content-Length: ");
	const char *start;

	if (!headers_end)
		return;
	start = headers_end + 4;
	reply->status = atoi(reply->text + strlen("HTTP/1.1 "));
	reply->chunked = strstr(reply->text, "Transfer-Encoding: chunked") != NULL;
	reply->body_length = 0;
	if (reply->chunked) {
		reply->complete = reply_join_chunks(reply, start, reply->text + reply->text_length);
	} else {
		reply->body_length = reply->text_length - (size_t)(start - reply->text);
		memcpy(reply->body, start, reply->body_length);
		reply->complete = closed ||
				  (length &&
				   reply->body_length ==
					   strtoul(length + strlen("Content-Length: "), NULL, 10));
	}
	reply->body[reply->body_length] = '\0';
}

static inline struct reply client_read_reply(struct http *http, int fd, int64_t timeout_ms)
{
	int64_t deadline_ms = client_now_ms() + timeout_ms;
	static char text[CLIENT_CAPACITY];
	static char body[CLIENT_CAPACITY];
	struct reply reply = { .text = text, .body = body };
	bool closed = false;

	text[0] = '\0';
	body[0] = '\0';
	while (!reply.complete && !closed && client_now_ms() < deadline_ms) {
		ssize_t length;

		client_wait(http, fd, deadline_ms);
		length = recv(fd, reply.text + reply.text_length,
			      CLIENT_CAPACITY - 1 - reply.text_length, MSG_DONTWAIT);
		closed = length == 0 || (length < 0 && errno == ECONNRESET);
		if (length > 0)
			reply.text_length += (size_t)length;
		text[reply.text_length] = '\0';
		reply_parse(&reply, closed);
	}
	return reply;
}

#define BODY_LENGTH (300 * 1024)
#define ENDLESS	    SIZE_MAX

/* What is served: a pattern of any length. */
struct source {
	size_t body_length;
	size_t position[HTTP_SCRAPES];
	unsigned int scrapes;
	bool healthy;
	bool ready;
};

static inline char pattern(size_t position)
{
	return (char)('a' + position * 7 % 25);
}

static inline void metrics_begin(void *ctx, unsigned int scrape)
{
	struct source *source = ctx;

	assert_true(scrape < HTTP_SCRAPES);
	source->position[scrape] = 0;
	source->scrapes++;
}

static inline size_t metrics_read(void *ctx, unsigned int scrape, char *block, size_t capacity)
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

static inline bool healthy(void *ctx)
{
	return ((struct source *)ctx)->healthy;
}

static inline bool ready(void *ctx, char *ret_reason, size_t capacity)
{
	if (!((struct source *)ctx)->ready)
		snprintf(ret_reason, capacity, "interface eth0: not attached");
	return ((struct source *)ctx)->ready;
}

static inline struct http *open_server(const char *host, struct source *source)
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

static inline struct reply ask(struct http *http, const char *request)
{
	int fd = client_connect(http);
	struct reply reply;

	client_send(fd, request);
	reply = client_read_reply(http, fd, 5000);
	close(fd);
	return reply;
}

static inline void check_pattern(const struct reply *reply)
{
	assert_int_equal(reply->body_length, BODY_LENGTH);
	for (size_t i = 0; i < BODY_LENGTH; i++)
		assert_int_equal(reply->body[i], pattern(i));
}

#define CLOSE "Host: x\r\nConnection: close\r\n\r\n"

#endif
