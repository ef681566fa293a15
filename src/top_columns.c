/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of columns, one for each view, and where their values come from. Must not know how
 * they are written.
 */
#include "top_columns.h"

#include <math.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- values */

#define OF_PEER(member)                                   \
	static double member(const struct top_cell *cell) \
	{                                                 \
		return cell->peer->member;                \
	}

#define WORDS(member)                                                  \
	static const char *words_##member(const struct top_cell *cell) \
	{                                                              \
		return cell->peer->member;                             \
	}

OF_PEER(sent)
OF_PEER(returned)
OF_PEER(lost)
OF_PEER(lost_forward)
OF_PEER(lost_backward)
OF_PEER(lost_undetermined)
OF_PEER(refused)
OF_PEER(unstamped)
OF_PEER(late)
OF_PEER(duplicate)
OF_PEER(reordered)
OF_PEER(loss_recent)
OF_PEER(last)
OF_PEER(min)
OF_PEER(p50)
OF_PEER(p90)
OF_PEER(p99)
OF_PEER(variation)
WORDS(label)
WORDS(address)
WORDS(zone)
WORDS(protocol)
WORDS(state)

static double health(const struct top_cell *cell)
{
	return cell->peer->health;
}

static const char *words_health(const struct top_cell *cell)
{
	return top_health_name(cell->peer->health);
}

static double share_of_judged(const struct top_peer *peer, double count)
{
	double judged = peer->returned + peer->lost;

	return judged > 0 ? count / judged : NAN;
}

static double share_lost(const struct top_cell *cell)
{
	return share_of_judged(cell->peer, cell->peer->lost);
}

static double share_there(const struct top_cell *cell)
{
	return share_of_judged(cell->peer, cell->peer->lost_forward);
}

static double share_back(const struct top_cell *cell)
{
	return share_of_judged(cell->peer, cell->peer->lost_backward);
}

/* Hosts begin with one of three limits, and each router takes one off. */
static double routers(double limit)
{
	if (!(limit > 0 && limit <= 255))
		return NAN;
	return (limit > 128 ? 255 : limit > 64 ? 128 : 64) - limit;
}

static double hops_there(const struct top_cell *cell)
{
	return routers(cell->peer->hop_limit_probe);
}

static double hops_back(const struct top_cell *cell)
{
	return routers(cell->peer->hop_limit_reply);
}

/* How far the tail is from the middle. */
static double spread(const struct top_cell *cell)
{
	return cell->peer->p50 > 0 ? cell->peer->p99 / cell->peer->p50 : NAN;
}

/* What the lossiest flow that stands out has lost of its last hundred. */
static double flows(const struct top_cell *cell)
{
	double worst = 0;

	for (uint32_t i = 0; i < cell->peer->flow_count; i++) {
		const struct top_flow *flow = &cell->peer->flows[i];

		if (flow->stands_out && flow->lost_recent > worst)
			worst = flow->lost_recent;
	}
	return worst;
}

static double flow_port(const struct top_cell *cell)
{
	return cell->flow ? cell->flow->source_port : NAN;
}

static double flow_judged(const struct top_cell *cell)
{
	return cell->flow ? cell->flow->judged : cell->peer->returned + cell->peer->lost;
}

static double flow_lost(const struct top_cell *cell)
{
	return cell->flow ? cell->flow->lost : cell->peer->lost;
}

static double flow_share(const struct top_cell *cell)
{
	double judged = flow_judged(cell);

	return judged > 0 ? flow_lost(cell) / judged : NAN;
}

static double flow_recent(const struct top_cell *cell)
{
	return cell->flow ? cell->flow->lost_recent / 100 : cell->peer->loss_recent;
}

static const char *words_flow(const struct top_cell *cell)
{
	return cell->flow && cell->flow->stands_out ? "stands out" : "";
}

/* --- columns */

#define MARK                                                                    \
	{                                                                       \
		"health", "", NULL, TOP_KIND_MARK, 0, 1, 1, health, NULL, false \
	}
