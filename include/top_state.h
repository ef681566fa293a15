/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `top` share: what was asked for, what is known, what is under way.
 */
#ifndef TOP_STATE_H
#define TOP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"
#include "top_control.h"
#include "top_data.h"
#include "top_fetch.h"
#include "top_screen.h"

enum top_asking { TOP_ASKING_NOTHING, TOP_ASKING_STATUS, TOP_ASKING_PEERS };

struct top {
	/* As the command line has it. */
	int64_t delay_ns;
	uint64_t iterations; /* 0: no end */
	bool json;
	/* What is known. */
	struct top_control control;
	struct top_status status;
	bool known;		   /* status and peers, from at least one answer */
	struct top_peers peers;	   /* shown */
	struct top_peers incoming; /* exchanged with them when they are whole */
	char problem[TOP_FETCH_ERROR + TOP_ERROR_CAPACITY];
	/* What is under way. */
	struct top_fetch fetch;
	enum top_asking asking;
	struct top_status status_incoming;
	struct local_time asked_at; /* when the renewal at hand began */
	struct local_time next_at;
	uint64_t done; /* renewals, those that failed too */
};

/* Begins a renewal if it is time, and goes on with it. True when one has ended: well, or with a
 * problem told. */
bool top_renew(struct top *top, struct local_time now);
/* When there is something to do, if nothing happens before. */
struct local_time top_due(const struct top *top);

struct top_screenful top_screenful(const struct top *top);

/* On standard error: why there is no answer, and whether it will be asked for again. */
void top_tell_problem(const struct top *top, bool last);
/* Prints what is known, each time it is renewed; exit status. */
int top_print(struct top *top);
/* Shows it until it is ended by a key or a signal; exit status. */
int top_show(struct top *top);

#endif
