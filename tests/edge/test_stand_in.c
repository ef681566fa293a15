/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for the kernel half: what it makes of stamps, in the maps and in the ring, as the
 * canary sees both through maps.c.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "stand_in_world.h"

#define RECORD_BYTES (8 + sizeof(struct kc_record))

static const struct address stranger = { .octets = { [10] = 0xff, 0xff, 198, 18, 0, 9 } };

static struct kc_flight *flight(const struct world *world, uint16_t flow, uint16_t sequence)
{
	return &world->memory->flights[(2 * FLOWS + flow) * WINDOW + (sequence & (WINDOW - 1))];
}

static struct echoed probe_of(uint16_t flow, uint16_t sequence)
{
	return (struct echoed){
		.peer = peer, .nonce = NONCE + sequence, .flow = flow, .sequence = sequence
	};
}

static void arm(const struct world *world, uint16_t flow, uint16_t sequence)
{
	flight(world, flow, sequence)->t1_ns = KC_T1_ARMED;
	flight(world, flow, sequence)->nonce = NONCE + sequence;
}

static void leave(const struct world *world, uint16_t flow, uint16_t sequence, int64_t at_ns)
{
	struct echoed probe = probe_of(flow, sequence);

	stand_in_on_left(world->stand_in, &probe, at_ns + OFFSET_NS);
}

/* T3 - T2 in 2^-32 s. */
static struct stamp_reply reply_packet(uint32_t t2, uint32_t t3)
{
	struct stamp_reply packet = { .sequence_be = htonl(77), .sender_ttl = 61 };
	uint32_t second_be = htonl(1000), t2_be = htonl(t2), t3_be = htonl(t3);

	memcpy(packet.receive_timestamp, &second_be, 4);
	memcpy(packet.receive_timestamp + 4, &t2_be, 4);
	memcpy(packet.timestamp, &second_be, 4);
	memcpy(packet.timestamp + 4, &t3_be, 4);
	return packet;
}

static void answer(const struct world *world, struct echoed echoed, int64_t at_ns,
		   const struct stamp_reply *packet, uint32_t length)
{
	const struct stand_in_reply reply = { .echoed = echoed,
					      .t4_real_ns = at_ns ? at_ns + OFFSET_NS : 0,
					      .payload = (const uint8_t *)packet,
					      .length = length,
					      .ttl = 63 };

	stand_in_on_reply(world->stand_in, &reply);
}

static void answer_plainly(const struct world *world, uint16_t flow, uint16_t sequence,
			   int64_t at_ns)
{
	struct stamp_reply packet = reply_packet(0, 0);

	answer(world, probe_of(flow, sequence), at_ns, &packet, sizeof(packet));
}

static void keep(void *ctx, const struct kc_record *record)
{
	struct world *world = ctx;

	assert_true(world->count < sizeof(world->records) / sizeof(world->records[0]));
	world->records[world->count++] = *record;
}

static uint32_t drain(struct world *world)
{
	world->count = 0;
	return maps_drain(world->maps, NULL, keep, world);
}

static void assert_no_other_rejection(const struct world *world, uint64_t expected)
{
	const struct kc_counters *counters = world->memory->counters;

	assert_int_equal(counters->rejected_source + counters->rejected_truncated +
				 counters->rejected_nonce + counters->rejected_unstamped +
				 counters->rejected_residence + counters->rejected_checksum,
			 expected);
}

static void a_reply_is_paired_and_tells_all(void **state)
{
	struct world *world = *state;
	struct stamp_reply packet = reply_packet(0x10000000, 0x20000000); /* a 16th of a second */
	const struct kc_peer *view = &world->memory->peers[2];
	const struct kc_record *record;

	arm(world, 1, 11);
	leave(world, 1, 11, SENT_NS);
	assert_true(flight(world, 1, 11)->t1_ns == (uint64_t)SENT_NS);
	assert_int_equal(view->sent, 1);
	answer(world, probe_of(1, 11), SENT_NS + 100 * NS_PER_MS, &packet, sizeof(packet));
	assert_true(flight(world, 1, 11)->t1_ns == KC_T1_TAKEN);
	assert_int_equal(drain(world), 1);
	record = &world->records[0];
	assert_int_equal(record->kind, KC_RETURNED);
	assert_true(record->nonce == NONCE + 11);
	assert_true(record->t4_ns - record->t1_ns == (uint64_t)(100 * NS_PER_MS));
	assert_true(record->residence_ns == 62500000);
	assert_int_equal(record->slot, 2);
	assert_int_equal(record->flow, 1);
	assert_int_equal(record->sequence, 11);
	assert_int_equal(record->counter, 77);
	assert_int_equal(record->ttl, 63);
	assert_int_equal(record->sender_ttl, 61);
	assert_int_equal(view->returned, 1);
	assert_true(view->last_rtt_ns == 37500000 && view->min_rtt_ns == 37500000);
	assert_int_equal(world->memory->counters->arrivals_stamped, 1);
	assert_no_other_rejection(world, 0);
}

