/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the cells of the table by their kind. Must not know which columns there are.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "native.h"
#include "top_columns.h"

#define LEVELS 8

const char *top_health_colour(enum top_health health)
{
	static const char *const colours[TOP_HEALTHS] = {
		[TOP_HEALTH_OK] = TOP_GREEN,	[TOP_HEALTH_UNKNOWN] = TOP_CYAN,
		[TOP_HEALTH_LOST] = TOP_RED,	[TOP_HEALTH_DEGRADED] = TOP_YELLOW,
		[TOP_HEALTH_REFUSED] = TOP_RED,
	};

	return colours[health];
}

/* As on the status page. */
const char *top_health_mark(enum top_health health, struct top_style style)
{
	static const char *const marks[TOP_HEALTHS][2] = {
		[TOP_HEALTH_OK] = { ".", "\xe2\x97\x8f" },
		[TOP_HEALTH_UNKNOWN] = { "?", "?" },
		[TOP_HEALTH_LOST] = { "X", "\xe2\x9c\x95" },
		[TOP_HEALTH_DEGRADED] = { "!", "\xe2\x96\xb2" },
		[TOP_HEALTH_REFUSED] = { "/", "\xe2\x8a\x98" },
	};

	return marks[health][style.utf8];
}

double top_bin_seconds(unsigned int bin)
{
	if (bin == 0)
		return NATIVE_ZERO_SECONDS;
	return (double)native_bound_ns(bin * TOP_SHAPE_STEP - 1) / 1e9;
}

static const char *bar(unsigned int level, struct top_style style)
{
	static const char *const bars[LEVELS + 1][2] = {
		{ " ", " " },
		{ ".", "\xe2\x96\x81" },
		{ ":", "\xe2\x96\x82" },
		{ "-", "\xe2\x96\x83" },
		{ "=", "\xe2\x96\x84" },
		{ "+", "\xe2\x96\x85" },
		{ "*", "\xe2\x96\x86" },
		{ "#", "\xe2\x96\x87" },
		{ "@", "\xe2\x96\x88" },
	};

	return bars[level][style.utf8];
}

/* One column has one bin or several; what holds anything at all is seen. */
static void write_shape(const struct top_peer *peer, const struct top_scale *scale,
			unsigned int width, struct text *text, struct top_style style)
{
	unsigned int bins = scale->last - scale->first + 1;
	uint64_t sums[TOP_SHAPE_BINS] = { 0 };
	unsigned int columns = width < bins ? width : bins;
	uint64_t most = 0;

	if (scale->first > scale->last) {
		top_text_spaces(text, width);
		return;
	}
	for (unsigned int bin = scale->first; bin <= scale->last; bin++) {
		uint64_t *sum = &sums[(bin - scale->first) * columns / bins];

		*sum += peer->shape[bin];
		most = most > *sum ? most : *sum;
	}
	top_text_colour(text, TOP_CYAN, style);
	for (unsigned int i = 0; i < columns; i++) {
		uint64_t level = sums[i] ? 1 + sums[i] * (LEVELS - 1) / most : 0;

		text_append(text, bar((unsigned int)level, style));
	}
	top_text_colour(text, TOP_PLAIN, style);
	top_text_spaces(text, width - columns);
}

static void write_flows(const struct top_peer *peer, unsigned int width, struct text *text,
			struct top_style style)
{
	const struct top_flow *lossy = NULL;
	char words[TOP_NUMBER_CAPACITY];

	for (uint32_t i = 0; i < peer->flow_count; i++) {
		const struct top_flow *flow = &peer->flows[i];

		if (flow->stands_out && (!lossy || flow->lost_recent > lossy->lost_recent))
			lossy = flow;
	}
	if (lossy && lossy->source_port < 65536 && lossy->lost_recent <= 100)
		snprintf(words, sizeof(words), "%.0f:%.0f%%", lossy->source_port,
			 lossy->lost_recent);
	else
		snprintf(words, sizeof(words), "%u", peer->flow_count ? peer->flow_count : 1);
	if (lossy)
		top_text_colour(text, TOP_YELLOW, style);
	top_text_cell(text, words, width, TOP_LEFT, style);
	if (lossy)
		top_text_colour(text, TOP_PLAIN, style);
}

static void write_hops(const struct top_cell *cell, unsigned int width, struct text *text,
		       struct top_style style)
{
	double limits[] = { cell->peer->hop_limit_probe, cell->peer->hop_limit_reply };
	char words[TOP_NUMBER_CAPACITY] = "";
	size_t used = 0;

