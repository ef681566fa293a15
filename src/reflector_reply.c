/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request becomes its reply, in place and of the same size: what bpf/answer.bpf.h and tlv.bpf.h
 * do with the octets behind the UDP header. Whether it may is settled before. Must not know guards.
 */
#include <arpa/inet.h>

#include "reflector_rules.h"

#define TLVS_MAX     8
#define TLV_RESERVED 0 /* also what padding of zeros looks like, as TWAMP Light sends it */

uint64_t reflector_ntp(int64_t unix_ns)
{
	uint64_t ns = (uint64_t)unix_ns;
	uint64_t seconds = ns / NS_PER_SECOND + STAMP_NTP_UNIX_SECONDS;

	return seconds << 32 | ((ns % NS_PER_SECOND) << 32) / NS_PER_SECOND;
}

static void timestamp_write(uint8_t octets[8], int64_t unix_ns)
{
	uint64_t ntp = reflector_ntp(unix_ns);
	uint32_t words_be[2] = { htonl((uint32_t)(ntp >> 32)), htonl((uint32_t)ntp) };

	memcpy(octets, words_be, sizeof(words_be));
}

/* What is asked for is all zeros. */
static bool identity_is_asked(const uint8_t *value)
{
	static const struct stamp_identity nothing;

	return memcmp(value, &nothing, sizeof(nothing)) == 0;
}

/* Returns the flags of a TLV whose value is all there. */
static uint8_t tlv_answer(const struct stamp_identity *identity, const struct stamp_tlv *tlv,
			  uint8_t *value)
{
	uint8_t flags = tlv->flags & (uint8_t) ~(STAMP_TLV_UNRECOGNIZED | STAMP_TLV_MALFORMED);

	if (tlv->type == STAMP_TLV_EXTRA_PADDING)
		return flags;
	if (tlv->type != STAMP_TLV_IDENTITY)
		return flags | STAMP_TLV_UNRECOGNIZED;
	if (ntohs(tlv->length_be) != sizeof(*identity) || !identity_is_asked(value))
		return flags | STAMP_TLV_MALFORMED;
	memcpy(value, identity, sizeof(*identity));
	return flags;
}

/* What is left of the octets after the last TLV that counts stays as it is. */
static void tlvs_answer(const struct stamp_identity *identity, uint8_t *octets, uint32_t bytes)
{
	struct stamp_tlv tlv;

	for (int i = 0; i < TLVS_MAX && bytes >= sizeof(tlv); i++) {
		uint32_t taken;

		memcpy(&tlv, octets, sizeof(tlv));
		taken = (uint32_t)sizeof(tlv) + ntohs(tlv.length_be);
		if (tlv.type == TLV_RESERVED)
			return;
		if (taken > bytes) {
			octets[0] = tlv.flags | STAMP_TLV_MALFORMED;
			return;
		}
		octets[0] = tlv_answer(identity, &tlv, octets + sizeof(tlv));
		octets += taken;
		bytes -= taken;
	}
}

void reflector_write(const struct kernel_memory *memory, const struct stamp_identity *identity,
		     const struct reflector_request *request, const struct reflector_asker *asker,
		     uint8_t *payload)
{
	struct stamp_request from;
	struct stamp_reply reply = { .sender_ttl = request->ttl };

	memcpy(&from, payload, sizeof(from));
	tlvs_answer(identity, payload + STAMP_BYTES, request->bytes - STAMP_BYTES);
	reply.sequence_be =
		htonl(reflector_session_count(memory, asker->session, request->arrived));
	reply.error_estimate_be = __atomic_load_n(&memory->control->error_estimate_be,
						  __ATOMIC_ACQUIRE);
	reply.ssid_be = from.ssid_be;
	timestamp_write(reply.receive_timestamp, request->t2_unix_ns);
	reply.sender_sequence_be = from.sequence_be;
	memcpy(reply.sender_timestamp, from.timestamp, sizeof(from.timestamp));
	reply.sender_error_estimate_be = from.error_estimate_be;
	memcpy(payload, &reply, sizeof(reply));
}

void reflector_write_t3(uint8_t *payload, int64_t t3_unix_ns)
{
	timestamp_write(payload + offsetof(struct stamp_reply, timestamp), t3_unix_ns);
}
