/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary ping`: from names to addresses, from its options to the daemon's, and then the
 * daemon's own two processes with another ear. Must not know probes.
 */
#include "ping.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "loader.h"
#include "log.h"
#include "ping_options.h"
#include "ping_run.h"
#include "privileges.h"
#include "probe_socket.h"

#define PING_EXIT_UNANSWERED 1
#define PING_EXIT_FAILED     2

#define FLAGS_MAX     (PING_TARGETS_MAX + 16)
#define FLAG_CAPACITY 80

struct ping {
	struct ping_options options;
	struct ping_target targets[PING_TARGETS_MAX];
	struct config config;
	char flags[FLAGS_MAX][FLAG_CAPACITY];
	char *argv[FLAGS_MAX];
	int argc;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "kube-canary ping: %s: %s\n", what, why);
	return -EINVAL;
}

/* --- whom --- */

static void take_address(const struct addrinfo *from, struct address *ret)
{
	if (from->ai_family == AF_INET) {
		const struct sockaddr_in *ipv4 = (const void *)from->ai_addr;

		memcpy(ret->octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
		memcpy(ret->octets + sizeof(address_ipv4_prefix), &ipv4->sin_addr, 4);
	} else {
		const struct sockaddr_in6 *ipv6 = (const void *)from->ai_addr;

		memcpy(ret->octets, &ipv6->sin6_addr, 16);
	}
}

static int look_up(const struct ping_options *options, const char *name, struct address *ret)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 }; /* enum ping_family */
	struct addrinfo hints = { .ai_family = families[options->family],
				  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found;
	int err = getaddrinfo(name, NULL, &hints, &found);

	if (err)
		return complain(name, err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	take_address(found, ret);
	freeaddrinfo(found);
	return 0;
}

/* What strangers answer is read by a process that has nothing to lose; it writes into addresses. */
static int look_up_apart(const struct ping_options *options, struct address *addresses)
{
	const char *uid_kept;
	int err = privileges_drop_all(&uid_kept);

	/* It shall not outlive us, waiting for an answer. */
	if (!err && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		err = -errno;
	if (err)
		return complain("cannot drop privileges", strerror(-err));
	for (uint32_t i = 0; i < options->target_count && !err; i++)
		err = look_up(options, options->targets[i], &addresses[i]);
	return err;
}

static int find_addresses(struct ping *ping)
{
	const size_t bytes = sizeof(struct address) * PING_TARGETS_MAX;
	struct address *addresses = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = EXIT_FAILURE;
	pid_t child;

	if (addresses == MAP_FAILED)
		return complain("cannot start", strerror(errno));
	child = fork();
	if (child == 0)
		_exit(look_up_apart(&ping->options, addresses) ? EXIT_FAILURE : EXIT_SUCCESS);
	if (child < 0)
		complain("cannot start", strerror(errno));
	else if (waitpid(child, &status, 0) != child)
		status = EXIT_FAILURE;
	for (uint32_t i = 0; i < ping->options.target_count; i++)
		ping->targets[i].address = addresses[i];
	munmap(addresses, bytes);
	return status == EXIT_SUCCESS ? 0 : -EINVAL;
}

/* Whether what is sent there is cut, as more than the MTU of its route. Where there is none,
 * sending tells. */
static bool leaves_in_fragments(const struct ping_options *options, const struct address *address)
{
	bool ipv4 = address_is_ipv4(address);
	uint32_t headers = (ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) +
			   sizeof(struct udphdr); /* ICMP's is as long */
	union socket_address remote;
	socklen_t length = socket_address_write(&remote, address, htons((uint16_t)options->port));
	socklen_t bytes = sizeof(int);
	int mtu = INT_MAX;
	int fd;

	if (!ping_options_fragment(options))
		return false;
	fd = socket(remote.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, &remote.any, length) == 0)
		(void)getsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU : IPV6_MTU,
				 &mtu, &bytes);
	close(fd);
	return options->size + headers > (uint32_t)mtu;
}

static int find_targets(struct ping *ping)
{
	int err = find_addresses(ping);

	if (err)
		return err;
	for (uint32_t i = 0; i < ping->options.target_count; i++) {
		struct ping_target *target = &ping->targets[i];
		const char *why = address_why_no_host(&target->address);
		struct address literal;

		target->name = ping->options.targets[i];
		if (why)
			return complain(target->name, why);
		if (ping->options.numeric || address_parse(target->name, &literal) == 0)
			target->name = NULL;
		target->fragments = leaves_in_fragments(&ping->options, &target->address);
		for (uint32_t other = 0; other < i; other++) {
			if (address_equal(&ping->targets[other].address, &target->address))
				return complain(ping->options.targets[i],
						"its address is another target's as well");
		}
	}
	return 0;
}

/* --- how --- */

__attribute__((format(printf, 2, 3))) static void add_flag(struct ping *ping, const char *format,
							   ...)
{
	char *flag = ping->flags[ping->argc];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(flag, FLAG_CAPACITY, format, arguments);
	va_end(arguments);
	ping->argv[ping->argc++] = flag;
}

/* The daemon's own reader checks them, too. Nothing is served and nothing reflected; the
 * environment is the daemon's affair. */
static int fill_config(struct ping *ping)
{
	const struct ping_options *options = &ping->options;
	char error[CONFIG_ERROR_CAPACITY];

	for (uint32_t i = 0; i < options->target_count; i++) {
		char address[ADDRESS_TEXT_CAPACITY];

		address_format(&ping->targets[i].address, address);
		add_flag(ping, "--peers.static=%s", address);
	}
	add_flag(ping, "--node.name=kube-canary-ping");
	add_flag(ping, "--peers.max=%u", options->target_count);
	add_flag(ping, "--peers.family=both");
	add_flag(ping, "--probe.max=%u", options->target_count);
	add_flag(ping, "--probe.interval=%lldns", (long long)options->interval_ns);
	add_flag(ping, "--probe.timeout=%lldns", (long long)options->timeout_ns);
	add_flag(ping, "--probe.protocol=%s", options->stamp ? "stamp" : "icmp");
	add_flag(ping, "--probe.flows=%u", options->flows);
	add_flag(ping, "--probe.dscp=%u", options->dscp);
	add_flag(ping, "--probe.size=%u", options->size);
	add_flag(ping, "--stamp.port=%u", options->port);
	add_flag(ping, "--reflector=false");
	add_flag(ping, "--timestamps=bpf"); /* as the first line says */
	add_flag(ping, "--bpf.hook=%s", options->hook);
	add_flag(ping, "--log.level=%s", options->verbose ? "info" : "error");
	if (config_read(ping->argc, ping->argv, NULL, &ping->config, error))
		return complain("its options are refused", error);
	ping->config.web_listen_count = 0;
	return 0;
}

/* The kernel would say no more than that something is not permitted. */
static int check_privileges(void)
{
	if (privileges_held(CAP_BPF) && privileges_held(CAP_NET_ADMIN) &&
	    privileges_held(CAP_NET_RAW))
		return 0;
	return complain("not permitted", "stamping in the kernel needs CAP_BPF, CAP_NET_ADMIN and "
					 "CAP_NET_RAW (run as root)");
}

static int prepare(struct ping *ping)
{
	char error[COMMAND_ERROR_CAPACITY];
	int err = ping_options_check(&ping->options, error);

	if (err) {
		fprintf(stderr, "kube-canary ping: %s; see kube-canary ping --help\n", error);
		return err;
	}
	err = find_targets(ping);
	if (!err)
		err = fill_config(ping);
	return err ? err : check_privileges();
}

/* --- go --- */

static int measure(const struct ping *ping)
{
	struct agent_ear ear;
	struct ping_run *run;
	sigset_t quit;
	pid_t self = getpid();
	int status;

	if (ping_run_open(&ping->options, ping->targets, &run))
		return complain("cannot start", strerror(ENOMEM)), PING_EXIT_FAILED;
	/* It shall not kill the loader; the canary asks for it. */
	sigemptyset(&quit);
	sigaddset(&quit, SIGQUIT);
	sigprocmask(SIG_BLOCK, &quit, NULL);
	ear = ping_run_ear(run);
	log_setup((enum log_level)ping->config.log_level, 0);
	fflush(stdout);
	status = loader_run(&ping->config, &ear);
	ping_run_close(run);
	if (getpid() != self) /* the canary, whose status comes to us as it is */
		return status;
	if (status == PING_ANSWERED)
		return EXIT_SUCCESS;
	return status == PING_UNANSWERED ? PING_EXIT_UNANSWERED : PING_EXIT_FAILED;
}

static int run_ping(int argc, char *const argv[])
{
	/* Large, and there is one in a process. */
	static struct ping ping;
	int status;

	ping.options = PING_OPTIONS_DEFAULT;
	status = command_read(&ping_command, argc, argv, ping_options_take, &ping.options);
	if (status >= 0)
		return status;
	if (prepare(&ping))
		return PING_EXIT_FAILED;
	return measure(&ping);
}

const struct command ping_command = {
	.name = "ping",
	.summary = "probe a few targets now, as ping(8), with the kernel's stamps",
	.operands = "TARGET...",
	.options = ping_option_rows,
	.options_count = PING_OPTIONS,
	.run = run_ping,
};
