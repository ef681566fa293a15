/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces the peers are routed over, and whether our programs really work there: the
 * loader's word, held against what the probes tell. Decides what to ask the loader for. Pure core:
 * must not know netlink, sockets or BPF.
 */
#ifndef INTERFACES_H
#define INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"
#include "words.h"

#define INTERFACE_CAPACITY	32 /* bits of a peer's set; a node has one to four uplinks */
#define INTERFACE_NAME_CAPACITY 16 /* IFNAMSIZ */

/* So many probes in a row without a stamp, or without any reply, are more than chance. */
#define INTERFACE_DOUBT_AFTER 3

/* So many, while other peers of the interface fare well, are that peer's own affair. Far above the
 * former: where our program works no more, all peers come under doubt within an interval. */
#define INTERFACE_ODD_AFTER 10

/* Attaching anew: not at once again, and ever more rarely while it is in vain. */
struct interface_renewal {
	struct local_time last;
	uint32_t vain;		     /* in a row, without good evidence that lasted */
	struct local_time failed_at; /* when it was last seen to fail */
};

struct interface {
	uint32_t ifindex; /* 0: free */
	char name[INTERFACE_NAME_CAPACITY];
	uint32_t peers;		      /* routed over it */
	struct local_time left_at;    /* when the last of them left it */
	struct word_direction egress; /* the loader's last word */
	struct word_direction ingress;
	bool answered;		   /* the loader answered at least once */
	uint32_t unanswered_words; /* asked in a row in vain: the loader is stuck */
	/* of the peers, those whose probes told lately: */
	uint32_t stamped_peers;	  /* they leave with an egress stamp */
	uint32_t unstamped_peers; /* they do not */
	uint32_t seen_peers;	  /* ingress sees the replies */
	uint32_t blind_peers;	  /* replies are overheard that it did not see */
	struct interface_renewal renew_egress;
	struct interface_renewal renew_ingress;
	struct local_time ask_at; /* when to ask the loader (again), while all is well */
	bool doubted;		  /* a probe failed since it was asked last */
};

struct interfaces;

/* One slot more than the peers that are probed have stands for all that are only known. */
int interfaces_open(uint32_t slots, struct interfaces **ret);
void interfaces_close(struct interfaces *interfaces);

/* The peer in `slot` is routed over these now (count 0: over none). Replaces what was said before.
 * Beyond the capacity interfaces are left out and counted. */
struct interface_name {
	uint32_t ifindex;
	char name[INTERFACE_NAME_CAPACITY];
};
void interfaces_route(struct interfaces *interfaces, uint32_t slot,
		      const struct interface_name *routes, uint32_t count, struct local_time now);

/* The device is gone (RTM_DELLINK), or changed: ask again at once. */
void interfaces_on_link(struct interfaces *interfaces, uint32_t ifindex, struct local_time now);

/* No reply is waited for so long: twice the longest timeout, and a rest. What is under way when the
 * last route leaves an interface still comes back over it. */
#define INTERFACE_LINGERS_NS (10 * NS_PER_SECOND)

/* The next thing to say to the loader: true and *ret, at most one ATTACH a second for each
 * interface (where probes tell that the programs work, in ten seconds), RENEW where our program
 * stopped working in its place; DETACH when no peer is left for INTERFACE_LINGERS_NS, or at once
 * where our programs are not there, or the table is half full. */
bool interfaces_next_word(struct interfaces *interfaces, struct local_time now, struct word *ret);
void interfaces_on_word(struct interfaces *interfaces, const struct word *word);

/* What a peer's probe told of all interfaces that it may have used. */
enum interface_evidence {
	EVIDENCE_RETURNED,   /* both programs saw it */
	EVIDENCE_LOST,	     /* egress saw it */
	EVIDENCE_UNSTAMPED,  /* egress did not */
	EVIDENCE_OVERHEARD,  /* the reply came, ingress did not see it */
	EVIDENCE_NEVER_LEFT, /* its next hop is dead: says nothing, and what was said before is
				stale */
};
void interfaces_on_evidence(struct interfaces *interfaces, uint32_t slot,
			    enum interface_evidence evidence);

/* All interfaces of the slot have the loader's answer, good or bad. False without any. */
bool interfaces_ready(const struct interfaces *interfaces, uint32_t slot);

/* Peers that brought no reply lately: it may be that only our ingress program does not see them, so
 * the sockets are worth listening to. Of each by itself, as replies may take another way in. */
struct interface_doubts {
	uint32_t unanswered; /* peers, now */
	uint32_t blind;	     /* peers whose replies were overheard, now */
	uint64_t raised;     /* how often a peer came under doubt, ever */
};
struct interface_doubts interfaces_doubts(const struct interfaces *interfaces);

/* Our program is there, by the loader's word, and not all peers that told anything lately tell that
 * it does not work: one among others that fare well has a way of its own. */
bool interface_egress_attached(const struct interface *interface);
bool interface_ingress_attached(const struct interface *interface);

/* All peers that told anything lately tell that it does not work. Where only some do, their packets
 * take another way, and attaching anew would cost the others replies for nothing. */
bool interface_egress_fails(const struct interface *interface);
bool interface_ingress_fails(const struct interface *interface);

/* Our programs are there both ways, by the loader's word alone, whatever peers do. */
bool interface_in_place(const struct interface *interface);
/* They are, and peers' probes tell that they work. */
bool interface_is_calm(const struct interface *interface);

/* For interfaces_next_word: whether the loader is to attach anew now, and the word for it. */
#define INTERFACE_RENEW_FIRST_NS (10 * NS_PER_SECOND)
bool interface_renew(struct interface *interface, struct local_time now, struct word *ret);

/* The first interface in use where they are not, or NULL. */
const struct interface *interfaces_first_missing(const struct interfaces *interfaces);

/* A peer that stays unstamped or unseen by itself, while its interfaces are attached: true and
 * *ret_slot, once for each peer until it departs. Looks at some peers only in each call. */
bool interfaces_next_odd_peer(struct interfaces *interfaces, uint32_t *ret_slot,
			      enum interface_evidence *ret_evidence);

/* How often a route was left out since the table was full. */
uint64_t interfaces_left_out(const struct interfaces *interfaces);

/* So many of the table were ever in use. */
uint32_t interfaces_top(const struct interfaces *interfaces);

/* [INTERFACE_CAPACITY]; ifindex 0 is a hole, or one that only lingers. */
const struct interface *interfaces_get(const struct interfaces *interfaces, uint32_t index);

#endif
