/* SPDX-License-Identifier: Apache-2.0 */
/* The user-space reflector: every field of its replies, in both families; where they come from, its
 * times, its counts, and its life as a socket. Needs no privilege. */
#include "edge/reflector_world.h"

static void set_class(int fd, int family, int tos, int ttl)
{
	int level = family ? IPPROTO_IPV6 : IPPROTO_IP;

	assert_int_equal(setsockopt(fd, level, family ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos)),
			 0);
	assert_int_equal(
		setsockopt(fd, level, family ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof(ttl)), 0);
}

/* All but the times. tail: what must stand behind the STAMP packet. */
static void check_reply(const struct request *reply, const uint8_t *asked, size_t length, int ttl,
			uint32_t sequence, const uint8_t *tail)
{
	uint8_t expected[STAMP_BYTES] = { 0 };

	octets_be(expected, 4, sequence);
	memcpy(expected + 4, reply->octets + 4, 8);
	octets_be(expected + 12, 2, ESTIMATE);
	memcpy(expected + 14, asked + 14, 2);
	memcpy(expected + 16, reply->octets + 16, 8);
	memcpy(expected + 24, asked, 14);
	expected[40] = (uint8_t)ttl;
	assert_int_equal(reply->length, length);
	assert_memory_equal(reply->octets, expected, STAMP_BYTES);
	assert_memory_equal(reply->octets + STAMP_BYTES, tail, length - STAMP_BYTES);
	assert_int_equal(reply->ttl, 255);
}

static void check_times(const struct request *reply, int64_t before_ns, int64_t after_ns)
{
	int64_t t2 = unix_ns_of(reply->octets + 16), t3 = unix_ns_of(reply->octets + 4);

	assert_true(t2 >= before_ns - 1 && t2 <= t3 && t3 <= after_ns);
}

static void every_field_of_a_reply_is_as_the_rfc_draws(void **state)
{
	static const size_t lengths[] = { 44, 45, 47, 48, 100, 1472, 9167, 9168 };
	static const int classes[] = { 0, 46 << 2, 3, 255 };
	static const int ttls[] = { 1, 61, 255, 64 };
	static struct request reply;
	static uint8_t asked[16384];
	struct world *world = *state;
	uint32_t count = 0;

	FOR_EACH_FAMILY(world, family)
	{
		for (size_t i = 0; i < 8 * 4; i++) {
			size_t length = lengths[i / 4];
			int64_t before_ns = loop_unix_ns();

			set_class(world->askers[family], family, classes[i % 4], ttls[i % 4]);
			/* MBZ is not echoed, and no time of ours. */
			request_fill(asked, (uint32_t)i, 0xabcd);
			memset(asked + 16, 0xff, 28);
			memset(asked + 44, 0, sizeof(asked) - 44); /* as TWAMP Light pads */
			asked[length - 1] |= length > 48 ? 0x5a : 0;
			ask(world, family, asked, length);
			turn(world);
			read_request(world->askers[family], &reply);
			check_reply(&reply, asked, length, ttls[i % 4], (uint32_t)i, asked + 44);
			check_times(&reply, before_ns, loop_unix_ns());
			check_from(world, &reply, own_texts[family]);
			assert_int_equal(reply.tos, classes[i % 4]);
			assert_int_equal(world->memory.peers[SLOT_OF(family)].reflected, i + 1);
			assert_int_equal(world->memory.counters->reflected, ++count);
			assert_int_equal(counters_total(world), count);
		}
	}
}

/* flags, type, octets of the value, flags after. */
struct tlv_case {
	uint8_t flags, type;
	uint16_t bytes;
	uint8_t fill;
	uint8_t after;
};

static const struct tlv_case tlv_cases[] = {
	{ 0xff, 1, 7, 0x11, 0x3f },  /* padding is understood */
	{ 0x00, 7, 5, 0x22, 0x80 },  /* unknown */
	{ 0x40, 9, 0, 0, 0x80 },     /* M is ours to say */
	{ 0x80, 245, 320, 0, 0x00 }, /* who are you? */
	{ 0x80, 245, 320, 1, 0x40 }, /* not all zeros */
	{ 0x80, 245, 319, 0, 0x40 }, /* of another size */
	{ 0x20, 245, 320, 0, 0x20 }, /* a second time */
	{ 0x00, 2, 3, 0x33, 0x80 },  /* the eighth */
	{ 0x00, 3, 4, 0x44, 0x00 },  /* the ninth stays as it is */
};

