/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the HTTP server serves: connects metrics, API and page to the core's state. Must not know
 * HTTP beyond the callbacks.
 */
#include <arpa/inet.h>
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
	const struct kernel_memory *memory = maps_memory(agent->maps);
	uint32_t flows;

	for (uint16_t flow = 0; flow < memory->shape.flows; flow++)
		agent->flow_ports[flow] = ntohs(prober_stamp_port_be(agent->stamp, flow));
	agent->exposition = (struct exposition){
		.node_name = agent->config->node_name,
		.node_zone = agent->config->node_zone,
		.family_label = agent->config->peers_family == CONFIG_FAMILY_BOTH,
		.version = VERSION,
		.revision = REVISION,
		.timestamps = agent->stand_in ? "socket" : "bpf",
		.directory = canary_directory(agent->canary),
		.peers = canary_peers(agent->canary),
		.interfaces = canary_interfaces(agent->canary),
		.stats = canary_stats(agent->canary, 0),
		.natives = canary_native(agent->canary, 0),
		.recents = canary_recent(agent->canary, 0),
		.flow_losses = canary_flows(agent->canary, 0, &flows),
		.flows = memory->shape.flows,
		.flow_ports = agent->flow_ports,
		.zones = canary_zones(agent->canary),
		.ranking = canary_ranking(agent->canary),
		.counters = memory->counters,
		.shape = &memory->shape,
		.ring_bytes = memory->shape.ring_bytes,
		.ring_filled_bytes = &agent->ring_filled_bytes,
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
		.scrapes = &agent->scrapes,
		.real_offset_ns = &agent->clock.offset_ns,
		.clock_synchronised = &agent->clock_synchronised,
		.interval_ns = agent->config->probe_interval_ns,
		.timeout_ns = agent->config->probe_timeout_ns,
	};
}

/* What every document begins with: things as they stand now. */
static void refresh(struct agent *agent)
{
	agent_drain(agent);
	process_usage_read(&agent->exposition.process);
	agent->exposition.now = loop_now();
}

/* The most of the running and of the last while, each a minute at least: however many ask, and how
 * often, none takes it away from the others. */
static void note_ring_filled(struct agent *agent)
{
	uint32_t filled_bytes = maps_take_filled(agent->maps);
	struct local_time now = agent->exposition.now;

	if (local_since(now, agent->ring_since) >= 60 * NS_PER_SECOND) {
		agent->ring_before_bytes = agent->ring_running_bytes;
		agent->ring_running_bytes = 0;
		agent->ring_since = now;
	}
	if (agent->ring_running_bytes < filled_bytes)
		agent->ring_running_bytes = filled_bytes;
	agent->ring_filled_bytes = agent->ring_running_bytes > agent->ring_before_bytes
					   ? agent->ring_running_bytes
					   : agent->ring_before_bytes;
}

static void metrics_begin(void *ctx, unsigned int stream, enum accept_format format)
{
	struct agent *agent = ctx;

	refresh(agent);
	note_ring_filled(agent);
	agent->streams[stream].format = format;
	agent->streams[stream].cursor.metrics = (struct exposition_cursor){ 0 };
}

static size_t metrics_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct agent *agent = ctx;

	return exposition_write(&agent->exposition, agent->streams[stream].format,
				&agent->streams[stream].cursor.metrics, block, capacity);
}

static void api_begin(void *ctx, unsigned int stream, enum accept_format format)
{
	struct agent *agent = ctx;

	(void)format;
	refresh(agent);
	agent->streams[stream].cursor.api = (struct api_cursor){ 0 };
}

static size_t api_peers_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct agent *agent = ctx;

	return api_peers_write(&agent->exposition, &agent->streams[stream].cursor.api, block,
			       capacity);
}

static size_t api_status_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct agent *agent = ctx;

	return api_status_write(&agent->exposition, &agent->streams[stream].cursor.api, block,
				capacity);
}

static void page_begin(void *ctx, unsigned int stream, enum accept_format format)
{
	struct agent *agent = ctx;

	(void)format;
	refresh(agent);
	agent->streams[stream].cursor.page = (struct page_cursor){ 0 };
}

static size_t page_read(void *ctx, unsigned int stream, char *block, size_t capacity)
{
	struct agent *agent = ctx;

	return page_write(&agent->exposition, &agent->streams[stream].cursor.page, block, capacity);
}

_Static_assert(HTTP_BLOCK_BYTES >= EXPOSITION_ROW_CAPACITY, "every row fits a block");
_Static_assert(HTTP_BLOCK_BYTES >= API_ROW_CAPACITY, "every row fits a block");
_Static_assert(HTTP_BLOCK_BYTES >= PAGE_ROW_CAPACITY, "every row fits a block");

static void fill_documents(struct http_document documents[static AGENT_DOCUMENTS])
{
	documents[0] = (struct http_document){ .path = "/metrics",
					       .begin = metrics_begin,
					       .read = metrics_read };
	documents[1] = (struct http_document){ .path = "/api/v1/peers",
					       .format = ACCEPT_JSON,
					       .content_type = "application/json",
					       .begin = api_begin,
					       .read = api_peers_read };
	documents[2] = (struct http_document){ .path = "/api/v1/status",
					       .format = ACCEPT_JSON,
					       .content_type = "application/json",
					       .begin = api_begin,
					       .read = api_status_read };
	documents[3] = (struct http_document){ .path = "/",
					       .format = ACCEPT_HTML,
					       .content_type = "text/html; charset=utf-8",
					       .policy = page_policy(),
					       .begin = page_begin,
					       .read = page_read };
}

/* What people read is no scrape. */
static bool is_scrape(const struct http_document *document)
{
	return document->read == metrics_read;
}

/* From a tick before a document's end until the code that only documents call is let go of: most
 * likely nobody asks for another one for seconds. */
#define FORGET_SENT_NS (100 * NS_PER_MS)

static void on_sent(void *ctx, const struct http_document *document, uint64_t bytes,
		    int64_t busy_ns, bool whole)
{
	struct agent *agent = ctx;
	struct scrape_totals *scrapes = &agent->scrapes;

	agent->forget_at = local_after(agent->last_tick, FORGET_SENT_NS);
	if (!whole || !is_scrape(document))
		return;
	scrapes->count++;
	scrapes->bytes += bytes;
	scrapes->busy_ns += (uint64_t)busy_ns;
	scrapes->last_bytes = bytes;
	scrapes->last_busy_ns = (uint64_t)busy_ns;
}

static void on_refused(void *ctx, const struct http_document *document)
{
	struct agent *agent = ctx;

	if (is_scrape(document))
		agent->scrapes.refused++;
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
	/* Which interfaces peers are routed over is not known before. */
	if (!agent->walked) {
		snprintf(ret_reason, capacity, "the routes of peers are yet to be asked for");
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
	fill_documents(agent->documents);
	*ret = (struct http_content){
		.ctx = agent,
		.documents = agent->documents,
		.document_count = AGENT_DOCUMENTS,
		.format_type = exposition_content_type,
		.healthy = healthy,
		.ready = ready,
		.sent = on_sent,
		.refused = on_refused,
	};
}
