/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: one timer that can be moved, descriptors, signals, and one `now` for each wake-up. No
 * root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "loop.h"

struct world {
	struct loop *loop;
	int pipes[2][2];
	uint32_t timers;
	uint32_t reads;
	int signal;
	int64_t late_ns;
	struct local_time fired;
	struct local_time seen[2];
};

static int open_world(void **state)
{
	static struct world world;

	world = (struct world){ .loop = NULL };
	*state = &world;
	return loop_open(&world.loop) || pipe(world.pipes[0]) || pipe(world.pipes[1]);
}

static int close_world(void **state)
{
	struct world *world = *state;

	loop_close(world->loop);
	for (int i = 0; i < 4; i++)
		close(world->pipes[i / 2][i % 2]);
	return 0;
}

static void stop_on_timer(void *ctx, struct local_time now, int64_t late_ns)
{
	struct world *world = ctx;

	world->timers++;
	world->fired = now;
	world->late_ns = late_ns;
	loop_stop(world->loop);
}

static void the_timer_fires_once_and_never_early(void **state)
{
	struct world *world = *state;
	struct local_time due = local_after(loop_now(), 5 * NS_PER_MS);

	loop_on_timer(world->loop, stop_on_timer, world);
	loop_timer_at(world->loop, local_after(due, NS_PER_SECOND));
	loop_timer_at(world->loop, due); /* moved, and said twice */
	loop_timer_at(world->loop, due);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->timers, 1);
	assert_true(world->late_ns >= 0);
	assert_int_equal(local_since(world->fired, due), world->late_ns);
}

static void an_instant_that_has_passed_fires_at_once(void **state)
{
	struct world *world = *state;
	struct local_time start = loop_now();
	struct local_time due = local_after(start, -3 * NS_PER_MS);

	loop_on_timer(world->loop, stop_on_timer, world);
	loop_timer_at(world->loop, due);
	assert_int_equal(loop_run(world->loop), 0);
	assert_true(local_since(world->fired, start) < NS_PER_SECOND);
	assert_true(world->late_ns >= 3 * NS_PER_MS);
}

static void time_zero_fires_and_does_not_disarm(void **state)
{
	struct world *world = *state;

	loop_on_timer(world->loop, stop_on_timer, world);
	loop_timer_at(world->loop, (struct local_time){ .ns = 0 });
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->timers, 1);
}

static void count_on_timer(void *ctx, struct local_time now, int64_t late_ns)
{
	struct world *world = ctx;

	(void)now;
	(void)late_ns;
	world->timers++;
}

static void end_on_signal(void *ctx, int number, struct local_time now)
{
	struct world *world = ctx;

	(void)number;
	(void)now;
	loop_stop(world->loop);
}

static void a_timer_that_is_not_set_anew_fires_once_and_the_loop_sleeps(void **state)
{
	static const int signals[] = { SIGALRM, 0 };
	const struct itimerval end = { .it_value.tv_usec = 200 * 1000 };
	struct world *world = *state;
	int64_t cpu_ns = loop_cpu_ns();

	loop_on_timer(world->loop, count_on_timer, world);
	loop_timer_at(world->loop, loop_now());
	assert_int_equal(loop_signals(world->loop, signals, end_on_signal, world), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &end, NULL), 0);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->timers, 1);
	assert_in_range(loop_cpu_ns() - cpu_ns, 0, 2 * NS_PER_MS); /* it is far less */
}

static void read_first(void *ctx, struct local_time now)
{
	struct world *world = ctx;
	char octet;

	assert_int_equal(read(world->pipes[0][0], &octet, 1), 1);
	world->seen[0] = now;
	world->reads++;
}

static void read_second(void *ctx, struct local_time now)
{
	struct world *world = ctx;
	char octet;

	assert_int_equal(read(world->pipes[1][0], &octet, 1), 1);
	world->seen[1] = now;
	world->reads++;
	loop_timer_at(world->loop, now);
}

static void all_handlers_of_a_wake_up_see_the_same_now(void **state)
{
	struct world *world = *state;

	loop_on_timer(world->loop, stop_on_timer, world);
	assert_int_equal(loop_add(world->loop, world->pipes[0][0], read_first, world), 0);
	assert_int_equal(loop_add(world->loop, world->pipes[1][0], read_second, world), 0);
	assert_int_equal(write(world->pipes[0][1], "x", 1), 1);
	assert_int_equal(write(world->pipes[1][1], "x", 1), 1);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->reads, 2);
	assert_int_equal(world->seen[0].ns, world->seen[1].ns);
	assert_true(local_since(world->fired, world->seen[1]) >= 0);
}

static void move_timer(void *ctx, struct local_time now)
{
	struct world *world = ctx;

	read_first(ctx, now);
	loop_timer_at(world->loop,
		      local_after(now, 1)); /* has passed, but `now` does not know it */
}

static void a_timer_moved_in_the_same_wake_up_is_not_served_before_it_is_due(void **state)
{
	struct world *world = *state;

	loop_on_timer(world->loop, stop_on_timer, world);
	assert_int_equal(loop_add(world->loop, world->pipes[0][0], move_timer, world), 0);
	assert_int_equal(write(world->pipes[0][1], "x", 1), 1);
	loop_timer_at(world->loop, loop_now());
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->reads, 1);
	assert_true(world->late_ns >= 0);
}

static void ignore_fd(void *ctx, struct local_time now)
{
	(void)ctx;
	(void)now;
}

static void as_many_sources_as_promised_and_no_more(void **state)
{
	struct world *world = *state;
	int fds[LOOP_SOURCES + 1];

	for (uint32_t i = 0; i <= LOOP_SOURCES; i++) {
		fds[i] = dup(world->pipes[0][0]);
		assert_int_equal(loop_add(world->loop, fds[i], ignore_fd, NULL),
				 i < LOOP_SOURCES ? 0 : -ENOSPC);
	}
	for (uint32_t i = 0; i <= LOOP_SOURCES; i++)
		close(fds[i]);
	assert_int_equal(loop_add(world->loop, -1, ignore_fd, NULL), -ENOSPC);
}

static void a_bad_descriptor_is_refused(void **state)
{
	struct world *world = *state;

	assert_int_equal(loop_add(world->loop, -1, ignore_fd, NULL), -EBADF);
}

static void stop_on_signal(void *ctx, int signal, struct local_time now)
{
	struct world *world = ctx;

	(void)now;
	world->signal = signal;
	loop_stop(world->loop);
}

static void signals_come_as_events(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, 0 };
	struct world *world = *state;

	assert_int_equal(loop_signals(world->loop, signals, stop_on_signal, world), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->signal, SIGUSR2);
	as_many_sources_as_promised_and_no_more(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		TEST(the_timer_fires_once_and_never_early),
		TEST(an_instant_that_has_passed_fires_at_once),
		TEST(time_zero_fires_and_does_not_disarm),
		TEST(a_timer_that_is_not_set_anew_fires_once_and_the_loop_sleeps),
		TEST(all_handlers_of_a_wake_up_see_the_same_now),
		TEST(a_timer_moved_in_the_same_wake_up_is_not_served_before_it_is_due),
		TEST(as_many_sources_as_promised_and_no_more),
		TEST(a_bad_descriptor_is_refused),
		TEST(signals_come_as_events),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
