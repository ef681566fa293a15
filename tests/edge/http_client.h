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
#include <zlib.h>

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

static unsigned int client_turns; /* of the server's crank */

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
		client_turns++;
		if (fds[1].revents)
			return;
	}
}

static inline void client_pump(struct http *http, int64_t duration_ms)
{
	client_wait(http, -1, client_now_ms() + duration_ms);
}

/* From 127.0.0.<host>; receive_bytes 0: as much as is usual. Does not wait: the server's queue may
 * be full. */
static inline int client_connect_from(struct http *http, uint32_t host, int receive_bytes)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(http_port(http, 0)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000000 | host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (receive_bytes)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
					    sizeof(receive_bytes)),
				 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static inline int client_connect(struct http *http)
{
	return client_connect_from(http, 1, 0);
}

static inline void client_send(int fd, const char *request)
{
	ssize_t sent = send(fd, request, strlen(request), MSG_NOSIGNAL);

	(void)sent;
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
	size_t position[HTTP_STREAMS];
	unsigned int scrapes;
	enum accept_format format; /* of the last */
	unsigned int sent;
	unsigned int whole;
	uint64_t sent_bytes; /* the last */
	unsigned int refused;
	bool healthy;
	bool ready;
};

static inline char pattern(size_t position)
{
	return (char)('a' + position * 7 % 25);
}

static inline void document_begin(void *ctx, unsigned int stream, enum accept_format format)
{
	struct source *source = ctx;

	assert_true(stream < HTTP_STREAMS);
	source->position[stream] = 0;
	source->scrapes++;
	source->format = format;
}

static inline size_t document_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct source *source = ctx;
	size_t *position = &source->position[stream];
	size_t length = 0;

	assert_int_equal(capacity, HTTP_BLOCK_BYTES);
	/* As whole rows do, blocks end short of their capacity by something else each time. */
	while (length < capacity - *position % 97 && *position < source->body_length)
		block[length++] = pattern((*position)++);
	return length;
}

static inline const char *format_type(enum accept_format format)
{
	static const char *const types[ACCEPT_FORMATS] = { "text/of-metrics", "open/metrics",
							   "proto/buf" };

	return types[format];
}

static inline void document_sent(void *ctx, const struct http_document *document, uint64_t bytes,
				 int64_t busy_ns, bool whole)
{
	struct source *source = ctx;

	assert_non_null(document->path);
	assert_true(busy_ns >= 0);
	source->sent++;
	source->whole += whole;
	source->sent_bytes = bytes;
}

static inline void document_refused(void *ctx, const struct http_document *document)
{
	assert_non_null(document->path);
	((struct source *)ctx)->refused++;
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

#define POLICY "default-src 'none'"

static inline struct http_content content_of(struct source *source)
{
	static const struct http_document documents[] = {
		{ .path = "/metrics", .begin = document_begin, .read = document_read },
		{ .path = "/",
		  .format = ACCEPT_HTML,
		  .content_type = "text/html; charset=utf-8",
		  .policy = POLICY,
		  .begin = document_begin,
		  .read = document_read },
		{ .path = "/api/v1/peers",
		  .format = ACCEPT_JSON,
		  .content_type = "application/json",
		  .begin = document_begin,
		  .read = document_read },
	};

	*source = (struct source){ .body_length = BODY_LENGTH, .healthy = true, .ready = true };
	return (struct http_content){
		.ctx = source,
		.documents = documents,
		.document_count = LENGTH(documents),
		.format_type = format_type,
		.healthy = healthy,
		.ready = ready,
		.sent = document_sent,
		.refused = document_refused,
	};
}

static inline struct http *open_server(const char *host, struct source *source)
{
	const struct http_content content = content_of(source);
	struct http_address address = { .port = 0 };
	uint32_t failed = UINT32_MAX;
	struct http *http;

	snprintf(address.host, sizeof(address.host), "%s", host);
	assert_int_equal(http_open(&address, 1, &content, &http, &failed), 0);
	assert_true(http_port(http, 0) > 0);
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

/* By gzip: what it says in place of its body; its length. */
static inline size_t unpack(struct reply *reply)
{
	static char unpacked[CLIENT_CAPACITY];
	z_stream state = { .next_in = (void *)reply->body,
			   .avail_in = (unsigned int)reply->body_length,
			   .next_out = (void *)unpacked,
			   .avail_out = sizeof(unpacked) };

	assert_int_equal(inflateInit2(&state, 16 + 15), Z_OK);
	assert_int_equal(inflate(&state, Z_FINISH), Z_STREAM_END);
	assert_int_equal(state.avail_in, 0);
	inflateEnd(&state);
	reply->body = unpacked;
	reply->body_length = state.total_out;
	return state.total_out;
}

#endif
