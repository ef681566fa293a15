/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: libmicrohttpd without threads, its epoll descriptor inside our loop. Knows
 * paths, methods, what a client accepts, and limits; what is served comes from callbacks, piece by
 * piece.
 *
 * Whoever comes is let in: when all connections are taken, one of the client that has most of them
 * is closed, but never one with a document under way. These have a limit, a pace and an end of
 * their own, so that nobody keeps others out for more than seconds.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accept.h"

struct http;

#define HTTP_CONNECTIONS	16    /* a scraper, its twin, a person, and room */
#define HTTP_CONNECTION_MEMORY	8160  /* two pages of malloc(); more in a header: 431 */
#define HTTP_REQUEST_BODY_BYTES 8192  /* of a body that nobody reads: 413 or the end beyond */
#define HTTP_BLOCK_BYTES	24576 /* offered to read: no row may be larger */
#define HTTP_STREAMS		4     /* documents under way at once; the next gets 503 */
#define HTTP_LISTEN		4     /* addresses */

#define HTTP_REQUEST_SECONDS 5	/* from a connection's begin until the whole request is there */
#define HTTP_IDLE_SECONDS    10 /* from an answer until the whole next request is there */
#define HTTP_ANSWER_SECONDS  60 /* from the request until its document was taken */
#define HTTP_PACE_SECONDS    5	/* in which so much of a document must be taken: */
#define HTTP_PACE_BYTES	     16384
#define HTTP_STALLED_SECONDS 2 /* without taking any: it makes room if another is asked for */

/* A document that is produced in blocks. */
struct http_document {
	const char *path;
	/* What it is, for a client to accept or not; its Content-Type, or NULL: what the client
	 * likes best of the formats. */
	enum accept_format format;
	const char *content_type;
	const char *policy; /* Content-Security-Policy, or NULL */
	/* It begins in stream 0..HTTP_STREAMS-1, for which `read` is then called until it returns
	 * 0, or not any more. */
	void (*begin)(void *ctx, unsigned int stream, enum accept_format format);
	size_t (*read)(void *ctx, unsigned int stream, char *block, size_t capacity);
};

struct http_content {
	void *ctx;
	const struct http_document *documents; /* alive as long as the server */
	uint32_t document_count;
	const char *(*format_type)(enum accept_format format); /* Content-Type */
	bool (*healthy)(void *ctx);
	/* False: not ready, and the reason in one line. */
	bool (*ready)(void *ctx, char *ret_reason, size_t capacity);
	/* A document was sent, or broken off: octets that went out, and the CPU time of producing
	 * them. */
	void (*sent)(void *ctx, const struct http_document *document, uint64_t bytes,
		     int64_t busy_ns, bool whole);
	void (*refused)(void *ctx, const struct http_document *document); /* no stream was free */
};

struct http_address {
	char host[64]; /* a literal, or empty for all addresses of both families */
	uint16_t port; /* 0: any */
};

/* 0 or -errno; *ret_failed: at which address. */
int http_open(const struct http_address *addresses, uint32_t count,
	      const struct http_content *content, struct http **ret, uint32_t *ret_failed);
void http_close(struct http *http);
uint16_t http_port(const struct http *http, uint32_t index);
int http_fd(const struct http *http); /* readable: call http_run */
/* Bounded: each connection is looked at once, a document gets on by about a block. */
void http_run(struct http *http);
/* Milliseconds until http_run is due though nothing happens; -1: never. */
int http_timeout_ms(const struct http *http);

#endif
