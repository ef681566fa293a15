/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of `kube-canary ping` in the canary process: the ear that prints each probe's fate, knows
 * when it is over, and what the exit status is. Sends and measures nothing itself.
 */
#ifndef PING_RUN_H
#define PING_RUN_H

#include "agent.h"
#include "ping_options.h"
#include "ping_report.h"

/* What end() returns; EXIT_FAILURE is the loader's own. */
enum ping_status { PING_ANSWERED = 0, PING_FAILED = 2, PING_UNANSWERED = 3 };

struct ping_target {
	const char *name; /* NULL: the address alone */
	struct address address;
	bool fragments; /* probes to it leave in fragments */
};

struct ping_run;

/* All must outlive it. 0 or -ENOMEM. */
int ping_run_open(const struct ping_options *options, const struct ping_target *targets,
		  struct ping_run **ret);
void ping_run_close(struct ping_run *run);

struct agent_ear ping_run_ear(struct ping_run *run);

#endif
