/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary top`: a live table of an instance that runs somewhere, over its API.
 */
#ifndef TOP_H
#define TOP_H

#include "command.h"

extern const struct command top_command;

#endif
