/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp: what is not named here ends the process that calls it, in each role; what is allowed
 * only in part, only in that part. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp.h"

#define CALLS_MAX  1024	 /* more than any machine numbers */
#define SELF	   -4242 /* as an argument: the id of the process */
#define UNCONFINED 99
#define NOWHERE	   -1 /* no descriptor, and no address */

/* In a process of its own; the signal that ended it, or 0. */
static int call(enum seccomp_role role, long number, long one, long two, long three)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0, 0 }; /* no core dump of each */

		setrlimit(RLIMIT_CORE, &none);
		alarm(5);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_enter(role))
			_exit(UNCONFINED);
		syscall(number, one == SELF ? getpid() : one, two == SELF ? getpid() : two, three,
			NOWHERE, NOWHERE, NOWHERE);
		_exit(EXIT_SUCCESS);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != UNCONFINED);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static const enum seccomp_role roles[] = { SECCOMP_CANARY, SECCOMP_LOADER, SECCOMP_LOADER_OF_PINS };

#define BIT(role)     (1u << (role))
#define CANARY	      BIT(SECCOMP_CANARY)
#define LOADERS	      (BIT(SECCOMP_LOADER) | BIT(SECCOMP_LOADER_OF_PINS))
#define OF_PINS	      BIT(SECCOMP_LOADER_OF_PINS)
#define EVERYBODY     (CANARY | LOADERS)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void each_is_allowed_in_part(void **state)
{
	static const struct {
		const char *what;
		long number, one, two, three;
		unsigned int allowed;
	} cases[] = {
		{ "signal to itself", SYS_tgkill, SELF, SELF, 0, EVERYBODY },
		{ "signal to another", SYS_tgkill, 1, 1, 0, 0 },
		{ "tkill of itself", SYS_tkill, SELF, 0, 0, EVERYBODY },
		{ "tkill of another", SYS_tkill, 1, 0, 0, 0 },
		{ "kill", SYS_kill, SELF, 0, 0, 0 },
		{ "memory", SYS_mmap, 0, 0, PROT_READ | PROT_WRITE, EVERYBODY },
		{ "code", SYS_mmap, 0, 0, PROT_READ | PROT_EXEC, 0 },
		{ "protected memory", SYS_mprotect, 0, 0, PROT_READ, EVERYBODY },
		{ "memory made code", SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, 0 },
		{ "a file to be read", SYS_openat, NOWHERE, 0, O_RDONLY | O_CLOEXEC, CANARY },
		{ "a file to be written", SYS_openat, NOWHERE, 0, O_WRONLY, 0 },
		{ "a file to be both", SYS_openat, NOWHERE, 0, O_RDWR, 0 },
		{ "a new file", SYS_openat, NOWHERE, 0, O_RDONLY | O_CREAT, 0 },
		{ "a file emptied", SYS_openat, NOWHERE, 0, O_RDONLY | O_TRUNC, 0 },
#ifdef SYS_open
		{ "old: a file to be read", SYS_open, 0, O_RDONLY, 0, CANARY },
		{ "old: a file to be written", SYS_open, 0, O_WRONLY, 0, 0 },
		{ "old: a new file", SYS_open, 0, O_RDONLY | O_CREAT, 0, 0 },
		{ "old: a file emptied", SYS_open, 0, O_RDONLY | O_TRUNC, 0, 0 },
#endif
		{ "its own limits", SYS_prlimit64, 0, RLIMIT_NOFILE, 0, CANARY },
		{ "another's limits", SYS_prlimit64, 1, RLIMIT_NOFILE, 0, 0 },
		{ "flags", SYS_fcntl, NOWHERE, F_GETFL, 0, CANARY },
		{ "owner", SYS_fcntl, NOWHERE, F_SETOWN, 1, 0 },
		{ "owner, the new way", SYS_fcntl, NOWHERE, F_SETOWN_EX, 1, 0 },
		{ "signal of a descriptor", SYS_fcntl, NOWHERE, F_SETSIG, SIGKILL, 0 },
		{ "connection", SYS_connect, NOWHERE, 0, 0, CANARY },
		{ "UDP", SYS_socket, AF_INET, SOCK_DGRAM, 0, CANARY },
		{ "netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 0, EVERYBODY },
		{ "datagrams on this machine", SYS_socket, AF_UNIX, SOCK_DGRAM, 0, EVERYBODY },
		{ "streams on this machine", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0 },
		{ "packets", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0 },
		{ "removal", SYS_unlinkat, NOWHERE, 0, 0, OF_PINS },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		for (size_t at = 0; at < LENGTH(roles); at++) {
			int expected = cases[i].allowed & BIT(roles[at]) ? 0 : SIGSYS;
			int ended_by = call(roles[at], cases[i].number, cases[i].one, cases[i].two,
					    cases[i].three);

			if (ended_by != expected)
				fail_msg("%s, role %d: ended by %d, expected %d", cases[i].what,
					 (int)roles[at], ended_by, expected);
		}
	}
}

/* Not one of these, whatever its arguments. */
static void the_dangerous_are_not_allowed(void **state)
{
	static const long calls[] = {
		SYS_ptrace,
		SYS_execve,
		SYS_execveat,
		SYS_clone,
		SYS_clone3,
		SYS_kill,
		SYS_tkill,
		SYS_pidfd_open,
		SYS_pidfd_getfd,
		SYS_setns,
		SYS_unshare,
		SYS_mount,
		SYS_chroot,
		SYS_setuid,
		SYS_capset,
		SYS_prctl,
		SYS_seccomp,
		SYS_keyctl,
		SYS_io_uring_setup,
		SYS_userfaultfd,
		SYS_process_vm_writev,
		SYS_rt_sigqueueinfo,
		SYS_rt_tgsigqueueinfo,
		SYS_init_module,
		SYS_openat2,
		SYS_renameat2,
		SYS_linkat,
		SYS_symlinkat,
		SYS_fchmodat,
		SYS_fchownat,
		SYS_truncate,
		SYS_pwritev2,
#ifdef SYS_fork
		SYS_fork,
		SYS_vfork,
		SYS_creat,
		SYS_rename,
#endif
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(calls); i++) {
		for (size_t at = 0; at < LENGTH(roles); at++)
			assert_int_equal(call(roles[at], calls[i], NOWHERE, NOWHERE, NOWHERE),
					 SIGSYS);
	}
}

/* A failed assertion says which one it was by its signal. */
static void it_may_abort(void **state)
{
	(void)state;
	for (size_t at = 0; at < LENGTH(roles); at++) {
		pid_t child = fork();
		int status = 0;

		assert_true(child >= 0);
		if (child == 0) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_enter(roles[at]))
				_exit(UNCONFINED);
			abort();
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

/* A table that grows is to be seen. */
static void so_many_are_allowed(void **state)
{
	static const unsigned int most[] = {
		[SECCOMP_CANARY] = 56, [SECCOMP_LOADER] = 33, [SECCOMP_LOADER_OF_PINS] = 37
	};

	(void)state;
	for (size_t at = 0; at < LENGTH(roles); at++) {
		unsigned int allowed = 0;

		for (long number = 0; number < CALLS_MAX; number++)
			allowed += call(roles[at], number, NOWHERE, NOWHERE, NOWHERE) != SIGSYS;
		print_message("role %d: %u calls with senseless arguments\n", (int)roles[at],
			      allowed);
		assert_in_range(allowed, 10, most[roles[at]]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_allowed_in_part),
		cmocka_unit_test(the_dangerous_are_not_allowed),
		cmocka_unit_test(it_may_abort),
		cmocka_unit_test(so_many_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
