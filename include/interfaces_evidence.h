/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last probes of one peer told of our own programs. A value; the interfaces module keeps
 * one for each peer. Must not know interfaces.
 */
#ifndef INTERFACES_EVIDENCE_H
#define INTERFACES_EVIDENCE_H

#include "interfaces.h"

/* What the last probes of one peer told. Runs stop at INTERFACE_ODD_AFTER. */
struct evidence {
	uint8_t unstamped_run;	/* probes in a row that left no egress stamp */
	uint8_t overheard_run;	/* replies overheard that ingress did not see, none seen since */
	uint8_t unanswered_run; /* stamped probes in a row that brought no record */
	uint8_t told;		/* probes, since the silent were forgotten */
	bool stamped;		/* a probe left with a stamp, before the run of those without */
	bool seen;		/* ingress saw a reply, before the run of those it did not see */
	bool named;		/* as odd */
};

/* More than chance: its probes leave no stamp; ingress does not see its replies; nothing comes. */
bool evidence_is_unstamped(const struct evidence *evidence);
bool evidence_is_blind(const struct evidence *evidence);
bool evidence_is_unanswered(const struct evidence *evidence);
/* One of the first two for long, and nobody has been told. */
bool evidence_is_odd(const struct evidence *evidence);

/* What was said before says nothing of now. */
struct evidence evidence_stale(const struct evidence *evidence);
/* With what one more probe told. */
struct evidence evidence_after(struct evidence known, enum interface_evidence evidence);

#endif
