/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is said in whatever order: the directory is what a plain table of all that was said is. */
#include "unit/cmocka_all.h"

#include <errno.h>

#include "unit/directory_model.h"

static void on_removed(void *ctx, const struct directory_entry *entry)
{
	struct world *world = ctx;
	uint32_t number = number_of(world, &entry->address);
	struct peer_candidate word;

	assert_int_equal(entry->sources, world->before[number].sources);
	assert_int_equal(entry->own, world->before[number].own);
	directory_candidate(world->directory, world->before[number].place, &word);
	assert_true(word_equal(&word, &world->before[number].word));
	for (uint32_t other = 0; other < world->shape->addresses; other++)
		assert_int_equal(world->told_added[other], 0);
	world->told_removed[number]++;
}

static void on_added(void *ctx, const struct directory_entry *entry)
{
	struct world *world = ctx;
	uint32_t index = directory_find(world->directory, &entry->address);

	assert_ptr_equal(directory_get(world->directory, index), entry);
	world->told_added[number_of(world, &entry->address)]++;
}

/* The directory has this table, in its places; with those that are new where a place is UINT32_MAX.
 */
static void look(const struct world *world, struct model_entry *entries)
{
	uint32_t count = 0, sum = 0;

	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		struct address address = address_of(number);
		uint32_t index = directory_find(world->directory, &address);
		struct model_entry *entry = &entries[number];
		const struct directory_entry *found;
		struct peer_candidate word;

		if (!entry->sources) {
			assert_int_equal(index, DIRECTORY_END);
			continue;
		}
		count++;
		if (entry->place == UINT32_MAX)
			entry->place = index;
		assert_int_equal(index, entry->place);
		found = directory_get(world->directory, index);
		directory_candidate(world->directory, index, &word);
		assert_true(address_equal(&found->address, &address));
		assert_true(address_equal(&word.address, &address));
		assert_true(word_equal(&word, &entry->word));
		assert_int_equal(found->probe, word.probe);
		assert_int_equal(found->sources, entry->sources);
		assert_int_equal(found->holder, entry->holder);
		assert_int_equal(found->own, entry->own);
		assert_int_equal(found->chosen, entry->chosen);
	}
	assert_int_equal(directory_count(world->directory), count);
	for (uint32_t i = 0; i < KINDS; i++)
		sum += world->surplus_of[i];
	assert_int_equal(directory_surplus(world->directory), sum);
	assert_memory_equal(directory_totals(world->directory), &world->totals,
			    sizeof(world->totals));
}

/* Its word was offered, or fell to another source: where there is room now, it has it. */
static bool is_spoken_of(const struct world *world, uint32_t number, uint32_t source)
{
	const struct model_entry *entry = &world->entries[number];

	return world->offered[number] ? entry->holder == source
				      : entry->holder != world->before[number].holder;
}

/* A number is one zone, and a zone one number. Whether this one was not seen before. */
static bool note_zone(char texts[DIRECTORY_ZONES][PEER_ZONE_CAPACITY], uint32_t zone,
		      const char *text)
{
	assert_true(zone < DIRECTORY_ZONES);
	for (uint32_t i = 1; i < DIRECTORY_ZONES; i++) {
		if (texts[i][0])
			assert_int_equal(i == zone, strcmp(texts[i], text) == 0);
	}
	if (zone == 0 || texts[zone][0])
		return false;
	assert_int_not_equal(text[0], '\0');
	memcpy(texts[zone], text, PEER_ZONE_CAPACITY);
	return true;
}

/* As many as there is room for have the name and the zone that they should, and those that had them
 * before all do. The model takes over who that is. */
