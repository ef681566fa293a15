/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is probed and over which interfaces: connects the sources of peers, rtnetlink and the loader
 * to the core. Keeps no list of its own.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent_state.h"
#include "log.h"

/* A tick asks about the routes of at most so many peers, and about the neighbours of as many: two
 * netlink questions each, some tens of microseconds. */
#define ROUTES_PER_TICK 64

/* Notices can be lost or missing (a policy rule's mark, a nexthop group's member): asked again
 * regardless. */
#define ROUTES_REFRESH_NS (30 * NS_PER_SECOND)
/* A burst of notices (a routing daemon at work) is answered once. */
#define ROUTES_RETRY_NS	 NS_PER_SECOND
#define ROUTES_SETTLE_NS (200 * NS_PER_MS)
#define SOURCES_CHECK_NS NS_PER_SECOND

static int offer_peer(void *ctx, const struct peer_candidate *candidate)
{
	int err = canary_peers_offer(ctx, candidate);
	char address[ADDRESS_TEXT_CAPACITY];

	if (err != -EALREADY)
		return err;
	address_format(&candidate->address, address);
	log_warn("probe= of the peers file is not heeded: another source names the peer too",
		 LOG_TEXT("address", address));
	return 0;
}

/* Asks about every peer's routes. A walk that is under way is finished first: sources that change
 * all the time must not keep it from the last slots. */
static void routes_walk(struct agent *agent)
{
	if (agent->route_slot < peers_capacity(canary_peers(agent->canary)))
		agent->walk_again = true;
	else
		agent->route_slot = 0;
}

static void tell_change(struct agent *agent, const char *source, const struct peers_change *change)
{
	if (change->added > 0 || change->departed > 0) {
		log_info("peers changed", LOG_TEXT("source", source),
			 LOG_INT("added", change->added), LOG_INT("departed", change->departed));
	}
	if (change->surplus > 0 && !agent->surplus_told) {
		log_warn("more peers than slots, the surplus is not probed; see --probe.max",
			 LOG_TEXT("source", source), LOG_INT("surplus", change->surplus));
	}
	agent->surplus_told = change->surplus > 0;
	if (change->added > 0)
		routes_walk(agent);
}

static void read_static_peers(struct agent *agent, struct local_time now)
{
	const struct config *config = agent->config;
	struct peer_candidate candidate;
	struct peers_change change;
	const char *expected;

	canary_peers_begin(agent->canary, PEER_SOURCE_STATIC);
	for (uint32_t i = 0; i < config->peers_static_count; i++)
		if (peer_parse_static(config->peers_static[i], &candidate, &expected) == 1)
			canary_peers_offer(agent->canary, &candidate);
	change = canary_peers_commit(agent->canary, now);
	tell_change(agent, "static", &change);
}

int agent_read_peers_file(struct agent *agent, struct local_time now)
{
	char error[DISCOVERY_ERROR_CAPACITY];
	struct peers_change change;
	int err;

	if (agent->config->peers_file[0] == '\0')
		return 0;
	canary_peers_begin(agent->canary, PEER_SOURCE_FILE);
	err = discovery_file_read(agent->config->peers_file, offer_peer, agent->canary, error);
	if (err) {
		canary_peers_abort(agent->canary);
		agent->reload_failures++;
		agent->reload_last_ok = 0;
		log_error("peers file refused, the last good set stays in force",
			  LOG_TEXT("reason", error));
		return err;
	}
	change = canary_peers_commit(agent->canary, now);
	agent->reload_last_ok = 1;
	agent->reload_success_unix_seconds = (uint64_t)(loop_unix_ns() / NS_PER_SECOND);
	tell_change(agent, "file", &change);
	return 0;
}

int agent_read_peers(struct agent *agent, struct local_time now)
{
	agent->reload_last_ok = 1;
	read_static_peers(agent, now);
	return agent_read_peers_file(agent, now);
}

static int offer_found(void *ctx, const struct peer_candidate *candidate)
{
	return canary_peers_offer(ctx, candidate);
}

static void take_dns_peers(struct agent *agent, struct local_time now)
{
	struct peers_change change;

	canary_peers_begin(agent->canary, PEER_SOURCE_DNS);
	discovery_dns_offer(agent->dns, offer_found, agent->canary);
	change = canary_peers_commit(agent->canary, now);
	tell_change(agent, "dns", &change);
}

static void on_dns(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	if (discovery_dns_run(agent->dns, now))
		take_dns_peers(agent, now);
}

