/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of both processes: loads the programs, opens what needs privilege, forks, and leaves
 * each process with no more than it uses. Must not know peers, packets or metrics.
 */
#include "loader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "attachment.h"
#include "clsact.h"
#include "identity.h"
#include "instant.h"
#include "footprint.h"
#include "kernel.h"
#include "log.h"
#include "notify.h"
#include "privileges.h"
#include "prober_icmp.h"
#include "prober_stamp.h"
#include "seccomp.h"
#include "serving.h"

/* Three of the canary's heartbeats, one a second; and no probe in flight outlasts it. */
#define INERT_AFTER_MIN_NS (3 * NS_PER_SECOND)

struct loader {
	const struct config *config;
	const struct agent_ear *ear;
	struct kernel_shape shape;
	struct kernel kernel;
	struct attachment_policy policy;
	struct prober_icmp *icmp;
	struct prober_stamp *stamp;
	struct notify notify;
	int handle_fd; /* holds the filters' handle while it is open; -1: no filters */
	int words_fd;
	int canary_words_fd;
	pid_t pid;
};

static void descriptor_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void loader_close(struct loader *loader)
{
	prober_icmp_close(loader->icmp);
	prober_stamp_close(loader->stamp);
	kernel_unpin(&loader->kernel.pins, loader->config->bpf_pin_path);
	kernel_close(&loader->kernel);
	descriptor_close(&loader->policy.device_fd);
	descriptor_close(&loader->handle_fd);
	descriptor_close(&loader->words_fd);
	descriptor_close(&loader->canary_words_fd);
	notify_close(&loader->notify);
}

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
	const void *object = kernel_object(&object_bytes);
	int err;

	for (uint32_t flow = 0; flow < settings.shape.flows; flow++)
		settings.flow_ports_be[flow] = prober_stamp_port_be(loader->stamp, (uint16_t)flow);
	identity_fill(config->node_name, config->node_zone, &settings.identity);
	if (inert_after_ns < INERT_AFTER_MIN_NS)
		inert_after_ns = INERT_AFTER_MIN_NS;
	settings.inert_after_ns = (uint64_t)inert_after_ns;
	loader->shape = settings.shape;
	err = kernel_open(&settings, &loader->kernel);
	footprint_drop_loading(object, object_bytes);
	return err;
}

static bool policy_uses_filters(const struct attachment_policy *policy)
{
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
	if (!policy_uses_filters(policy))
		return 0;
	err = clsact_claim_handle(&policy->filter_handle, &loader->handle_fd);
	if (!err && loader->handle_fd < 0)
		log_warn("all abstract sockets of instances are taken, `ss -xap` shows by whom: a "
			 "filter left here by a kill will stay, inert",
			 LOG_TEXT("sockets", "@" CLSACT_CLAIM "*"));
	return err;
}

/* Both, whatever the default protocol: the peers file may name the other at any time. */
static int loader_open_probers(struct loader *loader, uint16_t icmp_id_be)
{
	const struct config *config = loader->config;
	const struct prober_icmp_settings icmp = {
		.dscp = config->probe_dscp,
		.payload_size = config->probe_size,
		.icmp_id_be = icmp_id_be,
	};
	struct prober_stamp_settings stamp = {
		.flows = config->probe_flows,
		.dscp = config->probe_dscp,
		.payload_size = config->probe_size,
		.port_be = htons((uint16_t)config->stamp_port),
	};
	int err;

	/* Sizes that an echo may have and a STAMP probe may not: no room for the padding's TLV. */
	if (stamp.payload_size < STAMP_BYTES + sizeof(struct stamp_tlv))
		stamp.payload_size = STAMP_BYTES;
	err = prober_icmp_open(&icmp, &loader->icmp);
	if (err) {
		log_error("cannot open the raw sockets", LOG_ERRNO(err));
		return err;
	}
	err = prober_stamp_open(&stamp, &loader->stamp);
	if (err)
		log_error("cannot open the UDP sockets", LOG_ERRNO(err));
	return err;
}

static int loader_open(struct loader *loader)
{
	struct {
		uint32_t hash_seed;
		uint16_t icmp_id;
	} random;
	int words[2];
	int err;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	/* First: the ports of the sockets are constants of the programs. */
	err = loader_open_probers(loader, random.icmp_id);
	if (!err)
		err = loader_open_kernel(loader, random.hash_seed, random.icmp_id);
	if (!err)
		err = loader_settle_policy(loader);
	if (err)
		return err;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, words) < 0)
		return -errno;
	loader->words_fd = words[0];
	loader->canary_words_fd = words[1];
	return 0;
}

/* For people: the kernel says no more than EPERM. */
static void log_missing_capabilities(void)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = { { CAP_BPF, "CAP_BPF" },
		       { CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		       { CAP_NET_RAW, "CAP_NET_RAW" },
		       { CAP_PERFMON,
			 "CAP_PERFMON, which kernels before about 6.10 want as well" } };
	const char *missing = "none; perhaps seccomp, lockdown or a security module refused";

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!privileges_held(needed[i].number)) {
			missing = needed[i].name;
			break;
		}
	}
	log_error("start-up was not permitted", LOG_TEXT("missing", missing));
}

