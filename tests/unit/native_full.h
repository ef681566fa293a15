/* SPDX-License-Identifier: Apache-2.0 */
/* A native histogram that is as full as can be, for what is written of it at most. */
#ifndef NATIVE_FULL_H
#define NATIVE_FULL_H

#include "native.h"

/* Each step-th bucket holds as much as it can, the others nothing. */
static inline void native_fill(struct native_histogram *histogram, uint32_t step)
{
	uint32_t carry = 0;

	*histogram = (struct native_histogram){ .zero = UINT32_MAX };
	for (uint32_t bucket = 0; bucket < NATIVE_BUCKETS; bucket += step) {
		histogram->low[bucket] = UINT16_MAX;
		if (carry == NATIVE_CARRIES)
			continue;
		histogram->carried[carry] = (uint8_t)(bucket + 1);
		histogram->high[carry++] = UINT16_MAX;
	}
}

#endif
