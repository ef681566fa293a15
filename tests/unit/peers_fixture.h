/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of peers, and what it told. Times are seconds. */
#ifndef PEERS_FIXTURE_H
#define PEERS_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "sim/fake_memory.h"

#define FIXTURE_CAPACITY 4
#define FIXTURE_REST	 100
#define FIXTURE_LINGER	 300
#define FIXTURE_IPV6	 1000 /* and an index: an address of the other family */

/* What was told since the last call, in order: "?1 -2 +0 =3 ~1 " for lingers, departed, joined,
 * parked, relabelled. */
struct fixture {
	struct peers *peers;
	char events[1024];
	bool departs; /* nobody lingers */
};

static inline void note(struct fixture *fixture, char sign, uint32_t slot)
{
	size_t length = strlen(fixture->events);

	assert_true(length + 8 < sizeof(fixture->events));
	snprintf(fixture->events + length, sizeof(fixture->events) - length, "%c%u ", sign, slot);
}

static inline bool on_lingers(void *ctx, uint32_t slot)
{
	struct fixture *fixture = ctx;

	note(fixture, '?', slot);
	return !fixture->departs;
}

static inline void on_departed(void *ctx, uint32_t slot)
{
	note(ctx, '-', slot);
}

static inline void on_joined(void *ctx, uint32_t slot)
{
	note(ctx, '+', slot);
}

static inline void on_parked(void *ctx, uint32_t slot)
{
	note(ctx, '=', slot);
}

static inline void on_relabelled(void *ctx, uint32_t slot)
{
	note(ctx, '~', slot);
}

static inline struct local_time at(int64_t seconds)
{
	return (struct local_time){ .ns = seconds * NS_PER_SECOND };
}

static inline struct peers_settings fixture_settings(struct fixture *fixture, uint32_t capacity,
						     int64_t linger)
{
	return (struct peers_settings){ .capacity = capacity,
					.protocol = PROBE_STAMP,
					.rest_ns = FIXTURE_REST * NS_PER_SECOND,
					.linger_ns = linger * NS_PER_SECOND,
					.events = { .lingers = on_lingers,
						    .departed = on_departed,
						    .joined = on_joined,
						    .parked = on_parked,
						    .relabelled = on_relabelled,
						    .ctx = fixture } };
}

static inline void fixture_open_with(struct fixture *fixture, uint32_t capacity, int64_t linger)
{
	struct peers_settings settings = fixture_settings(fixture, capacity, linger);

	*fixture = (struct fixture){ 0 };
	assert_int_equal(peers_open(&settings, &fixture->peers), 0);
}

/* Nobody lingers. */
static inline void fixture_open(struct fixture *fixture)
{
	fixture_open_with(fixture, FIXTURE_CAPACITY, 0);
}

/* 10.0.0.index, or fd00::index. */
static inline struct address fixture_address(uint32_t index)
{
	struct address address = { .octets = { 0xfd } };

	if (index < FIXTURE_IPV6)
		return fake_address(index);
	address.octets[15] = (uint8_t)(index - FIXTURE_IPV6);
	return address;
}

static inline struct peer_candidate candidate_of(uint32_t address, const char *name)
{
	struct peer_candidate candidate = { .address = fixture_address(address),
					    .probe = PROBE_DEFAULT };

	snprintf(candidate.name, sizeof(candidate.name), "%s", name);
	return candidate;
}

static inline int offer(struct fixture *fixture, uint32_t address, const char *name)
{
	struct peer_candidate candidate = candidate_of(address, name);

	return peers_offer(fixture->peers, &candidate);
}

static inline struct peers_change commit(struct fixture *fixture, int64_t now)
{
	fixture->events[0] = '\0';
	return peers_commit(fixture->peers, at(now));
}

/* A transaction of peers as text: a digit, 10.0.0.N or, after a colon, fd00::N; then the name. All
 * are taken. */
static inline struct peers_change say(struct fixture *fixture, const char *const *list, int64_t now)
{
	peers_begin(fixture->peers);
	for (; *list; list++) {
		const char *text = *list + (**list == ':');
		uint32_t index = (uint32_t)(*text - '0');

		assert_int_equal(
			offer(fixture, **list == ':' ? FIXTURE_IPV6 + index : index, text + 1), 0);
	}
	return commit(fixture, now);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static inline void settle(struct fixture *fixture, int64_t now)
{
	fixture->events[0] = '\0';
	peers_settle(fixture->peers, at(now));
}

static inline uint32_t release(struct fixture *fixture, int64_t now)
{
	fixture->events[0] = '\0';
	return peers_release(fixture->peers, at(now));
}

/* loser: *ret_loser must be it. */
static inline enum peer_learning learn(struct fixture *fixture, uint32_t slot, const char *name,
				       const char *zone, int64_t now, uint32_t loser)
{
	uint32_t found = 99;
	enum peer_learning learning = peers_learn(fixture->peers, slot, name, zone, at(now),
						  &found);

	assert_int_equal(found, loser);
	return learning;
}

/* It says a name that it gets, from nobody; then all is settled. */
static inline void introduce(struct fixture *fixture, uint32_t slot, const char *text, int64_t now)
{
	assert_int_equal(learn(fixture, slot, text, "", now, slot), PEER_LEARNT_NAME);
	settle(fixture, now);
}

static inline void assert_label(const struct fixture *fixture, uint32_t slot, const char *expected)
{
	char label[PEER_NAME_CAPACITY];

	peers_label(fixture->peers, slot, label);
	assert_string_equal(label, expected);
}

static inline void assert_state(const struct fixture *fixture, uint32_t slot,
				enum peer_state expected)
{
	assert_int_equal(peers_get(fixture->peers, slot)->state, expected);
}

static inline void assert_twin(const struct fixture *fixture, uint32_t slot, uint32_t holder)
{
	assert_state(fixture, slot, PEER_TWIN);
	assert_int_equal(peers_get(fixture->peers, slot)->holder, holder);
	assert_true(peer_is_live(peers_get(fixture->peers, holder)));
}

#endif
