/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HTTP server serves: connects the exposition to the core's state. Must not know HTTP
 * beyond the callbacks.
 */
#include <stdio.h>

#include "agent_state.h"
#include "process.h"

/* The loop beats at least once a second; so long without a beat is a hang. */
#define HEALTHY_WITHIN_NS (10 * NS_PER_SECOND)

static uint32_t in_flight(const void *ctx)
{
	return canary_in_flight(ctx);
}

void agent_fill_exposition(struct agent *agent)
{
	const struct canary_totals *totals = canary_totals(agent->canary);

	agent->exposition = (struct exposition){
		.node_name = agent->config->node_name,
		.node_zone = agent->config->node_zone,
		.family_label = agent->config->peers_family == CONFIG_FAMILY_BOTH,
		.version = VERSION,
		.revision = REVISION,
		.directory = canary_directory(agent->canary),
		.peers = canary_peers(agent->canary),
		.interfaces = canary_interfaces(agent->canary),
		.stats = canary_stats(agent->canary, 0),
		.counters = maps_memory(agent->maps)->counters,
		.loop_delay = &agent->loop_delay,
		.send_errors = agent->send_errors,
		.refusals_rejected = &agent->refusals_rejected,
		.unplaced = &totals->unplaced,
		.names_taken = &totals->names_taken,
		.names_invalid = &totals->names_invalid,
		.names_changing = &totals->names_changing,
		.reload_failures = &agent->reload_failures,
		.dns = &agent->dns_totals,
		.reload_success_unix_seconds = &agent->reload_success_unix_seconds,
		.reload_last_ok = &agent->reload_last_ok,
		.in_flight = in_flight,
		.in_flight_ctx = agent->canary,
	};
}

static void metrics_begin(void *ctx, unsigned int scrape)
{
	struct agent *agent = ctx;

	agent_drain(agent);
	process_usage_read(&agent->exposition.process);
	agent->cursors[scrape] = (struct exposition_cursor){ 0 };
}

static size_t metrics_read(void *ctx, unsigned int scrape, char *block, size_t capacity)
{
	struct agent *agent = ctx;

	return exposition_write(&agent->exposition, &agent->cursors[scrape], block, capacity);
}

static bool healthy(void *ctx)
{
	const struct agent *agent = ctx;

	return local_since(loop_now(), agent->last_tick) < HEALTHY_WITHIN_NS;
}

static bool ready(void *ctx, char *ret_reason, size_t capacity)
{
	const struct agent *agent = ctx;
	const struct interfaces *interfaces = canary_interfaces(agent->canary);
	const struct interface *missing;

	if (agent->left_out) {
		snprintf(ret_reason, capacity, "peers are routed over more than %d interfaces",
			 INTERFACE_CAPACITY);
		return false;
	}
	/* The loader's word only: what peers do must not drain this node. */
	missing = interfaces_first_missing(interfaces);
	if (missing) {
		snprintf(ret_reason, capacity, "interface %s: %s", missing->name,
			 missing->answered ? "not attached" : "not attached yet");
		return false;
	}
	return true;
}

void agent_fill_content(struct agent *agent, struct http_content *ret)
{
	*ret = (struct http_content){
		.ctx = agent,
		.metrics_begin = metrics_begin,
		.metrics_read = metrics_read,
		.healthy = healthy,
		.ready = ready,
	};
}
