/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the tests speak to their tools: SIGUSR1 for the counts of now, SIGTERM or SIGINT for the last
 * ones. Must not know what is counted.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum signals_wish { SIGNALS_NONE, SIGNALS_COUNTS, SIGNALS_END };

/* From then on they are read, and interrupt nothing. A descriptor to poll. */
static inline int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static inline enum signals_wish signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SIGNALS_NONE;
	return info.ssi_signo == SIGUSR1 ? SIGNALS_COUNTS : SIGNALS_END;
}

#endif
