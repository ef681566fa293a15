/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cls_bpf filters on clsact, by rtnetlink: ETH_P_ALL, priority 1, a handle of our own. Creates a
 * clsact qdisc where none is; never removes one, since others may use it by then.
 */
#ifndef CLSACT_H
#define CLSACT_H

#include <stdbool.h>
#include <stdint.h>

/* "kc" and the number of the instance: never 1, never automatic. */
#define CLSACT_HANDLE_BASE 0x6b630000u
#define CLSACT_INSTANCES   8 /* loaders at once in one network namespace */

#define CLSACT_PRIORITY 1

/* What stands under our handle. */
struct clsact_filter {
	uint32_t program_id;
	char name[64]; /* the program's, as given at creation */
	uint8_t tag[8];
	bool has_tag;
};

/* Takes the first free instance number by binding an abstract socket, which the kernel gives back
 * when the process ends, however it ends. Whatever filter stands under that handle is then a dead
 * loader's. 0 and the handle and the descriptor to keep, or -errno. */
int clsact_claim_handle(uint32_t *ret_handle, int *ret_fd);

/* 0 and *ret, -ENOENT (none), or another -errno. */
int clsact_get(uint32_t ifindex, bool egress, uint32_t handle, struct clsact_filter *ret);

/* 0 or -errno; -EEXIST when the handle is taken. */
int clsact_add(uint32_t ifindex, bool egress, uint32_t handle, int program_fd, const char *name);

/* Deletes the filter under the handle if it still is program `program_id`. 0, -ENOENT or -errno. */
int clsact_delete(uint32_t ifindex, bool egress, uint32_t handle, uint32_t program_id);

/* Removes what a dead loader left under our handle: same handle, a name of ours, the tag of our
 * program. 0: removed; -ENOENT: nothing stands there; -EEXIST: something that does not qualify; or
 * another -errno. */
int clsact_remove_stale(uint32_t ifindex, bool egress, uint32_t handle, int program_fd);

#endif
