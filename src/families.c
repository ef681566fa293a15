/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics: one table of families, and the plain ways in which a row gets its values (those that
 * have labels: families_*.c). Reads live memory: all of it is this thread's own but kc_counters,
 * which the kernel half writes. Must not know blocks.
 */
#include "families.h"

/* A uint64_t of struct exposition. */
static void write_value(const struct family *family, const struct exposition *exposition,
			uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, NULL, NULL, *family_value(exposition, family->offset));
}

static void write_seconds(const struct family *family, const struct exposition *exposition,
			  uint32_t row, struct text *text)
{
	(void)row;
	row_write_seconds(family, text, NULL, NULL, *family_value(exposition, family->offset));
}

/* A uint64_t that a pointer of struct exposition leads to. */
static void write_total(const struct family *family, const struct exposition *exposition,
			uint32_t row, struct text *text)
{
	const char *field = (const char *)exposition + family->offset;

	(void)row;
	row_write_count(family, text, NULL, NULL, **(const uint64_t *const *)(const void *)field);
}

/* A uint64_t of struct discovery_totals, of DNS. */
static void write_dns(const struct family *family, const struct exposition *exposition,
		      uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, "{source=\"", "dns",
			*family_value(exposition->dns, family->offset));
}

static void write_in_flight(const struct family *family, const struct exposition *exposition,
			    uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, NULL, NULL, exposition->in_flight(exposition->in_flight_ctx));
}

static void write_reload_last_ok(const struct family *family, const struct exposition *exposition,
				 uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, NULL, NULL, *exposition->reload_last_ok != 0);
}

static void write_loop_delay(const struct family *family, const struct exposition *exposition,
			     uint32_t row, struct text *text)
{
	struct row_histogram histogram = { .family = family, .text = text };

	(void)row;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		row_histogram_add(&histogram, exposition->loop_delay->buckets[i]);
	row_histogram_finish(&histogram, exposition->loop_delay->sum_ns);
}

uint64_t family_counter(const struct exposition *exposition, size_t offset)
{
	return __atomic_load_n(family_value(exposition->counters, offset), __ATOMIC_RELAXED);
}

/* One of struct kc_counters. */
static void write_counter(const struct family *family, const struct exposition *exposition,
			  uint32_t row, struct text *text)
{
	(void)row;
	row_write_count(family, text, NULL, NULL, family_counter(exposition, family->offset));
}

/* Where the writers find a value. */
#define OF_PEER(field) \
	FAMILY_ROW_PER_PEER, family_write_peer_count, offsetof(struct peer_stats, field)
#define OF_PEER_SECONDS(field) \
	FAMILY_ROW_PER_PEER, family_write_peer_seconds, offsetof(struct peer_stats, field)
#define TOTAL(field)   1, write_total, offsetof(struct exposition, field)
#define COUNTER(field) 1, write_counter, offsetof(struct kc_counters, field)
#define VALUE(field)   1, write_value, offsetof(struct exposition, field)
#define DNS(field)     1, write_dns, offsetof(struct discovery_totals, field)
#define SECONDS(field) 1, write_seconds, offsetof(struct exposition, field)

