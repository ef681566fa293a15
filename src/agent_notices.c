/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log says of peers and of our reflector: the core's notices in words. Never prints what a
 * peer says of itself unless the core has accepted it. Decides nothing.
 */
#include <arpa/inet.h>

#include "agent_state.h"
#include "log.h"

/* A reflector that was in nobody's way for so long is a new matter when it is again. */
#define REFLECTOR_QUIET_NS (60 * NS_PER_SECOND)

/* Of single peers: so many at once, then one in so long a time. In a rolling restart each of
 * thousands has something to say, and a peer of whose probes every other one is refused always has;
 * the metrics tell it all. */
#define NOTICES_AT_ONCE 500
#define NOTICE_EVERY_NS (10 * NS_PER_SECOND)

static enum config_log_level level_of(enum canary_notice notice)
{
	switch (notice) {
	case CANARY_TWIN:
	case CANARY_LINGERING:
		return CONFIG_LOG_DEBUG;
	case CANARY_ANSWERS_AGAIN:
	case CANARY_NAMED:
	case CANARY_NAME_LOST:
	case CANARY_LEFT:
		return CONFIG_LOG_INFO;
	default:
		return CONFIG_LOG_WARN;
	}
}

/* Whoever looks for bugs is told all. */
static bool may_tell(struct agent *agent, enum canary_notice notice)
{
	struct local_time now = agent->last_tick;
	int64_t used_ns = local_since(agent->notices_until, now);

	if (agent->config->log_level < level_of(notice))
		return false;
	if (agent->config->log_level == CONFIG_LOG_DEBUG)
		return true;
	if (used_ns < 0) {
		agent->notices_until = now;
		agent->notices_cut = false;
	}
	if (used_ns < NOTICES_AT_ONCE * NOTICE_EVERY_NS) {
		agent->notices_until = local_after(agent->notices_until, NOTICE_EVERY_NS);
		return true;
	}
	if (!agent->notices_cut)
		log_warn("too much to say of single peers, most of it is left out from now on; see "
			 "--log.level=debug",
			 LOG_INT("lines", NOTICES_AT_ONCE));
	agent->notices_cut = true;
	return false;
}

static void tell_flow(const struct agent *agent, const char *label, uint32_t slot, uint16_t flow)
{
	uint32_t count;
	const struct flow_loss *flows = canary_flows(agent->canary, slot, &count);

	if (flow >= count)
		return;
	log_warn("one path of several to the peer loses more than the others",
		 LOG_TEXT("peer", label),
		 LOG_INT("source_port", ntohs(prober_stamp_port_be(agent->stamp, flow))),
		 LOG_INT("destination_port", agent->config->stamp_port),
		 LOG_INT("lost", flow_loss_recent(&flows[flow])),
		 LOG_INT("of_the_last", FLOW_LOSS_RECENT));
}

/* Thousands may come or go at once: one by one they are told to those who look for bugs, their
 * number to all. */
static void tell_going(const struct agent *agent, enum canary_notice notice, const char *label,
		       const char *address)
{
	if (notice == CANARY_TWIN) {
		log_debug("an address of a peer that is probed at another one: not probed as well",
			  LOG_TEXT("peer", label), LOG_TEXT("address", address));
	} else if (notice == CANARY_LINGERING) {
		log_debug("no source names the peer any more: it is probed on for a while",
			  LOG_TEXT("peer", label), LOG_TEXT("address", address),
			  LOG_INT("seconds", agent->config->peers_linger_ns / NS_PER_SECOND));
	} else if (notice == CANARY_LEFT) {
		log_info("the peer left in good order, and its host is gone now, too: no loss",
			 LOG_TEXT("peer", label), LOG_TEXT("address", address));
	}
}

void agent_tell_notice(void *ctx, enum canary_notice notice, uint32_t slot, uint16_t flow)
{
	struct agent *agent = ctx;
	const struct peers *peers = canary_peers(agent->canary);
	const struct peer *peer = peers_get(peers, slot);
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];

	if (!may_tell(agent, notice))
		return;
	peers_label(peers, slot, label);
	address_format(&peer->address, address);
	switch (notice) {
	case CANARY_REFUSED:
		log_warn("the peer's host answers port unreachable: its canary is down, does not "
			 "reflect, or does not know this node",
			 LOG_TEXT("peer", label), LOG_TEXT("address", address));
		break;
	case CANARY_ANSWERS_AGAIN:
		log_info("the peer answers again", LOG_TEXT("peer", label),
			 LOG_TEXT("address", address));
		break;
	case CANARY_FLOW_LOSSY:
		tell_flow(agent, label, slot, flow);
		break;
	case CANARY_NAMED:
		log_info("the peer said its name", LOG_TEXT("peer", label),
			 LOG_TEXT("address", address), LOG_TEXT("zone", peer->zone));
		break;
	case CANARY_NAME_LOST:
		log_info("another peer has the name now", LOG_TEXT("peer", label),
			 LOG_TEXT("address", address));
		break;
	case CANARY_NAME_TAKEN:
		log_warn("the peer claims a name that is another's, or ours; it keeps its label",
			 LOG_TEXT("peer", label), LOG_TEXT("address", address));
		break;
	case CANARY_NAME_INVALID:
		log_warn("what the peer says of itself is no valid name; it keeps its label",
			 LOG_TEXT("peer", label), LOG_TEXT("address", address));
		break;
	case CANARY_NAME_CHANGING:
		log_warn("the peer says another name or zone within an hour of the last; it keeps "
			 "those that it has for that long",
			 LOG_TEXT("peer", label), LOG_TEXT("address", address));
		break;
	default:
		tell_going(agent, notice, label, address);
		break;
	}
}

void agent_follow_reflector(struct agent *agent, struct local_time now)
{
	uint64_t refused = __atomic_load_n(&maps_memory(agent->maps)->counters->refused_socket,
					   __ATOMIC_RELAXED);

	if (refused == agent->refused_socket) {
		if (local_since(now, agent->stood_back_at) > REFLECTOR_QUIET_NS)
			agent->stands_back = false;
		return;
	}
	if (!agent->stands_back)
		log_warn("a local socket owns the STAMP port: the reflector stands back and the "
			 "peers' probes go to that socket; see --stamp.port, --reflector",
			 LOG_INT("port", agent->config->stamp_port));
	agent->stands_back = true;
	agent->stood_back_at = now;
	agent->refused_socket = refused;
}
