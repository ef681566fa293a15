/* SPDX-License-Identifier: Apache-2.0 */
/* What only STAMP has: flows and sessions, wall-clock stamps, residence, refusals, directions. */
#include "sim/outcome.h"

#include <endian.h>

#include "stamp.h"

#define FLOWS 4

static struct simulation *opened(uint32_t flows, int64_t interval_ns, int64_t timeout_ns)
{
	void *state = &over_stamp;

	return populated(&state, flows, interval_ns, timeout_ns);
}

/* --- what is sent --- */

/* All probes of the tick, sent. */
static uint32_t tick(struct simulation *sim, struct probe *probes)
{
	uint32_t count;

	sim->now_ns += SIMULATION_TICK_NS;
	canary_on_expiry(sim->canary, simulation_now(sim));
	count = canary_due(sim->canary, simulation_now(sim), simulation_now(sim), probes,
			   SIMULATION_SLOTS);
	for (uint32_t i = 0; i < count; i++)
		canary_on_sent(sim->canary, &probes[i], 0);
	return count;
}

static void flows_are_used_in_turn_and_together(void **state)
{
	struct simulation *sim = simulation_open(SEED, PEERS, FLOWS, NS_PER_SECOND, NS_PER_SECOND,
						 PROBE_STAMP);
	struct probe probes[SIMULATION_SLOTS];
	uint32_t last[PEERS], sequences[PEERS][FLOWS] = { { 0 } };
	uint64_t turns = 0;

	(void)state;
	memset(last, 0xff, sizeof(last));
	for (int i = 0; i < 20 * 20; i++) {
		/* They come one after another; some miss a turn here, and all of them many. */
		int64_t stall_ns = i == 100 ? 1500 * MS : i == 200 ? 10 * NS_PER_SECOND : 0;
		uint32_t count;

		sim->now_ns += stall_ns;
		if (stall_ns)
			memset(last, 0xff, sizeof(last));
		if (i % 7 == 0 && i / 7 < PEERS) {
			canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
			for (int peer = 0; peer <= i / 7; peer++)
				simulation_offer(sim, 1 + (uint32_t)peer, "");
			assert_int_equal(simulation_commit(sim).added, 1);
		}
		count = tick(sim, probes);
		for (uint32_t j = 0; j < count; j++, turns++) {
			const struct probe *probe = &probes[j];

			if (last[probe->slot] != UINT32_MAX)
				assert_int_equal(probe->flow, (last[probe->slot] + 1) % FLOWS);
			last[probe->slot] = probe->flow;
			assert_int_equal(probe->sequence, sequences[probe->slot][probe->flow]++);
			/* But where one interval ends and the next begins. */
			assert_true(probe->flow == probes[0].flow || stall_ns ||
				    sim->now_ns % NS_PER_SECOND < SIMULATION_TICK_NS);
		}
	}
	assert_true(turns > 12 * PEERS);
	simulation_close(sim);
}

static void sessions_have_identifiers_of_their_own(void **state)
{
	static const uint32_t bases[] = { 0, 1, 65534 - PEERS * FLOWS, 65530, 65534, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct simulation *sim = opened(FLOWS, NS_PER_SECOND, NS_PER_SECOND);
		struct probe probes[SIMULATION_SLOTS];
		uint8_t seen[65536] = { 0 };
		uint32_t sessions = 0;

		canary_close(sim->canary);
		sim->settings.ssid_base = (uint16_t)bases[i];
		assert_int_equal(canary_open(&sim->settings, &sim->kernel.memory, &sim->canary), 0);
		simulation_populate(sim, PEERS);
		for (int j = 0; j < 20 * 2 * FLOWS; j++) {
			for (uint32_t count = tick(sim, probes); count > 0; count--) {
				const struct probe *probe = &probes[count - 1];
				uint8_t session = (uint8_t)(1 + probe->slot * FLOWS + probe->flow);

				assert_true(probe->ssid != 0);
				sessions += seen[probe->ssid] == 0;
				assert_true(seen[probe->ssid] == 0 || seen[probe->ssid] == session);
				seen[probe->ssid] = session;
			}
		}
		assert_int_equal(sessions, PEERS * FLOWS);
		simulation_close(sim);
	}
}

