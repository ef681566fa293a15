/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nonces that nobody can guess who has not seen the probe, a reflecting peer included: SipHash-2-4
 * of a counter under a random key. No state but the two; the key comes from outside.
 */
#ifndef NONCE_H
#define NONCE_H

#include <stdint.h>

struct nonce_source {
	uint64_t key[2];
	uint64_t counter;
};

/* Never 0, which marks an empty entry. */
uint64_t nonce_next(struct nonce_source *source);

/* The same as a timestamp of STAMP: NTP format (RFC 5905 section 6), its low STAMP_NONCE_BITS
 * random, the eight octets in memory as they stand in the packet. real_ns is Unix time, from 1900
 * to 2192. */
uint64_t nonce_next_timestamp(struct nonce_source *source, int64_t real_ns);

#endif
