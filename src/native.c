/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native histograms: which bucket a duration belongs to, and which duration a share of all lies
 * below. Must not know peers or formats, and needs no libm.
 */
#include "native.h"

#include <assert.h>

#define OCTAVES 23
#define STEPS	8 /* buckets of an octave: 2^NATIVE_SCHEMA */
/* A place is 0 of the zero bucket, b + 1 of bucket b. */
#define PLACES (NATIVE_BUCKETS + 1)

_Static_assert(NATIVE_BUCKETS < UINT8_MAX, "bucket + 1 is an octet");
_Static_assert(STEPS == 1 << NATIVE_SCHEMA && OCTAVES * STEPS == NATIVE_BUCKETS, "the header's");

/* The bounds of the highest octave in nanoseconds, floor(4e9 * 2^(i / 8)). All others are these,
 * halved as often as there are octaves between. Nothing is lost by rounding down: floor(floor(x) /
 * 2) is floor(x / 2), and a whole value is at most x if it is at most floor(x). */
static const int64_t octave_ns[STEPS + 1] = {
	4000000000, 4362030930, 4756828460, 5187358218, 5656854249,
	6168843301, 6727171322, 7336032345, 8000000000,
};

/* Scaled by powers of two into the highest octave, a value is compared with its bounds. */
static unsigned int native_place(int64_t value_ns)
{
	unsigned int octave = OCTAVES - 1;
	unsigned int halvings;
	unsigned int step = 1;

	if (value_ns <= octave_ns[0] >> octave)
		return 0;
	if (value_ns >= octave_ns[STEPS])
		return NATIVE_BUCKETS;
	/* 8e9 lies between 2^32 and 2^33: a value of 33 bits may be one doubling too many. */
	halvings = (unsigned int)__builtin_clzll((unsigned long long)value_ns) - 31;
	if (value_ns << halvings > octave_ns[STEPS])
		halvings--;
	octave -= halvings;
	while (value_ns << halvings > octave_ns[step])
		step++;
	return octave * STEPS + step;
}

/* Where the bucket's high half is, or its place is to be; NATIVE_CARRIES: nowhere. */
static unsigned int native_carry(const struct native_histogram *histogram, unsigned int bucket)
{
	unsigned int i = 0;

	while (i < NATIVE_CARRIES && histogram->carried[i] && histogram->carried[i] != bucket + 1)
		i++;
	return i;
}

void native_expect(const struct native_histogram *histogram, int64_t value_ns)
{
	unsigned int place = native_place(value_ns);

	__builtin_prefetch(place ? (const void *)&histogram->low[place - 1] : &histogram->zero, 1);
}

void native_add(struct native_histogram *histogram, int64_t value_ns)
{
	unsigned int place = native_place(value_ns);
	unsigned int carry;

	if (place == 0) {
		histogram->zero++;
		return;
	}
	if (++histogram->low[place - 1] != 0)
		return;
	carry = native_carry(histogram, place - 1);
	assert(carry < NATIVE_CARRIES); /* native_has_room was not asked */
	histogram->carried[carry] = (uint8_t)place;
	histogram->high[carry]++;
}

/* A bucket may run over within the margin if it is at least half full, or if it has done so
 * before. The high halves last for 2^32 - NATIVE_MARGIN. */
bool native_has_room(const struct native_histogram *histogram)
{
	unsigned int carries = 0;

	for (unsigned int i = 0; i < NATIVE_CARRIES; i++)
		if (histogram->high[i] == UINT16_MAX)
			return false;
	if (histogram->zero > UINT32_MAX - NATIVE_MARGIN)
		return false;
	while (carries < NATIVE_CARRIES && histogram->carried[carries])
		carries++;
	for (unsigned int bucket = 0; bucket < NATIVE_BUCKETS; bucket++) {
		unsigned int carry;

		if (histogram->low[bucket] <= UINT16_MAX - NATIVE_MARGIN)
			continue;
		carry = native_carry(histogram, bucket);
		if (carry == NATIVE_CARRIES || !histogram->carried[carry])
			carries++;
	}
	return carries <= NATIVE_CARRIES;
}

void native_total_add(struct native_total *total, int64_t value_ns)
{
	unsigned int place = native_place(value_ns);

	if (place == 0)
		total->zero++;
	else
		total->buckets[place - 1]++;
}

void native_total_sum(struct native_total *total, const struct native_histogram *more)
{
	total->zero += more->zero;
	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		total->buckets[i] += more->low[i];
	for (unsigned int i = 0; i < NATIVE_CARRIES && more->carried[i]; i++)
		total->buckets[more->carried[i] - 1] += (uint64_t)more->high[i] << 16;
}

uint64_t native_total_count(const struct native_total *total)
{
	uint64_t count = total->zero;

	for (unsigned int i = 0; i < NATIVE_BUCKETS; i++)
		count += total->buckets[i];
	return count;
}

int64_t native_bound_ns(unsigned int bucket)
{
	return octave_ns[bucket % STEPS + 1] >> (OCTAVES - 1 - bucket / STEPS);
}

/* exp() of 0 to ln(2) / 8 is off by less than 1e-11 after this many terms of its series. */
static double native_exp(double x)
{
	return 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))));
}

/* What lies at a fraction of a place, 0 to 1. */
static int64_t native_interpolate(unsigned int place, double fraction)
{
	static const double ln2 = 0.693147180559945309;
	unsigned int bucket = place - 1;
	double lower_ns;

	if (place == 0)
		return (int64_t)(fraction * NATIVE_ZERO_SECONDS * 1e9 + 0.5);
	lower_ns = (double)octave_ns[bucket % STEPS] /
		   (double)(1U << (OCTAVES - 1 - bucket / STEPS));
	return (int64_t)(lower_ns * native_exp(fraction * (ln2 / STEPS)) + 0.5);
}

int64_t native_total_quantile_ns(const struct native_total *total, unsigned int per_mille)
{
	const double share = per_mille / 1000.0;
	/* As Prometheus: from the nearer end, in floating point, so that ranks between two values
	 * fall to the same of them. */
	const bool forward = share < 0.5;
	const double rank = (forward ? share : 1 - share) * (double)native_total_count(total);
	unsigned int found = 0;
	double fraction;
	double inside = 0;
	double count = 0;

	for (unsigned int i = 0; i < PLACES && (inside == 0 || count < rank); i++) {
		unsigned int place = forward ? i : PLACES - 1 - i;
		uint64_t here = place == 0 ? total->zero : total->buckets[place - 1];

		if (here == 0)
			continue;
		found = place;
		inside = (double)here;
		count += inside;
	}
	if (inside == 0)
		return 0;
	/* Beyond 0 or 1 are shares above all, and counts that floating point rounds. */
	fraction = (forward ? rank - (count - inside) : count - rank) / inside;
	return native_interpolate(found, fraction > 0 ? (fraction < 1 ? fraction : 1) : 0);
}
