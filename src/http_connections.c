/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected, since when, and who has to go: at the end of its time, or for others when all
 * connections are taken. libmicrohttpd's own timeout knows only of silence, which a client that
 * sends an octet now and then never is. Must not know what is served.
 */
#include "http_state.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define REPLY_BYTES 1024 /* of a header: the page's policy is the longest part */
#define FIELD_BYTES 64	 /* of a request's field, beside its text */

/* IPv6 hosts have a whole network of addresses to come from. */
static uint64_t client_of(const struct sockaddr *address)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	uint64_t network;
	uint32_t host;

	if (address->sa_family == AF_INET) {
		memcpy(&four, address, sizeof(four));
		return UINT64_C(1) << 32 | four.sin_addr.s_addr;
	}
	if (address->sa_family != AF_INET6)
		return 0;
	memcpy(&six, address, sizeof(six));
	if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
		memcpy(&host, &six.sin6_addr.s6_addr[12], sizeof(host));
		return UINT64_C(1) << 32 | host;
	}
	memcpy(&network, six.sin6_addr.s6_addr, sizeof(network));
	return network;
}

static struct http_connection *unused_connection(struct http *http)
{
	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++) {
		if (http->connections[i].phase == HTTP_UNUSED)
			return &http->connections[i];
	}
	return NULL;
}

static void begin(struct http *http, struct MHD_Connection *handle, void **socket_context)
{
	struct http_connection *connection = unused_connection(http);
	const union MHD_ConnectionInfo *address =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);

	*socket_context = connection;
	if (!connection)
		return;
	*connection = (struct http_connection){
		.phase = HTTP_REQUEST,
		.fd = fd->connect_fd,
		.client = client_of(address->client_addr),
		.since = http->now,
		.http = http,
	};
	http->connection_count++;
}

void http_on_connection(void *ctx, struct MHD_Connection *handle, void **socket_context,
			enum MHD_ConnectionNotificationCode code)
{
	struct http *http = ctx;
	struct http_connection *connection = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		begin(http, handle, socket_context);
	} else if (connection) {
		http_stream_end(connection);
		connection->phase = HTTP_UNUSED;
		http->connection_count--;
	}
}

struct http_connection *http_connection_of(struct MHD_Connection *handle)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

/* Reset, not closed: else the kernel would keep what is left of thousands of them. */
void http_connection_break(struct http_connection *connection)
{
	const struct linger reset = { .l_onoff = 1 };

	http_stream_end(connection);
	connection->phase = HTTP_CLOSING;
	(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)shutdown(connection->fd, SHUT_RDWR);
}

/* Request and reply header share a connection's memory, and libmicrohttpd closes without a word
 * where that does not do for both: so this goes past it. Of fields it keeps a list, hence their
 * number. */
bool http_connection_refuse_header(const struct http_connection *connection,
				   struct MHD_Connection *handle)
{
	static const char reply[] = "HTTP/1.1 431 Request Header Fields Too Large\r\n"
				    "Connection: close\r\nContent-Length: 0\r\n\r\n";
	const union MHD_ConnectionInfo *request =
		MHD_get_connection_info(handle, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	int fields = MHD_get_connection_values(handle, MHD_HEADER_KIND, NULL, NULL);

	if (request->header_size + (size_t)fields * FIELD_BYTES + REPLY_BYTES <=
	    HTTP_CONNECTION_MEMORY)
		return false;
	(void)send(connection->fd, reply, sizeof(reply) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

uint32_t http_connections_live(const struct http *http)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++)
		live += http->connections[i].phase != HTTP_UNUSED &&
			http->connections[i].phase != HTTP_CLOSING;
	return live;
}

static uint32_t connections_of(const struct http *http, uint64_t client)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++)
		count += http->connections[i].phase != HTTP_UNUSED &&
			 http->connections[i].phase != HTTP_CLOSING &&
			 http->connections[i].client == client;
	return count;
}

/* Of the client with most connections; of these those that have asked nothing yet, then those that
 * have been answered, then the answers; of these the oldest. */
static bool is_dispensable_before(const struct http_connection *a, const struct http_connection *b)
{
	uint32_t a_count = connections_of(a->http, a->client);
	uint32_t b_count = connections_of(b->http, b->client);

	if (a_count != b_count)
		return a_count > b_count;
	if (a->phase != b->phase)
		return a->phase < b->phase;
	return local_since(a->since, b->since) < 0;
}

bool http_connections_make_room(struct http *http)
{
	struct http_connection *victim = NULL;

	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++) {
		struct http_connection *connection = &http->connections[i];

		if (connection->phase == HTTP_UNUSED || connection->phase == HTTP_CLOSING ||
		    connection->stream)
			continue;
		if (!victim || is_dispensable_before(connection, victim))
			victim = connection;
	}
	if (victim)
		http_connection_break(victim);
	return victim != NULL;
}

static struct local_time due_of(const struct http_connection *connection)
{
	struct local_time due = { .ns = INT64_MAX };
	int64_t seconds = HTTP_IDLE_SECONDS;

	if (connection->phase == HTTP_UNUSED || connection->phase == HTTP_CLOSING)
		return due;
	if (connection->phase == HTTP_REQUEST)
		seconds = HTTP_REQUEST_SECONDS;
	else if (connection->stream)
		seconds = HTTP_ANSWER_SECONDS;
	return local_after(connection->since, seconds * NS_PER_SECOND);
}

void http_connections_expire(struct http *http)
{
	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++) {
		struct http_connection *connection = &http->connections[i];

		if (local_since(http->now, due_of(connection)) >= 0 ||
		    (connection->stream && !http_stream_keeps_pace(connection->stream, http->now)))
			http_connection_break(connection);
	}
}

int64_t http_connections_due_ns(const struct http *http)
{
	int64_t due_ns = INT64_MAX;

	for (uint32_t i = 0; i < HTTP_CONNECTED_MAX; i++) {
		const struct http_connection *connection = &http->connections[i];
		int64_t ns = due_of(connection).ns;

		due_ns = ns < due_ns ? ns : due_ns;
		ns = connection->stream ? http_stream_due(connection->stream).ns : INT64_MAX;
		due_ns = ns < due_ns ? ns : due_ns;
	}
	return due_ns;
}
