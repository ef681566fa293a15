/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that must not be answered, each forged in one thing: counted by its reason and sent up
 * untouched. Must not know how the programs tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

static const uint8_t ipv6_mapped_peer[16] = { [10] = 0xff, [11] = 0xff, 8, 0, 0, 2 };
static const uint8_t ipv6_mapped_own[16] = { [10] = 0xff, [11] = 0xff, 8, 0, 0, 1 };
static const uint8_t ipv6_all_nodes[16] = { 0xff, 2, [15] = 1 };
static const uint8_t ipv4_group[4] = { 224, 0, 0, 1 };
static const uint8_t ipv4_broadcast[4] = { 255, 255, 255, 255 };
static const uint8_t none[16];

/* Counters that would both be true of a forgery. */
#define EITHER (SIZE_MAX - 1)

struct forgery {
	const char *name;
	const uint8_t *source[2]; /* by family; NULL: good */
	const uint8_t *destination[2];
	uint16_t source_port;
	size_t udp_bytes;
	size_t payload_bytes;
	uint8_t mac[6]; /* of the destination */
	size_t counter;
};

#define UDP_WHOLE (UDP_BYTES + STAMP_BYTES)

static const struct forgery forgeries[] = {
	{ "a stranger's", .source = { ipv4_stranger, ipv6_stranger },
	  .counter = COUNTER(refused_source) },
	{ "from our own address", .source = { ipv4_own, ipv6_own },
	  .counter = COUNTER(refused_source) },
	{ "from nowhere", .source = { none, none }, .counter = COUNTER(refused_source) },
	{ "from the peer, mapped", .source = { NULL, ipv6_mapped_peer },
	  .counter = COUNTER(refused_source) },
	{ "from a group", .source = { ipv4_group, ipv6_all_nodes },
	  .counter = COUNTER(refused_source) },
	{ "to a stranger", .destination = { ipv4_stranger, ipv6_stranger },
	  .counter = COUNTER(refused_destination) },
	{ "to the peer itself", .destination = { ipv4_peer, ipv6_peer },
	  .counter = COUNTER(refused_destination) },
	{ "to our address, mapped", .destination = { NULL, ipv6_mapped_own },
	  .counter = COUNTER(refused_destination) },
	{ "to a group", .destination = { ipv4_group, ipv6_all_nodes },
	  .counter = COUNTER(refused_destination) },
	{ "to all", .destination = { ipv4_broadcast, ipv6_all_nodes },
	  .counter = COUNTER(refused_destination) },
	{ "both mapped", .source = { NULL, ipv6_mapped_peer },
	  .destination = { NULL, ipv6_mapped_own }, .counter = EITHER },
	{ "from the reflector's port", .source_port = STAMP_PORT,
	  .counter = COUNTER(refused_port) },
	{ "another's MAC", .mac = { 2, 0, 0, 0, 0, 9 }, .counter = COUNTER(refused_host) },
	{ "a group's MAC", .mac = { 1, 0, 0x5e, 0, 0, 1 }, .counter = COUNTER(refused_host) },
	{ "everybody's MAC", .mac = { 255, 255, 255, 255, 255, 255 },
	  .counter = COUNTER(refused_host) },
	{ "no UDP length", .udp_bytes = SIZE_MAX, .counter = COUNTER(refused_length) },
	{ "UDP length of the header", .udp_bytes = 8, .counter = COUNTER(refused_length) },
	{ "UDP length below the header", .udp_bytes = 7, .counter = COUNTER(refused_length) },
	{ "short in UDP", .udp_bytes = UDP_WHOLE - 1, .counter = COUNTER(refused_length) },
	{ "longer than IP", .udp_bytes = UDP_WHOLE + 1, .counter = COUNTER(refused_length) },
	{ "much longer", .udp_bytes = 0xffff, .counter = COUNTER(refused_length) },
	{ "short by one", .payload_bytes = 43, .counter = COUNTER(refused_length) },
	{ "nothing", .payload_bytes = SIZE_MAX, .counter = COUNTER(refused_length) },
};

static struct frame forge(const struct shape *shape, const struct forgery *forgery)
{
	static const uint8_t good_mac[6];
	struct stamp request = stamp_request_in();
	struct frame frame;

	request.source = forgery->source[shape->ipv6];
	request.destination = forgery->destination[shape->ipv6];
	if (forgery->source_port)
		request.source_port = forgery->source_port;
	if (forgery->payload_bytes)
		request.payload_bytes = forgery->payload_bytes + 1 ? forgery->payload_bytes : 0;
	request.udp_bytes = forgery->udp_bytes + 1 ? forgery->udp_bytes : 0;
	frame = frame_of_stamp(shape, &request);
	if (forgery->udp_bytes + 1 == 0)
		set_be16(&frame, frame.message + 4, 0);
	if (memcmp(forgery->mac, good_mac, 6) != 0)
		memcpy(frame.octets, forgery->mac, 6);
	return frame;
}

