/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The measurement: T1 at egress into the probe's entry, T4 at ingress, and a reply paired with its
 * probe once. Must not know devices, verdicts of programs or layers below the message.
 */
#ifndef PAIRING_BPF_H
#define PAIRING_BPF_H

#include "address_hash.h"
#include "kernel_abi.h"
#include "maps.bpf.h"
#include "message.bpf.h"

/* The other half reads and writes these at any time. */
#define READ_ONCE(place)	 (*(const volatile __typeof__(place) *)&(place))
#define WRITE_ONCE(place, value) (*(volatile __typeof__(place) *)&(place) = (value))

static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline void *array_at(void *array, __u32 index)
{
	return bpf_map_lookup_elem(array, &index);
}

/* Without user space behind them the programs do nothing, whatever is left attached. */
static __always_inline bool is_inert(__u64 now_ns)
{
	const struct kc_control *control = array_at(&kc_control, 0);

	/* Signed: another CPU may have written a heartbeat after we read the clock. */
	return !control ||
	       (__s64)(now_ns - READ_ONCE(control->heartbeat_ns)) > (__s64)config.inert_after_ns;
}

static __always_inline bool address_is(const struct kc_address *entry, const __be32 address[4])
{
	const __be32 *words = (const __be32 *)entry->address;

	return words[0] == address[0] && words[1] == address[1] && words[2] == address[2] &&
	       words[3] == address[3];
}

/* The peer's slot, or -1. */
static __always_inline __s64 slot_find(const __be32 address[4])
{
	__u32 start = kc_address_hash(address, config.hash_seed) % config.address_capacity;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < KC_ADDRESS_PROBES; i++) {
		const struct kc_address *entry = array_at(&kc_addresses,
							  (start + i) % config.address_capacity);
		__u32 use = entry ? READ_ONCE(entry->use) : KC_ADDRESS_EMPTY;

		if (use == KC_ADDRESS_EMPTY)
			return -1;
		if (use == KC_ADDRESS_USED && address_is(entry, address))
			return entry->slot;
	}
	return -1;
}

/* ICMP has no ports and so one flow, the first. */
static __always_inline struct kc_flight *flight_of(__u32 slot, __u16 sequence)
{
	return array_at(&kc_flights,
			slot * config.flows * config.window + (sequence & (config.window - 1)));
}

/* T1. */
static __always_inline void probe_stamp(const struct packet *packet, const struct message *message)
{
	struct kc_flight *flight;
	struct kc_peer *peer;
	__u64 nonce, now_ns;
	__s64 slot;

	if (!message_load_nonce(packet, message, &nonce))
		return;
	slot = slot_find(message->destination);
	if (slot < 0)
		return;
	flight = flight_of(slot, message->sequence);
	peer = array_at(&kc_peers, slot);
	if (!flight || !peer || nonce == 0 || READ_ONCE(flight->nonce) != nonce)
		return;

	now_ns = bpf_ktime_get_ns();
	if (is_inert(now_ns))
		return;
	/* Only once: a packet may pass several devices, such as a bond and its members. */
	if (__sync_val_compare_and_swap(&flight->t1_ns, KC_T1_ARMED, now_ns) == KC_T1_ARMED)
		count(&peer->sent);
}

static __always_inline void peer_update(__u32 slot, __u64 rtt_ns)
{
	struct kc_peer *peer = array_at(&kc_peers, slot);
	__u64 min_ns;

	if (!peer)
		return;
	count(&peer->returned);
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

/* T4 is now_ns. From the cheapest check to the dearest; every reply that fails one is counted. */
static __always_inline void reply_pair(const struct packet *packet, const struct message *message,
				       __u64 now_ns)
{
	struct kc_counters *counters = array_at(&kc_counters, 0);
	struct kc_flight *flight;
	struct kc_record *record;
	__u64 nonce, t1_ns;
	__s64 slot;

	if (!counters || is_inert(now_ns))
		return;
	slot = slot_find(message->source);
	if (slot < 0) {
		count(&counters->rejected_source);
		return;
	}
	if (!message_load_nonce(packet, message, &nonce)) {
		count(&counters->rejected_truncated);
		return;
	}
	flight = flight_of(slot, message->sequence);
	if (!flight)
		return;
	t1_ns = read_first(&flight->t1_ns);
	if (nonce == 0 || READ_ONCE(flight->nonce) != nonce) {
		count(&counters->rejected_nonce);
		return;
	}
	if (!message_checksum_holds(packet, message)) {
		count(&counters->rejected_checksum);
		return;
	}
	if (t1_ns == KC_T1_ARMED) {
		count(&counters->rejected_unstamped);
		return;
	}
	t1_ns = t1_take(flight, t1_ns);
	if (t1_ns == KC_T1_ARMED) {
		count(&counters->rejected_nonce);
		return;
	}
	if (t1_ns != KC_T1_TAKEN)
		peer_update(slot, now_ns - t1_ns);

	record = bpf_ringbuf_reserve(&kc_samples, sizeof(*record), 0);
	if (!record) {
		count(&counters->ring_full);
		return;
	}
	*record = (struct kc_record){
		.nonce = nonce,
		.t1_ns = t1_ns,
		.t4_ns = now_ns,
		.slot = slot,
		.sequence = message->sequence,
		.kind = t1_ns == KC_T1_TAKEN ? KC_DUPLICATE : KC_RETURNED,
		.ttl = message->ttl,
	};
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

#endif
