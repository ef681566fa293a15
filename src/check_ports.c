/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: whether the ports are free at the addresses that are wanted, and whether
 * these are addresses of this node. Reads /proc; takes no port but, of the loopback address alone
 * and for no time, the one that sockets would bind, to see that it may be had.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "check_state.h"

#define LINE_CAPACITY 512
#define TCP_LISTEN    0x0a

/* As a socket of either family that is bound to no address has it. */
static const struct address all_hosts;
static const struct address all_hosts_ipv4 = { .octets = { [10] = 0xff, [11] = 0xff } };
static const struct address loopback_ipv6 = { .octets = { [15] = 1 } };

enum holder {
	HOLDER_NONE,
	HOLDER_ELSEWHERE, /* at another address than the wanted one: both may have theirs */
	HOLDER_ONE,	  /* at one of all addresses, which are wanted */
	HOLDER_ALL,	  /* at all that is wanted of a family */
};

struct port {
	const char *id;
	const char *title;
	const char *protocol;
	const char *tables[2]; /* IPv4, IPv6; the latter may be missing */
	uint32_t state;	       /* 0: any */
	bool loopback;	       /* who has it there is in the way, too */
	enum finding_level one;
	const char *tool; /* tells who it is */
};

static const struct port stamp_port = {
	"port.stamp", "STAMP port", "UDP",	{ "/proc/net/udp", "/proc/net/udp6" }, 0,
	false,	      FINDING_WARN, "ss -lunp",
};
/* Where a socket is bound to it, for all addresses. */
static const struct port reflector_port = {
	"port.stamp", "STAMP port", "UDP",	{ "/proc/net/udp", "/proc/net/udp6" }, 0,
	true,	      FINDING_FAIL, "ss -lunp",
};
static const struct port web_port = {
	"port.web", "HTTP port", "TCP",	       { "/proc/net/tcp", "/proc/net/tcp6" },
	TCP_LISTEN, true,	 FINDING_FAIL, "ss -ltnp",
};

static bool is_loopback(const struct address *address)
{
	return address_is_ipv4(address) ? address->octets[12] == 127
					: address_equal(address, &loopback_ipv6);
}

/* Of a socket for all IPv6 addresses nobody can see whether IPv4's are its as well: they are,
 * unless it said otherwise. */
static bool covers(const struct address *all, const struct address *one)
{
	return address_equal(all, &all_hosts) ||
	       (address_equal(all, &all_hosts_ipv4) && address_is_ipv4(one));
}

static enum holder judge(const struct port *port, const struct address *wanted,
			 const struct address *held)
{
	if (address_equal(held, wanted) || covers(held, wanted))
		return HOLDER_ALL;
	if (!covers(wanted, held) || (!port->loopback && is_loopback(held)))
		return HOLDER_ELSEWHERE;
	return address_equal(held, &all_hosts_ipv4) ? HOLDER_ALL : HOLDER_ONE;
}

/* "sl local:port remote:port state", addresses as words in the order of this machine. */
static bool read_row(const char *line, struct address *ret, uint32_t *ret_port, uint32_t *ret_state)
{
	char text[33];
	uint32_t words[4] = { 0 };

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", text, ret_port,
		   ret_state) != 3)
		return false;
	if (strlen(text) == 8) {
		*ret = all_hosts_ipv4;
		if (sscanf(text, "%8x", words) != 1)
			return false;
		memcpy(ret->octets + sizeof(address_ipv4_prefix), words, sizeof(words[0]));
		return true;
	}
	if (sscanf(text, "%8x%8x%8x%8x", &words[0], &words[1], &words[2], &words[3]) != 4)
		return false;
	memcpy(ret->octets, words, sizeof(words));
	return true;
}

/* The one who is most in the way; or -errno if the table cannot be read. */
static int find_holder(const struct port *port, int table, const struct address *wanted,
		       uint32_t number)
{
	char line[LINE_CAPACITY];
	FILE *file = fopen(port->tables[table], "re");
	int worst = HOLDER_NONE;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		struct address held;
		uint32_t held_port, state;
		enum holder holder;

		if (!read_row(line, &held, &held_port, &state) || held_port != number ||
		    (port->state && state != port->state))
			continue;
		holder = judge(port, wanted, &held);
		if ((int)holder > worst)
			worst = (int)holder;
	}
	fclose(file);
	return worst;
}

static struct finding *add(struct check *check, enum finding_level level, const struct port *port)
{
	return findings_add(&check->findings, level, CHECK_GROUP_HOST, port->id, port->title);
}

