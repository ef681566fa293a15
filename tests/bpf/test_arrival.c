/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T4 and T2 by the kernel's own stamp of a packet's arrival, where it made one that can be true;
 * else by the program's clock. Must not know how the programs do it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "stamp_harness.h"

#define US_NS	 1000LL
#define AGE_NS	 (200 * US_NS)
#define SLACK_NS (100 * US_NS) /* of a machine that is busy between two readings of a clock */
#define SECOND	 1000000000LL

/* The kernel's stamp of a packet of so long ago, and the same moment by the programs' clock. */
static uint64_t stamp_of(int64_t age_ns, uint64_t *ret_ns)
{
	struct timespec real;
	uint64_t begin, end;

	do {
		begin = now_ns();
		clock_gettime(CLOCK_REALTIME, &real);
		end = now_ns();
	} while (end - begin > 2000);
	*ret_ns = begin - (uint64_t)age_ns;
	return (uint64_t)(real.tv_sec * SECOND + real.tv_nsec - age_ns);
}

static struct harness *harness_with_stamps_or_skip(void **state)
{
	struct harness *harness = harness_or_skip(state);

	if (!harness->skeleton->rodata->config.tai_clock)
		skip(); /* before 6.1 */
	return harness;
}

enum stamped { BELIEVED, DISBELIEVED, UNSTAMPED };

/* A reply to a probe of t1_age_ns ago, with this residence, that arrived age_ns ago by its stamp. */
struct reply {
	const char *name;
	int64_t age_ns;
	int64_t t1_age_ns;
	int64_t residence_ns;
	enum stamped stamped;
};

static const struct reply replies[] = {
	{ "stamped", AGE_NS, 1000 * US_NS, 0, BELIEVED },
	{ "by an hour's leap of the clock", AGE_NS + 3600 * SECOND, 1000 * US_NS, 0, BELIEVED },
	{ "by TAI's distance", AGE_NS + 37 * SECOND, 1000 * US_NS, 0, BELIEVED },
	{ "long in a queue", 8000 * US_NS, 60000 * US_NS, 0, BELIEVED },
	{ "stamped, with residence", AGE_NS, 1000 * US_NS, 700 * US_NS, BELIEVED },
	{ "no stamp", AGE_NS, 1000 * US_NS, 0, UNSTAMPED },
	{ "to come", -1000 * US_NS, 5000 * US_NS, 0, DISBELIEVED },
	{ "to come, by more", AGE_NS - 37 * SECOND, 1000 * US_NS, 0, DISBELIEVED },
	{ "to come, as old as if numbers wrapped", -709500 * US_NS, 300000 * US_NS, 0,
	  DISBELIEVED },
	{ "too long ago", 15000 * US_NS, 300000 * US_NS, 0, DISBELIEVED },
	{ "before T1", AGE_NS, 100 * US_NS, 0, DISBELIEVED },
	{ "residence does not fit", AGE_NS, 1000 * US_NS, 900 * US_NS, DISBELIEVED },
};

