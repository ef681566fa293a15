/* SPDX-License-Identifier: Apache-2.0 */
/* SSIDs of sessions and back, at every base that is worth it. */
#include <stdbool.h>
#include <string.h>

#include "cmocka_all.h"
#include "ssid.h"

/* SSIDs follow one another from the base on, 1 follows the greatest, and each leads back. */
static void sessions_and_ssids_lead_to_each_other(void **state)
{
	static const uint16_t bases[] = { 0, 1, 2, 0x7fff, 0x8000, 0xfffd, 0xfffe, 0xffff };
	static bool seen[KC_SSIDS + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		uint32_t ssid = bases[i];

		memset(seen, 0, sizeof(seen));
		for (uint32_t session = 0; session < KC_SSIDS; session++) {
			ssid = ssid == KC_SSIDS ? 1 : ssid + 1;
			assert_int_equal(kc_ssid(session, bases[i]), ssid);
			assert_int_equal(kc_ssid_session((uint16_t)ssid, bases[i]), session);
			assert_false(seen[ssid]);
			seen[ssid] = true;
		}
		assert_false(seen[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_and_ssids_lead_to_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
