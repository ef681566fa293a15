/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: the listening socket, libmicrohttpd without threads, paths, methods and limits.
 * Must not know what a metric is; bodies come piece by piece from callbacks.
 */
#include "http.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "log.h"

#define LISTEN_BACKLOG	64
#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"
#define REASON_CAPACITY 256
#define RESPONSE_BLOCK	1024 /* what libmicrohttpd keeps of a body for HTTP/1.0 clients */

/* A scrape under way. libmicrohttpd asks for less than a row at a time, and a row must not be
 * produced twice, so what it did not take yet waits here. Untouched pages of unused scrapes cost
 * nothing. */
struct scrape {
	struct http *http;
	bool used;
	bool begun;
	size_t length;
	size_t taken;
	char block[HTTP_BLOCK_BYTES];
};

struct http {
	struct http_content content;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	uint16_t port;
	struct scrape scrapes[HTTP_SCRAPES];
};

static void on_message(void *ctx, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void on_message(void *ctx, const char *format, va_list arguments)
{
	char message[REASON_CAPACITY];

	(void)ctx;
	vsnprintf(message, sizeof(message), format, arguments);
	message[strcspn(message, "\n")] = '\0';
	log_debug("http server", LOG_TEXT("message", message));
}

static ssize_t scrape_read(void *ctx, uint64_t position, char *buffer, size_t capacity)
{
	struct scrape *scrape = ctx;
	const struct http_content *content = &scrape->http->content;
	unsigned int number = (unsigned int)(scrape - scrape->http->scrapes);
	size_t length;

	(void)position;
	if (!scrape->begun) {
		scrape->begun = true;
		content->metrics_begin(content->ctx, number);
	}
	if (scrape->taken == scrape->length) {
		scrape->taken = 0;
		scrape->length = content->metrics_read(content->ctx, number, scrape->block,
						       sizeof(scrape->block));
		if (scrape->length == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	length = scrape->length - scrape->taken;
	if (length > capacity)
		length = capacity;
	memcpy(buffer, scrape->block + scrape->taken, length);
	scrape->taken += length;
	return (ssize_t)length;
}

static void scrape_end(void *ctx)
{
	struct scrape *scrape = ctx;

	scrape->used = false;
}

/* Takes over the response, which may be NULL. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      struct MHD_Response *response, const char *type)
{
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES)
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* header NULL: none besides the usual. The text is copied. */
static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
				   char *text, const char *header, const char *value)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text,
									MHD_RESPMEM_MUST_COPY);

	if (response && header)
		(void)MHD_add_response_header(response, header, value);
	return answer(connection, status, response, "text/plain; charset=utf-8");
}

/* A reply in chunks to HEAD would have libmicrohttpd 0.9.75 send the last chunk: a body. */
static enum MHD_Result answer_metrics_head(struct http *http, struct MHD_Connection *connection)
{
	(void)http;
	return answer(connection, MHD_HTTP_OK,
		      MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT),
		      METRICS_TYPE);
}

static enum MHD_Result answer_metrics(struct http *http, struct MHD_Connection *connection)
{
	static char busy[] = "too many scrapes at once\n";
	struct scrape *scrape = NULL;
	struct MHD_Response *response;

	for (unsigned int i = 0; i < HTTP_SCRAPES && !scrape; i++) {
		if (!http->scrapes[i].used)
			scrape = &http->scrapes[i];
	}
	if (!scrape)
		return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, busy,
				   MHD_HTTP_HEADER_RETRY_AFTER, "1");
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, RESPONSE_BLOCK, scrape_read,
						     scrape, scrape_end);
	if (!response)
		return MHD_NO;
	scrape->http = http;
	scrape->used = true;
	scrape->begun = false;
	scrape->length = 0;
	scrape->taken = 0;
	return answer(connection, MHD_HTTP_OK, response, METRICS_TYPE);
}

static enum MHD_Result answer_healthy(struct http *http, struct MHD_Connection *connection)
{
	static char yes[] = "healthy\n";
	static char no[] = "the event loop hangs\n";

	if (http->content.healthy(http->content.ctx))
		return answer_text(connection, MHD_HTTP_OK, yes, NULL, NULL);
	return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, no, NULL, NULL);
}

static enum MHD_Result answer_ready(struct http *http, struct MHD_Connection *connection)
{
	static char yes[] = "ready\n";
	char reason[REASON_CAPACITY] = "";

