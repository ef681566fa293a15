/* SPDX-License-Identifier: Apache-2.0 */
/* Names and zones of the directory: where they are from, and what becomes of too many. */
#include "unit/cmocka_all.h"

#include <stdlib.h>

#include "slot_index.h"
#include "unit/directory_fixture.h"

/* Room for 64 names of 253 octets: their records are 256. */
enum { CAPACITY = 200, LONG_NAMES = DIRECTORY_NAME_OCTETS_MIN / 256 };

/* Line `index`, 10.0.0.index, with a name of that length (0: none) that begins with the letter, and
 * with that zone (none, if negative). */
static int offer_numbered(struct fixture *fixture, int index, char letter, int length, int zone)
{
	char name[PEER_NAME_CAPACITY] = "", line[PEER_LINE_CAPACITY], zone_word[24] = "";

	if (length > 0)
		snprintf(name, sizeof(name), "%c%0*d", letter, length - 1, index);
	if (zone >= 0)
		snprintf(zone_word, sizeof(zone_word), "zone=z%d", zone);
	snprintf(line, sizeof(line), "10.0.0.%d %s %s", index, name, zone_word);
	return offer(fixture, line);
}

static struct directory_change say_numbered(struct fixture *fixture, int from, int to, char letter,
					    int length)
{
	directory_begin(fixture->directory, PEER_SOURCE_FILE);
	for (int index = from; index < to; index++)
		assert_int_equal(offer_numbered(fixture, index, letter, length, -1), 0);
	return commit(fixture);
}

static struct directory_change say_zones(struct fixture *fixture, int count, int first_zone)
{
	directory_begin(fixture->directory, PEER_SOURCE_FILE);
	for (int index = 0; index < count; index++)
		assert_int_equal(offer_numbered(fixture, index + 1, 'a', 0, first_zone + index), 0);
	return commit(fixture);
}

/* How many have a name, or zone, that begins with the letter; "" else. */
static int count_names(const struct fixture *fixture, char letter)
{
	struct peer_candidate word;
	int count = 0;

	for (uint32_t index = 0; index < directory_top(fixture->directory); index++) {
		if (directory_get(fixture->directory, index)->sources == 0)
			continue;
		directory_candidate(fixture->directory, index, &word);
		count += word.name[0] == letter;
		if (word.name[0])
			assert_int_equal(atoi(word.name + 1), word.address.octets[15]);
	}
	return count;
}

/* Each has the zone of its line, or none; those with one are counted. */
static int count_zones(const struct fixture *fixture, int first_zone)
{
	struct peer_candidate word;
	int count = 0;

	for (uint32_t index = 0; index < directory_top(fixture->directory); index++) {
		directory_candidate(fixture->directory, index, &word);
		assert_true(directory_get(fixture->directory, index)->zone < DIRECTORY_ZONES);
		if (word.zone[0]) {
			assert_int_equal(atoi(word.zone + 1),
					 first_zone + word.address.octets[15] - 1);
			count++;
		}
	}
	return count;
}

static uint64_t names_dropped(const struct fixture *fixture)
{
	return directory_totals(fixture->directory)->names_dropped;
}

static uint64_t zones_dropped(const struct fixture *fixture)
{
	return directory_totals(fixture->directory)->zones_dropped;
}

static void names_beyond_the_room(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);

	(void)state;
	assert_change(say_numbered(&fixture, 0, LONG_NAMES, 'a', 253), LONG_NAMES, 0, 0, 0);
	assert_int_equal(names_dropped(&fixture), 0);
	assert_int_equal(count_names(&fixture, 'a'), LONG_NAMES);
	/* As many as there is room for keep theirs; who has none is there nevertheless. */
	assert_change(say_numbered(&fixture, 0, LONG_NAMES + 3, 'a', 253), 3, 0, 0, 0);
	assert_int_equal(names_dropped(&fixture), 3);
	assert_int_equal(count_names(&fixture, 'a'), LONG_NAMES);
	/* Once more: they are counted, and nothing changes. */
	assert_change(say_numbered(&fixture, 0, LONG_NAMES + 3, 'a', 253), 0, 0, 0, 0);
	assert_int_equal(names_dropped(&fixture), 6);
	/* Room is made by who goes, in the same transaction. */
	assert_change(say_numbered(&fixture, 2, LONG_NAMES + 3, 'a', 253), 0, 2, 2, 0);
	assert_int_equal(names_dropped(&fixture), 7);
	assert_change(say_numbered(&fixture, 3, LONG_NAMES + 3, 'a', 253), 0, 1, 1, 0);
	assert_int_equal(names_dropped(&fixture), 7);
	assert_int_equal(count_names(&fixture, 'a'), LONG_NAMES);
	directory_close(fixture.directory);
}

