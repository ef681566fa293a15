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

struct agent_inheritance {
	struct kernel *kernel; /* map descriptors, closed once they are mapped; no programs */
	struct kernel_shape shape;
	struct prober_icmp *icmp;
	struct prober_stamp *stamp;
	int loader_fd;	     /* words.h */
	bool managed;	     /* by a service manager, who is told through the loader how we stand */
	int64_t watchdog_ns; /* he expects that so often; 0: never */
};

/* Runs until told to stop; returns the exit status. */
int agent_run(const struct config *config, const struct agent_inheritance *inheritance);

#endif
