/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the counters of the kernel half are called where people read them. Names only.
 */
#ifndef REASONS_H
#define REASONS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel_abi.h"

/* A counter among others, told apart by its reason. */
struct reason {
	const char *name;
	size_t offset; /* in struct kc_counters */
};

#define REASONS_REFUSED 11 /* packets to the reflector's port that were left alone */

extern const struct reason reasons_refused[REASONS_REFUSED];

/* The programs go on counting meanwhile. */
uint64_t reason_count(const struct reason *reason, const struct kc_counters *counters);

#endif
