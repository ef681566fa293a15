/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The measurement: T1 at egress into the probe's entry, T4 at ingress, and a reply paired with its
 * probe once. Must not know devices, verdicts of programs, layers below the message, nor requests.
 */
#ifndef PAIRING_BPF_H
#define PAIRING_BPF_H

#include "addresses.bpf.h"
#include "arrival.bpf.h"
#include "kernel_abi.h"
#include "maps.bpf.h"
#include "message.bpf.h"
#include "timestamp.bpf.h"

/* What a message says of a probe of ours: whether it is the probe or the reply. Of 8 octets each,
 * see place.bpf.h. */
struct probe {
	__u64 nonce;
	__u64 sequence;
	__u64 bytes; /* that the checksum covers, of a reply by either protocol */
	/* The rest only of a reply by STAMP, else 0. */
	__u64 checksum;
	__u64 counter;
	__s64 residence_ns;
	__u64 sender_ttl;
};

static __always_inline bool echo_load(const struct packet *packet, const struct message *message,
				      struct probe *ret)
{
	struct echo_probe echo;

	if (message->bytes < sizeof(echo) ||
	    !packet_load(packet, message->offset, &echo, sizeof(echo)))
		return false;
	*ret = (struct probe){ .nonce = echo.nonce,
			       .sequence = bpf_ntohs(echo.sequence_be),
			       .bytes = message->bytes };
	return true;
}

static __always_inline __u64 nonce_load(const __u8 octets[8])
{
	__u64 nonce;

	__builtin_memcpy(&nonce, __builtin_assume_aligned(octets, 4), sizeof(nonce));
	return nonce;
}

static __always_inline bool stamp_request_load(const struct packet *packet,
					       const struct message *message, struct probe *ret)
{
	struct stamp_request request PLACE;

	if (message->bytes < UDP_BYTES + sizeof(request) ||
	    !packet_load(packet, message->offset + UDP_BYTES, &request,
			 offsetof(struct stamp_request, error_estimate_be)))
		return false;
	ret->nonce = nonce_load(request.timestamp);
	ret->sequence = bpf_ntohl(request.sequence_be);
	return true;
}

struct stamp_reply_place {
	struct stamp_reply reply;
} PLACE;

static __always_inline bool stamp_reply_load(const struct packet *packet,
					     const struct message *message, struct probe *ret)
{
	struct stamp_reply_place place;
	struct stamp_reply *reply = &place.reply;
	struct udphdr udp PLACE;
	__u64 bytes;

	if (!packet_load(packet, message->offset, &udp, sizeof(udp)))
		return false;
	bytes = bpf_ntohs(udp.len);
	if (bytes < UDP_BYTES + STAMP_BYTES || bytes > message->bytes || bytes > MESSAGE_BYTES_MAX)
		return false;
	if (!packet_load(packet, message->offset + UDP_BYTES, reply, sizeof(*reply)))
		return false;
	*ret = (struct probe){ .nonce = nonce_load(reply->sender_timestamp),
			       .sequence = bpf_ntohl(reply->sender_sequence_be),
			       .counter = bpf_ntohl(reply->sequence_be),
			       .residence_ns = residence_ns(reply),
			       .bytes = bytes,
			       .checksum = udp.check,
			       .sender_ttl = reply->sender_ttl };
	return true;
}

/* False also where the packet is shorter than its message. */
static __always_inline bool checksum_holds(const struct packet *packet,
					   const struct message *message, const struct probe *probe)
{
	__u64 sum = 0;

	if (message_kind(message) == MESSAGE_STAMP)
		return datagram_sum_holds(packet, message, probe->bytes, probe->checksum);
	if (!message_is_ipv4(message))
		sum = pseudo_sum(message, probe->bytes, IPPROTO_ICMPV6);
	return packet_sum(packet, message->offset, probe->bytes, &sum) && sum_fold(sum) == 0xffff;
}

static __always_inline struct kc_flight *flight_of(__u64 slot, const struct message *message,
						   __u64 sequence)
{
	__u64 first = slot * config.flows * config.window;

	if (message_kind(message) == MESSAGE_ECHO)
		return array_at(&kc_flights, first + (sequence & (config.echo_window - 1)));
	return array_at(&kc_flights, first + message_flow(message) * config.window +
					     (sequence & (config.window - 1)));
}

/* T1. */
static __always_inline void probe_stamp(const struct packet *packet, const struct message *message)
{
	struct kc_flight *flight;
	struct kc_peer *peer;
	struct probe probe;
	__u64 now_ns;
	__s64 slot;

	if (!(message_kind(message) == MESSAGE_ECHO ? echo_load(packet, message, &probe)
						    : stamp_request_load(packet, message, &probe)))
		return;
	slot = slot_find(message->destination, message_is_ipv4(message));
	if (slot < 0)
		return;
	flight = flight_of(slot, message, probe.sequence);
	peer = array_at(&kc_peers, slot);
	if (!flight || !peer || probe.nonce == 0 || READ_ONCE(flight->nonce) != probe.nonce)
		return;

	now_ns = bpf_ktime_get_ns();
	if (is_inert(now_ns))
		return;
	now_ns = (now_ns + KC_T1_SEEN) & ~(__u64)KC_T1_SEEN;
	/* Only once: a packet may pass several devices, such as a bond and its members. */
	if (__sync_val_compare_and_swap(&flight->t1_ns, KC_T1_ARMED, now_ns) == KC_T1_ARMED)
		count(peer, sent);
}

