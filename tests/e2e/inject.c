/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes another process make a system call, as somebody would who had taken it over.
 *   inject PID NUMBER [ARGUMENT…]
 * Prints "returned VALUE", or "killed by signal N". x86-64 only: elsewhere exits with 77.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifdef __x86_64__

#define SYSCALL_INSTRUCTION 0x050f
#define ARGUMENTS_MAX	    6

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid)
		die("waitpid");
	if (WIFSIGNALED(status)) {
		printf("killed by signal %d\n", WTERMSIG(status));
		exit(EXIT_SUCCESS);
	}
	return status;
}

/* Where it sleeps: after the instruction that made the call it sleeps in. */
static void set_call(struct user_regs_struct *registers, pid_t pid, int count, char **words)
{
	unsigned long long *const arguments[ARGUMENTS_MAX] = { &registers->rdi, &registers->rsi,
							       &registers->rdx, &registers->r10,
							       &registers->r8,	&registers->r9 };

	registers->rip -= 2;
	errno = 0;
	if ((ptrace(PTRACE_PEEKTEXT, pid, registers->rip, NULL) & 0xffff) != SYSCALL_INSTRUCTION) {
		fprintf(stderr, "inject: it is not in a system call\n");
		exit(EXIT_FAILURE);
	}
	registers->rax = strtoull(words[0], NULL, 0);
	registers->orig_rax = (unsigned long long)-1; /* the call that it slept in is not resumed */
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		*arguments[i] = i + 1 < count ? strtoull(words[i + 1], NULL, 0) : 0;
}

int main(int argc, char *argv[])
{
	struct user_regs_struct before, registers;
	pid_t pid = argc > 2 ? (pid_t)atoi(argv[1]) : 0;

	if (pid <= 0) {
		fprintf(stderr, "usage: inject PID NUMBER [ARGUMENT…]\n");
		return 2;
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die("cannot take hold of it");
	wait_for(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
		die("registers");
	registers = before;
	set_call(&registers, pid, argc - 2, argv + 2);
	if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
		die("step");
	wait_for(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0)
		die("registers");
	printf("returned %lld\n", (long long)registers.rax);
	/* The call that it slept in was interrupted, as by a signal. */
	if (ptrace(PTRACE_SETREGS, pid, NULL, &before) < 0 ||
	    ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		die("let go");
	return EXIT_SUCCESS;
}

#else

int main(void)
{
	return 77;
}

#endif
