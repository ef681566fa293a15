/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What loader.c (processes) and loader_open.c (what they begin with) share. For them alone.
 */
#ifndef LOADER_STATE_H
#define LOADER_STATE_H

#include "attachment.h"
#include "kernel.h"
#include "loader.h"
#include "notify.h"
#include "prober_icmp.h"
#include "prober_stamp.h"
#include "reflector.h"

struct loader {
	const struct config *config;
	const struct agent_ear *ear;
	struct kernel_shape shape;
	struct kernel kernel;
	struct attachment_policy policy;
	struct prober_icmp *icmp; /* NULL: without BPF */
	struct prober_stamp *stamp;
	bool stand_in;		     /* BPF is refused, or not wanted: the sockets stamp */
	struct reflector *reflector; /* NULL: with BPF, or none */
	struct notify notify;
	int handle_fd; /* holds the filters' handle while it is open; -1: no filters */
	int words_fd;
	int canary_words_fd;
	pid_t pid;
};

/* Everything that needs privilege, and the words between the two processes. 0 or -errno, told. */
int loader_open(struct loader *loader);
void loader_close_sockets(struct loader *loader);
bool loader_uses_filters(const struct loader *loader);

#endif
