/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of our own health: the loop, the ring, the maps, the clock, the scrapes. Must not know a
 * format.
 */
#include "families.h"

#include <string.h>

void family_write_loop_delay(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink)
{
	const struct delay_histogram *delay = exposition->loop_delay;
	struct metric_histogram histogram = { .sum_ns = delay->sum_ns };
	const struct metric metric = { .histogram = &histogram,
				       .start_unix_ns = exposition->process.start_time_unix_ns };

	(void)family;
	(void)row;
	memcpy(histogram.classic, delay->buckets, sizeof(histogram.classic));
	sink_write(sink, &metric);
}

void family_write_scrape(const struct family *family, const struct exposition *exposition,
			 uint32_t row, const struct metric_sink *sink)
{
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL,
			 *family_value(exposition->scrapes, family->offset));
}

void family_write_ring_bytes(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, exposition->ring_bytes);
}

void family_write_ring_filled_bytes(const struct family *family,
				    const struct exposition *exposition, uint32_t row,
				    const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, *exposition->ring_filled_bytes);
}

/* Resting ones included. */
static uint64_t slots_in_use(const struct peers *peers)
{
	return (uint64_t)peers_capacity(peers) - peers_count(peers, PEER_FREE);
}

/* By the names that `bpftool map` knows. Of kc_sessions only the programs know what is in use. */
void family_write_map_entries(const struct family *family, const struct exposition *exposition,
			      uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "map", "kc_addresses",
			 (uint64_t)directory_count(exposition->directory) +
				 peers_lingering(exposition->peers));
	sink_write_value(sink, exposition, "map", "kc_peers", slots_in_use(exposition->peers));
}

void family_write_map_max_entries(const struct family *family, const struct exposition *exposition,
				  uint32_t row, const struct metric_sink *sink)
{
	const struct kernel_shape *shape = exposition->shape;

	(void)family;
	(void)row;
	sink_write_value(sink, exposition, "map", "kc_addresses", shape->address_capacity);
	sink_write_value(sink, exposition, "map", "kc_peers", shape->slots);
	sink_write_value(sink, exposition, "map", "kc_sessions", shape->session_capacity);
}

void family_write_clock_synchronised(const struct family *family,
				     const struct exposition *exposition, uint32_t row,
				     const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, *exposition->clock_synchronised != 0);
}
