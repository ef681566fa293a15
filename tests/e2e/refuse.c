/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command under a kernel that refuses one system call, told by its first argument.
 *   refuse prctl|bpf FIRST ERRNO COMMAND [ARGUMENT…]
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

int main(int argc, char *argv[])
{
	if (argc < 5) {
		fprintf(stderr, "usage: refuse prctl|bpf FIRST ERRNO COMMAND [ARGUMENT…]\n");
		return 2;
	}
	/* The lower half of the first argument: these machines are little-endian. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 strcmp(argv[1], "bpf") == 0 ? SYS_bpf : SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number(argv[2]), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number(argv[3])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("refuse: prctl");
		return EXIT_FAILURE;
	}
	execvp(argv[4], argv + 4);
	perror(argv[4]);
	return EXIT_FAILURE;
}
