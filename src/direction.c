/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the advance of the reflector's counter against that of the sequence. Must not know windows,
 * peers or time. No attribution is better than a false one.
 */
#include "direction.h"

/* A counter that is lower by more has started anew; one that is lower by less may be that of a
 * probe that others overtook. */
#define DIRECTION_OVERTAKEN_MAX 64

/* Signed: by how much `later` is ahead. */
static int32_t direction_ahead(uint32_t later, uint32_t earlier)
{
	return (int32_t)(later - earlier);
}

/* From here on all that arrives is counted after this one, and all before was counted before. */
static void direction_anchor(struct direction *direction, const struct direction_probe *probe)
{
	*direction = (struct direction){ .sequence = probe->sequence,
					 .counter = probe->counter,
					 .highest = probe->counter,
					 .closed = probe->sequence,
					 .seen = true,
					 .anchored = true };
}

/* An answer that is no reference. */
static void direction_see(struct direction *direction, const struct direction_probe *probe)
{
	/* Nothing overtakes the reference: the counter started anew in between. */
	if (direction->anchored && direction_ahead(probe->counter, direction->counter) <= 0)
		direction->unclear = true;
	else if (!direction->seen || direction_ahead(probe->counter, direction->highest) > 0)
		direction->highest = probe->counter;
	direction->seen = true;
}

/* Whether an earlier probe was counted after this one. */
static bool direction_overtook(const struct direction *direction,
			       const struct direction_probe *probe)
{
	int32_t behind = direction_ahead(direction->highest, probe->counter);

	if (direction->anchored && direction_ahead(probe->counter, direction->counter) <= 0)
		return false; /* a counter that started anew */
	return direction->seen && behind >= 0 && behind <= DIRECTION_OVERTAKEN_MAX;
}

static struct direction_finding direction_attribute(const struct direction *direction,
						    const struct direction_probe *probe)
{
	const struct direction_finding nothing = { 0 };
	uint32_t sent = probe->sequence - direction->sequence;
	uint32_t arrived = probe->counter - direction->counter;
	uint32_t forward = sent - arrived;

	if (!direction->anchored || direction->unclear || forward > direction->lost)
		return nothing;
	/* After a restart the counter is below `sent`, and may fit by chance, unless it stood
	 * higher than that could leave it. */
	if (direction->counter < forward)
		return nothing;
	return (struct direction_finding){ .forward = forward,
					   .backward = direction->lost - forward };
}

struct direction_finding direction_on_closed(struct direction *direction,
					     const struct direction_probe *probe)
{
	struct direction_finding finding = { 0 };

	if (direction->anchored && probe->sequence != direction->closed + 1)
		direction->unclear = true;
	direction->closed = probe->sequence;
	switch ((enum direction_outcome)probe->outcome) {
	case DIRECTION_ANSWERED:
		if (probe->in_order && !direction_overtook(direction, probe)) {
			finding = direction_attribute(direction, probe);
			direction_anchor(direction, probe);
			break;
		}
		direction_see(direction, probe);
		break;
	case DIRECTION_LATE:
		direction_see(direction, probe);
		break;
	case DIRECTION_LOST:
		direction->lost++;
		break;
	case DIRECTION_UNCLEAR:
		direction->unclear = true;
		break;
	}
	return finding;
}
