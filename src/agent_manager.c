/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How we stand, for the service manager: a word to the loader, who alone speaks to it. That it
 * comes proves that this loop turns, which is what a watchdog wants to know. Nothing without one.
 */
#include <string.h>
#include <sys/socket.h>

#include "agent_state.h"
#include "log.h"

/* By then a start is over, though an interface has no answer yet: what cannot be attached is a
 * matter of metrics and alerts, and a unit that is started anew for it would measure less. */
#define READY_WITHIN_NS (5 * NS_PER_SECOND)

/* Until then it is looked whether all is attached with the first tick that is so long after the
 * last one, if no sooner. */
#define READY_CHECK_NS (50 * NS_PER_MS)

/* How we stand is told when it changed, but no more often than so; and again without a change, for
 * what a full socket lost. */
#define CHANGES_NS (2 * NS_PER_SECOND)
#define AGAIN_NS   (10 * NS_PER_SECOND)

void agent_open_manager(struct agent *agent, const struct agent_inheritance *inheritance,
			struct local_time now)
{
	agent->manager.present = inheritance->managed;
	agent->manager.period_ns = AGAIN_NS;
	if (inheritance->watchdog_ns > 0 && inheritance->watchdog_ns / 2 < AGAIN_NS)
		agent->manager.period_ns = inheritance->watchdog_ns / 2;
	agent->manager.waits_for = local_after(now, READY_WITHIN_NS);
	agent->manager.told_at = local_after(now, -agent->manager.period_ns);
}

static struct word_standing standing_now(const struct agent *agent, struct local_time now)
{
	const struct interfaces *interfaces = canary_interfaces(agent->canary);
	struct word_standing standing = {
		.reloads = agent->manager.told.reloads,
		.probed = peers_count(canary_peers(agent->canary), PEER_PROBED),
	};
	bool tried = agent->walked; /* every peer's route was asked for */

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = interfaces_get(interfaces, i);

		if (interface->ifindex == 0)
			continue;
		standing.interfaces++;
		standing.attached += interface_in_place(interface) ? 1 : 0;
		tried = tried && interface->answered;
	}
	standing.ready = agent->manager.told.ready || tried ||
			 local_since(now, agent->manager.waits_for) >= 0;
	/* It is read, or there is no file, or it was refused: the manager waits for the end. */
	if (!agent->file_wanted)
		standing.reloads = agent->manager.reloads_asked;
	return standing;
}

static bool is_due(const struct agent *agent, const struct word_standing *standing,
		   struct local_time now)
{
	const struct word_standing *told = &agent->manager.told;
	int64_t silent_ns = local_since(now, agent->manager.told_at);

	if (silent_ns >= agent->manager.period_ns)
		return true;
	if (standing->ready != told->ready || standing->reloads != told->reloads)
		return true;
	return silent_ns >= CHANGES_NS && memcmp(standing, told, sizeof(*told)) != 0;
}

void agent_follow_manager(struct agent *agent, struct local_time now)
{
	struct word word = { .kind = WORD_STANDING };

	if (!agent->manager.present)
		return;
	word.standing = standing_now(agent, now);
	if (!is_due(agent, &word.standing, now))
		return;
	if (send(agent->loader_fd, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* again in the next tick */
	agent->manager.told = word.standing;
	agent->manager.told_at = now;
}

struct local_time agent_manager_next(const struct agent *agent, struct local_time otherwise)
{
	struct local_time next = local_after(agent->manager.told_at, agent->manager.period_ns);

	if (!agent->manager.present)
		return otherwise;
	if (!agent->manager.told.ready)
		next = local_after(agent->last_tick, READY_CHECK_NS);
	return local_since(next, otherwise) < 0 ? next : otherwise;
}
