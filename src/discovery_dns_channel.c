/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The c-ares channels, one for UDP and one for TCP: their sockets, watched by one epoll instance,
 * how long they wait, and their servers, which change with resolv.conf. Must not know what is
 * asked.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "discovery_dns_state.h"
#include "log.h"

#define RESOLV_CONF "/etc/resolv.conf"

/*
 * How long a server has to answer, before the next one is asked. c-ares gives a question over TCP
 * no more than a UDP datagram, and one try for each connection, but 64 KiB take five round trips,
 * and those of several questions share a connection. Hence the two channels: a lost datagram and a
 * dead server are soon noticed, and a large answer has its time. c-ares doubles it for the second
 * try, which over TCP is made only if the first connection failed.
 */
#define UDP_TIMEOUT_MS 2000
#define TCP_TIMEOUT_MS 10000
#define TCP_UNHEARD_MS 3000 /* connecting, or with the question not acknowledged */
#define TRIES	       2
#define UDP_BYTES      1232 /* passes any path without fragments */
#define EVENTS_READ    16

static void on_socket(void *ctx, ares_socket_t fd, int readable, int writable)
{
	const struct discovery_dns *dns = ctx;
	struct epoll_event event = { .data.fd = fd };

	if (readable)
		event.events |= EPOLLIN;
	if (writable)
		event.events |= EPOLLOUT;
	/* A socket that cannot be watched is one that never answers. */
	if (!event.events)
		epoll_ctl(dns->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(dns->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 && errno == ENOENT)
		epoll_ctl(dns->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* After a truncated answer c-ares would go on over TCP: that no server can be had a socket to ends
 * the question, and its callback is the next. */
static int on_socket_of_udp(ares_socket_t fd, int type, void *ctx)
{
	struct discovery_dns *dns = ctx;

	(void)fd;
	if (type != SOCK_STREAM)
		return ARES_SUCCESS;
	dns->truncated = true;
	return -1;
}

static int on_socket_of_tcp(ares_socket_t fd, int type, void *ctx)
{
	unsigned int unheard_ms = TCP_UNHEARD_MS;

	(void)ctx;
	(void)type;
	/* Without it only the failover is slow. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof(unheard_ms));
	return ARES_SUCCESS;
}

static int make_channel(struct discovery_dns *dns, bool tcp, ares_channel *ret)
{
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES | (tcp ? ARES_FLAG_USEVC : 0),
		.timeout = tcp ? TCP_TIMEOUT_MS : UDP_TIMEOUT_MS,
		.tries = TRIES,
		.ednspsz = UDP_BYTES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = dns,
	};
	int status = ares_init_options(ret, &options,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB |
					       ARES_OPT_NOROTATE);

	if (status == ARES_SUCCESS && dns->servers) {
		status = ares_set_servers_ports_csv(*ret, dns->servers);
		if (status != ARES_SUCCESS)
			ares_destroy(*ret);
	}
	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
	ares_set_socket_configure_callback(*ret, tcp ? on_socket_of_tcp : on_socket_of_udp, dns);
	return 0;
}

static int make_channels(struct discovery_dns *dns, ares_channel ret[CHANNEL_COUNT])
{
	int err = make_channel(dns, false, &ret[CHANNEL_UDP]);

	if (err)
		return err;
	err = make_channel(dns, true, &ret[CHANNEL_TCP]);
	if (err)
		ares_destroy(ret[CHANNEL_UDP]);
	return err;
}

static void look_at_resolv_conf(struct stat *ret)
{
	if (stat(RESOLV_CONF, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

void discovery_dns_renew_channels(struct discovery_dns *dns)
{
	ares_channel channels[CHANNEL_COUNT];
	struct stat found;

	for (uint32_t i = 0; i < dns->count; i++) {
		if (dns->names[i].unanswered > 0)
			return;
	}
	look_at_resolv_conf(&found);
	if (dns->servers ||
	    (found.st_ino == dns->resolv_conf.st_ino && found.st_size == dns->resolv_conf.st_size &&
	     found.st_mtim.tv_sec == dns->resolv_conf.st_mtim.tv_sec &&
	     found.st_mtim.tv_nsec == dns->resolv_conf.st_mtim.tv_nsec))
		return;
	if (make_channels(dns, channels) < 0)
		return;
	discovery_dns_close_channels(dns);
	memcpy(dns->channels, channels, sizeof(channels));
	dns->resolv_conf = found;
	log_info("name servers read again", LOG_TEXT("file", RESOLV_CONF));
}

int discovery_dns_open_channels(struct discovery_dns *dns)
{
	ares_channel channels[CHANNEL_COUNT];
	int err;

	look_at_resolv_conf(&dns->resolv_conf);
	err = make_channels(dns, channels);
	if (!err)
		memcpy(dns->channels, channels, sizeof(channels));
	return err;
}

void discovery_dns_close_channels(struct discovery_dns *dns)
{
	for (uint32_t i = 0; i < CHANNEL_COUNT; i++) {
		if (dns->channels[i])
			ares_destroy(dns->channels[i]);
	}
}

/* A socket is known to one of the channels, and passed over by the other. */
static void process(struct discovery_dns *dns, ares_socket_t readable, ares_socket_t writable)
{
	for (uint32_t i = 0; i < CHANNEL_COUNT; i++)
		ares_process_fd(dns->channels[i], readable, writable);
}

void discovery_dns_process(struct discovery_dns *dns)
{
	struct epoll_event events[EVENTS_READ];
	int count = epoll_wait(dns->epoll_fd, events, EVENTS_READ, 0);

	for (int i = 0; i < count; i++) {
		bool readable = events[i].events & ~(uint32_t)EPOLLOUT; /* or in error */
		bool writable = events[i].events & EPOLLOUT;

		process(dns, readable ? events[i].data.fd : ARES_SOCKET_BAD,
			writable ? events[i].data.fd : ARES_SOCKET_BAD);
	}
	process(dns, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what is late */
}
