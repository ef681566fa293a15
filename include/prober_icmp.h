/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends ICMP and ICMPv6 echo probes: owns the raw sockets. Knows addresses and packets, not peers;
 * keeps no account of what was sent.
 */
#ifndef PROBER_ICMP_H
#define PROBER_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "canary.h"

struct prober_icmp_settings {
	uint32_t dscp;	       /* 0..63 */
	uint32_t payload_size; /* ECHO_PAYLOAD_MIN..ECHO_PAYLOAD_MAX */
	uint16_t icmp_id_be;
};

struct prober_icmp;

/* Opens the sockets (CAP_NET_RAW); before privileges are dropped. A host without IPv6 is fine. */
int prober_icmp_open(const struct prober_icmp_settings *settings, struct prober_icmp **ret);
void prober_icmp_close(struct prober_icmp *prober);

/* Sends the PROBE_ICMP probes of the batch and leaves the others alone. errors[i]: 0, or -errno of
 * that probe alone: an ICMP error that some other peer brought about is cleared, and the send tried
 * again (probe_socket.h). */
void prober_icmp_send(struct prober_icmp *prober, const struct probe *batch, uint32_t count,
		      int *errors);

/* The sockets, of which ret has room for two; returns how many. They stay the prober's. */
uint32_t prober_icmp_fds(const struct prober_icmp *prober, int *ret);

/* While listening, replies reach the sockets; else the sockets block all (ICMP_FILTER). */
void prober_icmp_listen(struct prober_icmp *prober, bool listen);

/* Replies to our identifier that came meanwhile, at most a batch of each family per call; returns
 * how many. */
typedef void prober_icmp_reply_fn(void *ctx, const struct echoed *reply);
uint32_t prober_icmp_receive(struct prober_icmp *prober, prober_icmp_reply_fn *on_reply, void *ctx);

/* ICMP errors that quote a probe with our identifier, once they are wanted (IP_RECVERR): then they
 * are to be read, since they wake whoever waits for replies. */
typedef void prober_icmp_error_fn(void *ctx, const struct echoed *quoted,
				  const struct probe_error *error);
int prober_icmp_want_errors(struct prober_icmp *prober);
void prober_icmp_receive_errors(struct prober_icmp *prober, prober_icmp_error_fn *on_error,
				void *ctx);

#endif
