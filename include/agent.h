/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary process: connects the edges to the core and runs the loop. Unprivileged; never calls
 * bpf().
 */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "kernel.h"
#include "prober_icmp.h"
#include "prober_stamp.h"
#include "reflector.h"

/* Another ear than HTTP's, in whose hands the run is: `kube-canary ping`. It is told of each probe,
 * and nothing is served. All functions are called from within the loop, in this process. */
struct agent_ear {
	void *ctx;
	int path_mtu_discovery; /* IP_PMTUDISC_*, which are IPV6_PMTUDISC_* as well; -1: as ever */
	void (*start)(void *ctx, struct canary *canary, const struct prober_stamp *stamp);
	/* error 0, or -errno: it never left; at: right before */
	void (*sent)(void *ctx, const struct probe *probe, int error, struct local_time at);
	/* a socket got the reply; its sample follows */
	void (*heard)(void *ctx, const struct echoed *reply, struct local_time at);
	/* somebody says that the probe was not delivered, or not whole */
	void (*refused)(void *ctx, const struct echoed *quoted, const struct probe_error *error);
	sample_fn *sample;
	void (*interim)(void *ctx);			  /* SIGQUIT */
	bool (*follow)(void *ctx, struct local_time now); /* false: it is over */
	struct local_time (*next)(void *ctx);		  /* to be followed then at the latest */
	int (*end)(void *ctx, struct local_time now);	  /* returns the exit status */
};

struct agent_inheritance {
	struct kernel *kernel; /* map descriptors, closed once they are mapped; no programs */
	struct kernel_shape shape;
	struct prober_icmp *icmp; /* NULL: without BPF */
	struct prober_stamp *stamp;
	bool stand_in;		     /* no programs: the sockets stamp */
	struct reflector *reflector; /* NULL: the programs', or none */
	int loader_fd;		     /* words.h */
	bool managed;	     /* by a service manager, who is told through the loader how we stand */
	int64_t watchdog_ns; /* he expects that so often; 0: never */
	const struct agent_ear *ear; /* NULL: the daemon */
};

#define AGENT_EXIT_BAD_INPUT 2 /* the peers file was bad before any good one was read */

/* Runs until told to stop; returns the exit status. */
int agent_run(const struct config *config, const struct agent_inheritance *inheritance);

#endif
