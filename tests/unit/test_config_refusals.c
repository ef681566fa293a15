/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: every bad input is named in one clear line, and leaves the output alone. */
#include "unit/config_reading.h"

#define ARGUMENTS 6

struct refusal {
	char *argv[ARGUMENTS];
	char *variable; /* NULL: none */
	const char *expected;
};

#define DURATION_BOUNDS "expected a duration from 10ms to 1h, like 250ms or 1m30s"
#define NAME_BOUNDS                                                     \
	"expected letters, digits, dots, dashes and underscores, 1 to " \
	"253 of them"
#define PER_PEER_FORM "expected all, none, or worst:N with N from 1 to 5120"
#define LISTEN_FORM                                                                              \
	"expected ADDRESS:PORT, [IPV6]:PORT or :PORT, with a literal address and a port from 0 " \
	"to 65535"
#define INTERFACES_FORM                                                                            \
	"expected auto, or at most 16 different interface names of 1 to 15 characters, separated " \
	"by commas"
#define PATH_FORM "expected a path of 1 to 255 octets, without control characters"

static void check_refusals(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *variable = cases[i].variable ? strdup(cases[i].variable) : NULL;
		char *const environment[] = { variable, NULL };
		char error[CONFIG_ERROR_CAPACITY];
		struct config config;
		struct config before;

		memset(&config, 0x5a, sizeof(config));
		memset(&before, 0x5a, sizeof(before));
		assert_int_equal(read_all(cases[i].argv, environment, &config, error), -EINVAL);
		assert_string_equal(error, cases[i].expected);
		assert_memory_equal(&config, &before, sizeof(config));
		if (variable)
			assert_string_equal(variable, cases[i].variable);
		free(variable);
	}
}

