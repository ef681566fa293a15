/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and replies mutated at random, against a small parser of their own: never a reply to a
 * stranger, never one that is larger, and every packet accounted for exactly once. The seed is
 * printed; SEED and ROUNDS may be given. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define ROUNDS 200000
#define AGE_NS 1000000000
#define T2     0xec0000001fffffffULL

/* What a packet is by its headers. */
enum kind {
	UNRELATED, /* nothing may be counted */
	UNCLEAR,   /* cut off about its ports: it may */
	REQUEST,
	REPLY,
};

struct parsed {
	enum kind kind;
	size_t udp;   /* offset */
	size_t bytes; /* of UDP, as IP says */
	bool plain;   /* neither tags, options, extensions nor fragments */
};

/* Of IPv6: past the headers that may be before UDP; 0 if it is not there. */
static size_t walk(const struct frame *frame, size_t offset, uint8_t next, struct parsed *parsed)
{
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *at = frame->octets + offset;

		if (next != HOP && next != ROUTING && next != DESTINATION && next != FRAGMENT)
			break;
		if (offset + 8 > frame->bytes)
			return 0;
		parsed->plain = false;
		if (next == FRAGMENT && (value_be(at + 2, 2) & 0xfff8))
			return 0;
		offset += next == FRAGMENT ? 8 : 8 + 8U * at[1];
		parsed->kind = next == FRAGMENT ? UNCLEAR : parsed->kind;
		next = at[0];
	}
	return next == 17 ? offset : 0;
}

/* The offset of UDP, or 0. Of fragments only requests are known. */
static size_t udp_find(const struct frame *frame, size_t ip, bool ipv6, struct parsed *parsed)
{
	const uint8_t *octets = frame->octets + ip;
	size_t total, header;

	if (ip + (ipv6 ? 40 : 20) > frame->bytes || octets[0] >> 4 != (ipv6 ? 6 : 4))
		return 0;
	if (ipv6) {
		parsed->udp = walk(frame, ip + 40, octets[6], parsed);
		total = 40 + (size_t)value_be(octets + 4, 2);
	} else {
		header = 4U * (octets[0] & 15);
		total = (size_t)value_be(octets + 2, 2);
		if (header < 20 || octets[9] != 17 || value_be(octets + 6, 2) & 0x1fff)
			return 0;
		parsed->plain = parsed->plain && header == 20;
		if (octets[6] & 0x20) {
			parsed->kind = UNCLEAR;
			parsed->plain = false;
		}
		parsed->udp = ip + header;
	}
	if (parsed->udp == 0 || ip + total < parsed->udp)
		return 0;
	parsed->bytes = ip + total - parsed->udp;
	return parsed->udp;
}

static bool is_flow(uint64_t port)
{
	return port >= FLOW_PORT && port < FLOW_PORT + FLOWS;
}

static struct parsed parse(const struct frame *frame)
{
	struct parsed parsed = { .plain = true, .kind = REQUEST };
	const struct parsed unrelated = { .kind = UNRELATED };
	size_t ip = 14;
	uint64_t ethertype, source, destination;

	for (unsigned tags = 0; tags < 2 && ip <= frame->bytes; tags++) {
		ethertype = value_be(frame->octets + ip - 2, 2);
		if (ethertype != 0x8100 && ethertype != 0x88a8)
			break;
		ip += 4;
		parsed.plain = false;
	}
	ethertype = value_be(frame->octets + ip - 2, 2);
	if (ip > frame->bytes || (ethertype != 0x0800 && ethertype != 0x86dd) ||
	    !udp_find(frame, ip, ethertype == 0x86dd, &parsed))
		return unrelated;
	source = value_be(frame->octets + parsed.udp, 2);
	destination = value_be(frame->octets + parsed.udp + 2, 2);
	if (parsed.udp + 4 > frame->bytes || parsed.bytes < 4)
		return unrelated;
	if (source == STAMP_PORT && is_flow(destination))
		parsed.kind = parsed.kind == UNCLEAR ? UNRELATED : REPLY;
	else if (destination != STAMP_PORT)
		return unrelated;
	if (parsed.kind != UNRELATED && (parsed.udp + 8 > frame->bytes || parsed.bytes < 8))
		parsed.kind = UNCLEAR;
	return parsed;
}

/* Both checksums as the reflector wants them: that of UDP right, none over IPv4, or left to a
 * device. */
static bool sums_hold(const struct frame *frame, size_t udp)
{
	bool ipv6 = frame->octets[12] == 0x86;
	size_t bytes = (size_t)value_be(frame->octets + udp + 4, 2);
	uint64_t checksum = value_be(frame->octets + udp + 6, 2);
	struct frame copy = *frame;

	copy.ip = 14;
	copy.message = udp;
	if (!ipv6 && sum_octets(copy.octets + copy.ip, 20, 0) != 0xffff)
		return false;
	if (checksum == 0)
		return !ipv6;
	return checksum == udp_sum(&copy, ipv6, bytes, false) ||
	       udp_sum(&copy, ipv6, bytes, true) == 0xffff;
}