static void the_nonce_is_the_time_of_day(void **state)
{
	struct simulation *sim = opened(FLOWS, NS_PER_SECOND, NS_PER_SECOND);
	const struct wall_clock clock = { .offset_ns = 1750000000 * NS_PER_SECOND + 987654321,
					  .error_estimate_be = htobe16(0x8c01) };
	struct probe probes[SIMULATION_SLOTS];
	uint32_t low_bits = 0, others = 0;

	(void)state;
	assert_true(sim->kernel.memory.control->real_offset_ns == SIMULATION_REAL_OFFSET_NS);
	canary_on_clock(sim->canary, &clock);
	assert_true(sim->kernel.memory.control->real_offset_ns == clock.offset_ns);
	assert_int_equal(sim->kernel.memory.control->error_estimate_be, clock.error_estimate_be);
	for (int i = 0; i < 100; i++) {
		for (uint32_t count = tick(sim, probes); count > 0; count--) {
			int64_t real_ns = sim->now_ns + clock.offset_ns;
			uint64_t nonce = be64toh(probes[count - 1].nonce);
			double seconds = (double)(nonce >> 32) - STAMP_NTP_UNIX_SECONDS;
			double fraction = (double)(nonce & UINT32_MAX) / 4294967296.0;
			double late = seconds - (double)(real_ns / NS_PER_SECOND) + fraction -
				      (double)(real_ns % NS_PER_SECOND) / 1e9;

			assert_true(late > -16e-6 && late < 16e-6);
			low_bits |= nonce & 0xffff;
			others |= ~nonce & 0xffff;
		}
	}
	assert_int_equal(low_bits & others, 0xffff);
	simulation_close(sim);
}

/* --- what comes back --- */

static void the_time_at_the_reflector_does_not_count(void **state)
{
	struct simulation *sim = opened(1, 100 * MS, 300 * MS);

	(void)state;
	sim->conditions.delay_ns = 40 * MS;
	sim->conditions.residence_ns = 40 * MS;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_int_equal(sum.returned, sum.sent);
	/* Half of the time on average. */
	assert_in_range(sum.rtt_sum_ns / sum.returned, 18 * MS, 22 * MS);
	simulation_close(sim);
}

static void what_cannot_be_is_no_reply(void **state)
{
	struct simulation *sim = opened(1, 100 * MS, 300 * MS);

	(void)state;
	sim->conditions.implausible = 200;

	struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

	assert_in_range(sum.lost, sum.sent / 6, sum.sent / 4);
	assert_int_equal(sum.returned, sum.sent - sum.lost);
	assert_int_equal(sim->kernel.memory.counters->rejected_residence, sum.lost);
	simulation_close(sim);
}

/* How many of the peer's probes told of their paths. */
static uint64_t judged(const struct simulation *sim, uint32_t slot)
{
	uint32_t count;
	const struct flow_loss *flows = canary_flows(sim->canary, slot, &count);
	uint64_t sum = 0;

	for (uint32_t flow = 0; flow < count; flow++)
		sum += flows[flow].judged;
	return sum;
}

static void a_stopped_reflector_refuses(void **state)
{
	struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);

	(void)state;
	simulation_run(sim, 5 * NS_PER_SECOND);
	sim->reflectors[1].kind = REFLECTOR_DOWN;
	sim->conditions.forged = 300; /* nobody is refused by hearsay */
	simulation_run(sim, 5 * NS_PER_SECOND);
	assert_int_equal(sim->notice_count, 1);
	assert_true(simulation_noticed(sim, CANARY_REFUSED, 0));
	assert_false(in_doubt(sim));
	sim->reflectors[1].kind = REFLECTOR_OURS;

	struct peer_stats sum = outcome(sim, 5 * NS_PER_SECOND);

	assert_int_equal(sim->notice_count, 2);
	assert_true(simulation_noticed(sim, CANARY_ANSWERS_AGAIN, 0));
	assert_in_range(sum.refused, 49, 51);
	assert_int_equal(judged(sim, 0), canary_stats(sim->canary, 0)->returned);
	assert_int_equal(sum.refused, canary_stats(sim->canary, 0)->refused);
	assert_int_equal(sum.lost + sum.unstamped, 0);
	assert_true(attached(sim));
	simulation_close(sim);
}

/* --- which way it was lost --- */

static void the_direction_of_loss_is_known(void **state)
{
	static const struct {
		uint32_t forward, backward;
	} cases[] = { { 200, 0 }, { 0, 200 }, { 200, 200 }, { 0, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);

		simulation_run(sim, 5 * NS_PER_SECOND);
		sim->conditions.loss_forward = cases[i].forward;
		sim->conditions.loss_backward = cases[i].backward;
		sim->conditions.residence_ns = MS;
		simulation_run(sim, 30 * NS_PER_SECOND);
		sim->conditions.loss_forward = sim->conditions.loss_backward = 0;

		struct peer_stats sum = outcome(sim, 5 * NS_PER_SECOND);

		assert_int_equal(sum.lost, sum.lost_forward + sum.lost_backward);
		for (uint32_t slot = 0; slot < PEERS; slot++) {
			const struct peer_stats *stats = canary_stats(sim->canary, slot);
			const struct truth *truth = &sim->truths[slot];

			assert_int_equal(stats->lost_forward, truth->lost_forward);
			assert_int_equal(stats->lost_backward, truth->lost_backward);
		}
		assert_int_equal(sum.lost_forward > 0, cases[i].forward > 0);
		assert_int_equal(sum.lost_backward > 0, cases[i].backward > 0);
		simulation_close(sim);
	}
}