static void the_first_stamp_stands_and_is_even(void **state)
{
	struct world *world = *state;

	arm(world, 0, 3);
	leave(world, 0, 3, SENT_NS + 1);
	leave(world, 0, 3, SENT_NS + 500);
	assert_true(flight(world, 0, 3)->t1_ns == (uint64_t)SENT_NS + 2);
	assert_int_equal(world->memory->peers[2].sent, 1);
	/* of a probe that is not in flight: nothing */
	leave(world, 0, 4, SENT_NS);
	assert_true(flight(world, 0, 4)->t1_ns == KC_T1_ARMED);
}

static void a_second_reply_is_a_duplicate(void **state)
{
	struct world *world = *state;

	arm(world, 0, 1);
	leave(world, 0, 1, SENT_NS);
	answer_plainly(world, 0, 1, SENT_NS + NS_PER_MS);
	answer_plainly(world, 0, 1, SENT_NS + 2 * NS_PER_MS);
	assert_int_equal(drain(world), 2);
	assert_int_equal(world->records[1].kind, KC_DUPLICATE);
	assert_true(world->records[1].t1_ns == KC_T1_TAKEN);
	assert_int_equal(world->memory->peers[2].returned, 1);
	assert_no_other_rejection(world, 0);
}

static void what_is_no_reply_is_rejected_and_counted(void **state)
{
	struct world *world = *state;
	const struct kc_counters *counters = world->memory->counters;
	struct stamp_reply packet = reply_packet(0, 0);
	struct stamp_reply backwards = reply_packet(5, 4);
	struct stamp_reply long_stay = reply_packet(0, 0x80000000);
	struct echoed echoed = probe_of(0, 1);

	arm(world, 0, 1);
	leave(world, 0, 1, SENT_NS);
	echoed.nonce++;
	answer(world, echoed, SENT_NS + NS_PER_MS, &packet, sizeof(packet));
	assert_int_equal(counters->rejected_nonce, 1);
	echoed = probe_of(0, 1);
	echoed.peer = stranger;
	answer(world, echoed, SENT_NS + NS_PER_MS, &packet, sizeof(packet));
	assert_int_equal(counters->rejected_source, 1);
	answer(world, probe_of(0, 1), SENT_NS + NS_PER_MS, &packet, sizeof(packet) - 1);
	assert_int_equal(counters->rejected_truncated, 1);
	assert_true(flight(world, 0, 1)->t1_ns == (uint64_t)SENT_NS);
	answer(world, probe_of(0, 1), SENT_NS + NS_PER_MS, &backwards, sizeof(packet));
	answer(world, probe_of(0, 1), SENT_NS + NS_PER_MS, &long_stay, sizeof(packet));
	answer_plainly(world, 0, 1, SENT_NS - NS_PER_MS);
	assert_int_equal(counters->rejected_residence, 3);
	assert_true(flight(world, 0, 1)->t1_ns == ((uint64_t)SENT_NS | KC_T1_SEEN));
	assert_int_equal(drain(world), 0);
	assert_no_other_rejection(world, 6);
	/* and then the right one */
	answer_plainly(world, 0, 1, SENT_NS + NS_PER_MS);
	assert_int_equal(drain(world), 1);
	assert_true(world->records[0].t1_ns == (uint64_t)SENT_NS);
}

static void without_a_stamp_nothing_is_paired(void **state)
{
	struct world *world = *state;

	arm(world, 0, 1);
	answer_plainly(world, 0, 1, SENT_NS);
	assert_int_equal(world->memory->counters->rejected_unstamped, 1);
	/* a reply without its own: as if it had not been seen */
	leave(world, 0, 1, SENT_NS);
	answer_plainly(world, 0, 1, 0);
	assert_true(flight(world, 0, 1)->t1_ns == (uint64_t)SENT_NS);
	assert_int_equal(drain(world), 0);
	assert_no_other_rejection(world, 1);
}

static void a_full_ring_is_counted_and_the_reply_taken(void **state)
{
	struct world *world = *state;
	const uint32_t room = RING_BYTES / RECORD_BYTES;

	for (uint32_t i = 0; i < room + 3; i++) {
		arm(world, 0, (uint16_t)i);
		leave(world, 0, (uint16_t)i, SENT_NS);
		answer_plainly(world, 0, (uint16_t)i, SENT_NS + (int64_t)i);
		assert_true(flight(world, 0, (uint16_t)i)->t1_ns == KC_T1_TAKEN);
	}
	assert_int_equal(world->memory->counters->ring_full, 3);
	assert_int_equal(drain(world), room);
	assert_int_equal(maps_take_filled(world->maps), room * RECORD_BYTES);
}

