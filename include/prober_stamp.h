/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends STAMP probes: owns the UDP sockets, one for each flow and address family, whose ports are
 * what tells the flows apart on the wire. Knows addresses and packets (stamp.h), not peers; keeps
 * no account of what was sent.
 */
#ifndef PROBER_STAMP_H
#define PROBER_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "canary.h"

struct prober_stamp_settings {
	uint32_t flows;	       /* 1..KC_FLOWS_MAX */
	uint32_t dscp;	       /* 0..63 */
	uint32_t payload_size; /* STAMP_BYTES, or with an Extra Padding TLV 48..STAMP_BYTES_MAX */
	uint16_t port_be;      /* of the reflectors */
	bool stamped;	       /* the sockets tell when packets left and came: prober_stamp_hear */
};

struct prober_stamp;

/* Opens the sockets and lets the kernel choose the ports, the same for both families; never the
 * reflectors' own. A host without IPv6 is fine. */
int prober_stamp_open(const struct prober_stamp_settings *settings, struct prober_stamp **ret);
void prober_stamp_close(struct prober_stamp *prober);

/* The source port of a flow, network order. */
uint16_t prober_stamp_port_be(const struct prober_stamp *prober, uint16_t flow);

/* The sockets, of which ret has room for 2 * KC_FLOWS_MAX; returns how many. They stay the
 * prober's. */
uint32_t prober_stamp_fds(const struct prober_stamp *prober, int *ret);

/* Sends the PROBE_STAMP probes of the batch and leaves the others alone; otherwise as
 * prober_icmp_send. Probes that ask carry an empty identity TLV. */
void prober_stamp_send(struct prober_stamp *prober, const struct probe *batch, uint32_t count,
		       uint16_t error_estimate_be, int *errors);

/* What came meanwhile, until the sockets are empty but at most PROBER_STAMP_DRAIN_MAX of each:
 * replies from the reflectors' port, whole up to STAMP_BYTES and an identity TLV; and the error
 * queues, of which only a port unreachable (ICMP 3/3, ICMPv6 1/4) that comes from whom it is about
 * is handed on, with the probe that it quotes. Always to be called on the timer: unread sockets
 * raise the host's error counters, and in a full one there is no room for a refusal. on_reply NULL:
 * nobody waits for any reply, and they go without being looked at. */
#define PROBER_STAMP_DRAIN_MAX 4096
typedef void prober_stamp_reply_fn(void *ctx, const struct echoed *reply, const uint8_t *payload,
				   uint32_t length);
/* Returns whether that was a probe in flight. */
typedef bool prober_stamp_refusal_fn(void *ctx, const struct echoed *quoted);
/* What the error queues held to no purpose. */
struct prober_stamp_errors {
	uint32_t rejected; /* port unreachables that quote no probe in flight, or come from
			      somebody else than was probed */
	uint32_t useless;  /* with all the others that refuse nothing */
};
struct prober_stamp_errors prober_stamp_receive(struct prober_stamp *prober,
						prober_stamp_reply_fn *on_reply,
						prober_stamp_refusal_fn *on_refusal, void *ctx);

/* --- where no program stamps the packets: settings.stamped --- */

/* A reply with the kernel's stamp of its arrival. */
struct stamped_reply {
	struct echoed echoed;
	int64_t t4_real_ns; /* CLOCK_REALTIME; 0: the kernel gave none */
	const uint8_t *payload;
	uint32_t length; /* below STAMP_BYTES: echoed tells no more than who sent it */
	uint8_t ttl;	 /* 0: unknown */
};

struct prober_stamp_hearer {
	void *ctx;
	/* A probe left at this instant of CLOCK_REALTIME. The same one may be told again. */
	void (*on_left)(void *ctx, const struct echoed *probe, int64_t t1_real_ns);
	/* All that is told next was stamped before this call, and whatever probes left before the
	 * replies came were told. False: the clock was set, so no more is told of what left. */
	bool (*on_stamps)(void *ctx);
	void (*on_reply)(void *ctx, const struct stamped_reply *reply);
	/* The socket of the flow had no more room: stamps or replies may be missing. */
	void (*on_full)(void *ctx, uint16_t flow);
	prober_stamp_refusal_fn *on_refusal;
};

/* As prober_stamp_receive. */
struct prober_stamp_errors prober_stamp_hear(struct prober_stamp *prober,
					     const struct prober_stamp_hearer *hearer);

/* Sends packets to ourselves over the loopback device, and waits for their stamps, a second at the
 * most. 0: in each family that it could be tried in both came, and the packet whole. Otherwise
 * -errno, and in *ret_missing what did not; -EADDRNOTAVAIL: no loopback address to try it at. */
int prober_stamp_try_stamps(const char **ret_missing);

#endif
