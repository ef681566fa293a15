/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to `kube-canary check`: what its parts share. Each part adds its findings in the order
 * in which they are to be read.
 */
#ifndef CHECK_STATE_H
#define CHECK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "findings.h"
#include "words.h"

#define CHECK_GROUP_KERNEL	"Kernel"
#define CHECK_GROUP_PERMISSIONS "Permissions"
#define CHECK_GROUP_HOST	"Host"
#define CHECK_GROUP_PEERS	"Peers"

/* Of the permissions the one that has to do with no BPF. */
#define CHECK_ID_USER "permissions.uid"

enum check_outcome { CHECK_UNTRIED, CHECK_WORKS, CHECK_REFUSED };

/* What the trials told, for the words on each interface. */
struct check_trials {
	bool ended; /* the child came to its end */
	enum check_outcome load;
	enum check_outcome tcx;
	enum check_outcome clsact;
	enum check_outcome xdp;
	bool tcx_known; /* asked without attaching */
	bool of_user;	/* only a user namespace let them have a network namespace */
	int refusal;	/* the first error before which no programs were; 0: none */
};

/* Lies in memory that the child of the trials shares. */
struct check {
	struct config config;
	struct findings findings;
	struct check_trials trials;
	bool runs_already; /* another kube-canary, here */
	bool of_sockets;   /* these stamp: BPF is not wanted, or refused */
};

void check_permissions(struct check *check);
/* What can be read of the kernel, then what must be tried: in a child process. */
void check_kernel(struct check *check);
void check_seccomp(struct check *check);
void check_trials(struct check *check);
/* ICMP's sockets: for the trials' child. */
void check_icmp(struct check *check);
/* Who would stamp. What failed before it is of BPF, and is no failure if that is not needed. */
void check_tier(struct check *check);
void check_host(struct check *check);
void check_ports(struct check *check);
void check_pin_path(struct check *check);
void check_clocks(struct check *check);
/* The interfaces that peers are, or would be, routed over. */
void check_interfaces(struct check *check);
/* One of them. */
void check_device(struct check *check, uint32_t ifindex, const char *name);

/* The mode that would be used on tc, by what was tried. HOOK_NONE: none works, or it is not known.
 */
enum hook_mode check_tc_hook(const struct check *check);

/* Capabilities without which nothing can be loaded or attached are all in force. */
bool check_may_load(void);

/* The first line of a file without its newline: 0 or -errno. */
int check_read_line(const char *path, char *line, size_t capacity);

#endif
