/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our programs on one interface: TCX links at the head, clsact filters where TCX is missing, XDP
 * where it is asked for. Removes only what is its own. Loader side; must not know why an interface
 * is wanted.
 */
#ifndef ATTACHMENT_H
#define ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "clsact.h"
#include "config.h"
#include "instant.h"
#include "kernel.h"
#include "words.h"

struct attachment_side {
	int link;		    /* -1: none */
	uint32_t filter_id;	    /* program id of our clsact filter, 0: none */
	struct clsact_place filter; /* where it stands */
	struct word_direction state;
	struct local_time again_at; /* XDP: once released, not to be put in place before */
	struct local_time renew_at; /* not to be renewed before */
};

struct attachment {
	uint32_t ifindex; /* 0: unused */
	struct attachment_side egress;
	struct attachment_side ingress;
	/* At tc ingress, where XDP is at ingress, which never reflects. Else nothing. */
	struct attachment_side reflect;
};

/* How to attach, settled once at start-up by trying. */
struct attachment_policy {
	const struct kernel *kernel;
	enum config_hook hook;
	bool tcx;		/* the kernel has TCX */
	uint32_t filter_handle; /* of clsact filters; see clsact.h */
	int device_fd;		/* any socket, to ask for devices by */
};

/* Tries for TCX without touching any interface. False as well where it is not permitted. */
bool attachment_tcx_supported(const struct kernel *kernel);

/* Whether bpf() serves a program that is held already, with the capabilities in force now. Before
 * 5.19 it took CAP_BPF even for that, unless kernel.unprivileged_bpf_disabled is 0. */
bool attachment_bpf_permitted(const struct kernel *kernel);

/* Whether packets on the interface begin with the IP header, by the kernel's own rule
 * (dev_is_mac_header_xmit). 0, -ENODEV, -EOPNOTSUPP for another link layer, or another -errno. */
int attachment_device_is_l3(int fd, uint32_t ifindex, bool *ret);

void attachment_init(struct attachment *attachment, uint32_t ifindex);

/* Verifies all sides and puts in place what is missing; the states tell. EAGAIN is for a
 * side that was released right after it had been put in place: whoever asks must not be able to
 * make a device flap. */
void attachment_ensure(struct attachment *attachment, const struct attachment_policy *policy,
		       struct local_time now);

/* The same, and takes one side off before, so that it comes to the head; not if it is XDP or was
 * renewed just now. */
void attachment_renew(struct attachment *attachment, const struct attachment_policy *policy,
		      bool egress, struct local_time now);

/* Takes away what is ours, checked by id; the states then tell `err`, 0 or -errno. */
void attachment_release(struct attachment *attachment, int err);

/* Whether anything of ours is in place. */
bool attachment_stands(const struct attachment *attachment);

/* Nothing in place, and nothing to remember: the entry may serve another interface. */
bool attachment_idle(const struct attachment *attachment, struct local_time now);

#endif
