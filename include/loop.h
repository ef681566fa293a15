/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: epoll, one timer, signals as events. The only reader of a clock; hands `now` to
 * everybody else. Must not know what its handlers do.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"

#define LOOP_SOURCES 24 /* the sockets of 8 flows in two families, and some more */

struct loop;

typedef void loop_fd_fn(void *ctx, struct local_time now);
/* late_ns: how long after it was due the timer's handler runs. */
typedef void loop_timer_fn(void *ctx, struct local_time now, int64_t late_ns);
typedef void loop_signal_fn(void *ctx, int signal, struct local_time now);

int loop_open(struct loop **ret);
void loop_close(struct loop *loop);
/* Readable (and hang-up) events of a descriptor that stays its owner's. */
int loop_add(struct loop *loop, int fd, loop_fd_fn *handler, void *ctx);
void loop_on_timer(struct loop *loop, loop_timer_fn *handler, void *ctx);
/* Sets the one timer; an instant that has passed fires at once. */
void loop_timer_at(struct loop *loop, struct local_time when);
/* Blocks the signals (ended by 0) and delivers them here. */
int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *handler, void *ctx);
/* Runs the handler once, after the events that are there already: for work that is to yield to
 * others. */
void loop_soon(struct loop *loop, loop_fd_fn *handler, void *ctx);
int loop_run(struct loop *loop); /* until loop_stop; 0 or -errno */
void loop_stop(struct loop *loop);

struct local_time loop_now(void);
int64_t loop_cpu_ns(void);  /* CPU time of this process so far */
int64_t loop_unix_ns(void); /* wall clock: log lines, start times, wall_clock.c */

#endif
