/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one rule of the stack. It consists of places of 8 octets, and verifiers before 6.13 refuse,
 * without CAP_PERFMON, that part of one is written over a number that was kept there. The compiler
 * puts two small variables into one place. So what a helper reads or writes, and what outlives a
 * call, fills its places: numbers are of 8 octets, and smaller things are declared PLACE. What is
 * written more than once stands at the end of its place: only at the beginning are numbers kept.
 */
#ifndef PLACE_BPF_H
#define PLACE_BPF_H

#include <linux/types.h>

/* Of a structure or union: its size too is a multiple of 8. */
#define PLACE __attribute__((aligned(8)))

struct place_be16 {
	__u16 before[3];
	__be16 value;
} PLACE;

#endif