static void bad_values_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ { "--probe.interval=" }, NULL, "--probe.interval: got \"\", " DURATION_BOUNDS },
		{ { "--probe.interval=1" }, NULL, "--probe.interval: got \"1\", " DURATION_BOUNDS },
		{ { "--probe.interval=9ms" },
		  NULL,
		  "--probe.interval: got \"9ms\", " DURATION_BOUNDS },
		{ { "--probe.interval=3601s" },
		  NULL,
		  "--probe.interval: got \"3601s\", " DURATION_BOUNDS },
		{ { "--probe.interval=-1s" },
		  NULL,
		  "--probe.interval: got \"-1s\", " DURATION_BOUNDS },
		{ { "--probe.interval", "-1s" },
		  NULL,
		  "--probe.interval: got \"-1s\", " DURATION_BOUNDS },
		{ { "--probe.interval=1s\n" },
		  NULL,
		  "--probe.interval: got \"1s\\x0a\", " DURATION_BOUNDS },
		{ { "--probe.interval=\xef\xbc\x91s" },
		  NULL,
		  "--probe.interval: got \"\\xef\\xbc\\x91s\", " DURATION_BOUNDS },
		{ { "--probe.dscp=64" },
		  NULL,
		  "--probe.dscp: got \"64\", expected a whole number from 0 to 63" },
		{ { "--probe.dscp=-1" },
		  NULL,
		  "--probe.dscp: got \"-1\", expected a whole number from 0 to 63" },
		{ { "--probe.dscp=1x" },
		  NULL,
		  "--probe.dscp: got \"1x\", expected a whole number from 0 to 63" },
		{ { "--probe.dscp= 1" },
		  NULL,
		  "--probe.dscp: got \" 1\", expected a whole number from 0 to 63" },
		{ { "--probe.dscp=" },
		  NULL,
		  "--probe.dscp: got \"\", expected a whole number from 0 to 63" },
		{ { "--probe.size=43" },
		  NULL,
		  "--probe.size: got \"43\", expected a whole number from 44 to 9168" },
		{ { "--probe.max=18446744073709551617" },
		  NULL,
		  "--probe.max: got \"18446744073709551617\", expected a whole number from 1 to "
		  "5120" },
		{ { "--probe.protocol=udp" },
		  NULL,
		  "--probe.protocol: got \"udp\", expected one of stamp, icmp" },
		{ { "--probe.flows=0" },
		  NULL,
		  "--probe.flows: got \"0\", expected a whole number from 1 to 8" },
		{ { "--probe.flows=9" },
		  NULL,
		  "--probe.flows: got \"9\", expected a whole number from 1 to 8" },
		{ { "--probe.size=47" },
		  NULL,
		  "--probe.size: got \"47\", expected 44, or 48 and more, with "
		  "--probe.protocol=stamp: padding is a TLV of at least 4 octets" },
		{ { "--stamp.port=0" },
		  NULL,
		  "--stamp.port: got \"0\", expected a whole number from 1 to 65535" },
		{ { "--stamp.port=65536" },
		  NULL,
		  "--stamp.port: got \"65536\", expected a whole number from 1 to 65535" },
		{ { "--reflector=yes" },
		  NULL,
		  "--reflector: got \"yes\", expected one of true, false" },
		{ { "--reflector" },
		  NULL,
		  "--reflector: got no value, expected one of true, false" },
		{ { "--bpf.hook=TCX" },
		  NULL,
		  "--bpf.hook: got \"TCX\", expected one of auto, tcx, clsact, xdp" },
		{ { "--log.level=" },
		  NULL,
		  "--log.level: got \"\", expected one of error, warn, info, debug" },
		{ { "--log.format=jso" },
		  NULL,
		  "--log.format: got \"jso\", expected one of logfmt, json" },
		{ { "--node.name=" }, NULL, "--node.name: got \"\", " NAME_BOUNDS },
		{ { "--mesh.degree=0", "--reflector=false" },
		  NULL,
		  "--mesh.degree=0 and --reflector=false: got both, expected one at most: nothing "
		  "would be left to do" },
		{ { "--node.name=a\"b\\" }, NULL, "--node.name: got \"a\\\"b\\\\\", " NAME_BOUNDS },
		{ { "--node.zone=a b" },
		  NULL,
		  "--node.zone: got \"a b\", expected letters, digits, dots, dashes and "
		  "underscores, 0 to 63 of them" },
		{ { "--peers.file=" }, NULL, "--peers.file: got \"\", " PATH_FORM },
		{ { "--bpf.pin-path=/a\tb" }, NULL, "--bpf.pin-path: got \"/a\\x09b\", " PATH_FORM },
		{ { "--bpf.interfaces=" }, NULL, "--bpf.interfaces: got \"\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=eth0," },
		  NULL,
		  "--bpf.interfaces: got \"eth0,\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=eth0,eth0" },
		  NULL,
		  "--bpf.interfaces: got \"eth0,eth0\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=eth0,auto" },
		  NULL,
		  "--bpf.interfaces: got \"eth0,auto\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=../x" },
		  NULL,
		  "--bpf.interfaces: got \"../x\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=.." },
		  NULL,
		  "--bpf.interfaces: got \"..\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=sixteen-letters-" },
		  NULL,
		  "--bpf.interfaces: got \"sixteen-letters-\", " INTERFACES_FORM },
		{ { "--bpf.interfaces=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" },
		  NULL,
		  "--bpf.interfaces: got "
		  "\"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\", " INTERFACES_FORM },
	};

	(void)state;
	check_refusals(cases, LENGTH(cases));
}

static void bad_listen_addresses_are_refused(void **state)
{
	static char *const cases[] = {
		"",	     "10862",	      "localhost:80",  "10.0.0.1",    ":",
		":65536",    ":-1",	      ":80x",	       "::1:80",      "[::1]",
		"[]:80",     "[10.0.0.1]:80", "10.0.0.256:80", "[::1%lo]:80", "[::1]x:80",
		"x[::1]:80", "[::1:80",	      "::1]:80",       " :80",	      ":80 "
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char expected[CONFIG_ERROR_CAPACITY];
		struct refusal refusal = { .argv = { "--web.listen-address", cases[i] },
					   .expected = expected };

		snprintf(expected, sizeof(expected),
			 "--web.listen-address: got \"%s\", " LISTEN_FORM, cases[i]);
		check_refusals(&refusal, 1);
	}
}