#define HEALTH(priority)                                                                     \
	{                                                                                    \
		"health", "HEALTH", "ok, unknown, degraded, refused or lost", TOP_KIND_TEXT, \
			priority, 8, 8, health, words_health, false                          \
	}
#define PEER(priority)                                                                          \
	{                                                                                       \
		"peer", "PEER", NULL, TOP_KIND_TEXT, priority, 12, 253, NULL, words_label, true \
	}
#define ADDRESS(priority)                                                                        \
	{                                                                                        \
		"address", "ADDRESS", NULL, TOP_KIND_TEXT, priority, 9, 45, NULL, words_address, \
			true                                                                     \
	}
#define ZONE(priority)                                                                       \
	{                                                                                    \
		"zone", "ZONE", NULL, TOP_KIND_TEXT, priority, 6, 63, NULL, words_zone, true \
	}
#define NUMBER(name, title, meaning, kind, priority, width, value)                     \
	{                                                                              \
		name, title, meaning, kind, priority, width, width, value, NULL, false \
	}

static const struct top_column peers_columns[] = {
	MARK,
	PEER(1),
	ADDRESS(20),
	ZONE(6),
	NUMBER("sent", "SENT", "probes sent", TOP_KIND_COUNT, 7, 6, sent),
	NUMBER("loss", "LOSS", "lost of the last 100 probes or so", TOP_KIND_SHARE, 2, 5,
	       loss_recent),
	NUMBER("lost", "LOST", "probes lost since counting began", TOP_KIND_COUNT, 13, 6, lost),
	NUMBER("there", "THERE", "of these on the way there", TOP_KIND_COUNT, 11, 6, lost_forward),
	NUMBER("back", "BACK", "on the way back", TOP_KIND_COUNT, 12, 6, lost_backward),
	NUMBER("last", "LAST", "last round-trip time", TOP_KIND_DURATION, 5, 6, last),
	NUMBER("min", "MIN", "least", TOP_KIND_DURATION, 10, 6, min),
	NUMBER("p50", "P50", "median", TOP_KIND_DURATION, 3, 6, p50),
	NUMBER("p90", "P90", NULL, TOP_KIND_DURATION, 15, 6, p90),
	NUMBER("p99", "P99", "of 100, 99 are no longer", TOP_KIND_DURATION, 4, 6, p99),
	NUMBER("jitter", "JITTER", "mean difference between consecutive ones", TOP_KIND_DURATION, 9,
	       7, variation),
	{ "spread", "SPREAD",
	  "how round-trip times are distributed, on one logarithmic scale for all", TOP_KIND_SHAPE,
	  8, 8, 24, spread, NULL, false },
	{ "hops", "HOPS", "routers on the way there/back", TOP_KIND_HOPS, 16, 5, 5, hops_back, NULL,
	  false },
	HEALTH(14),
	{ "protocol", "PROTO", NULL, TOP_KIND_TEXT, 21, 6, 6, NULL, words_protocol, true },
	{ "state", "STATE", NULL, TOP_KIND_TEXT, 22, 9, 9, NULL, words_state, true },
	{ "flows", "FLOWS", "how many, or the port and loss of one that stands out", TOP_KIND_FLOWS,
	  17, 10, 10, flows, NULL, false },
};

