/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer as a source names it, and what may be said of one: addresses, names, zones, protocols; and
 * how people write it. Must not know what becomes of it.
 */
#ifndef PEER_CANDIDATE_H
#define PEER_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

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

/* In the order in which their words weigh, the heaviest first. */
enum peer_source {
	PEER_SOURCE_STATIC = 1 << 0,
	PEER_SOURCE_FILE = 1 << 1,
	PEER_SOURCE_DNS = 1 << 2,
};

struct peer_candidate {
	struct address address;
	char name[PEER_NAME_CAPACITY]; /* empty: none given */
	char zone[PEER_ZONE_CAPACITY]; /* empty: none given */
	uint8_t probe;		       /* enum probe_protocol */
};

/* What may be a label, by whatever way it comes: a name is 1 to 253 letters, digits, '.', '-' or
 * '_', and no IP address; a zone 0 to 63 of those. Reads nothing beyond the length. */
bool peer_name_is_valid(const char *name, size_t length);
bool peer_zone_is_valid(const char *zone, size_t length);

/* One line of a peers file, `ADDRESS [NAME] [probe=stamp|icmp] [zone=ZONE]`, without its newline;
 * '#' begins a comment.
 * 1: ret is filled; 0: nothing on the line; -EINVAL: *ret_expected says what was expected instead,
 * ret_offender holds the offending text. */
int peer_parse_line(const char *line, struct peer_candidate *ret, const char **ret_expected,
		    char ret_offender[static PEER_NAME_CAPACITY]);

/* A value of --peers.static, `NAME=ADDRESS` or `ADDRESS`. 1, or -EINVAL as above. */
int peer_parse_static(const char *text, struct peer_candidate *ret, const char **ret_expected);

/* A range of addresses and the zone that they are in, `ZONE=CIDR` of --peers.zone. */
struct zone_network {
	char zone[PEER_ZONE_CAPACITY];
	struct address prefix;
	uint8_t length; /* of 128; of an IPv4 range 96 and more */
};

/* 0, or -EINVAL and what was expected; host bits that are not zero are refused. */
int zone_network_parse(const char *text, struct zone_network *ret, const char **ret_expected);

/* The zone of the longest range of its family that holds the address, of as long ones the first; or
 * "". */
const char *zone_network_of(const struct zone_network *networks, uint32_t count,
			    const struct address *address);

#endif
