/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends probes: owns the raw ICMP and ICMPv6 sockets. A protocol more is a prober more. Knows
 * addresses and packets, not peers; keeps no account of what was sent.
 */
#ifndef PROBER_H
#define PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "canary.h"

#define PROBER_BATCH 64 /* probes in one sendmmsg */

struct prober_settings {
	uint32_t dscp;	       /* 0..63 */
	uint32_t payload_size; /* ECHO_PAYLOAD_MIN..ECHO_PAYLOAD_MAX */
	uint16_t icmp_id_be;
};

struct prober;

/* Opens the sockets (CAP_NET_RAW); before privileges are dropped. A host without IPv6 is fine. */
int prober_open(const struct prober_settings *settings, struct prober **ret);
void prober_close(struct prober *prober);

/* Sends the batch. errors[i]: 0, or -errno of that probe alone: an ICMP error that some other peer
 * brought about is cleared, and the send tried once more. */
void prober_send(struct prober *prober, const struct probe *batch, uint32_t count, int *errors);

/* While listening, replies reach the sockets; else the sockets block all (ICMP_FILTER). */
void prober_listen(struct prober *prober, bool listen);

/* Replies to our identifier that came meanwhile, at most a batch of each family per call; returns
 * how many. */
typedef void prober_reply_fn(void *ctx, const struct address *source, uint16_t sequence,
			     uint64_t nonce);
uint32_t prober_receive(struct prober *prober, prober_reply_fn *on_reply, void *ctx);

#endif
