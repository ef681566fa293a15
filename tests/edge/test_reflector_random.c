/* SPDX-License-Identifier: Apache-2.0 */
/* The user-space reflector under random packets from peers and strangers: every one is accounted
 * for once, what is answered goes back to who asked, as large as it came and within the rate. The
 * seed is printed; SEED and ROUNDS may be given. And its table of sessions, at chosen times. */
#include "edge/reflector_world.h"

#define ROUNDS	       100000
#define SESSION_PROBES 8

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Half of it much like a request, a tenth with our own times. */
static size_t random_payload(uint64_t *seed, uint8_t *ret)
{
	size_t length = fake_random(seed) % (fake_random(seed) % 8 ? 420 : 9200);
	uint64_t look = fake_random(seed) % 10;

	for (size_t i = 0; i < length; i += 8) {
		uint64_t value = fake_random(seed);

		memcpy(ret + i, &value, 8);
	}
	if (look < 5 && length >= STAMP_BYTES)
		request_fill(ret, (uint32_t)look, (uint16_t)look);
	if (look < 5 && length >= 48)
		memcpy(ret + 44, (uint8_t[]){ 0x80, 245, 1, 64 }, 4);
	if (look == 4)
		octets_be(ret + 28, 4, (uint64_t)loop_unix_ns() / 1000000000 + 2208988800);
	if (look == 3 && length > 48)
		memset(ret + 48, 0, length - 48);
	return length;
}

/* What came back to one who asked; returns how many. */
static uint32_t take_replies(int fd, const size_t *lengths, uint32_t asked)
{
	static uint8_t octets[16384];
	uint32_t replies = 0;
	ssize_t length;

	while ((length = recv(fd, octets, sizeof(octets), MSG_DONTWAIT)) >= 0) {
		uint32_t i = 0;

		assert_true(length >= STAMP_BYTES);
		assert_true(replies < asked);
		/* The sender's sequence is random, so the length tells. */
		while (i < asked && lengths[i] != (size_t)length)
			i++;
		assert_true(i < asked);
		replies++;
	}
	return replies;
}

/* Of n at once, from the peers and a stranger of either family. */
static uint32_t random_burst(struct world *world, const int strangers[2], uint64_t *seed,
			     uint32_t count)
{
	static uint8_t payload[16384];
	size_t lengths[2][64];
	uint32_t asked[2] = { 0, 0 }, replies = 0;
	uint64_t before = counters_total(world);

	for (uint32_t i = 0; i < count; i++) {
		size_t length = random_payload(seed, payload);
		int family = world->askers[1] >= 0 ? (int)(fake_random(seed) % 2) : 0;
		uint64_t who = fake_random(seed) % 8;
		const char *to = (who == 1 ? other_texts : own_texts)[family];

		if (who > 0)
			lengths[family][asked[family]++] = length;
		send_to(world, who > 0 ? world->askers[family] : strangers[family], to, payload,
			length);
	}
	/* On a busy machine the loop's packets come when ksoftirqd does. */
	do
		turn(world);
	while (counters_total(world) < before + count);
	FOR_EACH_FAMILY(world, family)
	replies += take_replies(world->askers[family], lengths[family], asked[family]);
	return replies;
}

static void every_random_packet_is_accounted_for(void **state)
{
	uint64_t seed = number_of("SEED", (uint64_t)loop_unix_ns()), first = seed;
	uint64_t rounds = number_of("ROUNDS", ROUNDS), sent = 0, replies = 0;
	uint16_t ports_be[2] = { 0, 0 };
	struct world *world = *state;
	int strangers[2];

	print_message("SEED=%llu\n", (unsigned long long)first);
	for (int family = 0; family < 2; family++)
		strangers[family] = bound_socket(stranger_texts[family], &ports_be[family]);
	while (sent < rounds) {
		uint32_t count = 1 + (uint32_t)(fake_random(&seed) % 64);

		replies += random_burst(world, strangers, &seed, count);
		sent += count;
		assert_int_equal(counters_total(world), sent);
		assert_int_equal(world->memory.counters->reflected, replies);
		/* Else nearly all would be refused for the rate. */
		for (uint32_t i = 0; sent % 16 == 0 && i < world->memory.shape.address_capacity;
		     i++)
			world->memory.addresses[i].reflect_at = 0;
	}
	assert_int_equal(world->memory.counters->refused_failed, 0);
	assert_true(replies > rounds / 20);
	assert_true(world->memory.counters->refused_rate > 0);
	for (int family = 0; family < 2; family++) {
		if (strangers[family] < 0)
			continue;
		assert_false(is_readable(strangers[family], REPLY_NONE_MS));
		close(strangers[family]);
	}
}

