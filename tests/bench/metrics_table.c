/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The README's table of metrics. Names, types and the first sentence are those of the table of
 * families; labels, and the values of those that have few, are what its rows write of the golden
 * state. Only what else a person should know stands here.
 */
#include <stdio.h>
#include <string.h>

#include "families.h"
#include "unit/exposition_world.h"

enum { LABELS_MAX = 8, VALUES_MAX = 16, VALUE_CAPACITY = 32 };

static const struct {
	const char *family;
	const char *note;
} notes[] = {
	{ "kube_canary_rtt_seconds",
	  "Of returned probes whose RTT is known: 5 µs to 1 s in 26 buckets, and where the scraper "
	  "takes protobuf also as a native histogram of schema 3." },
	{ "kube_canary_rtt_variation_seconds_total", "Divide by returned for mean jitter." },
	{ "kube_canary_probes_sent_total", "That is, handed to the kernel." },
	{ "kube_canary_probes_returned_total", "A verdict." },
	{ "kube_canary_probes_lost_forward_total", "See [direction of loss](#direction-of-loss)." },
	{ "kube_canary_probes_lost_backward_total", "Likewise." },
	{ "kube_canary_probes_lost_total", "A verdict." },
	{ "kube_canary_probes_refused_total",
	  "A verdict: it answers that nobody listens (never, with echo probes)." },
	{ "kube_canary_probes_late_total", "They stay lost." },
	{ "kube_canary_probes_in_flight", "So that the sum can be checked." },
	{ "kube_canary_probes_unstamped_total", "A verdict." },
	{ "kube_canary_zone_rtt_seconds",
	  "This and what follows by zone is complete, whichever peers have series of their own; "
	  "`peer_zone` is empty where the zone was not known; sum over all zones for all peers. A "
	  "probe counts with its verdict, where its peer then is." },
	{ "kube_canary_replies_rejected_total",
	  "To our identifier or ports; `residence`: T3 before T2, or T3 − T2 above T4 − T1." },
	{ "kube_canary_refusals_rejected_total",
	  "A firewall on the way that rejects (its probes are lost), or "
	  "[a stranger](#the-reflector)." },
	{ "kube_canary_send_errors_total", "They are in no other counter." },
	{ "kube_canary_reflect_refused_total", "[Why](#the-reflector)." },
	{ "kube_canary_identities_refused_total",
	  "`taken`: another's, or ours; `changing`: the name or zone, within an hour of the last "
	  "change." },
	{ "kube_canary_peers",
	  "`known`: discovered, but answered only, since not in our share of the mesh, or without "
	  "a "
	  "slot; `lingering`: probed, but named by no source any more; `twin`: of the other "
	  "family, "
	  "of a peer that is probed; `unlisted`: probed, but without series of its own "
	  "(`--metrics.per-peer`)." },
	{ "kube_canary_peers_surplus",
	  "Addresses beyond `--peers.max`, peers to be probed beyond `--probe.max`." },
	{ "kube_canary_peer_info", "Always 1; `resolving`: its route is not known yet." },
	{ "kube_canary_node_info", "Always 1." },
	{ "kube_canary_attached",
	  "0 if it is missing, or if of all peers that told anything lately probes stay unstamped "
	  "(egress) or replies come that it does not see (ingress)." },
	{ "kube_canary_timestamps_info",
	  "Always 1. `timestamps` is `bpf`, or `socket` where that [is refused](#without-bpf)." },
	{ "kube_canary_capacity_exceeded_total",
	  "Addresses: peers' and our own; interfaces: routes over more than are followed; names: "
	  "of "
	  "discovered addresses, whose peers say them themselves; zones: beyond 64." },
	{ "kube_canary_loop_delay_seconds",
	  "The delay that exporters with a user-space clock report as latency." },
	{ "kube_canary_map_entries",
	  "`kc_addresses`: of discovered and lingering peers, not our own, which are at most 64." },
	{ "kube_canary_map_max_entries", "By the names that `bpftool map` shows." },
	{ "kube_canary_discovery_addresses", "In the [last good answers](#peers-from-dns)." },
	{ "kube_canary_discovery_failures_total",
	  "Rounds of questions for a name with an error, or without any address." },
	{ "kube_canary_discovery_refused_total", "Such as multicast." },
	{ "kube_canary_build_info", "Always 1." },
};

#define NOTES (sizeof(notes) / sizeof(notes[0]))

