/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance says of itself and its peers, read from the documents of its API. Whatever is
 * missing, or of another type than it should be, is not known. Must not know where they come from
 * or how they are shown.
 */
#ifndef TOP_DATA_H
#define TOP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json_reader.h"

#define TOP_PEERS_MAX	   16384 /* an instance has 5,120 at most */
#define TOP_FLOWS_MAX	   8	 /* of a peer, as --probe.flows */
#define TOP_INTERFACES_MAX 4	 /* those are named that have room on the screen */
#define TOP_SHAPE_STEP	   2	 /* buckets of a native histogram in one of the shape: 1/4 octave */
#define TOP_SHAPE_BINS	   93	 /* the first has what is zero */
#define TOP_ERROR_CAPACITY 192

/* In the order of how much a look is needed. */
enum top_health {
	TOP_HEALTH_OK,
	TOP_HEALTH_UNKNOWN,
	TOP_HEALTH_DEGRADED,
	TOP_HEALTH_REFUSED,
	TOP_HEALTH_LOST,
	TOP_HEALTHS,
};

struct top_flow {
	double source_port;
	double judged;
	double lost;
	double lost_recent; /* of the last 100 judged */
	bool stands_out;
};

/* Numbers are NAN where they are not known, seconds where they are times. */
struct top_peer {
	char label[JSON_READER_TEXT];
	char address[48];
	char zone[64];
	char protocol[8];
	char state[12];
	enum top_health health;
	double sent, returned, lost, lost_forward, lost_backward, lost_undetermined;
	double refused, unstamped, late, duplicate, reordered;
	double loss_recent; /* a share */
	double last, min, p50, p90, p99, variation;
	double hop_limit_probe, hop_limit_reply;
	uint32_t shape[TOP_SHAPE_BINS];
	uint32_t flow_count;
	struct top_flow flows[TOP_FLOWS_MAX];
};

struct top_interface {
	char name[16];
	char egress[16], ingress[16]; /* the mode, or what is wrong */
	bool attached;
};

struct top_status {
	char node[JSON_READER_TEXT];
	char zone[64];
	char version[32];
	double time, uptime; /* NAN: not known */
	double interval;
	double surplus; /* peers that are not probed for want of room */
	bool clock_known, clock_synchronised;
	uint32_t interface_count; /* those beyond the capacity are counted too */
	struct top_interface interfaces[TOP_INTERFACES_MAX];
};

struct top_peers {
	struct top_peer *peers; /* grows to what was needed, never shrinks */
	uint32_t count;
	uint32_t capacity;
	uint32_t surplus;	      /* beyond TOP_PEERS_MAX */
	uint32_t health[TOP_HEALTHS]; /* peers of each */
};

const char *top_health_name(enum top_health health);

/* 0, -EPROTO with a phrase in `error` if it is no such document, -ENOMEM (`error` says so). The
 * output is untouched on failure. */
int top_data_read_status(const char *bytes, size_t length, struct top_status *ret,
			 char error[static TOP_ERROR_CAPACITY]);
/* On failure *ret has lost what it had, but its memory. */
int top_data_read_peers(const char *bytes, size_t length, struct top_peers *ret,
			char error[static TOP_ERROR_CAPACITY]);
void top_data_free(struct top_peers *peers);

#endif
