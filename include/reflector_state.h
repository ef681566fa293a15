/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reflector.c (the sockets) and reflector_answer.c (what comes and goes by them) share. For
 * them alone.
 */
#ifndef REFLECTOR_STATE_H
#define REFLECTOR_STATE_H

#include <sys/socket.h>

#include "probe_socket.h"
#include "reflector.h"
#include "reflector_rules.h"

/* What the memory is taken for. */
#define REFLECTOR_BATCH 16

/* A limit, not memory that is taken: what comes while we do not run. 5,000 peers that ask once a
 * second send that much in 0.8 s, and a container that is throttled stands still for less. Without
 * CAP_NET_ADMIN it becomes what net.core.rmem_max allows, by default a tenth. */
#define REFLECTOR_WAITING_PACKETS 4096
#define REFLECTOR_WAITING_BYTES	  (REFLECTOR_WAITING_PACKETS * PROBE_SOCKET_OVERHEAD_BYTES)
/* The kernel counts the smallest packet as 512 octets and more: no more than so many wait. */
#define REFLECTOR_WAITING_MAX (REFLECTOR_WAITING_BYTES / 512)

/* The address and interface, TTL, TOS, timestamps, drops, size of fragments, and options of IPv4.
 * IPv6 extension headers may be larger: what is cut off is not answered either. */
#define REFLECTOR_CONTROL_BYTES 384

enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

_Static_assert(FAMILIES == REFLECTOR_SOCKETS, "one for each family");

struct reflector_socket {
	int fd; /* -1: none */
	/* What may be older than a step of the clock: so many of the next packets at most. */
	uint32_t stale;
	uint32_t overflow; /* SO_RXQ_OVFL, as told last */
};

struct reflector_control {
	_Alignas(struct cmsghdr) char octets[REFLECTOR_CONTROL_BYTES];
};

struct reflector {
	struct reflector_socket sockets[FAMILIES];
	uint16_t port_be;
	struct stamp_identity identity;
	struct kernel_memory memory; /* control NULL: not yet */
	int64_t real_offset_ns;	     /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	uint32_t steps;		     /* that it made */

	/* Of the batch that is being answered. */
	struct mmsghdr messages[REFLECTOR_BATCH];
	struct iovec parts[REFLECTOR_BATCH];
	union socket_address senders[REFLECTOR_BATCH];
	struct reflector_control controls[REFLECTOR_BATCH];
	uint8_t payloads[REFLECTOR_BATCH][STAMP_BYTES_MAX];
};

/* The wall clock, read last. False: it does not stand to the monotonic one as it did. What waits
 * was stamped by another clock, and *ret_unix_ns is of no use. */
bool reflector_clocks(struct reflector *reflector, struct local_time *ret_now,
		      int64_t *ret_unix_ns);

#endif
