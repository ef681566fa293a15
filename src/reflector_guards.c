/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests the user-space reflector answers: the guards of bpf/reflector.bpf.h, in their
 * order, as far as the kernel has not seen to them already (link layer, checksums, the port's
 * owner). Must not know how a reply is written.
 */
#include <arpa/inet.h>
#include <stddef.h>

#include "address_hash.h"
#include "reflector_rules.h"

/* How far from now a time is taken for one of ours: more than any loop's turn, and what a request
 * has there by chance is 1 in 2^24. */
#define LOOP_SECONDS 64

#define PLACE_NONE UINT32_MAX

/* Others export it. */
static void count(__u64 *counter, uint64_t more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

#define COUNT(memory, field) count(&(memory)->counters->field, 1)

/* As place_find() of bpf/addresses.bpf.h: its place is in the names of sessions. */
static uint32_t place_find(const struct kernel_memory *memory, const struct address *address)
{
	uint32_t words[4], hash;

	memcpy(words, address->octets, sizeof(words));
	hash = kc_address_hash(words, memory->shape.hash_seed);
	for (uint32_t half = 0; half < 2; half++) {
		uint32_t bucket = kc_address_bucket(hash, memory->shape.address_capacity, half);

		for (uint32_t i = bucket; i < bucket + KC_ADDRESS_BUCKET; i++) {
			const struct kc_address *entry = &memory->addresses[i];

			if (entry->use == KC_ADDRESS_EMPTY)
				break;
			if (entry->use == KC_ADDRESS_USED &&
			    memcmp(entry->address, address->octets, sizeof(address->octets)) == 0)
				return i;
		}
	}
	return PLACE_NONE;
}

/* ::ffff:a.b.c.d stands for IPv4; in an IPv6 header it is nobody's. */
static const struct kc_address *entry_find(const struct kernel_memory *memory,
					   const struct address *address, bool is_ipv4,
					   uint32_t *ret_place)
{
	if (is_ipv4 != address_is_ipv4(address))
		return NULL;
	*ret_place = place_find(memory, address);
	return *ret_place == PLACE_NONE ? NULL : &memory->addresses[*ret_place];
}

static bool form_holds(const struct kernel_memory *memory, uint16_t own_port_be,
		       const struct reflector_request *request)
{
	/* No host sends a TTL of 0 (RFC 1122 section 3.2.1.7). */
	if (!request->is_plain || request->ttl == 0) {
		COUNT(memory, refused_options);
		return false;
	}
	/* Another reflector at our port would answer our answer (those at other ports: is_looped);
	 * and nobody waits for one at port 0. */
	if (request->source_port_be == own_port_be || request->source_port_be == 0) {
		COUNT(memory, refused_port);
		return false;
	}
	if (request->bytes < STAMP_BYTES || request->bytes > STAMP_BYTES_MAX) {
		COUNT(memory, refused_length);
		return false;
	}
	return true;
}

/* Seconds of NTP, whatever the era; 0 is no time. */
static bool is_near(const uint8_t *octets, uint32_t now_seconds)
{
	uint32_t seconds_be;

	memcpy(&seconds_be, octets, sizeof(seconds_be));
	return seconds_be != 0 &&
	       ntohl(seconds_be) - now_seconds + LOOP_SECONDS <= 2 * LOOP_SECONDS;
}

/* A reply of ours, come back: from an echo as it was, T2 in its place; or from another reflector,
 * for whom our T3 is the sender's timestamp. The other's clock stands in neither. */
static bool is_looped(const struct reflector_request *request)
{
	uint32_t now_seconds = (uint32_t)(reflector_ntp(request->t2_unix_ns) >> 32);

	return is_near(request->payload + offsetof(struct stamp_reply, receive_timestamp),
		       now_seconds) ||
	       is_near(request->payload + offsetof(struct stamp_reply, sender_timestamp),
		       now_seconds);
}

/* By who asks and who is asked; the asking peer's place, or PLACE_NONE. */
static uint32_t peer_find(const struct kernel_memory *memory,
			  const struct reflector_request *request)
{
	const struct kc_address *entry;
	uint32_t place;

	entry = entry_find(memory, &request->destination, request->is_ipv4, &place);
	if (!entry || entry->own != 1) {
		COUNT(memory, refused_destination);
		return PLACE_NONE;
	}
	entry = entry_find(memory, &request->source, request->is_ipv4, &place);
	if (!entry || entry->own != 0 || entry->slot == KC_SLOT_NONE) {
		COUNT(memory, refused_source);
		return PLACE_NONE;
	}
	return place;
}

bool reflector_judge(const struct kernel_memory *memory, uint16_t own_port_be,
		     const struct reflector_request *request, struct reflector_asker *ret)
{
	uint16_t ssid_be;
	uint32_t place;
	uint64_t session;

	if (!form_holds(memory, own_port_be, request))
		return false;
	if (is_looped(request)) {
		COUNT(memory, refused_loop);
		return false;
	}
	place = peer_find(memory, request);
	if (place == PLACE_NONE)
		return false;
	memcpy(&ssid_be, request->payload + offsetof(struct stamp_request, ssid_be),
	       sizeof(ssid_be));
	session = reflector_session_key(place, ntohs(request->source_port_be), ntohs(ssid_be));
	if (!reflector_rate_allows(&memory->addresses[place], request->arrived)) {
		reflector_session_restart(memory, session);
		COUNT(memory, refused_rate);
		return false;
	}
	*ret = (struct reflector_asker){ .place = place, .session = session };
	return true;
}

void reflector_count_answered(const struct kernel_memory *memory,
			      const struct reflector_asker *asker)
{
	uint32_t slot = memory->addresses[asker->place].slot;

	if (slot < memory->shape.slots)
		count(&memory->peers[slot].reflected, 1);
	COUNT(memory, reflected);
}

void reflector_count_failed(const struct kernel_memory *memory, const struct reflector_asker *asker)
{
	reflector_session_restart(memory, asker->session);
	COUNT(memory, refused_failed);
}

void reflector_count_dropped(const struct kernel_memory *memory, uint32_t dropped)
{
	count(&memory->counters->refused_failed, dropped);
}