static __always_inline void peer_update(__u64 slot, __u64 rtt_ns)
{
	struct kc_peer *peer = array_at(&kc_peers, slot);
	__u64 min_ns;

	if (!peer)
		return;
	count(peer, returned);
	WRITE_ONCE(peer->last_rtt_ns, rtt_ns);
	min_ns = READ_ONCE(peer->min_rtt_ns);
	if (min_ns == 0 || rtt_ns < min_ns)
		WRITE_ONCE(peer->min_rtt_ns, rtt_ns);
}

/* A read that no later one can overtake: of all that these kernels offer, only atomics that
 * fetch order. */
static __always_inline __u64 read_first(__u64 *place)
{
	return __sync_fetch_and_or(place, 0);
}

/* Takes T1 out of the probe's entry: T1, KC_T1_TAKEN for a duplicate, KC_T1_ARMED if there is
 * none. Never from an entry that has been armed anew since t1_ns was read. */
static __always_inline __u64 t1_take(struct kc_flight *flight, __u64 t1_ns)
{
	__u64 found_ns;

	if (t1_ns == KC_T1_ARMED || t1_ns == KC_T1_TAKEN)
		return t1_ns;
	found_ns = __sync_val_compare_and_swap(&flight->t1_ns, t1_ns, KC_T1_TAKEN);
	return found_ns == t1_ns || found_ns == KC_T1_TAKEN ? found_ns : KC_T1_ARMED;
}

/* T4: the packet's arrival, unless that contradicts what is known of the probe. */
static __always_inline __u64 t4_of(__u64 arrived_ns, __u64 now_ns, __u64 t1_ns, __s64 residence_ns)
{
	return (__s64)(arrived_ns - t1_ns) < residence_ns ? now_ns : arrived_ns;
}

/* T1 as it was taken, for which residence fits into T4 - T1; or KC_T1_TAKEN for a duplicate, or
 * KC_T1_ARMED for a reply that fails a check, which is counted. From the cheapest to the dearest.
 */
static __always_inline __u64 reply_accept(const struct packet *packet,
					  const struct message *message, const struct probe *probe,
					  struct kc_flight *flight, struct kc_counters *counters,
					  __u64 now_ns)
{
	__u64 t1_ns = read_first(&flight->t1_ns);

	if (probe->nonce == 0 || READ_ONCE(flight->nonce) != probe->nonce) {
		count(counters, rejected_nonce);
		return KC_T1_ARMED;
	}
	if (!checksum_holds(packet, message, probe)) {
		count(counters, rejected_checksum);
		return KC_T1_ARMED;
	}
	if (t1_ns == KC_T1_ARMED) {
		count(counters, rejected_unstamped);
		return KC_T1_ARMED;
	}
	if (probe->residence_ns < 0 ||
	    (t1_ns != KC_T1_TAKEN && probe->residence_ns > (__s64)(now_ns - t1_ns))) {
		count(counters, rejected_residence);
		/* The socket gets it too, and must not take us for blind. A no-op for TAKEN, which
		 * has that bit. */
		__sync_val_compare_and_swap(&flight->t1_ns, t1_ns, t1_ns | KC_T1_SEEN);
		return KC_T1_ARMED;
	}
	t1_ns = t1_take(flight, t1_ns);
	if (t1_ns == KC_T1_ARMED)
		count(counters, rejected_nonce);
	return t1_ns == KC_T1_TAKEN ? t1_ns : t1_ns & ~(__u64)KC_T1_SEEN;
}

/* T4 is now_ns, or earlier by the packet's own stamp. */
static __always_inline void reply_pair(const struct packet *packet, const struct message *message,
				       __u64 now_ns)
{
	struct kc_counters *counters = array_at(&kc_counters, 0);
	struct kc_flight *flight;
	struct kc_record *record;
	struct probe probe;
	__u64 t1_ns, t4_ns;
	__s64 slot;

	if (!counters || is_inert(now_ns))
		return;
	slot = slot_find(message->source, message_is_ipv4(message));
	if (slot < 0) {
		count(counters, rejected_source);
		return;
	}
	if (!(message_kind(message) == MESSAGE_ECHO ? echo_load(packet, message, &probe)
						    : stamp_reply_load(packet, message, &probe))) {
		count(counters, rejected_truncated);
		return;
	}
	flight = flight_of(slot, message, probe.sequence);
	if (!flight)
		return;
	t1_ns = reply_accept(packet, message, &probe, flight, counters, now_ns);
	if (t1_ns == KC_T1_ARMED)
		return;
	t4_ns = arrival_ns(packet, now_ns);
	if (t1_ns != KC_T1_TAKEN) {
		t4_ns = t4_of(t4_ns, now_ns, t1_ns, probe.residence_ns);
		peer_update(slot, t4_ns - t1_ns - probe.residence_ns);
	}
	record = bpf_ringbuf_reserve(&kc_samples, sizeof(*record), 0);
	if (!record) {
		count(counters, ring_full);
		return;
	}
	*record = (struct kc_record){
		.nonce = probe.nonce,
		.t1_ns = t1_ns,
		.t4_ns = t4_ns,
		.residence_ns = probe.residence_ns,
		.slot = slot,
		.counter = probe.counter,
		.flow = message_flow(message),
		.sequence = (__u16)probe.sequence,
		.kind = t1_ns == KC_T1_TAKEN ? KC_DUPLICATE : KC_RETURNED,
		.ttl = message_ttl(message),
		.sender_ttl = probe.sender_ttl,
	};
	if (t1_ns != KC_T1_TAKEN && t4_ns != now_ns)
		count(counters, arrivals_stamped);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

#endif
