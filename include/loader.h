/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The privileged parent: loads, opens, forks the canary, then only attaches what it is asked to.
 * Touches nothing that comes from outside the machine.
 */
#ifndef LOADER_H
#define LOADER_H

#include "agent.h"
#include "config.h"
#include "kernel_memory.h"

/* Runs until either process ends; returns the exit status, in both. ear: NULL for the daemon. */
int loader_run(const struct config *config, const struct agent_ear *ear);

/* The sizes of all that the programs share with user space. */
struct kernel_shape loader_shape(const struct config *config, uint32_t hash_seed);

#endif