/* Nobody knows better than the reflector. */
static void without_a_counter_no_direction_is_known(void **state)
{
	(void)state;
	for (enum fake_reflector_kind kind = 0; kind < REFLECTOR_DOWN; kind++) {
		struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);

		for (uint32_t i = 0; i < FAKE_REFLECTORS; i++)
			sim->reflectors[i].kind = kind;
		simulation_run(sim, 5 * NS_PER_SECOND);
		sim->conditions.loss = 100;

		struct peer_stats sum = outcome(sim, 30 * NS_PER_SECOND);

		assert_true(sum.lost > 0);
		assert_int_equal(sum.lost_forward + sum.lost_backward > 0, kind == REFLECTOR_OURS);
		simulation_close(sim);
	}
}

/* It counted, and then another one took its place: what it says last holds. */
static void a_reflector_may_stop_to_count(void **state)
{
	struct simulation *sim = opened(1, 100 * MS, 300 * MS);

	(void)state;
	sim->conditions.loss_forward = 100;
	simulation_run(sim, 30 * NS_PER_SECOND);
	for (uint32_t i = 0; i < FAKE_REFLECTORS; i++)
		sim->reflectors[i].kind = REFLECTOR_FOREIGN;
	simulation_run(sim, 62 * NS_PER_SECOND); /* until all were asked again */

	struct peer_stats before = outcome(sim, 0);
	struct peer_stats after = outcome(sim, 30 * NS_PER_SECOND);

	assert_true(before.lost_forward > 0);
	assert_true(after.lost > before.lost);
	assert_int_equal(after.lost_forward, before.lost_forward);
	assert_int_equal(after.lost_backward, before.lost_backward);
	simulation_close(sim);
}

static void counters_that_start_anew_say_nothing(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);

		simulation_run(sim, 20 * NS_PER_SECOND);
		sim->conditions.rate_refused = what == 0 ? 100 : 0;
		sim->conditions.evicted = what == 1 ? 100 : 0;
		sim->conditions.loss_backward = 50;
		for (int i = 0; i < 10; i++) {
			if (what == 2)
				fake_reflector_forget(&sim->reflectors[1 + i]);
			simulation_run(sim, 4 * NS_PER_SECOND);
		}

		struct peer_stats sum = outcome(sim, 5 * NS_PER_SECOND);

		assert_int_equal(sum.lost_forward, 0);
		assert_true(sum.lost_backward > 0 && sum.lost_backward < sum.lost);
		simulation_close(sim);
	}
}

/* --- one path of several --- */

static void one_bad_flow_stands_out(void **state)
{
	struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);
	uint32_t count;

	(void)state;
	simulation_run(sim, 20 * NS_PER_SECOND);
	sim->conditions.dead_flows = 1 << 2;
	simulation_run(sim, 20 * NS_PER_SECOND);
	sim->conditions.dead_flows = 0;
	outcome(sim, 5 * NS_PER_SECOND);
	assert_int_equal(sim->notice_count, PEERS);
	for (uint32_t slot = 0; slot < PEERS; slot++) {
		const struct flow_loss *flows = canary_flows(sim->canary, slot, &count);

		assert_int_equal(count, FLOWS);
		assert_true(simulation_noticed(sim, CANARY_FLOW_LOSSY, slot));
		assert_int_equal(sim->notices[slot].flow, 2);
		for (uint32_t flow = 0; flow < FLOWS; flow++) {
			assert_true(flows[flow].judged > 100);
			assert_int_equal(flows[flow].lost,
					 flow == 2 ? canary_stats(sim->canary, slot)->lost : 0);
		}
	}
	simulation_close(sim);
}

static void a_flow_that_never_left_is_not_bad(void **state)
{
	struct simulation *sim = opened(FLOWS, 100 * MS, 300 * MS);
	uint32_t count;

	(void)state;
	simulation_run(sim, 5 * NS_PER_SECOND);
	simulation_unresolve(sim, UINT64_MAX);

	struct peer_stats sum = outcome(sim, 10 * NS_PER_SECOND);

	assert_true(sum.lost > 0);
	for (uint32_t flow = 0; flow < FLOWS; flow++)
		assert_int_equal(canary_flows(sim->canary, 0, &count)[flow].lost, 0);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_are_used_in_turn_and_together),
		cmocka_unit_test(sessions_have_identifiers_of_their_own),
		cmocka_unit_test(the_nonce_is_the_time_of_day),
		cmocka_unit_test(the_time_at_the_reflector_does_not_count),
		cmocka_unit_test(what_cannot_be_is_no_reply),
		cmocka_unit_test(a_stopped_reflector_refuses),
		cmocka_unit_test(the_direction_of_loss_is_known),
		cmocka_unit_test(without_a_counter_no_direction_is_known),
		cmocka_unit_test(a_reflector_may_stop_to_count),
		cmocka_unit_test(counters_that_start_anew_say_nothing),
		cmocka_unit_test(one_bad_flow_stands_out),
		cmocka_unit_test(a_flow_that_never_left_is_not_bad),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("canary_stamp", tests, NULL, NULL);
}
