/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Estimates that follow the samples: an exponential mean, and a high percentile that takes a step
 * up when an RTT is above it and a 99th of one down when not. Must not know peers, nor what the
 * estimates are for; needs no libm.
 */
#include "recent.h"

/* The mean is of all at first, then about the last so many count. */
#define LOSS_SPAN  100
#define LOSS_WHOLE (65535U << 8)

#define LOG_BITS 16

/* Steps in units of 2^-16 octaves. The estimate is right where one RTT in a hundred is above it, so
 * that ups and downs even out, whatever the size of the steps: they are small where it is right,
 * and grow where it goes one way only. */
#define STEP_FIRST    8000 /* 9 % */
#define STEP_MIN      983  /* 1 %: about 5 % to and fro */
#define STEP_MAX      32768
#define STEP_DOWNS    99
#define STEP_SOON     50  /* RTTs: again above so soon, up with longer steps */
#define STEP_OVERDUE  256 /* RTTs: still not above, hence too high: down faster and faster */
#define STEP_FASTER   32  /* by one step more each so many */
#define STEP_FAST_MAX 64

void recent_begin(struct recent *recent, struct local_time now)
{
	*recent = (struct recent){ .since = now };
}

/* --- logarithms --- */

/* log2(1 + i / 32) * 2^16. Between these it is taken to be straight, there and back: no more than
 * 0.02 % off, and what was one value is that value again. */
#define SEGMENTS     32
#define SEGMENT_BITS 26 /* of a mantissa of 31 bits, below the segment's number */

static const uint32_t octave[SEGMENTS + 1] = {
	0,     2909,  5732,  8473,  11136, 13727, 16248, 18704, 21098, 23433, 25711,
	27936, 30109, 32234, 34312, 36346, 38336, 40286, 42196, 44068, 45904, 47705,
	49472, 51207, 52911, 54584, 56229, 57845, 59434, 60997, 62534, 64047, 65536,
};

static uint32_t log2_of(uint32_t value)
{
	uint32_t exponent = 31 - (uint32_t)__builtin_clz(value);
	uint32_t mantissa = value << (31 - exponent);
	uint32_t segment = mantissa >> SEGMENT_BITS & (SEGMENTS - 1);
	uint64_t inside = mantissa & ((1U << SEGMENT_BITS) - 1);
	uint64_t width = octave[segment + 1] - octave[segment];

	return (exponent << LOG_BITS) + octave[segment] +
	       (uint32_t)(width * inside >> SEGMENT_BITS);
}

static int64_t exp2_of(uint32_t log)
{
	uint32_t exponent = log >> LOG_BITS;
	uint32_t fraction = log & ((1U << LOG_BITS) - 1);
	uint32_t segment = fraction * SEGMENTS >> LOG_BITS; /* this one, or shortly before it */
	uint64_t mantissa;

	while (octave[segment] > fraction)
		segment--;
	mantissa = ((uint64_t)(fraction - octave[segment]) << SEGMENT_BITS) /
		   (octave[segment + 1] - octave[segment]);
	mantissa += (uint64_t)(SEGMENTS + segment) << SEGMENT_BITS;
	/* 2 to the power of at most 32: the steps end there. */
	return (int64_t)(((mantissa << exponent) + (1U << 30)) >> 31);
}

/* --- p99 --- */

#define LOG_MAX (32U << LOG_BITS)

static void recent_go_up(struct recent *recent)
{
	uint32_t step = recent->p99_step;

	step = recent->p99_gap < STEP_SOON ? step * 3 / 2 : step * 5 / 8;
	if (step < STEP_MIN)
		step = STEP_MIN;
	if (step > STEP_MAX)
		step = STEP_MAX;
	recent->p99_step = (uint16_t)step;
	recent->p99_gap = 0;
	recent->p99_log += step;
	if (recent->p99_log > LOG_MAX)
		recent->p99_log = LOG_MAX;
}

/* The parts of the step are rounded so that after all of them it is a whole one. Never as far down
 * as 0, which would be none: each RTT is an octave above that, and the longest part is less. */
static void recent_go_down(struct recent *recent)
{
	uint32_t step = recent->p99_step;
	uint32_t gap = recent->p99_gap;
	uint32_t speed = 1;
	uint32_t down;

	if (gap < UINT16_MAX)
		recent->p99_gap++;
	if (gap >= STEP_OVERDUE)
		speed += (gap - STEP_OVERDUE) / STEP_FASTER;
	if (speed > STEP_FAST_MAX)
		speed = STEP_FAST_MAX;
	down = (step * (gap + 1) / STEP_DOWNS - step * gap / STEP_DOWNS) * speed;
	recent->p99_log -= down;
}

static void recent_add_p99(struct recent *recent, uint32_t log)
{
	if (recent->p99_step > 0) {
		if (log > recent->p99_log)
			recent_go_up(recent);
		else
			recent_go_down(recent);
		return;
	}
	/* Of as many as these the highest is as good a guess as any. */
	if (log > recent->p99_log)
		recent->p99_log = log;
	if (++recent->p99_gap == RECENT_SETTLED) {
		recent->p99_gap = 0;
		recent->p99_step = STEP_FIRST;
	}
}

bool recent_is_settled(const struct recent *recent)
{
	return recent->p99_step > 0;
}

int64_t recent_p99_ns(const struct recent *recent)
{
	return recent->p99_log > 0 ? exp2_of(recent->p99_log) : 0;
}

/* --- samples --- */

/* 0 ns would be none, and below 2 ns is no logarithm above 0. */
static void recent_add_rtt(struct recent *recent, int64_t rtt_ns)
{
	uint32_t value = rtt_ns < 2 ? 2 : rtt_ns < UINT32_MAX ? (uint32_t)rtt_ns : UINT32_MAX;

	recent->last_rtt_ns = value;
	if (recent->min_rtt_ns == 0 || value < recent->min_rtt_ns)
		recent->min_rtt_ns = value;
	recent_add_p99(recent, log2_of(value));
}

/* Rounded towards either end, so that it gets there. */
static void recent_add_loss(struct recent *recent, bool lost)
{
	uint32_t share = (uint32_t)recent->loss << 8 | recent->loss_rest;
	uint32_t span;

	if (recent->samples < UINT16_MAX)
		recent->samples++;
	span = recent->samples < LOSS_SPAN ? recent->samples : LOSS_SPAN;
	if (lost)
		share += (LOSS_WHOLE - share + span - 1) / span;
	else
		share -= share / span;
	recent->loss = (uint16_t)(share >> 8);
	recent->loss_rest = (uint8_t)share;
}

void recent_add(struct recent *recent, const struct sample *sample)
{
	if (sample->verdict != VERDICT_NONE)
		recent->verdict = sample->verdict;
	if (sample->verdict == VERDICT_RETURNED || sample->verdict == VERDICT_LOST)
		recent_add_loss(recent, sample->verdict == VERDICT_LOST);
	if (sample->verdict == VERDICT_LOST && recent->lost_run < UINT8_MAX)
		recent->lost_run++;
	else if (sample->verdict == VERDICT_RETURNED || sample->verdict == VERDICT_REFUSED)
		recent->lost_run = 0;
	if (sample_has_rtt(sample))
		recent_add_rtt(recent, sample->rtt_ns);
	if (sample->reply_ttl) {
		recent->reply_ttl = sample->reply_ttl;
		recent->probe_ttl = sample->probe_ttl;
	}
}
