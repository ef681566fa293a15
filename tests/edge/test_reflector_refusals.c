/* SPDX-License-Identifier: Apache-2.0 */
/* What the user-space reflector does not answer: each request is counted once, as what it is, and
 * nothing comes back. Forgeries are left out where no namespace may be made. */
#include "edge/reflector_world.h"

static void only_peers_are_answered(void **state)
{
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		struct address peer = address_of(peer_texts[family]);
		const char *const from[] = { stranger_texts[family], own_texts[family] };

		for (int i = 0; i < 2; i++) {
			uint16_t port_be = 0;
			int fd = bound_socket(from[i], &port_be);

			send_to(world, fd, own_texts[family], asked, sizeof(asked));
			check_refused(world, family, COUNTER(refused_source));
			assert_false(is_readable(fd, 0));
			close(fd);
		}
		/* Of a peer that is not probed: it may ask. */
		addresses_insert(&world->memory, &peer, KC_SLOT_KNOWN);
		check_answered(world, family, 0);
		addresses_remove(&world->memory, &peer);
		ask(world, family, asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_source));
		/* Ours and a peer's at once. */
		addresses_insert(&world->memory, &peer, SLOT_OF(family));
		addresses_set_own(&world->memory, &peer, true);
		ask(world, family, asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_source));
	}
}

static void only_our_addresses_answer(void **state)
{
	static struct request reply;
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		struct address other = address_of(other_texts[family]);

		send_to(world, world->askers[family], other_texts[family], asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_destination));
		/* Even a peer's. */
		addresses_insert(&world->memory, &other, 3);
		send_to(world, world->askers[family], other_texts[family], asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_destination));
		addresses_set_own(&world->memory, &other, true);
		send_to(world, world->askers[family], other_texts[family], asked, sizeof(asked));
		turn(world);
		read_request(world->askers[family], &reply);
		check_from(world, &reply, other_texts[family]);
	}
}

static void lengths_are_those_of_stamp(void **state)
{
	static uint8_t asked[16384];
	static const size_t lengths[] = { 0, 1, 43, 9169, 16384 };
	struct world *world = *state;

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			ask(world, family, asked, lengths[i]);
			check_refused(world, family, COUNTER(refused_length));
		}
	}
}

/* T2 or T3 of ours, up to a minute old. */
static void our_own_times_come_back_to_nobody(void **state)
{
	static const int64_t ages[] = { 0, 60, -60 }, strange[] = { 70, -70, 1000000 };
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	FOR_EACH_FAMILY(world, family)
	{
		for (size_t i = 0; i < 6; i++) {
			size_t at = i % 2 ? 16 : 28;
			int64_t now = loop_unix_ns() / 1000000000 + 2208988800;

			request_fill(asked, 1, 0);
			octets_be(asked + at, 4, (uint64_t)(now - ages[i / 2]));
			ask(world, family, asked, sizeof(asked));
			check_refused(world, family, COUNTER(refused_loop));
			octets_be(asked + at, 4, (uint64_t)(now - strange[i / 2]));
			ask(world, family, asked, sizeof(asked));
			turn(world);
			assert_true(is_readable(world->askers[family], WAIT_MS));
			assert_true(recv(world->askers[family], asked, sizeof(asked), 0) > 0);
		}
	}
}

/* As a router would make them: ours, with options, extension headers or in parts. */
static void options_are_refused(void **state)
{
	static const uint8_t nops[4] = { 1, 1, 1, 0 };
	static const uint8_t padding[8] = { 0, 0, 1, 4, 0, 0, 0, 0 };
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	assert_int_equal(setsockopt(world->askers[0], IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops)),
			 0);
	ask(world, 0, asked, sizeof(asked));
	check_refused(world, 0, COUNTER(refused_options));
	if (!world->is_own || world->askers[1] < 0)
		skip();
	for (int i = 0; i < 2; i++) {
		int option = i ? IPV6_HOPOPTS : IPV6_DSTOPTS;

		assert_int_equal(setsockopt(world->askers[1], IPPROTO_IPV6, option, padding,
					    sizeof(padding)),
				 0);
		ask(world, 1, asked, sizeof(asked));
		check_refused(world, 1, COUNTER(refused_options));
		assert_int_equal(setsockopt(world->askers[1], IPPROTO_IPV6, option, NULL, 0), 0);
	}
	check_answered(world, 1, 0);
}

