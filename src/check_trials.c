/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: loads the real programs, and attaches them to the loopback of a network
 * namespace of its own, in a child process, with which all of it goes away. Never attaches to an
 * interface of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/capability.h>

#include "attachment.h"
#include "check_state.h"
#include "kernel.h"
#include "loader.h"
#include "log.h"
#include "maps.h"
#include "privileges.h"

#define LIMIT_SECONDS 20 /* of all trials: the verifier on the slowest machine */
#define LOOPBACK      1	 /* its index in each new namespace */

static struct finding *add(struct check *check, enum finding_level level, const char *id,
			   const char *title)
{
	return findings_add(&check->findings, level, CHECK_GROUP_KERNEL, id, title);
}

static void add_untried(struct check *check, const char *id, const char *title, const char *why)
{
	struct finding *finding = add(check, FINDING_UNTRIED, id, title);

	finding_say(finding, "not tried: %s", why);
	finding_advise(finding, "run this as root of the host to know");
}

/* What one refusal of the kernel most likely means. */
static const char *advice_for(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		if (!privileges_held(CAP_PERFMON))
			return "kernels before about 6.10 may want CAP_PERFMON as well: add it; or "
			       "seccomp, a security module or lockdown refuses (dmesg, ausearch)";
		return "seccomp, a security module or lockdown may refuse bpf(): see the kernel "
		       "log (dmesg, ausearch), and the container's seccomp and AppArmor profile";
	case -ENOSYS:
		return "the kernel has no bpf(): it wants CONFIG_BPF_SYSCALL";
	case -ENOMEM:
		return "memory is short, or a limit of the cgroup is too low; --probe.max and "
		       "--peers.max size the maps";
	default:
		return "kube-canary run --log.level=debug tells the verifier's words; a newer "
		       "kernel may be needed";
	}
}

/* xlated: eight octets each. */
static void say_programs(struct check *check, const struct kernel *kernel)
{
	struct finding *finding = add(check, FINDING_OK, "kernel.programs", "BPF programs");
	char buffer[FINDING_TEXT_CAPACITY];
	struct text text = text_over(buffer, sizeof(buffer) - 1);
	uint32_t loaded = 0;

	for (int i = 0; i < KERNEL_PROGRAMS; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t bytes = sizeof(info);

		if (kernel->programs[i] < 0 ||
		    bpf_obj_get_info_by_fd(kernel->programs[i], &info, &bytes))
			continue;
		text_append(&text, loaded++ > 0 ? ", " : "");
		text_append(&text, info.name);
		text_append(&text, " ");
		text_append_uint(&text, info.xlated_prog_len / sizeof(struct bpf_insn));
	}
	buffer[text.length] = '\0';
	finding_say(finding, "the verifier took all %u; instructions: %s", loaded, buffer);
}

static void try_maps(struct check *check, const struct kernel *kernel,
		     const struct kernel_shape *shape)
{
	struct finding *finding;
	struct maps *maps = NULL;
	int err = maps_open(kernel, shape, &maps);

	maps_close(maps);
	finding = add(check, err ? FINDING_FAIL : FINDING_OK, "kernel.maps", "maps");
	if (err) {
		finding_say(finding, "arrays and ring buffer cannot be mapped: %s", strerror(-err));
		finding_advise(finding, "%s", advice_for(err));
		return;
	}
	finding_say(finding, "arrays and the ring buffer were made and mapped, for %u peers",
		    shape->slots);
}

static int try_load(struct check *check, struct kernel *kernel)
{
	struct kernel_settings settings = {
		.shape = loader_shape(&check->config, 1),
		.stamp_port_be = 1,
		.reflector = check->config.reflector == CONFIG_REFLECTOR_TRUE,
		.with_xdp = true,
	};
	struct finding *finding;
	int err;

	err = kernel_open(&settings, kernel);
	check->trials.load = err ? CHECK_REFUSED : CHECK_WORKS;
	if (err) {
		check->trials.refusal = err;
		finding = add(check, FINDING_FAIL, "kernel.programs", "BPF programs");
		finding_say(finding, "the kernel refused them: %s", strerror(-err));
		finding_advise(finding, "%s", advice_for(err));
		return err;
	}
	say_programs(check, kernel);
	try_maps(check, kernel, &settings.shape);
	return 0;
}

/* 0, or -errno: then attaching cannot be tried without touching the host's interfaces. Root of a
 * user namespace may do all in a network namespace of its own, with programs that are loaded: but
 * some kernels want CAP_BPF of the host's for each bpf(). */
