/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0, so that the answer is neither chunked nor kept alive: a head, and what follows until
 * the end. Whatever the other end does, it is bounded in size and time. Must not know what the
 * documents say.
 */
#include "top_fetch.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_CAPACITY (64UL << 10)
/* So much at a time, so that keys are not kept waiting. */
#define STEP_BYTES (1UL << 20)

/* --- where */

static bool is_port(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= 5 && strspn(text, "0123456789") == length &&
	       atoi(text) > 0 && atoi(text) <= 65535;
}

/* Letters, digits and what addresses and zones of interfaces have: it stands in a request. */
static bool is_host(const char *host)
{
	for (const char *at = host; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr(".-_:%", *at))
			return false;
	}
	return *host != '\0';
}

int top_fetch_parse(const char *text, struct top_fetch *fetch)
{
	const char *host = text, *end = NULL, *port = NULL;
	const char *colon = strrchr(text, ':');
	bool bracketed = *text == '[';
	size_t length;

	if (bracketed) {
		host = text + 1;
		end = strchr(host, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
		port = colon + 1;
	}
	length = end ? (size_t)(end - host) : strlen(host);
	if (length >= sizeof(fetch->host) || (port && !is_port(port)))
		return -EINVAL;
	*fetch = (struct top_fetch){ .fd = -1 };
	memcpy(fetch->host, host, length);
	snprintf(fetch->port, sizeof(fetch->port), "%s", port ? port : TOP_FETCH_PORT);
	if (!is_host(fetch->host))
		return -EINVAL;
	snprintf(fetch->where, sizeof(fetch->where), strchr(fetch->host, ':') ? "[%s]:%s" : "%s:%s",
		 fetch->host, fetch->port);
	return 0;
}

int top_fetch_resolve(struct top_fetch *fetch)
{
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	int err = getaddrinfo(fetch->host, fetch->port, &wanted, &fetch->addresses);

	if (err == 0)
		return 0;
	snprintf(fetch->error, sizeof(fetch->error), "%s",
		 err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	return -ENOENT;
}

static void hang_up(struct top_fetch *fetch)
{
	if (fetch->fd >= 0)
		close(fetch->fd);
	fetch->fd = -1;
}

void top_fetch_close(struct top_fetch *fetch)
{
	hang_up(fetch);
	if (fetch->addresses)
		freeaddrinfo(fetch->addresses);
	free(fetch->buffer);
	*fetch = (struct top_fetch){ .fd = -1 };
}

/* --- connecting */

static enum top_fetch_state fail(struct top_fetch *fetch, const char *why)
{
	hang_up(fetch);
	snprintf(fetch->error, sizeof(fetch->error), "%s", why);
	return fetch->state = TOP_FETCH_FAILED;
}

/* strerror() begins like a sentence, and this is amid one. */
static enum top_fetch_state fail_errno(struct top_fetch *fetch, int error)
{
	fail(fetch, strerror(error));
	fetch->error[0] = (char)tolower((unsigned char)fetch->error[0]);
	return fetch->state;
}

static int start_connecting(struct top_fetch *fetch)
{
	const struct addrinfo *address = fetch->address;

	fetch->connected = false;
	fetch->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fetch->fd < 0)
		return errno;
	if (connect(fetch->fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)
		return 0;
	return errno;
}

/* The next address, if this one was of no use. */
static void try_next(struct top_fetch *fetch, int error)
{
	while (error) {
		hang_up(fetch);
		fetch->address = fetch->address->ai_next;
		if (!fetch->address) {
			fail_errno(fetch, error);
			return;
		}
		error = start_connecting(fetch);
	}
}

void top_fetch_begin(struct top_fetch *fetch, const char *path, struct local_time now)
{
	hang_up(fetch);
	fetch->state = TOP_FETCH_BUSY;
	fetch->error[0] = '\0';
	fetch->length = fetch->head_length = fetch->request_sent = 0;
	fetch->promised = false;
	fetch->begun = fetch->heard = now;
	fetch->request_length = (size_t)snprintf(fetch->request, sizeof(fetch->request),
						 "GET %s HTTP/1.0\r\nHost: %s\r\n"
						 "User-Agent: kube-canary-top\r\n\r\n",
						 path, fetch->where);
	fetch->address = fetch->addresses;
	try_next(fetch, start_connecting(fetch));
}

static enum top_fetch_state connect_on(struct top_fetch *fetch)
{
	struct pollfd ready = { .fd = fetch->fd, .events = POLLOUT };
	socklen_t length = sizeof(int);
	int error = 0;

	if (poll(&ready, 1, 0) <= 0)
		return fetch->state;
	if (getsockopt(fetch->fd, SOL_SOCKET, SO_ERROR, &error, &length))
		error = errno;
	fetch->connected = error == 0;
	try_next(fetch, error);
	return fetch->state;
}

/* --- the answer */

/* "HTTP/1.1 200 OK" */
static int status_of(const char *head)
{
	if (strncmp(head, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)head[7]) || head[8] != ' ')
		return -1;
	return atoi(head + 9);
}

/* Of a head that ends with a zero; NULL if it has no such field. Line breaks are CR LF. */
static const char *field_of(const char *head, const char *name)
{
	size_t length = strlen(name);

	while ((head = strstr(head, "\r\n"))) {
		head += 2;
		if (strncasecmp(head, name, length) == 0 && head[length] == ':')
			return head + length + 1;
	}
	return NULL;
}

static enum top_fetch_state read_head(struct top_fetch *fetch)
{
	char why[TOP_FETCH_ERROR];
	char *end = memmem(fetch->buffer, fetch->length, "\r\n\r\n", 4);
	const char *length_field;
	int status;

	if (!end)
		return fetch->length < TOP_FETCH_HEAD_MAX
			       ? fetch->state
			       : fail(fetch, "its answer does not look like HTTP");
	end[2] = '\0';
	fetch->head_length = (size_t)(end - fetch->buffer) + 4;
	status = status_of(fetch->buffer);
	if (status < 100 || status > 999)
		return fail(fetch, "its answer does not look like HTTP");
	if (status != 200) {
		snprintf(why, sizeof(why), "it answers with HTTP status %d", status);
		return fail(fetch, why);
	}
	if (field_of(fetch->buffer, "Transfer-Encoding") ||
	    field_of(fetch->buffer, "Content-Encoding"))
		return fail(fetch, "its answer is encoded in a way that was not asked for");
	length_field = field_of(fetch->buffer, "Content-Length");
	if (length_field) {
		fetch->promised = true;
		fetch->body_promised = strtoul(length_field, NULL, 10);
		if (fetch->body_promised > TOP_FETCH_BODY_MAX)
			return fail(fetch, "its answer is too large");
	}
	return fetch->state;
}

static enum top_fetch_state ended(struct top_fetch *fetch)
{
	hang_up(fetch);
	if (fetch->head_length == 0)
		return fail(fetch, fetch->length ? "its answer does not look like HTTP"
						 : "it hung up without an answer");
	if (fetch->promised && fetch->length - fetch->head_length < fetch->body_promised)
		return fail(fetch, "it hung up amid its answer");
	return fetch->state = TOP_FETCH_DONE;
}

static bool make_room(struct top_fetch *fetch)
{
	size_t capacity = fetch->capacity ? fetch->capacity * 2 : FIRST_CAPACITY;
	char *grown;

	if (fetch->length < fetch->capacity)
		return true;
	if (fetch->length > TOP_FETCH_HEAD_MAX + TOP_FETCH_BODY_MAX) {
		fail(fetch, "its answer is too large");
		return false;
	}
	grown = realloc(fetch->buffer, capacity);
	if (!grown) {
		fail_errno(fetch, ENOMEM);
		return false;
	}
	fetch->buffer = grown;
	fetch->capacity = capacity;
	return true;
}

static enum top_fetch_state receive(struct top_fetch *fetch, struct local_time now)
{
	size_t before = fetch->length;

	while (fetch->length - before < STEP_BYTES && make_room(fetch)) {
		ssize_t got = recv(fetch->fd, fetch->buffer + fetch->length,
				   fetch->capacity - fetch->length, 0);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return fetch->state;
		if (got < 0)
			return fail_errno(fetch, errno);
		if (got == 0)
			return ended(fetch);
		fetch->length += (size_t)got;
		fetch->heard = now;
		if (fetch->head_length == 0 && read_head(fetch) != TOP_FETCH_BUSY)
			return fetch->state;
		if (fetch->promised && fetch->length - fetch->head_length >= fetch->body_promised)
			return ended(fetch);
	}
	return fetch->state;
}

static enum top_fetch_state send_request(struct top_fetch *fetch)
{
	while (fetch->request_sent < fetch->request_length) {
		ssize_t sent = send(fetch->fd, fetch->request + fetch->request_sent,
				    fetch->request_length - fetch->request_sent, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return fetch->state;
		if (sent < 0)
			return fail_errno(fetch, errno);
		fetch->request_sent += (size_t)sent;
	}
	return fetch->state;
}

short top_fetch_events(const struct top_fetch *fetch)
{
	return fetch->connected && fetch->request_sent == fetch->request_length ? POLLIN : POLLOUT;
}

struct local_time top_fetch_deadline(const struct top_fetch *fetch)
{
	struct local_time idle = local_after(fetch->heard, TOP_FETCH_IDLE_NS);
	struct local_time whole = local_after(fetch->begun, TOP_FETCH_WHOLE_NS);

	return idle.ns < whole.ns ? idle : whole;
}

enum top_fetch_state top_fetch_step(struct top_fetch *fetch, struct local_time now)
{
	if (fetch->state == TOP_FETCH_BUSY && !fetch->connected)
		connect_on(fetch);
	if (fetch->state == TOP_FETCH_BUSY && fetch->connected)
		send_request(fetch);
	if (fetch->state == TOP_FETCH_BUSY && fetch->connected &&
	    fetch->request_sent == fetch->request_length)
		receive(fetch, now);
	if (fetch->state == TOP_FETCH_BUSY && local_since(now, top_fetch_deadline(fetch)) >= 0)
		return fail(fetch, fetch->connected ? "it is silent" : "it does not answer");
	return fetch->state;
}

const char *top_fetch_body(const struct top_fetch *fetch, size_t *ret_length)
{
	*ret_length = fetch->length - fetch->head_length;
	if (fetch->promised && *ret_length > fetch->body_promised)
		*ret_length = fetch->body_promised;
	return fetch->buffer + fetch->head_length;
}
