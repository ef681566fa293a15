/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary's view of the kernel half: maps and ring buffer by mmap, without ever calling bpf().
 * Must not know how they were made.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdint.h>

#include "kernel.h"
#include "kernel_memory.h"

struct maps;

/* Maps all of kernel->maps but the sessions, which the programs keep to themselves
 * (Documentation/bpf/ringbuf.rst for the ring). The descriptors may be closed afterwards. 0 or
 * -errno. */
int maps_open(const struct kernel *kernel, const struct kernel_shape *shape, struct maps **ret);
void maps_close(struct maps *maps);
const struct kernel_memory *maps_memory(const struct maps *maps);

/* Hands over every record that is complete; returns how many. Some records before, on_coming is
 * shown it, though it may be incomplete yet, and anything then: a hint. Or NULL. */
typedef void maps_record_fn(void *ctx, const struct kc_record *record);
uint32_t maps_drain(struct maps *maps, maps_record_fn *on_coming, maps_record_fn *on_record,
		    void *ctx);

/* The most that the ring held when it was drained since this was asked last: octets. */
uint32_t maps_take_filled(struct maps *maps);

#endif
