/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: what else would end `run` at its start: the filter of system calls, tried in
 * a child process, and the folder of the pins, which is only looked at.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_state.h"
#include "seccomp.h"

/* 0 or -errno; it holds for the rest of a process's life. */
static int try_seccomp(void)
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return -errno;
	if (child == 0) {
		int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
				  ? -errno
				  : seccomp_enter(SECCOMP_CANARY);

		_exit(-err);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* Killed by somebody's filter that knows worse than to refuse. */
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

void check_seccomp(struct check *check)
{
	struct finding *finding;
	int err;

	if (check->config.seccomp != CONFIG_SECCOMP_TRUE)
		return;
	err = try_seccomp();
	finding = findings_add(&check->findings, err ? FINDING_FAIL : FINDING_OK,
			       CHECK_GROUP_KERNEL, "kernel.seccomp", "seccomp");
	if (!err) {
		finding_say(finding, "a process confined itself to the system calls that it needs");
		return;
	}
	finding_say(finding, "refused: %s", strerror(-err));
	finding_advise(finding, "run with --seccomp=false, or on a kernel with "
				"CONFIG_SECCOMP_FILTER");
}

/* Of the folder or, as it would be made, of the one that it would be made in. */
static int stat_file_system(const char *path, struct statfs *ret)
{
	char parent[CONFIG_TEXT_CAPACITY];
	char *slash;

	if (statfs(path, ret) == 0)
		return 0;
	snprintf(parent, sizeof(parent), "%s", path);
	for (slash = parent + strlen(parent); slash > parent && slash[-1] == '/'; slash--)
		slash[-1] = '\0';
	slash = strrchr(parent, '/');
	if (errno != ENOENT || !slash)
		return -errno;
	slash[slash == parent] = '\0'; /* "/" is its own */
	return statfs(parent, ret) == 0 ? 0 : -errno;
}

void check_pin_path(struct check *check)
{
	const char *path = check->config.bpf_pin_path;
	struct statfs file_system;
	struct finding *finding;
	bool right;
	int err;

	if (path[0] == '\0')
		return;
	err = stat_file_system(path, &file_system);
	right = !err && (uint64_t)file_system.f_type == BPF_FS_MAGIC;
	finding = findings_add(&check->findings, right ? FINDING_OK : FINDING_FAIL,
			       CHECK_GROUP_HOST, "host.pin_path", "pinned maps");
	finding_say(finding, "%s: %s", path,
		    err	    ? strerror(-err)
		    : right ? "on a bpf file system"
			    : "not on a bpf file system");
	if (!right)
		finding_advise(finding, "run ends at once: choose a --bpf.pin-path beneath "
					"/sys/fs/bpf, and mount bpf there");
}
