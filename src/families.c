/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics: one table of families, and the plain ways in which a row gets its values (those that
 * have labels, or are looked for: families_*.c). Reads live memory: all of it is this thread's own
 * but kc_counters, which the kernel half writes. Must not know blocks, nor formats.
 */
#include "families.h"

#include <assert.h>

#include "reasons.h"

void metric_add_label(struct metric *metric, const char *name, const char *value)
{
	assert(metric->label_count < METRIC_LABELS);
	metric->labels[metric->label_count++] = (struct metric_label){ name, value };
}

void sink_write(const struct metric_sink *sink, const struct metric *metric)
{
	sink->encoder->write(sink->family, metric, sink->text);
}

void sink_write_value(const struct metric_sink *sink, const struct exposition *exposition,
		      const char *label, const char *label_value, uint64_t value)
{
	struct metric metric = { .value = value,
				 .start_unix_ns = exposition->process.start_time_unix_ns };

	if (label)
		metric_add_label(&metric, label, label_value);
	sink_write(sink, &metric);
}

uint64_t family_counter(const struct exposition *exposition, size_t offset)
{
	return __atomic_load_n(family_value(exposition->counters, offset), __ATOMIC_RELAXED);
}

/* A uint64_t of struct exposition. */
static void write_value(const struct family *family, const struct exposition *exposition,
			uint32_t row, const struct metric_sink *sink)
{
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, *family_value(exposition, family->offset));
}

/* A uint64_t that a pointer of struct exposition leads to. */
static void write_total(const struct family *family, const struct exposition *exposition,
			uint32_t row, const struct metric_sink *sink)
{
	const char *field = (const char *)exposition + family->offset;

	(void)row;
	sink_write_value(sink, exposition, NULL, NULL,
			 **(const uint64_t *const *)(const void *)field);
}

/* A uint64_t of struct discovery_totals, of DNS. */
static void write_dns(const struct family *family, const struct exposition *exposition,
		      uint32_t row, const struct metric_sink *sink)
{
	(void)row;
	sink_write_value(sink, exposition, "source", "dns",
			 *family_value(exposition->dns, family->offset));
}

static void write_in_flight(const struct family *family, const struct exposition *exposition,
			    uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL,
			 exposition->in_flight(exposition->in_flight_ctx));
}

static void write_reload_last_ok(const struct family *family, const struct exposition *exposition,
				 uint32_t row, const struct metric_sink *sink)
{
	(void)family;
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, *exposition->reload_last_ok != 0);
}

/* One of struct kc_counters. */
static void write_counter(const struct family *family, const struct exposition *exposition,
			  uint32_t row, const struct metric_sink *sink)
{
	(void)row;
	sink_write_value(sink, exposition, NULL, NULL, family_counter(exposition, family->offset));
}

/* Name, help, and of which type; where the writers find a value. */
#define COUNTER(name, help)                                \
	{                                                  \
		name, help, METRIC_COUNTER, METRIC_NO_UNIT \
	}
#define COUNTER_IN(unit, name, help)             \
	{                                        \
		name, help, METRIC_COUNTER, unit \
	}
#define GAUGE(name, help)                                \
	{                                                \
		name, help, METRIC_GAUGE, METRIC_NO_UNIT \
	}
#define GAUGE_IN(unit, name, help)             \
	{                                      \
		name, help, METRIC_GAUGE, unit \
	}
#define HISTOGRAM(name, help)                                \
	{                                                    \
		name, help, METRIC_HISTOGRAM, METRIC_SECONDS \
	}

#define OF_PEER(field) \
	FAMILY_ROW_PER_PEER, family_write_peer_value, offsetof(struct peer_stats, field)
#define OF_ZONE(field) \
	FAMILY_ROW_PER_ZONE, family_write_zone_value, offsetof(struct peer_stats, field)
#define TOTAL(field)  1, write_total, offsetof(struct exposition, field)
#define KERNEL(field) 1, write_counter, offsetof(struct kc_counters, field)
#define VALUE(field)  1, write_value, offsetof(struct exposition, field)
#define DNS(field)    1, write_dns, offsetof(struct discovery_totals, field)
#define SCRAPE(field) 1, family_write_scrape, offsetof(struct scrape_totals, field)

