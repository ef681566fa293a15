/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: libmicrohttpd without threads, and what is answered to which request. Must not
 * know what a metric is; documents come from callbacks.
 */
#include "http_state.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

#define REASON_CAPACITY 256

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

struct header {
	const char *name;
	const char *value; /* NULL: none */
};

/* Takes over the response, which may be NULL. headers: up to one without a name. */
static enum MHD_Result answer(struct MHD_Connection *handle, unsigned int status,
			      struct MHD_Response *response, const struct header *headers)
{
	static const struct header usual[] = {
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
	};
	struct http_connection *connection = http_connection_of(handle);
	enum MHD_Result result = MHD_YES;

	if (!response)
		return MHD_NO;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && result == MHD_YES; i++)
		result = MHD_add_response_header(response, usual[i].name, usual[i].value);
	for (; headers->name && result == MHD_YES; headers++) {
		if (headers->value)
			result = MHD_add_response_header(response, headers->name, headers->value);
	}
	if (result == MHD_YES)
		result = MHD_queue_response(handle, status, response);
	MHD_destroy_response(response);
	if (connection->phase == HTTP_CLOSING)
		return MHD_NO;
	connection->phase = HTTP_ANSWER;
	connection->since = connection->http->now;
	return result;
}

/* name NULL: no header besides the usual. The text is copied. */
static enum MHD_Result answer_text(struct MHD_Connection *handle, unsigned int status, char *text,
				   const char *name, const char *value)
{
	const struct header headers[] = {
		{ MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8" },
		{ name, value },
		{ NULL, NULL },
	};

	return answer(handle, status,
		      MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY),
		      headers);
}

struct negotiation {
	struct accept accept;
	struct accept_encoding encoding;
};

static enum MHD_Result on_field(void *ctx, enum MHD_ValueKind kind, const char *name,
				const char *value)
{
	struct negotiation *negotiation = ctx;

	(void)kind;
	if (!value)
		return MHD_YES;
	if (strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0)
		accept_add(&negotiation->accept, value);
	else if (strcasecmp(name, MHD_HTTP_HEADER_ACCEPT_ENCODING) == 0)
		accept_encoding_add(&negotiation->encoding, value);
	return MHD_YES;
}

static ssize_t on_read_nothing(void *ctx, uint64_t position, char *buffer, size_t capacity)
{
	(void)ctx;
	(void)position;
	(void)buffer;
	(void)capacity;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

/* Of a length that is not known, without any: libmicrohttpd 0.9.75 would send the last chunk, which
 * is a body, were it not for the flag; the connection ends with it. */
static struct MHD_Response *head_response(void)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, on_read_nothing, NULL, NULL);

	if (response)
		(void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
					       MHD_RO_END);
	return response;
}

