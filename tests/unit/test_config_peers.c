/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: whom to probe, of which family, for how long, and in which zone they are. */
#include "unit/config_reading.h"

#define FLAGS_MAX 4

#define FAMILY_FORM    "expected one of auto, ipv4, ipv6, both"
#define LINGER_FORM    "expected a duration from 0s to 24h, like 250ms or 1m30s"
#define MAX_FORM       "expected a whole number from 1 to 65535"
#define FULL_FORM      "expected a whole number from 0 to 5120"
#define DEGREE_FORM    "expected a whole number from 0 to 1024"
#define ZONE_FORM      "expected ZONE=CIDR, such as zone-a=10.1.0.0/16"
#define TWICE	       "expected it only once: it is given twice"
#define OTHER_RANGE    "expected a range that no other zone has"
#define IPV4_FORM      "expected an IPv4 address, with --peers.family=ipv4"
#define IPV6_FORM      "expected an IPv6 address, with --peers.family=ipv6"
#define NAME_OF_FAMILY "expected a name that no other address of its family has"

/* expected NULL: it is accepted. */
struct case_of_flags {
	char *flags[FLAGS_MAX];
	char *variable; /* NULL: none */
	const char *expected;
};

static void check_cases(const struct case_of_flags *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *variable = cases[i].variable ? strdup(cases[i].variable) : NULL;
		char *const environment[] = { variable, NULL };
		char error[CONFIG_ERROR_CAPACITY] = "";
		struct config config;
		int err = read_all(cases[i].flags, environment, &config, error);

		assert_string_equal(error, cases[i].expected ? cases[i].expected : "");
		assert_int_equal(err, cases[i].expected ? -EINVAL : 0);
		if (variable && err)
			assert_string_equal(variable, cases[i].variable);
		free(variable);
	}
}

static void each_option_names_what_is_wrong(void **state)
{
	static const struct case_of_flags cases[] = {
		{ { "--peers.family=IPv4" }, NULL, "--peers.family: got \"IPv4\", " FAMILY_FORM },
		{ { "--peers.family=" }, NULL, "--peers.family: got \"\", " FAMILY_FORM },
		{ { "--peers.family" }, NULL, "--peers.family: got no value, " FAMILY_FORM },
		{ { "--peers.family=4", NULL },
		  "KUBE_CANARY_PEERS_FAMILY=ipv6",
		  "--peers.family: got \"4\", " FAMILY_FORM },
		{ { NULL },
		  "KUBE_CANARY_PEERS_FAMILY=any",
		  "KUBE_CANARY_PEERS_FAMILY: got \"any\", " FAMILY_FORM },
		{ { "--peers.family=ipv4", "--peers.family=ipv4" },
		  NULL,
		  "--peers.family: got \"ipv4\", " TWICE },
		{ { "--peers.linger=0" }, NULL, "--peers.linger: got \"0\", " LINGER_FORM },
		{ { "--peers.linger=-1s" }, NULL, "--peers.linger: got \"-1s\", " LINGER_FORM },
		{ { "--peers.linger=" }, NULL, "--peers.linger: got \"\", " LINGER_FORM },
		{ { "--peers.linger=24h1ns" },
		  NULL,
		  "--peers.linger: got \"24h1ns\", " LINGER_FORM },
		{ { NULL },
		  "KUBE_CANARY_PEERS_LINGER=never",
		  "KUBE_CANARY_PEERS_LINGER: got \"never\", " LINGER_FORM },
		{ { "--peers.linger=0s" }, NULL, NULL },
		{ { "--peers.linger=24h" }, NULL, NULL },
		{ { "--peers.max=0" }, NULL, "--peers.max: got \"0\", " MAX_FORM },
		{ { "--peers.max=65536" }, NULL, "--peers.max: got \"65536\", " MAX_FORM },
		{ { "--peers.max=all" }, NULL, "--peers.max: got \"all\", " MAX_FORM },
		{ { NULL },
		  "KUBE_CANARY_PEERS_MAX=4294967297",
		  "KUBE_CANARY_PEERS_MAX: got \"4294967297\", " MAX_FORM },
		{ { "--peers.max=1" }, NULL, NULL },
		{ { "--peers.max=65535" }, NULL, NULL },
		{ { "--mesh.full-below=-1" }, NULL, "--mesh.full-below: got \"-1\", " FULL_FORM },
		{ { "--mesh.full-below=5121", "--probe.max=5120" },
		  NULL,
		  "--mesh.full-below: got \"5121\", " FULL_FORM },
		{ { NULL },
		  "KUBE_CANARY_MESH_FULL_BELOW=",
		  "KUBE_CANARY_MESH_FULL_BELOW: got \"\", " FULL_FORM },
		{ { "--mesh.degree=all" }, NULL, "--mesh.degree: got \"all\", " DEGREE_FORM },
		{ { "--mesh.degree=1025", "--probe.max=5120" },
		  NULL,
		  "--mesh.degree: got \"1025\", " DEGREE_FORM },
		{ { NULL },
		  "KUBE_CANARY_MESH_DEGREE=all",
		  "KUBE_CANARY_MESH_DEGREE: got \"all\", " DEGREE_FORM },
	};

	(void)state;
	check_cases(cases, LENGTH(cases));
}

