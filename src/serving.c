/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's steady state. Owns the attachments and one loop over two descriptors: words and
 * signals. Trusts nothing in a word but its bounds.
 */
#include "serving.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "footprint.h"
#include "interfaces.h"
#include "log.h"
#include "loop.h"
#include "serving_manager.h"
#include "words.h"

#define END_SECONDS 5 /* of a canary that was told to stop, or fell silent */

struct server {
	const struct serving *serving;
	struct attachment attachments[INTERFACE_CAPACITY];
	struct manager manager;
	int words_fd; /* -1 once the canary hung up: poll() leaves it out */
	bool stopping;
	bool ended;
	int status;
};

static const int served_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM };

static sigset_t served_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(served_signals) / sizeof(served_signals[0]); i++)
		sigaddset(&set, served_signals[i]);
	return set;
}

void serving_block_signals(void)
{
	sigset_t set = served_set();

	/* Whoever started us may have ignored it, and then there would be no status to wait for. */
	signal(SIGCHLD, SIG_DFL);
	/* A reader of our log lines that went away is no reason to end. */
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Never waits for the canary: what does not fit is lost, and the canary asks again. */
static bool server_say(const struct server *server, const struct word *word)
{
	if (server->words_fd < 0)
		return false;
	if (send(server->words_fd, word, sizeof(*word), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	log_debug("cannot tell the canary", LOG_INT("word", word->kind), LOG_ERRNO(errno));
	return false;
}

/* The entry of the interface, or an empty one, or one that holds nothing, or NULL. */
static struct attachment *server_find(struct server *server, uint32_t ifindex,
				      struct local_time now)
{
	struct attachment *idle = NULL;

	for (size_t i = 0; i < INTERFACE_CAPACITY; i++) {
		struct attachment *attachment = &server->attachments[i];

		if (attachment->ifindex == ifindex)
			return attachment;
		if (!attachment_idle(attachment, now))
			continue;
		if (!idle || (attachment->ifindex == 0 && idle->ifindex != 0))
			idle = attachment;
	}
	if (idle)
		attachment_init(idle, ifindex);
	return idle;
}

static bool interface_allowed(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->bpf_interfaces_count; i++) {
		if (strcmp(config->bpf_interfaces[i], name) == 0)
			return true;
	}
	return config->bpf_interfaces_count == 0;
}

/* Once for each change; the canary asks again and again, and tells what is attached. */
static bool log_change(uint32_t ifindex, const char *name, const char *direction,
		       const struct word_direction *before, const struct word_direction *after)
{
	if (after->mode == before->mode && after->error == before->error)
		return false;
	if (after->error)
		log_warn("cannot attach", LOG_TEXT("interface", name), LOG_INT("ifindex", ifindex),
			 LOG_TEXT("direction", direction), LOG_ERRNO(after->error));
	else
		log_debug(after->mode == HOOK_NONE ? "detached" : "attached",
			  LOG_TEXT("interface", name), LOG_INT("ifindex", ifindex),
			  LOG_TEXT("direction", direction),
			  LOG_TEXT("mode", hook_mode_name(after->mode)));
	return true;
}

/* The interface may have been renamed since, to one that is not for us or back. */
static void attachment_serve(struct attachment *attachment, const struct serving *serving,
			     uint32_t kind, const char *name)
{
	struct local_time now = loop_now();

	/* Without a name the device is gone, which is found there too. */
	if (name[0] != '\0' && !interface_allowed(serving->config, name))
		attachment_release(attachment, -EPERM);
	else if (kind == WORD_ATTACH)
		attachment_ensure(attachment, serving->policy, now);
	else
		attachment_renew(attachment, serving->policy, kind == WORD_RENEW_EGRESS, now);
}

static void server_attach(struct server *server, const struct word *word)
{
	uint32_t ifindex = word->ifindex;
	struct word answer = { .kind = WORD_ATTACHED, .ifindex = ifindex };
	struct attachment *attachment = server_find(server, ifindex, loop_now());
	char name[IF_NAMESIZE] = "";
	bool changed = false;

	if (attachment) {
		struct word_direction egress = attachment->egress.state;
		struct word_direction ingress = attachment->ingress.state;
		struct word_direction reflect = attachment->reflect.state;

		if_indextoname(ifindex, name);
		attachment_serve(attachment, server->serving, word->kind, name);
		changed |= log_change(ifindex, name, "egress", &egress, &attachment->egress.state);
		changed |= log_change(ifindex, name, "ingress", &ingress,
				      &attachment->ingress.state);
		/* No part of the answer: replies are paired without it. */
		changed |= log_change(ifindex, name, "reflector", &reflect,
				      &attachment->reflect.state);
		answer.egress = attachment->egress.state;
		answer.ingress = attachment->ingress.state;
	} else {
		answer.egress.error = ENOSPC;
		answer.ingress.error = ENOSPC;
	}
	server_say(server, &answer);
	/* The next word finds nothing to attach, most likely for days. */
	if (changed)
		footprint_forget_rare();
}

/* The entry stays: it remembers when it was last attached. */
static void server_detach(struct server *server, uint32_t ifindex)
{
	for (size_t i = 0; i < INTERFACE_CAPACITY; i++) {
		struct attachment *attachment = &server->attachments[i];

		if (attachment->ifindex != ifindex)
			continue;
		if (attachment_stands(attachment))
			log_info("detached", LOG_INT("ifindex", ifindex));
		attachment_release(attachment, 0);
	}
}

static void server_on_words(struct server *server)
{
	struct word word;
	ssize_t length = recv(server->words_fd, &word, sizeof(word), MSG_DONTWAIT | MSG_TRUNC);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		/* It ends, and its status follows; if not, it is given up. */
		server->words_fd = -1;
		alarm(END_SECONDS);
		return;
	}
	if (length == sizeof(word) && word.kind == WORD_STANDING) {
		manager_on_standing(&server->manager, &word.standing, loop_now());
		return;
	}
	if (length != sizeof(word) || word.ifindex == 0 || word.ifindex > INT32_MAX) {
		log_debug("not a word of the canary", LOG_INT("bytes", length));
		return;
	}
	switch (word.kind) {
	case WORD_ATTACH:
	case WORD_RENEW_EGRESS:
	case WORD_RENEW_INGRESS:
		server_attach(server, &word);
		break;
	case WORD_DETACH:
		server_detach(server, word.ifindex);
		break;
	}
}

static void server_on_child(struct server *server)
{
	int status;

	if (waitpid(server->serving->canary, &status, WNOHANG) != server->serving->canary)
		return;
	server->ended = true;
	if (WIFEXITED(status)) {
		server->status = WEXITSTATUS(status);
		return;
	}
	server->status = EXIT_FAILURE;
	log_error("the canary was killed", LOG_INT("signal", WTERMSIG(status)));
}

static void server_on_signal(struct server *server, int fd)
{
	struct signalfd_siginfo signal;

	if (read(fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	switch (signal.ssi_signo) {
	case SIGTERM:
	case SIGINT:
		manager_on_stop(&server->manager);
		server_say(server, &(struct word){ .kind = WORD_STOP });
		if (!server->stopping)
			alarm(END_SECONDS);
		server->stopping = true;
		break;
	case SIGHUP:
		if (server_say(server, &(struct word){ .kind = WORD_RELOAD }))
			manager_on_reload(&server->manager, loop_now());
		break;
	case SIGCHLD:
		server_on_child(server);
		break;
	case SIGALRM:
		log_error("the canary does not end; left alone",
			  LOG_INT("pid", server->serving->canary));
		server->ended = true;
		server->status = EXIT_FAILURE;
		break;
	}
}

int serving_run(const struct serving *serving)
{
	struct server server = {
		.serving = serving,
		.manager.notify = serving->notify,
		.words_fd = serving->words_fd,
	};
	sigset_t set = served_set();
	int signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (signals_fd < 0) {
		log_error("no signalfd", LOG_ERRNO(errno));
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < INTERFACE_CAPACITY; i++)
		attachment_init(&server.attachments[i], 0);
	footprint_forget_start();
	while (!server.ended) {
		struct pollfd ready[2] = {
			{ .fd = server.words_fd, .events = POLLIN },
			{ .fd = signals_fd, .events = POLLIN },
		};

		if (poll(ready, 2, -1) < 0)
			continue;
		if (ready[0].revents)
			server_on_words(&server);
		if (ready[1].revents)
			server_on_signal(&server, signals_fd);
	}
	manager_on_stop(&server.manager);
	for (size_t i = 0; i < INTERFACE_CAPACITY; i++)
		attachment_release(&server.attachments[i], 0);
	close(signals_fd);
	return server.status;
}
