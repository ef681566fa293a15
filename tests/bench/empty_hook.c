/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that does nothing, on both hooks of an interface: what the hook itself costs. It ends
 * with a signal, and the filters with the interface. Knows nothing of kube-canary.
 *   empty_hook tcx|clsact INTERFACE
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* enum bpf_attach_type of Linux 6.6, newer than Debian 12's headers. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47

static const struct bpf_insn instructions[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = TC_ACT_UNSPEC },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int attach_tcx(int program, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	const enum bpf_attach_type hooks[] = { ATTACH_TCX_INGRESS, ATTACH_TCX_EGRESS };

	for (size_t i = 0; i < 2; i++) {
		int link = bpf_link_create(program, ifindex, hooks[i], &options);

		if (link < 0)
			return link;
	}
	return 0;
}

static int attach_clsact(int program, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	const enum bpf_tc_attach_point hooks[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };
	int err = bpf_tc_hook_create(&hook);

	if (err == -EEXIST) /* who was there before left it */
		err = 0;
	for (size_t i = 0; i < 2 && !err; i++) {
		LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = 1, .priority = 1);

		hook.attach_point = hooks[i];
		err = bpf_tc_attach(&hook, &options);
	}
	return err;
}

int main(int argc, char **argv)
{
	bool tcx = argc == 3 && strcmp(argv[1], "tcx") == 0;
	int ifindex, program, err;

	if (argc != 3 || (!tcx && strcmp(argv[1], "clsact") != 0)) {
		fprintf(stderr, "usage: %s tcx|clsact INTERFACE\n", argv[0]);
		return 2;
	}
	ifindex = (int)if_nametoindex(argv[2]);
	program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", instructions,
				sizeof(instructions) / sizeof(instructions[0]), NULL);
	err = program < 0 ? program : ifindex == 0 ? -1 : 0;
	if (!err)
		err = tcx ? attach_tcx(program, ifindex) : attach_clsact(program, ifindex);
	if (err) {
		fprintf(stderr, "empty_hook: %s on %s: %s\n", argv[1], argv[2], strerror(-err));
		return 1;
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
