/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reflector's count of each session (RFC 8762 section 4.3, stateful mode) and the rate that it
 * allows each peer. Bounded: what comes new takes the place of the longest unused. Time here is in
 * units of 2^16 ns and wraps after 78 hours. Must not know packets.
 */
#ifndef SESSIONS_BPF_H
#define SESSIONS_BPF_H

#include "kernel_abi.h"
#include "maps.bpf.h"

#define SESSION_PROBES 8
#define UNIT_SHIFT     16
/* Another CPU may have read the clock after us and written first. */
#define UNITS_OF_A_SECOND (1000000000U >> UNIT_SHIFT)

#define RATE_PERIOD_NS (1000000000ULL / KC_REFLECT_RATE)
/* In units: the longest that a step is, and how far ahead a burst of one second may go; half a step
 * is for the rounding of all of them. */
#define RATE_STEP_MAX (RATE_PERIOD_NS / (1 << UNIT_SHIFT) + 1)
#define RATE_TOLERANCE \
	((__s32)((RATE_PERIOD_NS * KC_REFLECT_RATE - RATE_PERIOD_NS / 2) >> UNIT_SHIFT))

/* One more from this peer? The generic cell rate algorithm (ITU-T I.371). Of n CPUs at the same
 * moment only one may count, so that n times the rate is the bound; a peer's flows come in on as
 * many CPUs as the device spreads them over. */
static __always_inline bool rate_allows(struct kc_address *peer, __u64 now_ns)
{
	__u32 now = now_ns >> UNIT_SHIFT;
	/* The part of a unit that now_ns has beyond makes the mean step exact. */
	__u32 step = (RATE_PERIOD_NS + (now_ns & ((1 << UNIT_SHIFT) - 1))) >> UNIT_SHIFT;
	__u32 expected = READ_ONCE(peer->reflect_at);
	__s32 ahead = (__s32)(expected - now);
	__u32 from = expected;

	if (ahead < 0 || ahead > RATE_TOLERANCE + (__s32)RATE_STEP_MAX)
		from = now; /* idle, or so long that the time has wrapped */
	else if (ahead > RATE_TOLERANCE)
		return false;
	__sync_val_compare_and_swap(&peer->reflect_at, expected, from + step);
	return true;
}

/* Ports of peers are never 0, so no key is. */
static __always_inline __u64 session_key(__u64 place, __u64 port, __u64 ssid)
{
	return place << 32 | port << 16 | ssid;
}

static __always_inline __u64 session_place(__u64 key, __u64 probe)
{
	__u64 hash = (key ^ config.hash_seed) * 0x9e3779b97f4a7c15ULL;

	return ((hash >> 32) % config.session_capacity + probe) % config.session_capacity;
}

/* A discontinuity: the next reply of the session has sequence 0 again, as that of a new one has. */
static __noinline int session_restart(__u64 key)
{
#pragma clang loop unroll(full)
	for (__u64 i = 0; i < SESSION_PROBES; i++) {
		struct kc_session *session = array_at(&kc_sessions, session_place(key, i));

		if (session && READ_ONCE(session->key) == key)
			WRITE_ONCE(session->count, 0);
	}
	return 0;
}

/* The sequence of the next reply of a session that has no place yet. Whoever publishes the key
 * finds 0 behind it, and so do others who ask at the same moment: it stands there before, in a free
 * place always. What remains, and only where a session gives way to another: a CPU that meanwhile
 * counts for the former, or begins the same one, may have a number told twice or left out, once. */
static __always_inline __u64 session_begin(__u64 key, __u64 place, __u64 former_key, __u64 now)
{
	struct kc_session *session = array_at(&kc_sessions, place);
	__u64 found;

	if (!session)
		return 0;
	if (former_key != 0)
		WRITE_ONCE(session->count, 0);
	found = __sync_val_compare_and_swap(&session->key, former_key, key);
	if (found == former_key)
		WRITE_ONCE(session->used_at, now);
	else if (found != key)
		return 0; /* lost to another session: this one begins when it asks again */
	return __sync_fetch_and_add(&session->count, 1);
}

/* The sequence of the next reply of the session. */
static __noinline __u64 session_count(__u64 key, __u64 now_ns)
{
	__u64 now = now_ns >> UNIT_SHIFT;
	__u64 oldest_age = 0, oldest_key = 0, oldest = 0;

#pragma clang loop unroll(full)
	for (__u64 i = 0; i < SESSION_PROBES; i++) {
		__u64 place = session_place(key, i);
		struct kc_session *session = array_at(&kc_sessions, place);
		__u64 found, age;

		if (!session)
			return 0;
		found = READ_ONCE(session->key);
		if (found == key) {
			WRITE_ONCE(session->used_at, now);
			return __sync_fetch_and_add(&session->count, 1);
		}
		age = now + UNITS_OF_A_SECOND - READ_ONCE(session->used_at);
		age = found == 0 ? 1ULL << 32 : (__u32)age;
		if (age > oldest_age || i == 0) {
			oldest_age = age;
			oldest = place;
			oldest_key = found;
		}
	}
	return session_begin(key, oldest, oldest_key, now);
}

#endif
