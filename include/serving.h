/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's steady state: does what the canary's words ask for, hands signals on as words, and
 * sees the end of either process. Must not know how anything was started.
 */
#ifndef SERVING_H
#define SERVING_H

#include <sys/types.h>

#include "attachment.h"
#include "config.h"
#include "notify.h"

struct serving {
	const struct config *config;
	const struct attachment_policy *policy;
	const struct notify *notify;
	int words_fd; /* see words.h */
	pid_t canary;
};

/* Blocks the signals that serving_run takes. First of all, so that none is missed: the first
 * process of a container would not even end by one. */
void serving_block_signals(void);

/* Until the canary ended, or did not although it was told to. Releases all attachments. Returns the
 * exit status: the canary's own, 1 if it was killed. */
int serving_run(const struct serving *serving);

#endif
