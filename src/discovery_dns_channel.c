/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The c-ares channel: its sockets, watched by an epoll instance of its own, and its servers, which
 * change with resolv.conf. Must not know what is asked.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "discovery_dns_state.h"
#include "log.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* c-ares doubles it for the second try. */
#define TIMEOUT_MS  2000
#define TRIES	    2
#define UDP_BYTES   1232 /* passes any path without fragments */
#define EVENTS_READ 16

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

static int make_channel(struct discovery_dns *dns, ares_channel *ret)
{
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES,
		.timeout = TIMEOUT_MS,
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
	if (status == ARES_SUCCESS)
		return 0;
	return status == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static void look_at_resolv_conf(struct stat *ret)
{
	if (stat(RESOLV_CONF, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

void discovery_dns_renew_channel(struct discovery_dns *dns)
{
	ares_channel channel;
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
	if (make_channel(dns, &channel) < 0)
		return;
	ares_destroy(dns->channel);
	dns->channel = channel;
	dns->resolv_conf = found;
	log_info("name servers read again", LOG_TEXT("file", RESOLV_CONF));
}

int discovery_dns_open_channel(struct discovery_dns *dns)
{
	look_at_resolv_conf(&dns->resolv_conf);
	return make_channel(dns, &dns->channel);
}

void discovery_dns_process(struct discovery_dns *dns)
{
	struct epoll_event events[EVENTS_READ];
	int count = epoll_wait(dns->epoll_fd, events, EVENTS_READ, 0);

	for (int i = 0; i < count; i++) {
		bool readable = events[i].events & ~(uint32_t)EPOLLOUT; /* or in error */
		bool writable = events[i].events & EPOLLOUT;

		ares_process_fd(dns->channel, readable ? events[i].data.fd : ARES_SOCKET_BAD,
				writable ? events[i].data.fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what is late */
}
