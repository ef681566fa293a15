/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this node stands, as JSON: one piece. Must not know how anything in it is counted.
 */
#include "api.h"

#include <assert.h>
#include <string.h>

#include "json.h"
#include "reasons.h"
#include "status_view.h"

static void append_direction(struct json *json, const char *name,
			     const struct word_direction *direction, bool attached)
{
	json_key(json, name);
	json_open(json, '{');
	json_key_bool(json, "attached", attached);
	json_key_string(json, "mode", hook_mode_name(direction->mode));
	json_key(json, "error");
	if (direction->error != 0)
		json_string(json, strerror(direction->error));
	else
		json_null(json);
	json_close(json, '}');
}

static void append_interfaces(struct json *json, const struct interfaces *interfaces)
{
	json_key(json, "interfaces");
	json_open(json, '[');
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = interfaces_get(interfaces, i);

		if (interface->ifindex == 0 || interface->peers == 0)
			continue;
		json_open(json, '{');
		json_key_string(json, "name", interface->name);
		json_key_uint(json, "ifindex", interface->ifindex);
		append_direction(json, "egress", &interface->egress,
				 interface_egress_attached(interface));
		append_direction(json, "ingress", &interface->ingress,
				 interface_ingress_attached(interface));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void append_peers(struct json *json, const struct status_view *view)
{
	json_key(json, "peers");
	json_open(json, '{');
	json_key_uint(json, "discovered", view->discovered);
	json_key_uint(json, "known", view->known);
	json_key_uint(json, "probed", view->probed);
	json_key_uint(json, "resolving", view->resolving);
	json_key_uint(json, "lingering", view->lingering);
	json_key_uint(json, "unnamed", view->unnamed);
	json_key_uint(json, "unlisted", view->unlisted);
	json_key_uint(json, "twin", view->twin);
	json_close(json, '}');
	json_key(json, "health");
	json_open(json, '{');
	for (unsigned int i = 0; i < HEALTHS; i++)
		json_key_uint(json, peer_health_name(i), view->health[i]);
	json_close(json, '}');
}

/* 0: never. */
static void append_unix_seconds(struct json *json, const char *name, uint64_t value)
{
	json_key(json, name);
	if (value > 0)
		json_uint(json, value);
	else
		json_null(json);
}

static void append_discovery(struct json *json, const struct exposition *exposition)
{
	json_key(json, "discovery");
	json_open(json, '{');
	json_key(json, "dns");
	json_open(json, '{');
	append_unix_seconds(json, "last_success", exposition->dns->success_unix_seconds);
	json_key_uint(json, "failures", exposition->dns->failures);
	json_key_uint(json, "addresses", exposition->dns->addresses);
	json_key_uint(json, "refused", exposition->dns->refused);
	json_close(json, '}');
	json_key(json, "file");
	json_open(json, '{');
	append_unix_seconds(json, "last_success", *exposition->reload_success_unix_seconds);
	json_key_uint(json, "failures", *exposition->reload_failures);
	json_key_bool(json, "last_ok", *exposition->reload_last_ok != 0);
	json_close(json, '}');
	json_close(json, '}');
}

static void append_reflector(struct json *json, const struct exposition *exposition)
{
	const struct reason reflected = { "reflected", offsetof(struct kc_counters, reflected) };

	json_key(json, "reflector");
	json_open(json, '{');
	json_key_uint(json, reflected.name, reason_count(&reflected, exposition->counters));
	json_key(json, "refused");
	json_open(json, '{');
	for (unsigned int i = 0; i < REASONS_REFUSED; i++)
		json_key_uint(json, reasons_refused[i].name,
			      reason_count(&reasons_refused[i], exposition->counters));
	json_close(json, '}');
	json_close(json, '}');
}

static void append_limits(struct json *json, const struct exposition *exposition)
{
	json_key(json, "limits");
	json_open(json, '{');
	json_key_uint(json, "peers_max", directory_capacity(exposition->directory));
	json_key_uint(json, "probe_max", peers_capacity(exposition->peers));
	json_key_uint(json, "ring_bytes", exposition->ring_bytes);
	json_key_uint(json, "zones", ZONES_CAPACITY);
	json_key_uint(json, "interfaces", INTERFACE_CAPACITY);
	json_close(json, '}');
	json_key(json, "surplus");
	json_open(json, '{');
	json_key_uint(json, "peers_max", directory_surplus(exposition->directory));
	json_key_uint(json, "probe_max", peers_surplus(exposition->peers));
	json_key_uint(json, "zones", zones_dropped(exposition->zones));
	json_close(json, '}');
}

static void append_options(struct json *json, const struct exposition *exposition)
{
	json_key(json, "probe");
	json_open(json, '{');
	json_key_seconds(json, "interval_seconds", true, (uint64_t)exposition->interval_ns);
	json_key_seconds(json, "timeout_seconds", true, (uint64_t)exposition->timeout_ns);
	json_key_uint(json, "flows", exposition->flows);
	json_key_uint(json, "in_flight", exposition->in_flight(exposition->in_flight_ctx));
	json_close(json, '}');
}

static void append_status(struct json *json, const struct exposition *exposition)
{
	const uint64_t started_unix_ns = exposition->process.start_time_unix_ns;
	struct status_view view;
	bool delays;

	status_view_read(exposition, &view);
	delays = view.loop_delays > 0;
	json_open(json, '{');
	json_key_uint(json, "api", API_VERSION);
	json_key_string(json, "node", exposition->node_name);
	json_key_string(json, "zone", exposition->node_zone);
	json_key_string(json, "version", exposition->version);
	json_key_string(json, "revision", exposition->revision);
	json_key_string(json, "timestamps", exposition->timestamps);
	json_key_seconds(json, "time", true, view.time_unix_ns);
	json_key_seconds(json, "started", started_unix_ns > 0, started_unix_ns);
	json_key_seconds(json, "uptime_seconds", started_unix_ns > 0, view.uptime_ns);
	append_interfaces(json, exposition->interfaces);
	append_peers(json, &view);
	append_options(json, exposition);
	append_reflector(json, exposition);
	append_discovery(json, exposition);
	json_key(json, "clock");
	json_open(json, '{');
	json_key_bool(json, "synchronised", *exposition->clock_synchronised != 0);
	json_close(json, '}');
	json_key(json, "loop_delay_seconds");
	json_open(json, '{');
	json_key_seconds(json, "p50", delays, view.loop_delay_p50_ns);
	json_key_seconds(json, "p99", delays, view.loop_delay_p99_ns);
	json_close(json, '}');
	append_limits(json, exposition);
	json_close(json, '}');
	text_append(json->text, "\n");
}

size_t api_status_write(const struct exposition *exposition, struct api_cursor *cursor, char *block,
			size_t capacity)
{
	struct text text = text_over(block, capacity);
	struct json json = { .text = &text };

	assert(capacity >= API_ROW_CAPACITY);
	if (cursor->finished)
		return 0;
	append_status(&json, exposition);
	assert(!text.overflowed);
	cursor->finished = 1;
	return text.length;
}