static void bad_lists_of_listen_addresses_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ { "--web.listen-address=[::1]:80", "--web.listen-address=:81",
		    "--web.listen-address=[::1]:80" },
		  NULL,
		  "--web.listen-address: got \"[::1]:80\", expected each address once" },
		{ { "--web.listen-address=:0", "--web.listen-address=:0", "--web.listen-address=:0",
		    "--web.listen-address=:0", "--web.listen-address=:0" },
		  NULL,
		  "--web.listen-address: got \":0\", expected at most 4 addresses" },
		{ { NULL },
		  "KUBE_CANARY_WEB_LISTEN_ADDRESS=:80,",
		  "KUBE_CANARY_WEB_LISTEN_ADDRESS: got \"\", " LISTEN_FORM },
		{ { "--metrics.per-peer=worst:0" },
		  NULL,
		  "--metrics.per-peer: got \"worst:0\", " PER_PEER_FORM },
		{ { "--metrics.per-peer=worst:5121" },
		  NULL,
		  "--metrics.per-peer: got \"worst:5121\", " PER_PEER_FORM },
		{ { "--metrics.per-peer=worst" },
		  NULL,
		  "--metrics.per-peer: got \"worst\", " PER_PEER_FORM },
		{ { "--metrics.per-peer=worst:1 " },
		  NULL,
		  "--metrics.per-peer: got \"worst:1 \", " PER_PEER_FORM },
		{ { "--metrics.per-peer=ALL" },
		  NULL,
		  "--metrics.per-peer: got \"ALL\", " PER_PEER_FORM },
		{ { "--metrics.per-peer=" }, NULL, "--metrics.per-peer: got \"\", " PER_PEER_FORM },
	};

	(void)state;
	check_refusals(cases, LENGTH(cases));
}

static void bad_command_lines_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ { "peers" },
		  NULL,
		  "unexpected argument \"peers\", expected one of those that --help lists" },
		{ { "" },
		  NULL,
		  "unexpected argument \"\", expected one of those that --help lists" },
		{ { "-v" }, NULL, "unknown option \"-v\", expected one of those that --help lists" },
		{ { "--" }, NULL, "unknown option \"--\", expected one of those that --help lists" },
		{ { "--probe.intervall=1s" },
		  NULL,
		  "unknown option \"--probe.intervall\", did you mean --probe.interval" },
		{ { "--probe-interval" },
		  NULL,
		  "unknown option \"--probe-interval\", did you mean --probe.interval" },
		{ { "--interval=1s" },
		  NULL,
		  "unknown option \"--interval\", did you mean --probe.interval" },
		{ { "--listen-addres=:1" },
		  NULL,
		  "unknown option \"--listen-addres\", did you mean --web.listen-address" },
		{ { "--hepl" }, NULL, "unknown option \"--hepl\", did you mean --help" },
		{ { "--frobnicate" },
		  NULL,
		  "unknown option \"--frobnicate\", expected one of those that --help lists" },
		{ { "--pr\xc3\xb6"
		    "be.max=1" },
		  NULL,
		  "unknown option \"--pr\\xc3\\xb6be.max\", did you mean --probe.max" },
		{ { "--probe.max" },
		  NULL,
		  "--probe.max: got no value, expected a whole number from 1 to 5120" },
		{ { "--probe.max", "--probe.dscp=1" },
		  NULL,
		  "--probe.max: got no value, expected a whole number from 1 to 5120" },
		{ { "--probe.max=1", "--probe.max=1" },
		  NULL,
		  "--probe.max: got \"1\", expected it only once: it is given twice" },
		{ { "--check-config=true" },
		  NULL,
		  "--check-config: got \"true\", expected no value" },
		{ { "--peers.static" },
		  NULL,
		  "--peers.static: got no value, expected NAME=ADDRESS or ADDRESS" },
		{ { "--probe.max=1", "2" },
		  NULL,
		  "unexpected argument \"2\", expected one of those that --help lists" },
	};

	(void)state;
	check_refusals(cases, LENGTH(cases));
}

