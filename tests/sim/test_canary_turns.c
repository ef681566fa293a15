/* SPDX-License-Identifier: Apache-2.0 */
/* When each peer has its turn: spread over the interval, and so as they come and go. */
#include "sim/protocols.h"
#include "sim/simulation.h"

#define SEED 0x5eed6

/* The most probes that come due in any tick of so long. */
static uint32_t most_in_a_tick(struct simulation *sim, int64_t tick_ns, int64_t duration_ns,
			       uint64_t *ret_sum)
{
	uint32_t most = 0;

	*ret_sum = 0;
	for (int64_t end_ns = sim->now_ns + duration_ns; sim->now_ns < end_ns;) {
		struct probe batch[8];
		uint32_t count, tick = 0;

		sim->now_ns += tick_ns;
		canary_on_expiry(sim->canary, simulation_now(sim));
		do {
			count = canary_due(sim->canary, simulation_now(sim), simulation_now(sim),
					   batch, 8);
			for (uint32_t i = 0; i < count; i++)
				canary_on_sent(sim->canary, &batch[i], 0);
			tick += count;
		} while (count == 8);
		most = tick > most ? tick : most;
		*ret_sum += tick;
	}
	return most;
}

static void turns_are_spread_evenly(void **state)
{
	static const uint32_t counts[] = { 1, 3, 20, 40, 64 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct simulation *sim = simulation_open(SEED, SIMULATION_SLOTS, 1, NS_PER_SECOND,
							 NS_PER_SECOND, protocol_of(state));
		uint64_t sum;
		uint32_t most, share = (counts[i] + 9) / 10;

		simulation_populate(sim, counts[i]);
		most_in_a_tick(sim, SIMULATION_TICK_NS, NS_PER_SECOND, &sum);
		most = most_in_a_tick(sim, SIMULATION_TICK_NS, 30 * NS_PER_SECOND, &sum);
		assert_int_equal(sum, 30 * counts[i]);
		assert_in_range(most, share, share + 2);
		/* After a stop nobody makes up for what was missed. */
		sim->now_ns += 10 * NS_PER_SECOND;
		most = most_in_a_tick(sim, SIMULATION_TICK_NS, 2 * NS_PER_SECOND, &sum);
		assert_in_range(most, share, share + 2);
		assert_in_range(sum, counts[i], 2 * counts[i] + share);
		simulation_close(sim);
	}
}

/* So many of the peers of a large cluster, each time some others. */
static void replace_some(struct simulation *sim, bool *there, uint32_t of, uint32_t wanted)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < of; i++) {
		there[i] = there[i] && fake_random(&sim->random) % 8;
		count += there[i];
	}
	while (count < wanted) {
		uint32_t i = (uint32_t)(fake_random(&sim->random) % of);

		count += !there[i];
		there[i] = true;
	}
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 0; i < of; i++)
		if (there[i])
			simulation_offer(sim, 1 + i, "");
	simulation_commit(sim);
}

/* However many came and went: in each tenth of the interval at most twice the even share and 2. */
static void turns_stay_spread(void **state)
{
	static const uint32_t counts[] = { 1, 5, 10, 20, 40, 60 };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct simulation *sim = simulation_open(SEED, SIMULATION_SLOTS, 1, NS_PER_SECOND,
							 100 * MS, protocol_of(state));
		bool there[SIMULATION_PEERS] = { false };
		uint32_t worst = 0;
		uint64_t sum;

		sim->sending = false; /* it is only counted what would be */
		for (int round = 0; round < 200; round++) {
			uint32_t most;

			replace_some(sim, there, SIMULATION_PEERS, counts[i]);
			/* All have a slot, as soon as those who left do not need it any more. */
			simulation_run(sim, NS_PER_SECOND);
			assert_int_equal(peers_surplus(canary_peers(sim->canary)), 0);
			most_in_a_tick(sim, 100 * MS, 2 * NS_PER_SECOND, &sum);
			most = most_in_a_tick(sim, 100 * MS, NS_PER_SECOND, &sum);
			assert_int_equal(sum, counts[i]);
			worst = most > worst ? most : worst;
			sim->tick_ns = sim->now_ns;
		}
		print_message("%u peers: at most %u in a tenth\n", counts[i], worst);
		assert_in_range(worst, (counts[i] + 9) / 10, 2 * ((counts[i] + 9) / 10) + 2);
		simulation_close(sim);
	}
}

