/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that have one for each peer: whose rows are written, under which label,
 * since when they count, and who the peer is. Must not know what a value means.
 */
#include <stdbool.h>

#include "families.h"

/* What all rows of a peer have in common. Not to be copied: the metric has the label's address. */
struct peer_row {
	struct metric metric;
	char label[PEER_NAME_CAPACITY];
};

/* On the wall clock; 0 if that is not told. */
static uint64_t series_start(const struct exposition *exposition, uint32_t slot)
{
	int64_t unix_ns = exposition->recents[slot].since.ns + *exposition->real_offset_ns;

	return unix_ns > 0 ? (uint64_t)unix_ns : 0;
}

/* Of this slot; false where nothing is exported. */
static bool read_peer(const struct exposition *exposition, uint32_t slot, struct peer_row *ret)
{
	const struct peer *peer = peers_get(exposition->peers, slot);

	if (!peer_is_live(peer) || !ranking_lists(exposition->ranking, slot))
		return false;
	ret->metric = (struct metric){ .start_unix_ns = series_start(exposition, slot) };
	peers_label(exposition->peers, slot, ret->label);
	metric_add_label(&ret->metric, "peer", ret->label);
	if (exposition->family_label)
		metric_add_label(&ret->metric, "family",
				 address_is_ipv4(&peer->address) ? "ipv4" : "ipv6");
	return true;
}

void family_write_peer_rtt(const struct family *family, const struct exposition *exposition,
			   uint32_t slot, const struct metric_sink *sink)
{
	const struct peer_stats *stats = &exposition->stats[slot];
	struct native_total native = { 0 };
	struct metric_histogram histogram = { .sum_ns = stats->rtt_sum_ns, .native = &native };
	struct peer_row row;

	(void)family;
	if (!read_peer(exposition, slot, &row))
		return;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		histogram.classic[i] = stats->buckets[i];
	native_total_sum(&native, &exposition->natives[slot]);
	row.metric.histogram = &histogram;
	sink_write(sink, &row.metric);
}

void family_write_peer_value(const struct family *family, const struct exposition *exposition,
			     uint32_t slot, const struct metric_sink *sink)
{
	struct peer_row row;

	if (!read_peer(exposition, slot, &row))
		return;
	row.metric.value = *family_value(&exposition->stats[slot], family->offset);
	sink_write(sink, &row.metric);
}

static const char *state_name(const struct peer *peer)
{
	if (peer->lingering)
		return "lingering";
	return peer->state == PEER_PROBED ? "probed" : "resolving";
}

void family_write_peer_info(const struct family *family, const struct exposition *exposition,
			    uint32_t slot, const struct metric_sink *sink)
{
	const struct peer *peer = peers_get(exposition->peers, slot);
	char address[ADDRESS_TEXT_CAPACITY];
	struct peer_row row;

	(void)family;
	if (!read_peer(exposition, slot, &row))
		return;
	address_format(&peer->address, address);
	metric_add_label(&row.metric, "address", address);
	metric_add_label(&row.metric, "peer_zone", peer->zone);
	metric_add_label(&row.metric, "probe", peer->probe == PROBE_STAMP ? "stamp" : "icmp");
	metric_add_label(&row.metric, "state", state_name(peer));
	row.metric.value = 1;
	sink_write(sink, &row.metric);
}
