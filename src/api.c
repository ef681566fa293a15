/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of peers as JSON: the walk over slots, whole peers into blocks, and the fields of one.
 * Must not know how a peer is judged.
 */
#include "api.h"

#include <assert.h>

#include "json.h"
#include "peer_view.h"
#include "status_view.h"

static void append_counts(struct json *json, const struct peer_view *view)
{
	const struct peer_stats *stats = view->stats;

	json_key(json, "probes");
	json_open(json, '{');
	json_key_uint(json, "sent", stats->sent);
	json_key_uint(json, "returned", stats->returned);
	json_key_uint(json, "lost", stats->lost);
	json_key_uint(json, "lost_forward", stats->lost_forward);
	json_key_uint(json, "lost_backward", stats->lost_backward);
	json_key_uint(json, "lost_undetermined", view->undetermined);
	json_key_uint(json, "refused", stats->refused);
	json_key_uint(json, "unstamped", stats->unstamped);
	json_key_uint(json, "late", stats->late);
	json_key_uint(json, "duplicate", stats->duplicate);
	json_key_uint(json, "reordered", stats->reordered);
	json_key_uint(json, "dropped", stats->dropped);
	json_close(json, '}');
}

static void append_times(struct json *json, const struct peer_view *view)
{
	const struct recent *recent = view->recent;

	json_key(json, "loss_recent");
	if (recent->samples > 0)
		json_share(json, recent->loss);
	else
		json_null(json);
	json_key(json, "rtt_seconds");
	json_open(json, '{');
	json_key_seconds(json, "last", recent->last_rtt_ns > 0, recent->last_rtt_ns);
	json_key_seconds(json, "min", recent->last_rtt_ns > 0, recent->min_rtt_ns);
	json_key_seconds(json, "p50", view->has_rtt, view->p50_ns);
	json_key_seconds(json, "p90", view->has_rtt, view->p90_ns);
	json_key_seconds(json, "p99", view->has_rtt, view->p99_ns);
	json_close(json, '}');
	json_key_seconds(json, "variation_seconds", view->has_variation, view->variation_ns);
}

static void append_hop_limit(struct json *json, const char *name, uint8_t value)
{
	json_key(json, name);
	if (value > 0)
		json_uint(json, value);
	else
		json_null(json);
}

static void append_flows(struct json *json, const struct exposition *exposition,
			 const struct peer_view *view)
{
	json_key(json, "flows");
	json_open(json, '[');
	/* One alone is not counted by itself. */
	for (uint32_t i = 0; i < view->flow_count && view->flow_count > 1; i++) {
		const struct flow_loss *flow = &view->flows[i];

		json_open(json, '{');
		json_key_uint(json, "source_port", exposition->flow_ports[i]);
		json_key_uint(json, "judged", flow->judged);
		json_key_uint(json, "lost", flow->lost);
		json_key_uint(json, "lost_recent", flow_loss_recent(flow));
		json_key_bool(json, "stands_out", flow->told);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void append_bucket(struct json *json, uint64_t bound_ns, uint64_t count)
{
	if (count == 0)
		return;
	json_open(json, '[');
	json_seconds(json, bound_ns);
	json_uint(json, count);
	json_close(json, ']');
}

static void append_buckets(struct json *json, const struct native_total *native)
{
	json_key(json, "buckets");
	json_open(json, '[');
	append_bucket(json, (uint64_t)(NATIVE_ZERO_SECONDS * 1e9), native->zero);
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		append_bucket(json, (uint64_t)native_bound_ns(i), native->buckets[i]);
	json_close(json, ']');
}

static void append_peer(struct json *json, const struct exposition *exposition,
			const struct peer_view *view)
{
	text_append(json->text, json->comma ? ",\n" : "\n");
	json->comma = false;
	json_open(json, '{');
	json_key_string(json, "peer", view->label);
	json_key_string(json, "address", view->address);
	json_key_string(json, "family", view->family);
	json_key_string(json, "zone", view->peer->zone);
	json_key_string(json, "protocol", view->protocol);
	json_key_string(json, "state", view->state);
	json_key_bool(json, "listed", view->listed);
	json_key_string(json, "health", peer_health_name(view->health));
	json_key_seconds(json, "since", true, status_unix_ns(exposition, view->recent->since));
	append_counts(json, view);
	append_times(json, view);
	json_key(json, "hop_limit");
	json_open(json, '{');
	append_hop_limit(json, "reply", view->recent->reply_ttl);
	append_hop_limit(json, "probe", view->recent->probe_ttl);
	json_close(json, '}');
	append_flows(json, exposition, view);
	append_buckets(json, &view->native);
	json_close(json, '}');
}

static void append_opening(struct json *json, const struct exposition *exposition)
{
	json_open(json, '{');
	json_key_uint(json, "api", API_VERSION);
	json_key_string(json, "node", exposition->node_name);
	json_key_string(json, "zone", exposition->node_zone);
	json_key_seconds(json, "time", true, status_unix_ns(exposition, exposition->now));
	json_key(json, "peers");
	json_open(json, '[');
}

/* Rows: 0 the opening, then one for each slot, then the closing. True if something stands in it. */
static bool append_row(struct json *json, const struct exposition *exposition, uint32_t row)
{
	struct peer_view view;

	if (row == 0) {
		append_opening(json, exposition);
		return false;
	}
	if (row > peers_capacity(exposition->peers)) {
		text_append(json->text, "\n]}\n");
		return false;
	}
	if (!peer_view_read(exposition, row - 1, &view))
		return false;
	append_peer(json, exposition, &view);
	return true;
}

size_t api_peers_write(const struct exposition *exposition, struct api_cursor *cursor, char *block,
		       size_t capacity)
{
	struct text text = text_over(block, capacity);
	size_t whole_rows_length = 0;

	assert(capacity >= API_ROW_CAPACITY);
	while (cursor->row <= peers_capacity(exposition->peers) + 1) {
		struct json json = { .text = &text, .comma = cursor->written > 0 };
		bool element = append_row(&json, exposition, cursor->row);

		if (text.overflowed) {
			/* A row that fits no empty block would hold up the document for ever. */
			assert(whole_rows_length > 0);
			return whole_rows_length;
		}
		whole_rows_length = text.length;
		cursor->written += element;
		cursor->row++;
	}
	cursor->finished = 1;
	return whole_rows_length;
}
