/* SPDX-License-Identifier: Apache-2.0 */
/* Samples over plain memory: the test plays both programs and the clock. */
#ifndef SAMPLES_FIXTURE_H
#define SAMPLES_FIXTURE_H

#include "unit/cmocka_all.h"

#include <string.h>

#include "samples.h"
#include "sim/fake_memory.h"

#define MS	   NS_PER_MS
#define TIMEOUT_NS (1000 * MS)
#define CLOSING_NS (TIMEOUT_NS / SAMPLES_CLOSING_SHARE)
#define GRACE_NS   SAMPLES_GRACE_NS
#define SLOTS	   3
#define FLOWS	   2
#define WINDOW	   8
#define START_NS   (5 * NS_PER_SECOND)

struct fixture {
	struct kernel_memory memory;
	struct samples *samples;
	struct sample last;
	uint32_t count; /* samples since the last look */
};

static inline void on_sample(void *ctx, const struct sample *sample)
{
	struct fixture *fixture = ctx;

	fixture->last = *sample;
	fixture->count++;
}

static inline struct fixture *fixture_open(void)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .memory = fake_memory_open(SLOTS, FLOWS, WINDOW, 1) };
	assert_int_equal(samples_open(&fixture.memory, TIMEOUT_NS, &fixture.samples), 0);
	return &fixture;
}

static inline void fixture_close(struct fixture *f)
{
	samples_close(f->samples);
	fake_memory_close(&f->memory);
}

static inline struct local_time at(int64_t ns)
{
	return (struct local_time){ .ns = START_NS + ns };
}

static inline uint32_t arm(struct fixture *f, uint32_t slot, uint16_t flow, uint64_t nonce,
			   int64_t ns)
{
	uint32_t sequence = 99;

	assert_int_equal(samples_arm(f->samples, slot, flow, nonce, at(ns), &sequence), 0);
	return sequence;
}

static inline struct kc_flight *flight(struct fixture *f, uint32_t slot, uint16_t flow,
				       uint32_t sequence)
{
	return &f->memory.flights[(slot * FLOWS + flow) * WINDOW + sequence % WINDOW];
}

static inline struct kc_flight *stamp(struct fixture *f, uint32_t sequence, int64_t t1_ns)
{
	struct kc_flight *entry = flight(f, 0, 0, sequence);

	assert_true(entry->nonce != 0 && entry->t1_ns == KC_T1_ARMED);
	entry->t1_ns = (uint64_t)at(t1_ns).ns & ~(uint64_t)KC_T1_SEEN;
	return entry;
}

/* Takes the entry as the ingress program does, and hands over the record. */
static inline void reply_with(struct fixture *f, uint32_t sequence, int64_t t4_ns,
			      int64_t residence_ns, uint32_t counter)
{
	struct kc_flight *entry = flight(f, 0, 0, sequence);
	const struct kc_record record = {
		.nonce = entry->nonce,
		.t1_ns = entry->t1_ns,
		.t4_ns = (uint64_t)at(t4_ns).ns,
		.residence_ns = (uint64_t)residence_ns,
		.counter = counter,
		.sequence = (uint16_t)sequence,
		.kind = entry->t1_ns == KC_T1_TAKEN ? KC_DUPLICATE : KC_RETURNED,
	};

	entry->t1_ns = KC_T1_TAKEN;
	samples_on_record(f->samples, &record, on_sample, f);
}

static inline void reply(struct fixture *f, uint32_t sequence, int64_t t4_ns)
{
	reply_with(f, sequence, t4_ns, 0, 0);
}

static inline void expire(struct fixture *f, int64_t ns)
{
	samples_expire(f->samples, 0, at(ns), on_sample, f);
}

/* Exactly one sample since the last look, with this verdict. */
static inline void assert_verdict(struct fixture *f, enum verdict verdict, uint32_t sequence)
{
	assert_int_equal(f->count, 1);
	assert_int_equal(f->last.verdict, verdict);
	assert_int_equal(f->last.sequence, sequence);
	f->count = 0;
}

static inline void assert_silent(struct fixture *f)
{
	assert_int_equal(f->count, 0);
}

#endif
