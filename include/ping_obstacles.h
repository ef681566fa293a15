/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why `kube-canary ping` cannot measure, and the words of it. Must not know probes.
 */
#ifndef PING_OBSTACLES_H
#define PING_OBSTACLES_H

#include <stdbool.h>

#include "canary.h"

/* Of our programs on the interfaces that are used. */
enum ping_placing { PING_PLACING, PING_PLACED, PING_NOT_PLACED };

/* PING_PLACED once all interfaces have the loader's answer; PING_NOT_PLACED: that was said. */
enum ping_placing ping_find_placing(struct canary *canary);

/* It is an address of this host, and that was said. */
bool ping_is_own(const struct canary *canary, const struct address *address);

#endif
