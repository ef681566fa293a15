/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer's probes tell of our own programs, one after another. Must not know interfaces. */
#include "interfaces_evidence.h"

bool evidence_is_unstamped(const struct evidence *evidence)
{
	return evidence->unstamped_run >= INTERFACE_DOUBT_AFTER;
}

bool evidence_is_blind(const struct evidence *evidence)
{
	return evidence->overheard_run >= INTERFACE_DOUBT_AFTER;
}

bool evidence_is_unanswered(const struct evidence *evidence)
{
	return evidence->unanswered_run >= INTERFACE_DOUBT_AFTER;
}

bool evidence_is_odd(const struct evidence *evidence)
{
	return !evidence->named && (evidence->unstamped_run >= INTERFACE_ODD_AFTER ||
				    evidence->overheard_run >= INTERFACE_ODD_AFTER);
}

struct evidence evidence_stale(const struct evidence *evidence)
{
	return (struct evidence){ .told = evidence->told, .named = evidence->named };
}

static uint8_t run_longer(uint8_t run)
{
	return run < INTERFACE_ODD_AFTER ? (uint8_t)(run + 1) : run;
}

struct evidence evidence_after(struct evidence known, enum interface_evidence evidence)
{
	switch (evidence) {
	case EVIDENCE_RETURNED:
		known = evidence_stale(&known);
		known.stamped = known.seen = true;
		break;
	case EVIDENCE_LOST:
		known.stamped = true;
		known.unstamped_run = 0;
		known.unanswered_run = run_longer(known.unanswered_run);
		break;
	case EVIDENCE_UNSTAMPED:
		known.unstamped_run = run_longer(known.unstamped_run);
		break;
	case EVIDENCE_OVERHEARD:
		known.stamped = true;
		known.unstamped_run = 0;
		known.unanswered_run = 0;
		known.overheard_run = run_longer(known.overheard_run);
		break;
	case EVIDENCE_NEVER_LEFT:
		known = evidence_stale(&known);
		break;
	}
	/* The sockets are listened to while one is overheard: now nothing comes at all, or nothing
	 * that ingress could know. */
	if (evidence_is_unanswered(&known) || evidence_is_unstamped(&known)) {
		known.overheard_run = 0;
		known.seen = false;
	}
	return known;
}
