/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The privileged parent: loads, opens, forks the canary, then only attaches what it is asked to.
 * Touches nothing that comes from outside the machine.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>

#include "agent.h"
#include "config.h"
#include "kernel_memory.h"

/* Runs until either process ends; returns the exit status, in both. ear: NULL for the daemon. */
int loader_run(const struct config *config, const struct agent_ear *ear);

/* Whether the sockets' stamps may serve STAMP where BPF failed with this. */
bool loader_may_fall_back(const struct config *config, int err);

/* The sizes of all that the programs share with user space. */
struct kernel_shape loader_shape(const struct config *config, uint32_t hash_seed);

#endif
