/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same as JSON (RFC 8259), for programs and for the status page: /api/v1/peers and
 * /api/v1/status, produced piece by piece. Reads the core's state; must not know HTTP.
 */
#ifndef API_H
#define API_H

#include <stddef.h>
#include <stdint.h>

#include "exposition.h"

#define API_VERSION 1 /* of the paths: fields may be added, none changes its meaning */

/* Where a document stands; all zero at its start. */
struct api_cursor {
	uint32_t row;
	uint32_t written; /* elements of the list so far */
	uint8_t finished;
};

/* Largest single row: one peer with all its flows and the longest names, escaped. */
#define API_ROW_CAPACITY 16384

/* As exposition_write. */
size_t api_peers_write(const struct exposition *exposition, struct api_cursor *cursor, char *block,
		       size_t capacity);
size_t api_status_write(const struct exposition *exposition, struct api_cursor *cursor, char *block,
			size_t capacity);

#endif
