/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the exposition: the table of metric families, where a metric more is a row more, and
 * the syntax in which rows are written. families.c owns names and help, families_state.c the rows
 * of how things stand, families_reason.c those of counts told apart by a reason, families_peer.c
 * those of peers, exposition.c the rest.
 */
#ifndef FAMILIES_H
#define FAMILIES_H

#include <stddef.h>
#include <stdint.h>

#include "exposition.h"
#include "text.h"

enum family_type { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM };

#define FAMILY_ROW_PER_PEER 0

struct family;
typedef void family_write_fn(const struct family *family, const struct exposition *exposition,
			     uint32_t row, struct text *text);

struct family {
	const char *name;
	enum family_type type;
	const char *help;
	uint32_t rows; /* or FAMILY_ROW_PER_PEER: one for each slot */
	/* May leave out a row that has nothing to say. */
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

/* Rows for each slot; nothing where no live peer is. Values at family->offset are those of struct
 * peer_stats. */
family_write_fn family_write_peer_rtt;
family_write_fn family_write_peer_seconds;
family_write_fn family_write_peer_count;
family_write_fn family_write_peer_info;

/* How things stand. */
family_write_fn family_write_peers;
family_write_fn family_write_peers_surplus;
family_write_fn family_write_node_info;
family_write_fn family_write_build_info;
family_write_fn family_write_attached;

/* What was refused, or went wrong, by its reason. */
#define FAMILY_REJECTIONS 6
#define FAMILY_REFUSALS	  11
family_write_fn family_write_rejected;
family_write_fn family_write_reflect_refused;
family_write_fn family_write_identities_refused;
family_write_fn family_write_send_error;
family_write_fn family_write_capacity_exceeded;

/* `opening` up to the quote before the value, such as `{peer="`. */
void row_append_label(struct text *text, const char *opening, const char *value);
void row_append_count(struct text *text, const char *opening, uint64_t value);
void row_append_seconds(struct text *text, const char *opening, uint64_t value_ns);

/* A row with at most one label; opening NULL: none. */
void row_write_count(const struct family *family, struct text *text, const char *opening,
		     const char *label_value, uint64_t value);
void row_write_seconds(const struct family *family, struct text *text, const char *opening,
		       const char *label_value, uint64_t value_ns);

/* Whose row it is. */
struct row_peer {
	char label[PEER_NAME_CAPACITY];
	const char *family; /* NULL: not told */
};
/* Its labels, without what stands around them. */
void row_append_peer(struct text *text, const struct row_peer *peer);

/* A histogram over stats_bounds_ns is one row, hence consistent: add its buckets in order, then
 * finish. The buckets are cumulated here, so that the count cannot differ from the last of them. */
struct row_histogram {
	const struct family *family;
	struct text *text;
	const struct row_peer *peer; /* NULL: nobody's */
	unsigned int buckets;
	uint64_t cumulative;
};
void row_histogram_add(struct row_histogram *histogram, uint64_t count);
void row_histogram_finish(struct row_histogram *histogram, uint64_t sum_ns);

#endif
