/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both processes begin with: sockets, and the programs; or where these are refused, and may
 * be, what stands in for them. Must not know peers, packets or metrics.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clsact.h"
#include "footprint.h"
#include "identity.h"
#include "instant.h"
#include "loader_state.h"
#include "log.h"
#include "privileges.h"
#include "stand_in.h"

/* Three of the canary's heartbeats, one a second; and no probe in flight outlasts it. */
#define INERT_AFTER_MIN_NS (3 * NS_PER_SECOND)

static int loader_open_kernel(struct loader *loader, uint32_t hash_seed, uint16_t icmp_id_be)
{
	const struct config *config = loader->config;
	int64_t inert_after_ns = 2 * config->probe_timeout_ns + NS_PER_SECOND;
	struct kernel_settings settings = {
		.shape = loader_shape(config, hash_seed),
		.icmp_id_be = icmp_id_be,
		.stamp_port_be = htons((uint16_t)config->stamp_port),
		.reflector = config->reflector == CONFIG_REFLECTOR_TRUE,
		.with_xdp = config->bpf_hook == CONFIG_HOOK_XDP,
		.pin_path = config->bpf_pin_path[0] ? config->bpf_pin_path : NULL,
	};
	size_t object_bytes;
	const void *object;
	int err;

	for (uint32_t flow = 0; flow < settings.shape.flows; flow++)
		settings.flow_ports_be[flow] = prober_stamp_port_be(loader->stamp, (uint16_t)flow);
	identity_fill(config->node_name, config->node_zone, &settings.identity);
	if (inert_after_ns < INERT_AFTER_MIN_NS)
		inert_after_ns = INERT_AFTER_MIN_NS;
	settings.inert_after_ns = (uint64_t)inert_after_ns;
	loader->shape = settings.shape;
	if (loader->stand_in)
		return stand_in_make(&settings.shape, &loader->kernel);
	object = kernel_object(&object_bytes);
	err = kernel_open(&settings, &loader->kernel);
	footprint_drop_loading(object, object_bytes);
	return err;
}

bool loader_uses_filters(const struct loader *loader)
{
	const struct attachment_policy *policy = &loader->policy;

	return policy->hook == CONFIG_HOOK_CLSACT || !policy->tcx;
}

static int loader_settle_policy(struct loader *loader)
{
	struct attachment_policy *policy = &loader->policy;
	int err;

	*policy = (struct attachment_policy){
		.kernel = &loader->kernel,
		.hook = loader->config->bpf_hook,
		.tcx = attachment_tcx_supported(&loader->kernel),
		.device_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	};
	if (policy->device_fd < 0)
		return -errno;
	if (policy->hook == CONFIG_HOOK_TCX && !policy->tcx) {
		log_error("--bpf.hook=tcx: this kernel has no TCX (Linux 6.6); auto would use "
			  "clsact");
		return -EOPNOTSUPP;
	}
	if (policy->hook == CONFIG_HOOK_XDP && loader->kernel.programs[KERNEL_INGRESS_XDP] < 0)
		log_warn("--bpf.hook=xdp: the kernel refused the program for XDP, most want "
			 "CAP_PERFMON for it; tc serves ingress too");
	if (!loader_uses_filters(loader))
		return 0;
	err = clsact_claim_handle(&policy->filter_handle, &loader->handle_fd);
	if (!err && loader->handle_fd < 0)
		log_warn("all abstract sockets of instances are taken, `ss -xap` shows by whom: a "
			 "filter left here by a kill will stay, inert",
			 LOG_TEXT("sockets", "@" CLSACT_CLAIM "*"));
	return err;
}

static int loader_open_icmp(struct loader *loader, uint16_t icmp_id_be)
{
	const struct config *config = loader->config;
	const struct prober_icmp_settings icmp = {
		.dscp = config->probe_dscp,
		.payload_size = config->probe_size,
		.icmp_id_be = icmp_id_be,
	};

	return prober_icmp_open(&icmp, &loader->icmp);
}

static int loader_open_stamp(struct loader *loader)
{
	const struct config *config = loader->config;
	struct prober_stamp_settings stamp = {
		.flows = config->probe_flows,
		.dscp = config->probe_dscp,
		.payload_size = config->probe_size,
		.port_be = htons((uint16_t)config->stamp_port),
		.stamped = loader->stand_in,
	};
	int err;

	/* Sizes that an echo may have and a STAMP probe may not: no room for the padding's TLV. */
	if (stamp.payload_size < STAMP_BYTES + sizeof(struct stamp_tlv))
		stamp.payload_size = STAMP_BYTES;
	err = prober_stamp_open(&stamp, &loader->stamp);
	if (err)
		log_error("cannot open the UDP sockets", LOG_ERRNO(err));
	return err;
}

void loader_close_sockets(struct loader *loader)
{
	prober_icmp_close(loader->icmp);
	prober_stamp_close(loader->stamp);
	reflector_close(loader->reflector);
	loader->icmp = NULL;
	loader->stamp = NULL;
	loader->reflector = NULL;
}

/* For people: the kernel says no more than EPERM. */
static const char *missing_capability(void)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" },
		       { CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		       { CAP_NET_RAW, "CAP_NET_RAW" },
		       { CAP_PERFMON,
			 "CAP_PERFMON, which kernels before about 6.10 want as well" } };

	if (privileges_in_user_namespace())
		return "the host's CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW: those that this "
		       "process's "
		       "own user namespace gives do not count";
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!privileges_held(needed[i].number))
			return needed[i].name;
	}
	return "no capability; perhaps seccomp, lockdown or a security module refused";
}

