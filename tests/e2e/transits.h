/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on their way, in the order in which they are due. Must not know why they wait.
 */
#ifndef TRANSITS_H
#define TRANSITS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

/* A frame on its way. */
struct transit {
	struct transit *next; /* among those held back */
	int64_t due_ns;
	uint64_t serial; /* equal instants leave in order */
	uint32_t passes; /* held: later replies to wait for */
	struct frame_flow flow;
	uint8_t to;
	size_t length;
	uint8_t octets[];
};

#define TRANSITS_CAPACITY 262144 /* 20 seconds at 10,000 probes a second */

struct transits {
	struct transit **heap; /* [TRANSITS_CAPACITY] */
	size_t count;
	uint64_t serial;
};

__attribute__((format(printf, 1, 2))) static inline void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "relay: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	exit(2);
}

static inline void transits_open(struct transits *transits)
{
	transits->heap = calloc(TRANSITS_CAPACITY, sizeof(*transits->heap));
	if (!transits->heap)
		die("out of memory");
}

static inline struct transit *transit_new(const uint8_t *octets, size_t length, uint8_t to)
{
	struct transit *transit = calloc(1, sizeof(*transit) + length);

	if (!transit)
		die("out of memory");
	transit->length = length;
	transit->to = to;
	memcpy(transit->octets, octets, length);
	return transit;
}

static inline bool transit_before(const struct transit *a, const struct transit *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static inline void transits_push(struct transits *transits, struct transit *transit, int64_t due_ns)
{
	size_t i = transits->count++;

	if (i >= TRANSITS_CAPACITY)
		die("too many frames on their way");
	transit->due_ns = due_ns;
	transit->serial = transits->serial++;
	for (; i > 0 && transit_before(transit, transits->heap[(i - 1) / 2]); i = (i - 1) / 2)
		transits->heap[i] = transits->heap[(i - 1) / 2];
	transits->heap[i] = transit;
}

/* The one that is due first; there must be one. */
static inline struct transit *transits_pop(struct transits *transits)
{
	struct transit *top = transits->heap[0];
	struct transit *last = transits->heap[--transits->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= transits->count)
			break;
		if (child + 1 < transits->count &&
		    transit_before(transits->heap[child + 1], transits->heap[child]))
			child++;
		if (!transit_before(transits->heap[child], last))
			break;
		transits->heap[i] = transits->heap[child];
		i = child;
	}
	transits->heap[i] = last;
	return top;
}

#endif
