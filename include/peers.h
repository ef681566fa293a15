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
#define PEER_LINE_CAPACITY 1024 /* longest line of a peers file */

enum peer_source {
	PEER_SOURCE_STATIC = 1 << 0,
	PEER_SOURCE_FILE = 1 << 1,
};

enum peer_state {
	PEER_FREE = 0,
	PEER_RESOLVING, /* its route, or the attachment on its interfaces, is not known yet: not
			   probed */
	PEER_PROBED,
	PEER_OWN,      /* an address of this machine: neither probed nor exported */
	PEER_DEPARTED, /* gone; the slot rests until release_at, then it is free */
};

struct peer {
	struct address address;
	char name[PEER_NAME_CAPACITY]; /* empty: known by its address only */
	uint8_t state;		       /* enum peer_state */
	uint8_t sources;	       /* enum peer_source, or'ed */
	uint8_t offered;	       /* in the running transaction */
	uint8_t shadowed;	       /* a live peer in a lower slot has the same name */
	struct local_time release_at;  /* PEER_DEPARTED */
};

/* One peer as a source names it. */
struct peer_candidate {
	struct address address;
	char name[PEER_NAME_CAPACITY];
};

/* What a committed transaction did. Every slot listed by the two callbacks' order. */
struct peers_change {
	uint32_t added;
	uint32_t departed;
	uint32_t surplus; /* offered, but no slot was free */
};

struct peers;

int peers_open(uint32_t capacity, struct peers **ret);
void peers_close(struct peers *peers);

/* A transaction replaces all that `source` said before. Between begin and commit nothing is
 * visible: abort leaves the table as it was. Offering returns 0         taken (or already there),
 *  -EEXIST    this source offered that address already,
 *  -ENOTUNIQ  this source gave that name to another address,
 *  -ENOSPC    no slot is free; counted as surplus, to be offered again later.
 * A peer whose name changes is another peer: the old one departs, the new one gets a slot of its
 * own. */
void peers_begin(struct peers *peers, enum peer_source source);
int peers_offer(struct peers *peers, const struct peer_candidate *candidate);
void peers_abort(struct peers *peers);

/* Peers that no source names any more become PEER_DEPARTED until release_at; new ones
 * PEER_RESOLVING. joined and departed are called once for each such slot, departures first. */
typedef void peers_slot_fn(void *ctx, uint32_t slot);
struct peers_change peers_commit(struct peers *peers, struct local_time release_at,
				 peers_slot_fn *departed, peers_slot_fn *joined, void *ctx);

/* Frees departed slots whose rest is over; returns how many. */
uint32_t peers_release(struct peers *peers, struct local_time now);

uint32_t peers_capacity(const struct peers *peers);
uint32_t peers_count(const struct peers *peers, enum peer_state state);
uint32_t peers_surplus(const struct peers *peers); /* offered in vain at the last commit */
const struct peer *peers_get(const struct peers *peers, uint32_t slot);
void peers_set_state(struct peers *peers, uint32_t slot, enum peer_state state);

/* RESOLVING or PROBED: exported. */
bool peer_is_live(const struct peer *peer);

/* Its value of the label `peer`: the name where no peer in a lower slot has the same, else the
 * address. No two live peers ever have the same label. */
void peers_label(const struct peers *peers, uint32_t slot, char ret[static PEER_NAME_CAPACITY]);

/* One line of a peers file, `ADDRESS [NAME]`, without its newline; '#' begins a comment.
 * 1: ret is filled; 0: nothing on the line; -EINVAL: *ret_expected says what was expected instead,
 * and ret_offender (NUL-terminated, truncated) which text was found. Options (key=value) are
 * refused until one exists. */
int peer_parse_line(const char *line, struct peer_candidate *ret, const char **ret_expected,
		    char ret_offender[static PEER_NAME_CAPACITY]);

/* A NAME=ADDRESS or ADDRESS of --peers.static; same results, but never 0. */
int peer_parse_static(const char *text, struct peer_candidate *ret, const char **ret_expected);

#endif
