/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: one interface of the host: what it is, which hook would be used on it, and
 * whose programs stand there. Only looks; must not know why it is that interface.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attachment.h"
#include "chains.h"
#include "check_state.h"

#define IPV6_MTU_MIN 1280
#define HEADERS_MAX  48 /* IPv6 and UDP, of an echo less */

struct device {
	struct check *check;
	uint32_t ifindex;
	const char *name;
	char group[40];
	int fd;
	bool l3;
};

/* Names of one chain, in its order. */
struct members {
	struct text text;
	uint32_t count;
	uint32_t ours;
	bool foreign_first; /* a filter of priority 1 beside which ours cannot stand */
	bool native;
	char buffer[200];
};

static struct finding *add(const struct device *device, enum finding_level level, const char *id,
			   const char *title)
{
	struct finding *finding = findings_add(&device->check->findings, level, device->group, id,
					       title);

	snprintf(finding->interface, sizeof(finding->interface), "%s", device->name);
	return finding;
}

static struct ifreq question(const struct device *device)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device->name);
	return request;
}

/* Such as "veth", "ixgbe", "802.1Q VLAN Support"; or empty. */
static void read_driver(const struct device *device, char *driver, size_t capacity)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = question(device);

	request.ifr_data = (void *)&info;
	if (ioctl(device->fd, SIOCETHTOOL, &request) < 0)
		info.driver[0] = '\0';
	snprintf(driver, capacity, "%.31s", info.driver);
}

/* False: nothing can be attached there. */
static bool check_kind(struct device *device)
{
	int err = attachment_device_is_l3(device->fd, device->ifindex, &device->l3);
	struct ifreq request = question(device);
	struct finding *finding;
	char driver[40];
	bool strange;

	if (err && !(err == -EOPNOTSUPP && device->check->of_sockets)) {
		finding = add(device, FINDING_FAIL, "interface.device", "device");
		finding_say(finding, "%s",
			    err == -EOPNOTSUPP ? "a link layer that is not known here: its probes "
						 "would be unstamped"
					       : strerror(-err));
		finding_advise(finding,
			       "Ethernet, VLAN, tunnels of IP and loopback are; name other "
			       "interfaces by --bpf.interfaces");
		return false;
	}
	strange = err;
	read_driver(device, driver, sizeof(driver));
	err = ioctl(device->fd, SIOCGIFFLAGS, &request);
	finding = add(device, FINDING_OK, "interface.device", "device");
	finding_say(finding, "%s%s%s%s",
		    !err && (request.ifr_flags & IFF_LOOPBACK) ? "loopback"
		    : strange	 ? "a link layer that is not known here"
		    : device->l3 ? "packets begin with the IP header (L3)"
				 : "Ethernet",
		    driver[0] ? ", driver " : "", driver,
		    !err && (request.ifr_flags & IFF_RUNNING) ? ", up" : ", down");
	if (!err && (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING))
		return true;
	finding->level = FINDING_WARN;
	finding_advise(finding,
		       "no probe leaves while it is down: ip link set %s up, or look at the "
		       "cable or switch",
		       device->name);
	return true;
}

static void check_mtu(const struct device *device)
{
	uint32_t needed = device->check->config.probe_size + HEADERS_MAX;
	struct ifreq request = question(device);
	struct finding *finding;

	if (ioctl(device->fd, SIOCGIFMTU, &request) < 0)
		return;
	finding = add(device, FINDING_OK, "interface.mtu", "MTU");
	finding_say(finding, "%d", request.ifr_mtu);
	if (needed > (uint32_t)request.ifr_mtu) {
		finding->level = FINDING_FAIL;
		finding_advise(finding,
			       "probes of --probe.size=%u do not fit, and are never "
			       "fragmented: choose %d at most",
			       device->check->config.probe_size, request.ifr_mtu - HEADERS_MAX);
	} else if (request.ifr_mtu < IPV6_MTU_MIN) {
		finding->level = FINDING_WARN;
		finding_advise(finding, "IPv6 wants %d at least, and is off on this interface",
			       IPV6_MTU_MIN);
	}
}

static const char *tc_name(enum hook_mode mode)
{
	return mode == HOOK_TCX ? "TCX" : "clsact";
}