static void tlvs_are_answered_in_place(void **state)
{
	static uint8_t asked[2048], tail[2048];
	static struct request reply;
	struct world *world = *state;

	FOR_EACH_FAMILY(world, family)
	{
		size_t at = 0;

		request_fill(asked, 1, 0);
		for (size_t i = 0; i < sizeof(tlv_cases) / sizeof(tlv_cases[0]); i++) {
			const struct tlv_case *one = &tlv_cases[i];
			uint8_t head[4] = { one->flags, one->type, (uint8_t)(one->bytes >> 8),
					    (uint8_t)one->bytes };

			memcpy(asked + 44 + at, head, 4);
			memset(asked + 48 + at, one->fill, one->bytes);
			memcpy(tail + at, asked + 44 + at, one->bytes + 4u);
			tail[at] = one->after;
			if (one->type == 245 && !(one->after & 0x40))
				memcpy(tail + at + 4, &world->identity, 320);
			at += one->bytes + 4u;
		}
		set_class(world->askers[family], family, 0, 77);
		ask(world, family, asked, 44 + at);
		turn(world);
		read_request(world->askers[family], &reply);
		check_reply(&reply, asked, 44 + at, 77, 0, tail);
	}
}

/* What is cut off is malformed, and nothing behind it is read. */
static void a_tlv_that_is_cut_off_is_malformed(void **state)
{
	static const uint8_t tails[][12] = {
		{ 0x05, 7, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8 },	 /* one octet is missing */
		{ 0x05, 7, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0 }, /* all but */
		{ 0x05, 7, 0, 0, 0x80, 245, 1, 64, 0, 0, 0, 0 }, /* the second */
		{ 0x05, 7, 0, 5, 1, 2, 3, 4, 5, 0x01, 7, 0 },	 /* no whole header */
	};
	static const uint8_t at[] = { 0, 0, 4, 0 }, flags[] = { 0x45, 0x45, 0xc0, 0x85 };
	static struct request reply;
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		uint8_t asked[56], tail[12];

		request_fill(asked, 1, 0);
		memcpy(asked + 44, tails[i], 12);
		memcpy(tail, tails[i], 12);
		tail[0] = i == 2 ? 0x85 : tail[0];
		tail[at[i]] = flags[i];
		ask(world, 0, asked, sizeof(asked));
		turn(world);
		read_request(world->askers[0], &reply);
		check_reply(&reply, asked, sizeof(asked), reply.octets[40], (uint32_t)i, tail);
	}
}

/* Whatever follows: zeros, as what is asked for, or nothing. */
static void an_identity_of_another_length_is_malformed(void **state)
{
	static const uint16_t lengths[] = { 0, 4, 319, 321 };
	static struct request reply;
	struct world *world = *state;

	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint16_t length = lengths[i / 2];
		size_t bytes = 44 + 4 + length + (i % 2 ? 700u : 0u);
		uint8_t asked[44 + 4 + 321 + 700] = { 0 }, tail[4 + 321 + 700] = { 0 };

		request_fill(asked, 1, 0);
		asked[44] = 0x80;
		asked[45] = 245;
		octets_be(asked + 46, 2, length);
		memcpy(tail, asked + 44, 4);
		tail[0] = 0x40;
		ask(world, 0, asked, bytes);
		turn(world);
		read_request(world->askers[0], &reply);
		check_reply(&reply, asked, bytes, reply.octets[40], (uint32_t)i, tail);
	}
}

/* However late we are. */
static void t2_is_when_it_came_and_t3_when_it_went(void **state)
{
	static struct request reply;
	uint8_t asked[STAMP_BYTES];
	struct world *world = *state;

	FOR_EACH_FAMILY(world, family)
	{
		int64_t sent_ns, woke_ns, t2, t3;

		request_fill(asked, 1, 0);
		ask(world, family, asked, sizeof(asked));
		sent_ns = loop_unix_ns();
		usleep(30000);
		woke_ns = loop_unix_ns();
		turn(world);
		read_request(world->askers[family], &reply);
		t2 = unix_ns_of(reply.octets + 16);
		t3 = unix_ns_of(reply.octets + 4);
		assert_true(t2 <= sent_ns);
		assert_true(t3 >= woke_ns && t3 <= loop_unix_ns());
	}
}