/* `at`: the port, and the address unless all are wanted. */
static void check_port(struct check *check, const struct port *port, const struct address *wanted,
		       const char *at, uint32_t number, const char *advice)
{
	int four = find_holder(port, 0, wanted, number);
	int six = find_holder(port, 1, wanted, number);
	int worst = four > six ? four : six;
	enum finding_level level = worst == HOLDER_ALL ? FINDING_FAIL : port->one;
	struct finding *finding;

	if (four < 0) {
		finding = add(check, FINDING_UNTRIED, port);
		finding_say(finding, "not tried: %s: %s", port->tables[0], strerror(-four));
		finding_advise(finding, "see for yourself: %s", port->tool);
		return;
	}
	if (worst <= HOLDER_ELSEWHERE) {
		finding = add(check, FINDING_OK, port);
		finding_say(finding, "%s %s is free%s%s", port->protocol, at,
			    address_equal(wanted, &all_hosts) ? ", IPv4 and IPv6" : "",
			    worst ? "; somebody has that port of another address" : "");
		return;
	}
	finding = add(check, check->runs_already ? FINDING_WARN : level, port);
	finding_say(finding, "%s %s is taken by a socket (%s%s)", port->protocol, at,
		    four > HOLDER_ELSEWHERE && six > HOLDER_ELSEWHERE ? "IPv4 and IPv6"
		    : four > HOLDER_ELSEWHERE			      ? "IPv4"
								      : "IPv6, perhaps for both",
		    worst == HOLDER_ONE ? ", one address" : "");
	finding_advise(finding, "%s '( sport = :%u )' tells whose; %s", port->tool, number, advice);
}

/* Binds as run will, but to no port, which so is nobody's for no moment. 0 or -errno. */
static int try_address(const struct address *wanted)
{
	const int one = 1;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool ipv4 = address_is_ipv4(wanted);
	int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	memcpy(&six.sin6_addr, wanted->octets, sizeof(six.sin6_addr));
	memcpy(&four.sin_addr, wanted->octets + sizeof(address_ipv4_prefix), sizeof(four.sin_addr));
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) ||
	    bind(fd, ipv4 ? (struct sockaddr *)&four : (struct sockaddr *)&six,
		 ipv4 ? sizeof(four) : sizeof(six)))
		err = -errno;
	close(fd);
	return err;
}

/* The first port that whoever has no capability may bind. */
static unsigned long first_open_port(void)
{
	char line[LINE_CAPACITY];

	if (check_read_line("/proc/sys/net/ipv4/ip_unprivileged_port_start", line, sizeof(line)))
		return 0;
	return strtoul(line, NULL, 10);
}

static void check_listen(struct check *check, const struct config_listen *listen)
{
	unsigned long open = first_open_port();
	struct address wanted = all_hosts;
	char number[12];
	int err = 0;

	if (listen->host[0] != '\0' && address_parse(listen->host, &wanted) == 0)
		err = try_address(&wanted);
	if (err) {
		struct finding *finding = add(check, FINDING_FAIL, &web_port);

		finding_say(finding, "TCP %s: %s", listen->text, strerror(-err));
		finding_advise(finding, "run ends at once: choose an address of this node, or none "
					"for all, in --web.listen-address");
		return;
	}
	if (listen->port == 0)
		return;
	if (listen->port < open) {
		struct finding *finding = add(check, FINDING_FAIL, &web_port);

		finding_say(finding, "TCP %s takes a capability, and the exporter has none",
			    listen->text);
		finding_advise(finding,
			       "run ends at once: choose a port from %lu on, or lower "
			       "net.ipv4.ip_unprivileged_port_start",
			       open);
		return;
	}
	snprintf(number, sizeof(number), "%u", listen->port);
	check_port(check, &web_port, &wanted, listen->host[0] ? listen->text : number, listen->port,
		   check->runs_already ? "most likely the kube-canary that runs here already"
				       : "stop it, or choose another --web.listen-address");
}

/* A privileged one takes a capability, of the user namespace that owns this network. 0 or -errno.
 */
static int try_privilege(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)))
		err = -errno;
	close(fd);
	return err;
}

/* Without BPF the reflector binds the port. */
static void check_reflector(struct check *check, const char *number)
{
	int err = try_privilege((uint16_t)check->config.stamp_port);
	struct finding *finding;

	if (err != -EACCES && err != -EPERM) {
		check_port(check, &reflector_port, &all_hosts, number, check->config.stamp_port,
			   check->runs_already
				   ? "most likely the kube-canary that runs here already"
				   : "without BPF run ends at once: stop it, or choose another "
				     "--stamp.port on all nodes, or --reflector=false");
		return;
	}
	finding = add(check, FINDING_FAIL, &reflector_port);
	finding_say(finding, "UDP %s may not be bound, which without BPF is needed: %s", number,
		    strerror(-err));
	finding_advise(finding,
		       "add CAP_NET_BIND_SERVICE, or lower net.ipv4.ip_unprivileged_port_start, or "
		       "choose an open --stamp.port on all nodes, or --reflector=false");
}

/* With BPF the reflector needs no socket: it stands back for whoever has one. */
void check_ports(struct check *check)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", check->config.stamp_port);
	if (check->config.reflector == CONFIG_REFLECTOR_TRUE && check->of_sockets)
		check_reflector(check, number);
	else if (check->config.reflector == CONFIG_REFLECTOR_TRUE)
		check_port(
			check, &stamp_port, &all_hosts, number, check->config.stamp_port,
			"the reflector stands back for it, so peers measure that program: stop it, "
			"or choose another --stamp.port on all nodes");
	for (uint32_t i = 0; i < check->config.web_listen_count; i++)
		check_listen(check, &check->config.web_listen[i]);
}
