/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: whether and how kube-canary would work on this node, before anything is
 * installed. Attaches nothing to an interface of the host, and leaves nothing behind.
 */
#ifndef CHECK_H
#define CHECK_H

#include "command.h"

extern const struct command check_command;

#endif