const struct family families[] = {
	{ HISTOGRAM("kube_canary_rtt_seconds", "Round-trip time between kernel stamps."),
	  FAMILY_ROW_PER_PEER, family_write_peer_rtt, 0 },
	{ COUNTER_IN(
		  METRIC_SECONDS, "kube_canary_rtt_variation_seconds_total",
		  "Sum of differences between consecutive round-trip times of a flow (RFC 3393)."),
	  OF_PEER(variation_sum_ns) },
	{ COUNTER("kube_canary_probes_sent_total", "Probes sent."), OF_PEER(sent) },
	{ COUNTER("kube_canary_probes_returned_total", "Probes answered within the timeout."),
	  OF_PEER(returned) },
	/* Read before what they are a part of: a scrape never shows more of them than lost. */
	{ COUNTER("kube_canary_probes_lost_forward_total",
		  "Lost probes known not to have reached the peer's reflector."),
	  OF_PEER(lost_forward) },
	{ COUNTER("kube_canary_probes_lost_backward_total",
		  "Lost probes known to have been answered by the peer's reflector."),
	  OF_PEER(lost_backward) },
	{ COUNTER("kube_canary_probes_lost_total", "Probes not answered within the timeout."),
	  OF_PEER(lost) },
	{ COUNTER("kube_canary_probes_refused_total", "Probes refused by the peer's host."),
	  OF_PEER(refused) },
	{ COUNTER("kube_canary_probes_late_total", "Lost probes answered within one more timeout."),
	  OF_PEER(late) },
	{ COUNTER("kube_canary_probes_duplicate_total", "Replies beyond the first of a probe."),
	  OF_PEER(duplicate) },
	{ COUNTER("kube_canary_probes_reordered_total",
		  "Probes answered after a later one (RFC 4737)."),
	  OF_PEER(reordered) },
	{ GAUGE("kube_canary_probes_in_flight", "Probes without a verdict yet."), 1,
	  write_in_flight, 0 },
	{ COUNTER("kube_canary_probes_unstamped_total",
		  "Probes of which a kernel stamp is missing."),
	  OF_PEER(unstamped) },
	{ COUNTER("kube_canary_samples_dropped_total",
		  "Probes returned without a round-trip time: ring full."),
	  OF_PEER(dropped) },
	{ HISTOGRAM("kube_canary_zone_rtt_seconds",
		    "Of all peers of a zone: round-trip time between kernel stamps."),
	  FAMILY_ROW_PER_ZONE, family_write_zone_rtt, 0 },
	{ COUNTER_IN(METRIC_SECONDS, "kube_canary_zone_rtt_variation_seconds_total",
		     "Of all peers of a zone: sum of differences between consecutive round-trip "
		     "times of a flow (RFC 3393)."),
	  OF_ZONE(variation_sum_ns) },
	{ COUNTER("kube_canary_zone_probes_sent_total",
		  "Of all peers of a zone: probes sent that have their verdict."),
	  OF_ZONE(sent) },
	{ COUNTER("kube_canary_zone_probes_returned_total",
		  "Of all peers of a zone: probes answered within the timeout."),
	  OF_ZONE(returned) },
	{ COUNTER("kube_canary_zone_probes_lost_forward_total",
		  "Of all peers of a zone: lost probes known not to have reached the peer's "
		  "reflector."),
	  OF_ZONE(lost_forward) },
	{ COUNTER("kube_canary_zone_probes_lost_backward_total",
		  "Of all peers of a zone: lost probes known to have been answered by the peer's "
		  "reflector."),
	  OF_ZONE(lost_backward) },
	{ COUNTER("kube_canary_zone_probes_lost_total",
		  "Of all peers of a zone: probes not answered within the timeout."),
	  OF_ZONE(lost) },
	{ COUNTER("kube_canary_zone_probes_refused_total",
		  "Of all peers of a zone: probes refused by the peer's host."),
	  OF_ZONE(refused) },
	{ COUNTER("kube_canary_zone_probes_late_total",
		  "Of all peers of a zone: lost probes answered within one more timeout."),
	  OF_ZONE(late) },
	{ COUNTER("kube_canary_zone_probes_duplicate_total",
		  "Of all peers of a zone: replies beyond the first of a probe."),
	  OF_ZONE(duplicate) },
	{ COUNTER("kube_canary_zone_probes_reordered_total",
		  "Of all peers of a zone: probes answered after a later one (RFC 4737)."),
	  OF_ZONE(reordered) },
	{ COUNTER("kube_canary_zone_probes_unstamped_total",
		  "Of all peers of a zone: probes of which a kernel stamp is missing."),
	  OF_ZONE(unstamped) },
	{ COUNTER("kube_canary_zone_samples_dropped_total",
		  "Of all peers of a zone: probes returned without a round-trip time: ring full."),
	  OF_ZONE(dropped) },
	{ COUNTER("kube_canary_replies_rejected_total", "Replies that were not accepted."),
	  FAMILY_REJECTIONS, family_write_rejected, 0 },
	{ COUNTER("kube_canary_refusals_rejected_total",
		  "ICMP port unreachables that quote no probe in flight, or come from somebody "
		  "else."),
	  TOTAL(refusals_rejected) },
	{ COUNTER("kube_canary_arrivals_stamped_total",
		  "Replies whose arrival is the kernel's own stamp, which some socket of the host "
		  "asks for: their round-trip time is some microseconds less."),
	  KERNEL(arrivals_stamped) },
	{ COUNTER("kube_canary_send_errors_total", "Probes that could not be sent."), SEND_ERRORS,
	  family_write_send_error, 0 },
	{ COUNTER("kube_canary_reflected_total", "Probes of peers that we answered."),
	  KERNEL(reflected) },
	{ COUNTER("kube_canary_reflect_refused_total",
		  "Packets to the reflector's port that were left unanswered."),
	  REASONS_REFUSED, family_write_reflect_refused, 0 },
	{ COUNTER("kube_canary_identities_refused_total",
		  "Names that peers gave themselves and that were refused."),
	  1, family_write_identities_refused, 0 },
	{ GAUGE("kube_canary_peers", "Peers by state."), 1, family_write_peers, 0 },
	{ GAUGE("kube_canary_peers_surplus", "What is beyond a limit, and left out."), 1,
	  family_write_peers_surplus, 0 },
	{ GAUGE("kube_canary_peer_info", "Who a peer is."), FAMILY_ROW_PER_PEER,
	  family_write_peer_info, 0 },
	{ GAUGE("kube_canary_node_info", "Who this node is."), 1, family_write_node_info, 0 },
	{ GAUGE("kube_canary_timestamps_info", "Who stamps the packets."), 1,
	  family_write_timestamps_info, 0 },
	{ GAUGE("kube_canary_attached", "Whether the stamping program, or in its place our socket, "
					"stamps there and works."),
	  INTERFACE_CAPACITY, family_write_attached, 0 },
	{ COUNTER("kube_canary_capacity_exceeded_total",
		  "What found no place: addresses, interfaces, records in the ring, names, zones."),
	  1, family_write_capacity_exceeded, 0 },
	{ HISTOGRAM("kube_canary_loop_delay_seconds", "How late the event loop woke."), 1,
	  family_write_loop_delay, 0 },
	{ GAUGE_IN(METRIC_BYTES, "kube_canary_ring_bytes",
		   "Capacity of the ring buffer between the kernel half and us."),
	  1, family_write_ring_bytes, 0 },
	{ GAUGE_IN(METRIC_BYTES, "kube_canary_ring_filled_bytes",
		   "The most that the ring buffer held in the last minute or two."),
	  1, family_write_ring_filled_bytes, 0 },
	{ GAUGE("kube_canary_map_entries", "Entries of a map that peers take up."), 1,
	  family_write_map_entries, 0 },
	{ GAUGE("kube_canary_map_max_entries", "Entries that a map has room for."), 1,
	  family_write_map_max_entries, 0 },
	{ GAUGE("kube_canary_clock_synchronised",
		"Whether the wall clock is synchronised, by the word of the kernel."),
	  1, family_write_clock_synchronised, 0 },
	{ COUNTER("kube_canary_scrapes_total", "Scrapes that were sent to their end."),
	  SCRAPE(count) },
	{ COUNTER("kube_canary_scrapes_refused_total",
		  "Scrapes refused since too many were under way."),
	  SCRAPE(refused) },
	{ COUNTER_IN(METRIC_BYTES, "kube_canary_scrape_bytes_total",
		     "Octets sent in scrapes, after compression."),
	  SCRAPE(bytes) },
	{ GAUGE_IN(METRIC_SECONDS, "kube_canary_scrape_duration_seconds",
		   "Processor time that producing the last scrape took."),
	  SCRAPE(last_busy_ns) },
	{ GAUGE("kube_canary_config_last_reload_successful",
		"Whether the last read of the peers file succeeded."),
	  1, write_reload_last_ok, 0 },
	{ GAUGE_IN(METRIC_WHOLE_SECONDS, "kube_canary_config_last_reload_success_timestamp_seconds",
		   "When the peers file was last read."),
	  TOTAL(reload_success_unix_seconds) },
	{ COUNTER("kube_canary_config_reload_failures_total", "Peers files refused."),
	  TOTAL(reload_failures) },
	{ GAUGE("kube_canary_discovery_addresses", "Addresses that a source names."),
	  DNS(addresses) },
	{ COUNTER("kube_canary_discovery_failures_total",
		  "Questions to a source that gave nothing new to go by."),
	  DNS(failures) },
	{ GAUGE_IN(METRIC_WHOLE_SECONDS, "kube_canary_discovery_last_success_timestamp_seconds",
		   "When a source last answered."),
	  DNS(success_unix_seconds) },
	{ COUNTER("kube_canary_discovery_refused_total",
		  "Addresses from a source that are no host's."),
	  DNS(refused) },
	{ GAUGE("kube_canary_build_info", "What is running."), 1, family_write_build_info, 0 },
	{ COUNTER_IN(METRIC_SECONDS, "process_cpu_seconds_total", "Processor time used."),
	  VALUE(process.cpu_ns) },
	{ GAUGE_IN(METRIC_SECONDS, "process_start_time_seconds", "When the process started."),
	  VALUE(process.start_time_unix_ns) },
	{ GAUGE_IN(METRIC_BYTES, "process_resident_memory_bytes", "Resident memory."),
	  VALUE(process.resident_bytes) },
	{ GAUGE_IN(METRIC_BYTES, "process_virtual_memory_bytes", "Virtual memory."),
	  VALUE(process.virtual_bytes) },
	{ GAUGE("process_open_fds", "Open file descriptors."), VALUE(process.open_fds) },
	{ GAUGE("process_max_fds", "Limit of open file descriptors."), VALUE(process.max_fds) },
	{ GAUGE("process_threads", "Threads."), VALUE(process.threads) },
};

const uint32_t families_count = sizeof(families) / sizeof(families[0]);
