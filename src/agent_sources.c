/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who there is: connects the sources of peers (command line, file, DNS) to the core, and decides
 * when each is read again. Keeps no list of its own; must not know who of them is probed.
 */
#include <errno.h>

#include "agent_state.h"
#include "log.h"

#define SOURCES_CHECK_NS NS_PER_SECOND

/* Once, and again only after it was gone. */
static void tell_surplus(const char *message, uint64_t surplus, bool *told)
{
	if (surplus > 0 && !*told)
		log_warn(message, LOG_INT("surplus", surplus));
	*told = surplus > 0;
}

static void tell_change(struct agent *agent, const char *source, const struct canary_change *change)
{
	const struct directory_change *discovered = &change->discovered;
	const struct peers_change *probed = &change->probed;

	if (discovered->added > 0 || discovered->removed > 0 || discovered->changed > 0 ||
	    probed->added > 0 || probed->departed > 0 || probed->lingering > 0) {
		log_info("peers changed", LOG_TEXT("source", source),
			 LOG_INT("discovered", directory_count(canary_directory(agent->canary))),
			 LOG_INT("appeared", discovered->added),
			 LOG_INT("disappeared", discovered->removed),
			 LOG_INT("changed", discovered->changed),
			 LOG_INT("probes_added", probed->added),
			 LOG_INT("probes_ended", probed->departed),
			 LOG_INT("lingering", probed->lingering));
	}
}

static struct canary_change commit(struct agent *agent, const char *source, struct local_time now)
{
	struct canary_change change = canary_peers_commit(agent->canary, now);

	tell_change(agent, source, &change);
	agent_expect_news(agent, &change, now);
	agent_schedule(agent, now);
	return change;
}

static void read_static_peers(struct agent *agent, struct local_time now)
{
	const struct config *config = agent->config;
	struct peer_candidate candidate;
	const char *expected;

	canary_peers_begin(agent->canary, PEER_SOURCE_STATIC);
	for (uint32_t i = 0; i < config->peers_static_count; i++)
		if (peer_parse_static(config->peers_static[i], &candidate, &expected) == 1)
			canary_peers_offer(agent->canary, &candidate);
	commit(agent, "static", now);
}

static int offer_from_file(void *ctx, const struct peer_candidate *candidate)
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

static int read_peers_file(struct agent *agent, struct local_time now)
{
	char error[DISCOVERY_ERROR_CAPACITY];
	int err;

	agent->file_wanted = false;
	if (agent->config->peers_file[0] == '\0')
		return 0;
	canary_peers_begin(agent->canary, PEER_SOURCE_FILE);
	err = discovery_file_read(agent->config->peers_file, offer_from_file, agent->canary, error);
	if (err) {
		canary_peers_abort(agent->canary);
		agent->reload_failures++;
		agent->reload_last_ok = 0;
		log_error(agent->reload_success_unix_seconds
				  ? "peers file refused, the last good set stays in force"
				  : "peers file refused",
			  LOG_TEXT("reason", error));
		return err;
	}
	agent->file_surplus = commit(agent, "file", now).discovered.surplus;
	agent->reload_last_ok = 1;
	agent->reload_success_unix_seconds = (uint64_t)(loop_unix_ns() / NS_PER_SECOND);
	return 0;
}

static int offer_from_dns(void *ctx, const struct peer_candidate *candidate)
{
	return canary_peers_offer(ctx, candidate);
}

static void take_dns_peers(struct agent *agent, struct local_time now)
{
	canary_peers_begin(agent->canary, PEER_SOURCE_DNS);
	discovery_dns_offer(agent->dns, offer_from_dns, agent->canary);
	agent->dns_surplus = commit(agent, "dns", now).discovered.surplus;
}

int agent_read_sources(struct agent *agent, struct local_time now)
{
	agent->reload_last_ok = 1;
	read_static_peers(agent, now);
	return read_peers_file(agent, now);
}

/* Once a tick: neither a storm of signals nor a busy writer shall keep probes from being sent. */
void agent_want_peers_file(struct agent *agent, struct local_time now)
{
	agent->file_wanted = true;
	agent_schedule(agent, now);
}

static bool has_room(const struct agent *agent)
{
	const struct directory *directory = canary_directory(agent->canary);

	return directory_count(directory) < directory_capacity(directory);
}

/* A file that changed; or that did not, and names more than there was room for, which there is now.
 * What the command line names came first, and has no surplus that could ever find room. */
static void follow_slowly(struct agent *agent, struct local_time now)
{
	if (local_since(now, agent->sources_at) < 0)
		return;
	agent->sources_at = local_after(now, SOURCES_CHECK_NS);
	if (agent->file) {
		bool changed = discovery_file_changed(agent->file) > 0;
		/* A refused file is not read again until it changes. */
		bool wanted = agent->file_surplus > 0 && agent->reload_last_ok;

		if (changed || (wanted && has_room(agent)))
			agent->file_wanted = true;
	}
	if (agent->dns_surplus > 0 && has_room(agent))
		take_dns_peers(agent, now);
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
		agent_want_peers_file(agent, now);
}

/* Who is probed changes without a source, too: looked at here, and not at commits. */
void agent_follow_sources(struct agent *agent, struct local_time now)
{
	const struct directory_totals *totals = directory_totals(canary_directory(agent->canary));

	follow_slowly(agent, now);
	if (agent->file_wanted)
		read_peers_file(agent, now);
	if (agent->dns)
		on_dns(agent, now);
	tell_surplus("more addresses than are taken, the surplus is not known; see --peers.max",
		     directory_surplus(canary_directory(agent->canary)),
		     &agent->directory_surplus_told);
	tell_surplus("more peers than slots, the surplus is not probed; see --probe.max",
		     peers_surplus(canary_peers(agent->canary)), &agent->peers_surplus_told);
	tell_surplus("no room for all names that are given, see --peers.max; peers without one go "
		     "by their addresses until they say their names",
		     totals->names_dropped, &agent->names_dropped_told);
	tell_surplus("more zones of peers than there is room for: peers of the others have none",
		     totals->zones_dropped, &agent->zones_dropped_told);
}

static int open_dns(struct agent *agent)
{
	const struct discovery_dns_settings settings = {
		.names = agent->config->peers_dns,
		.count = agent->config->peers_dns_count,
		.ipv6_first = agent->config->peers_family == CONFIG_FAMILY_IPV6,
		.totals = &agent->dns_totals,
	};
	int err = settings.count > 0 ? discovery_dns_open(&settings, &agent->dns) : 0;

	if (!err && agent->dns)
		err = loop_add(agent->loop, discovery_dns_fd(agent->dns), on_dns, agent);
	if (err)
		log_error("cannot ask the DNS", LOG_ERRNO(err));
	return err;
}

int agent_open_sources(struct agent *agent)
{
	int err = open_dns(agent);

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
