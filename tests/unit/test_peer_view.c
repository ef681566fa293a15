/* SPDX-License-Identifier: Apache-2.0 */
/* How a peer is judged, who is counted where, and the arithmetic of what is told of this node. */
#include "unit/cmocka_all.h"

#include "json.h"
#include "peer_view.h"
#include "reasons.h"
#include "status_view.h"
#include "unit/view_world.h"

#define LOSS_LIMIT 1310 /* 2 % of 65535, rounded down */

/* A letter for each verdict, the flows in turn: r returned, l lost, f refused, u unstamped. */
static void judge_after(struct view_world *world, const char *verdicts)
{
	static const char letters[] = { [VERDICT_RETURNED] = 'r',
					[VERDICT_LOST] = 'l',
					[VERDICT_REFUSED] = 'f',
					[VERDICT_UNSTAMPED] = 'u' };
	uint32_t flows = peers_get(world->peers, 0)->probe == PROBE_ICMP ? 1 : VIEW_FLOWS;

	for (uint32_t i = 0; verdicts[i]; i++) {
		const char *letter = memchr(letters, verdicts[i], sizeof(letters));
		const struct sample sample = { .verdict = (uint8_t)(letter - letters) };
		bool lost = sample.verdict == VERDICT_LOST;

		recent_add(&world->recents[0], &sample);
		if (flows > 1 && (lost || sample.verdict == VERDICT_RETURNED))
			flow_loss_add(world->flow_losses, flows, i % flows, lost);
	}
}

static void health_in_one_word(void **state)
{
	static const struct {
		const char *verdicts;
		uint16_t loss;
		bool echo;
		const char *expected;
	} cases[] = {
		{ "", 0, false, "unknown" },
		{ "r", 0, false, "ok" },
		{ "rrrr", LOSS_LIMIT, false, "ok" },
		{ "rrrr", LOSS_LIMIT + 1, false, "degraded" },
		{ "rrrrf", 0, false, "refused" },
		{ "rrrrfr", 0, false, "ok" },
		{ "rrrru", 0, false, "unknown" },
		/* As many in a row as there are flows, and three at least. */
		{ "rrrrllll", 0, false, "lost" },
		{ "rrrrlll", LOSS_LIMIT + 1, false, "degraded" },
		{ "rrrrlll", LOSS_LIMIT, false, "ok" },
		{ "llll", 0, false, "lost" },
		{ "lll", 0, false, "ok" },
		{ "rrrrllllr", 0, false, "ok" },
		{ "llllf", 0, false, "refused" },
		{ "llllfl", 0, false, "ok" },
		{ "llllu", 0, false, "unknown" },
		{ "lluull", 0, false, "lost" },
		{ "rrll", 0, true, "ok" },
		{ "rrlll", 0, true, "lost" },
		{ "rrlllr", 0, true, "ok" },
		/* One flow of four. */
		{ "lrrrlrrrlrrrlrrr", LOSS_LIMIT, false, "ok" },
		{ "lrrrlrrrlrrrlrrrlrrr", LOSS_LIMIT, false, "degraded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_candidate candidate = { .probe = cases[i].echo ? PROBE_ICMP
									   : PROBE_STAMP };
		uint32_t counts[HEALTHS];
		struct view_world world;
		struct peer_view view;

		assert_int_equal(address_parse("10.0.0.1", &candidate.address), 0);
		view_open(&world, 2, RANKING_ALL);
		view_begin(&world);
		view_offer(&world, &candidate);
		view_commit(&world);
		judge_after(&world, cases[i].verdicts);
		world.recents[0].loss = cases[i].loss;
		assert_true(peer_view_read(&world.exposition, 0, &view));
		if (strcmp(peer_health_name(view.health), cases[i].expected) != 0)
			fail_msg("case %zu: %s", i, peer_health_name(view.health));
		peer_view_count(&world.exposition, counts);
		for (unsigned int health = 0; health < HEALTHS; health++)
			assert_int_equal(counts[health], health == view.health);
		/* Whatever was, nothing is known of one that is not probed. */
		peers_set_state(world.peers, 0, PEER_RESOLVING);
		assert_true(peer_view_read(&world.exposition, 0, &view));
		assert_int_equal(view.health, HEALTH_UNKNOWN);
		peers_set_state(world.peers, 0, PEER_OWN);
		assert_false(peer_view_read(&world.exposition, 0, &view));
		view_close(&world);
	}
}

static void quantiles_of_delays(void **state)
{
	struct delay_histogram histogram = { 0 };

	(void)state;
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 500), 0);
	/* As histogram_quantile() of Prometheus: linear, from 0 on. */
	histogram.buckets[0] = 4; /* up to 5 us */
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 500), 2500);
	histogram.buckets[1] = 4; /* up to 10 us */
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 500), 5000);
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 750), 7500);
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 1000), 10000);
	histogram.buckets[STATS_BOUNDS] = 1000;
	assert_int_equal(delay_histogram_quantile_ns(&histogram, 990),
			 stats_bounds_ns[STATS_BOUNDS - 1]);
}

static void shares_are_rounded(void **state)
{
	static const struct {
		uint16_t value;
		const char *expected;
	} cases[] = { { 0, "0.0" },    { 32, "0.0" },	   { 33, "0.001" },  { 655, "0.01" },
		      { 6554, "0.1" }, { 65502, "0.999" }, { 65503, "1.0" }, { 65535, "1.0" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char block[16];
		struct text text = text_over(block, sizeof(block) - 1);
		struct json json = { .text = &text };

		json_share(&json, cases[i].value);
		block[text.length] = '\0';
		assert_string_equal(block, cases[i].expected);
	}
}

static void uptime_does_not_run_backwards(void **state)
{
	struct view_world world;
	struct status_view view;

	(void)state;
	view_open(&world, 2, RANKING_ALL);
	status_view_read(&world.exposition, &view);
	assert_int_equal(view.uptime_ns, 100000 * NS_PER_SECOND);
	world.real_offset_ns -= 200000 * NS_PER_SECOND; /* somebody set the clock back */
	status_view_read(&world.exposition, &view);
	assert_int_equal(view.uptime_ns, 0);
	world.real_offset_ns = -200000 * NS_PER_SECOND;
	assert_int_equal(status_unix_ns(&world.exposition, world.exposition.now), 0);
	view_close(&world);
}

static void each_reason_has_its_counter(void **state)
{
	struct kc_counters counters = { .refused_host = 1,
					.refused_destination = 2,
					.refused_source = 3,
					.refused_port = 4,
					.refused_loop = 5,
					.refused_options = 6,
					.refused_length = 7,
					.refused_socket = 8,
					.refused_checksum = 9,
					.refused_rate = 10,
					.refused_failed = 11 };

	(void)state;
	for (unsigned int i = 0; i < REASONS_REFUSED; i++)
		assert_int_equal(reason_count(&reasons_refused[i], &counters), i + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_in_one_word),
		cmocka_unit_test(quantiles_of_delays),
		cmocka_unit_test(shares_are_rounded),
		cmocka_unit_test(uptime_does_not_run_backwards),
		cmocka_unit_test(each_reason_has_its_counter),
	};

	return cmocka_run_group_tests_name("peer_view", tests, NULL, NULL);
}