/* What is asked for must fit; defaults are only what is wanted at most. */
static void the_mesh_fits_into_what_is_probed(void **state)
{
	static const struct case_of_flags cases[] = {
		{ { "--mesh.degree=129" },
		  NULL,
		  "--mesh.degree: got \"129\", expected at most 128, which is --probe.max" },
		{ { "--mesh.degree=128" }, NULL, NULL },
		{ { "--mesh.degree=129", "--probe.max=129" }, NULL, NULL },
		{ { "--probe.max=2", "--mesh.degree=3" },
		  NULL,
		  "--mesh.degree: got \"3\", expected at most 2, which is --probe.max" },
		{ { "--mesh.full-below=129" },
		  NULL,
		  "--mesh.full-below: got \"129\", expected at most 128, which is --probe.max" },
		{ { "--mesh.full-below=128" }, NULL, NULL },
		{ { "--mesh.full-below=5120", "--probe.max=5120" }, NULL, NULL },
		{ { "--probe.max=1" }, NULL, NULL },
		{ { "--probe.max=1", "--mesh.degree=1" }, NULL, NULL },
		{ { "--probe.max=1", "--mesh.degree=0", "--mesh.full-below=0" }, NULL, NULL },
		{ { "--probe.max=15", "--mesh.degree=16" },
		  NULL,
		  "--mesh.degree: got \"16\", expected at most 15, which is --probe.max" },
		{ { "--probe.max=3" },
		  "KUBE_CANARY_MESH_DEGREE=4",
		  "KUBE_CANARY_MESH_DEGREE: got \"4\", expected at most 3, which is --probe.max" },
		{ { NULL },
		  "KUBE_CANARY_MESH_FULL_BELOW=130",
		  "KUBE_CANARY_MESH_FULL_BELOW: got \"130\", expected at most 128, which is "
		  "--probe.max" },
		{ { "--mesh.degree=2" },
		  "KUBE_CANARY_PROBE_MAX=1",
		  "--mesh.degree: got \"2\", expected at most 1, which is --probe.max" },
		{ { "--mesh.degree=2" }, "KUBE_CANARY_MESH_DEGREE=200", NULL },
		{ { "--mesh.degree=0", "--reflector=false" },
		  NULL,
		  "--mesh.degree=0 and --reflector=false: got both, expected one at most: nothing "
		  "would be left to do" },
		{ { "--mesh.full-below=0", "--reflector=false" }, NULL, NULL },
		{ { "--mesh.degree=0", "--reflector=true" }, NULL, NULL },
	};

	(void)state;
	check_cases(cases, LENGTH(cases));
}

