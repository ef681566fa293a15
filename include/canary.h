/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as code: what happens when peers change, a tick is due, a probe was sent, a reply
 * came, a timeout passed. Composes the core; does no I/O and reads no clock, so that the simulation
 * drives it exactly as the agent does.
 */
#ifndef CANARY_H
#define CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "instant.h"
#include "interfaces.h"
#include "kernel_memory.h"
#include "peers.h"
#include "stats.h"

struct canary_settings {
	int64_t interval_ns;
	int64_t timeout_ns;
	int64_t phase_ns; /* random share of the interval, so that nodes do not probe in step */
	uint64_t nonce_key[2];
};

/* A probe to be sent: what the prober needs to know and nothing else. */
struct probe {
	struct address destination;
	uint64_t nonce;
	uint32_t slot;
	uint32_t sequence;
	uint16_t flow;
};

/* Totals that outlive the peers they came from. */
struct canary_totals {
	uint64_t unstamped;
	uint64_t dropped;     /* samples_dropped_total: rings full */
	uint64_t window_full; /* probes not sent since the window had no room */
	uint64_t unplaced;    /* peers that found no place in kc_addresses */
};

struct canary;

int canary_open(const struct canary_settings *settings, const struct kernel_memory *memory,
		struct canary **ret);
void canary_close(struct canary *canary);

/* peers: a source speaks (see peers.h for the results of offer). */
void canary_peers_begin(struct canary *canary, enum peer_source source);
int canary_peers_offer(struct canary *canary, const struct peer_candidate *candidate);
void canary_peers_abort(struct canary *canary);
struct peers_change canary_peers_commit(struct canary *canary, struct local_time now);

/* routes: what the kernel says of a slot that was RESOLVING, or again later. An own address is not
 * probed; no interface (count 0) leaves it probed, so that its send errors show. */
void canary_on_route(struct canary *canary, uint32_t slot, bool own,
		     const struct interface_name *routes, uint32_t count, struct local_time now);

/* prober: fills `batch` with the probes due, each armed. Call again while it returns `capacity`. A
 * peer whose turn was missed by long is not made up for: no bursts. */
uint32_t canary_due(struct canary *canary, struct local_time now, struct probe *batch,
		    uint32_t capacity);

/* error 0: sent. Otherwise it never left: disarmed, not counted as sent. */
void canary_on_sent(struct canary *canary, const struct probe *probe, int error);

/* ring buffer: one record; a socket: one valid reply that should have been a record. */
void canary_on_record(struct canary *canary, const struct kc_record *record);
void canary_on_overheard(struct canary *canary, const struct address *source, uint16_t sequence,
			 uint64_t nonce);

/* Right before canary_on_expiry: some probe of the slot is about to be settled without having left
 * this machine, and where the next hop's link address cannot be had (dead, or not there) it is lost
 * and not unstamped. What was said last of a slot stands until it is said anew. */
bool canary_awaits_stamp(const struct canary *canary, uint32_t slot, struct local_time now);
void canary_on_neighbour(struct canary *canary, uint32_t slot, bool unresolved,
			 struct local_time now);

/* Timeouts, after the ring was drained. Also frees departed slots and beats kc_control's heart. */
void canary_on_expiry(struct canary *canary, struct local_time now);

/* When canary_due or canary_on_expiry has work next, at most a second from now (the heartbeat). */
struct local_time canary_next_due(const struct canary *canary, struct local_time now);

struct peers *canary_peers(struct canary *canary);
struct interfaces *canary_interfaces(struct canary *canary);
const struct peer_stats *canary_stats(const struct canary *canary, uint32_t slot);
const struct canary_totals *canary_totals(const struct canary *canary);
uint32_t canary_in_flight(const struct canary *canary);
uint32_t canary_slot_in_flight(const struct canary *canary, uint32_t slot);

#endif
