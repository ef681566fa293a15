/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that a process of ours may make from here on. Any other one ends it, and thereby
 * the other process. Must not know why a call is needed beyond the word beside it.
 */
#ifndef SECCOMP_H
#define SECCOMP_H

enum seccomp_role {
	SECCOMP_CANARY,
	SECCOMP_LOADER,
	SECCOMP_LOADER_OF_PINS, /* may remove files */
};

/* For the rest of the process's life, and its children's. Wants no_new_privs. 0 or -errno: -EINVAL
 * of a kernel without CONFIG_SECCOMP_FILTER (Linux 3.5). */
int seccomp_enter(enum seccomp_role role);

#endif