/* A request that every guard lets through. */
static bool is_good(const struct frame *frame, const struct parsed *parsed)
{
	bool ipv6 = frame->octets[12] == 0x86;
	const uint8_t *addresses = frame->octets + (ipv6 ? 14 + 8 : 14 + 12);
	const uint8_t *udp = frame->octets + parsed->udp;
	uint64_t length = value_be(udp + 4, 2), port = value_be(udp, 2);
	size_t bytes = ipv6 ? 16 : 4;

	return parsed->kind == REQUEST && parsed->plain && is_zero(frame->octets, 6) &&
	       memcmp(addresses, ipv6 ? ipv6_peer : ipv4_peer, bytes) == 0 &&
	       memcmp(addresses + bytes, ipv6 ? ipv6_own : ipv4_own, bytes) == 0 &&
	       port != STAMP_PORT && port != 0 && length >= 52 && length <= parsed->bytes &&
	       parsed->udp + parsed->bytes <= frame->bytes && !(frame->octets[6] & 1) &&
	       frame->octets[14 + (ipv6 ? 7 : 8)] != 0 && sums_hold(frame, parsed->udp);
}

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13; /* Marsaglia's xorshift */
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* The packet before octets are damaged. */
static void stamp_draw(struct stamp *stamp, bool reply)
{
	static const uint16_t ports[] = { STAMP_PORT,	 STAMP_PORT, STAMP_PORT + 1,   FLOW_PORT,
					  FLOW_PORT + 1, 0,	     FLOW_PORT + FLOWS };

	*stamp = reply ? stamp_reply_in(draw(FLOWS), T2, T2 + draw(3) - 1, 1) : stamp_request_in();
	if (draw(8) == 0)
		stamp->source_port = ports[draw(COUNT(ports))];
	if (draw(8) == 0)
		stamp->destination_port = ports[draw(COUNT(ports))];
	for (uint32_t tlvs = draw(4) ? 0 : draw(11); tlvs > 0 && stamp->payload_bytes < 1500;
	     tlvs--)
		stamp_add_tlv(stamp, (uint8_t)draw(256), (uint8_t)(draw(3) ? 245 : draw(4)),
			      draw(3) ? draw(20) : IDENTITY_BYTES, (uint8_t)(draw(3) / 2));
	if (draw(10) == 0)
		stamp->payload_bytes = draw(60);
	if (draw(10) == 0)
		stamp->udp_bytes = draw(120);
	stamp->checksum = draw(6) ? SUM_RIGHT : SUM_NONE + draw(3);
}

static void addresses_draw(struct stamp *stamp, bool ipv6)
{
	const uint8_t *all[] = { ipv6 ? ipv6_own : ipv4_own, ipv6 ? ipv6_peer : ipv4_peer,
				 ipv6 ? ipv6_stranger : ipv4_stranger };

	if (draw(8) == 0)
		stamp->source = all[draw(3)];
	if (draw(8) == 0)
		stamp->destination = all[draw(3)];
}

/* Octets of the headers, or anywhere; then perhaps a right sum again. */
static void damage(struct frame *frame, bool ipv6)
{
	size_t udp_bytes = frame->bytes - frame->message;

	for (uint32_t hits = draw(3) ? 0 : 1 + draw(4); hits > 0; hits--) {
		uint32_t offset = draw(draw(2) ? (uint32_t)frame->message + 60
					       : (uint32_t)frame->bytes);

		if (offset < frame->bytes && offset != 12 && offset != 13)
			frame->octets[offset] ^= (uint8_t)(1 << draw(8));
	}
	if (draw(2) && udp_bytes > 8)
		frame_udp_checksum(frame, ipv6, udp_bytes, SUM_RIGHT);
	if (draw(8) == 0)
		frame->bytes -= draw((uint32_t)(frame->bytes - 14));
	if (draw(8) == 0) {
		memset(frame->octets + frame->bytes, (int)draw(256), 40);
		frame->bytes += draw(40);
	}
	if (frame->bytes < 60) { /* as Ethernet pads it */
		memset(frame->octets + frame->bytes, 0, 60 - frame->bytes);
		frame->bytes = 60;
	}
}

/* Whether UDP's checksum is right, as seen from the far end. */
static bool sum_holds(const struct frame *frame, size_t udp)
{
	bool ipv6 = frame->octets[12] == 0x86;
	struct frame copy = *frame;

	copy.ip = 14;
	copy.message = udp;
	return udp_sum(&copy, ipv6, (size_t)value_be(copy.octets + udp + 4, 2), true) == 0xffff;
}

