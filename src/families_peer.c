/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that have one for each peer: whose rows are written, under which label, and
 * who the peer is. Must not know what a value means.
 */
#include <stdbool.h>

#include "families.h"

/* Whose rows are those of this slot; false where nothing is exported. */
static bool read_peer(const struct exposition *exposition, uint32_t slot, struct row_peer *ret)
{
	const struct peer *peer = peers_get(exposition->peers, slot);

	if (!peer_is_live(peer))
		return false;
	peers_label(exposition->peers, slot, ret->label);
	ret->family = NULL;
	if (exposition->family_label)
		ret->family = address_is_ipv4(&peer->address) ? "ipv4" : "ipv6";
	return true;
}

static void append_series(const struct family *family, struct text *text,
			  const struct row_peer *peer)
{
	text_append(text, family->name);
	text_append(text, "{");
	row_append_peer(text, peer);
}

void family_write_peer_rtt(const struct family *family, const struct exposition *exposition,
			   uint32_t slot, struct text *text)
{
	struct row_peer peer;
	struct row_histogram histogram = { .family = family, .text = text, .peer = &peer };

	if (!read_peer(exposition, slot, &peer))
		return;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		row_histogram_add(&histogram, exposition->stats[slot].buckets[i]);
	row_histogram_finish(&histogram, exposition->stats[slot].rtt_sum_ns);
}

void family_write_peer_seconds(const struct family *family, const struct exposition *exposition,
			       uint32_t slot, struct text *text)
{
	struct row_peer peer;

	if (!read_peer(exposition, slot, &peer))
		return;
	append_series(family, text, &peer);
	row_append_seconds(text, "} ", *family_value(&exposition->stats[slot], family->offset));
}

void family_write_peer_count(const struct family *family, const struct exposition *exposition,
			     uint32_t slot, struct text *text)
{
	struct row_peer peer;

	if (!read_peer(exposition, slot, &peer))
		return;
	append_series(family, text, &peer);
	row_append_count(text, "} ", *family_value(&exposition->stats[slot], family->offset));
}

static const char *state_name(const struct peer *peer)
{
	if (peer->lingering)
		return "lingering";
	return peer->state == PEER_PROBED ? "probed" : "resolving";
}

void family_write_peer_info(const struct family *family, const struct exposition *exposition,
			    uint32_t slot, struct text *text)
{
	const struct peer *peer = peers_get(exposition->peers, slot);
	char address[ADDRESS_TEXT_CAPACITY];
	struct row_peer row;

	if (!read_peer(exposition, slot, &row))
		return;
	address_format(&peer->address, address);
	append_series(family, text, &row);
	row_append_label(text, ",address=\"", address);
	row_append_label(text, ",peer_zone=\"", peer->zone);
	row_append_label(text, ",probe=\"", peer->probe == PROBE_STAMP ? "stamp" : "icmp");
	row_append_label(text, ",state=\"", state_name(peer));
	text_append(text, "} 1\n");
}
