/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is probed: a table of fixed capacity, merged from several sources, each peer in a slot of its
 * own. A slot is never handed on while anything of its former peer may still come in.
 * Pure core: must not know sockets, files, clocks or how a peer is probed.
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "instant.h"

/* Kubernetes node names are DNS subdomains: at most 253 octets (RFC 1123), and the zero. */
#define PEER_NAME_CAPACITY 254
#define PEER_ZONE_CAPACITY 64	/* label values: at most 63 */
#define PEER_LINE_CAPACITY 1024 /* longest line of a peers file */

/* How a peer is probed. */
enum probe_protocol {
	PROBE_DEFAULT = 0, /* as --probe.protocol says; of candidates only */
	PROBE_STAMP,
	PROBE_ICMP,
};

enum peer_source {
	PEER_SOURCE_STATIC = 1 << 0,
	PEER_SOURCE_FILE = 1 << 1,
	PEER_SOURCE_DNS = 1 << 2,
};

enum peer_state {
	PEER_FREE = 0,
	PEER_RESOLVING, /* its route, or the attachment on its interfaces, is not known yet: not
			   probed */
	PEER_PROBED,
	PEER_OWN,      /* an address of this machine: neither probed nor exported */
	PEER_KNOWN,    /* may ask our reflector, but is not probed, and not exported */
	PEER_DEPARTED, /* gone; the slot rests until release_at, then it is free */
};

struct peer {
	struct address address;
	char name[PEER_NAME_CAPACITY]; /* empty: known by its address only */
	char zone[PEER_ZONE_CAPACITY]; /* learnt; empty: not known */
	struct local_time learnt_at;   /* when it last said its name itself; see peers_learn */
	struct local_time changed_at;  /* when what it says of itself was last taken anew */
	uint8_t learnt;		       /* the name is its own word, not a source's */
	uint8_t introduced;	       /* it has said something of itself that still stands */
	uint8_t probe;		       /* enum probe_protocol, never PROBE_DEFAULT */
	uint8_t state;		       /* enum peer_state */
	uint8_t sources;	       /* enum peer_source, or'ed */
	uint8_t offered;	       /* in the running transaction */
	uint8_t shadowed;	       /* a live peer in a lower slot has the same name */
	uint8_t label;		       /* what its label was when it was last looked at */
	struct local_time release_at;  /* PEER_DEPARTED */
};

/* One peer as a source names it. */
struct peer_candidate {
	struct address address;
	char name[PEER_NAME_CAPACITY];
	uint8_t probe; /* enum probe_protocol */
};

/* What a committed transaction did. Every slot listed by the two callbacks' order. */
struct peers_change {
	uint32_t added;
	uint32_t departed;
	uint32_t surplus; /* offered, but no slot was free */
};

struct peers;

/* `protocol` stands for PROBE_DEFAULT. */
int peers_open(uint32_t capacity, enum probe_protocol protocol, struct peers **ret);
void peers_close(struct peers *peers);

/* A transaction replaces all that `source` said before. Between begin and commit nothing is
 * visible: abort leaves the table as it was. Offering returns
 *  0          taken (or already there),
 *  -EEXIST    this source offered that address already,
 *  -ENOTUNIQ  this source gave that name to another address,
 *  -EALREADY  taken, but another source holds it, whose protocol stands,
 *  -ENOSPC    no slot is free; counted as surplus, to be offered again later.
 * A peer whose name (as a source gives it, not as learnt) or protocol changes is another peer: the
 * old one departs, the new one gets a slot of its own. Only while another source holds the address,
 * what that one says of it stands. */
void peers_begin(struct peers *peers, enum peer_source source);
int peers_offer(struct peers *peers, const struct peer_candidate *candidate);
void peers_abort(struct peers *peers);

/* Peers that no source names any more become PEER_DEPARTED until release_at; new ones
 * PEER_RESOLVING. joined and departed are called once for each such slot, departures first; then
 * relabelled, once for each live peer that stays and whose label is another than before. */
typedef void peers_slot_fn(void *ctx, uint32_t slot);
struct peers_change peers_commit(struct peers *peers, struct local_time release_at,
				 peers_slot_fn *departed, peers_slot_fn *joined,
				 peers_slot_fn *relabelled, void *ctx);

/* Frees departed slots whose rest is over; returns how many. */
uint32_t peers_release(struct peers *peers, struct local_time now);

uint32_t peers_capacity(const struct peers *peers);
uint32_t peers_count(const struct peers *peers, enum peer_state state);
uint32_t peers_surplus(const struct peers *peers); /* offered in vain at the last commit */
const struct peer *peers_get(const struct peers *peers, uint32_t slot);

/* A slot that is live no longer frees its name and forgets what it learnt. No other slot's label
 * changes by that: peers_settle does it. Until then a slot that becomes live goes by its address if
 * another live one has its name. */
void peers_set_state(struct peers *peers, uint32_t slot, enum peer_state state);

/* After peers_set_state, at leisure (commits settle as well): calls relabelled as peers_commit
 * does. Costs nothing where nothing is open. */
void peers_settle(struct peers *peers, peers_slot_fn *relabelled, void *ctx);

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
	PEER_LEARNT_NAME,	     /* its label has changed */
	PEER_LEARNT_TAKEN,    /* another live peer has the name, by a source or by its own word */
	PEER_LEARNT_CHANGING, /* see PEER_CHANGE_NS: it keeps name and zone */
};

/* The live peer in the slot says who it is (identity.h has checked the characters). A name that a
 * source gave stands, whatever it says; the zone is learnt in any case but PEER_LEARNT_TAKEN and
 * PEER_LEARNT_CHANGING.
 * *ret_loser: the slot that lost the name to it (see PEER_NAME_KEPT_NS), whose label has changed
 * too; else slot itself. Who loses a name forgets its zone, too; its hour (PEER_CHANGE_NS) goes on.
 * A peer that is refused a name keeps the one that it had. Sources win: a peer that joins under a
 * name from a source takes it from whoever learnt it; peers_commit calls `relabelled` for each such
 * slot. */
enum peer_learning peers_learn(struct peers *peers, uint32_t slot, const char *name,
			       const char *zone, struct local_time now, uint32_t *ret_loser);

/* Its value of the label `peer`: the name where no peer in a lower slot has the same, else the
 * address. No two live peers ever have the same label. */
void peers_label(const struct peers *peers, uint32_t slot, char ret[static PEER_NAME_CAPACITY]);

/* What may be a label, by whatever way it comes: a name is 1 to 253 letters, digits, '.', '-' or
 * '_', and no IP address; a zone 0 to 63 of those. Reads nothing beyond the length. */
bool peer_name_is_valid(const char *name, size_t length);
bool peer_zone_is_valid(const char *zone, size_t length);

/* One line of a peers file, `ADDRESS [NAME] [probe=stamp|icmp]`, without its newline; '#' begins a
 * comment.
 * 1: ret is filled; 0: nothing on the line; -EINVAL: *ret_expected says what was expected instead,
 * and ret_offender (NUL-terminated, truncated) which text was found. */
int peer_parse_line(const char *line, struct peer_candidate *ret, const char **ret_expected,
		    char ret_offender[static PEER_NAME_CAPACITY]);

/* A NAME=ADDRESS or ADDRESS of --peers.static, with the default protocol; same results, but never
 * 0. */
int peer_parse_static(const char *text, struct peer_candidate *ret, const char **ret_expected);

#endif
