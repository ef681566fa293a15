/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of `kube-canary ping`, as ping(8) names them where it has them. Checks each and
 * whether they go together; must not know what becomes of them.
 */
#ifndef PING_OPTIONS_H
#define PING_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"

/* More belong to a daemon. Their memory is some 10 MB where all that can be is in flight. */
#define PING_TARGETS_MAX 64

enum ping_family { PING_FAMILY_ANY = 0, PING_FAMILY_IPV4, PING_FAMILY_IPV6 };

struct ping_options {
	const char *targets[PING_TARGETS_MAX]; /* points into argv */
	uint32_t target_count;
	uint64_t count; /* 0: until interrupted */
	int64_t interval_ns;
	int64_t timeout_ns;
	int64_t deadline_ns; /* 0: none */
	uint32_t size;
	uint32_t dscp;
	uint32_t flows;
	uint32_t port;
	int path_mtu_discovery; /* IP_PMTUDISC_*; -1: probes are never fragmented */
	enum ping_family family;
	const char *hook; /* auto, tcx or clsact */
	bool stamp;
	bool quiet;
	bool numeric;
	bool dates;
	bool user_time;
	bool verbose;
	bool flows_given;
	bool port_given;
};

#define PING_OPTIONS_DEFAULT                               \
	((struct ping_options){ .interval_ns = 1000000000, \
				.timeout_ns = 1000000000,  \
				.size = 44,                \
				.flows = 1,                \
				.port = 862,               \
				.path_mtu_discovery = -1,  \
				.hook = "auto" })

#define PING_OPTIONS 18
extern const struct command_option ping_option_rows[PING_OPTIONS];

/* command_take; ctx: struct ping_options. */
int ping_options_take(void *ctx, const struct command_option *option, const char *value,
		      char error[COMMAND_ERROR_CAPACITY]);

/* Whether probes that are too large for their way are to leave in fragments. */
bool ping_options_fragment(const struct ping_options *options);

/* After all: whether they go together. 0, or -EINVAL and why not. */
int ping_options_check(const struct ping_options *options, char error[COMMAND_ERROR_CAPACITY]);

#endif