static const struct top_column direction_columns[] = {
	MARK,
	PEER(1),
	ADDRESS(22),
	ZONE(13),
	NUMBER("sent", "SENT", "probes sent", TOP_KIND_COUNT, 7, 6, sent),
	NUMBER("returned", "RETURN", "probes returned", TOP_KIND_COUNT, 14, 7, returned),
	NUMBER("lost", "LOST", "probes lost", TOP_KIND_COUNT, 2, 6, lost),
	NUMBER("lost%", "LOST%", "share of them among those lost or returned", TOP_KIND_SHARE, 10,
	       6, share_lost),
	NUMBER("there", "THERE", "lost on the way there", TOP_KIND_COUNT, 3, 6, lost_forward),
	NUMBER("there%", "THERE%", NULL, TOP_KIND_SHARE, 8, 7, share_there),
	NUMBER("back", "BACK", "lost on the way back", TOP_KIND_COUNT, 4, 6, lost_backward),
	NUMBER("back%", "BACK%", NULL, TOP_KIND_SHARE, 9, 6, share_back),
	NUMBER("unclear", "UNCLEAR", "lost, not known where", TOP_KIND_COUNT, 5, 8,
	       lost_undetermined),
	NUMBER("hops-there", "HOPS>", "routers on the way there", TOP_KIND_COUNT, 11, 6,
	       hops_there),
	NUMBER("hops-back", "HOPS<", "routers on the way back", TOP_KIND_COUNT, 12, 6, hops_back),
	NUMBER("refused", "REFUSED", "a node answered, its canary did not", TOP_KIND_COUNT, 15, 8,
	       refused),
	NUMBER("late", "LATE", "returned after the timeout", TOP_KIND_COUNT, 16, 6, late),
	NUMBER("duplicate", "DUP", "returned more than once", TOP_KIND_COUNT, 17, 6, duplicate),
	NUMBER("reordered", "REORD", "returned after a later one", TOP_KIND_COUNT, 18, 6,
	       reordered),
	NUMBER("unstamped", "UNSTAMP", "without a stamp of the kernel", TOP_KIND_COUNT, 19, 8,
	       unstamped),
	HEALTH(20),
};

static const struct top_column flows_columns[] = {
	MARK,
	PEER(1),
	ADDRESS(8),
	ZONE(7),
	NUMBER("port", "PORT", "source port", TOP_KIND_COUNT, 2, 6, flow_port),
	NUMBER("judged", "JUDGED", "probes returned or lost", TOP_KIND_COUNT, 5, 7, flow_judged),
	NUMBER("lost", "LOST", "probes lost", TOP_KIND_COUNT, 4, 6, flow_lost),
	NUMBER("lost%", "LOST%", "share of them", TOP_KIND_SHARE, 6, 6, flow_share),
	NUMBER("loss", "LOSS", "lost of the last 100", TOP_KIND_SHARE, 3, 5, flow_recent),
	{ "flows", "", NULL, TOP_KIND_TEXT, 4, 1, 26, flow_recent, words_flow, false },
};

static const struct {
	const char *name;
	const struct top_column *columns;
	size_t count;
} views[TOP_VIEWS] = {
	[TOP_VIEW_PEERS] = { "peers", peers_columns, LENGTH(peers_columns) },
	[TOP_VIEW_DIRECTION] = { "direction", direction_columns, LENGTH(direction_columns) },
	[TOP_VIEW_FLOWS] = { "flows", flows_columns, LENGTH(flows_columns) },
};

_Static_assert(LENGTH(peers_columns) <= TOP_COLUMNS_MAX &&
		       LENGTH(direction_columns) <= TOP_COLUMNS_MAX &&
		       LENGTH(flows_columns) <= TOP_COLUMNS_MAX,
	       "the header's");

const char *top_view_name(enum top_view view)
{
	return views[view].name;
}

const struct top_column *top_columns(enum top_view view, size_t *ret_count)
{
	*ret_count = views[view].count;
	return views[view].columns;
}

static int compare_numbers(double a, double b, bool descending)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return descending ? (a < b) - (a > b) : (a > b) - (a < b);
}

/* node-2 comes before node-10; what is empty is not known. */
static int compare_words(const char *a, const char *b, bool descending)
{
	if (!*a || !*b)
		return !*a - !*b;
	return descending ? strverscmp(b, a) : strverscmp(a, b);
}

int top_column_compare(const struct top_column *column, const struct top_cell *a,
		       const struct top_cell *b, bool descending)
{
	if (column->number)
		return compare_numbers(column->number(a), column->number(b), descending);
	return compare_words(column->words(a), column->words(b), descending);
}
