/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose programs stand on an interface: TCX, clsact filters, XDP. Only looks. Must not know why.
 */
#ifndef CHAINS_H
#define CHAINS_H

#include <stdbool.h>
#include <stdint.h>

enum chain_hook { CHAIN_TCX, CHAIN_CLSACT, CHAIN_XDP };

/* One program or filter. */
struct chain_member {
	enum chain_hook hook;
	bool egress;
	bool native;	    /* XDP: in the driver, or in the NIC */
	uint32_t program;   /* id, 0: it is no BPF program */
	uint32_t priority;  /* of clsact */
	bool all_protocols; /* of clsact, where a priority belongs to one protocol, or to all */
	char name[64];	    /* the program's, or the filter's kind; empty: not told to us */
};

/* Called for each, in the order in which they see a packet. */
typedef void chains_fn(void *ctx, const struct chain_member *member);

/* 0 or -errno: -EPERM where it takes CAP_NET_ADMIN (TCX), -EINVAL where the kernel has no such
 * hook, -EMSGSIZE where there are more than could be told. */
int chains_list(uint32_t ifindex, enum chain_hook hook, bool egress, chains_fn *on_member,
		void *ctx);

/* Whether it is one of kube-canary's programs, by its name. */
bool chain_member_is_ours(const struct chain_member *member);

#endif
