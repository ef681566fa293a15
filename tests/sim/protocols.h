/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests that are run over either protocol.
 */
#ifndef PROTOCOLS_H
#define PROTOCOLS_H

#include "unit/cmocka_all.h"

#include "peers.h"

static enum probe_protocol over_stamp __attribute__((unused)) = PROBE_STAMP;
static enum probe_protocol over_icmp __attribute__((unused)) = PROBE_ICMP;

/* The test's state tells which it is. */
#define EACH_PROTOCOL(test)                                   \
	{ #test " (STAMP)", test, NULL, NULL, &over_stamp },  \
	{                                                     \
#test " (ICMP)", test, NULL, NULL, &over_icmp \
	}

static inline enum probe_protocol protocol_of(void **state)
{
	const enum probe_protocol *protocol = *state;

	return *protocol;
}

#endif