/* Old names, which an abort would need, leave room for as many new ones. */
static void all_names_change_at_once(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);

	(void)state;
	say_numbered(&fixture, 0, LONG_NAMES, 'a', 253);
	directory_begin(fixture.directory, PEER_SOURCE_FILE);
	for (int index = 0; index < LONG_NAMES; index++)
		assert_int_equal(offer_numbered(&fixture, index, 'b', 253, -1), 0);
	directory_abort(fixture.directory);
	assert_int_equal(count_names(&fixture, 'a'), LONG_NAMES);
	for (char letter = 'b'; letter < 'z'; letter++) {
		assert_change(say_numbered(&fixture, 0, LONG_NAMES, letter, 253), 0, 0, LONG_NAMES,
			      0);
		assert_int_equal(count_names(&fixture, letter), LONG_NAMES);
	}
	/* Others in their places, then none. */
	assert_change(say_numbered(&fixture, 100, 100 + LONG_NAMES, 'z', 253), LONG_NAMES,
		      LONG_NAMES, 0, 0);
	assert_int_equal(count_names(&fixture, 'z'), LONG_NAMES);
	assert_int_equal(names_dropped(&fixture), 0);
	assert_change(say_numbered(&fixture, 100, 100 + LONG_NAMES, 'z', 0), 0, 0, LONG_NAMES, 0);
	assert_int_equal(count_names(&fixture, 'z'), 0);
	/* More than can even be staged beside the old ones. */
	say_numbered(&fixture, 0, LONG_NAMES, 'a', 253);
	say_numbered(&fixture, 0, LONG_NAMES + 20, 'b', 253);
	assert_int_equal(names_dropped(&fixture), 20);
	assert_int_equal(count_names(&fixture, 'b'), LONG_NAMES);
	directory_close(fixture.directory);
}

/* What is dropped is counted once it is: not by who is aborted. */
static void aborted_names_are_not_counted(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);

	(void)state;
	say_numbered(&fixture, 0, LONG_NAMES, 'a', 253);
	directory_begin(fixture.directory, PEER_SOURCE_FILE);
	for (int index = 0; index < CAPACITY; index++)
		assert_int_equal(offer_numbered(&fixture, index, 'b', 253, index), 0);
	directory_abort(fixture.directory);
	assert_int_equal(names_dropped(&fixture), 0);
	assert_int_equal(zones_dropped(&fixture), 0);
	assert_int_equal(count_names(&fixture, 'a'), LONG_NAMES);
	assert_change(say_numbered(&fixture, 0, LONG_NAMES, 'a', 253), 0, 0, 0, 0);
	assert_change(say_zones(&fixture, 63, 500), 0, LONG_NAMES - 63, 63, 0);
	directory_close(fixture.directory);
}

static void zones_beyond_the_room(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);

	(void)state;
	say_zones(&fixture, 63, 0);
	assert_int_equal(count_zones(&fixture, 0), 63);
	/* All others at once. */
	assert_change(say_zones(&fixture, 63, 100), 0, 0, 63, 0);
	assert_int_equal(count_zones(&fixture, 100), 63);
	assert_change(say_zones(&fixture, 63, 101), 0, 0, 63, 0);
	assert_int_equal(count_zones(&fixture, 101), 63);
	assert_int_equal(zones_dropped(&fixture), 0);
	/* One more than are told apart, again and again. */
	assert_change(say_zones(&fixture, 64, 101), 1, 0, 0, 0);
	assert_int_equal(zones_dropped(&fixture), 1);
	assert_change(say_zones(&fixture, 64, 101), 0, 0, 0, 0);
	assert_int_equal(zones_dropped(&fixture), 2);
	assert_int_equal(count_zones(&fixture, 101), 63);
	assert_change(say_zones(&fixture, 64, 101), 0, 0, 0, 0);
	/* Of many more, too. */
	say_zones(&fixture, CAPACITY, 300);
	assert_int_equal(zones_dropped(&fixture), 3 + CAPACITY - 63);
	assert_int_equal(count_zones(&fixture, 300), 63);
	say_zones(&fixture, 63, 400);
	assert_int_equal(zones_dropped(&fixture), 3 + CAPACITY - 63);
	assert_int_equal(count_zones(&fixture, 400), 63);
	directory_close(fixture.directory);
}

