/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs do, in user space and on the same memory: T1 at egress, pairing at ingress, a
 * ring that may be full. Written from kernel_abi.h; must not know user space.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <assert.h>

#include "address_hash.h"
#include "peers.h"
#include "sim/fake_memory.h"

#define FAKE_RING_CAPACITY 1024

struct fake_kernel {
	struct kernel_memory memory;
	int64_t inert_after_ns;
	uint32_t ring_capacity; /* records, at most FAKE_RING_CAPACITY */
	uint32_t ring_count;
	uint32_t ring_first;
	struct kc_record ring[FAKE_RING_CAPACITY];
};

/* What is in a probe or its reply. */
struct fake_message {
	struct address peer; /* destination of a request, source of a reply */
	uint64_t nonce;
	int64_t residence_ns; /* of a reply: T3 - T2 */
	uint32_t counter;     /* of a reply: the reflector's sequence */
	uint16_t sequence;
	uint16_t flow;
	uint16_t ssid;
	uint8_t protocol; /* enum probe_protocol */
	bool ask;
};

#define FAKE_REPLY_TTL 64
#define FAKE_PROBE_TTL 63

enum fake_pairing {
	FAKE_REJECTED,
	FAKE_PAIRED,
	FAKE_DUPLICATE,
	FAKE_PAIRED_NO_ROOM,
	FAKE_DUPLICATE_NO_ROOM,
};

static inline bool fake_kernel_is_inert(const struct fake_kernel *kernel, int64_t now_ns)
{
	int64_t age_ns = now_ns - (int64_t)kernel->memory.control->heartbeat_ns;

	return age_ns > kernel->inert_after_ns || age_ns < -kernel->inert_after_ns;
}

static inline bool fake_kernel_find(const struct fake_kernel *kernel, const struct address *address,
				    uint32_t *ret_slot)
{
	const struct kernel_shape *shape = &kernel->memory.shape;
	uint32_t words[4], hash;

	memcpy(words, address->octets, sizeof(words));
	hash = kc_address_hash(words, shape->hash_seed);
	for (uint32_t half = 0; half < 2; half++) {
		uint32_t bucket = kc_address_bucket(hash, shape->address_capacity, half);
		const struct kc_address *entry = &kernel->memory.addresses[bucket];

		for (int i = 0; i < KC_ADDRESS_BUCKET && entry->use != KC_ADDRESS_EMPTY;
		     i++, entry++) {
			if (entry->use != KC_ADDRESS_USED ||
			    memcmp(entry->address, address->octets, 16) != 0)
				continue;
			*ret_slot = entry->slot;
			return entry->slot != KC_SLOT_NONE && entry->slot != KC_SLOT_KNOWN;
		}
	}
	return false;
}

static inline struct kc_flight *fake_kernel_flight(const struct fake_kernel *kernel, uint32_t slot,
						   const struct fake_message *message)
{
	const struct kernel_shape *shape = &kernel->memory.shape;
	struct kc_flight *own =
		&kernel->memory.flights[(size_t)slot * shape->flows * shape->window];

	if (message->protocol == PROBE_ICMP)
		return &own[message->sequence & (shape->echo_window - 1)];
	return &own[message->flow * shape->window + (message->sequence & (shape->window - 1))];
}

/* True: stamped with now_ns. */
static inline bool fake_kernel_egress(struct fake_kernel *kernel,
				      const struct fake_message *message, int64_t now_ns)
{
	struct kc_flight *flight;
	uint32_t slot;

	if (fake_kernel_is_inert(kernel, now_ns) ||
	    !fake_kernel_find(kernel, &message->peer, &slot))
		return false;
	flight = fake_kernel_flight(kernel, slot, message);
	if (flight->nonce != message->nonce || flight->t1_ns != KC_T1_ARMED)
		return false;
	flight->t1_ns = ((uint64_t)now_ns + KC_T1_SEEN) & ~(uint64_t)KC_T1_SEEN;
	kernel->memory.peers[slot].sent++;
	return true;
}

static inline bool fake_kernel_submit(struct fake_kernel *kernel, const struct kc_record *record)
{
	if (kernel->ring_count == kernel->ring_capacity) {
		kernel->memory.counters->ring_full++;
		return false;
	}
	kernel->ring[(kernel->ring_first + kernel->ring_count++) % FAKE_RING_CAPACITY] = *record;
	return true;
}

static inline enum fake_pairing
fake_kernel_ingress(struct fake_kernel *kernel, const struct fake_message *message, int64_t now_ns)
{
	struct kc_record record = { .nonce = message->nonce,
				    .t4_ns = (uint64_t)now_ns,
				    .residence_ns = (uint64_t)message->residence_ns,
				    .counter = message->counter,
				    .flow = message->flow,
				    .sequence = message->sequence,
				    .kind = KC_DUPLICATE,
				    .ttl = FAKE_REPLY_TTL,
				    .sender_ttl =
					    message->protocol == PROBE_ICMP ? 0 : FAKE_PROBE_TTL };
	struct kc_counters *counters = kernel->memory.counters;
	struct kc_flight *flight;

	if (fake_kernel_is_inert(kernel, now_ns))
		return FAKE_REJECTED;
	if (!fake_kernel_find(kernel, &message->peer, &record.slot)) {
		counters->rejected_source++;
		return FAKE_REJECTED;
	}
	flight = fake_kernel_flight(kernel, record.slot, message);
	if (message->nonce == 0 || flight->nonce != message->nonce) {
		counters->rejected_nonce++;
		return FAKE_REJECTED;
	}
	if (flight->t1_ns == KC_T1_ARMED) {
		counters->rejected_unstamped++;
		return FAKE_REJECTED;
	}
	if (flight->t1_ns != KC_T1_TAKEN &&
	    (message->residence_ns < 0 ||
	     message->residence_ns > now_ns - (int64_t)flight->t1_ns)) {
		counters->rejected_residence++;
		flight->t1_ns |= KC_T1_SEEN;
		return FAKE_REJECTED;
	}
	record.t1_ns = flight->t1_ns == KC_T1_TAKEN ? KC_T1_TAKEN
						    : flight->t1_ns & ~(uint64_t)KC_T1_SEEN;
	flight->t1_ns = KC_T1_TAKEN;
	if (record.t1_ns == KC_T1_TAKEN)
		return fake_kernel_submit(kernel, &record) ? FAKE_DUPLICATE
							   : FAKE_DUPLICATE_NO_ROOM;
	record.kind = KC_RETURNED;
	kernel->memory.peers[record.slot].returned++;
	return fake_kernel_submit(kernel, &record) ? FAKE_PAIRED : FAKE_PAIRED_NO_ROOM;
}

/* Records of the slot that are still in the ring. */
static inline uint32_t fake_kernel_unread(const struct fake_kernel *kernel, uint32_t slot)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < kernel->ring_count; i++)
		count += kernel->ring[(kernel->ring_first + i) % FAKE_RING_CAPACITY].slot == slot;
	return count;
}

static inline bool fake_kernel_take(struct fake_kernel *kernel, struct kc_record *ret)
{
	if (kernel->ring_count == 0)
		return false;
	*ret = kernel->ring[kernel->ring_first];
	kernel->ring_first = (kernel->ring_first + 1) % FAKE_RING_CAPACITY;
	kernel->ring_count--;
	return true;
}

#endif
