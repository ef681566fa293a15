/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `kube-canary ping` says: the line of each probe and the summary of each target, and the
 * figures that they need. Pure: no clock, no output, no sockets.
 */
#ifndef PING_REPORT_H
#define PING_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "canary.h"
#include "samples.h"
#include "stats.h"

#define PING_LINE_CAPACITY    512
#define PING_SUMMARY_CAPACITY 2048
/* Percentiles are exact, of so many of the last round-trip times: 80 KB a target, taken as they
 * come. */
#define PING_LAST 10000

struct ping_figures {
	uint64_t count;
	int64_t least_ns;
	int64_t most_ns;
	double sum_ns;
	double squares; /* of ns: the sum of squares about the first */
	int64_t first_ns;
	double smoothed_ns; /* as TCP's: an eighth of each new one (RFC 6298) */
	int64_t last_ns[PING_LAST];
};

void ping_figures_add(struct ping_figures *figures, int64_t rtt_ns);
int64_t ping_figures_mean_ns(const struct ping_figures *figures);
/* The standard deviation of all, as ping(8)'s mdev. */
int64_t ping_figures_deviation_ns(const struct ping_figures *figures);
/* The nearest rank: the least of the last values that so many per mille do not exceed. Sorts them,
 * so nothing is to be added after. */
int64_t ping_figures_percentile_ns(struct ping_figures *figures, unsigned int per_mille);

/* Whom a line is about, and how much is to be said. */
struct ping_style {
	const char *name; /* as the user gave it; NULL: the address alone */
	struct address address;
	uint32_t bytes;
	int64_t timeout_ns;
	bool user_time;
	bool fragments; /* they leave in fragments, as they are too large and may be fragmented */
};

/* Lines without a newline. `number` counts the target's probes from 1. */
void ping_line_start(const struct ping_style *style, const char *protocol,
		     char line[static PING_LINE_CAPACITY]);
/* user_ns: what a user of the socket saw; negative: not known. port: the flow's source port; 0:
 * there is one flow. False: the sample has nothing to say. */
bool ping_line_sample(const struct ping_style *style, const struct sample *sample, uint64_t number,
		      int64_t user_ns, uint16_t port, char line[static PING_LINE_CAPACITY]);
void ping_line_not_sent(const struct ping_style *style, uint64_t number, int error,
			char line[static PING_LINE_CAPACITY]);
void ping_line_error(const struct ping_style *style, uint64_t number,
		     const struct probe_error *error, char line[static PING_LINE_CAPACITY]);

struct ping_account {
	const struct peer_stats *stats;
	uint64_t in_flight;
	uint64_t not_sent;
	uint64_t errors; /* ICMP */
	int64_t elapsed_ns;
	struct ping_figures *kernel;
	struct ping_figures *user;
};

/* Several lines, each with its newline. */
void ping_summary(const struct ping_style *style, const struct ping_account *account,
		  char text[static PING_SUMMARY_CAPACITY]);
/* One line, while it goes on. */
void ping_interim(const struct ping_style *style, const struct ping_account *account,
		  char line[static PING_LINE_CAPACITY]);

#endif