/* It goes back where it came from, and to nobody else; a wrong sum is not made right. */
static void assert_answer(const struct frame *in, const struct frame *out, size_t udp)
{
	bool ipv6 = in->octets[12] == 0x86;
	size_t source = ipv6 ? 14 + 8 : 14 + 12, bytes = ipv6 ? 16 : 4;

	assert_int_equal(out->bytes, in->bytes);
	assert_memory_equal(out->octets, in->octets + 6, 6);
	assert_memory_equal(out->octets + source + bytes, in->octets + source, bytes);
	assert_memory_equal(out->octets + source, in->octets + source + bytes, bytes);
	assert_memory_equal(out->octets + udp, in->octets + udp + 2, 2);
	assert_memory_equal(out->octets + udp + 2, in->octets + udp, 2);
	assert_int_equal(value_be(out->octets + udp + 6, 2) == 0,
			 value_be(in->octets + udp + 6, 2) == 0);
	if (value_be(in->octets + udp + 6, 2) != 0)
		assert_int_equal(sum_holds(out, udp), sum_holds(in, udp));
	assert_memory_equal(out->octets + udp + 8 + 28, in->octets + udp + 8 + 4, 8);
}

/* Whether a program was to look for requests, and for replies. */
static void check_round(struct harness *harness, const struct bpf_program *program,
			const struct frame *frame, bool requests, bool replies)
{
	const struct parsed parsed = parse(frame);
	bool good = requests && is_good(frame, &parsed);
	bool concerned = (requests && parsed.kind == REQUEST) || (replies && parsed.kind == REPLY);
	unsigned records;
	struct frame out;

	if (good) {
		assert_int_equal(harness_run_freely(program, frame->octets, frame->bytes, &out),
				 TC_ACT_REDIRECT);
		assert_answer(frame, &out, parsed.udp);
	} else {
		harness_run(program, frame->octets, frame->bytes);
	}
	records = harness_drain(harness);
	assert_int_equal(harness->counters->reflected, good);
	assert_true(records == 0 || parsed.kind == REPLY);
	if (parsed.kind == UNCLEAR)
		assert_in_range(counters_sum(harness) + records, 0, 1);
	else
		assert_int_equal(counters_sum(harness) + records, concerned);
}

static void every_packet_is_accounted_for(void **state)
{
	struct harness *harness = harness_or_skip(state);
	const struct canary_bpf *skeleton = harness->skeleton;
	const char *given = getenv("SEED"), *rounds_given = getenv("ROUNDS");
	unsigned long rounds = rounds_given ? strtoul(rounds_given, NULL, 0) : ROUNDS;
	uint64_t reflected = 0, returned = 0, refused = 0, rejected = 0;

	seed = given ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)now_ns() | 1;
	print_message("SEED=%u\n", seed);
	for (unsigned long round = 0; round < rounds; round++) {
		const struct shape *shape = draw(4) ? &plain[draw(2)]
						    : &shapes[draw(COUNT(shapes))];
		bool reply = draw(2);
		struct stamp stamp;
		struct frame frame;

		if (shape->no_ethernet)
			continue;
		stamp_draw(&stamp, reply);
		addresses_draw(&stamp, shape->ipv6);
		frame = frame_of_stamp(shape, &stamp);
		damage(&frame, shape->ipv6);
		for (unsigned flow = 0; flow < FLOWS; flow++)
			*stamp_flight(harness, shape, flow) = (struct kc_flight){ .nonce = NONCE };
		stamp_arm(harness, shape, draw(FLOWS), now_ns() - AGE_NS);
		if (round % 3 == 0)
			check_round(harness, skeleton->progs.kc_ingress_xdp, &frame, false, true);
		else if (round % 3 == 1)
			check_round(harness, skeleton->progs.kc_reflect, &frame, true, false);
		else
			check_round(harness, skeleton->progs.kc_ingress, &frame, true, true);
		reflected += harness->counters->reflected;
		returned += harness->record_count;
		refused += counters_sum(harness) - harness->counters->reflected;
		rejected += reply ? counters_sum(harness) : 0;
	}
	print_message(
		"%llu reflected, %llu returned, %llu counted otherwise, %llu of them replies\n",
		(unsigned long long)reflected, (unsigned long long)returned,
		(unsigned long long)refused, (unsigned long long)rejected);
	/* The mutations are worth something: neither all good nor all bad. */
	assert_in_range(reflected, rounds / 20, rounds / 2);
	assert_in_range(returned, rounds / 50, rounds / 2);
	assert_in_range(refused, rounds / 20, rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_accounted_for),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
