/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: other instances, limits of the cgroup, IPv6, and what cannot be seen
 * from here. Reads /proc and /sys; binds nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_state.h"
#include "clsact.h"

#define LINE_CAPACITY 512
#define PROGRAM	      "kube-canary"
#define MEMORY_NEEDED \
	(16ull << 20) /* the BPF programs are verified in it: megabytes, for a moment */
#define CGROUP_ROOT "/sys/fs/cgroup"

static struct finding *add(struct check *check, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_HOST, id, title);
}

/* Also where that cannot be told: who may not look into a process that is seen is most likely
 * beside it in a pod. */
static bool same_network(const char *process)
{
	char path[sizeof("/proc//ns/net") + 16];
	struct stat ours, theirs;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", process);
	if (stat(path, &theirs))
		return errno == EACCES || errno == EPERM;
	return stat("/proc/self/ns/net", &ours) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

/* `kube-canary ping`, `top` and `check` attach nothing that is in the way. */
static bool is_daemon(const char *process)
{
	char path[sizeof("/proc//cmdline") + 16], words[LINE_CAPACITY];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", process);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* Each word ends with a zero. */
	length = fread(words, 1, sizeof(words) - 2, file);
	fclose(file);
	memset(words + length, 0, 2);
	length = strlen(words) + 1;
	return words[length] == '\0' || words[length] == '-' || strcmp(words + length, "run") == 0;
}

static bool is_instance(const char *process)
{
	char path[sizeof("/proc//comm") + 16], name[32];

	snprintf(path, sizeof(path), "/proc/%.16s/comm", process);
	return check_read_line(path, name, sizeof(name)) == 0 && strcmp(name, PROGRAM) == 0 &&
	       is_daemon(process) && same_network(process);
}

/* The least id of a process of ours in our network namespace, most likely a loader's; or 0. */
static long find_instance(void)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	long found = 0;

	while (folder && (entry = readdir(folder))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && (found == 0 || pid < found) && is_instance(entry->d_name))
			found = pid;
	}
	if (folder)
		closedir(folder);
	return found;
}

/* Each holds an abstract socket while it uses clsact. */
static uint32_t count_claims(void)
{
	char line[LINE_CAPACITY];
	FILE *file = fopen("/proc/net/unix", "re");
	uint32_t count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, "@" CLSACT_CLAIM) != NULL;
	if (file)
		fclose(file);
	return count;
}

static void check_instances(struct check *check)
{
	long pid = find_instance();
	uint32_t claims = count_claims();
	struct finding *finding;

	check->runs_already = pid > 0 || claims > 0;
	if (!check->runs_already) {
		finding = add(check, FINDING_OK, "host.instances", "kube-canary");
		finding_say(finding, "no other one is seen to run here");
		return;
	}
	if (claims >= CLSACT_INSTANCES) {
		finding = add(check, FINDING_WARN, "host.instances", "kube-canary");
		finding_say(finding, "all %u names for instances with clsact are taken", claims);
		finding_advise(finding,
			       "ss -xap | grep " CLSACT_CLAIM " tells whose; one more can "
			       "run, but a filter that it leaves when killed stays, inert");
		return;
	}
	finding = add(check, FINDING_WARN, "host.instances", "kube-canary");
	if (pid > 0)
		finding_say(finding, "one runs here already (process %ld)", pid);
	else
		finding_say(finding, "%u run here already, with clsact", claims);
	finding_advise(finding, "both would measure; a second one wants a --web.listen-address and "
				"a --stamp.port of its own");
}

/* "0::/path"; those of hierarchies of version 1 may stand before it. */
static bool cgroup_own(char line[static LINE_CAPACITY])
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (file && !found && fgets(line, LINE_CAPACITY, file))
		found = strncmp(line, "0::/", 4) == 0;
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return found;
}

/* The least of a limit, sought upwards from our own group; of a quota and its period in hundredths.
 * UINT64_MAX: none is set. */
