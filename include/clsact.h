/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cls_bpf filters on clsact, by rtnetlink: ETH_P_ALL, under a handle of our own. Creates a clsact
 * qdisc where none is; never removes one, since others may use it by then.
 */
#ifndef CLSACT_H
#define CLSACT_H

#include <stdbool.h>
#include <stdint.h>

/* "kc" and the number of the instance: never 1, never automatic. */
#define CLSACT_HANDLE_BASE 0x6b630000u
#define CLSACT_INSTANCES   8	  /* loaders at once in one network namespace, by their claims */
#define CLSACT_UNCLAIMED   0x400u /* from here on up, handles are nobody's for sure */

/* Where a filter stands. A priority belongs to one protocol and kind of filter. */
struct clsact_place {
	uint32_t ifindex;
	bool egress;
	uint32_t priority;
	uint32_t handle;
};

/* What stands there. */
struct clsact_filter {
	char kind[16];
	uint32_t program_id; /* of kind bpf only, as the name */
	char name[64];	     /* the program's, as given at creation */
};

/* An abstract socket of this name and its number is what an instance holds it by. */
#define CLSACT_CLAIM "kube-canary/clsact/"

/* Takes the first free instance number by binding an abstract socket, which the kernel gives back
 * when the process ends, however it ends. Whatever filter of ours stands under that handle is then
 * a dead loader's. 0 and the handle and the descriptor to keep, or -errno. Anybody on this machine
 * may have bound them all: then the handle is one at random, and the descriptor -1. */
int clsact_claim_handle(uint32_t *ret_handle, int *ret_fd);

/* 0 and *ret, -ENOENT (none), or another -errno. */
int clsact_get(const struct clsact_place *place, struct clsact_filter *ret);

/* All filters of one side, in order of priority; none where there is no clsact. 0 or -errno. */
typedef void clsact_list_fn(void *ctx, uint32_t priority, bool all_protocols,
			    const struct clsact_filter *filter);
int clsact_list(uint32_t ifindex, bool egress, clsact_list_fn *on_filter, void *ctx);

/* The kind of the qdisc in clsact's place, which may be "ingress" or empty. 0 or -errno. */
int clsact_get_qdisc(uint32_t ifindex, struct clsact_filter *ret);

/* 0 or -errno: -EEXIST when the handle is taken, -EINVAL when the priority is another protocol's or
 * kind's, -EOPNOTSUPP when an ingress qdisc stands where clsact would. */
int clsact_add(const struct clsact_place *place, int program_fd, const char *name);

/* Deletes the filter there if it still is program `program_id`. 0, -ENOENT or -errno. */
int clsact_delete(const struct clsact_place *place, uint32_t program_id);

/* Removes what a dead loader left under our handle: a bpf filter with a name of ours. Not compared
 * is the tag of its program: that of another version differs, and each upgrade would leave a
 * filter, until all our places are taken. 0: removed; -ENOENT: nothing stands there; -EEXIST:
 * something that does not qualify; -EPERM: the handle was not claimed, so who stands there may
 * live; or another -errno. */
int clsact_remove_stale(const struct clsact_place *place);

#endif