static void check_t4(struct harness *harness, const struct shape *shape, const struct reply *reply)
{
	struct stamp stamp = stamp_reply_in(0, ntp_of(SECOND),
					    ntp_of((uint64_t)(SECOND + reply->residence_ns)),
					    ERROR_ESTIMATE);
	struct frame in = frame_of_stamp(shape, &stamp), out;
	struct kc_flight *flight = stamp_arm(harness, shape, 0, KC_T1_ARMED);
	struct __sk_buff known = { 0 };
	uint64_t arrival_ns, t1_ns, before_ns, after_ns;
	const struct kc_record *record = &harness->records[0];

	/* Whole seconds apart stamps are the same: the wall clock's distance from TAI is of them. */
	known.tstamp = stamp_of((reply->age_ns % SECOND + SECOND) % SECOND, &arrival_ns);
	known.tstamp -= (uint64_t)(reply->age_ns - (reply->age_ns % SECOND + SECOND) % SECOND);
	if (reply->stamped == UNSTAMPED)
		known.tstamp = 0;
	flight->t1_ns = (now_ns() - (uint64_t)reply->t1_age_ns) & ~1ULL;
	t1_ns = flight->t1_ns;
	before_ns = now_ns();
	assert_int_equal(harness_run_knowing(harness->skeleton->progs.kc_ingress, in.octets,
					     in.bytes, &known, &out),
			 TC_ACT_UNSPEC);
	after_ns = now_ns();
	assert_int_equal(harness_drain(harness), 1);
	assert_int_equal(record->kind, KC_RETURNED);
	if (reply->stamped == BELIEVED)
		assert_in_range(record->t4_ns, arrival_ns, arrival_ns + SLACK_NS);
	else
		assert_in_range(record->t4_ns, before_ns, after_ns);
	assert_true(record->t4_ns - t1_ns >= record->residence_ns);
	assert_int_equal(harness->peers[slot_of(shape)].last_rtt_ns,
			 record->t4_ns - t1_ns - record->residence_ns);
	/* Its duplicate, stamped alike, has no round-trip time. */
	assert_int_equal(harness_run_knowing(harness->skeleton->progs.kc_ingress, in.octets,
					     in.bytes, &known, &out),
			 TC_ACT_UNSPEC);
	assert_int_equal(harness_drain(harness), 1);
	assert_int_equal(record->kind, KC_DUPLICATE);
	assert_only_counter(harness,
			    reply->stamped == BELIEVED ? COUNTER(arrivals_stamped) : NO_COUNTER);
}

static void t4_is_the_arrival_where_the_kernel_stamped_it(void **state)
{
	struct harness *harness = harness_with_stamps_or_skip(state);

	for (size_t i = 0; i < COUNT(replies) * COUNT(plain); i++)
		check_t4(harness, &plain[i % COUNT(plain)], &replies[i / COUNT(plain)]);
}

static void t2_is_the_arrival_where_the_kernel_stamped_it(void **state)
{
	struct harness *harness = harness_with_stamps_or_skip(state);

	FOR_EACH_REFLECTOR(harness, i, shape, program)
	{
		for (int64_t age_ns = -AGE_NS; age_ns <= AGE_NS; age_ns += AGE_NS) {
			struct stamp request = stamp_request_in();
			struct frame in = frame_of_stamp(shape, &request), out;
			const uint8_t *payload = out.octets + in.message + UDP_BYTES;
			struct __sk_buff known = { 0 };
			uint64_t arrival_ns = 0, before_ns, t2;

			harness_reset(harness);
			known.tstamp = age_ns == 0 ? 0 : stamp_of(age_ns, &arrival_ns);
			before_ns = now_ns();
			assert_int_equal(
				harness_run_knowing(program, in.octets, in.bytes, &known, &out),
				TC_ACT_REDIRECT);
			assert_times(payload, age_ns > 0 ? arrival_ns : before_ns, now_ns());
			t2 = value_be(payload + 16, 8);
			if (age_ns > 0)
				assert_true(t2 - ntp_of(arrival_ns) + NTP_SLACK <
					    ntp_of(arrival_ns + SLACK_NS) - ntp_of(arrival_ns));
		}
	}
}

/* As on a kernel that has no clock by which a stamp could be understood. */
static void without_that_clock_the_programs_load_and_take_their_own(void **state)
{
	static const struct reply reply = { "not understood", AGE_NS, 1000 * US_NS, 0,
					    DISBELIEVED };
	struct harness *harness;

	(void)harness_or_skip(state);
	setenv(HARNESS_NO_TAI_CLOCK, "1", 1);
	harness = harness_open(true);
	unsetenv(HARNESS_NO_TAI_CLOCK);
	assert_non_null(harness);
	assert_int_equal(harness->skeleton->rodata->config.tai_clock, 0);
	check_t4(harness, &plain[0], &reply);
	harness_close(harness);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t4_is_the_arrival_where_the_kernel_stamped_it),
		cmocka_unit_test(t2_is_the_arrival_where_the_kernel_stamped_it),
		cmocka_unit_test(without_that_clock_the_programs_load_and_take_their_own),
	};

	return cmocka_run_group_tests(tests, open_harness, close_harness);
}
