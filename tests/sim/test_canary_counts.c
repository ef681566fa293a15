/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of zones, when a peer's counters begin anew, and who is shown. That zones have
 * all that was ever counted of peers is checked after every event, here and elsewhere. */
#include "sim/outcome.h"

#define NODES 50

static const struct zone *zone_of(const struct simulation *sim, const char *name)
{
	const struct zones *zones = canary_zones(sim->canary);

	for (uint32_t i = 0; i < zones_count(zones); i++)
		if (strcmp(zones_get(zones, i)->name, name) == 0)
			return zones_get(zones, i);
	return NULL;
}

/* Peers 1..count; those up to `first` in one zone, the others in another. */
static void place(struct simulation *sim, uint32_t count, uint32_t first, const char *one,
		  const char *other)
{
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	for (uint32_t i = 1; i <= count; i++) {
		struct peer_candidate candidate = { .address = simulation_address(i) };

		snprintf(candidate.name, sizeof(candidate.name), "n%u", i);
		snprintf(candidate.zone, sizeof(candidate.zone), "%s", i <= first ? one : other);
		assert_int_equal(canary_peers_offer(sim->canary, &candidate), 0);
	}
	simulation_commit(sim);
}

static uint64_t sent_of(const struct simulation *sim, uint32_t first, uint32_t last)
{
	uint64_t sent = 0;

	for (uint32_t slot = first; slot < last; slot++)
		sent += canary_stats(sim->canary, slot)->sent;
	return sent;
}

static void a_probe_counts_where_its_peer_is(void **state)
{
	struct simulation *sim = simulation_open(SEED, 8, 2, 100 * MS, 300 * MS,
						 protocol_of(state));
	struct peer_stats a, b;

	sim->conditions.send_error = 300;
	sim->conditions.loss = 100;
	place(sim, 8, 3, "a", "b");
	simulation_run(sim, 20 * NS_PER_SECOND);
	simulation_settle(sim);
	a = zone_of(sim, "a")->counts;
	b = zone_of(sim, "b")->counts;
	assert_int_equal(a.sent, sent_of(sim, 0, 3));
	assert_int_equal(b.sent, sent_of(sim, 3, 8));
	assert_int_equal(a.sent, stats_verdicts(&a));
	assert_int_equal(b.sent, stats_verdicts(&b));
	assert_true(a.lost > 0 && b.lost > a.lost);
	assert_int_equal(zone_of(sim, "")->counts.sent, 0);
	/* 1 to 3 move. What they have counted stays where they were. */
	place(sim, 8, 3, "c", "b");
	simulation_run(sim, 20 * NS_PER_SECOND);
	simulation_settle(sim);
	assert_memory_equal(&zone_of(sim, "a")->counts, &a, sizeof(a));
	assert_int_equal(zone_of(sim, "c")->counts.sent, sent_of(sim, 0, 3) - a.sent);
	/* And when they are gone. */
	a = zone_of(sim, "c")->counts;
	canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
	simulation_commit(sim);
	simulation_run(sim, 20 * NS_PER_SECOND);
	assert_memory_equal(&zone_of(sim, "c")->counts, &a, sizeof(a));
	simulation_compare(sim);
	simulation_close(sim);
}

