/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the formats that tell the unit of a metric share. Must not know what is measured, nor any
 * format's syntax.
 */
#include "metric.h"

#include <string.h>

static bool ends_in(const char *name, size_t length, const char *suffix)
{
	size_t suffix_length = strlen(suffix);

	return length > suffix_length &&
	       memcmp(name + length - suffix_length, suffix, suffix_length) == 0;
}

size_t metric_stem_length(const struct metric_family *family)
{
	static const char suffix[] = "_total";
	size_t length = strlen(family->name);

	if (family->type == METRIC_COUNTER && ends_in(family->name, length, suffix))
		length -= strlen(suffix);
	return length;
}

const char *metric_unit_name(const struct metric_family *family)
{
	static const char *const suffixes[] = {
		[METRIC_SECONDS] = "_seconds",
		[METRIC_WHOLE_SECONDS] = "_seconds",
		[METRIC_BYTES] = "_bytes",
	};
	const char *suffix = suffixes[family->unit];

	if (!suffix || !ends_in(family->name, metric_stem_length(family), suffix))
		return NULL;
	return suffix + 1;
}

uint64_t metric_histogram_count(const struct metric_histogram *histogram)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		count += histogram->classic[i];
	return count;
}
