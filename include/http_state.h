/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the HTTP server: what its files share. http.c answers requests, http_connections.c
 * knows who is connected and for how long, http_stream.c sends documents, http_listen.c has the
 * sockets.
 */
#ifndef HTTP_STATE_H
#define HTTP_STATE_H

#include <microhttpd.h>

#include "gzip.h"
#include "http.h"
#include "instant.h"

/* Let in at once by each socket; what stands beyond the limit thereby is closed in the same run. */
#define HTTP_ACCEPTS	   4
#define HTTP_CONNECTED_MAX (HTTP_CONNECTIONS + HTTP_LISTEN * HTTP_ACCEPTS)

enum http_phase {
	HTTP_UNUSED = 0,
	HTTP_REQUEST, /* the first */
	HTTP_IDLE,    /* was answered: the next, if it comes */
	HTTP_ANSWER,  /* goes out */
	HTTP_CLOSING, /* by us, as soon as libmicrohttpd notices */
};

struct http_connection {
	enum http_phase phase;
	int fd;
	uint64_t client; /* who: an IPv4 address, or the network of an IPv6 address */
	struct local_time since;
	uint64_t body_bytes;	    /* of the request */
	struct http_stream *stream; /* NULL: none */
	struct http *http;
};

/* A document under way. libmicrohttpd asks for less than a row at a time, and a row must not be
 * produced twice, so what it did not take yet waits here. Untouched pages of unused streams cost
 * nothing. */
struct http_stream {
	struct http_connection *connection; /* NULL: unused */
	const struct http_document *document;
	enum accept_format format;
	bool compressed;
	bool begun;
	bool ended; /* no more blocks */
	bool whole; /* and all of it was taken */
	struct local_time since;
	struct local_time taken_at; /* last */
	struct local_time pace_since;
	uint64_t pace_bytes; /* `bytes` at pace_since */
	uint64_t bytes;	     /* taken */
	int64_t busy_ns;
	size_t length;
	size_t taken;
	char block[HTTP_BLOCK_BYTES];
	struct gzip gzip;
};

struct http_listener {
	int fd;
	uint16_t port;
};

struct http {
	struct http_content content;
	struct MHD_Daemon *daemon;
	int epoll_fd; /* of the daemon's, and the listeners */
	struct http_listener listeners[HTTP_LISTEN];
	uint32_t listener_count;
	bool deaf; /* for want of descriptors or memory, until: */
	struct local_time listen_again;
	struct local_time now;
	struct http_connection connections[HTTP_CONNECTED_MAX];
	uint32_t connection_count;
	struct http_stream streams[HTTP_STREAMS];
};

/* http_connections.c */
void http_on_connection(void *ctx, struct MHD_Connection *handle, void **socket_context,
			enum MHD_ConnectionNotificationCode code);
/* NULL: there was no room for it. */
struct http_connection *http_connection_of(struct MHD_Connection *handle);
/* Its socket is of no use any more; it goes with libmicrohttpd's next run. */
void http_connection_break(struct http_connection *connection);
/* True: there is no room for a reply, so it was said that the header is too large; to be closed. */
bool http_connection_refuse_header(const struct http_connection *connection,
				   struct MHD_Connection *handle);
uint32_t http_connections_live(const struct http *http); /* without those that are being closed */
/* Breaks the one that others can do without most. False: there is none. */
bool http_connections_make_room(struct http *http);
void http_connections_expire(struct http *http);
/* INT64_MAX: nothing is ever due. */
int64_t http_connections_due_ns(const struct http *http);

/* http_stream.c: 0, -EBUSY (all are taken) or -ENOMEM. */
int http_stream_take(struct http_connection *connection, const struct http_document *document,
		     enum accept_format format, bool compressed);
struct MHD_Response *http_stream_response(struct http_connection *connection);
/* Also if it has none. */
void http_stream_end(struct http_connection *connection);
/* When to look again whether it keeps pace. */
struct local_time http_stream_due(const struct http_stream *stream);
/* At that time: whether it does. */
bool http_stream_keeps_pace(struct http_stream *stream, struct local_time now);

/* http_listen.c */
int http_listen(struct http *http, const struct http_address *address);
void http_listen_close(struct http *http);
/* Lets in who waits, but not all at once. */
void http_accept(struct http *http);

/* http_target.c: the path of a target, in absolute form (RFC 9112, 3.2.2) too. */
const char *http_path_of(const char *target);
/* For libmicrohttpd. What holds an octet of zero is no path of ours, whatever it begins with. */
size_t http_on_unescape(void *ctx, struct MHD_Connection *handle, char *text);

#endif
