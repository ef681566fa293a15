/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who answers: the identity TLV (stamp.h), written for our own reflector and read from others'
 * replies, where every octet is hostile until it is checked. Pure core.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stamp.h"

struct identity {
	char name[STAMP_NAME_MAX + 1]; /* empty: it says none, and goes by its address */
	char zone[STAMP_ZONE_MAX + 1]; /* may be empty */
	bool stateful;
};

/* What our reflector says. name and zone are as config.h allows them; longer ones are cut. A name
 * that is an address is none. */
void identity_fill(const char *name, const char *zone, struct stamp_identity *ret);

/* From a reply's UDP payload: walks its TLVs, at most 16; the first identity decides.
 *  0        ret is filled: a name of 0 to 253 letters, digits, '.', '-' or '_' that is no IP
 *           address, a zone of 0 to 63 of those;
 *  -ENOENT  none: the reflector does not know it or did not act upon it (U, M or I is set), or a
 *           TLV before it is broken or of type 0;
 *  -EINVAL  one that is not as it must be: version, lengths, characters, padding, or cut off.
 * *ret is untouched on failure. */
int identity_parse(const uint8_t *payload, size_t length, struct identity *ret);

#endif
