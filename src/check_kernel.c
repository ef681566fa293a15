/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: what the kernel and this process's permissions say of themselves. Tries
 * nothing; that is check_trials.c.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check_state.h"
#include "privileges.h"

/* Linux 5.15; on arm64 5.18, for its atomics. */
#define RELEASE(major, minor) ((major)*1000u + (minor))
#define RELEASE_NEEDED	      RELEASE(5, 15)
#define RELEASE_NEEDED_ARM64  RELEASE(5, 18)
#define RELEASE_TCX	      RELEASE(6, 6)
#define RELEASE_NO_MEMLOCK    RELEASE(5, 11) /* maps are counted against the memory cgroup */
#define MEMLOCK_NEEDED	      (64u << 20)

#define LINE_CAPACITY 256

struct capability {
	int number;
	const char *name;
	const char *purpose;
};

static const struct capability needed[] = {
	{ CAP_BPF, "BPF", "load programs" },
	{ CAP_NET_ADMIN, "NET_ADMIN", "attach them" },
	{ CAP_NET_RAW, "NET_RAW", "probe by ICMP" },
};

static const struct capability wanted[] = {
	{ CAP_SETUID, "SETUID", "" },
	{ CAP_SETGID, "SETGID", "" },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct finding *add_kernel(struct check *check, enum finding_level level, const char *id,
				  const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_KERNEL, id, title);
}

static struct finding *add_permission(struct check *check, enum finding_level level, const char *id,
				      const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_PERMISSIONS, id, title);
}

/* Names of those that are not held, with their purposes if these are told; how many. */
static size_t list_missing(const struct capability *capabilities, size_t count, bool purposes,
			   char *buffer, size_t capacity)
{
	struct text text = text_over(buffer, capacity - 1);
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		if (privileges_held(capabilities[i].number))
			continue;
		text_append(&text, missing++ > 0 ? ", " : "");
		text_append(&text, capabilities[i].name);
		if (!purposes)
			continue;
		text_append(&text, " (");
		text_append(&text, capabilities[i].purpose);
		text_append(&text, ")");
	}
	buffer[text.length] = '\0';
	return missing;
}

bool check_may_load(void)
{
	return privileges_held(CAP_BPF) && privileges_held(CAP_NET_ADMIN);
}

static void check_needed(struct check *check)
{
	char missing[LINE_CAPACITY];
	struct finding *finding;

	if (list_missing(needed, LENGTH(needed), true, missing, sizeof(missing)) == 0) {
		finding = add_permission(check, FINDING_OK, "permissions.needed", "capabilities");
		finding_say(finding, "BPF, NET_ADMIN and NET_RAW are held");
		return;
	}
	finding = add_permission(check, FINDING_FAIL, "permissions.needed", "capabilities");
	finding_say(finding, "missing: %s", missing);
	list_missing(needed, LENGTH(needed), false, missing, sizeof(missing));
	finding_advise(
		finding,
		"at most the sockets' stamps would serve, STAMP only (--timestamps), and below "
		"1024 not at every --stamp.port: run it as root; in a container add %s "
		"(securityContext.capabilities.add, "
		"--cap-add)",
		missing);
}

static void check_wanted(struct check *check)
{
	char missing[LINE_CAPACITY];
	struct finding *finding;

	if (privileges_lack_nobody()) {
		finding = add_permission(check, FINDING_FAIL, CHECK_ID_USER, "change of user");
		finding_say(finding, "this user namespace has no nobody (65534) to become");
		finding_advise(finding, "run ends at once: map that id, run it in the host's user "
					"namespace, or as a user who is not root outside");
		return;
	}
	if (list_missing(wanted, LENGTH(wanted), false, missing, sizeof(missing)) == 0) {
		finding = add_permission(check, FINDING_OK, CHECK_ID_USER, "change of user");
		finding_say(finding, "SETUID and SETGID are held: the exporter runs as nobody");
		return;
	}
	finding = add_permission(check, FINDING_WARN, CHECK_ID_USER, "change of user");
	finding_say(finding, "missing: %s; the exporter keeps its user, without any capability",
		    missing);
	finding_advise(finding, "works as well; add SETUID and SETGID so that it becomes nobody");
}

static void check_perfmon(struct check *check)
{
	bool asked = check->config.bpf_hook == CONFIG_HOOK_XDP;
	struct finding *finding;

	if (privileges_held(CAP_PERFMON)) {
		finding = add_permission(check, FINDING_OK, "permissions.perfmon", "PERFMON");
		finding_say(finding, "held; only --bpf.hook=xdp may need it");
		return;
	}
	finding = add_permission(check, asked ? FINDING_WARN : FINDING_NOTE, "permissions.perfmon",
				 "PERFMON");
	finding_say(finding, asked ? "missing: most kernels refuse the program for XDP without it"
				   : "missing; only --bpf.hook=xdp may need it");
	if (asked)
		finding_advise(finding, "add CAP_PERFMON; where the kernel refuses, tc serves");
}