/* RING_BYTES is no multiple of RECORD_BYTES: all rests there are come by. */
static void records_that_would_wrap_begin_anew(void **state)
{
	struct world *world = *state;
	uint16_t sequence = 0;

	for (uint32_t turn = 0; turn < 2000; turn++) {
		uint32_t burst = 1 + turn % 37;

		for (uint32_t i = 0; i < burst; i++, sequence++) {
			arm(world, 0, sequence);
			leave(world, 0, sequence, SENT_NS);
			answer_plainly(world, 0, sequence, SENT_NS + sequence);
		}
		assert_int_equal(drain(world), burst);
		for (uint32_t i = 0; i < burst; i++) {
			uint16_t expected = (uint16_t)(sequence - burst + i);

			assert_int_equal(world->records[i].sequence, expected);
			assert_true(world->records[i].nonce == NONCE + expected);
			assert_true(world->records[i].t4_ns - world->records[i].t1_ns == expected);
		}
	}
	assert_int_equal(world->memory->counters->ring_full, 0);
}

static void a_clock_that_is_set_leaves_no_wrong_time(void **state)
{
	struct world *world = *state;

	arm(world, 0, 1);
	arm(world, 1, 2);
	arm(world, 1, 3);
	leave(world, 0, 1, SENT_NS);
	leave(world, 1, 2, SENT_NS);
	answer_plainly(world, 1, 2, SENT_NS + NS_PER_MS);
	assert_int_equal(drain(world), 1);
	/* noise of two readings is no step, and is in no round-trip time */
	assert_true(stand_in_follow_clock(world->stand_in, OFFSET_NS + 9 * NS_PER_US, 100));
	assert_true(flight(world, 0, 1)->t1_ns == (uint64_t)SENT_NS);
	assert_false(stand_in_follow_clock(world->stand_in, OFFSET_NS + 50 * NS_PER_US, 100));
	assert_true(flight(world, 0, 1)->t1_ns == KC_T1_ARMED);
	assert_true(flight(world, 1, 2)->t1_ns == KC_T1_TAKEN);
	answer_plainly(world, 0, 1, SENT_NS + NS_PER_MS);
	assert_int_equal(world->memory->counters->rejected_unstamped, 1);
	assert_int_equal(drain(world), 0);
	/* by the clock as it is now */
	leave(world, 1, 3, SENT_NS + 50 * NS_PER_US);
	assert_true(flight(world, 1, 3)->t1_ns == (uint64_t)SENT_NS);
	assert_true(stand_in_follow_clock(world->stand_in, OFFSET_NS + 50 * NS_PER_US, 100));
}

static void a_reading_that_may_be_far_off_is_no_step(void **state)
{
	struct world *world = *state;

	arm(world, 0, 1);
	leave(world, 0, 1, SENT_NS);
	assert_true(stand_in_follow_clock(world->stand_in, OFFSET_NS + NS_PER_MS, 2 * NS_PER_MS));
	assert_true(flight(world, 0, 1)->t1_ns == (uint64_t)SENT_NS);
	/* Nor does it, as the first of a clock, hide later steps once that is known well. */
	assert_false(stand_in_follow_clock(world->stand_in, OFFSET_NS + 9 * NS_PER_MS, NS_PER_MS));
	assert_true(stand_in_follow_clock(world->stand_in, OFFSET_NS + 8 * NS_PER_MS, 100));
	assert_false(stand_in_follow_clock(world->stand_in, OFFSET_NS + 8050 * NS_PER_US, 100));
}

static void what_a_full_socket_may_have_dropped_is_not_lost(void **state)
{
	struct world *world = *state;

	arm(world, 0, 1);
	arm(world, 1, 2);
	leave(world, 0, 1, SENT_NS);
	leave(world, 1, 2, SENT_NS);
	stand_in_on_full(world->stand_in, 1);
	assert_int_equal(world->memory->counters->ring_full, 1);
	assert_true(flight(world, 0, 1)->t1_ns == (uint64_t)SENT_NS);
	assert_true(flight(world, 1, 2)->t1_ns == KC_T1_ARMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reply_is_paired_and_tells_all, begin, end),
		cmocka_unit_test_setup_teardown(the_first_stamp_stands_and_is_even, begin, end),
		cmocka_unit_test_setup_teardown(a_second_reply_is_a_duplicate, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_reply_is_rejected_and_counted, begin,
						end),
		cmocka_unit_test_setup_teardown(without_a_stamp_nothing_is_paired, begin, end),
		cmocka_unit_test_setup_teardown(a_full_ring_is_counted_and_the_reply_taken, begin,
						end),
		cmocka_unit_test_setup_teardown(records_that_would_wrap_begin_anew, begin, end),
		cmocka_unit_test_setup_teardown(a_clock_that_is_set_leaves_no_wrong_time, begin,
						end),
		cmocka_unit_test_setup_teardown(a_reading_that_may_be_far_off_is_no_step, begin,
						end),
		cmocka_unit_test_setup_teardown(what_a_full_socket_may_have_dropped_is_not_lost,
						begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