static void settle_room(struct world *world, uint32_t source)
{
	uint32_t limit = DIRECTORY_NAME_OCTETS * world->shape->capacity, octets = 0, zones = 0;
	uint32_t smallest = UINT32_MAX;
	bool zone_dropped = false;
	char zone_texts[DIRECTORY_ZONES][PEER_ZONE_CAPACITY] = { 0 };

	limit = limit < DIRECTORY_NAME_OCTETS_MIN ? DIRECTORY_NAME_OCTETS_MIN : limit;
	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		struct model_entry *entry = &world->entries[number];
		const struct model_entry *old = &world->before[number];
		struct peer_candidate word;
		uint32_t index;

		if (!entry->sources)
			continue;
		index = directory_find(world->directory, &entry->wanted.address);
		assert_int_not_equal(index, DIRECTORY_END);
		directory_candidate(world->directory, index, &word);
		if (is_spoken_of(world, number, source))
			entry->word = entry->wanted;
		if (entry->word.name[0] && !word.name[0]) {
			uint32_t needed = RECORD_OCTETS + (uint32_t)strlen(entry->wanted.name);

			assert_string_not_equal(old->word.name, entry->wanted.name);
			smallest = needed < smallest ? needed : smallest;
			entry->word.name[0] = '\0';
		}
		if (entry->word.zone[0] && !word.zone[0]) {
			assert_string_not_equal(old->word.zone, entry->wanted.zone);
			zone_dropped = true;
			entry->word.zone[0] = '\0';
		}
		if (word.name[0])
			octets += RECORD_OCTETS + (uint32_t)strlen(word.name);
		zones += note_zone(zone_texts, directory_get(world->directory, index)->zone,
				   word.zone);
	}
	assert_true(octets <= limit);
	assert_true(smallest == UINT32_MAX || octets + smallest > limit);
	assert_true(!zone_dropped || zones == DIRECTORY_ZONES - 1);
}

/* Each name and each zone that was dropped is counted. */
static void count_dropped(struct world *world, uint32_t source)
{
	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		const struct model_entry *entry = &world->entries[number];

		if (!entry->sources || !is_spoken_of(world, number, source))
			continue;
		world->totals.names_dropped += entry->wanted.name[0] && !entry->word.name[0];
		world->totals.zones_dropped += entry->wanted.zone[0] && !entry->word.zone[0];
	}
}

static uint32_t kinds_of(uint32_t sources)
{
	return (sources & PEER_SOURCE_STATIC) | (sources & ~(uint32_t)PEER_SOURCE_STATIC ? 2 : 0);
}

static void check_change(struct world *world, struct directory_change change)
{
	uint32_t added = 0, removed = 0, changed = 0;

	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		const struct model_entry *old = &world->before[number];
		struct model_entry *entry = &world->entries[number];
		bool is_new = entry->sources && !old->sources;
		bool is_gone = !entry->sources && old->sources;

		assert_int_equal(world->told_added[number], is_new);
		assert_int_equal(world->told_removed[number], is_gone);
		added += is_new;
		removed += is_gone;
		if (entry->sources && old->sources)
			changed += !word_equal(&entry->word, &old->word) ||
				   kinds_of(entry->sources) != kinds_of(old->sources);
		if (is_new)
			entry->place = UINT32_MAX;
	}
	assert_int_equal(change.added, added);
	assert_int_equal(change.removed, removed);
	assert_int_equal(change.changed, changed);
	assert_int_equal(change.surplus, world->surplus);
}

static void offer_all(struct world *world, uint32_t source)
{
	static const int results[] = { 0, -EEXIST, -ENOTUNIQ, -EALREADY, -ENOSPC };
	bool named = !world->shape->only_file || source == PEER_SOURCE_FILE;
	/* How many are left out, of twelve. */
	uint32_t quiet = draw(world, world->shape->only_file ? 3 : 12);

	for (uint32_t i = 0; i < world->shape->addresses * 5 / 4; i++) {
		uint32_t number = i < world->shape->addresses
					  ? i
					  : draw(world, world->shape->addresses);
		const struct model_entry *entry = &world->before[number];
		struct peer_candidate candidate = draw_candidate(world, number, named);
		int expected;

		if (draw(world, 12) < (named ? quiet : 10))
			continue;
		/* Mostly nothing has changed. */
		if (entry->holder == source && draw(world, 4) > 0)
			candidate = entry->said;
		expected = model_offer(world, source, &candidate, number);
		assert_int_equal(directory_offer(world->directory, &candidate), expected);
		world->surplus += expected == -ENOSPC;
		for (size_t j = 0; j < sizeof(results) / sizeof(results[0]); j++)
			world->results[j] += expected == results[j];
	}
}

