/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps as the core sees them: plain arrays in memory that the kernel half reads and writes too.
 * maps.c fills this from mmap, the simulation from calloc. Shapes only.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stdint.h>

#include "kernel_abi.h"

/* The sizes that user space and programs share. */
struct kernel_shape {
	uint32_t slots;		   /* entries of kc_peers */
	uint32_t flows;		   /* per slot */
	uint32_t window;	   /* per flow, a power of two */
	uint32_t echo_window;	   /* per slot of an ICMP peer: the largest power of two in flows *
				      window */
	uint32_t address_capacity; /* entries of kc_addresses */
	uint32_t session_capacity; /* entries of kc_sessions */
	uint32_t hash_seed;
	uint32_t ring_bytes; /* power of two, whole pages */
};

struct kernel_memory {
	struct kernel_shape shape;
	struct kc_control *control;
	struct kc_counters *counters;
	struct kc_address *addresses; /* [address_capacity] */
	struct kc_peer *peers;	      /* [slots] */
	struct kc_flight *flights;    /* [slots * flows * window] */
	struct kc_session *sessions;  /* [session_capacity], the programs' own */
};

#endif