static void bad_environments_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ { NULL },
		  "KUBE_CANARY_PROBE_INTERVAL=",
		  "KUBE_CANARY_PROBE_INTERVAL: got \"\", " DURATION_BOUNDS },
		{ { NULL },
		  "KUBE_CANARY_PROBE_INTERVALL=1s",
		  "unknown variable \"KUBE_CANARY_PROBE_INTERVALL\", did you mean "
		  "KUBE_CANARY_PROBE_INTERVAL" },
		{ { NULL },
		  "KUBE_CANARY_INTERVAL=1s",
		  "unknown variable \"KUBE_CANARY_INTERVAL\", did you mean "
		  "KUBE_CANARY_PROBE_INTERVAL" },
		{ { NULL },
		  "KUBE_CANARY_probe_interval=1s",
		  "unknown variable \"KUBE_CANARY_probe_interval\", did you mean "
		  "KUBE_CANARY_PROBE_INTERVAL" },
		{ { NULL },
		  "KUBE_CANARY_HELP=1",
		  "unknown variable \"KUBE_CANARY_HELP\", expected one of those that --help "
		  "lists" },
		{ { NULL },
		  "KUBE_CANARY_=1",
		  "unknown variable \"KUBE_CANARY_\", expected one of those that --help lists" },
		{ { NULL },
		  "KUBE_CANARY_STAMP_PORT=none",
		  "KUBE_CANARY_STAMP_PORT: got \"none\", expected a whole number from 1 to "
		  "65535" },
		{ { NULL },
		  "KUBE_CANARY_PORTS=1",
		  "unknown variable \"KUBE_CANARY_PORTS\", did you mean "
		  "KUBE_CANARY_STAMP_PORT" },
		{ { NULL },
		  "KUBE_CANARY_PEERS_STATIC=a=10.0.0.1,a=10.0.0.2",
		  "KUBE_CANARY_PEERS_STATIC: got \"a=10.0.0.2\", expected a name that no other "
		  "address of its family has" },
		{ { "--peers.static=10.0.0.1", "--peers.static=x=10.0.0.1" },
		  NULL,
		  "--peers.static: got \"x=10.0.0.1\", expected an address that no other peer "
		  "has" },
	};

	(void)state;
	check_refusals(cases, LENGTH(cases));
}

static void bad_peers_are_refused(void **state)
{
	static char *const cases[] = {
		"", "a=", "=10.0.0.1", "a=b", "10.0.0.1,10.0.0.2", "a b=10.0.0.1"
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char error[CONFIG_ERROR_CAPACITY];
		char expected[CONFIG_ERROR_CAPACITY];
		struct config config;

		snprintf(expected, sizeof(expected), "--peers.static: got \"%s\", expected ",
			 cases[i]);
		assert_int_equal(read_all(FLAGS("--peers.static", cases[i]), NULL, &config, error),
				 -EINVAL);
		assert_memory_equal(error, expected, strlen(expected));
		assert_true(strlen(error) > strlen(expected));
	}
}

static void a_list_of_peers_has_no_holes(void **state)
{
	static const char *const cases[] = { "", ",", "10.0.0.1,", ",10.0.0.1",
					     "10.0.0.1,,10.0.0.2" };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char variable[64];
		char *const environment[] = { variable, NULL };
		char error[CONFIG_ERROR_CAPACITY];
		struct config config;

		snprintf(variable, sizeof(variable), "KUBE_CANARY_PEERS_STATIC=%s", cases[i]);
		assert_int_equal(read_all(NULL, environment, &config, error), -EINVAL);
		assert_non_null(strstr(error, "KUBE_CANARY_PEERS_STATIC: got \"\", expected "));
		assert_string_equal(variable + strlen("KUBE_CANARY_PEERS_STATIC="), cases[i]);
	}
}

static void a_variable_may_not_stand_twice(void **state)
{
	char first[] = "KUBE_CANARY_PEERS_STATIC=10.0.0.1";
	char second[] = "KUBE_CANARY_PEERS_STATIC=10.0.0.2";
	char *const peers[] = { first, second, NULL };
	char *const numbers[] = { "KUBE_CANARY_PROBE_MAX=1", "KUBE_CANARY_PROBE_MAX=2", NULL };
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	assert_int_equal(read_all(NULL, peers, &config, error), -EINVAL);
	assert_non_null(strstr(error, "given twice"));
	assert_int_equal(read_all(NULL, numbers, &config, error), -EINVAL);
	assert_non_null(strstr(error, "given twice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_listen_addresses_are_refused),
		cmocka_unit_test(bad_lists_of_listen_addresses_are_refused),
		cmocka_unit_test(bad_command_lines_are_refused),
		cmocka_unit_test(bad_environments_are_refused),
		cmocka_unit_test(bad_peers_are_refused),
		cmocka_unit_test(a_list_of_peers_has_no_holes),
		cmocka_unit_test(a_variable_may_not_stand_twice),
	};

	return cmocka_run_group_tests_name("config_refusals", tests, NULL, NULL);
}
