/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer's row of the page. Closing tags that HTML can do without are left out, since there may be
 * thousands. Must not know where rows stand.
 */
#include "page_parts.h"

#define NONE	   "\xe2\x80\x93"
#define THIN_SPACE "\xe2\x80\xaf"
#define HARD_SPACE "\xc2\xa0"

#define OCTAVE	8 /* buckets of the native histogram */
#define OCTAVES (NATIVE_BUCKETS / OCTAVE)
#define LEVELS	8

const char *page_mark(enum peer_health health)
{
	static const char *const marks[HEALTHS] = {
		[HEALTH_OK] = "\xe2\x97\x8f",	[HEALTH_DEGRADED] = "\xe2\x96\xb2",
		[HEALTH_LOST] = "\xe2\x9c\x95", [HEALTH_REFUSED] = "\xe2\x8a\x98",
		[HEALTH_UNKNOWN] = "?",
	};

	return marks[health];
}

/* As so many of a part of its unit, of which so many digits are decimals. */
static void append_rounded(struct text *text, uint64_t value_ns, uint64_t part_ns,
			   unsigned int decimals)
{
	uint64_t parts = value_ns / part_ns + (value_ns % part_ns * 2 >= part_ns);

	text_append_uint(text, decimals == 2 ? parts / 100 : decimals == 1 ? parts / 10 : parts);
	if (decimals > 0)
		text_append(text, ".");
	if (decimals == 2)
		text_append_uint(text, parts / 10 % 10);
	if (decimals > 0)
		text_append_uint(text, parts % 10);
}

void page_append_duration(struct text *text, uint64_t value_ns)
{
	static const struct {
		uint64_t below_ns;
		uint64_t unit_ns;
		const char *name;
	} units[] = {
		{ 999500, 1000, HARD_SPACE "\xc2\xb5s" },
		{ 999500000, 1000000, HARD_SPACE "ms" },
		{ UINT64_MAX, 1000000000, HARD_SPACE "s" },
	};
	unsigned int i = 0;
	uint64_t unit_ns;

	while (i < 2 && value_ns >= units[i].below_ns)
		i++;
	unit_ns = units[i].unit_ns;
	if (value_ns < unit_ns * 9995 / 1000) {
		append_rounded(text, value_ns, unit_ns / 100, 2);
	} else if (value_ns < unit_ns * 9995 / 100) {
		append_rounded(text, value_ns, unit_ns / 10, 1);
	} else {
		append_rounded(text, value_ns, unit_ns, 0);
	}
	text_append(text, units[i].name);
}

static void append_known_duration(struct text *text, bool known, uint64_t value_ns)
{
	if (known)
		page_append_duration(text, value_ns);
	else
		text_append(text, NONE);
}

static void append_who(struct text *text, const struct peer_view *view)
{
	text_append(text, "<th scope=row><bdi>");
	text_append_html(text, view->label);
	text_append(text, "</bdi><small>");
	text_append_html(text, view->address);
	text_append(text, " \xc2\xb7 ");
	text_append(text, view->protocol);
	if (view->peer->state != PEER_PROBED || view->peer->lingering) {
		text_append(text, " \xc2\xb7 ");
		text_append(text, view->state);
	}
	if (!view->listed)
		text_append(text, " \xc2\xb7 not in metrics");
	text_append(text, "</small>");
}

/* "0 %", "1.2 %", "34 %". */
static void append_loss(struct text *text, const struct recent *recent)
{
	uint32_t thousandths = (recent->loss * 1000U + UINT16_MAX / 2) / UINT16_MAX;

	text_append(text, "<td class=number>");
	if (recent->samples == 0) {
		text_append(text, NONE);
		return;
	}
	text_append_uint(text, thousandths < 100 ? thousandths / 10 : (thousandths + 5) / 10);
	if (thousandths > 0 && thousandths < 100) {
		text_append(text, ".");
		text_append_uint(text, thousandths % 10);
	}
	text_append(text, HARD_SPACE "%");
}

static void append_losses(struct text *text, const struct peer_view *view)
{
	text_append(text, "<td class=number>");
	text_append_uint(text, view->stats->lost);
	text_append(text, "<td class=wide>");
	if (view->stats->lost == 0) {
		text_append(text, NONE);
		return;
	}
	text_append_uint(text, view->stats->lost_forward);
	text_append(text, " there, ");
	text_append_uint(text, view->stats->lost_backward);
	text_append(text, " back, ");
	text_append_uint(text, view->undetermined);
	text_append(text, " unknown");
}

