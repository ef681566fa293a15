/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page tells of this node. Must not know where on the page it stands.
 */
#include <string.h>

#include "page_parts.h"
#include "status_view.h"

#define DOT " \xc2\xb7 "

/* The two greatest units of it: "3 d 4 h". */
static void append_age(struct text *text, uint64_t seconds)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = { { 86400, " d" }, { 3600, " h" }, { 60, " min" }, { 1, " s" } };
	unsigned int i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	text_append_uint(text, seconds / units[i].seconds);
	text_append(text, units[i].name);
	if (i < 2) {
		text_append(text, " ");
		text_append_uint(text, seconds % units[i].seconds / units[i + 1].seconds);
		text_append(text, units[i + 1].name);
	}
}

void page_append_about(struct text *text, const struct exposition *exposition)
{
	struct status_view view;

	status_view_read(exposition, &view);
	if (exposition->node_zone[0]) {
		text_append(text, "zone ");
		text_append_html(text, exposition->node_zone);
		text_append(text, DOT);
	}
	text_append(text, "version ");
	text_append_html(text, exposition->version);
	text_append(text, " (");
	text_append_html(text, exposition->revision);
	text_append(text, ")");
	if (exposition->process.start_time_unix_ns > 0) {
		text_append(text, DOT "up ");
		append_age(text, view.uptime_ns / NS_PER_SECOND);
	}
}

void page_append_summary(struct text *text, const struct exposition *exposition)
{
	uint32_t counts[HEALTHS];

	peer_view_count(exposition, counts);
	for (unsigned int i = 0; i < HEALTHS; i++) {
		text_append(text, "<li><span class=\"item ");
		text_append(text, peer_health_name(i));
		text_append(text, counts[i] == 0 ? " none\"" : "\"");
		text_append(text, "><span class=mark aria-hidden=true>");
		text_append(text, page_mark(i));
		text_append(text, "</span><b>");
		text_append_uint(text, counts[i]);
		text_append(text, "</b> ");
		text_append(text, peer_health_name(i));
		text_append(text, "</span>\n");
	}
}

static void open_fact(struct text *text, const char *name)
{
	text_append(text, "<div><dt>");
	text_append(text, name);
	text_append(text, "<dd>");
}

static void close_fact(struct text *text)
{
	text_append(text, "</div>\n");
}

static void append_way(struct text *text, const char *name, const struct word_direction *direction,
		       bool attached)
{
	if (attached) {
		text_append(text, "<span>");
		text_append(text, name);
		text_append(text, " ");
		text_append(text, hook_mode_name(direction->mode));
		text_append(text, "</span>");
		return;
	}
	text_append(text, "<span class=bad>\xe2\x9c\x95 ");
	text_append(text, name);
	text_append(text, " not attached");
	if (direction->error != 0) {
		text_append(text, ": ");
		text_append_html(text, strerror(direction->error));
	} else if (direction->mode != HOOK_NONE) {
		text_append(text, " (");
		text_append(text, hook_mode_name(direction->mode));
		text_append(text, ", no effect)");
	}
	text_append(text, "</span>");
}

static void append_interfaces(struct text *text, const struct interfaces *interfaces)
{
	bool any = false;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = interfaces_get(interfaces, i);

		if (interface->ifindex == 0 || interface->peers == 0)
			continue;
		any = true;
		text_append(text, "<div><dt>Interface ");
		text_append_html(text, interface->name);
		text_append(text, "<dd>");
		append_way(text, "egress", &interface->egress,
			   interface_egress_attached(interface));
		text_append(text, DOT);
		append_way(text, "ingress", &interface->ingress,
			   interface_ingress_attached(interface));
		close_fact(text);
	}
	if (!any) {
		open_fact(text, "Interfaces");
		text_append(text, "<span class=bad>none in use</span>");
		close_fact(text);
	}
}

static void append_probed(struct text *text, const struct exposition *exposition,
			  const struct status_view *view)
{
	uint64_t surplus = (uint64_t)directory_surplus(exposition->directory) +
			   peers_surplus(exposition->peers);

	open_fact(text, "Probed");
	text_append_uint(text, view->probed);
	text_append(text, " of ");
	text_append_uint(text, view->discovered);
	text_append(text, " addresses");
	if (view->lingering > 0) {
		text_append(text, " <small>");
		text_append_uint(text, view->lingering);
		text_append(text, " lingering</small>");
	}
	if (surplus > 0) {
		text_append(text, " <span class=bad>");
		text_append_uint(text, surplus);
		text_append(text, " too many</span>");
	}
	close_fact(text);
}

void page_append_here(struct text *text, const struct exposition *exposition)
{
	struct status_view view;

	status_view_read(exposition, &view);
	if (strcmp(exposition->timestamps, "bpf") != 0) {
		open_fact(text, "Timestamps");
		text_append(text, "<span class=warn>\xe2\x96\xb2 by ");
		text_append(text, exposition->timestamps);
		text_append(text, ", without BPF</span>");
		close_fact(text);
	}
	append_interfaces(text, exposition->interfaces);
	append_probed(text, exposition, &view);
	open_fact(text, "Reflected");
	text_append_uint(text, __atomic_load_n(&exposition->counters->reflected, __ATOMIC_RELAXED));
	text_append(text, " <small>");
	text_append_uint(text, view.refused);
	text_append(text, " refused</small>");
	close_fact(text);
	open_fact(text, "Clock");
	text_append(text, *exposition->clock_synchronised
				  ? "synchronised"
				  : "<span class=warn>\xe2\x96\xb2 not synchronised</span>");
	close_fact(text);
	open_fact(text, "Loop delay");
	text_append(text, "p50 ");
	page_append_duration(text, view.loop_delay_p50_ns);
	text_append(text, DOT "p99 ");
	page_append_duration(text, view.loop_delay_p99_ns);
	close_fact(text);
}
