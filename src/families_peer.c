/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that have one for each peer: whose rows are written, under which label, and
 * who the peer is. Must not know what a value means.
 */
#include <stdbool.h>

#include "families.h"

/* The label of the peer in this slot; false where nothing is exported. */
static bool peer_label(const struct exposition *exposition, uint32_t slot,
		       char ret[static PEER_NAME_CAPACITY])
{
	if (!peer_is_live(peers_get(exposition->peers, slot)))
		return false;
	peers_label(exposition->peers, slot, ret);
	return true;
}

void family_write_peer_rtt(const struct family *family, const struct exposition *exposition,
			   uint32_t slot, struct text *text)
{
	char label[PEER_NAME_CAPACITY];
	struct row_histogram histogram = { .family = family, .text = text, .peer = label };

	if (!peer_label(exposition, slot, label))
		return;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		row_histogram_add(&histogram, exposition->stats[slot].buckets[i]);
	row_histogram_finish(&histogram, exposition->stats[slot].rtt_sum_ns);
}

void family_write_peer_seconds(const struct family *family, const struct exposition *exposition,
			       uint32_t slot, struct text *text)
{
	char label[PEER_NAME_CAPACITY];

	if (peer_label(exposition, slot, label))
		row_write_seconds(family, text, "{peer=\"", label,
				  *family_value(&exposition->stats[slot], family->offset));
}

void family_write_peer_count(const struct family *family, const struct exposition *exposition,
			     uint32_t slot, struct text *text)
{
	char label[PEER_NAME_CAPACITY];

	if (peer_label(exposition, slot, label))
		row_write_count(family, text, "{peer=\"", label,
				*family_value(&exposition->stats[slot], family->offset));
}

void family_write_peer_info(const struct family *family, const struct exposition *exposition,
			    uint32_t slot, struct text *text)
{
	const struct peer *peer = peers_get(exposition->peers, slot);
	char label[PEER_NAME_CAPACITY];
	char address[ADDRESS_TEXT_CAPACITY];

	if (!peer_label(exposition, slot, label))
		return;
	address_format(&peer->address, address);
	text_append(text, family->name);
	row_append_label(text, "{peer=\"", label);
	row_append_label(text, ",address=\"", address);
	row_append_label(text, ",peer_zone=\"", peer->zone);
	row_append_label(text, ",probe=\"", peer->probe == PROBE_STAMP ? "stamp" : "icmp");
	text_append(text, "} 1\n");
}