static void sessions_are_counted_by_peer_port_and_ssid(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 3; i++) {
		FOR_EACH_FAMILY(world, family)
		{
			assert_int_equal(answered_with(world, family, 1), i);
			assert_int_equal(answered_with(world, family, 2), i);
		}
	}
}

/* Many at once, of which a batch is a part. */
static void all_that_waits_is_answered_in_order(void **state)
{
	static struct request reply;
	uint8_t asked[STAMP_BYTES];
	struct world *world = *state;

	FOR_EACH_FAMILY(world, family)
	{
		for (uint32_t i = 0; i < 50; i++) {
			request_fill(asked, 1000 + i, 0);
			ask(world, family, asked, sizeof(asked));
		}
		turn(world);
		for (uint32_t i = 0; i < 50; i++) {
			read_request(world->askers[family], &reply);
			assert_int_equal(value_be(reply.octets, 4), i);
			assert_int_equal(value_be(reply.octets + 24, 4), 1000 + i);
		}
	}
}

/* He who asked is gone, and his host says so. */
static void icmp_errors_are_nothing_to_others(void **state)
{
	uint8_t asked[STAMP_BYTES];
	struct world *world = *state;

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		for (int i = 0; i < 20; i++) {
			uint16_t port_be = 0;
			int fd = bound_socket(peer_texts[family], &port_be);

			send_to(world, fd, own_texts[family], asked, sizeof(asked));
			close(fd);
			turn(world);
		}
		assert_int_equal(answered_with(world, family, 3), 0);
	}
	assert_int_equal(world->memory.counters->refused_failed, 0);
}

static void a_port_that_is_taken_is_told(void **state)
{
	struct world *world = *state;
	struct reflector_settings settings = { world->port_be, &world->identity };
	struct reflector *other = NULL;

	for (int family = 0; family < 2; family++) {
		uint16_t port_be = 0;
		int fd = bound_socket(own_texts[family], &port_be);

		if (fd < 0)
			continue;
		settings.port_be = port_be;
		assert_int_equal(reflector_open(&settings, &other), -EADDRINUSE);
		assert_null(other);
		close(fd);
	}
	/* What was opened before was closed again. */
	assert_int_equal(reflector_open(&settings, &other), 0);
	reflector_close(other);
	reflector_close(NULL);
}

static void nothing_is_answered_before_the_tables_are_known(void **state)
{
	struct world *world = *state;
	struct reflector_settings settings = { free_port_be(), &world->identity };
	uint16_t port_be = world->port_be;
	struct reflector *kept = world->reflector;
	uint8_t asked[STAMP_BYTES];

	assert_int_equal(reflector_open(&settings, &world->reflector), 0);
	world->port_be = settings.port_be;
	request_fill(asked, 1, 0);
	ask(world, 0, asked, sizeof(asked));
	turn(world);
	assert_false(is_readable(world->askers[0], REPLY_NONE_MS));
	reflector_use(world->reflector, &world->memory, world->memory.sessions);
	turn(world);
	assert_true(is_readable(world->askers[0], WAIT_MS));
	reflector_close(world->reflector);
	world->reflector = kept;
	world->port_be = port_be;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(every_field_of_a_reply_is_as_the_rfc_draws),
		TEST(tlvs_are_answered_in_place),
		TEST(a_tlv_that_is_cut_off_is_malformed),
		TEST(an_identity_of_another_length_is_malformed),
		TEST(t2_is_when_it_came_and_t3_when_it_went),
		TEST(sessions_are_counted_by_peer_port_and_ssid),
		TEST(all_that_waits_is_answered_in_order),
		TEST(icmp_errors_are_nothing_to_others),
		TEST(a_port_that_is_taken_is_told),
		TEST(nothing_is_answered_before_the_tables_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
