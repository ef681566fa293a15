/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the exposition: the table of metric families, where a metric more is a row more, and
 * what its writers have in common. families.c owns names, types, units and help; families_state.c
 * the rows of how things stand, families_health.c those of our own health, families_reason.c those
 * of counts told apart by a reason, families_peer.c those of peers, families_zone.c those of zones.
 * None of them knows a format.
 */
#ifndef FAMILIES_H
#define FAMILIES_H

#include <stddef.h>
#include <stdint.h>

#include "exposition.h"
#include "metric.h"
#include "text.h"

/* Instead of a number of rows: one for each slot, or for each zone. */
#define FAMILY_ROW_PER_PEER 0
#define FAMILY_ROW_PER_ZONE UINT32_MAX

/* Where a row puts its metrics. */
struct metric_sink {
	const struct encoder *encoder;
	const struct metric_family *family;
	struct text *text;
};

struct family;
typedef void family_write_fn(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink);

struct family {
	struct metric_family metric;
	uint32_t rows;
	/* May leave out a row that has nothing to say. What a row writes is counted at one instant.
	 */
	family_write_fn *write;
	size_t offset; /* of the value, in the structure that the writer reads */
};

extern const struct family families[];
extern const uint32_t families_count;

/* The uint64_t at this offset of a structure. */
static inline const uint64_t *family_value(const void *structure, size_t offset)
{
	return (const uint64_t *)(const void *)((const char *)structure + offset);
}

/* A counter of the kernel half, at this offset of struct kc_counters, which it goes on counting. */
uint64_t family_counter(const struct exposition *exposition, size_t offset);

/* At most METRIC_LABELS of them; the texts must live until the metric is written. */
void metric_add_label(struct metric *metric, const char *name, const char *value);

void sink_write(const struct metric_sink *sink, const struct metric *metric);
/* A value that began with the process, with at most one label (NULL: none). */
void sink_write_value(const struct metric_sink *sink, const struct exposition *exposition,
		      const char *label, const char *label_value, uint64_t value);

/* Rows for each slot; nothing where no live peer is, or one that is not listed. Values at
 * family->offset are those of struct peer_stats. */
family_write_fn family_write_peer_rtt;
family_write_fn family_write_peer_value;
family_write_fn family_write_peer_info;

/* Rows for each zone, of all its peers; values as above. */
family_write_fn family_write_zone_rtt;
family_write_fn family_write_zone_value;

/* How things stand. */
family_write_fn family_write_peers;
family_write_fn family_write_peers_surplus;
family_write_fn family_write_node_info;
family_write_fn family_write_build_info;
family_write_fn family_write_timestamps_info;
family_write_fn family_write_attached;

/* Our own health; scrape: values at family->offset are those of struct scrape_totals. */
family_write_fn family_write_scrape;
family_write_fn family_write_loop_delay;
family_write_fn family_write_ring_bytes;
family_write_fn family_write_ring_filled_bytes;
family_write_fn family_write_map_entries;
family_write_fn family_write_map_max_entries;
family_write_fn family_write_clock_synchronised;

/* What was refused, or went wrong, by its reason. */
#define FAMILY_REJECTIONS 6
family_write_fn family_write_rejected;
family_write_fn family_write_reflect_refused;
family_write_fn family_write_identities_refused;
family_write_fn family_write_send_error;
family_write_fn family_write_capacity_exceeded;

#endif