static uint64_t cgroup_least(const char *file)
{
	char line[LINE_CAPACITY], path[LINE_CAPACITY + 64], value[64];
	uint64_t least = UINT64_MAX;
	char *slash;

	if (!cgroup_own(line))
		return least;
	do {
		unsigned long long limit, period;
		int numbers = 0;

		snprintf(path, sizeof(path), CGROUP_ROOT "%s/%s", line + 3, file);
		if (check_read_line(path, value, sizeof(value)) == 0)
			numbers = sscanf(value, "%llu %llu", &limit, &period);
		if (numbers == 2 && period > 0)
			limit = limit * 100 / period;
		if (numbers > 0 && limit < least)
			least = limit;
		slash = strrchr(line + 3, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return least;
}

static void check_cgroup(struct check *check)
{
	uint64_t hundredths = cgroup_least("cpu.max"), bytes = cgroup_least("memory.max");
	struct finding *finding;
	bool short_of;

	if (access(CGROUP_ROOT "/cgroup.controllers", F_OK)) {
		finding = add(check, FINDING_NOTE, "host.cgroup", "limits");
		finding_say(finding, "not to be seen from here: no cgroup v2 in " CGROUP_ROOT);
		return;
	}
	if (hundredths != UINT64_MAX) {
		finding = add(check, FINDING_NOTE, "host.cpu_limit", "CPU limit");
		finding_say(finding,
			    "%llu.%02llu cores for this group; throttling never enters a round "
			    "trip, which is stamped in the kernel",
			    (unsigned long long)hundredths / 100,
			    (unsigned long long)hundredths % 100);
	}
	if (bytes == UINT64_MAX)
		return;
	short_of = bytes < MEMORY_NEEDED && !check->of_sockets;
	finding = add(check, short_of ? FINDING_WARN : FINDING_OK, "host.memory_limit",
		      "memory limit");
	finding_say(finding, "%llu MiB for this group", (unsigned long long)bytes >> 20);
	if (short_of)
		finding_advise(finding, "16 MiB are enough: loading the programs takes a few for a "
					"moment");
}

static void check_ipv6(struct check *check)
{
	char line[LINE_CAPACITY], disabled[8];
	struct finding *finding;
	int err = check_read_line("/proc/net/if_inet6", line, sizeof(line));

	if (err == -ENOENT) {
		finding = add(check, FINDING_NOTE, "host.ipv6", "IPv6");
		finding_say(finding, "the kernel has none: peers are probed by IPv4 only");
	} else if (err || (check_read_line("/proc/sys/net/ipv6/conf/all/disable_ipv6", disabled,
					   sizeof(disabled)) == 0 &&
			   strcmp(disabled, "0") != 0)) {
		finding = add(check, FINDING_NOTE, "host.ipv6", "IPv6");
		finding_say(finding,
			    "no address, or switched off (net.ipv6.conf.all.disable_ipv6)");
	} else {
		finding = add(check, FINDING_OK, "host.ipv6", "IPv6");
		finding_say(finding, "is there");
	}
}

static void check_firewall(struct check *check)
{
	struct finding *finding = add(check, FINDING_NOTE, "host.firewall", "firewalls");

	finding_say(finding,
		    "cannot be seen from here: UDP %u, and the replies from it, must pass between "
		    "all nodes, in the cloud's rules too",
		    check->config.stamp_port);
	if (check->of_sockets)
		finding_advise(finding,
			       "a node's own nftables or iptables must let probes out, and "
			       "requests and replies in, as sockets stamp and answer");
	else
		finding_advise(finding,
			       "a node's own nftables or iptables need only let probes out, and "
			       "replies in for the names: requests are answered before it");
}

void check_host(struct check *check)
{
	check_instances(check);
	check_ports(check);
	check_pin_path(check);
	check_cgroup(check);
	check_ipv6(check);
	check_firewall(check);
}
