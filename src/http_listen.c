/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening sockets of the HTTP server, and letting in. Must not know requests.
 */
#include "http_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "log.h"

#define LISTEN_BACKLOG 256 /* let in within milliseconds, whoever they are */

/* What the kernel keeps for each connection, ours or still waiting: it would be megabytes. */
#define RECEIVE_BYTES	(2 * HTTP_CONNECTION_MEMORY)
#define SEND_BYTES	32768
#define USER_TIMEOUT_MS 15000 /* of what is sent and not acknowledged; also after the end */

#define DEAF_NS (100 * NS_PER_MS)

/* Accepted ones inherit it. */
static int set_options(int fd, int family)
{
	static const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES },
		{ SOL_SOCKET, SO_SNDBUF, SEND_BYTES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
		{ IPPROTO_IPV6, IPV6_V6ONLY, 0 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].level == IPPROTO_IPV6 && family != AF_INET6)
			continue;
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			return -errno;
	}
	return 0;
}

static int listen_on(const struct sockaddr *address, socklen_t length,
		     struct http_listener *ret_listener)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 bound = { 0 }; /* sin_port and sin6_port stand at the same place */
	socklen_t bound_length = sizeof(bound);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, address->sa_family);
	if (!err && (bind(fd, address, length) || listen(fd, LISTEN_BACKLOG) ||
		     getsockname(fd, (struct sockaddr *)&bound, &bound_length)))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	*ret_listener = (struct http_listener){ .fd = fd, .port = ntohs(bound.sin6_port) };
	return 0;
}

static int listen_at(const struct http_address *at, struct http_listener *ret_listener)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	struct address address = { .octets = { 0 } }; /* also that of all hosts, either family */
	int err;

	if (at->host[0] != '\0' && address_parse(at->host, &address))
		return -EINVAL;
	if (address_is_ipv4(&address)) {
		memcpy(&four.sin_addr, &address.octets[12], sizeof(four.sin_addr));
		return listen_on((struct sockaddr *)&four, sizeof(four), ret_listener);
	}
	memcpy(&six.sin6_addr, address.octets, sizeof(six.sin6_addr));
	err = listen_on((struct sockaddr *)&six, sizeof(six), ret_listener);
	if (at->host[0] == '\0' &&
	    (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)) /* no IPv6 on this host */
		err = listen_on((struct sockaddr *)&four, sizeof(four), ret_listener);
	return err;
}

static int watch(struct http *http, int fd, int operation, bool listening)
{
	struct epoll_event event = { .events = listening ? EPOLLIN : 0 };

	return epoll_ctl(http->epoll_fd, operation, fd, &event) ? -errno : 0;
}

int http_listen(struct http *http, const struct http_address *address)
{
	struct http_listener *listener = &http->listeners[http->listener_count];
	int err = listen_at(address, listener);

	if (err)
		return err;
	http->listener_count++;
	return watch(http, listener->fd, EPOLL_CTL_ADD, true);
}

void http_listen_close(struct http *http)
{
	for (uint32_t i = 0; i < http->listener_count; i++)
		close(http->listeners[i].fd);
}

static void set_deaf(struct http *http, bool deaf)
{
	http->deaf = deaf;
	http->listen_again = local_after(http->now, DEAF_NS);
	for (uint32_t i = 0; i < http->listener_count; i++)
		(void)watch(http, http->listeners[i].fd, EPOLL_CTL_MOD, !deaf);
}

/* Asked in each turn of the loop. accept() of nobody would make a socket first: it takes ten times
 * as long. */
static bool somebody_waits(int listener_fd)
{
	struct pollfd listener = { .fd = listener_fd, .events = POLLIN };

	return poll(&listener, 1, 0) > 0;
}

/* False: nobody waits any more, or cannot be let in now. */
static bool accept_one(struct http *http, int listener_fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd = accept4(listener_fd, (struct sockaddr *)&address, &length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		log_debug("cannot let in", LOG_ERRNO(-errno));
		(void)http_connections_make_room(http);
		set_deaf(http, true);
		return false;
	}
	if (fd < 0) /* also what ended while it waited */
		return errno == ECONNABORTED || errno == EINTR;
	if (http_connections_live(http) >= HTTP_CONNECTIONS)
		(void)http_connections_make_room(http);
	/* Closes the descriptor if it fails. */
	(void)MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address, length);
	return true;
}

void http_accept(struct http *http)
{
	if (http->deaf && local_since(http->now, http->listen_again) < 0)
		return;
	if (http->deaf)
		set_deaf(http, false);
	for (uint32_t i = 0; i < http->listener_count; i++) {
		for (int accepted = 0; accepted < HTTP_ACCEPTS && !http->deaf &&
				       http->connection_count < HTTP_CONNECTED_MAX &&
				       somebody_waits(http->listeners[i].fd) &&
				       accept_one(http, http->listeners[i].fd);
		     accepted++)
			;
	}
}