static void static_peers_are_of_the_family(void **state)
{
	static const struct case_of_flags cases[] = {
		{ { "--peers.family=ipv4", "--peers.static=b=2001:db8::1" },
		  NULL,
		  "--peers.static: got \"b=2001:db8::1\", " IPV4_FORM },
		{ { "--peers.static=10.0.0.1", "--peers.static=10.0.0.2", "--peers.family=ipv6" },
		  NULL,
		  "--peers.static: got \"10.0.0.1\", " IPV6_FORM },
		{ { "--peers.static=2001:db8::1", "--peers.static=10.0.0.2",
		    "--peers.family=ipv6" },
		  NULL,
		  "--peers.static: got \"10.0.0.2\", " IPV6_FORM },
		{ { "--peers.family=ipv4" },
		  "KUBE_CANARY_PEERS_STATIC=10.0.0.1,b=2001:db8::1,10.0.0.2",
		  "KUBE_CANARY_PEERS_STATIC: got \"b=2001:db8::1\", " IPV4_FORM },
		{ { "--peers.static=::ffff:10.0.0.1" },
		  "KUBE_CANARY_PEERS_FAMILY=ipv6",
		  "--peers.static: got \"::ffff:10.0.0.1\", " IPV6_FORM },
		{ { "--peers.family=ipv4", "--peers.static=::ffff:10.0.0.1" }, NULL, NULL },
		{ { "--peers.family=ipv6", "--peers.static=2001:db8::1" }, NULL, NULL },
		{ { "--peers.family=auto", "--peers.static=10.0.0.1", "--peers.static=::1" },
		  NULL,
		  NULL },
		{ { "--peers.family=both", "--peers.static=10.0.0.1", "--peers.static=::1" },
		  NULL,
		  NULL },
	};

	(void)state;
	check_cases(cases, LENGTH(cases));
}

static void a_name_has_an_address_of_each_family(void **state)
{
	static const struct case_of_flags cases[] = {
		{ { "--peers.static=b=10.0.0.1", "--peers.static=b=2001:db8::1" }, NULL, NULL },
		{ { "--peers.static=b=2001:db8::1", "--peers.static=b=10.0.0.1" }, NULL, NULL },
		{ { "--peers.static=b=10.0.0.1", "--peers.static=b=10.0.0.2" },
		  NULL,
		  "--peers.static: got \"b=10.0.0.2\", " NAME_OF_FAMILY },
		{ { "--peers.static=b=2001:db8::1", "--peers.static=b=2001:db8::2" },
		  NULL,
		  "--peers.static: got \"b=2001:db8::2\", " NAME_OF_FAMILY },
		{ { "--peers.static=b=10.0.0.1", "--peers.static=b=2001:db8::1",
		    "--peers.static=b=10.0.0.2" },
		  NULL,
		  "--peers.static: got \"b=10.0.0.2\", " NAME_OF_FAMILY },
		{ { "--peers.static=b=10.0.0.1", "--peers.static=b=::ffff:10.0.0.2" },
		  NULL,
		  "--peers.static: got \"b=::ffff:10.0.0.2\", " NAME_OF_FAMILY },
		{ { NULL },
		  "KUBE_CANARY_PEERS_STATIC=b=10.0.0.1,b=::1,b=::2",
		  "KUBE_CANARY_PEERS_STATIC: got \"b=::2\", " NAME_OF_FAMILY },
	};

	(void)state;
	check_cases(cases, LENGTH(cases));
}

static void each_range_has_one_zone(void **state)
{
	static const struct case_of_flags cases[] = {
		{ { "--peers.zone" }, NULL, "--peers.zone: got no value, " ZONE_FORM },
		{ { "--peers.zone=a=10.0.0.0/8", "--peers.zone=b=10.0.0.0/8" },
		  NULL,
		  "--peers.zone: got \"b=10.0.0.0/8\", " OTHER_RANGE },
		{ { "--peers.zone=a=10.0.0.0/8", "--peers.zone=a=10.0.0.0/8" },
		  NULL,
		  "--peers.zone: got \"a=10.0.0.0/8\", " OTHER_RANGE },
		{ { "--peers.zone=a=2001:db8::/32", "--peers.zone=b=2001:0db8:0::/32" },
		  NULL,
		  "--peers.zone: got \"b=2001:0db8:0::/32\", " OTHER_RANGE },
		{ { NULL },
		  "KUBE_CANARY_PEERS_ZONE=a=10.0.0.0/8,b=10.0.0.0/16,c=10.0.0.0/8",
		  "KUBE_CANARY_PEERS_ZONE: got \"c=10.0.0.0/8\", " OTHER_RANGE },
		{ { "--peers.zone=a=10.0.0.0/8", "--peers.zone=b=10.0.0.0/9",
		    "--peers.zone=a=11.0.0.0/8" },
		  NULL,
		  NULL },
	};

	(void)state;
	check_cases(cases, LENGTH(cases));
}