	if (http->content.ready(http->content.ctx, reason, sizeof(reason) - 1))
		return answer_text(connection, MHD_HTTP_OK, yes, NULL, NULL);
	memcpy(reason + strlen(reason), "\n", 2);
	return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, reason, NULL, NULL);
}

static enum MHD_Result answer_start(struct http *http, struct MHD_Connection *connection)
{
	static char page[] = "kube-canary\n"
			     "\n"
			     "/metrics    for Prometheus\n"
			     "/-/healthy  whether it runs\n"
			     "/-/ready    whether it measures\n";

	(void)http;
	return answer_text(connection, MHD_HTTP_OK, page, NULL, NULL);
}

static const struct {
	const char *path;
	enum MHD_Result (*get)(struct http *http, struct MHD_Connection *connection);
	enum MHD_Result (*head)(struct http *http, struct MHD_Connection *connection);
} pages[] = {
	{ "/metrics", answer_metrics, answer_metrics_head },
	{ "/-/healthy", answer_healthy, answer_healthy },
	{ "/-/ready", answer_ready, answer_ready },
	{ "/", answer_start, answer_start },
};

/* Called once with the headers, for each piece of a body, and once at the end. A reply to the first
 * call costs the connection, so that is for those whose body is not worth reading. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_length, void **request)
{
	static char not_found[] = "not found\n";
	static char not_allowed[] = "method not allowed\n";
	bool allowed = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
		       strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	bool headers_only = *request == NULL;

	(void)version;
	(void)body;
	*request = not_found; /* any mark will do */
	if (allowed && (headers_only || *body_length > 0)) {
		*body_length = 0;
		return MHD_YES;
	}
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
			return pages[i].get(ctx, connection);
		if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
			return pages[i].head(ctx, connection);
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, not_allowed,
				   MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	}
	return answer_text(connection, MHD_HTTP_NOT_FOUND, not_found, NULL, NULL);
}

static int listen_on(const struct sockaddr *address, socklen_t length, uint16_t *ret_port)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	const int off = 0;
	struct sockaddr_in6 bound = { 0 }; /* sin_port and sin6_port stand at the same place */
	socklen_t bound_length = sizeof(bound);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (address->sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) ||
	    bind(fd, address, length) || listen(fd, LISTEN_BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_length)) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_port = ntohs(bound.sin6_port);
	return fd;
}

/* A descriptor, or -errno. */
static int listen_at(const char *host, uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct address address = { .octets = { 0 } }; /* also that of all hosts, either family */
	int fd;

	if (host[0] != '\0' && address_parse(host, &address))
		return -EINVAL;
	if (address_is_ipv4(&address)) {
		memcpy(&four.sin_addr, &address.octets[12], sizeof(four.sin_addr));
		return listen_on((struct sockaddr *)&four, sizeof(four), ret_port);
	}
	memcpy(&six.sin6_addr, address.octets, sizeof(six.sin6_addr));
	fd = listen_on((struct sockaddr *)&six, sizeof(six), ret_port);
	if (host[0] == '\0' &&
	    (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) /* no IPv6 on this host */
		fd = listen_on((struct sockaddr *)&four, sizeof(four), ret_port);
	return fd;
}

static struct MHD_Daemon *start_daemon(struct http *http, int listen_fd)
{
	/* The logger first: what libmicrohttpd has to say of the others should reach it. */
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
				MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
				MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned int)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)HTTP_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned int)HTTP_IDLE_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				MHD_OPTION_END);
}

int http_open(const char *host, uint16_t port, const struct http_content *content,
	      struct http **ret)
{
	const union MHD_DaemonInfo *info;
	struct http *http;
	int listen_fd;

	http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	http->content = *content;
	listen_fd = listen_at(host, port, &http->port);
	if (listen_fd < 0) {
		free(http);
		return listen_fd;
	}
	http->daemon = start_daemon(http, listen_fd); /* owns the socket, also when it fails */
	info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		http_close(http);
		return -ENOMEM;
	}
	http->epoll_fd = info->epoll_fd;
	*ret = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	free(http);
}

uint16_t http_port(const struct http *http)
{
	return http->port;
}

int http_fd(const struct http *http)
{
	return http->epoll_fd;
}

void http_run(struct http *http)
{
	/* Only the next run listens again after one has freed the connection or descriptor it
	 * lacked. */
	(void)MHD_run(http->daemon);
	(void)MHD_run(http->daemon);
}

int http_timeout_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
		return -1;
	return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}
