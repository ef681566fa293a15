/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of how things stand: peers by state, what is beyond the limits, who we are, where our
 * programs are. Must not know a format.
 */
#include "families.h"

#include <stdbool.h>
#include <string.h>

/* Of those that are live. */
struct live_counts {
	uint64_t unnamed;
	uint64_t unlisted; /* without series of their own */
};

static struct live_counts count_live(const struct exposition *exposition)
{
	struct live_counts counts = { 0 };

	for (uint32_t slot = 0; slot < peers_capacity(exposition->peers); slot++) {
		const struct peer *peer = peers_get(exposition->peers, slot);

		if (!peer_is_live(peer))
			continue;
		counts.unnamed += peer->name[0] == '\0';
		counts.unlisted += !ranking_lists(exposition->ranking, slot);
	}
	return counts;
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
			uint32_t row, const struct metric_sink *sink)
{
	const struct live_counts live = count_live(exposition);
	const struct peers *peers = exposition->peers;

	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "state", "discovered",
			 directory_count(exposition->directory));
	sink_write_value(sink, exposition, "state", "probed", peers_count(peers, PEER_PROBED));
	sink_write_value(sink, exposition, "state", "known", peers_known(exposition));
	sink_write_value(sink, exposition, "state", "lingering", peers_lingering(peers));
	sink_write_value(sink, exposition, "state", "unnamed", live.unnamed);
	sink_write_value(sink, exposition, "state", "twin", peers_count(peers, PEER_TWIN));
	sink_write_value(sink, exposition, "state", "unlisted", live.unlisted);
}

void family_write_peers_surplus(const struct family *family, const struct exposition *exposition,
				uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "limit", "peers.max",
			 directory_surplus(exposition->directory));
	sink_write_value(sink, exposition, "limit", "probe.max", peers_surplus(exposition->peers));
}

/* Constant 1: what is told stands in the labels. */
static void write_info(const struct metric_sink *sink, struct metric_label first,
		       struct metric_label second)
{
	const struct metric metric = { .labels = { first, second }, .label_count = 2, .value = 1 };

	sink_write(sink, &metric);
}

void family_write_node_info(const struct family *family, const struct exposition *exposition,
			    uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	write_info(sink, (struct metric_label){ "node", exposition->node_name },
		   (struct metric_label){ "zone", exposition->node_zone });
}

void family_write_build_info(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	write_info(sink, (struct metric_label){ "version", exposition->version },
		   (struct metric_label){ "revision", exposition->revision });
}

void family_write_timestamps_info(const struct family *family, const struct exposition *exposition,
				  uint32_t row, const struct metric_sink *sink)
{
	struct metric metric = { .value = 1 };

	(void)family;
	(void)row;
	metric_add_label(&metric, "timestamps", exposition->timestamps);
	sink_write(sink, &metric);
}

static void write_direction(const struct metric_sink *sink, const char *interface_name,
			    const char *direction, uint32_t mode, bool attached)
{
	struct metric metric = { .value = attached };

	metric_add_label(&metric, "interface", interface_name);
	metric_add_label(&metric, "direction", direction);
	metric_add_label(&metric, "mode", hook_mode_name(mode));
	sink_write(sink, &metric);
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
			   uint32_t row, const struct metric_sink *sink)
{
	const struct interface *interface = interfaces_get(exposition->interfaces, row);

	(void)family;
	if (interface->ifindex == 0 || interface->peers == 0 ||
	    is_succeeded(exposition->interfaces, interface))
		return;
	write_direction(sink, interface->name, "egress", interface->egress.mode,
			interface_egress_attached(interface));
	write_direction(sink, interface->name, "ingress", interface->ingress.mode,
			interface_ingress_attached(interface));
}
