/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The privileged parent: loads, opens, forks the canary, then only attaches what it is asked to.
 * Touches nothing that comes from outside the machine.
 */
#ifndef LOADER_H
#define LOADER_H

#include "config.h"

/* Runs until either process ends; returns the exit status. */
int loader_run(const struct config *config);

#endif
