/* SPDX-License-Identifier: Apache-2.0 */
/* Accept: documents that there are in one format only. */
#include "unit/cmocka_all.h"

#include "accept.h"

static void documents_of_one_format(void **state)
{
	static const struct {
		const char *line;
		bool html;
		bool json;
	} cases[] = {
		{ "", true, true },
		{ "*/*", true, true },
		{ "text/html", true, false },
		{ "text/plain", false, false },
		{ "text/*;q=0.1", true, false },
		{ "*/*, text/*;q=0", false, true },
		{ "application/*", false, true },
		{ "Application/JSON;version=2", false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accept accept = { 0 };

		accept_add(&accept, cases[i].line);
		assert_int_equal(accept_allows(&accept, ACCEPT_HTML), cases[i].html);
		assert_int_equal(accept_allows(&accept, ACCEPT_JSON), cases[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_of_one_format),
	};

	return cmocka_run_group_tests_name("accept_types", tests, NULL, NULL);
}
