/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of reasons. Must not know where they are shown.
 */
#include "reasons.h"

const struct reason reasons_refused[REASONS_REFUSED] = {
	{ "host", offsetof(struct kc_counters, refused_host) },
	{ "destination", offsetof(struct kc_counters, refused_destination) },
	{ "source", offsetof(struct kc_counters, refused_source) },
	{ "port", offsetof(struct kc_counters, refused_port) },
	{ "loop", offsetof(struct kc_counters, refused_loop) },
	{ "options", offsetof(struct kc_counters, refused_options) },
	{ "length", offsetof(struct kc_counters, refused_length) },
	{ "socket", offsetof(struct kc_counters, refused_socket) },
	{ "checksum", offsetof(struct kc_counters, refused_checksum) },
	{ "rate", offsetof(struct kc_counters, refused_rate) },
	{ "failed", offsetof(struct kc_counters, refused_failed) },
};

uint64_t reason_count(const struct reason *reason, const struct kc_counters *counters)
{
	const char *field = (const char *)counters + reason->offset;

	return __atomic_load_n((const uint64_t *)(const void *)field, __ATOMIC_RELAXED);
}
