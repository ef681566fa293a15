/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is probed: a table of fixed capacity, each peer in a slot of its own. A slot is never handed
 * on while anything of its former peer may still come in.
 * Pure core: must not know sockets, files, clocks, how a peer is probed, nor why it was chosen.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "instant.h"
#include "peer_candidate.h"

enum peer_state {
	PEER_FREE = 0,
	PEER_RESOLVING, /* its route, or the attachment on its interfaces, is not known yet: not
			   probed */
	PEER_PROBED,
	PEER_OWN,      /* an address of this machine: neither probed nor exported */
	PEER_TWIN,     /* another address, of the other family, of a peer that is live: neither
			  probed nor exported */
	PEER_DEPARTED, /* gone; the slot rests for a while, then it is free */
};

struct peer {
	struct address address;
	uint32_t holder;	      /* PEER_TWIN: the live peer whose other address it is */
	uint8_t state;		      /* enum peer_state */
	uint8_t probe;		      /* enum probe_protocol, never PROBE_DEFAULT */
	uint8_t learnt;		      /* the name is its own word, not a source's */
	uint8_t zone_given;	      /* the zone is a source's */
	uint8_t introduced;	      /* it has said something of itself that still stands */
	uint8_t lingering;	      /* no source names it any more */
	uint8_t shadowed;	      /* another live peer goes by its name */
	uint8_t label;		      /* what its label was when it was last looked at */
	uint8_t offered;	      /* in the running transaction */
	uint8_t news;		      /* what peers_settle has to tell of it */
	struct local_time until;      /* it lingers; or, PEER_DEPARTED, its slot rests */
	struct local_time learnt_at;  /* when it last said its name itself; see peers_learn */
	struct local_time changed_at; /* when what it says of itself was last taken anew */
	/* Valid until the next call that may change any peer's. */
	const char *name; /* empty: known by its address only */
	const char *zone; /* empty: not known */
};

/* Which of the addresses of a peer that has several, one of each family, are probed. They are one
 * peer's if they have one name, as a source gives it or as both say it. One that a source gave the
 * name goes before one that only says it, whatever the family. */
enum peer_family {
	PEER_FAMILY_ANY = 0, /* one, the IPv4 address: the other one is a PEER_TWIN */
	PEER_FAMILY_IPV6,    /* one, the IPv6 address */
	PEER_FAMILY_BOTH, /* both: each has series of its own, told apart by the label `family` */
};

/* What is told of slots, from within the calls below, which must not be made from within. Any may
 * be NULL. */
typedef void peers_slot_fn(void *ctx, uint32_t slot);
struct peers_events {
	/* No source names the live peer any more: whether it is probed on for a while. Asked once,
	 * when a commit first leaves it out. NULL: no. */
	bool (*lingers)(void *ctx, uint32_t slot);
	peers_slot_fn *departed;   /* live, OWN or TWIN no longer; the slot rests */
	peers_slot_fn *joined;	   /* RESOLVING now: new, or a twin no longer */
	peers_slot_fn *parked;	   /* a twin now */
	peers_slot_fn *relabelled; /* stays live, and its label is another than before */
	void *ctx;
};

struct peers_settings {
	uint32_t capacity;	      /* at most SLOT_INDEX_MAX */
	enum probe_protocol protocol; /* stands for PROBE_DEFAULT */
	int64_t rest_ns;	      /* of a slot whose peer has departed */
	int64_t linger_ns;	      /* 0: nobody lingers */
	struct peers_events events;
};

struct peers;

int peers_open(const struct peers_settings *settings, struct peers **ret);
void peers_close(struct peers *peers);

/* Which address of several is probed, from the next commit on. */
void peers_set_family(struct peers *peers, enum peer_family family);

/* A transaction says anew who is to be probed; peers that it leaves out linger or depart. Offering
 * returns
 *  0        taken (or already there, lingering or not),
 *  -EEXIST  that address was offered and taken already,
 *  -ENOSPC  no slot is free; counted as surplus, to be offered again later.
 * A peer whose name (as offered, not as learnt) or protocol changes is another peer: the old one
 * departs, the new one gets a slot of its own. A zone that is offered is taken over in place. */