/* Root of a user namespace has all capabilities, which the kernel does not take for bpf(). */
static void check_user_namespace(struct check *check)
{
	struct finding *finding;

	if (!privileges_in_user_namespace())
		return;
	finding = add_permission(check, FINDING_FAIL, "permissions.user_namespace",
				 "user namespace");
	finding_say(finding, "capabilities that are held in one of its own do not count for BPF");
	finding_advise(finding, "run it in the host's user namespace (Kubernetes: hostUsers, "
				"docker: --userns=host, podman: as root)");
}

void check_permissions(struct check *check)
{
	bool bpf = check->config.timestamps != CONFIG_TIMESTAMPS_SOCKET;

	if (bpf)
		check_needed(check);
	check_wanted(check);
	if (!bpf)
		return;
	check_perfmon(check);
	check_user_namespace(check);
}

static uint32_t release_of(const char *text)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(text, "%u.%u", &major, &minor) != 2)
		return 0;
	return RELEASE(major, minor);
}

static uint32_t check_release(struct check *check)
{
	struct utsname system;
	struct finding *finding;
	uint32_t release, least;

	if (uname(&system) < 0)
		return 0;
	release = release_of(system.release);
	least = strcmp(system.machine, "aarch64") == 0 ? RELEASE_NEEDED_ARM64 : RELEASE_NEEDED;
	finding = add_kernel(check, release < least ? FINDING_WARN : FINDING_OK, "kernel.release",
			     "release");
	finding_say(finding, "Linux %s, %s%s", system.release, system.machine,
		    release >= RELEASE_TCX ? "" : "; older than 6.6, so without TCX");
	if (release < least)
		finding_advise(finding,
			       "made for Linux %u.%u and later; what is tried below "
			       "tells more than the number",
			       least / 1000, least % 1000);
	return release;
}

/* "none [integrity] confidentiality" */
static void check_lockdown(struct check *check)
{
	char line[LINE_CAPACITY];
	int err = check_read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	char *mode = err ? NULL : strchr(line, '[');
	struct finding *finding;

	if (!mode) {
		finding = add_kernel(check, FINDING_NOTE, "kernel.lockdown", "lockdown");
		finding_say(finding, "not to be seen from here (%s)",
			    err == -ENOENT ? "no lockdown, or no securityfs" : strerror(-err));
		return;
	}
	mode++;
	mode[strcspn(mode, "]")] = '\0';
	finding = add_kernel(check, FINDING_OK, "kernel.lockdown", "lockdown");
	finding_say(finding, "%s%s", mode,
		    strcmp(mode, "none") == 0 ? "" : "; these programs read nothing that it hides");
}

static void check_unprivileged_bpf(struct check *check)
{
	char line[LINE_CAPACITY];
	struct finding *finding;

	if (check_read_line("/proc/sys/kernel/unprivileged_bpf_disabled", line, sizeof(line))) {
		finding = add_kernel(check, FINDING_NOTE, "kernel.unprivileged_bpf", "BPF for all");
		finding_say(finding, "kernel.unprivileged_bpf_disabled cannot be read");
		return;
	}
	if (strcmp(line, "0") == 0) {
		finding = add_kernel(check, FINDING_WARN, "kernel.unprivileged_bpf", "BPF for all");
		finding_say(finding, "yes: kernel.unprivileged_bpf_disabled is 0");
		finding_advise(finding,
			       "no matter for kube-canary; sysctl "
			       "kernel.unprivileged_bpf_disabled=2 is the usual, safer value");
		return;
	}
	finding = add_kernel(check, FINDING_OK, "kernel.unprivileged_bpf", "BPF for all");
	finding_say(finding, "no: kernel.unprivileged_bpf_disabled is %s", line);
}

/* libbpf raises it where that is permitted. */
static void check_memlock(struct check *check, uint32_t release)
{
	struct rlimit limit;
	struct finding *finding;

	if (release == 0 || release >= RELEASE_NO_MEMLOCK || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	if (limit.rlim_max >= MEMLOCK_NEEDED || privileges_held(CAP_SYS_RESOURCE)) {
		finding = add_kernel(check, FINDING_OK, "kernel.memlock", "memlock");
		finding_say(finding, "RLIMIT_MEMLOCK is enough, or may be raised");
		return;
	}
	finding = add_kernel(check, FINDING_WARN, "kernel.memlock", "memlock");
	finding_say(finding, "RLIMIT_MEMLOCK is %llu octets, which maps of this kernel count to",
		    (unsigned long long)limit.rlim_max);
	finding_advise(finding,
		       "set it to infinity: LimitMEMLOCK= in the unit, --ulimit memlock=-1");
}

void check_kernel(struct check *check)
{
	uint32_t release = check_release(check);

	if (check->config.timestamps == CONFIG_TIMESTAMPS_SOCKET)
		return;
	check_lockdown(check);
	check_unprivileged_bpf(check);
	check_memlock(check, release);
}