/* The socket's end tells a canary that listens; this ends one that hangs as well. After the uid
 * changed, which would undo it. */
static int die_with_loader(pid_t loader)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == loader ? 0 : -ESRCH;
}

/* The rest of the child's life. Signals stay blocked until its loop takes them. */
static int loader_become_canary(struct loader *loader)
{
	struct agent_inheritance inheritance = {
		.kernel = &loader->kernel,
		.shape = loader->shape,
		.icmp = loader->icmp,
		.stamp = loader->stamp,
		.loader_fd = loader->canary_words_fd,
		.managed = loader->notify.fd >= 0,
		.watchdog_ns = loader->notify.watchdog_ns,
		.ear = loader->ear,
	};
	bool uid_changed;
	int status = EXIT_FAILURE;
	int err;

	/* Held here too, they would hide the loader's death and keep its handle taken. */
	descriptor_close(&loader->words_fd);
	descriptor_close(&loader->handle_fd);
	descriptor_close(&loader->policy.device_fd);
	/* The service manager hears its main process alone. */
	notify_close(&loader->notify);
	kernel_close_programs(&loader->kernel);

	err = privileges_drop_all(&uid_changed);
	if (!err)
		err = die_with_loader(loader->pid);
	if (err) {
		log_error("cannot drop privileges", LOG_ERRNO(err));
	} else {
		log_info(
			"canary runs without capabilities", LOG_INT("uid", getuid()),
			LOG_TEXT("uid_changed", uid_changed ? "yes" : "no, CAP_SETUID is missing"));
		status = agent_run(loader->config, &inheritance);
	}
	prober_icmp_close(loader->icmp);
	prober_stamp_close(loader->stamp);
	kernel_close(&loader->kernel);
	descriptor_close(&loader->canary_words_fd);
	return status;
}

/* Keeps what attaching again will need, found out by trying. */
static int loader_drop_privileges(const struct loader *loader)
{
	int needed[2];
	unsigned int count = 0;
	bool bpf_needed;
	int err;

	err = privileges_suspend(true);
	if (err)
		return err;
	bpf_needed = !attachment_bpf_permitted(&loader->kernel);
	err = privileges_suspend(false);
	if (err)
		return err;
	if (bpf_needed)
		needed[count++] = CAP_BPF;
	if (policy_uses_filters(&loader->policy))
		needed[count++] = CAP_NET_ADMIN;
	log_info("loader keeps capabilities", LOG_TEXT("bpf", bpf_needed ? "yes" : "no"),
		 LOG_TEXT("net_admin", policy_uses_filters(&loader->policy) ? "yes" : "no"));
	return privileges_keep(needed, count);
}

static int loader_serve(struct loader *loader, pid_t canary)
{
	const struct serving serving = {
		.config = loader->config,
		.policy = &loader->policy,
		.notify = &loader->notify,
		.words_fd = loader->words_fd,
		.canary = canary,
	};
	const char *failed = "cannot drop privileges";
	int err;

	descriptor_close(&loader->canary_words_fd);
	kernel_close_maps(&loader->kernel);
	prober_icmp_close(loader->icmp);
	prober_stamp_close(loader->stamp);
	loader->icmp = NULL;
	loader->stamp = NULL;
	err = loader_drop_privileges(loader);
	footprint_forget_start();
	if (!err && loader->config->seccomp == CONFIG_SECCOMP_TRUE) {
		failed = "cannot enter seccomp";
		err = seccomp_enter(loader->config->bpf_pin_path[0] ? SECCOMP_LOADER_OF_PINS
								    : SECCOMP_LOADER);
	}
	if (err) {
		log_error(failed, LOG_ERRNO(err));
		return EXIT_FAILURE;
	}
	return serving_run(&serving);
}

int loader_run(const struct config *config, const struct agent_ear *ear)
{
	struct loader loader = {
		.config = config,
		.ear = ear,
		.kernel = KERNEL_NONE,
		.policy.device_fd = -1,
		.notify.fd = -1,
		.handle_fd = -1,
		.words_fd = -1,
		.canary_words_fd = -1,
		.pid = getpid(),
	};
	int status = EXIT_FAILURE;
	pid_t canary;
	int err;

	privileges_seal();
	serving_block_signals();
	/* Whoever started `kube-canary ping` shall not take it for the daemon. */
	err = ear ? 0 : notify_open(&loader.notify);
	if (err)
		log_warn("NOTIFY_SOCKET: nothing can be told there", LOG_ERRNO(err));
	err = loader_open(&loader);
	if (!err)
		err = privileges_hide();
	if (err) {
		if (err == -EPERM || err == -EACCES)
			log_missing_capabilities();
		log_error("cannot start", LOG_ERRNO(err));
		loader_close(&loader);
		return EXIT_FAILURE;
	}
	canary = fork();
	if (canary == 0)
		return loader_become_canary(&loader);
	if (canary < 0)
		log_error("cannot fork the canary", LOG_ERRNO(errno));
	else
		status = loader_serve(&loader, canary);
	loader_close(&loader);
	return status;
}
