/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: what is read from where, and that every bad input is named in one clear line. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "instant.h"
#include "options.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS     4

static int read_all(char *const argv[], char *const environment[], struct config *ret,
		    char *ret_error)
{
	int argc = 0;

	while (argv && argv[argc])
		argc++;
	return config_read(argc, argv, environment, ret, ret_error);
}

static void accept(char *const argv[], char *const environment[], struct config *ret)
{
	char error[CONFIG_ERROR_CAPACITY] = "";

	if (read_all(argv, environment, ret, error))
		fail_msg("%s", error);
}

#define FLAGS(...) ((char *const[]){ __VA_ARGS__, NULL })

static void defaults(void **state)
{
	struct config config;

	(void)state;
	accept(NULL, NULL, &config);
	assert_string_equal(config.node_name, "");
	assert_string_equal(config.node_zone, "");
	assert_int_equal(config.peers_static_count, 0);
	assert_string_equal(config.peers_file, "");
	assert_true(config.probe_interval_ns == NS_PER_SECOND);
	assert_true(config.probe_timeout_ns == NS_PER_SECOND);
	assert_int_equal(config.probe_dscp, 0);
	assert_int_equal(config.probe_size, 44);
	assert_int_equal(config.probe_max, 128);
	assert_int_equal(config.bpf_hook, CONFIG_HOOK_AUTO);
	assert_int_equal(config.bpf_interfaces_count, 0);
	assert_string_equal(config.bpf_pin_path, "");
	assert_string_equal(config.web_listen_address, ":10862");
	assert_string_equal(config.web_listen_host, "");
	assert_int_equal(config.web_listen_port, 10862);
	assert_int_equal(config.log_level, CONFIG_LOG_INFO);
	assert_int_equal(config.log_format, CONFIG_LOG_LOGFMT);
	assert_false(config.check_config || config.help || config.version);
}

static void every_flag(void **state)
{
	struct config config;

	(void)state;
	accept(FLAGS("--node.name=n-1", "--node.zone", "z_1.a", "--peers.static=b=10.0.0.2",
		     "--peers.static", "2001:db8::1", "--peers.file=/etc/peers",
		     "--probe.interval=1m30s", "--probe.timeout", "250ms", "--probe.dscp=63",
		     "--probe.size=9168", "--probe.max=1", "--bpf.hook=clsact",
		     "--bpf.interfaces=eth0,bond0.7", "--bpf.pin-path=/sys/fs/bpf/kc",
		     "--web.listen-address=[::1]:0", "--log.level=debug", "--log.format=json",
		     "--check-config", "-h", "--version"),
	       NULL, &config);
	assert_string_equal(config.node_name, "n-1");
	assert_string_equal(config.node_zone, "z_1.a");
	assert_int_equal(config.peers_static_count, 2);
	assert_string_equal(config.peers_static[0], "b=10.0.0.2");
	assert_string_equal(config.peers_static[1], "2001:db8::1");
	assert_string_equal(config.peers_file, "/etc/peers");
	assert_true(config.probe_interval_ns == 90 * NS_PER_SECOND);
	assert_true(config.probe_timeout_ns == 250 * NS_PER_MS);
	assert_int_equal(config.probe_dscp, 63);
	assert_int_equal(config.probe_size, 9168);
	assert_int_equal(config.probe_max, 1);
	assert_int_equal(config.bpf_hook, CONFIG_HOOK_CLSACT);
	assert_int_equal(config.bpf_interfaces_count, 2);
	assert_string_equal(config.bpf_interfaces[0], "eth0");
	assert_string_equal(config.bpf_interfaces[1], "bond0.7");
	assert_string_equal(config.bpf_pin_path, "/sys/fs/bpf/kc");
	assert_string_equal(config.web_listen_host, "::1");
	assert_int_equal(config.web_listen_port, 0);
	assert_int_equal(config.log_level, CONFIG_LOG_DEBUG);
	assert_int_equal(config.log_format, CONFIG_LOG_JSON);
	assert_true(config.check_config && config.help && config.version);
}

static void flags_win_over_the_environment(void **state)
{
	char peers[] = "KUBE_CANARY_PEERS_STATIC=a=10.0.0.1,10.0.0.2,c=10.0.0.3";
	char *const environment[] = { "PATH=/bin",
				      "KUBE_CANARY_PROBE_INTERVAL=2s",
				      peers,
				      "KUBE_CANARY_PROBE_TIMEOUT=nonsense, but overruled",
				      "KUBE_CANARY_BPF_PIN_PATH=/p",
				      "KUBE_CANARY_NODE_ZONE=",
				      "KUBE_CANARY",
				      NULL };
	struct config config;

	(void)state;
	accept(FLAGS("--probe.timeout=3s", "--probe.max=5"), environment, &config);
	assert_true(config.probe_interval_ns == 2 * NS_PER_SECOND);
	assert_true(config.probe_timeout_ns == 3 * NS_PER_SECOND);
	assert_int_equal(config.peers_static_count, 3);
	assert_string_equal(config.peers_static[0], "a=10.0.0.1");
	assert_string_equal(config.peers_static[1], "10.0.0.2");
	assert_string_equal(config.peers_static[2], "c=10.0.0.3");
	assert_string_equal(config.bpf_pin_path, "/p");
}

