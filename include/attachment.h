/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our programs on one interface: TCX links at the head, clsact filters where TCX is missing, XDP where it
 * is asked for. Removes only what is its own. Loader side; must not know why an interface is wanted.
 */
#ifndef ATTACHMENT_H
#define ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "kernel.h"
#include "words.h"

struct attachment {
	uint32_t ifindex; /* 0: unused */
	int egress_link;  /* -1: none */
	int ingress_link;
	uint32_t egress_filter_id; /* program id of our clsact filter, 0: none */
	uint32_t ingress_filter_id;
	struct word_direction egress;
	struct word_direction ingress;
};

/* How to attach, settled once at start-up by trying. */
struct attachment_policy {
	const struct kernel *kernel;
	enum config_hook hook;
	bool tcx;		/* the kernel has TCX */
	uint32_t filter_handle; /* of clsact filters; see clsact.h */
};

/* Tries for TCX without touching any interface. */
bool attachment_tcx_supported(const struct kernel *kernel);

void attachment_init(struct attachment *attachment, uint32_t ifindex);

/* Verifies both directions and puts in place what is missing. The result stands in the two directions. */
void attachment_ensure(struct attachment *attachment, const struct attachment_policy *policy);

/* Takes away what is ours, checked by id. */
void attachment_release(struct attachment *attachment, const struct attachment_policy *policy);

#endif