struct random_start {
	uint32_t hash_seed;
	uint16_t icmp_id;
};

/* --- with BPF --- */

/* Both probers, whatever the default protocol: the peers file may name the other at any time. In
 * *ret_what, what was refused. */
static int loader_open_bpf(struct loader *loader, const struct random_start *random,
			   const char **ret_what)
{
	int err;

	/* First: the ports of the sockets are constants of the programs. */
	*ret_what = "cannot open the raw sockets";
	err = loader_open_icmp(loader, random->icmp_id);
	if (err)
		return err;
	*ret_what = NULL;
	err = loader_open_stamp(loader);
	if (err)
		return err;
	*ret_what = "cannot load the BPF programs; --log.level=debug tells more";
	return loader_open_kernel(loader, random->hash_seed, random->icmp_id);
}

/* --- without --- */

static int loader_open_reflector(struct loader *loader)
{
	const struct config *config = loader->config;
	struct stamp_identity identity;
	const struct reflector_settings settings = {
		.port_be = htons((uint16_t)config->stamp_port),
		.identity = &identity,
	};
	int err;

	if (config->reflector != CONFIG_REFLECTOR_TRUE)
		return 0;
	identity_fill(config->node_name, config->node_zone, &identity);
	err = reflector_open(&settings, &loader->reflector);
	if (err == -EACCES || err == -EPERM)
		log_error("--stamp.port: without BPF the reflector binds it, and this one takes "
			  "CAP_NET_BIND_SERVICE; choose one that is open to all, the same on all "
			  "nodes, or lower the sysctl net.ipv4.ip_unprivileged_port_start, or "
			  "--reflector=false",
			  LOG_INT("port", config->stamp_port), LOG_ERRNO(err));
	else if (err == -EADDRINUSE)
		log_error("--stamp.port: another program has it; choose another one, the same on "
			  "all nodes, or --reflector=false",
			  LOG_INT("port", config->stamp_port), LOG_ERRNO(err));
	else if (err)
		log_error("cannot open the reflector's sockets", LOG_ERRNO(err));
	return err;
}

/* Nothing is built on stamps that were not seen. */
static int loader_open_stand_in(struct loader *loader, const struct random_start *random)
{
	const char *missing;
	int err;

	/* First: while a socket wants them, the host goes on stamping what comes. */
	loader->stand_in = true;
	err = loader_open_stamp(loader);
	if (err)
		return err;
	err = prober_stamp_try_stamps(&missing);
	if (err) {
		log_error("the kernel's own stamps are not to be had, and nothing is measured "
			  "without",
			  LOG_TEXT("missing", missing), LOG_ERRNO(err));
		return err;
	}
	err = loader_open_reflector(loader);
	if (err)
		return err;
	err = loader_open_kernel(loader, random->hash_seed, random->icmp_id);
	if (err)
		log_error("cannot make the maps", LOG_ERRNO(err));
	return err;
}

/* Whoever wants the maps pinned wants BPF. */
bool loader_may_fall_back(const struct config *config, int err)
{
	return config->timestamps == CONFIG_TIMESTAMPS_AUTO && config->bpf_pin_path[0] == '\0' &&
	       (err == -EPERM || err == -EACCES || err == -ENOSYS || err == -EOPNOTSUPP);
}

/* --- whichever it is --- */

static void log_fall_back(const struct config *config, int err)
{
	char dropped[CONFIG_BPF_OPTIONS_CAPACITY];

	if (!config_bpf_options(config, dropped))
		strcpy(dropped, "none");
	log_warn("BPF is refused: the sockets' own stamps serve in its place (--timestamps=auto). "
		 "Weaker: no ICMP; requests wait for this process before they are answered; "
		 "devices whose driver stamps nothing leave probes unstamped",
		 LOG_TEXT("needed", missing_capability()), LOG_TEXT("options_dropped", dropped),
		 LOG_ERRNO(err));
}

static int loader_open_tier(struct loader *loader, const struct random_start *random)
{
	const struct config *config = loader->config;
	const char *what = NULL;
	int err;

	if (config->timestamps == CONFIG_TIMESTAMPS_SOCKET)
		return loader_open_stand_in(loader, random);
	err = loader_open_bpf(loader, random, &what);
	if (!err)
		return loader_settle_policy(loader);
	if (what && loader_may_fall_back(config, err)) {
		if (config->probe_protocol == CONFIG_PROTOCOL_STAMP) {
			loader_close_sockets(loader);
			log_fall_back(config, err);
			return loader_open_stand_in(loader, random);
		}
		log_error("without BPF only STAMP is measured, and --probe.protocol=icmp asks for "
			  "another");
	}
	if (what)
		log_error(what, LOG_ERRNO(err));
	if (err == -EPERM || err == -EACCES)
		log_error("start-up was not permitted", LOG_TEXT("missing", missing_capability()));
	return err;
}

int loader_open(struct loader *loader)
{
	struct random_start random;
	int words[2];
	int err;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	err = loader_open_tier(loader, &random);
	if (err)
		return err;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, words) < 0)
		return -errno;
	loader->words_fd = words[0];
	loader->canary_words_fd = words[1];
	return 0;
}