static void step(struct world *world)
{
	uint32_t kind = world->shape->only_file && draw(world, 4) ? 1 : draw(world, KINDS);
	uint32_t source = 1u << kind;
	struct directory_change change;

	memset(world->offered, 0, sizeof(world->offered));
	memset(world->told_added, 0, sizeof(world->told_added));
	memset(world->told_removed, 0, sizeof(world->told_removed));
	memcpy(world->before, world->entries, sizeof(world->before));
	world->fresh = 0;
	world->surplus = 0;
	directory_begin(world->directory, (enum peer_source)source);
	offer_all(world, source);
	look(world, world->entries);
	if (draw(world, 5) == 0) {
		directory_abort(world->directory);
		world->aborts++;
	} else {
		change = directory_commit(world->directory, on_removed, on_added, world);
		model_commit(world, source);
		settle_room(world, source);
		count_dropped(world, source);
		check_change(world, change);
		world->surplus_of[kind] = world->surplus;
	}
	look(world, world->entries);
	for (uint32_t number = 0; number < world->shape->addresses; number++) {
		struct model_entry *entry = &world->entries[number];

		if (!entry->sources || draw(world, 8) > 0)
			continue;
		entry->own = draw(world, 2);
		entry->chosen = draw(world, 2);
		directory_set_own(world->directory, entry->place, entry->own);
		directory_set_chosen(world->directory, entry->place, entry->chosen);
	}
}

static void run(struct world *world, const struct shape *shape)
{
	static const char *const ranges[] = { "low=10.0.0.0/28", "zone-1=10.0.0.8/29",
					      "six=fd00:0:0:1::/124" };
	struct directory_settings settings = { .capacity = shape->capacity,
					       .networks = world->networks,
					       .network_count = 3 };
	const char *expected;

	*world = (struct world){ .shape = shape, .random = shape->seed };
	print_message("seed %#llx\n", (unsigned long long)shape->seed);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(zone_network_parse(ranges[i], &world->networks[i], &expected), 0);
	assert_int_equal(directory_open(&settings, &world->directory), 0);
	for (uint32_t i = 0; i < shape->steps; i++)
		step(world);
	directory_close(world->directory);
	print_message("offers %u, again %u, name again %u, protocol %u, no room %u; orphans %u, "
		      "aborts %u, dropped names %llu, zones %llu\n",
		      world->results[0], world->results[1], world->results[2], world->results[3],
		      world->results[4], world->orphans, world->aborts,
		      (unsigned long long)world->totals.names_dropped,
		      (unsigned long long)world->totals.zones_dropped);
}

static struct world world;

static void all_sources_say_all_sorts_of_things(void **state)
{
	static const struct shape shape = { .seed = 0xd1ec,
					    .steps = 6000,
					    .capacity = 24,
					    .addresses = 36,
					    .names = 24,
					    .zones = 6 };

	(void)state;
	run(&world, &shape);
	for (size_t i = 0; i < 5; i++)
		assert_true(world.results[i] > 1000);
	assert_true(world.orphans > 1000 && world.aborts > 1000);
	assert_true(world.totals.names_dropped == 0 && world.totals.zones_dropped == 0);
}

static void names_and_zones_find_no_room(void **state)
{
	static const struct shape shape = { .seed = 0xf011,
					    .steps = 2000,
					    .capacity = 140,
					    .addresses = ADDRESSES_MAX,
					    .zones = 150,
					    .only_file = true };

	(void)state;
	run(&world, &shape);
	assert_true(world.results[0] > 1000 && world.results[1] > 1000 && world.orphans > 1000);
	assert_true(world.totals.names_dropped > 1000 && world.totals.zones_dropped > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sources_say_all_sorts_of_things),
		cmocka_unit_test(names_and_zones_find_no_room),
	};

	return cmocka_run_group_tests_name("directory_random", tests, NULL, NULL);
}
