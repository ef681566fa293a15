/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: libmicrohttpd without threads, its epoll descriptor inside our loop. Knows
 * paths, methods and limits; what is exported comes from callbacks.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;

#define HTTP_CONNECTIONS       16   /* a scraper, its twin, a person, and room */
#define HTTP_CONNECTION_MEMORY 8192 /* request line, headers, reply header: 431 beyond */
#define HTTP_IDLE_SECONDS      10
#define HTTP_BLOCK_BYTES       24576 /* offered to metrics_read: no row may be larger */
#define HTTP_SCRAPES	       4     /* at once; the next gets 503. Bounds the memory of cursors */

struct http_content {
	void *ctx;
	/* A scrape begins: its number 0..HTTP_SCRAPES-1, for which `metrics_read` is then called
	 * until it returns 0. */
	void (*metrics_begin)(void *ctx, unsigned int scrape);
	size_t (*metrics_read)(void *ctx, unsigned int scrape, char *block, size_t capacity);
	bool (*healthy)(void *ctx);
	/* False: not ready, and the reason in one line. */
	bool (*ready)(void *ctx, char *ret_reason, size_t capacity);
};

/* host: a literal, or empty for all addresses of both families; port 0: any. 0 or -errno. */
int http_open(const char *host, uint16_t port, const struct http_content *content,
	      struct http **ret);
void http_close(struct http *http);
uint16_t http_port(const struct http *http);
int http_fd(const struct http *http); /* readable: call http_run */
void http_run(struct http *http);
/* Milliseconds until http_run is due though nothing happens; -1: never. */
int http_timeout_ms(const struct http *http);

#endif
