/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions to the DNS, shared by the files that make them up: discovery_dns.c (rounds and
 * answers) and discovery_dns_channel.c (sockets and servers). For them and their test alone.
 */
#ifndef DISCOVERY_DNS_STATE_H
#define DISCOVERY_DNS_STATE_H

#include <ares.h>
#include <sys/stat.h>

#include "discovery_dns.h"

#define RECORDS_MAX  4096 /* 65,535 octets hold 4,095 A or 2,340 AAAA of one name */
#define FAMILY_COUNT 2

/* A channel asks in one way only, as each needs a patience of its own. */
enum channel { CHANNEL_UDP, CHANNEL_TCP, CHANNEL_COUNT };

/* One name in one family. */
struct question {
	struct discovery_dns *dns;
	struct name *name;
	bool six;
	int status;		   /* of this round, by c-ares */
	int32_t ttl_seconds;	   /* smallest of its answer, if status is ARES_SUCCESS */
	struct address *addresses; /* last good answer, ascending; untouched pages cost nothing */
	uint32_t count;
};

struct name {
	const char *text;
	struct question questions[FAMILY_COUNT];
	uint32_t unanswered;   /* of this round */
	uint32_t failures;     /* in a row */
	uint32_t silences;     /* likewise, of both families */
	struct local_time due; /* the next round, if none runs */
	bool answered;	       /* ever */
};

struct discovery_dns {
	ares_channel channels[CHANNEL_COUNT];
	bool truncated; /* an answer over UDP: that of the next callback */
	int epoll_fd;
	bool ipv6_first;
	const char *servers;
	struct stat resolv_conf; /* as of when the channels were made */
	struct discovery_totals *totals;
	struct local_time now; /* for callbacks */
	bool changed;
	uint32_t count;
	struct name names[DISCOVERY_DNS_NAMES];
	union {
		struct ares_addrttl four[RECORDS_MAX];
		struct ares_addr6ttl six[RECORDS_MAX];
	} records;
	struct address scratch[RECORDS_MAX];
};

/* 0 or -errno. */
int discovery_dns_open_channels(struct discovery_dns *dns);
void discovery_dns_close_channels(struct discovery_dns *dns);

/* If servers are others now. While questions are open they are kept; some moment none is. */
void discovery_dns_renew_channels(struct discovery_dns *dns);

/* Reads and writes what can be, and gives up what is late. */
void discovery_dns_process(struct discovery_dns *dns);

#endif
