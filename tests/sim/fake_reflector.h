/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reflectors of all addresses: ours, others', stopped ones and liars. Written from stamp.h; must
 * not know the canary.
 */
#ifndef FAKE_REFLECTOR_H
#define FAKE_REFLECTOR_H

#include "identity.h"
#include "sim/fake_kernel.h"

#define FAKE_REFLECTORS	   256 /* half of them at IPv6 addresses */
#define FAKE_PAYLOAD_BYTES (STAMP_BYTES + sizeof(struct stamp_tlv) + sizeof(struct stamp_identity))

enum fake_reflector_kind {
	REFLECTOR_OURS,
	REFLECTOR_STATELESS, /* it has a name, but counts nothing */
	REFLECTOR_FOREIGN,   /* it knows no TLV and repeats the sender's sequence */
	REFLECTOR_EXACT,     /* it ignores packets of any length but STAMP_BYTES */
	REFLECTOR_DOWN,	     /* the host answers for it: port unreachable */
	REFLECTOR_DEAD,	     /* nobody answers */
	REFLECTOR_KINDS,
};

struct fake_reflector {
	enum fake_reflector_kind kind;
	char name[STAMP_NAME_MAX + 1]; /* empty: node- and the number of the address */
	size_t name_length;	       /* if not 0: of the name, that holds anything then */
	uint32_t zone;		       /* zone-1 and so on */
	uint16_t ssids[KC_FLOWS_MAX];
	uint32_t counts[KC_FLOWS_MAX];
};

static inline uint32_t fake_address_index(const struct address *address)
{
	return (uint32_t)address->octets[14] << 8 | address->octets[15];
}

static inline struct fake_reflector *fake_reflector_of(struct fake_reflector *reflectors,
						       const struct address *address)
{
	uint32_t half = FAKE_REFLECTORS / 2;

	return &reflectors[fake_address_index(address) % half +
			   (address_is_ipv4(address) ? 0 : half)];
}

static inline void fake_reflector_forget(struct fake_reflector *reflector)
{
	memset(reflector->counts, 0, sizeof(reflector->counts));
}

/* The sequence that the reply carries. */
static inline uint32_t fake_reflector_count(struct fake_reflector *reflector,
					    const struct fake_message *request)
{
	if (reflector->kind != REFLECTOR_OURS)
		return request->sequence;
	if (reflector->ssids[request->flow] != request->ssid) {
		reflector->ssids[request->flow] = request->ssid;
		reflector->counts[request->flow] = 0;
	}
	return reflector->counts[request->flow]++;
}

/* The reply's payload as far as user space looks at it; returns its length. */
static inline size_t fake_reflector_payload(const struct fake_reflector *reflector,
					    const struct fake_message *reply, uint8_t *ret)
{
	struct stamp_tlv tlv = { .type = STAMP_TLV_IDENTITY };
	struct stamp_identity identity;
	char name[STAMP_NAME_MAX + 1];
	char zone[16];

	memset(ret, 0, FAKE_PAYLOAD_BYTES);
	if (!reply->ask)
		return STAMP_BYTES;
	snprintf(name, sizeof(name), "node-%u", fake_address_index(&reply->peer));
	snprintf(zone, sizeof(zone), "zone-%u", reflector->zone + 1);
	identity_fill(reflector->name[0] ? reflector->name : name, zone, &identity);
	if (reflector->name_length) {
		memcpy(identity.name, reflector->name, sizeof(identity.name));
		identity.name_length = (uint8_t)reflector->name_length;
	}
	if (reflector->kind == REFLECTOR_STATELESS)
		identity.capabilities = 0;
	if (reflector->kind == REFLECTOR_FOREIGN) {
		tlv.flags = STAMP_TLV_UNRECOGNIZED;
		memset(&identity, 0, sizeof(identity));
	}
	tlv.length_be = htobe16(sizeof(identity));
	memcpy(ret + STAMP_BYTES, &tlv, sizeof(tlv));
	memcpy(ret + STAMP_BYTES + sizeof(tlv), &identity, sizeof(identity));
	return FAKE_PAYLOAD_BYTES;
}

#endif
