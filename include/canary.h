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
#include "directory.h"
#include "flow_loss.h"
#include "instant.h"
#include "interfaces.h"
#include "kernel_memory.h"
#include "peers.h"
#include "ranking.h"
#include "recent.h"
#include "stats.h"
#include "zones.h"

/* What is worth saying once; the core does not log. */
enum canary_notice {
	CANARY_REFUSED,	      /* the peer's host lives, its reflector does not */
	CANARY_ANSWERS_AGAIN, /* after that */
	CANARY_FLOW_LOSSY,    /* the flow stands out among the peer's */
	CANARY_NAMED,	      /* its label has changed: it said its name, or has it again */
	CANARY_NAME_LOST,     /* another one has it now: the label is the address again */
	CANARY_NAME_TAKEN,    /* it claims the name of another live peer, or ours */
	CANARY_NAME_INVALID,  /* what it says is no name */
	CANARY_NAME_CHANGING, /* it says another name or zone, too soon after the last change */
	CANARY_TWIN,	      /* it is another address of a peer that is probed already */
	CANARY_LINGERING,     /* no source names it any more */
	CANARY_LEFT,	      /* it was leaving in good order, and its host is gone now, too */
};

/* Called from within the functions below; the canary must not be called back. */
typedef void canary_notice_fn(void *ctx, enum canary_notice notice, uint32_t slot, uint16_t flow);

/* --peers.family */
enum canary_family {
	/* IPv4, unless more than two thirds of all addresses are IPv6; no family that this machine
	 * never had an address of, nor with BOTH. */
	CANARY_FAMILY_AUTO = 0,
	CANARY_FAMILY_IPV4, /* others are known, but not probed */
	CANARY_FAMILY_IPV6,
	CANARY_FAMILY_BOTH,
};

struct canary_settings {
	int64_t interval_ns;
	int64_t timeout_ns;
	int64_t linger_ns; /* 0: peers that no source names any more depart at once */
	int64_t phase_ns;  /* random share of the interval, so that nodes do not probe in step; or
			      TURNS_AT_ONCE */
	uint64_t nonce_key[2];
	enum probe_protocol protocol; /* of peers that say nothing else */
	enum canary_family family;
	uint32_t peers_max;  /* addresses in the directory */
	uint32_t full_below; /* so many others are all probed */
	uint32_t degree;     /* of more, so many; 0: nobody is ever probed, full_below or not */
	const struct zone_network *networks; /* alive as long as the canary */
	uint32_t network_count;
	uint32_t listed; /* so many of the worst have series; RANKING_ALL, or 0 */
	char node_name[PEER_NAME_CAPACITY]; /* nobody else's name */
	uint16_t ssid_base;		    /* random, so that a restart makes new sessions */
	bool incurious;			    /* no probe asks who answers: all are alike */
	canary_notice_fn *notice;	    /* NULL: nobody listens */
	void *notice_ctx;
	sample_fn *sample; /* all that becomes known of each probe, after it was counted; or NULL */
	void *sample_ctx;
};

#define PROBE_BATCH 64 /* probes handed over at once: one sendmmsg, or a few */

/* A probe to be sent: what the prober needs to know and nothing else. */
struct probe {
	struct address destination;
	uint64_t nonce; /* of a STAMP probe also its timestamp, as it stands in the packet */
	uint32_t slot;
	uint32_t sequence;
	uint16_t flow;
	uint16_t ssid;	  /* STAMP: never 0, unique among the sessions of this canary */
	uint8_t protocol; /* enum probe_protocol */
	bool ask;	  /* STAMP: with the TLV that asks who answers */
};

/* A reply, or the quote of a probe in an ICMP error, as a socket got it: by these it is held
 * against the probes in flight. */
struct echoed {
	struct address peer; /* whom the probe was sent to */
	uint64_t nonce;
	uint16_t flow;
	uint16_t sequence; /* low 16 bits */
};

/* What an ICMP error says, and who. */
struct probe_error {
	struct address from;
	uint8_t type; /* of ICMPv6, if whom the probe was sent to is no IPv4 address */
	uint8_t code;
	uint32_t mtu; /* of the next hop, where it says one */
};

/* Totals that outlive the peers they came from. */
struct canary_totals {
	uint64_t unstamped;
	uint64_t dropped;     /* samples_dropped_total: rings full */
	uint64_t window_full; /* probes not sent since the window had no room */
	uint64_t unplaced;    /* addresses, of peers and our own, that found no place in
				 kc_addresses */
	uint64_t names_taken; /* identities refused: the name is another's */
	uint64_t names_invalid;
	uint64_t names_changing; /* too soon after the last change */
};

struct canary;

int canary_open(const struct canary_settings *settings, const struct kernel_memory *memory,
		struct canary **ret);
void canary_close(struct canary *canary);

/* peers: a source speaks (see directory.h for the results of offer). Those that the command line
 * names are always probed; of the others all, or the node's share of the mesh. At most as many as
 * there are slots: what is beyond is surplus, and probed when there is room. */
void canary_peers_begin(struct canary *canary, enum peer_source source);
int canary_peers_offer(struct canary *canary, const struct peer_candidate *candidate);
void canary_peers_abort(struct canary *canary);
struct canary_change {
	struct directory_change discovered;
	struct peers_change probed;
};
struct canary_change canary_peers_commit(struct canary *canary, struct local_time now);