static void a_forgery_is_counted_by_its_reason(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t j = 0; j < COUNT(forgeries); j++) {
			const struct forgery *forgery = &forgeries[j];
			struct frame frame = forge(shape, forgery);

			if (!shape->ipv6 && strstr(forgery->name, "mapped"))
				continue;
			harness_reset(harness);
			if (forgery->counter == EITHER) {
				run_frame(program, &frame);
				assert_int_equal(harness->counters->refused_source +
							 harness->counters->refused_destination,
						 1);
				assert_int_equal(counters_sum(harness), 1);
				continue;
			}
			check_refused(harness, program, &frame, forgery->counter);
			assert_int_equal(harness->peers[slot_of(shape)].reflected, 0);
			for (size_t k = 0; k < SESSION_CAPACITY; k++)
				assert_int_equal(harness->sessions[k].key, 0);
		}
	}
}

/* What stands between Ethernet and UDP. */
static void only_plain_packets_are_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < COUNT(shapes) * 2; i++) {
		const struct shape *shape = &shapes[i / 2];
		const struct bpf_program *program = reflectors_of(harness).programs[i % 2];
		struct frame frame = frame_of_stamp(shape, &request);
		bool options = shape->ipv4_option_bytes > 0 || shape->extension_bytes > 0;

		if (shape->no_ethernet)
			continue;
		harness_reset(harness);
		if (shape->vlan_tags)
			check_refused(harness, program, &frame, COUNTER(refused_host));
		else if (options)
			check_refused(harness, program, &frame, COUNTER(refused_options));
		else
			check_reflected(harness, program, shape, &request, 0);
	}
}

static void a_fragment_is_not_answered(void **state)
{
	static const struct shape fragments[] = {
		{ "IPv6 fragment", .ipv6 = true, .extensions = { FRAGMENT, 255 },
		  .extension_bytes = 8 },
		{ "and an extension", .ipv6 = true, .extensions = { HOP, FRAGMENT, 255 },
		  .extension_bytes = 8 },
	};
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	for (size_t i = 0; i < 2; i++) {
		const struct bpf_program *program = reflectors_of(harness).programs[i];

		for (size_t bit = 0; bit < 14; bit++) {
			struct frame frame = frame_of_stamp(&plain[0], &request);

			set_be16(&frame, frame.ip + 6, (size_t)1 << bit);
			frame_set_ttl(&frame, false, PACKET_TTL);
			harness_reset(harness);
			/* Of the others nobody knows what they are. */
			check_refused(harness, program, &frame,
				      bit == 13 ? COUNTER(refused_options) : NO_COUNTER);
		}
		for (size_t j = 0; j < COUNT(fragments); j++) {
			struct frame frame = frame_of_stamp(&fragments[j], &request);

			harness_reset(harness);
			run_frame(program, &frame);
			assert_int_equal(counters_sum(harness), harness->counters->refused_options);
		}
	}
}

static void what_could_not_be_answered_is_not(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();
		struct frame frame;

		request.source_port = 0; /* nobody can listen there */
		frame = frame_of_stamp(shape, &request);
		harness_reset(harness);
		check_refused(harness, program, &frame, COUNTER(refused_port));
		request = stamp_request_in(); /* nobody may send it */
		request.ttl = 0;
		frame = frame_of_stamp(shape, &request);
		check_refused(harness, program, &frame, COUNTER(refused_options));
		request = stamp_request_in(); /* the reply would go to a group's link address */
		frame = frame_of_stamp(shape, &request);
		frame.octets[6] |= 1;
		check_refused(harness, program, &frame, COUNTER(refused_host));
		memset(frame.octets + 6, 255, 6);
		check_refused(harness, program, &frame, COUNTER(refused_host));
		memset(frame.octets + 6, 254, 6);
		check_reflected_frame(harness, program, shape, &request, &frame, 0);
		if (!shape->ipv6)
			continue;
		request.checksum = SUM_NONE; /* IPv6 does not know it */
		frame = frame_of_stamp(shape, &request);
		check_refused(harness, program, &frame, COUNTER(refused_checksum));
	}
}

/* Else the damage would show as loss on the way back. Each bit of what a checksum covers. */
static void a_damaged_request_is_not_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();
		struct frame whole, frame;

		stamp_add_tlv(&request, 0x80, STAMP_TLV_EXTRA_PADDING, 301, 0x5c);
		whole = frame = frame_of_stamp(shape, &request);
		harness_reset(harness);
		for (size_t bit = 8 * (whole.ip + (shape->ipv6 ? 8 : 0)); bit < 8 * whole.bytes;
		     bit++) {
			size_t octet = bit / 8;
			uint64_t refused = harness->counters->refused_checksum;

			frame.octets[octet] ^= (uint8_t)(1 << bit % 8);
			harness_run(program, frame.octets, frame.bytes);
			if (octet >= frame.message + 6)
				assert_int_equal(harness->counters->refused_checksum, refused + 1);
			frame.octets[octet] = whole.octets[octet];
		}
		assert_int_equal(harness->counters->reflected, 0);
		for (size_t k = 0; k < SESSION_CAPACITY; k++)
			assert_int_equal(harness->sessions[k].key, 0);
		assert_int_equal(
			entry_of(harness, shape->ipv6 ? ipv6_peer : NULL, ipv4_peer)->reflect_at,
			0);
		check_reflected(harness, program, shape, &request, 0);
	}
}

