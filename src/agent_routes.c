/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the peers are: asks rtnetlink over which interfaces they are routed, whether their
 * neighbours answer and which addresses are our own, and tells the core. A few questions a tick;
 * must not know where peers come from.
 */
#include <errno.h>

#include "agent_state.h"
#include "log.h"

/* A tick asks about the routes of at most so many peers, some ten microseconds each, and stops when
 * its time is up. Where peers wait for the answer, about as many as there is time for. */
#define ROUTES_PER_TICK 128
#define ROUTES_TICK_NS	NS_PER_MS

/* Notices can be lost or missing (a policy rule's mark, a nexthop group's member): asked again
 * regardless. */
#define ROUTES_REFRESH_NS (30 * NS_PER_SECOND)
/* A burst of notices (a routing daemon at work) is answered once. */
#define ROUTES_RETRY_NS	 NS_PER_SECOND
#define ROUTES_SETTLE_NS (200 * NS_PER_MS)
/* Of thousands of peers some always change: a walk that each of them gives rise to comes the later,
 * the longer it is, so that walks take a small share of the time. */
#define ROUTES_PAUSE_NS NS_PER_MS /* for each address */

static void on_link(void *ctx, uint32_t ifindex)
{
	struct agent *agent = ctx;

	interfaces_on_link(canary_interfaces(agent->canary), ifindex, loop_now());
}

/* Not later than that, unless it is under way already: then after its end. False: it would have
 * been so anyway. */
static bool walk_within(struct agent *agent, struct local_time now, int64_t ns)
{
	if (local_since(agent->routes_at, now) <= ns)
		return false;
	agent->routes_at = local_after(now, ns);
	return true;
}

static void on_route_notice(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	if (routes_changed(agent->routes, on_link, agent) &&
	    walk_within(agent, now, ROUTES_SETTLE_NS))
		agent_schedule(agent, now);
}

static bool is_preferred(void *ctx, uint32_t ifindex)
{
	const struct interfaces *interfaces = canary_interfaces(ctx);

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces_get(interfaces, i)->ifindex == ifindex)
			return true;
	}
	return false;
}

static void on_own_address(void *ctx, const struct address *address)
{
	canary_own_offer(ctx, address);
}

void agent_read_own_addresses(struct agent *agent, struct local_time now)
{
	int err;

	canary_own_begin(agent->canary);
	err = routes_own_addresses(agent->routes, is_preferred, on_own_address, agent->canary);
	/* Half a list would make the reflector deaf at the other half; but of too many, those that
	 * matter came first. */
	if (!err || err == -EOVERFLOW)
		canary_own_commit(agent->canary, now);
	if (err && !agent->own_failed)
		log_warn("not all of our own addresses are known: the reflector answers at those "
			 "that are",
			 LOG_ERRNO(err));
	agent->own_failed = err != 0;
}

/* Whoever does not answer on the link gets no packet of ours, so that no program can have seen one.
 * As many are asked about as have their turn in a tick on average, which keeps pace. */
void agent_ask_neighbours(struct agent *agent, struct local_time now)
{
	const struct peers *peers = canary_peers(agent->canary);
	uint32_t slots = canary_in_flight(agent->canary) > 0 ? peers_capacity(peers) : 0;
	uint32_t questions = 0;

	for (uint32_t i = 0; i < slots && questions < PROBE_BATCH; i++) {
		uint32_t slot = agent->neighbour_slot;

		agent->neighbour_slot = (slot + 1) % slots;
		if (!canary_awaits_stamp(agent->canary, slot, now))
			continue;
		canary_on_neighbour(
			agent->canary, slot,
			routes_unresolved(agent->routes, &peers_get(peers, slot)->address), now);
		questions++;
	}
}

/* False: no answer. */
static bool ask(struct agent *agent, const struct address *address, struct route *ret)
{
	int err;

	*ret = (struct route){ .own = false };
	err = routes_get(agent->routes, address, ret);
	if (!err || err == -ENETUNREACH)
		return true;
	log_debug("no answer about a route", LOG_ERRNO(err));
	return false;
}

static bool ask_slot(struct agent *agent, uint32_t slot, struct local_time now)
{
	struct route route;

	if (!ask(agent, &peers_get(canary_peers(agent->canary), slot)->address, &route))
		return false;
	canary_on_route(agent->canary, slot, route.own, route.interfaces, route.count, now);
	return true;
}

static void begin_walk(struct agent *agent, struct local_time now)
{
	agent->walk.running = true;
	agent->walk.whole = true;
	agent->walk.slot = 0;
	agent->walk.known = 0;
	agent->routes_at = local_after(now, ROUTES_REFRESH_NS);
	agent_read_own_addresses(agent, now);
	canary_known_begin(agent->canary);
}

