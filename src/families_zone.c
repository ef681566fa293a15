/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of families that have one for each zone: of all its peers, whoever of them is listed.
 * Must not know what a value means.
 */
#include "families.h"

#include <string.h>

static struct metric zone_metric(const struct exposition *exposition, const struct zone *zone)
{
	struct metric metric = { .start_unix_ns = exposition->process.start_time_unix_ns };

	metric_add_label(&metric, "peer_zone", zone->name);
	return metric;
}

void family_write_zone_rtt(const struct family *family, const struct exposition *exposition,
			   uint32_t row, const struct metric_sink *sink)
{
	const struct zone *zone = zones_get(exposition->zones, row);
	struct metric metric = zone_metric(exposition, zone);
	struct metric_histogram histogram = { .sum_ns = zone->counts.rtt_sum_ns,
					      .native = &zone->native };

	(void)family;
	memcpy(histogram.classic, zone->buckets, sizeof(histogram.classic));
	metric.histogram = &histogram;
	sink_write(sink, &metric);
}

void family_write_zone_value(const struct family *family, const struct exposition *exposition,
			     uint32_t row, const struct metric_sink *sink)
{
	const struct zone *zone = zones_get(exposition->zones, row);
	struct metric metric = zone_metric(exposition, zone);

	metric.value = *family_value(&zone->counts, family->offset);
	sink_write(sink, &metric);
}
