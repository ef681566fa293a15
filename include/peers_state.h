/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of peers, shared by the files that make it up: peers.c (transactions and states),
 * peers_slots.c (how slots come to be free), peers_texts.c (their texts), peers_names.c (who says
 * which name), peers_twins.c (who has it, and whose twin is who). For them alone.
 */
#ifndef PEERS_STATE_H
#define PEERS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "peers.h"
#include "slot_index.h"

#define PEER_STATES   (PEER_DEPARTED + 1)
#define PEER_FAMILIES 2 /* of addresses: IPv4, IPv6 */

/* struct peer.offered */
enum peer_offered {
	OFFERED_NOT = 0,
	OFFERED,      /* as the peer that it is; in a free slot: to join */
	OFFERED_ANEW, /* its address as another peer: it departs */
	OFFERED_LEFT, /* left out, and lingers from now on */
};

/* struct peer.label */
enum peer_label {
	LABEL_NONE = 0, /* not live, or just joined: nobody has seen it */
	LABEL_NAME,
	LABEL_ADDRESS,
};

/* struct peer.news */
enum peer_news {
	NEWS_DEPARTED = 1 << 0,
	NEWS_JOINED = 1 << 1,
	NEWS_PARKED = 1 << 2,
	NEWS_SETTLED = 1 << 3, /* all that have its name were looked at */
};

/* Slots in the order in which they came, each in one queue at most; slot + 1, 0: none, so that
 * zeroed memory is an empty queue. */
struct peers_link {
	uint16_t previous;
	uint16_t next;
};

struct peers_queue {
	uint32_t first;
	uint32_t last;
	uint32_t count;
};

struct peers_texts {
	char *pool;
	size_t end;    /* of the records, dead ones among them */
	size_t octets; /* of those that live */
};

struct peers {
	struct peers_settings settings;
	enum peer_family family;
	enum peer_family family_next; /* from the next commit on */
	struct peer *slots;	      /* [capacity] */
	struct peers_link *links;     /* [capacity] */
	struct peers_texts texts;     /* the names and zones of slots */
	uint32_t top;		      /* slots from here on were never used */
	struct peers_queue freed;     /* the longest free first, but for those never used */
	struct peers_queue resting;
	struct peers_queue lingering;
	uint32_t lingering_own;	      /* of them, PEER_OWN until it is settled */
	struct slot_index *addresses; /* listed, or staged */
	struct slot_index *names;     /* live or TWIN, with a name */
	uint64_t *touched;	      /* a bit for each slot that peers_settle is to look at */
	bool unsettled;		      /* there is such a slot */
	bool changing;		      /* a transaction runs */
	uint32_t counts[PEER_STATES]; /* PEER_FREE: not counted */
	uint32_t departures;	      /* ever, modulo 2^32 */
	uint32_t surplus;
	uint32_t surplus_offered; /* in the running transaction */
};

static inline uint32_t peers_address_hash(const struct address *address)
{
	return slot_index_hash(address, sizeof(*address));
}

static inline uint32_t peers_name_hash(const char *name)
{
	return slot_index_hash(name, strlen(name));
}

static inline uint32_t peer_family_of(const struct peer *peer)
{
	return address_is_ipv4(&peer->address) ? 0 : 1;
}

static inline uint32_t peers_preferred_family(const struct peers *peers)
{
	return peers->family == PEER_FAMILY_IPV6 ? 1 : 0;
}

/* Whether one name in both families is one peer's, or stands for two series. */
static inline bool peers_share_name(const struct peers *peers, const struct peer *one,
				    const struct peer *other)
{
	return peers->family != PEER_FAMILY_BOTH || peer_family_of(one) == peer_family_of(other);
}

static inline uint8_t peer_label(const struct peer *peer)
{
	return peer->name[0] && !peer->shadowed ? LABEL_NAME : LABEL_ADDRESS;
}

/* peers.c */
void peers_move(struct peers *peers, uint32_t slot, enum peer_state state);
void peers_tell(const struct peers *peers, peers_slot_fn *event, uint32_t slot);

/* peers_slots.c: the slot that was free the longest, or SLOT_INDEX_END; to be used at once. */
uint32_t peers_take_slot(struct peers *peers);
/* Of any state but FREE and DEPARTED; its name is left to others. Tells nobody. */
void peers_depart(struct peers *peers, uint32_t slot, struct local_time now);
void peers_start_lingering(struct peers *peers, uint32_t slot, struct local_time now);
void peers_stop_lingering(struct peers *peers, uint32_t slot);
/* The longest lingering ones depart, until what rests is enough for the surplus. */
void peers_evict(struct peers *peers, struct local_time now);
/* Ends what the running transaction says of those that linger since. How many they are. */
uint32_t peers_count_left(struct peers *peers);

/* peers_texts.c. What is longer than the capacities less 1 was refused where it came in. */
int peers_texts_open(struct peers_texts *texts, uint32_t capacity);
void peers_texts_close(struct peers_texts *texts);
void peers_set_name(struct peers *peers, uint32_t slot, const char *name);
void peers_set_zone(struct peers *peers, uint32_t slot, const char *zone);

/* peers_names.c: a live peer or twin begins or ceases to have its name, which it keeps in mind;
 * what follows for others who have it is for peers_settle. */
void peers_enter_name(struct peers *peers, uint32_t slot);
void peers_leave_name(struct peers *peers, uint32_t slot);
/* What it learnt; to be called while it has its name, if it has one. */
void peers_forget(struct peers *peers, uint32_t slot);
/* Those that have the name, in no order: walk as slot_index.h says. */
uint32_t peers_first_named(const struct peers *peers, const char *name, uint32_t hash);
uint32_t peers_next_named(const struct peers *peers, const char *name, uint32_t slot);

/* peers_twins.c: peers_settle looks at the slot. */
void peers_touch(struct peers *peers, uint32_t slot);

#endif
