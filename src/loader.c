/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of both processes: forks, and leaves each process with no more than it uses. What they
 * begin with is opened by loader_open.c. Must not know peers, packets or metrics.
 */
#include "loader.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "footprint.h"
#include "loader_state.h"
#include "log.h"
#include "privileges.h"
#include "seccomp.h"
#include "serving.h"

static void descriptor_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void loader_close(struct loader *loader)
{
	loader_close_sockets(loader);
	kernel_unpin(&loader->kernel.pins, loader->config->bpf_pin_path);
	kernel_close(&loader->kernel);
	descriptor_close(&loader->policy.device_fd);
	descriptor_close(&loader->handle_fd);
	descriptor_close(&loader->words_fd);
	descriptor_close(&loader->canary_words_fd);
	notify_close(&loader->notify);
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
		.stand_in = loader->stand_in,
		.reflector = loader->reflector,
		.loader_fd = loader->canary_words_fd,
		.managed = loader->notify.fd >= 0,
		.watchdog_ns = loader->notify.watchdog_ns,
		.ear = loader->ear,
	};
	const char *uid_kept;
	int status = EXIT_FAILURE;
	int err;

	/* Held here too, they would hide the loader's death and keep its handle taken. */
	descriptor_close(&loader->words_fd);
	descriptor_close(&loader->handle_fd);
	descriptor_close(&loader->policy.device_fd);
	/* The service manager hears its main process alone. */
	notify_close(&loader->notify);
	kernel_close_programs(&loader->kernel);

	err = privileges_drop_all(&uid_kept);
	if (!err)
		err = die_with_loader(loader->pid);
	if (err) {
		log_error(privileges_lack_nobody()
				  ? "cannot drop privileges: this user namespace has no nobody "
				    "(65534) to become, and its root is more than that outside"
				  : "cannot drop privileges",
			  LOG_ERRNO(err));
	} else {
		log_info("canary runs without capabilities", LOG_INT("uid", getuid()),
			 LOG_TEXT("uid_changed", uid_kept ? uid_kept : "yes"));
		status = agent_run(loader->config, &inheritance);
	}
	loader_close_sockets(loader);
	kernel_close(&loader->kernel);
	descriptor_close(&loader->canary_words_fd);
	return status;
}

/* Keeps what attaching again will need, found out by trying. */
static int loader_drop_privileges(const struct loader *loader)
{
	int needed[2];
	unsigned int count = 0;
	int capability = privileges_for_bpf();
	bool bpf_needed;
	int err;

	if (loader->stand_in)
		return privileges_keep(NULL, 0);
	err = privileges_suspend(true);
	if (err)
		return err;
	bpf_needed = !attachment_bpf_permitted(&loader->kernel);
	err = privileges_suspend(false);
	if (err)
		return err;
	if (bpf_needed)
		needed[count++] = capability;
	if (loader_uses_filters(loader))
		needed[count++] = CAP_NET_ADMIN;
	log_info("loader keeps capabilities",
		 LOG_TEXT("bpf", !bpf_needed		 ? "no"
				 : capability == CAP_BPF ? "yes"
							 : "no, CAP_SYS_ADMIN in its place"),
		 LOG_TEXT("net_admin", loader_uses_filters(loader) ? "yes" : "no"));
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
	loader_close_sockets(loader);
	err = loader_drop_privileges(loader);
	footprint_forget_start();
	if (!err && loader->config->seccomp == CONFIG_SECCOMP_TRUE) {
		failed = "cannot enter seccomp";
		err = seccomp_enter(loader->kernel.pins.lock_fd >= 0 ? SECCOMP_LOADER_OF_PINS
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
