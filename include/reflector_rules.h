/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user-space reflector answers and how, as bpf/reflector.bpf.h, sessions.bpf.h and
 * tlv.bpf.h have it, in the same order and counted alike. Pure core; must not know sockets.
 */
#ifndef REFLECTOR_RULES_H
#define REFLECTOR_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "instant.h"
#include "kernel_memory.h"
#include "stamp.h"

/* A datagram to our port, as the kernel tells of it. */
struct reflector_request {
	struct address source;
	struct address destination;
	uint16_t source_port_be;
	uint8_t ttl;
	bool is_ipv4;		   /* by its header */
	bool is_plain;		   /* no options, no extension headers, no fragment */
	uint32_t bytes;		   /* of UDP payload */
	const uint8_t *payload;	   /* `bytes` of them, if not above STAMP_BYTES_MAX */
	struct local_time arrived; /* for its rate and its session's age */
	int64_t t2_unix_ns;
};

/* Of memory: addresses, whose reflect_at is written; counters, peers, control; and sessions, which
 * are nobody else's. */

/* What the guards found out. */
struct reflector_asker {
	uint32_t place;	  /* in kc_addresses */
	uint64_t session; /* its key in kc_sessions */
};

/* True: it is to be answered. Else the refusal is counted. */
bool reflector_judge(const struct kernel_memory *memory, uint16_t own_port_be,
		     const struct reflector_request *request, struct reflector_asker *ret);

/* Makes the request's payload its reply, all but T3. The session counts it. */
void reflector_write(const struct kernel_memory *memory, const struct stamp_identity *identity,
		     const struct reflector_request *request, const struct reflector_asker *asker,
		     uint8_t *payload);
/* T3, last of all. */
void reflector_write_t3(uint8_t *payload, int64_t t3_unix_ns);

/* What became of one that was to be answered: sent, or not. */
void reflector_count_answered(const struct kernel_memory *memory,
			      const struct reflector_asker *asker);
void reflector_count_failed(const struct kernel_memory *memory,
			    const struct reflector_asker *asker);
/* Requests that never got as far as a guard. */
void reflector_count_dropped(const struct kernel_memory *memory, uint32_t count);

/* RFC 5905 section 6. */
uint64_t reflector_ntp(int64_t unix_ns);

/* reflector_sessions.c: one more from this peer? */
bool reflector_rate_allows(struct kc_address *peer, struct local_time now);
uint64_t reflector_session_key(uint32_t place, uint16_t port, uint16_t ssid);
/* The sequence of the next reply of the session, which may take over another's place. */
uint32_t reflector_session_count(const struct kernel_memory *memory, uint64_t key,
				 struct local_time now);
/* A discontinuity: the next reply has sequence 0. */
void reflector_session_restart(const struct kernel_memory *memory, uint64_t key);

#endif
