/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The measurement: T1 at egress into the probe's entry, T4 at ingress, and a reply paired with its probe
 * once. Must not know devices, verdicts of programs or layers below the message.
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

/* Without user space behind them the programs do nothing, whatever is left attached. */
static __always_inline bool is_inert(__u64 now_ns)
{
	const struct kc_control *control = bpf_map_lookup_elem(&kc_control, &(__u32){ 0 });

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

static __always_inline bool slot_find(const __be32 address[4], __u32 *ret_slot)
{
	__u32 start = kc_address_hash(address, config.hash_seed) % config.address_capacity;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < KC_ADDRESS_PROBES; i++) {
		__u32 place = (start + i) % config.address_capacity;
		const struct kc_address *entry = bpf_map_lookup_elem(&kc_addresses, &place);
		__u32 use = entry ? READ_ONCE(entry->use) : KC_ADDRESS_EMPTY;

		if (use == KC_ADDRESS_EMPTY)
			return false;
		if (use == KC_ADDRESS_USED && address_is(entry, address)) {
			*ret_slot = entry->slot;
			return true;
		}
	}
	return false;
}

/* ICMP has no ports and so one flow, the first. */
static __always_inline struct kc_flight *flight_of(__u32 slot, __u16 sequence)
{
	__u32 index = slot * config.flows * config.window + (sequence & (config.window - 1));

	return bpf_map_lookup_elem(&kc_flights, &index);
}

/* T1. */
static __always_inline void probe_stamp(const struct packet *packet, const struct message *message)
{
	struct kc_flight *flight;
	struct kc_peer *peer;
	__u64 nonce, now_ns;
	__u32 slot;

	if (!message_load_nonce(packet, message, &nonce) || !slot_find(message->destination, &slot))
		return;
	flight = flight_of(slot, message->sequence);
	peer = bpf_map_lookup_elem(&kc_peers, &slot);
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
	struct kc_peer *peer = bpf_map_lookup_elem(&kc_peers, &slot);
	__u64 min_ns;

	if (!peer)
		return;
	count(&peer->returned);
	WRITE_ONCE(peer->last_rtt_ns, rtt_ns);
	min_ns = READ_ONCE(peer->min_rtt_ns);
	if (min_ns == 0 || rtt_ns < min_ns)
		WRITE_ONCE(peer->min_rtt_ns, rtt_ns);
}

/* A read that no later one can overtake: of all that these kernels offer, only atomics that fetch order. */
static __always_inline __u64 read_first(__u64 *place)
{
	return __sync_fetch_and_or(place, 0);
}

/* Takes T1 out of the probe's entry; KC_T1_TAKEN if another reply was faster. False: armed anew. */
static __always_inline bool t1_take(struct kc_flight *flight, __u64 *t1_ns)
{
	__u64 found_ns = __sync_val_compare_and_swap(&flight->t1_ns, *t1_ns, KC_T1_TAKEN);

	if (found_ns != *t1_ns && found_ns != KC_T1_TAKEN)
		return false;
	*t1_ns = found_ns;
	return true;
}

static __always_inline void record_submit(const struct kc_record *from,
					  struct kc_counters *counters)
{
	struct kc_record *record = bpf_ringbuf_reserve(&kc_samples, sizeof(*record), 0);

	if (!record) {
		count(&counters->ring_full);
		return;
	}
	*record = *from;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* T4 is now_ns. From the cheapest check to the dearest; every reply that fails one is counted. */
static __always_inline void reply_pair(const struct packet *packet, const struct message *message,
				       __u64 now_ns)
{
	struct kc_record record = { .t4_ns = now_ns,
				    .sequence = message->sequence,
				    .ttl = message->ttl };
	struct kc_counters *counters = bpf_map_lookup_elem(&kc_counters, &(__u32){ 0 });
	struct kc_flight *flight;

	if (!counters || is_inert(now_ns))
		return;
	if (!slot_find(message->source, &record.slot)) {
		count(&counters->rejected_source);
		return;
	}
	if (!message_load_nonce(packet, message, &record.nonce)) {
		count(&counters->rejected_truncated);
		return;
	}
	flight = flight_of(record.slot, message->sequence);
	if (!flight)
		return;
	/* T1 before the nonce: an entry that is armed anew in between cannot be taken any more. */
	record.t1_ns = read_first(&flight->t1_ns);
	if (record.nonce == 0 || READ_ONCE(flight->nonce) != record.nonce) {
		count(&counters->rejected_nonce);
		return;
	}
	if (!message_checksum_holds(packet, message)) {
		count(&counters->rejected_checksum);
		return;
	}
	if (record.t1_ns == KC_T1_ARMED) {
		count(&counters->rejected_unstamped);
		return;
	}
	if (record.t1_ns != KC_T1_TAKEN && !t1_take(flight, &record.t1_ns)) {
		count(&counters->rejected_nonce);
		return;
	}
	record.kind = record.t1_ns == KC_T1_TAKEN ? KC_DUPLICATE : KC_RETURNED;
	if (record.kind == KC_RETURNED)
		peer_update(record.slot, now_ns - record.t1_ns);
	record_submit(&record, counters);
}

#endif
