/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of peers, and what its callbacks said. */
#ifndef PEERS_FIXTURE_H
#define PEERS_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "sim/fake_memory.h"

#define FIXTURE_CAPACITY 4

/* What a commit said, in order: "-2 +0 ~1 " for departed, joined, relabelled. */
struct fixture {
	struct peers *peers;
	char events[256];
};

static inline void note(struct fixture *fixture, char sign, uint32_t slot)
{
	size_t length = strlen(fixture->events);

	snprintf(fixture->events + length, sizeof(fixture->events) - length, "%c%u ", sign, slot);
}

static inline void on_departed(void *ctx, uint32_t slot)
{
	note(ctx, '-', slot);
}

static inline void on_joined(void *ctx, uint32_t slot)
{
	note(ctx, '+', slot);
}

static inline void on_relabelled(void *ctx, uint32_t slot)
{
	note(ctx, '~', slot);
}

static inline int offer_as(struct fixture *fixture, uint32_t address, const char *name,
			   enum probe_protocol probe)
{
	struct peer_candidate candidate = { .address = fake_address(address), .probe = probe };

	snprintf(candidate.name, sizeof(candidate.name), "%s", name);
	return peers_offer(fixture->peers, &candidate);
}

static inline int offer(struct fixture *fixture, uint32_t address, const char *name)
{
	return offer_as(fixture, address, name, PROBE_DEFAULT);
}

static inline struct peers_change commit(struct fixture *fixture, int64_t release_at)
{
	fixture->events[0] = '\0';
	return peers_commit(fixture->peers, (struct local_time){ .ns = release_at }, on_departed,
			    on_joined, on_relabelled, fixture);
}

static inline void settle(struct fixture *fixture)
{
	fixture->events[0] = '\0';
	peers_settle(fixture->peers, on_relabelled, fixture);
}

/* A transaction of up to four "address name" pairs: digit, then name; returns nothing, asserts
 * success. */
static inline void say(struct fixture *fixture, enum peer_source source, const char *const *list,
		       int64_t release_at)
{
	peers_begin(fixture->peers, source);
	for (; *list; list++)
		assert_int_equal(offer(fixture, (uint32_t)(**list - '0'), *list + 1), 0);
	commit(fixture, release_at);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static inline struct fixture fixture_open_with(uint32_t capacity)
{
	struct fixture fixture = { 0 };

	assert_int_equal(peers_open(capacity, PROBE_STAMP, &fixture.peers), 0);
	return fixture;
}

static inline struct fixture fixture_open(void)
{
	return fixture_open_with(FIXTURE_CAPACITY);
}

static inline void assert_label(const struct fixture *fixture, uint32_t slot, const char *expected)
{
	char label[PEER_NAME_CAPACITY];

	peers_label(fixture->peers, slot, label);
	assert_string_equal(label, expected);
}

#endif
