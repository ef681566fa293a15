/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: how seldom the loader is woken while probes tell that both programs are at work. */
#include "unit/cmocka_all.h"

#include "unit/interfaces_fixture.h"

static void while_probes_tell_that_all_is_well_nobody_is_woken(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 5, 0, 0);
	assert_string_equal(words(interfaces, 0), "A5 ");
	answer(interfaces, 5, good, good);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_string_equal(words(interfaces, 9999), "");
	assert_string_equal(words(interfaces, 10000), "A5 ");
	/* The question has no answer yet. */
	assert_string_equal(words(interfaces, 10999), "");
	assert_string_equal(words(interfaces, 11000), "A5 ");
	answer(interfaces, 5, good, good);
	assert_string_equal(words(interfaces, 15000), "");
	/* One probe that fared badly, and the next fared well. */
	interfaces_on_evidence(interfaces, 0, EVIDENCE_LOST);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_string_equal(words(interfaces, 15000), "A5 ");
	answer(interfaces, 5, good, good);
	assert_string_equal(words(interfaces, 20000), "");
	/* The device changed. */
	interfaces_on_link(interfaces, 5, at(20000));
	assert_string_equal(words(interfaces, 20000), "A5 ");
	/* What is not in place is asked for, whatever peers tell. */
	answer(interfaces, 5, good, bad);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_string_equal(words(interfaces, 20999), "");
	assert_string_equal(words(interfaces, 21000), "A5 ");
	interfaces_close(interfaces);
}

/* Of its own interface alone, and each time within a second. */
static void each_probe_that_fared_badly_wakes(void **state)
{
	static const enum interface_evidence bad_ones[] = { EVIDENCE_LOST, EVIDENCE_UNSTAMPED,
							    EVIDENCE_OVERHEARD,
							    EVIDENCE_NEVER_LEFT };

	(void)state;
	for (size_t i = 0; i < sizeof(bad_ones) / sizeof(bad_ones[0]); i++) {
		struct interfaces *interfaces = opened();

		route(interfaces, 0, 5, 0, 0);
		route(interfaces, 1, 6, 0, 0);
		assert_string_equal(words(interfaces, 0), "A5 A6 ");
		for (uint32_t slot = 0; slot < 2; slot++) {
			answer(interfaces, 5 + slot, good, good);
			interfaces_on_evidence(interfaces, slot, EVIDENCE_RETURNED);
		}
		assert_string_equal(words(interfaces, 3000), "");
		for (int64_t ms = 3000; ms < 5000; ms += 1000) {
			interfaces_on_evidence(interfaces, 0, bad_ones[i]);
			interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
			assert_string_equal(words(interfaces, ms), "A5 ");
			answer(interfaces, 5, good, good);
			interfaces_on_evidence(interfaces, 0, bad_ones[i]);
			interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
			assert_string_equal(words(interfaces, ms + 999), "");
		}
		assert_string_equal(words(interfaces, 5000), "A5 ");
		answer(interfaces, 5, good, good);
		assert_string_equal(words(interfaces, 9999), "");
		assert_string_equal(words(interfaces, 10000), "A6 ");
		interfaces_close(interfaces);
	}
}

/* What leaves does not tell of what comes in, and is not doubted any more once it was asked for. */
static void while_no_reply_was_seen_the_loader_is_asked(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 5, 0, 0);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_LOST);
	for (int64_t ms = 0; ms < 5000; ms += 1000) {
		assert_string_equal(words(interfaces, ms), "A5 ");
		answer(interfaces, 5, good, good);
	}
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	assert_string_equal(words(interfaces, 13999), "");
	assert_string_equal(words(interfaces, 14000), "A5 ");
	interfaces_close(interfaces);
}

/* While others on the interface are answered. */
static void who_is_long_dead_wakes_nobody(void **state)
{
	struct interfaces *interfaces = opened();

	(void)state;
	route(interfaces, 0, 5, 0, 0);
	route(interfaces, 1, 5, 0, 0);
	assert_string_equal(words(interfaces, 0), "A5 ");
	answer(interfaces, 5, good, good);
	interfaces_on_evidence(interfaces, 0, EVIDENCE_RETURNED);
	for (int i = 0; i < 20; i++)
		interfaces_on_evidence(interfaces, 1, EVIDENCE_LOST);
	assert_string_equal(words(interfaces, 1000), "A5 ");
	answer(interfaces, 5, good, good);
	interfaces_on_evidence(interfaces, 1, EVIDENCE_LOST);
	assert_string_equal(words(interfaces, 10999), "");
	/* That its probes leave no stamp any more is news. */
	interfaces_on_evidence(interfaces, 1, EVIDENCE_UNSTAMPED);
	assert_string_equal(words(interfaces, 10999), "A5 ");
	interfaces_close(interfaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_probes_tell_that_all_is_well_nobody_is_woken),
		cmocka_unit_test(each_probe_that_fared_badly_wakes),
		cmocka_unit_test(while_no_reply_was_seen_the_loader_is_asked),
		cmocka_unit_test(who_is_long_dead_wakes_nobody),
	};

	return cmocka_run_group_tests_name("interfaces_calm", tests, NULL, NULL);
}