/* Larger than what there is room for: all that the kernel tells after it is cut off. */
static void large_extension_headers_are_refused(void **state)
{
	uint8_t header[2040] = { 0, sizeof(header) / 8 - 1 };
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	/* Options to be skipped (RFC 4727), no more than Linux takes. */
	for (size_t at = 2; at < sizeof(header); at += 255) {
		size_t left = sizeof(header) - at;

		header[at] = 0x1e;
		header[at + 1] = (uint8_t)(left > 255 ? 253 : left - 2);
	}
	if (!world->is_own || world->askers[1] < 0)
		skip();
	request_fill(asked, 1, 0);
	assert_int_equal(
		setsockopt(world->askers[1], IPPROTO_IPV6, IPV6_DSTOPTS, header, sizeof(header)),
		0);
	ask(world, 1, asked, sizeof(asked));
	check_refused(world, 1, COUNTER(refused_options));
}

static void fragments_are_refused(void **state)
{
	static uint8_t asked[3000];
	struct world *world = *state;

	if (!world->is_own)
		skip();
	request_fill(asked, 1, 0);
	assert_int_equal(lo_set_mtu(1500), 0);
	FOR_EACH_FAMILY(world, family)
	{
		int level = family ? IPPROTO_IPV6 : IPPROTO_IP, never = IP_PMTUDISC_DONT;

		setsockopt(world->askers[family], level,
			   family ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &never, sizeof(never));
		ask(world, family, asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_options));
	}
	assert_int_equal(lo_set_mtu(65536), 0);
}

/* IPv4's by hand, IPv6's by the kernel but for UDP. */
static void forge(struct world *world, int family, uint16_t source_port_be, int ttl)
{
	socklen_t length, at = family ? 0 : 20;
	union endpoint from = endpoint_of(peer_texts[family], 0, &length);
	union endpoint to = endpoint_of(own_texts[family], 0, &length);
	int fd = socket(from.any.sa_family, SOCK_RAW | SOCK_CLOEXEC,
			family ? IPPROTO_UDP : IPPROTO_RAW);
	uint8_t packet[20 + 8 + STAMP_BYTES] = { 0x45, [8] = (uint8_t)ttl, [9] = IPPROTO_UDP };
	int checksum_at = 6;

	assert_true(fd >= 0);
	if (family) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &checksum_at, sizeof(checksum_at));
		setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
		assert_int_equal(bind(fd, &from.any, length), 0);
	} else {
		memcpy(packet + 12, &from.ipv4.sin_addr, 4);
		memcpy(packet + 16, &to.ipv4.sin_addr, 4);
	}
	memcpy(packet + at, &source_port_be, 2);
	memcpy(packet + at + 2, &world->port_be, 2);
	octets_be(packet + at + 4, 2, 8 + STAMP_BYTES);
	memset(packet + at + 6, 0, 2);
	request_fill(packet + at + 8, 1, 0);
	assert_int_equal(sendto(fd, packet, at + 8 + STAMP_BYTES, 0, &to.any, length),
			 at + 8 + STAMP_BYTES);
	close(fd);
}

static void forgeries_are_refused(void **state)
{
	struct world *world = *state;

	if (!world->is_own)
		skip();
	FOR_EACH_FAMILY(world, family)
	{
		socklen_t length = sizeof(union endpoint);
		union endpoint asker;

		forge(world, family, 0, 64);
		check_refused(world, family, COUNTER(refused_port));
		forge(world, family, world->port_be, 64);
		check_refused(world, family, COUNTER(refused_port));
		forge(world, family, htons(4000), 0);
		check_refused(world, family, COUNTER(refused_options));
		/* That it is not the forging that is refused. */
		getsockname(world->askers[family], &asker.any, &length);
		forge(world, family, asker.ipv4.sin_port, 64);
		turn(world);
		assert_true(is_readable(world->askers[family], WAIT_MS));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(only_peers_are_answered),	  TEST(only_our_addresses_answer),
		TEST(lengths_are_those_of_stamp), TEST(our_own_times_come_back_to_nobody),
		TEST(options_are_refused),	  TEST(large_extension_headers_are_refused),
		TEST(fragments_are_refused),	  TEST(forgeries_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
