/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: one peer's probes tell one thing, those of the others another, now or long ago. */
#include "unit/cmocka_all.h"

#include "unit/interfaces_fixture.h"

/* So many peers over interface 3, to which the loader has attached. */
static struct interfaces *with_peers(uint32_t count)
{
	struct interfaces *interfaces = opened();

	for (uint32_t slot = 0; slot < count; slot++)
		route(interfaces, slot, 3, 0, 0);
	assert_string_equal(words(interfaces, 0), "A3 ");
	answer(interfaces, 3, good, good);
	return interfaces;
}

static void tell(struct interfaces *interfaces, uint32_t slot, const char *evidence)
{
	for (; *evidence; evidence++)
		interfaces_on_evidence(
			interfaces, slot,
			(enum interface_evidence)(strchr("RLUON", *evidence) - "RLUON"));
}

static bool attached(const struct interfaces *interfaces)
{
	return interface_egress_attached(find(interfaces, 3)) &&
	       interface_ingress_attached(find(interfaces, 3));
}

/* The slot of the odd peer, and what it tells; -1: none. */
static int odd(struct interfaces *interfaces, enum interface_evidence *ret)
{
	uint32_t slot;

	return interfaces_next_odd_peer(interfaces, &slot, ret) ? (int)slot : -1;
}

/* Replies of one peer may take another way in, while those of the others come. */
static void each_peer_is_doubted_by_itself(void **state)
{
	struct interfaces *interfaces = with_peers(2);

	(void)state;
	for (int n = 0; n < INTERFACE_DOUBT_AFTER; n++) {
		assert_false(in_doubt(interfaces));
		tell(interfaces, 0, "R");
		tell(interfaces, 1, "L");
	}
	tell(interfaces, 0, "R");
	assert_true(in_doubt(interfaces));
	assert_int_equal(interfaces_doubts(interfaces).raised, 1);
	tell(interfaces, 1, "O");
	tell(interfaces, 0, "R");
	assert_true(in_doubt(interfaces));
	tell(interfaces, 1, "R");
	assert_false(in_doubt(interfaces));
	interfaces_close(interfaces);
}

/* Nor is a program put on again, which would cost the others replies. */
static void one_peer_among_others_says_nothing_of_our_programs(void **state)
{
	static const char *const others[] = { "R", "L", "R" };
	static const char *const odds[] = { "O", "U", "U" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct interfaces *interfaces = with_peers(2);

		for (int n = 0; n < 100; n++) {
			tell(interfaces, 1, odds[i]);
			tell(interfaces, 0, others[i]);
			assert_true(attached(interfaces));
			assert_string_equal(words(interfaces, 1), "");
		}
		interfaces_close(interfaces);
	}
}

static void what_all_that_told_tell_is_believed(void **state)
{
	/* What each of three peers told, and what follows. */
	static const struct {
		const char *told[3];
		const char *words;
		bool egress, ingress;
	} cases[] = {
		{ { "UUU", "UUU", "UUU" }, "E3 ", false, true },
		{ { "OOO", "OOO", "OOO" }, "I3 ", true, false },
		{ { "UUU", "UUU", "UU" }, "E3 ", false, true },
		{ { "UUU", "", "N" }, "E3 ", false, true },
		{ { "OOO", "UUU", "" }, "I3 ", true, false },
		/* a dead peer: what left it was stamped, what came was nothing */
		{ { "UUU", "UUU", "L" }, "", true, true },
		{ { "OOO", "OOO", "LLL" }, "I3 ", true, false },
		{ { "OOO", "OOO", "RLL" }, "", true, true },
		{ { "OOO", "OOO", "RLLL" }, "I3 ", true, false },
		{ { "RUUU", "RUUU", "RUU" }, "", true, true },
		{ { "RUUU", "RUUU", "RUUU" }, "E3 ", false, true },
		{ { "UUUR", "UUU", "UUU" }, "", true, true },
		{ { "N", "N", "N" }, "", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interfaces *interfaces = with_peers(3);

		for (uint32_t slot = 0; slot < 3; slot++)
			tell(interfaces, slot, cases[i].told[slot]);
		assert_int_equal(interface_egress_attached(find(interfaces, 3)), cases[i].egress);
		assert_int_equal(interface_ingress_attached(find(interfaces, 3)), cases[i].ingress);
		assert_null(interfaces_first_missing(interfaces));
		assert_string_equal(words(interfaces, 1), cases[i].words);
		interfaces_close(interfaces);
	}
}

/* Peers that are refused, say, tell nothing more. */
static void who_told_nothing_lately_does_not_vouch(void **state)
{
	struct interfaces *interfaces = with_peers(2);

	(void)state;
	tell(interfaces, 0, "R");
	for (int n = 0; n < 200; n++) {
		tell(interfaces, 1, "U");
		if (n % 10 == 0)
			tell(interfaces, 0, "R");
		assert_true(attached(interfaces));
	}
	for (int n = 0; n < 40; n++)
		tell(interfaces, 1, "U");
	assert_false(interface_egress_attached(find(interfaces, 3)));
	tell(interfaces, 0, "R");
	assert_true(attached(interfaces));
	interfaces_close(interfaces);
}

static void an_odd_peer_is_named_once(void **state)
{
	static const char *const odds[] = { "U", "O" };

	(void)state;
	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		struct interfaces *interfaces = with_peers(3);
		enum interface_evidence evidence = EVIDENCE_RETURNED;

		for (int n = 1; n < INTERFACE_ODD_AFTER; n++) {
			tell(interfaces, 0, "R");
			tell(interfaces, 1, odds[i]);
			assert_int_equal(odd(interfaces, &evidence), -1);
		}
		tell(interfaces, 1, odds[i]);
		assert_int_equal(odd(interfaces, &evidence), 1);
		assert_int_equal(evidence,
				 odds[i][0] == 'U' ? EVIDENCE_UNSTAMPED : EVIDENCE_OVERHEARD);
		for (int n = 0; n < 100; n++) {
			tell(interfaces, 0, "R");
			tell(interfaces, 1, n == 50 ? "R" : n == 20 ? "N" : odds[i]);
			assert_int_equal(odd(interfaces, &evidence), -1);
		}
		/* Who comes into its slot is another. */
		route(interfaces, 1, 0, 0, 2);
		route(interfaces, 1, 3, 0, 2);
		for (int n = 0; n < INTERFACE_ODD_AFTER; n++)
			tell(interfaces, 1, odds[i]);
		assert_int_equal(odd(interfaces, &evidence), 1);
		interfaces_close(interfaces);
	}
}