/* Of the IPv4 header, where UDP's is none or left to a device. */
static void a_damaged_header_is_not_answered(void **state)
{
	static const size_t unseen[] = { 1, 4, 5, 8, 10, 11 }; /* by the other guards */
	static const enum udp_checksum sums[] = { SUM_RIGHT, SUM_NONE, SUM_PARTIAL };
	struct harness *harness = harness_or_skip(state);

	for (size_t i = 0; i < COUNT(unseen) * COUNT(sums) * 2; i++) {
		const struct bpf_program *program = reflectors_of(harness).programs[i % 2];
		struct stamp request = stamp_request_in();
		struct frame frame;

		request.checksum = sums[i / 2 % COUNT(sums)];
		frame = frame_of_stamp(&plain[0], &request);
		frame.octets[frame.ip + unseen[i / 2 / COUNT(sums)]] ^= 0x10;
		harness_reset(harness);
		check_refused(harness, program, &frame, COUNTER(refused_checksum));
	}
}

static void a_cut_off_request_is_not_answered(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct stamp request = stamp_request_in();

		stamp_add_tlv(&request, 0x80, STAMP_TLV_IDENTITY, IDENTITY_BYTES, 0);
		struct frame frame = frame_of_stamp(shape, &request);

		for (size_t bytes = shape->ipv6 ? 54 : 34; bytes < frame.bytes; bytes++) {
			harness_reset(harness);
			harness_run(program, frame.octets, bytes);
			assert_int_equal(counters_sum(harness), harness->counters->refused_length);
			if (bytes >= frame.message + UDP_BYTES)
				assert_int_equal(harness->counters->refused_length, 1);
		}
		check_reflected(harness, program, shape, &request, 0);
	}
}

static void every_length_below_a_whole_request_is_refused(void **state)
{
	struct harness *harness = harness_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (size_t bytes = 0; bytes < STAMP_BYTES; bytes++) {
			struct stamp request = stamp_request_in();

			request.payload_bytes = bytes;
			harness_reset(harness);
			struct frame frame = frame_of_stamp(shape, &request);

			check_refused(harness, program, &frame, COUNTER(refused_length));
			/* More in the frame, or in the packet, does not help. */
			memset(frame.octets + frame.bytes, 0, 60);
			frame.bytes += 60;
			check_refused(harness, program, &frame, COUNTER(refused_length));
			request.payload_bytes = 2 * STAMP_BYTES;
			request.udp_bytes = UDP_BYTES + bytes;
			frame = frame_of_stamp(shape, &request);
			check_refused(harness, program, &frame, COUNTER(refused_length));
		}
	}
}

/* As user space changes kc_addresses. */
static void the_address_table_decides(void **state)
{
	struct harness *harness = harness_or_skip(state);
	struct stamp request = stamp_request_in();

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		struct frame frame = frame_of_stamp(shape, &request);
		struct kc_address *own, *peer;

		harness_reset(harness);
		own = entry_of(harness, shape->ipv6 ? ipv6_own : NULL, ipv4_own);
		peer = entry_of(harness, shape->ipv6 ? ipv6_peer : NULL, ipv4_peer);
		own->use = KC_ADDRESS_REMOVED;
		check_refused(harness, program, &frame, COUNTER(refused_destination));
		own->use = KC_ADDRESS_USED;
		peer->use = KC_ADDRESS_REMOVED;
		check_refused(harness, program, &frame, COUNTER(refused_source));
		peer->use = KC_ADDRESS_USED;
		peer->slot = KC_SLOT_NONE;
		check_refused(harness, program, &frame, COUNTER(refused_source));
		peer->own = 1; /* a peer whose address is also ours: not another's */
		peer->slot = slot_of(shape);
		check_refused(harness, program, &frame, COUNTER(refused_source));
		peer->own = 0;
		own->slot = 3; /* our address, wherever it also stands as a peer's */
		check_reflected(harness, program, shape, &request, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forgery_is_counted_by_its_reason),
		cmocka_unit_test(only_plain_packets_are_answered),
		cmocka_unit_test(a_fragment_is_not_answered),
		cmocka_unit_test(what_could_not_be_answered_is_not),
		cmocka_unit_test(a_damaged_request_is_not_answered),
		cmocka_unit_test(a_damaged_header_is_not_answered),
		cmocka_unit_test(a_cut_off_request_is_not_answered),
		cmocka_unit_test(every_length_below_a_whole_request_is_refused),
		cmocka_unit_test(the_address_table_decides),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
