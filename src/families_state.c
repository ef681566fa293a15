/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of how things stand: peers by state, what is beyond the limits, who we are, where our
 * programs are. Must not know how rows are cut into blocks.
 */
#include "families.h"

#include <stdbool.h>
#include <string.h>

static uint64_t peers_unnamed(const struct peers *peers)
{
	uint64_t count = 0;

	for (uint32_t slot = 0; slot < peers_capacity(peers); slot++) {
		const struct peer *peer = peers_get(peers, slot);

		count += peer_is_live(peer) && peer->name[0] == '\0';
	}
	return count;
}

/* Addresses that are discovered, no address of this machine, and nobody who is probed or to be
 * probed, nor a twin of one. */
static uint64_t peers_known(const struct exposition *exposition)
{
	const struct directory *directory = exposition->directory;
	const struct peers *peers = exposition->peers;
	uint64_t in_slots = (uint64_t)peers_count(peers, PEER_PROBED) +
			    peers_count(peers, PEER_RESOLVING) + peers_count(peers, PEER_TWIN) -
			    peers_lingering(peers);
	uint64_t others = 0;

	for (uint32_t index = 0; index < directory_top(directory); index++) {
		const struct directory_entry *entry = directory_get(directory, index);

		others += entry->sources != 0 && !entry->own;
	}
	return others > in_slots ? others - in_slots : 0;
}

/* All in one row: they are counted at one instant. */
void family_write_peers(const struct family *family, const struct exposition *exposition,
			uint32_t row, struct text *text)
{
	const struct peers *peers = exposition->peers;

	(void)row;
	row_write_count(family, text, "{state=\"", "discovered",
			directory_count(exposition->directory));
	row_write_count(family, text, "{state=\"", "probed", peers_count(peers, PEER_PROBED));
	row_write_count(family, text, "{state=\"", "known", peers_known(exposition));
	row_write_count(family, text, "{state=\"", "lingering", peers_lingering(peers));
	row_write_count(family, text, "{state=\"", "unnamed", peers_unnamed(peers));
	row_write_count(family, text, "{state=\"", "twin", peers_count(peers, PEER_TWIN));
}

void family_write_peers_surplus(const struct family *family, const struct exposition *exposition,
				uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, "{limit=\"", "peers.max",
			directory_surplus(exposition->directory));
	row_write_count(family, text, "{limit=\"", "probe.max", peers_surplus(exposition->peers));
}

void family_write_node_info(const struct family *family, const struct exposition *exposition,
			    uint32_t row, struct text *text)
{
	(void)row;
	text_append(text, family->name);
	row_append_label(text, "{node=\"", exposition->node_name);
	row_append_label(text, ",zone=\"", exposition->node_zone);
	text_append(text, "} 1\n");
}

void family_write_build_info(const struct family *family, const struct exposition *exposition,
			     uint32_t row, struct text *text)
{
	(void)row;
	text_append(text, family->name);
	row_append_label(text, "{version=\"", exposition->version);
	row_append_label(text, ",revision=\"", exposition->revision);
	text_append(text, "} 1\n");
}

static void append_attached(const struct family *family, struct text *text,
			    const char *interface_name, const char *direction, uint32_t mode,
			    bool attached)
{
	text_append(text, family->name);
	row_append_label(text, "{interface=\"", interface_name);
	row_append_label(text, ",direction=\"", direction);
	row_append_label(text, ",mode=\"", hook_mode_name(mode));
	row_append_count(text, "} ", attached);
}

/* While peers are routed anew, a device that was made again stands beside its predecessor. */
static bool is_succeeded(const struct interfaces *interfaces, const struct interface *interface)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *other = interfaces_get(interfaces, i);

		if (other->ifindex > interface->ifindex && other->peers > 0 &&
		    strcmp(other->name, interface->name) == 0)
			return true;
	}
	return false;
}

void family_write_attached(const struct family *family, const struct exposition *exposition,
			   uint32_t row, struct text *text)
{
	const struct interface *interface = interfaces_get(exposition->interfaces, row);

	if (interface->ifindex == 0 || interface->peers == 0 ||
	    is_succeeded(exposition->interfaces, interface))
		return;
	append_attached(family, text, interface->name, "egress", interface->egress.mode,
			interface_egress_attached(interface));
	append_attached(family, text, interface->name, "ingress", interface->ingress.mode,
			interface_ingress_attached(interface));
}
