/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reflector where there is no BPF: requests come to UDP sockets of our own and are judged and
 * answered as bpf/reflector.bpf.h does. T2 is the kernel's stamp of the request, T3 is read just
 * before the reply is sent. Owns its sockets; must not know who is probed.
 */
#ifndef REFLECTOR_H
#define REFLECTOR_H

#include <stdint.h>

#include "kernel_memory.h"
#include "stamp.h"

struct reflector;

struct reflector_settings {
	uint16_t port_be;
	const struct stamp_identity *identity; /* copied */
};

/* One for each family. */
#define REFLECTOR_SOCKETS 2

/* Binds the port in each family that the host has, and takes all memory. 0, or -errno of the first
 * family refused: -EADDRINUSE, a program has the port; -EACCES, it is a privileged one. */
int reflector_open(const struct reflector_settings *settings, struct reflector **ret);

/* Also of NULL. */
void reflector_close(struct reflector *reflector);

/* What to wait for: readable. Returns how many, none if the host has neither family. */
uint32_t reflector_fds(const struct reflector *reflector, int ret[static REFLECTOR_SOCKETS]);

/* From now on by these tables: addresses are read but for their reflect_at; counters, peers'
 * `reflected` and sessions, of memory->shape.session_capacity, are written; the control's
 * error_estimate_be is told. They must outlive the reflector. Before, nothing is answered. */
void reflector_use(struct reflector *reflector, const struct kernel_memory *memory,
		   struct kc_session *sessions);

/* Answers what waits, so many packets of each socket at most; never blocks. What is left makes its
 * socket readable still. Reads the clocks itself. */
void reflector_answer(struct reflector *reflector);

#endif
