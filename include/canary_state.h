/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the canary, shared by its files: canary_probes.c (probes go out), canary.c
 * (what became of them), canary_expiry.c (what is due), canary_peers.c (who comes, goes and where),
 * canary_mesh.c (who of them is probed), canary_own.c (which addresses are ours), canary_names.c
 * (who they say they are), canary_counts.c (what is counted, and of whom it is shown). For them
 * alone.
 */
#ifndef CANARY_STATE_H
#define CANARY_STATE_H

#include "addresses.h"
#include "canary.h"
#include "mesh.h"
#include "nonce.h"
#include "samples.h"
#include "turns.h"

/* A question may be lost as any probe, and is asked again soon. A reflector that answers all but
 * the questions is asked more and more seldom, since each costs a probe. */
#define CANARY_ASK_UNANSWERED_NS     (10 * NS_PER_SECOND)
#define CANARY_ASK_UNANSWERED_MAX_NS (3600 * NS_PER_SECOND)
#define CANARY_ASK_AGAIN_NS	     (60 * NS_PER_SECOND)
#define CANARY_QUESTIONS	     3 /* whose answers are waited for, at most */

/* What the peer's last identity was worth; to be said once. */
enum naming {
	NAMING_FINE = 0,
	NAMING_TAKEN,
	NAMING_INVALID,
	NAMING_CHANGING,
};

/* How things stand with the peer in a slot. */
struct standing {
	struct local_time joined_at;
	struct local_time ask_at;		       /* not before */
	uint32_t question_sequences[CANARY_QUESTIONS]; /* a ring: probes that asked, not answered */
	uint16_t question_flows[CANARY_QUESTIONS];
	uint8_t question_count; /* of them, the newest */
	uint8_t question_next;	/* place in the ring */
	uint8_t doublings;	/* of the pause after an unanswered one */
	uint8_t naming;		/* enum naming */
	uint8_t between;	/* probes sent since the last one that asked */
	uint8_t zone;		/* of zones */
	bool asked : 1;		/* ever */
	bool met : 1;		/* it has answered, and not refused since */
	bool missed : 1;  /* since the last reply one that did not ask was lost, or any refused */
	bool overdue : 1; /* the last question was lost */
	bool answers : 1; /* some question was answered */
	bool routed : 1;  /* its route is known */
	bool interfaces : 1;   /* it has some */
	bool refused : 1;      /* since its last reply, and that was said */
	bool refused_last : 1; /* the last verdict was that */
	bool displaced : 1;    /* its zone found no room, and that was counted */
	bool left : 1;	       /* see CANARY_LEFT: about to depart */
};

/* Addresses of this machine. */
struct own_addresses {
	uint32_t count;
	uint32_t missing; /* of the last transaction: surplus, or no place */
	struct address list[ADDRESSES_OWN_MAX];
};

/* Interfaces that known peers are routed over. One more than are followed, so that what is left out
 * is counted. */
struct known_routes {
	uint32_t count;
	struct interface_name list[INTERFACE_CAPACITY + 1];
};

struct canary {
	struct canary_settings settings;
	const struct kernel_memory *memory;
	struct nonce_source nonces;
	struct directory *directory;
	struct mesh *mesh;
	struct peers *peers;
	struct interfaces *interfaces;
	struct samples *samples;
	struct turns *turns;
	struct peer_stats *stats;	  /* [slots] */
	struct native_histogram *natives; /* [slots] */
	struct recent *recents;		  /* [slots] */
	struct standing *standings;	  /* [slots] */
	struct flow_loss *flow_losses;	  /* [slots * flows] */
	struct zones *zones;
	struct ranking *ranking;
	struct canary_totals totals;
	struct own_addresses own;
	struct own_addresses own_offered; /* in the running transaction */
	struct known_routes known;	  /* of the running walk */
	uint8_t families;		  /* that we ever had an address of: choice_family */
	struct address ring_places[2];	  /* where we stood last: IPv4, IPv6; zero: nowhere */
	bool stale;			  /* the choice; to be made anew with the next expiry */
	uint32_t chosen;		  /* so far, in the running choice */
	bool leaving;			  /* some peer has left */
	uint32_t questions;		  /* whose answers are waited for, of all peers */
	int64_t real_offset_ns;
	struct local_time beat_at;   /* the next heartbeat */
	struct local_time review_at; /* the next review, see canary_counts.c */
	struct local_time now;	     /* of the running call, for what it leads to */
};