/* Where our program does not work, no peer is to blame. */
static void nobody_is_odd_where_all_are(void **state)
{
	struct interfaces *interfaces = with_peers(SLOTS);
	enum interface_evidence evidence;

	(void)state;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		tell(interfaces, slot, "R");
	for (int n = 0; n < 3 * INTERFACE_ODD_AFTER; n++) {
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			tell(interfaces, slot, "U");
			assert_int_equal(odd(interfaces, &evidence), -1);
		}
	}
	/* Until the program works again, but for two. */
	for (uint32_t slot = 2; slot < SLOTS; slot++)
		tell(interfaces, slot, "R");
	assert_int_equal(odd(interfaces, &evidence), 0);
	assert_int_equal(odd(interfaces, &evidence), 1);
	assert_int_equal(odd(interfaces, &evidence), -1);
	interfaces_close(interfaces);
}

/* The seconds at which a program is put on again, of so many, the loader answering. */
static const char *renewals(struct interfaces *interfaces, int64_t first, int64_t count)
{
	static char text[256];
	size_t length = 0;

	text[0] = '\0';
	for (int64_t second = first; second < first + count; second++) {
		const char *said = words(interfaces, second * 1000);

		answer(interfaces, 3, good, good);
		if (strpbrk(said, "EI"))
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%lld ",
						   (long long)(second - first));
	}
	return text;
}

static void attaching_anew_backs_off_while_it_is_in_vain(void **state)
{
	static const char *const odds[] = { "UUU", "OOO" };

	(void)state;
	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		struct interfaces *interfaces = with_peers(1);

		tell(interfaces, 0, odds[i]);
		assert_string_equal(renewals(interfaces, 0, 2000),
				    "0 10 30 70 150 310 630 1230 1830 ");
		/* Silence is no good evidence. */
		tell(interfaces, 0, "N");
		assert_string_equal(renewals(interfaces, 2000, 500), "");
		tell(interfaces, 0, odds[i]);
		assert_string_equal(renewals(interfaces, 2500, 900), "0 600 ");
		/* It helped, and went on helping. */
		tell(interfaces, 0, "R");
		assert_string_equal(renewals(interfaces, 3400, 700), "");
		tell(interfaces, 0, odds[i]);
		assert_string_equal(renewals(interfaces, 4100, 100), "0 10 30 70 ");
		/* Good and bad in turn: as rarely as if it were always bad. */
		for (int64_t second = 5000; second < 5100; second++) {
			tell(interfaces, 0, "R");
			renewals(interfaces, second, 1);
			tell(interfaces, 0, odds[i]);
			assert_string_equal(renewals(interfaces, second, 1),
					    second == 5000 || second == 5010 || second == 5030 ||
							    second == 5070
						    ? "0 "
						    : "");
		}
		interfaces_close(interfaces);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_peer_is_doubted_by_itself),
		cmocka_unit_test(one_peer_among_others_says_nothing_of_our_programs),
		cmocka_unit_test(what_all_that_told_tell_is_believed),
		cmocka_unit_test(who_told_nothing_lately_does_not_vouch),
		cmocka_unit_test(an_odd_peer_is_named_once),
		cmocka_unit_test(nobody_is_odd_where_all_are),
		cmocka_unit_test(attaching_anew_backs_off_while_it_is_in_vain),
	};

	return cmocka_run_group_tests_name("interfaces_evidence", tests, NULL, NULL);
}