	for (int i = 0; i < 2; i++) {
		double limit = limits[i];

		used += (size_t)snprintf(words + used, sizeof(words) - used, i ? "/" : "");
		if (limit > 0 && limit <= 255)
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%.0f",
						 (limit > 128  ? 255
						  : limit > 64 ? 128
							       : 64) -
							 limit);
		else
			used += (size_t)snprintf(words + used, sizeof(words) - used, "?");
	}
	top_text_cell(text, isnan(limits[1]) ? "-" : words, width, TOP_RIGHT, style);
}

/* What is lost is in the colour of its peer. */
static void write_share(const struct top_cell *cell, double value, unsigned int width,
			struct text *text, struct top_style style)
{
	char words[TOP_NUMBER_CAPACITY];
	bool coloured = value > 0 && cell->peer->health != TOP_HEALTH_OK;

	top_text_share(words, value, style);
	if (coloured)
		top_text_colour(text, top_health_colour(cell->peer->health), style);
	top_text_cell(text, words, width, TOP_RIGHT, style);
	if (coloured)
		top_text_colour(text, TOP_PLAIN, style);
}

void top_column_write(const struct top_column *column, const struct top_cell *cell,
		      const struct top_scale *scale, unsigned int width, struct text *text,
		      struct top_style style)
{
	char words[TOP_NUMBER_CAPACITY];

	switch (column->kind) {
	case TOP_KIND_MARK:
		top_text_colour(text, top_health_colour(cell->peer->health), style);
		text_append(text, top_health_mark(cell->peer->health, style));
		top_text_colour(text, TOP_PLAIN, style);
		break;
	case TOP_KIND_TEXT:
		top_text_cell(text, column->words(cell), width, TOP_LEFT, style);
		break;
	case TOP_KIND_COUNT:
		top_text_count(words, column->number(cell), style);
		top_text_cell(text, words, width, TOP_RIGHT, style);
		break;
	case TOP_KIND_DURATION:
		top_text_duration(words, column->number(cell), style);
		top_text_cell(text, words, width, TOP_RIGHT, style);
		break;
	case TOP_KIND_SHARE:
		write_share(cell, column->number(cell), width, text, style);
		break;
	case TOP_KIND_HOPS:
		write_hops(cell, width, text, style);
		break;
	case TOP_KIND_SHAPE:
		write_shape(cell->peer, scale, width, text, style);
		break;
	case TOP_KIND_FLOWS:
		write_flows(cell->peer, width, text, style);
		break;
	}
}

/* The ends of the scale, where there is room for them. */
static bool write_scale(const struct top_scale *scale, unsigned int width, struct text *text,
			struct top_style style)
{
	char low[TOP_NUMBER_CAPACITY], high[TOP_NUMBER_CAPACITY];
	unsigned int bins = scale->last - scale->first + 1;
	unsigned int used = width < bins ? width : bins;

	if (scale->first > scale->last)
		return false;
	top_text_duration(low, scale->first ? top_bin_seconds(scale->first - 1) : 0, style);
	top_text_duration(high, top_bin_seconds(scale->last), style);
	if (used < top_text_width(low, style) + top_text_width(high, style) + 1)
		return false;
	top_text_append(text, low, style);
	top_text_cell(text, high, used - top_text_width(low, style), TOP_RIGHT, style);
	top_text_spaces(text, width - used);
	return true;
}

void top_column_write_title(const struct top_column *column, const struct top_scale *scale,
			    unsigned int width, const char *arrow, struct text *text,
			    struct top_style style)
{
	char words[32];
	bool left = column->kind == TOP_KIND_TEXT || column->kind == TOP_KIND_MARK ||
		    column->kind == TOP_KIND_SHAPE || column->kind == TOP_KIND_FLOWS;

	if (column->kind == TOP_KIND_SHAPE && !*arrow && write_scale(scale, width, text, style))
		return;
	snprintf(words, sizeof(words), "%s%s", column->title, arrow);
	top_text_cell(text, words, width, left ? TOP_LEFT : TOP_RIGHT, style);
}

unsigned int top_column_needs(const struct top_column *column, const struct top_cell *cell,
			      struct top_style style)
{
	if (column->kind != TOP_KIND_TEXT)
		return column->width_max;
	return (unsigned int)top_text_width(column->words(cell), style);
}
