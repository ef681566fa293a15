/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics in each format: one table of families, one walk over it, produced
 * piece by piece so that memory does not grow with peers. Reads the core's
 * state; must not know HTTP.
 */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accept.h"
#include "directory.h"
#include "flow_loss.h"
#include "interfaces.h"
#include "kernel_abi.h"
#include "kernel_memory.h"
#include "native.h"
#include "peers.h"
#include "ranking.h"
#include "recent.h"
#include "stats.h"
#include "zones.h"

/* Why a probe could not be sent; label `reason` of
 * kube_canary_send_errors_total. */
enum send_error {
	SEND_ERROR_UNREACHABLE = 0, /* ENETUNREACH, EHOSTUNREACH */
	SEND_ERROR_PERMISSION,	    /* EPERM, EACCES: a local firewall */
	SEND_ERROR_TOO_LARGE,	    /* EMSGSIZE: larger than the MTU, and never fragmented
				     */
	SEND_ERROR_NO_BUFFER,	    /* ENOBUFS, EAGAIN, ENOMEM */
	SEND_ERROR_WINDOW_FULL,	    /* more probes in flight than were planned for */
	SEND_ERROR_OTHER,
	SEND_ERRORS,
};

/* What a source that is asked over the network has told. */
struct discovery_totals {
	uint64_t failures;
	uint64_t success_unix_seconds; /* 0: none yet */
	uint64_t addresses;	       /* that it names now */
	uint64_t refused;	       /* addresses that are no host's */
};

/* What serving has cost so far; of the scrapes that were completed. */
struct scrape_totals {
	uint64_t count;
	uint64_t bytes;	  /* sent, after compression */
	uint64_t busy_ns; /* CPU time spent on producing them */
	uint64_t refused; /* too many at once */
	uint64_t last_bytes;
	uint64_t last_busy_ns;
};

/* This process, read at the start of a scrape (process.c). */
struct process_usage {
	uint64_t cpu_ns;
	uint64_t start_time_unix_ns;
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
	uint64_t threads;
};

/* All that is exported, by reference; owned by others, alive as long as the
 * exposition. */
struct exposition {
	const char *node_name;
	const char *node_zone; /* may be empty */
	bool family_label;     /* series of peers have the label `family`:
				  --peers.family=both */
	const char *version;
	const char *revision;
	const char *timestamps; /* "bpf", or "socket" where that is refused */
	const struct directory *directory;
	const struct peers *peers;
	const struct interfaces *interfaces;
	const struct peer_stats *stats; /* [slot] */
	const struct kc_counters *counters;
	const struct delay_histogram *loop_delay;
	const uint64_t *send_errors; /* [SEND_ERRORS] */
	const uint64_t *refusals_rejected;
	const uint64_t *unplaced;    /* addresses that the table had no room for */
	const uint64_t *names_taken; /* identities refused */
	const uint64_t *names_invalid;
	const uint64_t *names_changing;
	const uint64_t *reload_failures; /* peers files that were refused */
	const uint64_t *reload_success_unix_seconds;
	const uint8_t *reload_last_ok;
	const struct discovery_totals *dns;
	const struct native_histogram *natives; /* [slot]: the same RTTs as in stats */
	const struct recent *recents;		/* [slot] */
	const struct flow_loss
		*flow_losses; /* [slot * flows + flow]; an ICMP peer has flow 0 only */
	uint32_t flows;
	const uint16_t *flow_ports; /* [flows], host order: source ports */
	const struct zones *zones;
	const struct ranking *ranking;
	uint32_t (*in_flight)(const void *ctx);
	const void *in_flight_ctx;
	const struct scrape_totals *scrapes;
	uint32_t ring_bytes;		   /* capacity of the ring buffer */
	const uint32_t *ring_filled_bytes; /* the most that it held in the last minute, or longer */
	const struct kernel_shape *shape;
	const int64_t *real_offset_ns; /* wall clock less local time: start timestamps */
	const uint8_t *clock_synchronised;
	int64_t interval_ns; /* as configured: of the probes of a peer */
	int64_t timeout_ns;
	struct local_time now; /* read with `process` */
	struct process_usage process;
};

/* Where a scrape stands; all zero at its start. */
struct exposition_cursor {
	uint32_t family;
	uint32_t row; /* within the family: 0 before its header */
	uint8_t finished;
};

/* Largest single row: a peer's whole histogram with the longest label, escaped.
 * Blocks may not be smaller. */
#define EXPOSITION_ROW_CAPACITY 24576

/* Fills the block with whole rows (a peer's histogram is one row, hence
 * consistent) and moves the cursor. Returns the octets written; 0 when the
 * scrape is complete. */
size_t exposition_write(const struct exposition *exposition, enum accept_format format,
			struct exposition_cursor *cursor, char *block, size_t capacity);
const char *exposition_content_type(enum accept_format format);

#endif