static void check_hook(const struct device *device)
{
	const struct check *check = device->check;
	bool xdp = check->config.bpf_hook == CONFIG_HOOK_XDP && !device->l3 &&
		   check->trials.xdp != CHECK_REFUSED;
	enum hook_mode tc = check_tc_hook(check);
	struct finding *finding;
	bool untried;

	if (tc == HOOK_NONE && check->trials.load == CHECK_UNTRIED) {
		finding = add(device, FINDING_UNTRIED, "interface.hook", "hook");
		finding_say(finding, "not tried: it is known once the programs were loaded");
		finding_advise(finding, "run this as root of the host to know");
		return;
	}
	if (tc == HOOK_NONE) {
		finding = add(device, FINDING_FAIL, "interface.hook", "hook");
		finding_say(finding, "none: nothing would be measured over it");
		finding_advise(finding, "see what the kernel refused, above");
		return;
	}
	untried = (tc == HOOK_TCX ? check->trials.tcx : check->trials.clsact) == CHECK_UNTRIED;
	finding = add(device, untried ? FINDING_UNTRIED : FINDING_OK, "interface.hook", "hook");
	if (untried) {
		finding_say(finding, "not tried: %s would be used", tc_name(tc));
		finding_advise(finding, "run this as root of the host to know that it works");
		return;
	}
	if (xdp)
		finding_say(finding, "%s for what leaves, XDP for what comes in", tc_name(tc));
	else
		finding_say(finding, "%s, both ways%s", tc_name(tc),
			    device->l3 ? ", with the programs for L3" : "");
	if (xdp)
		finding_advise(finding, "native if the driver has it; attaching may flap the link");
}

static void on_member(void *ctx, const struct chain_member *member)
{
	struct members *members = ctx;
	char number[64];

	if (chain_member_is_ours(member))
		members->ours++;
	if (member->hook == CHAIN_CLSACT && member->priority == 1 &&
	    (member->program == 0 || !member->all_protocols))
		members->foreign_first = true;
	members->native |= member->native;
	snprintf(number, sizeof(number), "program %u", member->program);
	text_append(&members->text, members->count++ > 0 ? ", " : "");
	text_append(&members->text, member->name[0] ? member->name : number);
	if (member->hook != CHAIN_CLSACT)
		return;
	snprintf(number, sizeof(number), " (priority %u)", member->priority);
	text_append(&members->text, number);
}

static int list_members(const struct device *device, enum chain_hook hook, bool egress,
			struct members *members)
{
	int err;

	*members = (struct members){ .count = 0 };
	members->text = text_over(members->buffer, sizeof(members->buffer) - 1);
	err = chains_list(device->ifindex, hook, egress, on_member, members);
	members->buffer[members->text.length] = '\0';
	return err;
}

static void say_untold(const struct device *device, const char *id, const char *title, int err)
{
	struct finding *finding = add(device, FINDING_UNTRIED, id, title);

	finding_say(finding, "not tried: who is there is not told (%s)", strerror(-err));
	finding_advise(finding, "%s",
		       err == -EPERM ? "it takes CAP_NET_ADMIN: run this as root"
				     : "nothing depends on it");
}

static void check_tcx(const struct device *device, bool egress)
{
	const char *id = egress ? "interface.tcx_egress" : "interface.tcx_ingress";
	const char *title = egress ? "TCX egress" : "TCX ingress";
	bool used = check_tc_hook(device->check) != HOOK_CLSACT;
	struct finding *finding;
	struct members members;
	int err = list_members(device, CHAIN_TCX, egress, &members);

	if (err == -EINVAL) /* no TCX */
		return;
	if (err) {
		say_untold(device, id, title, err);
		return;
	}
	finding = add(device, FINDING_OK, id, title);
	if (members.count == 0) {
		finding_say(finding, "nobody is there");
		return;
	}
	finding_say(finding, "%u: %s", members.count, members.buffer);
	if (members.ours > 0) {
		finding_advise(finding, "%u of them kube-canary's: one runs here", members.ours);
	} else if (used) {
		finding_advise(finding, "ours goes before them, and passes every packet on");
	} else {
		finding->level = FINDING_WARN;
		finding_advise(finding,
			       "TCX comes before clsact: what they end, redirect or drop is not "
			       "stamped; --bpf.hook=auto puts ours before them");
	}
}

