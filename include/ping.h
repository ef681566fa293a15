/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary ping`: a few targets, probed and stamped by the daemon's own processes, whose every
 * probe is told on standard output.
 */
#ifndef PING_H
#define PING_H

#include "command.h"

extern const struct command ping_command;

#endif
