/* SPDX-License-Identifier: Apache-2.0 */
/* What the user-space reflector could answer and does not: more than the rate, what cannot be sent,
 * what has no stamp, or one of another clock; and how much it does at once. */
#include "edge/reflector_world.h"

/* A burst of a second's; then one each 10 ms. A refusal begins the session anew. */
static void the_rate_of_each_peer_is_limited(void **state)
{
	struct world *world = *state;
	struct local_time start, end;
	uint32_t answered = 0;

	FOR_EACH_FAMILY(world, family)
	{
		uint64_t refused = world->memory.counters->refused_rate;
		static struct request reply;
		uint8_t asked[STAMP_BYTES];

		request_fill(asked, 1, 0);
		start = loop_now();
		for (answered = 0; world->memory.counters->refused_rate == refused; answered++) {
			assert_true(answered < 1000);
			ask(world, family, asked, sizeof(asked));
			turn(world);
		}
		answered--;
		end = loop_now();
		assert_in_range(answered, KC_REFLECT_RATE,
				KC_REFLECT_RATE + 1 + (uint64_t)local_since(end, start) / 10000000);
		for (uint32_t i = 0; i < answered; i++)
			read_request(world->askers[family], &reply);
		assert_int_equal(value_be(reply.octets, 4), answered - 1);
		assert_false(is_readable(world->askers[family], REPLY_NONE_MS));
		check_answered(world, family, 0);
		check_answered(world, family, 1);
	}
}

/* However late we are: 20 at once after the burst are too many, though read when there is room for
 * 30 more. */
static void the_rate_is_of_arrivals(void **state)
{
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];
	uint64_t before;

	request_fill(asked, 1, 0);
	while (world->memory.counters->refused_rate == 0) {
		assert_true(counters_total(world) < 1000);
		ask(world, 0, asked, sizeof(asked));
		turn(world);
	}
	before = world->memory.counters->refused_rate;
	for (int i = 0; i < 20; i++)
		ask(world, 0, asked, sizeof(asked));
	usleep(300000);
	turn(world);
	assert_true(world->memory.counters->refused_rate - before >= 10);
}

static void what_cannot_be_sent_is_told_and_the_session_begins_anew(void **state)
{
	static uint8_t asked[3000];
	struct world *world = *state;

	if (!world->is_own)
		skip();
	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		check_answered(world, family, 0);
		check_answered(world, family, 1);
		ask(world, family, asked, sizeof(asked));
		assert_int_equal(lo_set_mtu(1500), 0);
		check_refused(world, family, COUNTER(refused_failed));
		assert_int_equal(lo_set_mtu(65536), 0);
		check_answered(world, family, 0);
	}
}

static void no_stamp_no_answer(void **state)
{
	struct world *world = *state;
	int fds[REFLECTOR_SOCKETS], off = 0;
	int on = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	uint8_t asked[STAMP_BYTES];

	reflector_fds(world->reflector, fds);
	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		check_answered(world, family, 0);
		setsockopt(fds[family], SOL_SOCKET, SO_TIMESTAMPING, &off, sizeof(off));
		ask(world, family, asked, sizeof(asked));
		check_refused(world, family, COUNTER(refused_failed));
		setsockopt(fds[family], SOL_SOCKET, SO_TIMESTAMPING, &on, sizeof(on));
		check_answered(world, family, 0);
	}
}

/* What was stamped before the wall clock was set is of another clock than T3 would be. */
static void a_clock_that_steps_is_noticed(void **state)
{
	static const int64_t steps_ns[] = { 3600000000000, -3600000000000, 60000, -60000 };
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		for (size_t i = 0; i < 4; i++) {
			uint64_t before = world->memory.counters->refused_failed;

			check_answered(world, family, 0);
			for (int j = 0; j < 20; j++)
				ask(world, family, asked, sizeof(asked));
			world->reflector->real_offset_ns -= steps_ns[i];
			turn(world);
			assert_false(is_readable(world->askers[family], REPLY_NONE_MS));
			assert_int_equal(world->memory.counters->refused_failed, before + 20);
		}
		check_answered(world, family, 0);
	}
}

/* No more than were there then, should the socket never be empty. */
static void what_came_after_a_step_is_answered(void **state)
{
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];

	request_fill(asked, 1, 0);
	for (int i = 0; i < 20; i++)
		ask(world, 0, asked, sizeof(asked));
	world->reflector->sockets[0].stale = 5;
	turn(world);
	assert_int_equal(world->memory.counters->refused_failed, 5);
	assert_int_equal(world->memory.counters->reflected, 15);
}

/* A call answers so many at most, and leaves the others. */
static void a_call_is_bounded(void **state)
{
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];
	int room = 0;
	socklen_t length = sizeof(room);
	int fds[REFLECTOR_SOCKETS];

	reflector_fds(world->reflector, fds);
	getsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &room, &length);
	if (room < REFLECTOR_WAITING_BYTES)
		skip(); /* not permitted */
	request_fill(asked, 1, 0);
	for (int i = 0; i < 1500; i++)
		ask(world, 0, asked, sizeof(asked));
	turn(world);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(counters_total(world), 256 * i);
		turn(world);
	}
	assert_int_equal(counters_total(world), 1500);
}

/* What finds no room is counted with the next that does. */
static void what_overflows_is_counted(void **state)
{
	struct world *world = *state;
	uint8_t asked[STAMP_BYTES];
	int fds[REFLECTOR_SOCKETS], little = 16384;

	reflector_fds(world->reflector, fds);
	request_fill(asked, 1, 0);
	FOR_EACH_FAMILY(world, family)
	{
		uint64_t before = counters_total(world);

		setsockopt(fds[family], SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
		for (int i = 0; i < 300; i++)
			ask(world, family, asked, sizeof(asked));
		turn(world);
		assert_true(counters_total(world) - before < 200);
		ask(world, family, asked, sizeof(asked));
		turn(world);
		assert_int_equal(counters_total(world) - before, 301);
		assert_true(world->memory.counters->refused_failed > 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(the_rate_of_each_peer_is_limited),
		TEST(the_rate_is_of_arrivals),
		TEST(what_cannot_be_sent_is_told_and_the_session_begins_anew),
		TEST(no_stamp_no_answer),
		TEST(a_clock_that_steps_is_noticed),
		TEST(what_came_after_a_step_is_answered),
		TEST(a_call_is_bounded),
		TEST(what_overflows_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