/* They say themselves where they are. */
static void zones_are_learnt(void **state)
{
	struct simulation *sim = simulation_open(SEED, 8, 2, 100 * MS, 300 * MS, PROBE_STAMP);

	(void)state;
	for (uint32_t i = 1; i <= 8; i++)
		sim->reflectors[i].zone = i % 2;
	place(sim, 8, 0, "", "");
	simulation_run(sim, 20 * NS_PER_SECOND);
	assert_true(zone_of(sim, "zone-1")->counts.sent > 600);
	assert_true(zone_of(sim, "zone-2")->counts.sent > 600);
	assert_int_equal(zones_count(canary_zones(sim->canary)), 3);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

/* The unknown zone has whom there is no room for, until there is. */
static void there_is_room_for_so_many_zones(void **state)
{
	struct simulation *sim = simulation_open(SEED, 8, 2, 100 * MS, 300 * MS,
						 protocol_of(state));
	char name[16];

	for (uint32_t i = 1; i < ZONES_CAPACITY; i++) {
		snprintf(name, sizeof(name), "z%u", i);
		place(sim, 1, 1, name, "");
	}
	assert_int_equal(zones_dropped(canary_zones(sim->canary)), 0);
	assert_int_equal(zones_count(canary_zones(sim->canary)), ZONES_CAPACITY);
	sim->canary->standings[0].zone = 1;
	/* simulation_check would not have it. */
	for (int i = 0; i < 3; i++) {
		canary_peers_begin(sim->canary, PEER_SOURCE_FILE);
		canary_peers_offer(sim->canary, &(struct peer_candidate){
							.address = simulation_address(1),
							.name = "n1",
							.zone = "one more",
						});
		canary_peers_commit(sim->canary, simulation_now(sim));
		assert_int_equal(sim->canary->standings[0].zone, 0);
		/* Once, however often it is looked at. */
		assert_int_equal(zones_dropped(canary_zones(sim->canary)), 1);
	}
	place(sim, 1, 1, "z7", "");
	assert_int_equal(sim->canary->standings[0].zone, 7);
	simulation_close(sim);
}

/* As under another label, when 32 bits come to an end; of zones they are 64. */
static void counters_begin_anew_before_they_run_over(void **state)
{
	struct simulation *sim = simulation_open(SEED, 4, 2, 100 * MS, 300 * MS,
						 protocol_of(state));
	const uint32_t many = UINT32_MAX / 2;

	simulation_populate(sim, 4);
	simulation_run(sim, 20 * NS_PER_SECOND);
	/* As if it had been so for ever. */
	sim->canary->stats[2].sent += many;
	sim->canary->stats[2].returned += many;
	sim->canary->stats[2].buckets[3] += many;
	sim->canary->natives[2].zero += many;
	sim->past[2].sent -= many;
	sim->past[2].returned -= many;
	sim->past[2].buckets[3] -= many;
	sim->past_natives[2].zero -= many;
	sim->canary->review_at = simulation_now(sim);
	simulation_before(sim);
	canary_on_expiry(sim->canary, simulation_now(sim));
	simulation_rename(sim, 2);
	simulation_check(sim);
	for (uint32_t slot = 0; slot < 4; slot++) {
		const struct peer_stats *stats = canary_stats(sim->canary, slot);
		uint64_t natives = ever_native_count(canary_native(sim->canary, slot));

		assert_true(slot == 2 ? stats->returned == 0 : stats->returned > 100);
		assert_int_equal(natives, stats->returned);
		assert_int_equal(canary_recent(sim->canary, slot)->since.ns == sim->now_ns,
				 slot == 2);
	}
	assert_int_equal(canary_stats(sim->canary, 2)->sent, canary_slot_in_flight(sim->canary, 2));
	simulation_run(sim, 20 * NS_PER_SECOND);
	assert_true(canary_stats(sim->canary, 2)->returned > 100);
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

/* What wears out first are the native histogram's narrow buckets. */
static void a_histogram_without_room_begins_anew(void **state)
{
	struct simulation *sim = simulation_open(SEED, 4, 2, 100 * MS, 300 * MS,
						 protocol_of(state));
	const uint32_t many = 32768;

	simulation_populate(sim, 4);
	simulation_run(sim, 20 * NS_PER_SECOND);
	for (uint32_t slot = 1; slot < 3; slot++) {
		/* As many as there are places, and in one slot one more. */
		for (uint32_t i = 0; i < NATIVE_CARRIES + slot - 1; i++) {
			sim->canary->natives[slot].low[i] = (uint16_t)many;
			sim->past_natives[slot].buckets[i] -= many;
		}
		sim->canary->stats[slot].returned += (NATIVE_CARRIES + 1) * many;
		sim->canary->recents[slot].loss = 3304;
	}
	sim->canary->review_at = simulation_now(sim);
	canary_on_expiry(sim->canary, simulation_now(sim));
	for (uint32_t slot = 0; slot < 4; slot++) {
		const struct recent *recent = canary_recent(sim->canary, slot);

		assert_int_equal(canary_stats(sim->canary, slot)->returned == 0, slot == 2);
		assert_int_equal(recent->since.ns == sim->now_ns, slot == 2);
		/* How it fares lately is not forgotten. */
		assert_int_equal(recent->loss, slot == 1 || slot == 2 ? 3304 : 0);
		assert_true(recent->samples > 0 && recent->last_rtt_ns > 0);
	}
	simulation_close(sim);
}

/* --- who is shown --- */

static bool is_listed(const struct simulation *sim, uint32_t slot)
{
	return ranking_lists(canary_ranking(sim->canary), slot);
}

/* A mesh of 50, of which three turn bad: they are shown within a minute, whomever noise had listed
 * by then, and those that are not shown are counted as well. */
static void the_bad_are_shown(void **state)
{
	struct simulation *sim = simulation_open(SEED, 64, 4, NS_PER_SECOND, NS_PER_SECOND,
						 protocol_of(state));
	const uint64_t bad = 1ull << 11 | 1ull << 12 | 1ull << 40;
	uint64_t before = 0;
	uint32_t entered = 0;

	sim->settings.listed = 10;
	simulation_reopen(sim);
	sim->conditions.jitter_ns = 200 * NS_PER_US;
	sim->bad_conditions = sim->conditions;
	sim->bad_conditions.loss = 500;
	simulation_populate(sim, NODES);
	simulation_run(sim, 200 * NS_PER_SECOND);
	sim->bad = bad;
	simulation_run(sim, 45 * NS_PER_SECOND);
	for (int i = 0; i < 60; i++) {
		uint64_t now = 0;

		simulation_run(sim, 15 * NS_PER_SECOND);
		assert_in_range(ranking_listed(canary_ranking(sim->canary)), 3, 20);
		for (uint32_t slot = 0; slot < 64; slot++)
			now |= (uint64_t)is_listed(sim, slot) << slot;
		assert_true((now & bad) == bad);
		entered += (uint32_t)__builtin_popcountll(now & ~before);
		before = now;
	}
	assert_in_range(entered, 3, 10); /* in a quarter of an hour; noise alone would bear 30 */
	for (uint32_t slot = 0; slot < NODES; slot++)
		assert_int_equal(canary_recent(sim->canary, slot)->loss > 0, bad >> slot & 1);
	simulation_settle(sim);
	simulation_compare(sim);
	/* Who departs, or is another, is so no more. */
	assert_int_equal(simulation_populate_with(sim, 30, 20).departed, 20);
	assert_false(is_listed(sim, 11) || is_listed(sim, 12));
	assert_true(is_listed(sim, 40));
	simulation_close(sim);
}

/* By how far each is from its own zone. */
static void far_zones_are_not_bad(void **state)
{
	struct simulation *sim = simulation_open(SEED, 64, 4, NS_PER_SECOND, NS_PER_SECOND,
						 protocol_of(state));

	sim->settings.listed = 2;
	simulation_reopen(sim);
	sim->conditions.jitter_ns = 100 * NS_PER_US;
	sim->bad_conditions = sim->conditions;
	sim->bad_conditions.jitter_ns = 5 * MS;
	/* Of the near ones, one is as far as all of the far zone are, and not as steady as to make
	 * the p99 of its zone by itself. */
	sim->bad = ((1ull << 10) - 1) << 50 | 1ull << 7;
	place(sim, 60, 50, "near", "far");
	simulation_run(sim, 300 * NS_PER_SECOND);
	assert_true(is_listed(sim, 7));
	assert_int_equal(ranking_listed(canary_ranking(sim->canary)), 1);
	assert_true(recent_p99_ns(&zone_of(sim, "far")->recent) >
		    5 * recent_p99_ns(canary_recent(sim->canary, 3)));
	simulation_settle(sim);
	simulation_compare(sim);
	simulation_close(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_PROTOCOL(a_probe_counts_where_its_peer_is),
		cmocka_unit_test(zones_are_learnt),
		EACH_PROTOCOL(there_is_room_for_so_many_zones),
		EACH_PROTOCOL(counters_begin_anew_before_they_run_over),
		EACH_PROTOCOL(a_histogram_without_room_begins_anew),
		EACH_PROTOCOL(the_bad_are_shown),
		EACH_PROTOCOL(far_zones_are_not_bad),
	};

	print_message("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
