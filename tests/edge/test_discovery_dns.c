/* SPDX-License-Identifier: Apache-2.0 */
/* Peers from DNS, asked of a name server in this process. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "discovery_dns_fixture.h"

static void both_families_are_taken_and_changes_told(void **state)
{
	struct fixture *f = *state;

	f->responder.six = (struct responder_records){ .count = 1, .first = 9, .ttl_seconds = 20 };
	open_names(f, 1);
	assert_true(round_changes(f));
	assert_int_equal(f->taken_count, 3);
	assert_true(was_taken(f, "10.0.0.1") && was_taken(f, "10.0.0.2"));
	assert_true(was_taken(f, "2001:db8::9"));
	assert_true(f->totals.success_unix_seconds > 0);
	assert_int_equal(f->totals.failures, 0);
	assert_int_equal(f->responder.questions, 2);
	f->responder.four.reversed = true; /* another order is no change */
	assert_false(next_round_changes(f));
	f->responder.four = (struct responder_records){ .count = 1, .first = 2, .ttl_seconds = 30 };
	assert_true(next_round_changes(f));
	assert_int_equal(f->taken_count, 2);
	assert_false(was_taken(f, "10.0.0.1"));
	f->responder.four.first = 7; /* as many as before */
	assert_true(next_round_changes(f));
	assert_true(was_taken(f, "10.0.0.7") && !was_taken(f, "10.0.0.2"));
}

static void the_smallest_ttl_within_bounds_says_when(void **state)
{
	static const struct {
		uint32_t four;
		uint32_t six;
		int64_t expected;
	} cases[] = { { 30, 20, 20 }, { 12, 40, 12 }, { 0, 0, 5 },
		      { 1, 50, 5 },   { 60, 60, 60 }, { 3600, 0x7fffff00, 60 } };
	struct fixture *f = *state;

	f->responder.six = (struct responder_records){ .count = 2, .first = 9 };
	open_names(f, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t questions;

		f->responder.four.ttl_seconds = cases[i].four;
		f->responder.six.ttl_seconds = cases[i].six;
		next_round_changes(f);
		assert_int_equal(pause_seconds(f), cases[i].expected);
		questions = f->responder.questions;
		f->now = local_after(f->now, cases[i].expected * NS_PER_SECOND - 1);
		discovery_dns_run(f->dns, f->now);
		responder_pump(&f->responder, -1, 20);
		assert_int_equal(f->responder.questions, questions);
		f->now = local_after(f->now, 1);
		round_changes(f);
		assert_int_equal(f->responder.questions, questions + 2);
	}
}

/* Whatever it is, the last good answer stays. */
static void bad_answers_are_no_news(void **state)
{
	static const enum responder_mode modes[] = { RESPOND_SERVFAIL, RESPOND_NXDOMAIN,
						     RESPOND_REFUSED,  RESPOND_NOTHING,
						     RESPOND_NO_TCP,   RESPOND_GARBAGE };
	struct fixture *f = *state;
	uint64_t failures = 0;

	open_names(f, 1);
	assert_true(round_changes(f));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		f->responder.four.mode = modes[i];
		assert_false(next_round_changes(f));
		assert_int_equal(f->totals.failures, ++failures);
		discovery_dns_offer(f->dns, take, f);
		assert_int_equal(f->taken_count, 2);
	}
	f->responder.four = (struct responder_records){ .count = 1, .first = 5, .ttl_seconds = 30 };
	assert_true(next_round_changes(f));
	assert_int_equal(f->taken_count, 1);
	assert_int_equal(f->totals.failures, failures);
}

static void one_family_fails_alone(void **state)
{
	struct fixture *f = *state;

	f->responder.six = (struct responder_records){ .count = 1, .first = 9, .ttl_seconds = 30 };
	open_names(f, 1);
	assert_true(round_changes(f));
	f->responder.six.mode = RESPOND_SERVFAIL;
	f->responder.four.first = 5;
	assert_true(next_round_changes(f)); /* the other one is heeded */
	assert_int_equal(f->taken_count, 3);
	assert_true(was_taken(f, "10.0.0.5") && was_taken(f, "2001:db8::9"));
	assert_int_equal(f->totals.failures, 1);
	f->responder.six.mode = RESPOND_NOTHING; /* it had some */
	assert_false(next_round_changes(f));
	assert_int_equal(f->totals.failures, 2);
}