const struct family families[] = {
	{ "kube_canary_rtt_seconds", FAMILY_HISTOGRAM, "Round-trip time between kernel stamps.",
	  FAMILY_ROW_PER_PEER, family_write_peer_rtt, 0 },
	{ "kube_canary_rtt_variation_seconds_total", FAMILY_COUNTER,
	  "Sum of differences between consecutive round-trip times of a flow (RFC 3393).",
	  OF_PEER_SECONDS(variation_sum_ns) },
	{ "kube_canary_probes_sent_total", FAMILY_COUNTER, "Probes sent.", OF_PEER(sent) },
	{ "kube_canary_probes_returned_total", FAMILY_COUNTER,
	  "Probes answered within the timeout.", OF_PEER(returned) },
	/* Read before what they are a part of: a scrape never shows more of them than lost. */
	{ "kube_canary_probes_lost_forward_total", FAMILY_COUNTER,
	  "Lost probes known not to have reached the peer's reflector.", OF_PEER(lost_forward) },
	{ "kube_canary_probes_lost_backward_total", FAMILY_COUNTER,
	  "Lost probes known to have been answered by the peer's reflector.",
	  OF_PEER(lost_backward) },
	{ "kube_canary_probes_lost_total", FAMILY_COUNTER,
	  "Probes not answered within the timeout.", OF_PEER(lost) },
	{ "kube_canary_probes_refused_total", FAMILY_COUNTER, "Probes refused by the peer's host.",
	  OF_PEER(refused) },
	{ "kube_canary_probes_late_total", FAMILY_COUNTER,
	  "Lost probes answered within one more timeout.", OF_PEER(late) },
	{ "kube_canary_probes_duplicate_total", FAMILY_COUNTER,
	  "Replies beyond the first of a probe.", OF_PEER(duplicate) },
	{ "kube_canary_probes_reordered_total", FAMILY_COUNTER,
	  "Probes answered after a later one (RFC 4737).", OF_PEER(reordered) },
	{ "kube_canary_probes_in_flight", FAMILY_GAUGE, "Probes without a verdict yet.", 1,
	  write_in_flight, 0 },
	{ "kube_canary_probes_unstamped_total", FAMILY_COUNTER,
	  "Probes of which a kernel stamp is missing.", OF_PEER(unstamped) },
	{ "kube_canary_samples_dropped_total", FAMILY_COUNTER,
	  "Probes returned without a round-trip time: ring full.", OF_PEER(dropped) },
	{ "kube_canary_replies_rejected_total", FAMILY_COUNTER, "Replies that were not accepted.",
	  FAMILY_REJECTIONS, family_write_rejected, 0 },
	{ "kube_canary_refusals_rejected_total", FAMILY_COUNTER,
	  "ICMP port unreachables that quote no probe in flight, or come from somebody else.",
	  TOTAL(refusals_rejected) },
	{ "kube_canary_send_errors_total", FAMILY_COUNTER, "Probes that could not be sent.",
	  SEND_ERRORS, family_write_send_error, 0 },
	{ "kube_canary_reflected_total", FAMILY_COUNTER, "Probes of peers that we answered.",
	  COUNTER(reflected) },
	{ "kube_canary_reflect_refused_total", FAMILY_COUNTER,
	  "Packets to the reflector's port that were left unanswered.", FAMILY_REFUSALS,
	  family_write_reflect_refused, 0 },
	{ "kube_canary_identities_refused_total", FAMILY_COUNTER,
	  "Names that peers gave themselves and that were refused.", 1,
	  family_write_identities_refused, 0 },
	{ "kube_canary_peers", FAMILY_GAUGE, "Peers by state.", 1, family_write_peers, 0 },
	{ "kube_canary_peers_surplus", FAMILY_GAUGE, "What is beyond a limit, and left out.", 1,
	  family_write_peers_surplus, 0 },
	{ "kube_canary_peer_info", FAMILY_GAUGE, "Who a peer is.", FAMILY_ROW_PER_PEER,
	  family_write_peer_info, 0 },
	{ "kube_canary_node_info", FAMILY_GAUGE, "Who this node is.", 1, family_write_node_info,
	  0 },
	{ "kube_canary_attached", FAMILY_GAUGE,
	  "Whether the stamping program is in place and works.", INTERFACE_CAPACITY,
	  family_write_attached, 0 },
	{ "kube_canary_capacity_exceeded_total", FAMILY_COUNTER,
	  "What found no place: addresses, interfaces, records in the ring, names, zones.", 1,
	  family_write_capacity_exceeded, 0 },
	{ "kube_canary_loop_delay_seconds", FAMILY_HISTOGRAM, "How late the event loop woke.", 1,
	  write_loop_delay, 0 },
	{ "kube_canary_config_last_reload_successful", FAMILY_GAUGE,
	  "Whether the last read of the peers file succeeded.", 1, write_reload_last_ok, 0 },
	{ "kube_canary_config_last_reload_success_timestamp_seconds", FAMILY_GAUGE,
	  "When the peers file was last read.", TOTAL(reload_success_unix_seconds) },
	{ "kube_canary_config_reload_failures_total", FAMILY_COUNTER, "Peers files refused.",
	  TOTAL(reload_failures) },
	{ "kube_canary_discovery_addresses", FAMILY_GAUGE, "Addresses that a source names.",
	  DNS(addresses) },
	{ "kube_canary_discovery_failures_total", FAMILY_COUNTER,
	  "Questions to a source that gave nothing new to go by.", DNS(failures) },
	{ "kube_canary_discovery_last_success_timestamp_seconds", FAMILY_GAUGE,
	  "When a source last answered.", DNS(success_unix_seconds) },
	{ "kube_canary_discovery_refused_total", FAMILY_COUNTER,
	  "Addresses from a source that are no host's.", DNS(refused) },
	{ "kube_canary_build_info", FAMILY_GAUGE, "What is running.", 1, family_write_build_info,
	  0 },
	{ "process_cpu_seconds_total", FAMILY_COUNTER, "Processor time used.",
	  SECONDS(process.cpu_ns) },
	{ "process_start_time_seconds", FAMILY_GAUGE, "When the process started.",
	  SECONDS(process.start_time_unix_ns) },
	{ "process_resident_memory_bytes", FAMILY_GAUGE, "Resident memory.",
	  VALUE(process.resident_bytes) },
	{ "process_virtual_memory_bytes", FAMILY_GAUGE, "Virtual memory.",
	  VALUE(process.virtual_bytes) },
	{ "process_open_fds", FAMILY_GAUGE, "Open file descriptors.", VALUE(process.open_fds) },
	{ "process_max_fds", FAMILY_GAUGE, "Limit of open file descriptors.",
	  VALUE(process.max_fds) },
	{ "process_threads", FAMILY_GAUGE, "Threads.", VALUE(process.threads) },
};

const uint32_t families_count = sizeof(families) / sizeof(families[0]);