struct peers_change {
	uint32_t added;
	uint32_t departed;  /* lingering ones among them */
	uint32_t lingering; /* from now on */
	uint32_t surplus;   /* offered, but no slot was free */
};
void peers_begin(struct peers *peers);
int peers_offer(struct peers *peers, const struct peer_candidate *candidate);
/* Events: departed, joined, then those of peers_settle. Where there is more surplus than slots that
 * rest, peers that linger depart for it, the longest lingering first: their slots are free after
 * their rest. */
struct peers_change peers_commit(struct peers *peers, struct local_time now);

/* Frees departed slots whose rest is over, and lets those depart that lingered long enough; then
 * settles. How many slots were freed. */
uint32_t peers_release(struct peers *peers, struct local_time now);

/* A lingering peer departs before its time; then settles. */
void peers_end_lingering(struct peers *peers, uint32_t slot, struct local_time now);

uint32_t peers_capacity(const struct peers *peers);
uint32_t peers_count(const struct peers *peers, enum peer_state state);
uint32_t peers_lingering(const struct peers *peers); /* of RESOLVING and PROBED */
uint32_t peers_surplus(const struct peers *peers);   /* offered in vain at the last commit */
const struct peer *peers_get(const struct peers *peers, uint32_t slot);

/* RESOLVING, PROBED or OWN to another of them. A slot that is live no longer frees its name and
 * forgets what it learnt. No other slot's label or state changes by that: peers_settle does it.
 * Until then a slot that becomes live goes by its address if another live one has its name. */
void peers_set_state(struct peers *peers, uint32_t slot, enum peer_state state);

/* After peers_set_state and peers_learn, at leisure: who has which name, and who is whose twin. A
 * lingering peer whose name a peer has that is not lingering, departs: the node has come back with
 * another address. So does one that has become PEER_OWN, or whose name another lingering one of the
 * preferred family has. A twin stays one as long as its holder has the name; where the holder lost
 * it to another of its family, a twin that only says so itself is asked anew.
 * Events: departed, joined, parked, relabelled; each in the order of slots, of the table as it is
 * after all of them. Costs nothing where nothing is open. */
void peers_settle(struct peers *peers, struct local_time now);

/* RESOLVING or PROBED: exported. */
bool peer_is_live(const struct peer *peer);

/* A name that nobody confirmed for so long may be taken over by another peer: a node that came back
 * with another address. Peers are asked once a minute. */
#define PEER_NAME_KEPT_NS (150 * NS_PER_SECOND)

/* Each name and each zone makes new series, wherever they are stored: a peer that has said its name
 * and zone may say others only so long after the last change. */
#define PEER_CHANGE_NS (3600 * NS_PER_SECOND)

enum peer_learning {
	PEER_LEARNT_NOTHING_NEW = 0, /* the name that it has; or a source's stands */
	PEER_LEARNT_NAME,	     /* its label has changed, or it is a twin (see below) */
	PEER_LEARNT_TAKEN,    /* another live peer has the name, by a source or by its own word */
	PEER_LEARNT_CHANGING, /* see PEER_CHANGE_NS: it keeps name and zone */
};

/* The live peer in the slot says who it is (identity.h has checked the characters). A name that a
 * source gave stands, whatever it says; the zone is learnt in any case but PEER_LEARNT_TAKEN and
 * PEER_LEARNT_CHANGING, and where a source gave none.
 * A name that a live peer of the other family has, and no peer of its own, is not taken: they are
 * one. It is learnt; with PEER_FAMILY_BOTH they differ by family, else peers_settle parks one of
 * them, which goes by its address until then. A lingering peer's name is free for one that is not
 * lingering.
 * *ret_loser: the slot of the same family that lost the name to it (see PEER_NAME_KEPT_NS; or
 * lingering, and about to depart), whose label has changed too; else slot itself. Who loses a name
 * forgets its zone, too; its hour (PEER_CHANGE_NS) goes on. A peer that is refused a name keeps the
 * one that it had. Sources win: a peer that joins under a name from a source takes it from whoever
 * of its family learnt it; `relabelled` is called for each such slot. */
enum peer_learning peers_learn(struct peers *peers, uint32_t slot, const char *name,
			       const char *zone, struct local_time now, uint32_t *ret_loser);

/* Its value of the label `peer`: the name; where several live peers have the same, that of the
 * lowest slot to whom a source gave it, and the address of the others. No two live peers ever have
 * the same label, but one of each family with PEER_FAMILY_BOTH. */
void peers_label(const struct peers *peers, uint32_t slot, char ret[static PEER_NAME_CAPACITY]);

#endif
