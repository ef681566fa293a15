/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for the kernel half where BPF is refused: keeps the same maps and the same ring, and
 * does with the sockets' stamps what the programs do with packets (bpf/pairing.bpf.h). Must not
 * know sockets, nor who the peers are.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "canary.h"
#include "kernel.h"
#include "kernel_memory.h"

/* Makes the maps: memory with descriptors, of the sizes that maps_open expects, and no programs. 0
 * or -errno. */
int stand_in_make(const struct kernel_shape *shape, struct kernel *ret);

struct stand_in;

/* In the process whose maps these are; `memory` must outlive it. Takes ring and sessions from
 * kernel->maps, which may be closed afterwards. */
int stand_in_open(const struct kernel *kernel, const struct kernel_memory *memory,
		  struct stand_in **ret);
void stand_in_close(struct stand_in *stand_in);

/* kc_sessions, for the reflector. */
struct kc_session *stand_in_sessions(const struct stand_in *stand_in);

/* How CLOCK_REALTIME stands against CLOCK_MONOTONIC, read after the stamps that are told next, and
 * how far off that may be. Only a clock that was set moves it: what was in flight then ends
 * unstamped, and false is returned. Before the first stamps, too. */
bool stand_in_follow_clock(struct stand_in *stand_in, int64_t offset_ns, int64_t error_ns);

/* T1 of a probe of ours. */
void stand_in_on_left(struct stand_in *stand_in, const struct echoed *probe, int64_t t1_real_ns);

/* A reply, at T4. Of one without a stamp nothing comes here: it was not seen. */
struct stand_in_reply {
	struct echoed echoed;
	int64_t t4_real_ns; /* 0: none */
	const uint8_t *payload;
	uint32_t length;
	uint8_t ttl;
};
void stand_in_on_reply(struct stand_in *stand_in, const struct stand_in_reply *reply);

/* Stamps or replies of this flow may be missing: what is in flight of it ends unstamped, not lost.
 */
void stand_in_on_full(struct stand_in *stand_in, uint16_t flow);

#endif
