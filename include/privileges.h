/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up what is not needed any more. No libcap: four system calls.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <stdbool.h>

#define PRIVILEGES_UID 65534 /* nobody */
#define PRIVILEGES_GID 65534

/* What relocation was done with becomes read-only, as the link asked for (PT_GNU_RELRO): a dynamic
 * loader does so, a static program starts without one. Never fails the start. */
void privileges_seal(void);

/* The canary's way down: other groups and uid where CAP_SETGID and CAP_SETUID are held, then no
 * capability in any set (bounding where allowed), no_new_privs, not dumpable. Verified by
 * reading back: an error is an error. In a user namespace of a single id, which is not root's
 * outside, uid and groups stay. *ret_uid_kept tells why the uid is what it was, "no, …"; NULL: it
 * is not. 0 or -errno. */
int privileges_drop_all(const char **ret_uid_kept);

/* The loader's: keeps only the capabilities that its hook needs to attach again (none for TCX on a
 * kernel that lets a held program be attached without). */
int privileges_keep(const int *capabilities, unsigned int count);
/* What there is to keep for bpf(): CAP_BPF; or CAP_SYS_ADMIN, of those who have only that. */
int privileges_for_bpf(void);

/* Not dumpable: other processes of the same uid can neither look into this one nor trace it. A
 * change of uid undoes it. 0 or -errno. */
int privileges_hide(void);

/* Whether the capability is in force, or another one that stands for it: for words on what is
 * missing, never to decide by. */
bool privileges_held(int capability);

/* Whether this process is in a user namespace of its own: its capabilities are none of the host's,
 * and bpf() takes the host's. */
bool privileges_in_user_namespace(void);

/* Whether privileges_drop_all() must fail: the user namespace has no nobody to become, and what it
 * has is more than a single id that is not root's outside. */
bool privileges_lack_nobody(void);

/* Puts all capabilities out of force, or back in force: to try what works without. */
int privileges_suspend(bool suspend);

#endif
