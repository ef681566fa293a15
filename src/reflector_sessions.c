/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space reflector's count of each session and the rate that it allows each peer: what
 * bpf/sessions.bpf.h does, by one thread. Time is in units of 2^16 ns and wraps after 78 hours.
 * Must not know packets.
 */
#include "reflector_rules.h"

#define SESSION_PROBES	  8
#define UNIT_SHIFT	  16
#define UNITS_OF_A_SECOND ((uint32_t)(NS_PER_SECOND >> UNIT_SHIFT))

#define RATE_PERIOD_NS ((uint64_t)NS_PER_SECOND / KC_REFLECT_RATE)
/* In units: the longest that a step is, and how far ahead a burst of one second may go; half a step
 * is for the rounding of all of them. */
#define RATE_STEP_MAX ((int32_t)(RATE_PERIOD_NS >> UNIT_SHIFT) + 1)
#define RATE_TOLERANCE \
	((int32_t)((RATE_PERIOD_NS * KC_REFLECT_RATE - RATE_PERIOD_NS / 2) >> UNIT_SHIFT))

static uint32_t units_of(struct local_time time)
{
	return (uint32_t)((uint64_t)time.ns >> UNIT_SHIFT);
}

/* The generic cell rate algorithm (ITU-T I.371). */
bool reflector_rate_allows(struct kc_address *peer, struct local_time now)
{
	uint32_t units = units_of(now);
	/* The part of a unit that now has beyond makes the mean step exact. */
	uint64_t beyond_ns = (uint64_t)now.ns & ((1 << UNIT_SHIFT) - 1);
	uint32_t step = (uint32_t)((RATE_PERIOD_NS + beyond_ns) >> UNIT_SHIFT);
	uint32_t from = __atomic_load_n(&peer->reflect_at, __ATOMIC_RELAXED);
	int32_t ahead = (int32_t)(from - units);

	if (ahead < 0 || ahead > RATE_TOLERANCE + RATE_STEP_MAX)
		from = units; /* idle, or so long that the time has wrapped */
	else if (ahead > RATE_TOLERANCE)
		return false;
	__atomic_store_n(&peer->reflect_at, from + step, __ATOMIC_RELAXED);
	return true;
}

/* Ports of peers are never 0, so no key is. */
uint64_t reflector_session_key(uint32_t place, uint16_t port, uint16_t ssid)
{
	return (uint64_t)place << 32 | (uint64_t)port << 16 | ssid;
}

static struct kc_session *session_at(const struct kernel_memory *memory, uint64_t key,
				     uint32_t probe)
{
	uint64_t hash = (key ^ memory->shape.hash_seed) * 0x9e3779b97f4a7c15ULL;

	return &memory->sessions[((hash >> 32) + probe) % memory->shape.session_capacity];
}

void reflector_session_restart(const struct kernel_memory *memory, uint64_t key)
{
	for (uint32_t i = 0; i < SESSION_PROBES; i++) {
		struct kc_session *session = session_at(memory, key, i);

		if (session->key == key)
			session->count = 0;
	}
}

uint32_t reflector_session_count(const struct kernel_memory *memory, uint64_t key,
				 struct local_time now)
{
	struct kc_session *oldest = NULL;
	uint64_t oldest_age = 0;

	for (uint32_t i = 0; i < SESSION_PROBES; i++) {
		struct kc_session *session = session_at(memory, key, i);
		/* A request that arrived before the last one judged is not the oldest for it. */
		uint32_t units = units_of(now) + UNITS_OF_A_SECOND - session->used_at;
		uint64_t age = session->key == 0 ? 1ULL << 32 : units;

		if (session->key == key) {
			session->used_at = units_of(now);
			return session->count++;
		}
		if (!oldest || age > oldest_age) {
			oldest = session;
			oldest_age = age;
		}
	}
	*oldest = (struct kc_session){ .key = key, .count = 1, .used_at = units_of(now) };
	return 0;
}
