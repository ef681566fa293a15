/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks rtnetlink over which interfaces an address is routed and whether its neighbour answers, and
 * hears when routes may have changed. Needs no privilege. Knows addresses, not peers.
 */
#ifndef ROUTES_H
#define ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "interfaces.h"

#define ROUTE_INTERFACES 16 /* next hops of one multipath route that are followed */

struct route {
	bool own; /* RTN_LOCAL: an address of this machine */
	uint32_t count;
	struct interface_name interfaces[ROUTE_INTERFACES];
};

struct routes;

int routes_open(struct routes **ret);
void routes_close(struct routes *routes);
int routes_fd(const struct routes *routes); /* readable: call routes_changed */

/* Interfaces of all next hops, those of a multipath route included, each once. 0, or -errno,
 * -ENETUNREACH among them (then *ret is an empty route). Blocks for the kernel's answer only,
 * bounded. */
int routes_get(struct routes *routes, const struct address *destination, struct route *ret);

/* The neighbour that the address is reached by, itself or a gateway, does not answer ARP or
 * neighbour discovery: what is sent to it does not leave. False where that is not known. */
bool routes_unresolved(struct routes *routes, const struct address *destination);

/* Addresses of this machine that a peer may know it by: global unicast ones that are no longer
 * tentative, on all interfaces that are up but loopback ones first, then those on loopback; within
 * both, those of `preferred` interfaces (peers are routed over them) first. One that stands on
 * several interfaces, or changes meanwhile, may be said more than once. 0 or -errno: then some may
 * be missing. */
typedef void routes_own_fn(void *ctx, const struct address *address);
typedef bool routes_preferred_fn(void *ctx, uint32_t ifindex);
int routes_own_addresses(struct routes *routes, routes_preferred_fn *preferred,
			 routes_own_fn *on_address, void *ctx);

/* Reads all notices. True: some route, address or link changed, or notices were lost. on_link is
 * called for each device that came, went, or was changed. */
typedef void routes_link_fn(void *ctx, uint32_t ifindex);
bool routes_changed(struct routes *routes, routes_link_fn *on_link, void *ctx);

#endif
