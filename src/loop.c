/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: owns the epoll, timer and signal descriptors, and is the only reader of a clock,
 * once for each wake-up. Must not know what its handlers do.
 */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct loop_source {
	int fd;
	loop_fd_fn *handler;
	void *ctx;
};

struct loop {
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	bool stopping;
	struct loop_source sources[LOOP_SOURCES + 2]; /* and the loop's own two */
	uint32_t source_count;
	struct local_time due; /* of the timer, while armed */
	bool armed;
	loop_timer_fn *on_timer;
	void *timer_ctx;
	loop_fd_fn *soon; /* NULL: nothing */
	void *soon_ctx;
	loop_signal_fn *on_signal;
	void *signal_ctx;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

struct local_time loop_now(void)
{
	return (struct local_time){ .ns = clock_ns(CLOCK_MONOTONIC) };
}

int64_t loop_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t loop_unix_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

static void loop_read_timer(void *ctx, struct local_time now)
{
	struct loop *loop = ctx;
	uint64_t expirations;
	int64_t late_ns = local_since(now, loop->due);

	/* A handler before this one may have set it anew: after `now` it is left to the next
	 * wake-up, which reads the clock again. */
	if (loop->armed && late_ns < 0)
		return;
	if (loop->armed) {
		loop->armed = false;
		if (loop->on_timer)
			loop->on_timer(loop->timer_ctx, now, late_ns);
	}
	/* To set it anew, as the handler mostly does, takes the expiration back as well. */
	if (!loop->armed && read(loop->timer_fd, &expirations, sizeof(expirations)) < 0)
		assert(errno == EAGAIN);
}

static void loop_read_signals(void *ctx, struct local_time now)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	while (!loop->stopping && read(loop->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop->on_signal(loop->signal_ctx, (int)info.ssi_signo, now);
}

static int loop_watch(struct loop *loop, int fd, loop_fd_fn *handler, void *ctx)
{
	struct loop_source *source = &loop->sources[loop->source_count];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*source = (struct loop_source){ .fd = fd, .handler = handler, .ctx = ctx };
	loop->source_count++;
	return 0;
}

int loop_open(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	loop->signal_fd = -1;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->timer_fd < 0 || loop->epoll_fd < 0)
		err = -errno;
	else
		err = loop_watch(loop, loop->timer_fd, loop_read_timer, loop);
	if (err < 0) {
		loop_close(loop);
		return err;
	}
	*ret = loop;
	return 0;
}

void loop_close(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
}

int loop_add(struct loop *loop, int fd, loop_fd_fn *handler, void *ctx)
{
	/* One place is the timer's, one is kept for the signals. */
	uint32_t own = loop->signal_fd >= 0 ? 2 : 1;

	if (loop->source_count - own >= LOOP_SOURCES)
		return -ENOSPC;
	return loop_watch(loop, fd, handler, ctx);
}

void loop_on_timer(struct loop *loop, loop_timer_fn *handler, void *ctx)
{
	loop->on_timer = handler;
	loop->timer_ctx = ctx;
}

void loop_timer_at(struct loop *loop, struct local_time when)
{
	/* A value of zero would disarm the timer. */
	struct local_time due = { .ns = when.ns > 0 ? when.ns : 1 };
	struct itimerspec setting = {
		.it_value = { .tv_sec = (time_t)(due.ns / NS_PER_SECOND),
			      .tv_nsec = (long)(due.ns % NS_PER_SECOND) },
	};
	int err;

	if (loop->armed && loop->due.ns == due.ns)
		return;
	err = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &setting, NULL);
	assert(err == 0);
	(void)err;
	loop->due = due;
	loop->armed = true;
}

int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *handler, void *ctx)
{
	sigset_t set;
	int fd;
	int err;

	assert(loop->signal_fd < 0);
	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = loop_watch(loop, fd, loop_read_signals, loop);
	if (err < 0) {
		close(fd);
		return err;
	}
	loop->signal_fd = fd;
	loop->on_signal = handler;
	loop->signal_ctx = ctx;
	return 0;
}

void loop_soon(struct loop *loop, loop_fd_fn *handler, void *ctx)
{
	loop->soon = handler;
	loop->soon_ctx = ctx;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[LOOP_SOURCES + 2];

	while (!loop->stopping) {
		loop_fd_fn *soon = loop->soon;
		int count = epoll_wait(loop->epoll_fd, events, LOOP_SOURCES + 2, soon ? 0 : -1);
		struct local_time now = loop_now();

		if (count < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < count && !loop->stopping; i++) {
			const struct loop_source *source = events[i].data.ptr;

			source->handler(source->ctx, now);
		}
		if (soon && !loop->stopping) {
			loop->soon = NULL;
			soon(loop->soon_ctx, now);
		}
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