/* Ours take priority 1, and there the head; where another kind has it, the next. */
static void advise_filters(const struct device *device, const struct members *members,
			   struct finding *finding)
{
	if (members->ours > 0) {
		finding_advise(finding,
			       "%u of them kube-canary's: one runs here, or was killed and "
			       "left it, inert; the next one removes it",
			       members->ours);
	} else if (check_tc_hook(device->check) != HOOK_CLSACT) {
		finding_advise(finding, "TCX comes before clsact, so ours before them");
	} else if (members->foreign_first) {
		finding->level = FINDING_WARN;
		finding_advise(finding,
			       "one that is no BPF program, or of one protocol, has priority 1: "
			       "ours comes after "
			       "it: what it drops or redirects is not stamped. Give it a higher "
			       "number: tc filter show dev %s",
			       device->name);
	} else {
		finding_advise(finding,
			       "ours takes the head of priority 1; one that comes later may end "
			       "the chain before it, which is noticed and mended");
	}
}

static void check_filters(const struct device *device, bool egress)
{
	const char *id = egress ? "interface.clsact_egress" : "interface.clsact_ingress";
	const char *title = egress ? "tc egress" : "tc ingress";
	struct finding *finding;
	struct members members;
	int err = list_members(device, CHAIN_CLSACT, egress, &members);

	if (!err && members.count == 0)
		return;
	if (err) {
		say_untold(device, id, title, err);
		return;
	}
	finding = add(device, FINDING_OK, id, title);
	finding_say(finding, "%u filter%s: %s", members.count, members.count == 1 ? "" : "s",
		    members.buffer);
	advise_filters(device, &members, finding);
}

static void check_qdisc(const struct device *device)
{
	struct clsact_filter qdisc = { .kind = "" };
	bool used = check_tc_hook(device->check) == HOOK_CLSACT;
	struct finding *finding;

	if (clsact_get_qdisc(device->ifindex, &qdisc) || strcmp(qdisc.kind, "ingress") != 0)
		return;
	finding = add(device, used ? FINDING_FAIL : FINDING_OK, "interface.qdisc", "qdisc");
	finding_say(finding, "an ingress qdisc stands where clsact would");
	if (used)
		finding_advise(finding,
			       "nothing can be attached beside it: its owner could use clsact "
			       "instead (tc qdisc show dev %s)",
			       device->name);
	else
		finding_advise(finding, "no matter: TCX needs no qdisc");
}

static void check_xdp(const struct device *device)
{
	bool asked = device->check->config.bpf_hook == CONFIG_HOOK_XDP;
	struct finding *finding;
	struct members members;
	int err = list_members(device, CHAIN_XDP, false, &members);

	if (err) {
		say_untold(device, "interface.xdp", "XDP", err);
		return;
	}
	if (members.count == 0) {
		finding = add(device, FINDING_OK, "interface.xdp", "XDP");
		finding_say(finding, "nobody is there");
		return;
	}
	finding = add(device, members.ours > 0 ? FINDING_OK : FINDING_WARN, "interface.xdp", "XDP");
	finding_say(finding, "%s, %s", members.buffer,
		    members.native ? "in the driver" : "generic");
	if (members.ours > 0)
		finding_advise(finding, "kube-canary's own: one runs here");
	else if (asked)
		finding_advise(finding,
			       "it has the place, which holds one; ours would serve at tc");
	else
		finding_advise(finding,
			       "it sees what comes in before tc: if it drops or redirects UDP "
			       "%u or replies, they count as lost",
			       device->check->config.stamp_port);
}

static void check_programs(const struct device *device)
{
	check_hook(device);
	check_xdp(device);
	check_tcx(device, false);
	check_tcx(device, true);
	check_qdisc(device);
	check_filters(device, false);
	check_filters(device, true);
}

void check_device(struct check *check, uint32_t ifindex, const char *name)
{
	struct device device = { .check = check, .ifindex = ifindex, .name = name };

	snprintf(device.group, sizeof(device.group), "Interface %s", name);
	device.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (device.fd < 0)
		return;
	if (check_kind(&device)) {
		check_mtu(&device);
		if (!check->of_sockets)
			check_programs(&device);
	}
	close(device.fd);
}
