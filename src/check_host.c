/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: ports, other instances, limits of the cgroup, IPv6, and what cannot be seen
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
#define TCP_LISTEN    0x0a
#define MEMORY_NEEDED \
	(16ull << 20) /* the BPF programs are verified in it: megabytes, for a moment */
#define CGROUP_ROOT "/sys/fs/cgroup"

static struct finding *add(struct check *check, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_HOST, id, title);
}

/* Whether a socket of the table has the port; -errno if the table cannot be read. */
static int table_has_port(const char *path, uint32_t port, uint32_t state)
{
	char line[LINE_CAPACITY];
	FILE *file = fopen(path, "re");
	int found = 0;

	if (!file)
		return -errno;
	while (!found && fgets(line, sizeof(line), file)) {
		unsigned int local_port, remote_port, socket_state;

		/* sl local:port remote:port state */
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x", &local_port,
			   &remote_port, &socket_state) == 3)
			found = local_port == port && (state == 0 || socket_state == state);
	}
	fclose(file);
	return found;
}

struct port {
	const char *id;
	const char *title;
	const char *tables[2]; /* IPv4, IPv6; the latter may be missing */
	uint32_t state;	       /* 0: any */
	const char *tool;      /* tells who it is */
};

static const struct port stamp_port = {
	"port.stamp", "STAMP port", { "/proc/net/udp", "/proc/net/udp6" }, 0, "ss -lunp",
};
static const struct port web_port = {
	"port.web", "HTTP port", { "/proc/net/tcp", "/proc/net/tcp6" }, TCP_LISTEN, "ss -ltnp",
};

static struct finding *check_port(struct check *check, const struct port *port, uint32_t number,
				  const char *advice)
{
	const char *protocol = port->state ? "TCP" : "UDP";
	int four = table_has_port(port->tables[0], number, port->state);
	int six = table_has_port(port->tables[1], number, port->state);
	struct finding *finding;

	if (four < 0) {
		finding = add(check, FINDING_UNTRIED, port->id, port->title);
		finding_say(finding, "not tried: %s: %s", port->tables[0], strerror(-four));
		finding_advise(finding, "see for yourself: %s", port->tool);
		return finding;
	}
	if (four == 0 && six <= 0) {
		finding = add(check, FINDING_OK, port->id, port->title);
		finding_say(finding, "%s %u is free, IPv4 and IPv6", protocol, number);
		return finding;
	}
	finding = add(check, check->runs_already ? FINDING_WARN : FINDING_FAIL, port->id,
		      port->title);
	finding_say(finding, "%s %u is taken by a socket (%s)", protocol, number,
		    four > 0 && six > 0 ? "IPv4 and IPv6"
		    : four > 0		? "IPv4"
					: "IPv6, perhaps for both");
	finding_advise(finding, "%s '( sport = :%u )' tells whose; %s", port->tool, number, advice);
	return finding;
}

/* The reflector needs no socket: it stands back for whoever has one. */
static void check_ports(struct check *check)
{
	if (check->config.reflector == CONFIG_REFLECTOR_TRUE)
		check_port(
			check, &stamp_port, check->config.stamp_port,
			"the reflector stands back for it, so peers measure that program: stop it, "
			"or choose another --stamp.port on all nodes");
	for (uint32_t i = 0; i < check->config.web_listen_count; i++) {
		uint32_t port = check->config.web_listen[i].port;

		if (port > 0)
			check_port(check, &web_port, port,
				   check->runs_already
					   ? "most likely the kube-canary that runs here already"
					   : "stop it, or choose another --web.listen-address");
	}
}

static bool same_network(const char *process)
{
	char path[sizeof("/proc//ns/net") + 16];
	struct stat ours, theirs;

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", process);
	return stat("/proc/self/ns/net", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
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
		finding = add(check, FINDING_FAIL, "host.instances", "kube-canary");
		finding_say(finding, "%u run here with clsact, and no more can", claims);
		finding_advise(finding, "ss -xap | grep " CLSACT_CLAIM " tells whose; stop some");
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

/* The value of a cgroup's file, sought upwards from our own group: the least that is set. */
static bool cgroup_read(const char *file, char *value, size_t capacity)
{
	char line[LINE_CAPACITY], path[LINE_CAPACITY + 64];
	char *slash;

	if (check_read_line("/proc/self/cgroup", line, sizeof(line)) ||
	    strncmp(line, "0::/", 4) != 0)
		return false;
	do {
		snprintf(path, sizeof(path), CGROUP_ROOT "%s/%s", line + 3, file);
		if (check_read_line(path, value, capacity) == 0 && strncmp(value, "max", 3) != 0)
			return true;
		slash = strrchr(line + 3, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return false;
}

static void check_cgroup(struct check *check)
{
	char value[64];
	unsigned long long quota, period, bytes;
	struct finding *finding;

	if (cgroup_read("cpu.max", value, sizeof(value)) &&
	    sscanf(value, "%llu %llu", &quota, &period) == 2 && period > 0) {
		finding = add(check, FINDING_NOTE, "host.cpu_limit", "CPU limit");
		finding_say(finding,
			    "%llu.%02llu cores for this group; throttling never enters a round "
			    "trip, which is stamped in the kernel",
			    quota / period, quota * 100 / period % 100);
	}
	if (!cgroup_read("memory.max", value, sizeof(value)) || sscanf(value, "%llu", &bytes) != 1)
		return;
	finding = add(check, bytes < MEMORY_NEEDED ? FINDING_WARN : FINDING_OK, "host.memory_limit",
		      "memory limit");
	finding_say(finding, "%llu MiB for this group", bytes >> 20);
	if (bytes < MEMORY_NEEDED)
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
	finding_advise(finding, "a node's own nftables or iptables need only let probes out, and "
				"replies in for the names: requests are answered before it");
}

void check_host(struct check *check)
{
	check_instances(check);
	check_ports(check);
	check_cgroup(check);
	check_ipv6(check);
	check_firewall(check);
}
