/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks bpf() and rtnetlink who stands on an interface's hooks. Changes nothing; must not know what
 * the answer is for.
 */
#include "chains.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clsact.h"

/* Linux 6.6; older headers lack them. */
#define CHAIN_TCX_INGRESS 46
#define CHAIN_TCX_EGRESS  47

#define PROGRAMS_MAX 64	   /* the kernel's own limit of one chain (BPF_MPROG_MAX) */
#define OUR_NAMES    "kc_" /* what the name of each program of ours begins with */

struct listing {
	chains_fn *on_member;
	void *ctx;
	bool egress;
};

/* Told to CAP_SYS_ADMIN only: else it stays empty. */
static void read_name(uint32_t program, char *name, size_t capacity)
{
	struct bpf_prog_info info = { 0 };
	uint32_t bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(program);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0)
		snprintf(name, capacity, "%.*s", (int)sizeof(info.name), info.name);
	close(fd);
}

static void tell_program(const struct listing *listing, struct chain_member member)
{
	read_name(member.program, member.name, sizeof(member.name));
	listing->on_member(listing->ctx, &member);
}

static int list_tcx(uint32_t ifindex, const struct listing *listing)
{
	uint32_t programs[PROGRAMS_MAX] = { 0 };
	LIBBPF_OPTS(bpf_prog_query_opts, options, .prog_ids = programs, .prog_cnt = PROGRAMS_MAX);
	int type = listing->egress ? CHAIN_TCX_EGRESS : CHAIN_TCX_INGRESS;
	int err = bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)type, &options);

	if (err)
		return err == -ENOSPC ? -EMSGSIZE : err;
	for (uint32_t i = 0; i < options.prog_cnt && i < PROGRAMS_MAX; i++)
		tell_program(listing, (struct chain_member){ .hook = CHAIN_TCX,
							     .egress = listing->egress,
							     .program = programs[i] });
	return 0;
}

static void on_filter(void *ctx, uint32_t priority, bool all_protocols,
		      const struct clsact_filter *filter)
{
	const struct listing *listing = ctx;
	struct chain_member member = {
		.hook = CHAIN_CLSACT,
		.egress = listing->egress,
		.program = filter->program_id,
		.priority = priority,
		.all_protocols = all_protocols,
	};

	snprintf(member.name, sizeof(member.name), "%s",
		 filter->name[0] ? filter->name : filter->kind);
	listing->on_member(listing->ctx, &member);
}

static int list_xdp(uint32_t ifindex, const struct listing *listing)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, options);
	int err = bpf_xdp_query((int)ifindex, 0, &options);
	const uint32_t programs[] = { options.hw_prog_id, options.drv_prog_id,
				      options.skb_prog_id };

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (programs[i] != 0)
			tell_program(listing, (struct chain_member){ .hook = CHAIN_XDP,
								     .native = i < 2,
								     .program = programs[i] });
	}
	return 0;
}

int chains_list(uint32_t ifindex, enum chain_hook hook, bool egress, chains_fn *on_member,
		void *ctx)
{
	struct listing listing = { on_member, ctx, egress };

	switch (hook) {
	case CHAIN_TCX:
		return list_tcx(ifindex, &listing);
	case CHAIN_CLSACT:
		return clsact_list(ifindex, egress, on_filter, &listing);
	default:
		return list_xdp(ifindex, &listing);
	}
}

bool chain_member_is_ours(const struct chain_member *member)
{
	return strncmp(member->name, OUR_NAMES, strlen(OUR_NAMES)) == 0;
}