/* What was expected instead is the parser's word. */
static void bad_zones_are_refused(void **state)
{
	static const char *const cases[] = { "",
					     "a",
					     "10.0.0.0/8",
					     "a=",
					     "=10.0.0.0/8",
					     "a=10.0.0.0",
					     "a=10.0.0.0/33",
					     "a=10.0.0.1/8",
					     "a=2001::/129",
					     "a=10.0.0.0/8,b=11.0.0.0/8",
					     "a b=10.0.0.0/8",
					     "a=10.0.0.0/8 " };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char flag[64];
		char expected[96];
		char error[CONFIG_ERROR_CAPACITY] = "";
		struct config config;

		snprintf(flag, sizeof(flag), "--peers.zone=%s", cases[i]);
		snprintf(expected, sizeof(expected), "--peers.zone: got \"%s\", expected ",
			 cases[i]);
		assert_int_equal(read_all(FLAGS(flag), NULL, &config, error), -EINVAL);
		assert_memory_equal(error, expected, strlen(expected));
		assert_true(strlen(error) > strlen(expected));
	}
}

static void zones_are_bounded(void **state)
{
	static char values[CONFIG_ZONES + 1][40];
	static char *argv[CONFIG_ZONES + 1];
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	for (int i = 0; i <= CONFIG_ZONES; i++) {
		snprintf(values[i], sizeof(values[i]), "--peers.zone=z=10.%d.0.0/16", i);
		argv[i] = values[i];
	}
	assert_int_equal(config_read(CONFIG_ZONES, argv, NULL, &config, error), 0);
	assert_int_equal(config.peers_zone_count, CONFIG_ZONES);
	assert_string_equal(config.peers_zones[63], "z=10.63.0.0/16");
	assert_int_equal(config_read(CONFIG_ZONES + 1, argv, NULL, &config, error), -EINVAL);
	assert_string_equal(error,
			    "--peers.zone: got \"z=10.64.0.0/16\", expected at most 64 ranges");
}

static void zones_come_from_flags_and_environment(void **state)
{
	char zones[] = "KUBE_CANARY_PEERS_ZONE=a=10.0.0.0/8,b=2001:db8::/32";
	char peers[] = "KUBE_CANARY_PEERS_STATIC=10.0.0.1,10.0.0.2";
	char names[] = "KUBE_CANARY_PEERS_DNS=c,d";
	char *const environment[] = { zones, peers, names, NULL };
	char *const doubled[] = { peers, names, zones, zones, NULL };
	char error[CONFIG_ERROR_CAPACITY] = "";
	struct config config;

	(void)state;
	assert_int_equal(read_all(NULL, doubled, &config, error), -EINVAL);
	assert_string_equal(error, "KUBE_CANARY_PEERS_ZONE: got \"a=10.0.0.0/8\", " TWICE);
	assert_string_equal(zones, "KUBE_CANARY_PEERS_ZONE=a=10.0.0.0/8,b=2001:db8::/32");
	assert_string_equal(peers, "KUBE_CANARY_PEERS_STATIC=10.0.0.1,10.0.0.2");
	assert_string_equal(names, "KUBE_CANARY_PEERS_DNS=c,d");
	accept(NULL, environment, &config);
	assert_int_equal(config.peers_zone_count, 2);
	assert_string_equal(config.peers_zones[0], "a=10.0.0.0/8");
	assert_string_equal(config.peers_zones[1], "b=2001:db8::/32");
	assert_int_equal(config.peers_static_count, 2);
	assert_int_equal(config.peers_dns_count, 2);
	accept(FLAGS("--peers.zone=c=10.0.0.0/8"), environment, &config);
	assert_int_equal(config.peers_zone_count, 1);
	assert_string_equal(config.peers_zones[0], "c=10.0.0.0/8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_names_what_is_wrong),
		cmocka_unit_test(the_mesh_fits_into_what_is_probed),
		cmocka_unit_test(static_peers_are_of_the_family),
		cmocka_unit_test(a_name_has_an_address_of_each_family),
		cmocka_unit_test(each_range_has_one_zone),
		cmocka_unit_test(bad_zones_are_refused),
		cmocka_unit_test(zones_are_bounded),
		cmocka_unit_test(zones_come_from_flags_and_environment),
	};

	return cmocka_run_group_tests_name("config_peers", tests, NULL, NULL);
}
