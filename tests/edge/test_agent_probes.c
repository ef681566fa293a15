/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the agent reads the UDP sockets: neither so late that one is full or that a refusal comes
 * after its probe expired, nor oftener; and whether it looks at replies. All but agent_probes.c is
 * made up here.
 */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "edge/agent_neighbours.h"

#define TICK_NS	       (10 * NS_PER_MS)
#define PERIOD_NS      (250 * NS_PER_MS)
#define QUIET_NS       NS_PER_SECOND
#define WAITING_MAX    64 /* in one socket, which finds room for several times as many */
#define TIMEOUT_NS     (2 * NS_PER_SECOND)
#define USELESS_FEW    16
#define START_NS       (1000 * NS_PER_SECOND)
#define READINGS_AFTER (PERIOD_NS + QUIET_NS)

/* What the neighbours are told to do, and how often they were called. */
static struct {
	uint32_t due; /* probes, left to be handed out */
	uint16_t flow;
	uint8_t protocol;
	int send_error;
	uint32_t in_flight;
	bool awaited;
	uint32_t readings;
	uint32_t unread; /* of them, those that let go of replies unread */
	uint32_t hearings;
	struct prober_stamp_errors errors; /* of each reading */
} world;

uint32_t canary_due(struct canary *canary, struct local_time tick, struct local_time now,
		    struct probe *batch, uint32_t capacity)
{
	uint32_t count = world.due < capacity ? world.due : capacity;

	(void)canary;
	(void)tick;
	(void)now;
	for (uint32_t i = 0; i < count; i++)
		batch[i] = (struct probe){ .flow = world.flow, .protocol = world.protocol };
	world.due -= count;
	return count;
}

uint32_t canary_in_flight(const struct canary *canary)
{
	(void)canary;
	return world.in_flight;
}

bool canary_awaits_reply(const struct canary *canary)
{
	(void)canary;
	return world.awaited;
}

void prober_stamp_send(struct prober_stamp *prober, const struct probe *batch, uint32_t count,
		       uint16_t error_estimate_be, int *errors)
{
	(void)prober;
	(void)batch;
	(void)error_estimate_be;
	for (uint32_t i = 0; i < count; i++)
		errors[i] = world.send_error;
}

struct prober_stamp_errors prober_stamp_receive(struct prober_stamp *prober,
						prober_stamp_reply_fn *on_reply,
						prober_stamp_refusal_fn *on_refusal, void *ctx)
{
	(void)prober;
	(void)ctx;
	assert_non_null(on_refusal);
	world.readings++;
	world.unread += !on_reply;
	return world.errors;
}

struct prober_stamp_errors agent_hear(struct agent *agent)
{
	(void)agent;
	world.hearings++;
	return world.errors;
}

static struct config config;

static struct local_time at(int64_t ns)
{
	return (struct local_time){ .ns = START_NS + ns };
}

/* It has just read, so that the next time is a whole period away. */
static struct agent opened(uint32_t flows)
{
	struct agent agent = { .config = &config };

	memset(&world, 0, sizeof(world));
	world.protocol = PROBE_STAMP;
	config = (struct config){ .probe_flows = flows,
				  .probe_timeout_ns = TIMEOUT_NS,
				  .probe_interval_ns = NS_PER_SECOND };
	agent_listen(&agent, at(0));
	assert_int_equal(world.readings, 1);
	return agent;
}

static void send(struct agent *agent, uint16_t flow, uint32_t count)
{
	world.flow = flow;
	world.due = count;
	agent_send_due(agent, at(0));
	assert_int_equal(world.due, 0);
}

/* How often the sockets are read in ticks from..to, from included. */
static uint32_t readings(struct agent *agent, int64_t from_ns, int64_t to_ns)
{
	uint32_t before = world.readings;

	for (int64_t ns = from_ns; ns < to_ns; ns += TICK_NS)
		agent_listen(agent, at(ns));
	return world.readings - before;
}

static void sockets_are_emptied_before_one_is_full(void **state)
{
	(void)state;
	for (uint16_t flow = 0; flow < 4; flow++) {
		struct agent agent = opened(4);

		/* The others' replies wait elsewhere. */
		for (uint16_t other = 0; other < 4; other++)
			send(&agent, other, WAITING_MAX);
		assert_int_equal(readings(&agent, TICK_NS, 2 * TICK_NS), 0);
		send(&agent, flow, 1);
		assert_int_equal(readings(&agent, 2 * TICK_NS, 3 * TICK_NS), 1);
		/* Counted anew from there. */
		send(&agent, flow, WAITING_MAX);
		assert_int_equal(readings(&agent, 3 * TICK_NS, 4 * TICK_NS), 0);
		send(&agent, flow, 1);
		assert_int_equal(readings(&agent, 4 * TICK_NS, 5 * TICK_NS), 1);
	}
}

static void what_was_not_sent_there_leaves_no_reply_there(void **state)
{
	struct agent agent = opened(1);

	(void)state;
	world.send_error = -ENETUNREACH;
	send(&agent, 0, 10 * WAITING_MAX);
	assert_int_equal(agent.send_errors[SEND_ERROR_UNREACHABLE], 10 * WAITING_MAX);
	world.send_error = 0;
	world.protocol = PROBE_ICMP;
	send(&agent, 0, 10 * WAITING_MAX);
	assert_int_equal(readings(&agent, TICK_NS, READINGS_AFTER), 0);
}