/* For ever, if a name has lost its addresses of one family: the other's TTL stands. */
static void one_family_does_not_slow_the_other(void **state)
{
	struct fixture *f = *state;

	f->responder.four.ttl_seconds = 7;
	f->responder.six = (struct responder_records){ .count = 1, .first = 9, .ttl_seconds = 30 };
	open_names(f, 1);
	assert_true(round_changes(f));
	f->responder.six.mode = RESPOND_NOTHING;
	for (int i = 0; i < 6; i++) {
		assert_false(next_round_changes(f));
		assert_in_range(pause_seconds(f), 5, 7);
	}
	assert_int_equal(f->totals.failures, 6);
}

/* Servers that refuse AAAA for ever. */
static void a_family_that_always_fails_is_no_reason_to_wait(void **state)
{
	struct fixture *f = *state;

	f->responder.six.mode = RESPOND_SERVFAIL;
	open_names(f, 1);
	assert_true(round_changes(f));
	for (int i = 0; i < 6; i++)
		assert_false(next_round_changes(f));
	assert_int_equal(pause_seconds(f), 30);
	f->responder.four.mode = RESPOND_SERVFAIL;
	for (int64_t expected = 5; expected <= 20; expected *= 2) {
		assert_false(next_round_changes(f));
		assert_int_equal(pause_seconds(f), expected);
	}
}

/* There may not be room for all. */
static void the_wanted_family_comes_first(void **state)
{
	struct fixture *f = *state;

	f->responder.six = (struct responder_records){ .count = 1, .first = 9, .ttl_seconds = 20 };
	for (int i = 0; i < 2; i++) {
		f->ipv6_first = i;
		open_names(f, 2);
		assert_true(round_changes(f));
		assert_int_equal(f->taken_count, 3);
		for (uint32_t j = 0; j < 3; j++)
			assert_true(address_is_ipv4(&f->taken[j]) == (i ? j > 0 : j < 2));
		discovery_dns_close(f->dns);
		f->dns = NULL;
	}
}

static void pauses_double_after_failures(void **state)
{
	static const int64_t expected[] = { 5, 10, 20, 40, 60, 60, 60 };
	struct fixture *f = *state;

	f->responder.four.mode = RESPOND_NXDOMAIN;
	f->responder.six.mode = RESPOND_NXDOMAIN;
	open_names(f, 1);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_false(next_round_changes(f));
		assert_int_equal(pause_seconds(f), expected[i]);
	}
	assert_int_equal(f->totals.success_unix_seconds, 0);
	f->responder.four.mode = RESPOND;
	assert_true(next_round_changes(f));
	assert_int_equal(pause_seconds(f), 30);
	f->responder.four.mode = RESPOND_SERVFAIL;
	assert_false(next_round_changes(f));
	assert_int_equal(pause_seconds(f), 5);
}

static void what_does_not_fit_comes_over_tcp(void **state)
{
	struct fixture *f = *state;

	f->responder.four = (struct responder_records){
		.mode = RESPOND_TRUNCATED, .count = 3000, .first = 1, .ttl_seconds = 30
	};
	open_names(f, 1);
	assert_true(round_changes(f));
	assert_int_equal(f->taken_count, 3000);
	assert_int_equal(f->responder.tcp_questions, 1);
	f->responder.four.count = 4094; /* 65,535 octets */
	assert_true(next_round_changes(f));
	assert_int_equal(f->taken_count, 4094);
	assert_int_equal(f->totals.failures, 0);
}