static void append_times(struct text *text, const struct peer_view *view)
{
	const struct recent *recent = view->recent;

	text_append(text, "<td class=number>");
	append_known_duration(text, recent->last_rtt_ns > 0, recent->last_rtt_ns);
	text_append(text, "<td class=\"number wide\">");
	append_known_duration(text, recent->last_rtt_ns > 0, recent->min_rtt_ns);
	text_append(text, "<td class=number>");
	append_known_duration(text, view->has_rtt, view->p50_ns);
	text_append(text, "<td class=\"number wide\">");
	append_known_duration(text, view->has_rtt, view->p90_ns);
	text_append(text, "<td class=number>");
	append_known_duration(text, view->has_rtt, view->p99_ns);
}

static void append_variation(struct text *text, const struct peer_view *view)
{
	text_append(text, "<td class=\"number wider\">");
	append_known_duration(text, view->has_variation, view->variation_ns);
}

/* Hosts begin with one of three limits, and each router takes one off. */
static void append_routers(struct text *text, uint8_t limit)
{
	if (limit == 0)
		text_append(text, "?");
	else
		text_append_uint(text, (uint64_t)(limit > 128  ? 255
						  : limit > 64 ? 128
							       : 64) -
					       limit);
}

static void append_hops(struct text *text, const struct recent *recent)
{
	text_append(text, "<td class=\"number wider\">");
	if (recent->reply_ttl == 0) {
		text_append(text, NONE);
		return;
	}
	append_routers(text, recent->probe_ttl);
	text_append(text, " / ");
	append_routers(text, recent->reply_ttl);
}

static void append_flows(struct text *text, const struct exposition *exposition,
			 const struct peer_view *view)
{
	for (uint32_t i = 0; i < view->flow_count; i++) {
		if (!view->flows[i].told)
			continue;
		text_append(text, "<td class=\"wider bad\">port ");
		text_append_uint(text, exposition->flow_ports[i]);
		text_append(text, ": ");
		text_append_uint(text, flow_loss_recent(&view->flows[i]));
		text_append(text, " of 100");
		return;
	}
	text_append(text, "<td class=wider>");
	text_append_uint(text, view->flow_count);
}

/* A bar for each octave from the first to the last that holds anything, as characters; the first
 * has what is zero, too. */
static void append_shape(struct text *text, const struct native_total *native)
{
	uint64_t octaves[OCTAVES] = { native->zero };
	uint64_t most = 0;
	unsigned int first = OCTAVES;
	unsigned int last = 0;

	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		octaves[i / OCTAVE] += native->buckets[i];
	for (unsigned int i = 0; i < OCTAVES; i++) {
		if (octaves[i] == 0)
			continue;
		first = first < i ? first : i;
		last = i;
		most = most > octaves[i] ? most : octaves[i];
	}
	text_append(text, "<td class=shape>");
	if (most == 0) {
		text_append(text, NONE);
		return;
	}
	text_append(text, "<span class=spark aria-hidden=true>");
	for (unsigned int i = first; i <= last; i++) {
		char bar[] = "\xe2\x96\x81"; /* one eighth; the full block is seven on */

		if (octaves[i] == 0) {
			text_append(text, THIN_SPACE);
			continue;
		}
		bar[2] = (char)(bar[2] + (char)((double)octaves[i] / (double)most * (LEVELS - 1)));
		text_append(text, bar);
	}
	text_append(text, "</span> <small>");
	page_append_duration(text, first > 0 ? (uint64_t)native_bound_ns(first * OCTAVE - 1) : 0);
	text_append(text, " to ");
	page_append_duration(text, (uint64_t)native_bound_ns(last * OCTAVE + OCTAVE - 1));
	text_append(text, "</small>");
}

void page_append_peer(struct text *text, const struct exposition *exposition, uint32_t slot)
{
	struct peer_view view;

	if (!peer_view_read(exposition, slot, &view))
		return;
	text_append(text, "<tr class=");
	text_append(text, peer_health_name(view.health));
	text_append(text, "><td class=mark>");
	text_append(text, page_mark(view.health));
	text_append(text, " ");
	text_append(text, peer_health_name(view.health));
	append_who(text, &view);
	text_append(text, "<td class=zone>");
	text_append_html(text, view.peer->zone[0] ? view.peer->zone : NONE);
	append_loss(text, view.recent);
	append_losses(text, &view);
	append_times(text, &view);
	append_shape(text, &view.native);
	append_variation(text, &view);
	append_hops(text, view.recent);
	append_flows(text, exposition, &view);
	text_append(text, "\n");
}
