/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers from DNS: the A and AAAA records of some names, asked through c-ares without ever blocking,
 * again when they are about to expire. What has been answered once stays until it is answered anew:
 * a failure, or an answer without addresses, is no news. What a peer is, and what becomes of it, is
 * told by a callback.
 */
#ifndef DISCOVERY_DNS_H
#define DISCOVERY_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "exposition.h"
#include "instant.h"
#include "peers.h"

#define DISCOVERY_DNS_NAMES 8

/* Bounds of the time until a name is asked for again: by the smallest TTL; after failures twice as
 * long each time. */
#define DISCOVERY_DNS_PAUSE_MIN_NS (5 * NS_PER_SECOND)
#define DISCOVERY_DNS_PAUSE_MAX_NS (60 * NS_PER_SECOND)

struct discovery_dns_settings {
	const char *const *names;	 /* alive as long as what is opened */
	uint32_t count;			 /* 1..DISCOVERY_DNS_NAMES */
	bool ipv6_first;		 /* of many, those that are wanted shall find room */
	const char *servers;		 /* ADDRESS:PORT,…; NULL: those of /etc/resolv.conf */
	struct discovery_totals *totals; /* where to count */
};

struct discovery_dns;

/* The first questions are asked by the first run. */
int discovery_dns_open(const struct discovery_dns_settings *settings, struct discovery_dns **ret);
void discovery_dns_close(struct discovery_dns *dns);

/* Readable: call discovery_dns_run. */
int discovery_dns_fd(const struct discovery_dns *dns);

/* Reads answers, gives up late ones, asks what is due; safe to call at any time. True as long as
 * the addresses are others than at the last offer. */
bool discovery_dns_run(struct discovery_dns *dns, struct local_time now);

/* When to run again at the latest. */
struct local_time discovery_dns_next(const struct discovery_dns *dns, struct local_time now);

/* 0 or a result of peers_offer. */
typedef int discovery_dns_offer_fn(void *ctx, const struct peer_candidate *candidate);

/* Offers each address of the last good answers, of all names and both families; those that several
 * names have several times, which -EEXIST answers. */
void discovery_dns_offer(struct discovery_dns *dns, discovery_dns_offer_fn *offer, void *ctx);

#endif