static int enter_namespace(bool *ret_of_user)
{
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	*ret_of_user = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	return *ret_of_user ? 0 : -errno;
}

/* Refused where the program would never be: that says nothing of where it would. */
static bool tells_nothing(struct check *check, int err, const char *id, const char *title)
{
	if (err != -EPERM || !check->trials.of_user)
		return false;
	add_untried(check, id, title,
		    "refused in a user namespace, and no other network namespace could be made");
	return true;
}

/* Attaches as the program would, and takes all off again. 0 or -errno. */
static int try_hook(const struct kernel *kernel, enum config_hook hook, bool tcx, int device_fd,
		    enum hook_mode *ret_ingress)
{
	const struct attachment_policy policy = {
		.kernel = kernel,
		.hook = hook,
		.tcx = tcx,
		.filter_handle = CLSACT_HANDLE_BASE,
		.device_fd = device_fd,
	};
	const struct local_time now = { .ns = NS_PER_SECOND };
	struct attachment attachment;
	struct word_direction ingress, egress;

	attachment_init(&attachment, LOOPBACK);
	attachment_ensure(&attachment, &policy, now);
	ingress = attachment.ingress.state;
	egress = attachment.egress.state;
	attachment_release(&attachment, 0);
	*ret_ingress = (enum hook_mode)ingress.mode;
	if (ingress.mode == HOOK_NONE)
		return -ingress.error;
	return egress.mode == HOOK_NONE ? -egress.error : 0;
}

/* Known without a namespace. */
static void say_no_tcx(struct check *check)
{
	bool asked = check->config.bpf_hook == CONFIG_HOOK_TCX;
	struct finding *finding = add(check, asked ? FINDING_FAIL : FINDING_OK, "kernel.tcx",
				      "TCX");

	check->trials.tcx = CHECK_REFUSED;
	finding_say(finding, "this kernel has none (Linux 6.6 has)%s",
		    asked ? "" : ": clsact is used");
	if (asked)
		finding_advise(finding, "--bpf.hook=tcx would not start; auto uses clsact");
}

static void try_tcx(struct check *check, const struct kernel *kernel, int device_fd)
{
	struct finding *finding;
	enum hook_mode mode;
	int err = try_hook(kernel, CONFIG_HOOK_TCX, true, device_fd, &mode);

	if (tells_nothing(check, err, "kernel.tcx", "TCX"))
		return;
	check->trials.tcx = err ? CHECK_REFUSED : CHECK_WORKS;
	finding = add(check, err ? FINDING_FAIL : FINDING_OK, "kernel.tcx", "TCX");
	if (!err) {
		finding_say(finding, "attached both ways, and taken off again");
		return;
	}
	finding_say(finding, "refused: %s", strerror(-err));
	finding_advise(finding, "%s", advice_for(err));
}

static bool needs_clsact(const struct check *check)
{
	return check->config.bpf_hook == CONFIG_HOOK_CLSACT ||
	       (check->config.bpf_hook != CONFIG_HOOK_TCX && !check->trials.tcx_known);
}

/* The kernel may load sch_ingress and cls_bpf for it, which then stay: only where the program
 * itself would. */
static void try_clsact(struct check *check, const struct kernel *kernel, int device_fd)
{
	struct finding *finding;
	enum hook_mode mode;
	int err;

	if (!needs_clsact(check) && !check->trials.tcx_known)
		return;
	if (!needs_clsact(check)) {
		finding = add(check, FINDING_NOTE, "kernel.clsact", "clsact");
		finding_say(finding,
			    "not needed beside TCX; not tried, as it may load kernel modules "
			    "(--bpf.hook=clsact tries it)");
		return;
	}
	err = try_hook(kernel, CONFIG_HOOK_CLSACT, false, device_fd, &mode);
	if (tells_nothing(check, err, "kernel.clsact", "clsact"))
		return;
	check->trials.clsact = err ? CHECK_REFUSED : CHECK_WORKS;
	finding = add(check, err ? FINDING_FAIL : FINDING_OK, "kernel.clsact", "clsact");
	if (!err) {
		finding_say(finding, "filters attached both ways, and taken off again");
		return;
	}
	finding_say(finding, "refused: %s", strerror(-err));
	finding_advise(finding, "%s",
		       err == -ENOENT || err == -EOPNOTSUPP
			       ? "the kernel wants CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF, "
				 "built in or as modules (modprobe sch_ingress cls_bpf)"
			       : advice_for(err));
}

