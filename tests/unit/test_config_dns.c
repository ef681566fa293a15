/* SPDX-License-Identifier: Apache-2.0 */
/* Names whose addresses are peers: --peers.dns. */
#include "config_reading.h"
#include "values.h"

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"

#define EXPECTED \
	"a DNS name of 1 to 253 letters, digits, dots, dashes and underscores, and no IP address"

static void what_a_name_is(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{ "canaries", true },
		{ "kube-canary.monitoring.svc.cluster.local", true },
		{ "kube-canary.monitoring.svc.cluster.local.", true },
		{ "_stamp._udp.Example.COM", true },
		{ "1.2.3.4.example", true },
		{ LABEL_63 ".example", true },
		{ LABEL_63 "." LABEL_63 "." LABEL_63 "."
			   "a2345678901234567890123456789012345678901234567890123456789012"
			   "",
		  false },
		{ LABEL_63 "." LABEL_63 "." LABEL_63 "."
			   "a234567890123456789012345678901234567890123456789012345678901",
		  true },
		{ LABEL_63 "x.example", false },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ ".a", false },
		{ "a..", false },
		{ "a..b", false },
		{ "a b", false },
		{ "a/b", false },
		{ "a:53", false },
		{ "10.0.0.1", false },
		{ "10.0.0.1.", false },
		{ "2001:db8::1", false },
		{ "caf\xc3\xa9", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		if (value_is_dns_name(cases[i].text) != cases[i].valid)
			fail_msg("\"%s\"", cases[i].text);
}

static void names_come_from_flags_and_environment(void **state)
{
	char list[] = "KUBE_CANARY_PEERS_DNS=a.example,b.example.";
	char peers[] = "KUBE_CANARY_PEERS_STATIC=10.0.0.1,10.0.0.2";
	char *const environment[] = { list, peers, NULL };
	struct config config;

	(void)state;
	accept(NULL, NULL, &config);
	assert_int_equal(config.peers_dns_count, 0);
	accept(NULL, environment, &config);
	assert_int_equal(config.peers_dns_count, 2);
	assert_string_equal(config.peers_dns[0], "a.example");
	assert_string_equal(config.peers_dns[1], "b.example.");
	assert_int_equal(config.peers_static_count, 2);
	assert_string_equal(config.peers_static[1], "10.0.0.2");
	accept(FLAGS("--peers.dns=c", "--peers.dns", "d"), environment, &config);
	assert_int_equal(config.peers_dns_count, 2);
	assert_string_equal(config.peers_dns[0], "c");
	assert_string_equal(config.peers_dns[1], "d");
}

static void refusals_say_what_was_expected(void **state)
{
	static const struct {
		char *flags[11];
		const char *expected;
	} cases[] = {
		{ { "--peers.dns=10.0.0.1" }, "--peers.dns: got \"10.0.0.1\", expected " EXPECTED },
		{ { "--peers.dns=a,b" }, "--peers.dns: got \"a,b\", expected " EXPECTED },
		{ { "--peers.dns=" }, "--peers.dns: got \"\", expected " EXPECTED },
		{ { "--peers.dns" }, "--peers.dns: got no value, expected " EXPECTED },
		{ { "--peers.dns=a", "--peers.dns=A" },
		  "--peers.dns: got \"A\", expected each name once" },
		{ { "--peers.dns=a", "--peers.dns=b", "--peers.dns=c", "--peers.dns=d",
		    "--peers.dns=e", "--peers.dns=f", "--peers.dns=g", "--peers.dns=h",
		    "--peers.dns=i" },
		  "--peers.dns: got \"i\", expected at most 8 names" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char error[CONFIG_ERROR_CAPACITY] = "";
		struct config config;

		assert_int_equal(read_all(cases[i].flags, NULL, &config, error), -EINVAL);
		assert_string_equal(error, cases[i].expected);
	}
}

static void a_refused_list_is_left_as_it_was(void **state)
{
	char list[] = "KUBE_CANARY_PEERS_DNS=a,b,,c";
	char peers[] = "KUBE_CANARY_PEERS_STATIC=10.0.0.1,10.0.0.2";
	char twice[] = "KUBE_CANARY_PEERS_DNS=a";
	char *const environment[] = { peers, list, NULL };
	char *const doubled[] = { twice, twice, NULL };
	char error[CONFIG_ERROR_CAPACITY] = "";
	struct config config;

	(void)state;
	assert_int_equal(read_all(NULL, environment, &config, error), -EINVAL);
	assert_string_equal(error, "KUBE_CANARY_PEERS_DNS: got \"\", expected " EXPECTED);
	assert_string_equal(list, "KUBE_CANARY_PEERS_DNS=a,b,,c");
	assert_string_equal(peers, "KUBE_CANARY_PEERS_STATIC=10.0.0.1,10.0.0.2");
	assert_int_equal(read_all(NULL, doubled, &config, error), -EINVAL);
	assert_non_null(strstr(error, "given twice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_name_is),
		cmocka_unit_test(names_come_from_flags_and_environment),
		cmocka_unit_test(refusals_say_what_was_expected),
		cmocka_unit_test(a_refused_list_is_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