/* They come with a Service of that name, in every pod of its namespace. */
static void what_kubernetes_sets_is_no_misspelt_option(void **state)
{
	char *const environment[] = { "KUBE_CANARY_SERVICE_HOST=10.96.0.7",
				      "KUBE_CANARY_SERVICE_PORT=10862",
				      "KUBE_CANARY_SERVICE_PORT_METRICS=10862",
				      "KUBE_CANARY_PORT=tcp://10.96.0.7:10862",
				      "KUBE_CANARY_PORT_10862_TCP=tcp://10.96.0.7:10862",
				      "KUBE_CANARY_PORT_10862_TCP_PROTO=tcp",
				      "KUBE_CANARY_PORT_10862_TCP_PORT=10862",
				      "KUBE_CANARY_PORT_10862_TCP_ADDR=10.96.0.7",
				      "KUBE_CANARY_METRICS_SERVICE_HOST=10.96.0.8",
				      "KUBE_CANARY_PORTAL_PORT_80_TCP_ADDR=10.96.0.8",
				      NULL };
	struct config config;

	(void)state;
	accept(NULL, environment, &config);
}

struct refusal {
	char *argv[ARGUMENTS];
	char *variable; /* NULL: none */
	const char *expected;
};

#define DURATION_BOUNDS "expected a duration from 10ms to 1h, like 250ms or 1m30s"
#define NAME_BOUNDS	"expected letters, digits, dots, dashes and underscores, 1 to 253 of them"
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
		{ { "--node.name=a\"b\\" }, NULL, "--node.name: got \"a\\\"b\\\\\", " NAME_BOUNDS },
		{ { "--node.zone=a b" },
		  NULL,
		  "--node.zone: got \"a b\", expected letters, digits, dots, dashes and "
		  "underscores, 0 to 253 of them" },
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

static void listen_addresses(void **state)
{
	static const struct {
		char *value;
		const char *host;
		uint16_t port;
	} cases[] = {
		{ ":0", "", 0 },
		{ ":65535", "", 65535 },
		{ "127.0.0.1:9100", "127.0.0.1", 9100 },
		{ "[2001:db8::1]:80", "2001:db8::1", 80 },
		{ "[::]:80", "::", 80 },
		{ "[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", 80 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct config config;

		accept(FLAGS("--web.listen-address", cases[i].value), NULL, &config);
		assert_string_equal(config.web_listen_address, cases[i].value);
		assert_string_equal(config.web_listen_host, cases[i].host);
		assert_int_equal(config.web_listen_port, cases[i].port);
	}
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
		  "KUBE_CANARY_PORTS=1",
		  "unknown variable \"KUBE_CANARY_PORTS\", expected one of those that --help "
		  "lists" },
		{ { NULL },
		  "KUBE_CANARY_PEERS_STATIC=a=10.0.0.1,a=10.0.0.2",
		  "KUBE_CANARY_PEERS_STATIC: got \"a=10.0.0.2\", expected a name that no other "
		  "peer has" },
		{ { "--peers.static=10.0.0.1", "--peers.static=x=10.0.0.1" },
		  NULL,
		  "--peers.static: got \"x=10.0.0.1\", expected an address that no other peer "
		  "has" },
	};

	(void)state;
	check_refusals(cases, LENGTH(cases));
}

/* The reason is peer_parse_static's; the option and the text are ours. */
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