/* Places in the table of interfaces may be free again a moment later. */
static void end_walk(struct agent *agent, struct local_time now)
{
	uint64_t left_out;

	/* One that was not answered may have told of an interface that is in use. */
	if (agent->walk.whole)
		canary_known_commit(agent->canary, now);
	left_out = interfaces_left_out(canary_interfaces(agent->canary));
	agent->left_out = left_out != agent->left_out_before;
	agent->left_out_before = left_out;
	if (agent->left_out)
		walk_within(agent, now, ROUTES_RETRY_NS);
	agent->walk.running = false;
	agent->walked = true;
}

/* The next question of the walk over all slots and then all who are known only. Returns how many
 * were asked: 0 or 1. */
static uint32_t walk_on(struct agent *agent, struct local_time now)
{
	const struct peers *peers = canary_peers(agent->canary);
	const struct address *known;
	struct route route;

	while (agent->walk.slot < peers_capacity(peers)) {
		uint32_t slot = agent->walk.slot++;
		const struct peer *peer = peers_get(peers, slot);

		if (peer_is_live(peer) || peer->state == PEER_OWN) {
			ask_slot(agent, slot, now);
			return 1;
		}
	}
	while (agent->walk.known < directory_top(canary_directory(agent->canary))) {
		uint32_t index = agent->walk.known++;

		known = canary_known(agent->canary, index);
		if (!known)
			continue;
		if (ask(agent, known, &route))
			canary_on_known_route(agent->canary, index, route.own, route.interfaces,
					      route.count);
		else
			agent->walk.whole = false;
		return 1;
	}
	end_walk(agent, now);
	return 0;
}

/* The next question about a peer that is new, likewise. */
static uint32_t ask_news(struct agent *agent, struct local_time now)
{
	const struct peers *peers = canary_peers(agent->canary);

	while (agent->news_slot < peers_capacity(peers)) {
		uint32_t slot = agent->news_slot++;

		if (peers_get(peers, slot)->state == PEER_RESOLVING) {
			ask_slot(agent, slot, now);
			return 1;
		}
	}
	return 0;
}

void agent_expect_news(struct agent *agent, const struct canary_change *change,
		       struct local_time now)
{
	if (change->probed.added > 0)
		agent->news_at = now;
	/* Others came to be known only, which the last walk has not told of. */
	if (change->discovered.added > change->probed.added ||
	    change->probed.departed > change->discovered.removed)
		walk_within(agent, now,
			    directory_count(canary_directory(agent->canary)) * ROUTES_PAUSE_NS);
}

/* New peers are nobody's word alone: slots are filled, and twins return, between commits. Those
 * that wait for something else than their route are not asked about all the time. */
static void look_for_news(struct agent *agent, struct local_time now)
{
	const struct peers *peers = canary_peers(agent->canary);
	uint32_t resolving = peers_count(peers, PEER_RESOLVING);

	if (resolving == 0 || !agent->walked || local_since(now, agent->news_at) < 0)
		return;
	agent->news_slot = 0;
	agent->news_at = local_after(now, ROUTES_RETRY_NS + resolving * ROUTES_PAUSE_NS);
}

bool agent_routes_hurried(const struct agent *agent)
{
	return (agent->walk.running && !agent->walked) ||
	       agent->news_slot < peers_capacity(canary_peers(agent->canary));
}

struct local_time agent_routes_next(const struct agent *agent, struct local_time now)
{
	bool resolving = peers_count(canary_peers(agent->canary), PEER_RESOLVING) > 0;
	struct local_time next = agent->walk.running ? now : agent->routes_at;

	if (resolving && agent->walked && local_since(agent->news_at, next) < 0)
		next = agent->news_at;
	return next;
}

void agent_follow_routes(struct agent *agent, struct local_time now)
{
	struct local_time end;
	uint32_t questions = 0;

	if (!agent->walk.running && local_since(now, agent->routes_at) >= 0)
		begin_walk(agent, now);
	if (!agent_routes_hurried(agent))
		look_for_news(agent, now);
	end = local_after(loop_now(), ROUTES_TICK_NS);
	while (agent_routes_hurried(agent) ||
	       (agent->walk.running && questions < ROUTES_PER_TICK)) {
		uint32_t asked = ask_news(agent, now);

		if (asked == 0 && agent->walk.running)
			asked = walk_on(agent, now);
		questions += asked;
		if (local_since(loop_now(), end) >= 0)
			break;
	}
}

int agent_open_routes(struct agent *agent)
{
	int err = routes_open(&agent->routes);

	err = err ? err : loop_add(agent->loop, routes_fd(agent->routes), on_route_notice, agent);
	if (err)
		log_error("cannot ask rtnetlink", LOG_ERRNO(err));
	agent->news_slot = peers_capacity(canary_peers(agent->canary));
	return err;
}
