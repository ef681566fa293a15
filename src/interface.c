/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of one interface, whether our programs work there: the loader's word, and what probes tell. Must
 * not know the others.
 */
#include "interfaces.h"

/* The loader is asked every ten seconds, each second once an answer is missing; a stopped one gives
 * none. */
#define UNANSWERED_MAX 3

bool interface_egress_fails(const struct interface *interface)
{
	return interface->unstamped_peers > 0 && interface->stamped_peers == 0;
}

bool interface_ingress_fails(const struct interface *interface)
{
	return interface->blind_peers > 0 && interface->seen_peers == 0;
}

static bool direction_in_place(const struct interface *interface,
			       const struct word_direction *direction)
{
	return direction->mode != HOOK_NONE && direction->error == 0 &&
	       interface->unanswered_words <= UNANSWERED_MAX;
}

bool interface_egress_attached(const struct interface *interface)
{
	return direction_in_place(interface, &interface->egress) &&
	       !interface_egress_fails(interface);
}

bool interface_ingress_attached(const struct interface *interface)
{
	return direction_in_place(interface, &interface->ingress) &&
	       !interface_ingress_fails(interface);
}

bool interface_in_place(const struct interface *interface)
{
	return direction_in_place(interface, &interface->egress) &&
	       direction_in_place(interface, &interface->ingress);
}

/* Both programs are there by the loader's word, and peers' probes tell that they work. */
bool interface_is_calm(const struct interface *interface)
{
	return interface_in_place(interface) && interface->unanswered_words == 0 &&
	       !interface->doubted && interface->stamped_peers > 0 && interface->seen_peers > 0;
}

/* --- attaching anew --- */

/* A program that works no more, though it is in place, stands behind somebody's terminal verdict:
 * attaching anew puts it at the head again. Not oftener than this, as the other may do the same,
 * and each time in vain doubles the pause, as the cause may be out of our reach. */
#define RENEW_LAST_NS	 (600 * NS_PER_SECOND)
#define RENEW_VAIN_BOUND 8 /* beyond the last pause */

/* Whether to attach anew now, given how many peers tell that the program works. */
static bool renewal_is_due(struct interface_renewal *renewal, bool fails, uint32_t good_peers,
			   struct local_time now)
{
	int64_t pause_ns = INTERFACE_RENEW_FIRST_NS;

	/* Good for a moment is not good again: a peer whose replies come now this way, now that. */
	if (fails)
		renewal->failed_at = now;
	else if (good_peers > 0 && local_since(now, renewal->failed_at) >= RENEW_LAST_NS)
		renewal->vain = 0;
	for (uint32_t i = 1; i < renewal->vain; i++)
		pause_ns *= 2;
	if (pause_ns > RENEW_LAST_NS)
		pause_ns = RENEW_LAST_NS;
	if (!fails || local_since(now, renewal->last) < pause_ns)
		return false;
	renewal->last = now;
	if (renewal->vain < RENEW_VAIN_BOUND)
		renewal->vain++;
	return true;
}

bool interface_renew(struct interface *interface, struct local_time now, struct word *ret)
{
	*ret = (struct word){ .ifindex = interface->ifindex };
	if (renewal_is_due(&interface->renew_egress, interface_egress_fails(interface),
			   interface->stamped_peers, now))
		ret->kind = WORD_RENEW_EGRESS;
	else if (renewal_is_due(&interface->renew_ingress, interface_ingress_fails(interface),
				interface->seen_peers, now))
		ret->kind = WORD_RENEW_INGRESS;
	else
		return false;
	return true;
}