static void try_xdp(struct check *check, const struct kernel *kernel, int device_fd)
{
	bool asked = check->config.bpf_hook == CONFIG_HOOK_XDP;
	enum hook_mode mode = HOOK_NONE;
	struct finding *finding;
	int err = -EACCES;

	if (kernel->programs[KERNEL_INGRESS_XDP] >= 0)
		err = try_hook(kernel, CONFIG_HOOK_XDP, check->trials.tcx_known, device_fd, &mode);
	if (!err && mode != HOOK_XDP_GENERIC && mode != HOOK_XDP_NATIVE)
		err = -EOPNOTSUPP;
	if (tells_nothing(check, err, "kernel.xdp", "XDP"))
		return;
	check->trials.xdp = err ? CHECK_REFUSED : CHECK_WORKS;
	if (!err) {
		finding = add(check, FINDING_OK, "kernel.xdp", "XDP");
		finding_say(finding, "attached, and taken off again%s",
			    asked ? "" : "; used only with --bpf.hook=xdp");
		return;
	}
	finding = add(check, asked ? FINDING_WARN : FINDING_NOTE, "kernel.xdp", "XDP");
	if (kernel->programs[KERNEL_INGRESS_XDP] < 0)
		finding_say(finding, "the kernel refused the program%s",
			    asked ? "" : "; only --bpf.hook=xdp would use it");
	else
		finding_say(finding, "refused: %s", strerror(-err));
	if (asked)
		finding_advise(finding, "tc serves instead; most kernels want CAP_PERFMON for it");
}

/* Nothing can be attached without touching the host's interfaces. */
static void say_no_namespace(struct check *check, int err)
{
	char why[FINDING_TEXT_CAPACITY / 2];

	snprintf(why, sizeof(why), "no network namespace of its own could be made (%s)",
		 strerror(-err));
	if (check->trials.tcx_known)
		add_untried(check, "kernel.tcx", "TCX", why);
	if (needs_clsact(check))
		add_untried(check, "kernel.clsact", "clsact", why);
	if (check->config.bpf_hook == CONFIG_HOOK_XDP)
		add_untried(check, "kernel.xdp", "XDP", why);
}

static void try_hooks(struct check *check, const struct kernel *kernel)
{
	int err, device_fd;

	check->trials.tcx_known = attachment_tcx_supported(kernel);
	if (!check->trials.tcx_known)
		say_no_tcx(check);
	err = enter_namespace(&check->trials.of_user);
	if (err) {
		say_no_namespace(check, err);
		return;
	}
	/* Within the namespace: it is asked for devices there. */
	device_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (check->trials.tcx_known)
		try_tcx(check, kernel, device_fd);
	try_clsact(check, kernel, device_fd);
	try_xdp(check, kernel, device_fd);
	close(device_fd);
}

/* The child's life. What the layers below would log is told by findings. */
static void try_all(struct check *check)
{
	struct kernel kernel = KERNEL_NONE;
	int silence = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (silence >= 0)
		dup2(silence, STDERR_FILENO);
	log_setup(LOG_LEVEL_ERROR, 0);
	check_icmp(check);
	if (try_load(check, &kernel) == 0)
		try_hooks(check, &kernel);
	kernel_close(&kernel);
	check->trials.ended = true;
}

void check_trials(struct check *check)
{
	int status = 0;
	struct finding *finding;
	pid_t child;

	if (!check_may_load()) {
		check->trials.refusal = -EPERM;
		add_untried(check, "kernel.programs", "BPF programs",
			    "it takes CAP_BPF and CAP_NET_ADMIN; so do the hooks");
		return;
	}
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(LIMIT_SECONDS);
		try_all(check);
		_exit(0);
	}
	if (child > 0) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (check->trials.ended)
		return;
	finding = add(check, FINDING_FAIL, "kernel.trials", "trials");
	if (child < 0)
		finding_say(finding, "no process could be made for them: %s", strerror(errno));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		finding_say(finding, "not done within %d s", LIMIT_SECONDS);
	else
		finding_say(finding, "ended by signal %d",
			    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	finding_advise(finding,
		       "a seccomp profile may kill on bpf(), or the machine is overloaded");
}

enum hook_mode check_tc_hook(const struct check *check)
{
	const struct check_trials *trials = &check->trials;

	if (trials->load != CHECK_WORKS)
		return HOOK_NONE;
	if (needs_clsact(check))
		return trials->clsact == CHECK_REFUSED ? HOOK_NONE : HOOK_CLSACT;
	return trials->tcx == CHECK_REFUSED ? HOOK_NONE : HOOK_TCX;
}
