/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of one interface, whether our programs work there: the loader's word, and what probes tell. Must
 * not know the others.
 */
#include "interfaces.h"

/* The loader is asked every second; a stopped one answers none of these. */
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
