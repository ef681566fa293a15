/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document at a time from an instance's API, by HTTP, without ever waiting. Owns the socket;
 * must not know what the documents say.
 */
#ifndef TOP_FETCH_H
#define TOP_FETCH_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

#include "instant.h"

#define TOP_FETCH_BODY_MAX (64UL << 20) /* 5,120 peers with every bucket filled are 25 MiB */
#define TOP_FETCH_HEAD_MAX 16384UL
#define TOP_FETCH_IDLE_NS  (5 * NS_PER_SECOND) /* without an octet, or a connection */
#define TOP_FETCH_WHOLE_NS (30 * NS_PER_SECOND)
#define TOP_FETCH_ERROR	   160
#define TOP_FETCH_NAME_MAX 253
#define TOP_FETCH_PORT	   "10862"

enum top_fetch_state { TOP_FETCH_IDLE, TOP_FETCH_BUSY, TOP_FETCH_DONE, TOP_FETCH_FAILED };

struct top_fetch {
	char host[TOP_FETCH_NAME_MAX + 1];
	char port[8];
	char where[TOP_FETCH_NAME_MAX + 16]; /* as a person would write it */
	struct addrinfo *addresses;
	/* Of the document at hand. */
	enum top_fetch_state state;
	const struct addrinfo *address; /* that is tried now */
	int fd;				/* -1: none */
	bool connected;
	char request[512];
	size_t request_length, request_sent;
	struct local_time begun, heard;
	char error[TOP_FETCH_ERROR]; /* a phrase */
	/* The answer: head, then body, which ends where promised, or with the connection. */
	char *buffer;
	size_t capacity, length;
	size_t head_length; /* 0: not whole yet */
	bool promised;
	size_t body_promised;
};

/* ADDRESS, ADDRESS:PORT, [IPV6]:PORT or a host's name. 0, or -EINVAL. */
int top_fetch_parse(const char *text, struct top_fetch *fetch);
/* Looks the name up, which may wait for DNS. 0, or -ENOENT with a phrase in fetch->error. */
int top_fetch_resolve(struct top_fetch *fetch);
void top_fetch_close(struct top_fetch *fetch);

/* Gives up what is going on and asks for this path. */
void top_fetch_begin(struct top_fetch *fetch, const char *path, struct local_time now);
/* What to wait for: events of poll() on fetch->fd; and until when at most. */
short top_fetch_events(const struct top_fetch *fetch);
struct local_time top_fetch_deadline(const struct top_fetch *fetch);
/* Goes on as far as it can. */
enum top_fetch_state top_fetch_step(struct top_fetch *fetch, struct local_time now);

const char *top_fetch_body(const struct top_fetch *fetch, size_t *ret_length);

#endif
