/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `top` on a screen: one loop over keys, signals and the answer. Must not know what a key does or
 * how a line looks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop.h"
#include "top_keys.h"
#include "top_state.h"

/* How long the rest of a key's sequence may take; a person who types Escape waits for it. */
#define SEQUENCE_MS 50

struct show {
	struct top *top;
	struct top_screen screen;
	int signals_fd;
	sigset_t signals;
	int ended_by; /* a signal; 0: a key, or as many renewals as were wanted */
	char *frame;
	size_t frame_capacity;
	char typed[256]; /* keys that are not whole yet */
	size_t typed_length;
	bool arrange, draw;
	int err; /* why it cannot go on */
};

/* --- drawing */

static void resize(struct show *show)
{
	struct top_control *control = &show->top->control;
	size_t capacity;
	char *frame;

	top_screen_size(&control->columns, &control->lines);
	capacity = top_control_capacity(control->lines, control->columns);
	show->arrange = true;
	if (capacity <= show->frame_capacity)
		return;
	frame = realloc(show->frame, capacity);
	if (!frame) {
		show->err = -ENOMEM;
		return;
	}
	show->frame = frame;
	show->frame_capacity = capacity;
}

static void draw(struct show *show)
{
	struct top *top = show->top;
	struct top_screenful screenful = top_screenful(top);
	struct text text = text_over(show->frame, show->frame_capacity);

	if (show->arrange)
		show->err = top_table_arrange(&top->control.table, &top->peers,
					      top->control.columns);
	show->arrange = show->draw = false;
	if (show->err)
		return;
	top_control_draw(&top->control, &screenful, &text);
	show->err = top_screen_write(show->frame, text.length);
}

/* --- keys */

static void take_keys(struct show *show, bool all_there)
{
	size_t used = 0;

	while (used < show->typed_length) {
		size_t of_key;
		int key = top_key_decode(show->typed + used, show->typed_length - used, all_there,
					 &of_key);

		if (key == TOP_KEY_MORE)
			break;
		show->arrange |= top_control_key(&show->top->control, key);
		used += of_key;
	}
	show->typed_length -= used;
	memmove(show->typed, show->typed + used, show->typed_length);
	show->draw = true;
}

static void read_keys(struct show *show)
{
	struct pollfd more = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got = read(STDIN_FILENO, show->typed + show->typed_length,
			   sizeof(show->typed) - show->typed_length);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) { /* the terminal is gone */
		show->top->control.ended = true;
		return;
	}
	show->typed_length += (size_t)got;
	take_keys(show, false);
	if (show->typed_length > 0 && poll(&more, 1, SEQUENCE_MS) == 0)
		take_keys(show, true);
}

/* --- signals */

static const int taken_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH };

static int block_signals(struct show *show)
{
	sigemptyset(&show->signals);
	for (size_t i = 0; i < sizeof(taken_signals) / sizeof(taken_signals[0]); i++)
		sigaddset(&show->signals, taken_signals[i]);
	sigprocmask(SIG_BLOCK, &show->signals, NULL);
	show->signals_fd = signalfd(-1, &show->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return show->signals_fd < 0 ? -errno : 0;
}

/* As if nobody had taken it: the shell is to see why we stopped or ended. */
static void obey(const struct show *show, int signal_number)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signal_number);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &show->signals, NULL);
}

static void enter(struct show *show)
{
	show->err = top_screen_enter(&show->screen);
	resize(show);
	show->draw = true;
}

static void on_signal(struct show *show)
{
	struct signalfd_siginfo signal_info;

	if (read(show->signals_fd, &signal_info, sizeof(signal_info)) != sizeof(signal_info))
		return;
	switch (signal_info.ssi_signo) {
	case SIGTSTP:
		top_screen_leave(&show->screen);
		obey(show, SIGTSTP);
		enter(show);
		break;
	case SIGCONT: /* after a SIGSTOP, which nobody can take; somebody else had the terminal */
		enter(show);
		break;
	case SIGWINCH:
		resize(show);
		show->draw = true;
		break;
	default:
		show->ended_by = (int)signal_info.ssi_signo;
		show->top->control.ended = true;
	}
}

/* --- the loop */

static void wait_for(struct show *show)
{
	struct top *top = show->top;
	struct local_time due = top_due(top);
	int64_t left_ns = local_since(due, loop_now());
	bool asking = top->asking != TOP_ASKING_NOTHING;
	struct pollfd ready[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = show->signals_fd, .events = POLLIN },
		{ .fd = asking ? top->fetch.fd : -1, .events = top_fetch_events(&top->fetch) },
	};
	int timeout_ms = left_ns <= 0 ? 0 : (int)(left_ns / NS_PER_MS) + 1;

	if (due.ns == INT64_MAX)
		timeout_ms = -1;
	if (poll(ready, 3, timeout_ms) <= 0)
		return;
	if (ready[1].revents)
		on_signal(show);
	if (ready[0].revents)
		read_keys(show);
}

static void run(struct show *show)
{
	struct top *top = show->top;

	while (!top->control.ended && !show->err) {
		if (top_renew(top, loop_now())) {
			show->arrange = show->draw = true;
			top->control.ended = top->iterations > 0 && top->done == top->iterations;
		}
		if (show->draw)
			draw(show);
		if (!top->control.ended && !show->err)
			wait_for(show);
	}
}

int top_show(struct top *top)
{
	struct show show = { .top = top, .signals_fd = -1 };
	bool failed;

	show.err = block_signals(&show);
	if (!show.err)
		enter(&show);
	run(&show);
	top_screen_leave(&show.screen);
	free(show.frame);
	if (show.signals_fd >= 0)
		close(show.signals_fd);
	if (show.err)
		fprintf(stderr, "kube-canary top: %s\n", strerror(-show.err));
	/* As printed: who wanted a number of tables wanted the last one, too. */
	failed = top->iterations > 0 && top->problem[0] != '\0';
	if (failed)
		top_tell_problem(top, true);
	if (show.ended_by && show.ended_by != SIGINT)
		obey(&show, show.ended_by);
	return show.err || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