/* Labels whose values are ours to choose: they are told, too. */
static const char *const enumerated[] = { "reason", "state", "limit", "what",
					  "source", "probe", "map",   "direction" };

/* What was seen of a label in a family. */
struct seen_label {
	char name[VALUE_CAPACITY];
	unsigned int value_count;
	char values[VALUES_MAX][VALUE_CAPACITY];
};

/* Of the family that is walked over; an encoder has no state of its own. */
static struct {
	unsigned int label_count;
	struct seen_label labels[LABELS_MAX];
} seen;

static struct seen_label *see_label(const char *name)
{
	unsigned int i = 0;

	while (i < seen.label_count && strcmp(seen.labels[i].name, name) != 0)
		i++;
	if (i == seen.label_count) {
		assert_true(i < LABELS_MAX && strlen(name) < VALUE_CAPACITY);
		seen.labels[seen.label_count++] = (struct seen_label){ .value_count = 0 };
		strcpy(seen.labels[i].name, name);
	}
	return &seen.labels[i];
}

static void see_value(struct seen_label *label, const char *value)
{
	for (unsigned int i = 0; i < label->value_count; i++) {
		if (strcmp(label->values[i], value) == 0)
			return;
	}
	assert_true(label->value_count < VALUES_MAX && strlen(value) < VALUE_CAPACITY);
	strcpy(label->values[label->value_count++], value);
}

static void see_metric(const struct metric_family *family, const struct metric *metric,
		       struct text *text)
{
	(void)family;
	(void)text;
	for (uint32_t i = 0; i < metric->label_count; i++)
		see_value(see_label(metric->labels[i].name), metric->labels[i].value);
}

static const struct encoder seer = { .write = see_metric };

static void see_family(const struct exposition *exposition, const struct family *family)
{
	const struct metric_sink sink = { .encoder = &seer, .family = &family->metric };
	uint32_t rows = family->rows;

	seen.label_count = 0;
	if (rows == FAMILY_ROW_PER_PEER)
		rows = peers_capacity(exposition->peers);
	if (rows == FAMILY_ROW_PER_ZONE)
		rows = zones_count(exposition->zones);
	for (uint32_t row = 0; row < rows; row++)
		family->write(family, exposition, row, &sink);
}

static bool is_enumerated(const char *name)
{
	for (size_t i = 0; i < sizeof(enumerated) / sizeof(enumerated[0]); i++) {
		if (strcmp(enumerated[i], name) == 0)
			return true;
	}
	return false;
}

static void print_labels(void)
{
	for (unsigned int i = 0; i < seen.label_count; i++)
		printf("%s%s", i == 0 ? " `{" : ",", seen.labels[i].name);
	if (seen.label_count > 0)
		printf("}`");
}

static void print_values(const struct seen_label *label)
{
	if (!is_enumerated(label->name))
		return;
	printf(" `%s` is", label->name);
	for (unsigned int i = 0; i < label->value_count; i++)
		printf("%s `%s`",
		       i == 0			     ? ""
		       : i + 1 == label->value_count ? " or"
						     : ",",
		       label->values[i]);
	printf(".");
}

static void print_row(const struct metric_family *family)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};

	printf("| `%s` | %s", family->name, types[family->type]);
	print_labels();
	printf(" | %s", family->help);
	for (unsigned int i = 0; i < seen.label_count; i++)
		print_values(&seen.labels[i]);
	for (size_t i = 0; i < NOTES; i++) {
		if (strcmp(notes[i].family, family->name) == 0)
			printf(" %s", notes[i].note);
	}
	printf(" |\n");
}

/* A note on what is not there any more is forgotten else. */
static int check_notes(void)
{
	for (size_t i = 0; i < NOTES; i++) {
		uint32_t family = 0;

		while (family < families_count &&
		       strcmp(families[family].metric.name, notes[i].family) != 0)
			family++;
		if (family == families_count) {
			fprintf(stderr, "metrics_table: no family is called %s\n", notes[i].family);
			return 1;
		}
	}
	return 0;
}

int main(void)
{
	struct world world;

	populate(&world);
	printf("| name | type, labels | meaning |\n|---|---|---|\n");
	for (uint32_t i = 0; i < families_count; i++) {
		see_family(&world.exposition, &families[i]);
		print_row(&families[i].metric);
	}
	world_close(&world);
	return check_notes();
}
