/* SPDX-License-Identifier: Apache-2.0 */
/* Zones: each has its own counters, and whoever finds no room is counted with the unknown. */
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "zones.h"

static struct zones *open_zones(void)
{
	struct zones *zones;

	assert_int_equal(zones_open(&zones), 0);
	return zones;
}

static void zones_are_found_again(void **state)
{
	struct zones *zones = open_zones();

	(void)state;
	assert_int_equal(zones_count(zones), 1);
	assert_string_equal(zones_get(zones, 0)->name, "");
	assert_int_equal(zones_find(zones, ""), 0);
	assert_int_equal(zones_find(zones, "a"), 1);
	assert_int_equal(zones_find(zones, "b"), 2);
	assert_int_equal(zones_find(zones, "A"), 3);
	assert_int_equal(zones_find(zones, "a"), 1);
	assert_int_equal(zones_find(zones, "b"), 2);
	assert_int_equal(zones_find(zones, ""), 0);
	assert_int_equal(zones_count(zones), 4);
	assert_string_equal(zones_get(zones, 2)->name, "b");
	assert_int_equal(zones_dropped(zones), 0);
	zones_close(zones);
}

static void beyond_the_last_place_is_the_unknown_zone(void **state)
{
	struct zones *zones = open_zones();
	char name[PEER_ZONE_CAPACITY];

	(void)state;
	memset(name, 'z', sizeof(name));
	name[sizeof(name) - 1] = '\0'; /* as long as may be */
	assert_int_equal(zones_find(zones, name), 1);
	assert_string_equal(zones_get(zones, 1)->name, name);
	for (uint32_t i = 2; i < ZONES_CAPACITY; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(zones_find(zones, name), i);
	}
	assert_int_equal(zones_dropped(zones), 0);
	assert_int_equal(zones_find(zones, "one more"), 0);
	assert_int_equal(zones_find(zones, "another"), 0);
	assert_int_equal(zones_dropped(zones), 0);
	zones_drop(zones);
	zones_drop(zones);
	assert_int_equal(zones_dropped(zones), 2);
	assert_int_equal(zones_count(zones), ZONES_CAPACITY);
	for (uint32_t i = 2; i < ZONES_CAPACITY; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_int_equal(zones_find(zones, name), i);
	}
	zones_close(zones);
}

static void each_counts_its_own(void **state)
{
	static const struct sample samples[] = {
		{ .verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = 7000, .late = true },
		{ .verdict = VERDICT_RETURNED, .has_rtt = true, .rtt_ns = 2000000000 },
		{ .verdict = VERDICT_RETURNED, .rtt_ns = 7000 },
		{ .verdict = VERDICT_LOST },
		{ .verdict = VERDICT_NONE, .lost_forward = 1, .has_rtt = true, .rtt_ns = 7000 },
		{ .verdict = VERDICT_REFUSED },
		{ .verdict = VERDICT_UNSTAMPED },
	};
	const struct peer_stats expected = { .sent = 6,
					     .returned = 3,
					     .lost = 1,
					     .lost_forward = 1,
					     .refused = 1,
					     .unstamped = 1,
					     .late = 1,
					     .dropped = 1,
					     .rtt_sum_ns = 2000007000 };
	struct zones *zones = open_zones();
	uint32_t a = zones_find(zones, "a"), b = zones_find(zones, "b");
	struct zone before = *zones_get(zones, b);
	const struct zone *zone = zones_get(zones, a);

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		zones_add(zones, a, &samples[i]);
	assert_memory_equal(&zone->counts, &expected, sizeof(expected));
	assert_int_equal(zone->buckets[1], 1);
	assert_int_equal(zone->buckets[STATS_BUCKETS - 1], 1);
	assert_int_equal(native_total_count(&zone->native), 2);
	assert_int_equal(zone->recent.samples, 4);
	assert_int_equal(zone->recent.min_rtt_ns, 7000);
	assert_memory_equal(zones_get(zones, b), &before, sizeof(before));
	zones_close(zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_found_again),
		cmocka_unit_test(beyond_the_last_place_is_the_unknown_zone),
		cmocka_unit_test(each_counts_its_own),
	};

	return cmocka_run_group_tests_name("zones", tests, NULL, NULL);
}
