/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keys do to the table, and the screen it is shown on, line by line. Must not know the
 * terminal or the network.
 */
#ifndef TOP_CONTROL_H
#define TOP_CONTROL_H

#include "top_data.h"
#include "top_table.h"

enum top_mode { TOP_MODE_TABLE, TOP_MODE_FILTER, TOP_MODE_HELP };

struct top_control {
	struct top_table table;
	enum top_mode mode;
	bool paused; /* nothing is asked until it ends */
	bool ended;
	uint32_t first;	    /* row at the top */
	unsigned int lines; /* of the screen */
	unsigned int columns;
};

/* What is shown beside the table. */
struct top_screenful {
	const struct top_status *status; /* NULL: nothing is known yet */
	const struct top_peers *peers;
	const char *where;   /* who is asked */
	const char *problem; /* why there is no answer; empty: there is one */
};

/* True if rows are to be arranged anew. */
bool top_control_key(struct top_control *control, int key);

/* Octets that any screen of that size has room in. */
size_t top_control_capacity(unsigned int lines, unsigned int columns);

/* The whole screen, each line ended and its rest erased; moves the first row to where there are
 * rows. */
void top_control_draw(struct top_control *control, const struct top_screenful *screenful,
		      struct text *text);

/* For printing: what is above the table, without an end of line; one at a time, false after the
 * last. */
bool top_control_heading(const struct top_control *control, const struct top_screenful *screenful,
			 unsigned int line, struct text *text);

#endif