void canary_notify(const struct canary *canary, enum canary_notice notice, uint32_t slot,
		   uint16_t flow);

/* canary.c: what became known of a probe (sample_fn). */
void canary_on_sample(void *ctx, const struct sample *sample);

/* canary_counts.c: a slot's counters, all that there are of it: nobody's, somebody's from now on,
 * or under another label. */
int canary_open_counts(struct canary *canary, uint32_t slots);
void canary_close_counts(struct canary *canary);
void canary_clear_counts(struct canary *canary, uint32_t slot);
void canary_begin_counts(struct canary *canary, uint32_t slot);
void canary_begin_anew(struct canary *canary, uint32_t slot);
/* To be called whenever the slot's zone may be another. */
void canary_follow_zone(struct canary *canary, uint32_t slot);
/* A probe of the slot was sent, or (-1) was not after all; and what became of one. */
void canary_count_sent(struct canary *canary, uint32_t slot, int32_t count);
void canary_count_sample(struct canary *canary, const struct sample *sample);
/* canary_counts.c: fetches what counting it would need. */
void canary_expect_rtt(const struct canary *canary, uint32_t slot, int64_t rtt_ns);
/* Who is listed, and whose counters are about to end. */
void canary_review(struct canary *canary, struct local_time now);

/* canary_peers.c: what peers_open is told to call; and the slot that has the address, if it is not
 * resting. */
struct peers_events canary_events(struct canary *canary);
bool canary_find_slot(const struct canary *canary, const struct address *address,
		      uint32_t *ret_slot);
/* When the peer may be probed: its programs are in place, or there is nothing to wait for. */
struct local_time canary_promotion(const struct canary *canary, uint32_t slot);
/* The slot's address is no slot's any more: of a known peer, or nobody's. */
void canary_displace(struct canary *canary, uint32_t slot);
/* As the directory and our own addresses have it, unless a slot holds the address. */
void canary_replace(struct canary *canary, const struct address *address);

/* canary_mesh.c: chooses anew who of the directory is probed. */
struct peers_change canary_choose(struct canary *canary, struct local_time now);

/* canary_own.c: whether the entry of the directory is an address of ours. The choice is stale where
 * that is news. */
void canary_mark_own(struct canary *canary, uint32_t index, bool own);
/* Of our own addresses, those that the directory has. */
void canary_mark_all_own(struct canary *canary);
bool canary_is_listed_own(const struct canary *canary, const struct address *address);

/* canary_names.c: whether the slot's next probe asks who answers, and what became of that probe; to
 * be told of each probe. */
bool canary_is_curious(const struct canary *canary, uint32_t slot, struct local_time now);
void canary_on_armed(struct canary *canary, const struct probe *probe, struct local_time now);
void canary_on_not_sent(struct canary *canary, const struct probe *probe);
/* Learns from what became of a probe. False: it asked, and that may be why it was lost. */
bool canary_heed_question(struct canary *canary, const struct sample *sample);
/* The reply's payload: who it says it is, if it answers a probe that asked. */
void canary_heed_identity(struct canary *canary, uint32_t slot, const struct echoed *reply,
			  const uint8_t *payload, size_t length, struct local_time now);
/* The peer's label has changed by somebody else's coming or going (peers_slot_fn). */
void canary_relabelled(void *ctx, uint32_t slot);

#endif
