/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found on a node, one row each, and how it is told: text for people, JSON for programs.
 * Plain data, so that a child process may fill it in shared memory. Pure core: must not know what
 * was looked at, nor terminals.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* Fixed parts, and twelve for each of sixteen interfaces; more are counted. */
#define FINDINGS_CAPACITY      256
#define FINDING_TEXT_CAPACITY  320
#define FINDINGS_TEXT_CAPACITY (FINDINGS_CAPACITY * 4608) /* of all, in either form */

enum finding_level {
	FINDING_OK,
	FINDING_NOTE, /* neither good nor bad, or beyond what can be seen from here */
	FINDING_UNTRIED,
	FINDING_WARN,
	FINDING_FAIL,
	FINDING_LEVELS,
};

struct finding {
	enum finding_level level;
	char group[40];	    /* a heading for rows in a row */
	char id[40];	    /* stable, for programs */
	char title[16];	    /* short, for people */
	char interface[16]; /* that it is about, or empty */
	char found[FINDING_TEXT_CAPACITY];
	char advice[FINDING_TEXT_CAPACITY]; /* what it means and what to do, or empty */
};

struct findings {
	uint32_t count;
	uint32_t left_out; /* did not fit */
	struct finding rows[FINDINGS_CAPACITY];
	struct finding spare; /* what does not fit is written here */
};

/* A new row, never NULL. The texts are cut to what fits. */
struct finding *findings_add(struct findings *findings, enum finding_level level, const char *group,
			     const char *id, const char *title);
__attribute__((format(printf, 2, 3))) void finding_say(struct finding *finding, const char *format,
						       ...);
__attribute__((format(printf, 2, 3))) void finding_advise(struct finding *finding,
							  const char *format, ...);

uint32_t findings_count(const struct findings *findings, enum finding_level level);

/* "ok", "note", "not_tried", "warn" or "fail". */
const char *finding_level_name(enum finding_level level);

struct findings_style {
	uint32_t columns;
	bool colour;
	bool problems_only; /* what was not tried among them */
};
void findings_write_text(const struct findings *findings, const struct findings_style *style,
			 struct text *text);
void findings_write_json(const struct findings *findings, bool problems_only, struct text *text);

#endif