/* Each tick comes ten turns late, and must not take that for a stall. */
static void an_interval_below_the_tick_is_probed_with_every_tick(void **state)
{
	struct simulation *sim = simulation_open(SEED, 4, 1, 10 * MS, 300 * MS, protocol_of(state));

	simulation_populate(sim, 4);
	simulation_run(sim, 10 * NS_PER_SECOND);
	simulation_settle(sim);
	simulation_compare(sim);
	for (uint32_t slot = 0; slot < 4; slot++)
		assert_in_range(canary_stats(sim->canary, slot)->sent, 95, 100);
	simulation_close(sim);
}

/* Where the grid of ticks is the interval's, and each wake-up is late by another time: turns go by
 * the grid, so that each peer has one with every tick. */
static void late_wake_ups_take_no_turns(void **state)
{
	const int64_t interval_ns = 20 * MS;
	struct simulation *sim = simulation_open(SEED, SIMULATION_SLOTS, 1, interval_ns, 100 * MS,
						 protocol_of(state));
	uint32_t sent[SIMULATION_SLOTS] = { 0 };

	simulation_populate(sim, 40);
	simulation_run(sim, NS_PER_SECOND);
	for (int64_t tick_ns = (sim->now_ns / interval_ns + 2) * interval_ns, ticks = 0;
	     ticks < 400; ticks++, tick_ns += interval_ns) {
		struct probe batch[SIMULATION_SLOTS];
		uint32_t count;

		sim->now_ns = tick_ns + (int64_t)(fake_random(&sim->random) % 5) * MS;
		canary_on_expiry(sim->canary, simulation_now(sim));
		count = canary_due(sim->canary, (struct local_time){ .ns = tick_ns },
				   simulation_now(sim), batch, SIMULATION_SLOTS);
		for (uint32_t i = 0; i < count; i++) {
			sent[batch[i].slot]++;
			canary_on_sent(sim->canary, &batch[i], 0);
		}
	}
	for (uint32_t slot = 0; slot < 40; slot++)
		assert_int_equal(sent[slot], 400);
	simulation_close(sim);
}

/* Turns that are left out take no room in a batch: all are seen to in one call. */
static void a_call_sees_to_all_turns(void **state)
{
	struct simulation *sim = simulation_open(SEED, SIMULATION_SLOTS, 1, NS_PER_SECOND,
						 NS_PER_SECOND, protocol_of(state));
	struct probe batch[4];
	uint64_t sum;

	simulation_populate(sim, 64);
	most_in_a_tick(sim, SIMULATION_TICK_NS, 2 * NS_PER_SECOND, &sum);
	sim->now_ns += 10 * NS_PER_SECOND;
	canary_on_expiry(sim->canary, simulation_now(sim));
	assert_true(canary_next_due(sim->canary, simulation_now(sim)).ns <= sim->now_ns);
	assert_int_equal(
		canary_due(sim->canary, simulation_now(sim), simulation_now(sim), batch, 4), 0);
	assert_true(canary_next_due(sim->canary, simulation_now(sim)).ns > sim->now_ns);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(turns_are_spread_evenly),
		EACH_PROTOCOL(turns_stay_spread),
		EACH_PROTOCOL(an_interval_below_the_tick_is_probed_with_every_tick),
		EACH_PROTOCOL(late_wake_ups_take_no_turns),
		EACH_PROTOCOL(a_call_sees_to_all_turns),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_turns", tests, NULL, NULL);
}