/* A refusal must be read before its probe expires, and so at half of its time. */
static void while_replies_may_come_they_are_read_in_time(void **state)
{
	static const int64_t timeouts_ns[] = { 60 * NS_PER_MS, 200 * NS_PER_MS, 500 * NS_PER_MS,
					       TIMEOUT_NS };

	(void)state;
	for (size_t i = 0; i < sizeof(timeouts_ns) / sizeof(timeouts_ns[0]); i++) {
		int64_t patience_ns = timeouts_ns[i] / 2;
		struct agent agent = opened(2);

		if (patience_ns > PERIOD_NS)
			patience_ns = PERIOD_NS;
		config.probe_timeout_ns = timeouts_ns[i];
		agent.receive_at = at(0);
		world.in_flight = 1;
		assert_int_equal(readings(&agent, 0, TICK_NS), 1);
		assert_int_equal(readings(&agent, TICK_NS, patience_ns), 0);
		assert_int_equal(readings(&agent, patience_ns, patience_ns + TICK_NS), 1);
		assert_int_equal(readings(&agent, patience_ns + TICK_NS, 11 * patience_ns), 9);
	}
}

/* Its record came first: nothing is in flight, but the reply waits. */
static void a_reply_that_waits_is_read_in_time(void **state)
{
	(void)state;
	for (uint16_t flow = 0; flow < 2; flow++) {
		struct agent agent = opened(2);

		send(&agent, flow, 1);
		assert_int_equal(readings(&agent, TICK_NS, PERIOD_NS), 0);
		assert_int_equal(readings(&agent, PERIOD_NS, PERIOD_NS + TICK_NS), 1);
		/* And then none does. */
		assert_int_equal(readings(&agent, PERIOD_NS + TICK_NS, PERIOD_NS + READINGS_AFTER),
				 0);
	}
}

/* What strangers send must not stay for good. */
static void without_probes_sockets_are_read_now_and_then(void **state)
{
	struct agent agent = opened(2);

	(void)state;
	assert_int_equal(readings(&agent, TICK_NS, READINGS_AFTER), 0);
	assert_int_equal(readings(&agent, READINGS_AFTER, READINGS_AFTER + TICK_NS), 1);
	assert_int_equal(readings(&agent, READINGS_AFTER + TICK_NS, 8 * READINGS_AFTER), 6);
	/* A probe ends the quiet at once. */
	world.in_flight = 1;
	assert_int_equal(readings(&agent, 8 * READINGS_AFTER + PERIOD_NS,
				  8 * READINGS_AFTER + PERIOD_NS + TICK_NS),
			 1);
}

static void useless_errors_are_cleared_away_every_tick(void **state)
{
	struct agent agent = opened(1);
	uint64_t rejected = agent.refusals_rejected;

	(void)state;
	world.in_flight = 1;
	world.errors = (struct prober_stamp_errors){ .rejected = 3, .useless = USELESS_FEW };
	assert_int_equal(readings(&agent, PERIOD_NS, 2 * PERIOD_NS), 1);
	world.errors.useless++;
	assert_int_equal(readings(&agent, 2 * PERIOD_NS, 3 * PERIOD_NS), PERIOD_NS / TICK_NS);
	world.errors.useless--;
	assert_int_equal(readings(&agent, 3 * PERIOD_NS, 4 * PERIOD_NS), 1);
	assert_int_equal(agent.refusals_rejected - rejected, 3 * (2 + PERIOD_NS / TICK_NS));
}

static void whoever_listens_is_told_at_once(void **state)
{
	static const struct agent_ear ear;
	struct agent agent = opened(1);

	(void)state;
	agent.ear = &ear;
	assert_int_equal(readings(&agent, TICK_NS, PERIOD_NS), PERIOD_NS / TICK_NS - 1);
	assert_int_equal(world.hearings, 0);
}

static void only_what_somebody_waits_for_is_read(void **state)
{
	static const struct agent_ear ear;
	struct agent agent = opened(1);

	(void)state;
	assert_int_equal(world.unread, 1);
	world.awaited = true;
	agent_listen(&agent, at(READINGS_AFTER));
	assert_int_equal(world.unread, 1);
	world.awaited = false;
	agent_listen(&agent, at(2 * READINGS_AFTER));
	assert_int_equal(world.unread, 2);
	agent.ear = &ear;
	agent_listen(&agent, at(3 * READINGS_AFTER));
	assert_int_equal(world.unread, 2);
	assert_int_equal(world.readings, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_emptied_before_one_is_full),
		cmocka_unit_test(what_was_not_sent_there_leaves_no_reply_there),
		cmocka_unit_test(while_replies_may_come_they_are_read_in_time),
		cmocka_unit_test(a_reply_that_waits_is_read_in_time),
		cmocka_unit_test(without_probes_sockets_are_read_now_and_then),
		cmocka_unit_test(useless_errors_are_cleared_away_every_tick),
		cmocka_unit_test(whoever_listens_is_told_at_once),
		cmocka_unit_test(only_what_somebody_waits_for_is_read),
	};

	return cmocka_run_group_tests_name("agent_probes", tests, NULL, NULL);
}