/* A server at a distance: several round trips, of which a datagram needs but one. */
static void over_tcp_there_is_more_time(void **state)
{
	struct fixture *f = *state;

	f->responder.four = (struct responder_records){
		.mode = RESPOND_SLOWLY, .count = 3000, .first = 1, .ttl_seconds = 30
	};
	open_names(f, 1);
	assert_true(round_changes(f));
	assert_int_equal(f->taken_count, 3000);
	assert_int_equal(f->responder.tcp_questions, 1);
	assert_int_equal(f->totals.failures, 0);
}

/* The first one says nothing over UDP, and has no TCP. */
static void another_server_is_asked(void **state)
{
	struct fixture *f = *state;
	struct dns_responder *responder = &f->responder;
	struct dns_responder dead;

	responder_open(&dead);
	close(dead.tcp);
	snprintf(responder->servers, sizeof(responder->servers), "127.0.0.1:%u,127.0.0.1:%u",
		 dead.port, responder->port);
	responder->four = (struct responder_records){
		.mode = RESPOND_TRUNCATED, .count = 3000, .first = 1, .ttl_seconds = 30
	};
	open_names(f, 1);
	assert_true(round_changes(f));
	close(dead.udp);
	assert_int_equal(f->taken_count, 3000);
	assert_int_equal(f->totals.failures, 0);
}

static void names_are_united(void **state)
{
	struct fixture *f = *state;

	open_names(f, 2);
	assert_true(round_changes(f));
	assert_int_equal(f->taken_count, 2);
	assert_int_equal(f->totals.addresses, 2); /* the same of both names */
	assert_int_equal(f->responder.questions, 4);
}

static void addresses_that_are_no_hosts_are_left_out(void **state)
{
	struct fixture *f = *state;

	/* 224.0.0.0 follows; all of an answer being no hosts is no news. */
	f->responder.four.first = 0xdfffffff - 0x0a000000;
	open_names(f, 1);
	assert_true(round_changes(f));
	assert_int_equal(f->taken_count, 1);
	assert_true(was_taken(f, "223.255.255.255"));
	assert_int_equal(f->totals.refused, 1);
	f->responder.four.first++;
	assert_false(next_round_changes(f));
	assert_int_equal(f->totals.refused, 3);
	assert_int_equal(f->totals.failures, 1);
}

static void silence_ends_and_never_blocks(void **state)
{
	struct fixture *f = *state;

	open_names(f, 1);
	assert_true(round_changes(f));
	f->responder.four.mode = RESPOND_NEVER;
	assert_false(next_round_changes(f));
	assert_int_equal(f->totals.failures, 1);
	f->responder.four = (struct responder_records){ .count = 1, .first = 3, .ttl_seconds = 30 };
	assert_true(next_round_changes(f));
}

static void a_closed_port_is_a_failure(void **state)
{
	struct fixture *f = *state;

	open_names(f, 1);
	assert_true(round_changes(f));
	responder_close(&f->responder);
	f->responder.udp = f->responder.tcp = -1;
	assert_false(next_round_changes(f));
	assert_int_equal(f->totals.failures, 1);
	discovery_dns_offer(f->dns, take, f);
	assert_int_equal(f->taken_count, 2);
}

/* With questions open. */
static void closing_is_safe_at_any_time(void **state)
{
	struct fixture *f = *state;

	open_names(f, 2);
	discovery_dns_run(f->dns, f->now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(both_families_are_taken_and_changes_told),
		TEST(the_smallest_ttl_within_bounds_says_when),
		TEST(bad_answers_are_no_news),
		TEST(one_family_fails_alone),
		TEST(one_family_does_not_slow_the_other),
		TEST(a_family_that_always_fails_is_no_reason_to_wait),
		TEST(the_wanted_family_comes_first),
		TEST(pauses_double_after_failures),
		TEST(what_does_not_fit_comes_over_tcp),
		TEST(over_tcp_there_is_more_time),
		TEST(another_server_is_asked),
		TEST(names_are_united),
		TEST(addresses_that_are_no_hosts_are_left_out),
		TEST(silence_ends_and_never_blocks),
		TEST(a_closed_port_is_a_failure),
		TEST(closing_is_safe_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
