/* SPDX-License-Identifier: Apache-2.0 */
/* A small directory, spoken to in lines of a peers file, and looked at as text. */
#ifndef DIRECTORY_FIXTURE_H
#define DIRECTORY_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "directory.h"

#define FIXTURE_TEXT 4096

struct fixture {
	struct directory *directory;
	char events[FIXTURE_TEXT]; /* "-10.0.0.1 +10.0.0.2 ", of the last commit */
};

static inline struct fixture fixture_open(uint32_t capacity, const struct zone_network *networks,
					  uint32_t network_count)
{
	struct directory_settings settings = { .capacity = capacity,
					       .networks = networks,
					       .network_count = network_count };
	struct fixture fixture = { 0 };

	assert_int_equal(directory_open(&settings, &fixture.directory), 0);
	return fixture;
}

static inline void note(struct fixture *fixture, char sign, const struct directory_entry *entry)
{
	size_t length = strlen(fixture->events);
	char address[ADDRESS_TEXT_CAPACITY];

	address_format(&entry->address, address);
	snprintf(fixture->events + length, sizeof(fixture->events) - length, "%c%s ", sign,
		 address);
}

static inline void on_removed(void *ctx, const struct directory_entry *entry)
{
	assert_int_not_equal(entry->sources, 0);
	note(ctx, '-', entry);
}

/* Who is added may be looked at, and marked. */
static inline void on_added(void *ctx, const struct directory_entry *entry)
{
	struct fixture *fixture = ctx;
	uint32_t index = directory_find(fixture->directory, &entry->address);

	assert_int_not_equal(index, DIRECTORY_END);
	assert_ptr_equal(directory_get(fixture->directory, index), entry);
	assert_true(index < directory_top(fixture->directory));
	note(fixture, '+', entry);
}

static inline int offer(struct fixture *fixture, const char *line)
{
	char offender[PEER_NAME_CAPACITY];
	struct peer_candidate candidate;
	const char *expected;

	assert_int_equal(peer_parse_line(line, &candidate, &expected, offender), 1);
	return directory_offer(fixture->directory, &candidate);
}

static inline struct directory_change commit(struct fixture *fixture)
{
	fixture->events[0] = '\0';
	return directory_commit(fixture->directory, on_removed, on_added, fixture);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* A whole transaction, of which all is taken. */
static inline struct directory_change say(struct fixture *fixture, enum peer_source source,
					  const char *const *lines)
{
	directory_begin(fixture->directory, source);
	for (; *lines; lines++)
		assert_int_equal(offer(fixture, *lines), 0);
	return commit(fixture);
}

static inline uint32_t index_of(const struct fixture *fixture, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return directory_find(fixture->directory, &address);
}

/* "ADDRESS [NAME] [stamp|icmp] [ZONE!] SOURCES, ", those of them in capitals whose word stands. */
static inline void describe(const struct fixture *fixture, uint32_t index, char *ret, size_t size)
{
	static const char *const probes[] = { "", "stamp ", "icmp " };
	const struct directory_entry *entry = directory_get(fixture->directory, index);
	char address[ADDRESS_TEXT_CAPACITY], sources[4] = { 0 };
	struct peer_candidate word;

	directory_candidate(fixture->directory, index, &word);
	assert_true(address_equal(&word.address, &entry->address));
	assert_int_equal(word.probe, entry->probe);
	assert_int_equal(entry->zone != 0, word.zone[0] != '\0');
	assert_true(entry->zone < DIRECTORY_ZONES);
	assert_int_equal(entry->name_at != 0, word.name[0] != '\0');
	for (uint32_t bit = 0, count = 0; bit < 3; bit++) {
		if (entry->sources & 1 << bit)
			sources[count++] = entry->holder == 1 << bit ? "SFD"[bit] : "sfd"[bit];
	}
	address_format(&entry->address, address);
	snprintf(ret, size, "%s %s%s%s%s%s%s, ", address, word.name, word.name[0] ? " " : "",
		 probes[word.probe], word.zone, word.zone[0] ? "! " : "", sources);
}

/* All entries in their order; a hole is "-, ". */
static inline void assert_directory(const struct fixture *fixture, const char *expected)
{
	char text[FIXTURE_TEXT] = "";
	uint32_t count = 0;

	for (uint32_t index = 0; index < directory_top(fixture->directory); index++) {
		size_t length = strlen(text);

		if (directory_get(fixture->directory, index)->sources == 0) {
			snprintf(text + length, sizeof(text) - length, "-, ");
			continue;
		}
		describe(fixture, index, text + length, sizeof(text) - length);
		count++;
	}
	assert_string_equal(text, expected);
	assert_int_equal(directory_count(fixture->directory), count);
}

static inline void assert_change(struct directory_change change, uint32_t added, uint32_t removed,
				 uint32_t changed, uint32_t surplus)
{
	assert_int_equal(change.added, added);
	assert_int_equal(change.removed, removed);
	assert_int_equal(change.changed, changed);
	assert_int_equal(change.surplus, surplus);
}

#endif