static enum MHD_Result answer_document(struct http_connection *connection,
				       struct MHD_Connection *handle,
				       const struct http_document *document, bool head)
{
	static char busy[] = "too many documents at once\n";
	static char unacceptable[] = "not acceptable\n";
	const struct http_content *content = &connection->http->content;
	struct negotiation negotiation = { 0 };
	enum accept_format format = document->format;
	bool acceptable;
	bool compressed;

	(void)MHD_get_connection_values(handle, MHD_HEADER_KIND, on_field, &negotiation);
	if (!document->content_type)
		format = accept_choose(&negotiation.accept, &acceptable); /* text, if nothing is */
	else if (!accept_allows(&negotiation.accept, format))
		return answer_text(handle, MHD_HTTP_NOT_ACCEPTABLE, unacceptable,
				   MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
	compressed = accept_encoding_gzip(&negotiation.encoding);
	if (!head && http_stream_take(connection, document, format, compressed)) {
		content->refused(content->ctx, document);
		return answer_text(handle, MHD_HTTP_SERVICE_UNAVAILABLE, busy,
				   MHD_HTTP_HEADER_RETRY_AFTER, "1");
	}
	return answer(handle, MHD_HTTP_OK,
		      head ? head_response() : http_stream_response(connection),
		      (const struct header[]){
			      { MHD_HTTP_HEADER_CONTENT_TYPE,
				document->content_type ? document->content_type
						       : content->format_type(format) },
			      { MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding" },
			      { MHD_HTTP_HEADER_CONTENT_ENCODING, compressed ? "gzip" : NULL },
			      { "Content-Security-Policy", document->policy },
			      { NULL, NULL },
		      });
}

static enum MHD_Result answer_healthy(struct http *http, struct MHD_Connection *handle)
{
	static char yes[] = "healthy\n";
	static char no[] = "the event loop hangs\n";

	if (http->content.healthy(http->content.ctx))
		return answer_text(handle, MHD_HTTP_OK, yes, NULL, NULL);
	return answer_text(handle, MHD_HTTP_SERVICE_UNAVAILABLE, no, NULL, NULL);
}

static enum MHD_Result answer_ready(struct http *http, struct MHD_Connection *handle)
{
	static char yes[] = "ready\n";
	char reason[REASON_CAPACITY] = "";

	if (http->content.ready(http->content.ctx, reason, sizeof(reason) - 1))
		return answer_text(handle, MHD_HTTP_OK, yes, NULL, NULL);
	memcpy(reason + strlen(reason), "\n", 2);
	return answer_text(handle, MHD_HTTP_SERVICE_UNAVAILABLE, reason, NULL, NULL);
}

static const struct {
	const char *path;
	enum MHD_Result (*answer)(struct http *http, struct MHD_Connection *handle);
} states[] = {
	{ "/-/healthy", answer_healthy },
	{ "/-/ready", answer_ready },
};

static bool is_head(const char *method)
{
	return strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static bool is_allowed(const char *method)
{
	return is_head(method) || strcmp(method, MHD_HTTP_METHOD_GET) == 0;
}

static enum MHD_Result answer_request(struct http_connection *connection,
				      struct MHD_Connection *handle, const char *path,
				      const char *method)
{
	static char not_found[] = "not found\n";
	static char not_allowed[] = "method not allowed\n";
	struct http *http = connection->http;
	const struct http_document *document = NULL;
	size_t state = 0;

	while (state < sizeof(states) / sizeof(states[0]) && strcmp(path, states[state].path) != 0)
		state++;
	for (uint32_t i = 0; i < http->content.document_count && !document; i++) {
		if (strcmp(path, http->content.documents[i].path) == 0)
			document = &http->content.documents[i];
	}
	if (!document && state == sizeof(states) / sizeof(states[0]))
		return answer_text(handle, MHD_HTTP_NOT_FOUND, not_found, NULL, NULL);
	if (!is_allowed(method))
		return answer_text(handle, MHD_HTTP_METHOD_NOT_ALLOWED, not_allowed,
				   MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return document ? answer_document(connection, handle, document, is_head(method))
			: states[state].answer(http, handle);
}

static bool promises_too_much(struct MHD_Connection *handle)
{
	const char *length = MHD_lookup_connection_value(handle, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > HTTP_REQUEST_BODY_BYTES;
}

/* Called once with the headers, for each piece of a body, and once at the end. A reply to the first
 * call costs the connection, so that is for those whose body is not worth reading. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *handle, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_length, void **request)
{
	static char too_large[] = "content too large\n";
	struct http_connection *connection = http_connection_of(handle);
	bool headers_only = *request == NULL;

	(void)ctx;
	(void)version;
	(void)body;
	if (!connection || connection->phase == HTTP_CLOSING)
		return MHD_NO;
	*request = connection; /* any mark will do */
	if (headers_only) {
		connection->body_bytes = 0;
		if (http_connection_refuse_header(connection, handle))
			return MHD_NO;
		if (!is_allowed(method))
			return answer_request(connection, handle, http_path_of(path), method);
		if (promises_too_much(handle))
			return answer_text(handle, MHD_HTTP_CONTENT_TOO_LARGE, too_large, NULL,
					   NULL);
		return MHD_YES;
	}
	if (*body_length > 0) {
		connection->body_bytes += *body_length;
		*body_length = 0;
		return connection->body_bytes > HTTP_REQUEST_BODY_BYTES ? MHD_NO : MHD_YES;
	}
	return answer_request(connection, handle, http_path_of(path), method);
}

static void on_completed(void *ctx, struct MHD_Connection *handle, void **request,
			 enum MHD_RequestTerminationCode code)
{
	struct http_connection *connection = http_connection_of(handle);

	(void)ctx;
	(void)request;
	if (!connection)
		return;
	if (connection->stream && code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		connection->stream->whole = false;
	http_stream_end(connection);
	if (connection->phase == HTTP_CLOSING)
		return;
	connection->phase = HTTP_IDLE;
	connection->since = connection->http->now;
}

static int start_daemon(struct http *http)
{
	const union MHD_DaemonInfo *info;
	struct epoll_event event = { .events = EPOLLIN };

	/* The logger first: what libmicrohttpd has to say of the others should reach it. Time is
	 * up to us; its own timeout is there for what we might have overlooked. */
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)HTTP_CONNECTED_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)HTTP_ANSWER_SECONDS,
		MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, http, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
		http_on_unescape, NULL, MHD_OPTION_END);
	info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return -ENOMEM;
	return epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) ? -errno : 0;
}

int http_open(const struct http_address *addresses, uint32_t count,
	      const struct http_content *content, struct http **ret, uint32_t *ret_failed)
{
	struct http *http;
	uint32_t failed = 0;
	int err;

	if (count == 0 || count > HTTP_LISTEN)
		return -EINVAL;
	http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	http->content = *content;
	http->now = loop_now();
	http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = http->epoll_fd < 0 ? -errno : start_daemon(http);
	for (; !err && failed < count; failed++) {
		err = http_listen(http, &addresses[failed]);
		if (err)
			break;
	}
	if (err) {
		http_close(http);
		*ret_failed = failed;
		return err;
	}
	*ret = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	http_listen_close(http);
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	if (http->epoll_fd >= 0)
		close(http->epoll_fd);
	free(http);
}

uint16_t http_port(const struct http *http, uint32_t index)
{
	return http->listeners[index].port;
}

int http_fd(const struct http *http)
{
	return http->epoll_fd;
}

void http_run(struct http *http)
{
	http->now = loop_now();
	http_connections_expire(http);
	http_accept(http);
	(void)MHD_run(http->daemon);
}

int http_timeout_ms(const struct http *http)
{
	int64_t due_ns = http_connections_due_ns(http);
	int64_t timeout_ms = -1;
	MHD_UNSIGNED_LONG_LONG daemon_ms;

	if (http->deaf && http->listen_again.ns < due_ns)
		due_ns = http->listen_again.ns;
	if (due_ns != INT64_MAX) {
		timeout_ms = (due_ns - loop_now().ns + NS_PER_MS - 1) / NS_PER_MS;
		timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
	}
	if (MHD_get_timeout(http->daemon, &daemon_ms) == MHD_YES &&
	    (timeout_ms < 0 || daemon_ms < (MHD_UNSIGNED_LONG_LONG)timeout_ms))
		timeout_ms = daemon_ms < INT_MAX ? (int64_t)daemon_ms : INT_MAX;
	return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}