static struct local_time at_ms(int64_t ms)
{
	return (struct local_time){ .ns = (1LL << 48) - 100 * NS_PER_MS + ms * NS_PER_MS };
}

/* The time wraps meanwhile. */
static void the_longest_unused_session_gives_way(void **state)
{
	struct world *world = *state;
	struct kernel_memory *memory = &world->memory;

	memory->shape.session_capacity = SESSION_PROBES;
	for (uint16_t i = 0; i < SESSION_PROBES; i++) {
		uint64_t key = reflector_session_key(3, 4000, i);

		assert_int_equal(reflector_session_count(memory, key, at_ms(20 * i)), 0);
		assert_int_equal(reflector_session_count(memory, key, at_ms(20 * i)), 1);
	}
	/* Used again: the second is the oldest then. */
	assert_int_equal(
		reflector_session_count(memory, reflector_session_key(3, 4000, 0), at_ms(200)), 2);
	assert_int_equal(
		reflector_session_count(memory, reflector_session_key(3, 4000, 99), at_ms(201)), 0);
	for (uint16_t i = 0; i < SESSION_PROBES; i++)
		if (i != 1)
			assert_int_equal(reflector_session_count(memory,
								 reflector_session_key(3, 4000, i),
								 at_ms(210 + i)),
					 i == 0 ? 3 : 2);
	/* It begins anew, in the place of the one that came last. */
	assert_int_equal(
		reflector_session_count(memory, reflector_session_key(3, 4000, 1), at_ms(300)), 0);
	/* What arrived before it, by the other socket, is none the older for that. */
	assert_int_equal(
		reflector_session_count(memory, reflector_session_key(3, 4000, 98), at_ms(250)), 0);
	assert_int_equal(
		reflector_session_count(memory, reflector_session_key(3, 4000, 1), at_ms(301)), 1);
}

static void a_restart_is_of_one_session(void **state)
{
	struct world *world = *state;
	struct kernel_memory *memory = &world->memory;
	uint64_t one = reflector_session_key(1, 2, 3), other = reflector_session_key(1, 2, 4);

	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(reflector_session_count(memory, one, at_ms(i)), i);
		assert_int_equal(reflector_session_count(memory, other, at_ms(i)), i);
	}
	reflector_session_restart(memory, one);
	assert_int_equal(reflector_session_count(memory, one, at_ms(9)), 0);
	assert_int_equal(reflector_session_count(memory, other, at_ms(9)), 3);
}

/* A hundred at once and one each 10 ms, over the wrap of the time; idle, a hundred again. */
static void the_rate_is_exact(void **state)
{
	struct kc_address peer = { .reflect_at = 1u << 31 }; /* long ago */
	uint32_t allowed = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		allowed += reflector_rate_allows(&peer, at_ms(0));
	assert_int_equal(allowed, KC_REFLECT_RATE);
	for (int i = 1; i <= 100000; i++)
		allowed += reflector_rate_allows(&peer, at_ms(i));
	assert_in_range(allowed, KC_REFLECT_RATE + 10000 - 1, KC_REFLECT_RATE + 10000 + 1);
	allowed = 0;
	for (int i = 0; i < 1000; i++)
		allowed += reflector_rate_allows(&peer, at_ms(102000));
	assert_int_equal(allowed, KC_REFLECT_RATE);
	/* After half of the time's circle and more it is idle, not far ahead. */
	assert_true(reflector_rate_allows(&peer, at_ms(150000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(every_random_packet_is_accounted_for),
		TEST(the_longest_unused_session_gives_way),
		TEST(a_restart_is_of_one_session),
		TEST(the_rate_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