static void on_file_notice(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	if (discovery_file_changed(agent->file) > 0)
		agent_read_peers_file(agent, now);
}

static void on_link(void *ctx, uint32_t ifindex)
{
	struct agent *agent = ctx;

	interfaces_on_link(canary_interfaces(agent->canary), ifindex, loop_now());
}

static void on_route_notice(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	if (routes_changed(agent->routes, on_link, agent) &&
	    local_since(agent->routes_at, now) > ROUTES_SETTLE_NS)
		agent->routes_at = local_after(now, ROUTES_SETTLE_NS);
}

static void resolve(struct agent *agent, uint32_t slot, struct local_time now)
{
	const struct peer *peer = peers_get(canary_peers(agent->canary), slot);
	struct route route = { 0 };
	int err;

	if (!peer_is_live(peer) && peer->state != PEER_OWN && peer->state != PEER_KNOWN)
		return;
	err = routes_get(agent->routes, &peer->address, &route);
	if (err && err != -ENETUNREACH) {
		log_debug("no answer about a route", LOG_ERRNO(err));
		return;
	}
	canary_on_route(agent->canary, slot, route.own, route.interfaces, route.count, now);
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

void agent_read_own_addresses(struct agent *agent)
{
	int err;

	canary_own_begin(agent->canary);
	err = routes_own_addresses(agent->routes, is_preferred, on_own_address, agent->canary);
	/* Half a list would make the reflector deaf at the other half; but of too many, those that
	 * matter came first. */
	if (!err || err == -EOVERFLOW)
		canary_own_commit(agent->canary);
	if (err && !agent->own_failed)
		log_warn("not all of our own addresses are known: the reflector answers at those "
			 "that are",
			 LOG_ERRNO(err));
	agent->own_failed = err != 0;
}

/* Whoever does not answer on the link gets no packet of ours, so that no program can have seen one.
 */
void agent_ask_neighbours(struct agent *agent, struct local_time now)
{
	const struct peers *peers = canary_peers(agent->canary);
	uint32_t questions = 0;

	for (uint32_t i = 0; i < peers_capacity(peers) && questions < ROUTES_PER_TICK; i++) {
		uint32_t slot = agent->neighbour_slot;

		agent->neighbour_slot = (slot + 1) % peers_capacity(peers);
		if (!canary_awaits_stamp(agent->canary, slot, now))
			continue;
		canary_on_neighbour(
			agent->canary, slot,
			routes_unresolved(agent->routes, &peers_get(peers, slot)->address), now);
		questions++;
	}
}

static bool has_room(const struct agent *agent)
{
	const struct peers *peers = canary_peers(agent->canary);

	return peers_surplus(peers) > 0 && peers_count(peers, PEER_FREE) > 0;
}

static void follow_sources(struct agent *agent, struct local_time now)
{
	bool room = has_room(agent);

	if (local_since(now, agent->sources_at) < 0)
		return;
	agent->sources_at = local_after(now, SOURCES_CHECK_NS);
	if (room)
		read_static_peers(agent, now);
	/* A refused file is not read again until it changes. */
	room = room && agent->reload_last_ok;
	if (agent->file && (discovery_file_changed(agent->file) > 0 || room))
		agent_read_peers_file(agent, now);
	if (agent->dns && has_room(agent))
		take_dns_peers(agent, now);
}

/* Places in the table of interfaces may be free again a moment later. */
static void end_walk(struct agent *agent, struct local_time now)
{
	uint64_t left_out = interfaces_left_out(canary_interfaces(agent->canary));

	agent->left_out = left_out != agent->left_out_before;
	agent->left_out_before = left_out;
	if (agent->left_out)
		agent->routes_at = local_after(now, ROUTES_RETRY_NS);
	if (agent->walk_again)
		agent->route_slot = 0;
	agent->walk_again = false;
}

void agent_follow_peers(struct agent *agent, struct local_time now)
{
	uint32_t capacity = peers_capacity(canary_peers(agent->canary));

	follow_sources(agent, now);
	if (agent->dns)
		on_dns(agent, now);
	if (agent->route_slot >= capacity && local_since(now, agent->routes_at) >= 0) {
		agent->route_slot = 0;
		agent->routes_at = local_after(now, ROUTES_REFRESH_NS);
		agent_read_own_addresses(agent);
	}
	for (uint32_t i = 0; i < ROUTES_PER_TICK && agent->route_slot < capacity; i++) {
		resolve(agent, agent->route_slot++, now);
		if (agent->route_slot == capacity)
			end_walk(agent, now);
	}
}

static const char *describe(const struct word_direction *direction, bool attached,
			    const char *otherwise)
{
	if (attached)
		return "attached";
	if (direction->error)
		return strerror(direction->error);
	return direction->mode == HOOK_NONE ? "missing" : otherwise;
}

/* Says once how things stand, and again when they change. */
static void tell_interface(struct agent *agent, uint32_t index)
{
	const struct interface *interface = interfaces_get(canary_interfaces(agent->canary), index);
	bool egress = interface_egress_attached(interface);
	bool ingress = interface_ingress_attached(interface);

	if (interface->ifindex == 0 || !interface->answered) {
		agent->told[index].ifindex = interface->ifindex ? agent->told[index].ifindex : 0;
		return;
	}
	if (agent->told[index].ifindex == interface->ifindex &&
	    agent->told[index].egress == egress && agent->told[index].ingress == ingress)
		return;
	agent->told[index].ifindex = interface->ifindex;
	agent->told[index].egress = egress;
	agent->told[index].ingress = ingress;
	if (egress && ingress) {
		log_info("attached", LOG_TEXT("interface", interface->name),
			 LOG_TEXT("egress", hook_mode_name(interface->egress.mode)),
			 LOG_TEXT("ingress", hook_mode_name(interface->ingress.mode)));
		return;
	}
	log_warn("not attached as it must be", LOG_TEXT("interface", interface->name),
		 LOG_TEXT("egress", describe(&interface->egress, egress, "probes stay unstamped")),
		 LOG_TEXT("ingress", describe(&interface->ingress, ingress,
					      "replies come that it does not see")));
}

/* A matter of that peer's path alone; its own count tells how long. */
static void tell_odd_peer(const struct agent *agent, uint32_t slot,
			  enum interface_evidence evidence)
{
	const struct peers *peers = canary_peers(agent->canary);
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];

	peers_label(peers, slot, label);
	address_format(&peers_get(peers, slot)->address, address);
	log_warn(evidence == EVIDENCE_UNSTAMPED ? "probes of this peer, not of all, stay "
						  "unstamped: they leave by another way, "
						  "or one of several ways fails"
						: "replies of this peer, not of all, come where "
						  "our program does not see them: "
						  "by another way, or in fragments",
		 LOG_TEXT("peer", label), LOG_TEXT("address", address));
}