/* A zone that many are in is one zone. */
static void zones_are_shared(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);
	uint32_t first;

	(void)state;
	directory_begin(fixture.directory, PEER_SOURCE_FILE);
	for (int index = 0; index < CAPACITY; index++)
		assert_int_equal(offer_numbered(&fixture, index, 'a', 0, index % 63), 0);
	commit(&fixture);
	assert_int_equal(zones_dropped(&fixture), 0);
	first = directory_get(fixture.directory, index_of(&fixture, "10.0.0.5"))->zone;
	assert_int_equal(directory_get(fixture.directory, index_of(&fixture, "10.0.0.68"))->zone,
			 first);
	assert_int_not_equal(directory_get(fixture.directory, index_of(&fixture, "10.0.0.6"))->zone,
			     first);
	directory_close(fixture.directory);
}

/* Aborted zones leave no trace, however many. */
static void aborted_zones_leave_room(void **state)
{
	struct fixture fixture = fixture_open(CAPACITY, NULL, 0);

	(void)state;
	say_zones(&fixture, 63, 0);
	directory_begin(fixture.directory, PEER_SOURCE_FILE);
	for (int index = 0; index < CAPACITY; index++)
		assert_int_equal(offer_numbered(&fixture, index + 1, 'a', 0, 300 + index), 0);
	directory_abort(fixture.directory);
	assert_int_equal(count_zones(&fixture, 0), 63);
	assert_change(say_zones(&fixture, 63, 600), 0, 0, 63, 0);
	assert_int_equal(count_zones(&fixture, 600), 63);
	assert_int_equal(zones_dropped(&fixture), 0);
	directory_close(fixture.directory);
}

/* These words have the same hash. */
static void words_of_one_hash(void **state)
{
	struct fixture fixture = fixture_open(4, NULL, 0);

	(void)state;
	assert_int_equal(slot_index_hash("costarring", 10), slot_index_hash("liquid", 6));
	assert_change(
		say(&fixture, PEER_SOURCE_FILE,
		    LIST("10.0.0.1 costarring zone=liquid", "10.0.0.2 liquid zone=costarring")),
		2, 0, 0, 0);
	assert_directory(&fixture,
			 "10.0.0.1 costarring liquid! F, 10.0.0.2 liquid costarring! F, ");
	assert_change(say(&fixture, PEER_SOURCE_FILE,
			  LIST("10.0.0.1 liquid zone=liquid", "10.0.0.2 zone=liquid")),
		      0, 0, 2, 0);
	assert_directory(&fixture, "10.0.0.1 liquid liquid! F, 10.0.0.2 liquid! F, ");
	directory_close(fixture.directory);
}

static void zones_by_networks(void **state)
{
	static const char *const ranges[] = { "east=10.0.0.0/30", "six=2001:db8::/32" };
	struct zone_network networks[2];
	struct fixture fixture;
	const char *expected;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(zone_network_parse(ranges[i], &networks[i], &expected), 0);
	fixture = fixture_open(4, networks, 2);
	say(&fixture, PEER_SOURCE_DNS, LIST("10.0.0.1", "10.0.0.4", "2001:db8::1"));
	assert_directory(&fixture, "10.0.0.1 east! D, 10.0.0.4 D, "
				   "2001:db8::1 six! D, ");
	/* What a source says goes first, and only while it is said. */
	assert_change(say(&fixture, PEER_SOURCE_FILE, LIST("10.0.0.1 zone=west", "2001:db8::1 a")),
		      0, 0, 2, 0);
	assert_directory(&fixture, "10.0.0.1 west! Fd, 10.0.0.4 D, "
				   "2001:db8::1 a six! Fd, ");
	assert_change(say(&fixture, PEER_SOURCE_FILE, LIST("10.0.0.1 zone=east", "2001:db8::1 a")),
		      0, 0, 1, 0);
	assert_change(say(&fixture, PEER_SOURCE_FILE, LIST("10.0.0.1")), 0, 0, 1, 0);
	assert_directory(&fixture, "10.0.0.1 east! Fd, 10.0.0.4 D, "
				   "2001:db8::1 six! D, ");
	assert_change(say(&fixture, PEER_SOURCE_FILE, LIST("10.0.0.1 zone=west")), 0, 0, 1, 0);
	assert_change(say(&fixture, PEER_SOURCE_FILE, LIST()), 0, 0, 1, 0);
	assert_directory(&fixture, "10.0.0.1 east! D, 10.0.0.4 D, "
				   "2001:db8::1 six! D, ");
	directory_close(fixture.directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_beyond_the_room),
		cmocka_unit_test(all_names_change_at_once),
		cmocka_unit_test(aborted_names_are_not_counted),
		cmocka_unit_test(zones_beyond_the_room),
		cmocka_unit_test(zones_are_shared),
		cmocka_unit_test(aborted_zones_leave_room),
		cmocka_unit_test(words_of_one_hash),
		cmocka_unit_test(zones_by_networks),
	};

	return cmocka_run_group_tests_name("directory_room", tests, NULL, NULL);
}