/* routes: what the kernel says of a slot that was RESOLVING, or again later. An own address is not
 * probed; no interface (count 0) leaves it probed, so that its send errors show. */
void canary_on_route(struct canary *canary, uint32_t slot, bool own,
		     const struct interface_name *routes, uint32_t count, struct local_time now);

/* Of those that are in the directory and not probed: they may ask our reflector, so our programs
 * must be where their requests come in. A walk over indices below directory_top: NULL where there
 * is nothing to ask. All interfaces that it told of are in use from commit on until the next. */
const struct address *canary_known(const struct canary *canary, uint32_t index);
void canary_known_begin(struct canary *canary);
void canary_on_known_route(struct canary *canary, uint32_t index, bool own,
			   const struct interface_name *routes, uint32_t count);
void canary_known_commit(struct canary *canary, struct local_time now);

/* prober: fills `batch` with the probes whose turn came up to `tick`, each armed `now`. Call again
 * while it returns `capacity`. A peer whose turn was missed by long is not made up for: no
 * bursts. */
uint32_t canary_due(struct canary *canary, struct local_time tick, struct local_time now,
		    struct probe *batch, uint32_t capacity);

/* The slot's peer is not probed any more from here on; what is in flight is waited for. */
void canary_end_turns(struct canary *canary, uint32_t slot);

/* error 0: sent. Otherwise it never left: disarmed, not counted as sent. */
void canary_on_sent(struct canary *canary, const struct probe *probe, int error);

/* ring buffer: one that may come soon, whatever it says. Fetches into the caches what it would
 * need: with many peers that is most of what a record costs. */
void canary_expect_record(const struct canary *canary, const struct kc_record *record);

/* ring buffer: one record; a socket: one valid reply, that should be a record as well, by STAMP
 * with its whole payload, which may say who answers. */
void canary_on_record(struct canary *canary, const struct kc_record *record);
void canary_on_overheard(struct canary *canary, const struct echoed *reply);
void canary_on_reply(struct canary *canary, const struct echoed *reply, const uint8_t *payload,
		     size_t length, struct local_time now);
/* Whether a reply from a socket can tell anything that its record has not told: with many peers it
 * mostly cannot, and to find out whose it is costs as much as all else that becomes of it. */
bool canary_awaits_reply(const struct canary *canary);
/* A socket: an ICMP port unreachable. Nothing comes of it unless it quotes a probe in flight:
 * false. */
bool canary_on_refused(struct canary *canary, const struct echoed *quoted);

/* The wall clock, once a second, so that a clock that was set is followed within one: for our
 * stamps and the reflector's. To be called before the first probe; nothing but the stamps in the
 * packets depends on it. */
struct wall_clock {
	int64_t offset_ns;	    /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	uint16_t error_estimate_be; /* see stamp.h */
};
void canary_on_clock(struct canary *canary, const struct wall_clock *clock);

/* rtnetlink: all addresses of this machine, in the order in which they matter; replaces what was
 * said before. Beyond ADDRESSES_OWN_MAX they are counted as unplaced. They are our place in the
 * mesh: to be called before the first commit of peers, or all are chosen anew. */
void canary_own_begin(struct canary *canary);
void canary_own_offer(struct canary *canary, const struct address *address);
void canary_own_commit(struct canary *canary, struct local_time now);

/* Right before canary_on_expiry: some probe of the slot is about to be settled without having left
 * this machine, and where the next hop's link address cannot be had (dead, or not there) it is lost
 * and not unstamped. What was said last of a slot stands until it is said anew. */
bool canary_awaits_stamp(const struct canary *canary, uint32_t slot, struct local_time now);
void canary_on_neighbour(struct canary *canary, uint32_t slot, bool unresolved,
			 struct local_time now);

/* Timeouts, after the ring was drained. Also frees departed slots, fills them with surplus peers,
 * and beats kc_control's heart. */
void canary_on_expiry(struct canary *canary, struct local_time now);

/* When canary_due or canary_on_expiry has work next, at most a second from now (the heartbeat). */
struct local_time canary_next_due(const struct canary *canary, struct local_time now);

const struct directory *canary_directory(const struct canary *canary);
struct peers *canary_peers(struct canary *canary);
struct interfaces *canary_interfaces(struct canary *canary);
const struct peer_stats *canary_stats(const struct canary *canary, uint32_t slot);
/* Its RTTs as a native histogram: the same samples as in the buckets of its statistics. [slots] */
const struct native_histogram *canary_native(const struct canary *canary, uint32_t slot);
/* How the peer fares lately: [slots] from slot 0 on, as canary_stats. */
const struct recent *canary_recent(const struct canary *canary, uint32_t slot);
/* Of all peers, complete, whoever is listed; a peer's zone is the one that is known at each probe.
 */
const struct zones *canary_zones(const struct canary *canary);
/* Evaluated by canary_on_expiry every RANKING_EVERY_NS. */
const struct ranking *canary_ranking(const struct canary *canary);
const struct canary_totals *canary_totals(const struct canary *canary);
/* [flows] of a slot, as many as samples has for it. */
const struct flow_loss *canary_flows(const struct canary *canary, uint32_t slot,
				     uint32_t *ret_count);
uint32_t canary_in_flight(const struct canary *canary);
uint32_t canary_slot_in_flight(const struct canary *canary, uint32_t slot);

#endif