void agent_follow_interfaces(struct agent *agent, struct local_time now)
{
	struct interfaces *interfaces = canary_interfaces(agent->canary);
	enum interface_evidence evidence;
	struct word word;
	uint32_t slot;

	while (interfaces_next_word(interfaces, now, &word))
		if (send(agent->loader_fd, &word, sizeof(word), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_debug("a word to the loader was lost", LOG_ERRNO(errno));
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++)
		tell_interface(agent, i);
	if (interfaces_next_odd_peer(interfaces, &slot, &evidence))
		tell_odd_peer(agent, slot, evidence);
}

static int open_dns(struct agent *agent)
{
	const struct discovery_dns_settings settings = {
		.names = agent->config->peers_dns,
		.count = agent->config->peers_dns_count,
		.totals = &agent->dns_totals,
	};
	int err = settings.count > 0 ? discovery_dns_open(&settings, &agent->dns) : 0;

	if (!err && agent->dns)
		err = loop_add(agent->loop, discovery_dns_fd(agent->dns), on_dns, agent);
	if (err)
		log_error("cannot ask the DNS", LOG_ERRNO(err));
	return err;
}

int agent_open_peers(struct agent *agent)
{
	int err = routes_open(&agent->routes);

	err = err ? err : loop_add(agent->loop, routes_fd(agent->routes), on_route_notice, agent);
	if (err) {
		log_error("cannot ask rtnetlink", LOG_ERRNO(err));
		return err;
	}
	err = open_dns(agent);
	if (err || agent->config->peers_file[0] == '\0')
		return err;
	err = discovery_file_open(agent->config->peers_file, &agent->file);
	err = err ? err
		  : loop_add(agent->loop, discovery_file_fd(agent->file), on_file_notice, agent);
	if (err) {
		log_error("cannot watch the peers file",
			  LOG_TEXT("file", agent->config->peers_file), LOG_ERRNO(err));
	}
	return err;
}