static void static_peers_are_bounded(void **state)
{
	static char values[CONFIG_STATIC_PEERS + 1][40];
	static char *argv[CONFIG_STATIC_PEERS + 2];
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	for (int i = 0; i <= CONFIG_STATIC_PEERS; i++) {
		snprintf(values[i], sizeof(values[i]), "--peers.static=10.0.1.%d", i);
		argv[i] = values[i];
	}
	assert_int_equal(config_read(CONFIG_STATIC_PEERS, argv, NULL, &config, error), 0);
	assert_int_equal(config.peers_static_count, CONFIG_STATIC_PEERS);
	assert_int_equal(config_read(CONFIG_STATIC_PEERS + 1, argv, NULL, &config, error), -EINVAL);
	assert_string_equal(error,
			    "--peers.static: got \"10.0.1.128\", expected at most 128 peers; more "
			    "belong into a file");
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

static void probes_in_flight_are_bounded(void **state)
{
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	assert_int_equal(
		read_all(FLAGS("--probe.interval=10ms", "--probe.timeout=60s", "--probe.max=5120"),
			 NULL, &config, error),
		-EINVAL);
	assert_non_null(strstr(error, "--probe.max and --probe.timeout: got 5120 peers"));
	assert_non_null(strstr(error, "--probe.interval"));
	assert_non_null(strstr(error, "at most 1048576"));
	accept(FLAGS("--probe.interval=10ms", "--probe.timeout=60s", "--probe.max=32"), NULL,
	       &config);
	accept(FLAGS("--probe.max=5120"), NULL, &config);
}

static void help_comes_whatever_the_environment_says(void **state)
{
	char *const environment[] = { "KUBE_CANARY_PROBE_MAX=nonsense", NULL };
	struct config config;

	(void)state;
	accept(FLAGS("--help"), environment, &config);
	assert_true(config.help);
}

static void long_texts_are_cut(void **state)
{
	static char value[4096] = "--node.name=";
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	memset(value + 12, '\xff', sizeof(value) - 13);
	assert_int_equal(read_all(FLAGS(value), NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "\\xff...\", " NAME_BOUNDS));
	memcpy(value, "--", 2);
	memset(value + 2, '\xff', sizeof(value) - 3);
	assert_int_equal(read_all(FLAGS(value), NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "...\", expected one of"));
}

static void longest_names_fit(void **state)
{
	char flag[16 + PEER_NAME_CAPACITY + 1] = "--node.name=";
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	memset(flag + 12, 'a', PEER_NAME_CAPACITY - 1);
	accept(FLAGS(flag), NULL, &config);
	assert_int_equal(strlen(config.node_name), PEER_NAME_CAPACITY - 1);
	flag[12 + PEER_NAME_CAPACITY - 1] = 'a';
	assert_int_equal(read_all(FLAGS(flag), NULL, &config, error), -EINVAL);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t expected; /* -1: none */
	} cases[] = {
		{ "1s", NS_PER_SECOND },
		{ "250ms", 250 * NS_PER_MS },
		{ "50us", 50 * NS_PER_US },
		{ "7ns", 7 },
		{ "1m30s", 90 * NS_PER_SECOND },
		{ "1h2m3s4ms5us6ns", 3723004005006 },
		{ "0s", 0 },
		{ "007s", 7 * NS_PER_SECOND },
		{ "9223372036854775807ns", INT64_MAX },
		{ "9223372036854775808ns", -1 },
		{ "2562048h", -1 },
		{ "2562047h9999999h", -1 },
		{ "99999999999999999999s", -1 },
		{ "9223372036s854775808ns", -1 },
		{ "", -1 },
		{ "s", -1 },
		{ "1", -1 },
		{ "1m30", -1 },
		{ "30s1m", -1 },
		{ "1s1s", -1 },
		{ "1 s", -1 },
		{ "1s ", -1 },
		{ "+1s", -1 },
		{ "-1s", -1 },
		{ "1.5s", -1 },
		{ "1S", -1 },
		{ "1d", -1 },
		{ "1e3s", -1 },
		{ "0x1s", -1 },
		{ "1\xc2\xb5s", -1 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		int64_t duration_ns = 42;
		int err = config_parse_duration(cases[i].text, &duration_ns);

		assert_int_equal(err, cases[i].expected < 0 ? -EINVAL : 0);
		assert_true(duration_ns == (cases[i].expected < 0 ? 42 : cases[i].expected));
	}
}

static void help_lists_every_option(void **state)
{
	char line[256];
	size_t row = 0;

	(void)state;
	for (; config_help_line(row, line, sizeof(line)); row++) {
		assert_memory_equal(line, "  --", 4);
		assert_memory_equal(line + 4, options[row].name, strlen(options[row].name));
		assert_null(strchr(line, '\n'));
		assert_true(strlen(line) < sizeof(line) - 1);
	}
	assert_int_equal(row, options_count);
	assert_true(config_help_line(4, line, sizeof(line)));
	assert_string_equal(line, "  --probe.interval=DURATION          time between two probes of "
				  "a peer (default 1s, "
				  "10ms to 1h) [KUBE_CANARY_PROBE_INTERVAL]");
	assert_true(config_help_line(4, line, 8));
	assert_string_equal(line, "  ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_flag),
		cmocka_unit_test(flags_win_over_the_environment),
		cmocka_unit_test(what_kubernetes_sets_is_no_misspelt_option),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_listen_addresses_are_refused),
		cmocka_unit_test(listen_addresses),
		cmocka_unit_test(bad_command_lines_are_refused),
		cmocka_unit_test(bad_environments_are_refused),
		cmocka_unit_test(bad_peers_are_refused),
		cmocka_unit_test(a_list_of_peers_has_no_holes),
		cmocka_unit_test(static_peers_are_bounded),
		cmocka_unit_test(a_variable_may_not_stand_twice),
		cmocka_unit_test(probes_in_flight_are_bounded),
		cmocka_unit_test(help_comes_whatever_the_environment_says),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(durations),
		cmocka_unit_test(help_lists_every_option),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
