/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: what is read from where, durations, --help. */
#include "unit/config_reading.h"

#include "options.h"

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
	assert_int_equal(config.probe_protocol, CONFIG_PROTOCOL_STAMP);
	assert_int_equal(config.probe_flows, 4);
	assert_int_equal(config.stamp_port, 862);
	assert_int_equal(config.reflector, CONFIG_REFLECTOR_TRUE);
	assert_int_equal(config.peers_family, CONFIG_FAMILY_AUTO);
	assert_int_equal(config.peers_zone_count, 0);
	assert_true(config.peers_linger_ns == 300 * NS_PER_SECOND);
	assert_int_equal(config.peers_max, 2048);
	assert_int_equal(config.mesh_full_below, 64);
	assert_int_equal(config.mesh_degree, 16);
	assert_int_equal(config.bpf_hook, CONFIG_HOOK_AUTO);
	assert_int_equal(config.bpf_interfaces_count, 0);
	assert_string_equal(config.bpf_pin_path, "");
	assert_int_equal(config.web_listen_count, 1);
	assert_string_equal(config.web_listen[0].text, ":10862");
	assert_string_equal(config.web_listen[0].host, "");
	assert_int_equal(config.web_listen[0].port, 10862);
	assert_true(config.metrics_per_peer == UINT32_MAX);
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
		     "--probe.size=9168", "--probe.max=1", "--probe.protocol=icmp",
		     "--probe.flows=8", "--stamp.port=65535", "--reflector=false",
		     "--mesh.full-below=0", "--mesh.degree=1", "--peers.family=both",
		     "--peers.zone=z=10.0.0.0/8", "--peers.zone", "y=2001:db8::/32",
		     "--peers.linger=1h", "--peers.max=65535", "--bpf.hook=clsact",
		     "--bpf.interfaces=eth0,bond0.7", "--bpf.pin-path=/sys/fs/bpf/kc",
		     "--web.listen-address=[::1]:0", "--web.listen-address", "127.0.0.1:80",
		     "--metrics.per-peer=worst:10", "--log.level=debug", "--log.format=json",
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
	assert_int_equal(config.probe_protocol, CONFIG_PROTOCOL_ICMP);
	assert_int_equal(config.probe_flows, 8);
	assert_int_equal(config.stamp_port, 65535);
	assert_int_equal(config.reflector, CONFIG_REFLECTOR_FALSE);
	assert_int_equal(config.mesh_full_below, 0);
	assert_int_equal(config.mesh_degree, 1);
	assert_int_equal(config.peers_family, CONFIG_FAMILY_BOTH);
	assert_int_equal(config.peers_zone_count, 2);
	assert_string_equal(config.peers_zones[0], "z=10.0.0.0/8");
	assert_string_equal(config.peers_zones[1], "y=2001:db8::/32");
	assert_true(config.peers_linger_ns == 3600 * NS_PER_SECOND);
	assert_int_equal(config.peers_max, 65535);
	assert_int_equal(config.bpf_hook, CONFIG_HOOK_CLSACT);
	assert_int_equal(config.bpf_interfaces_count, 2);
	assert_string_equal(config.bpf_interfaces[0], "eth0");
	assert_string_equal(config.bpf_interfaces[1], "bond0.7");
	assert_string_equal(config.bpf_pin_path, "/sys/fs/bpf/kc");
	assert_int_equal(config.web_listen_count, 2);
	assert_string_equal(config.web_listen[0].host, "::1");
	assert_int_equal(config.web_listen[0].port, 0);
	assert_string_equal(config.web_listen[1].text, "127.0.0.1:80");
	assert_string_equal(config.web_listen[1].host, "127.0.0.1");
	assert_int_equal(config.web_listen[1].port, 80);
	assert_int_equal(config.metrics_per_peer, 10);
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
				      "KUBE_CANARY_PROBE_PROTOCOL=icmp",
				      "KUBE_CANARY_PROBE_FLOWS=2",
				      "KUBE_CANARY_STAMP_PORT=1",
				      "KUBE_CANARY_REFLECTOR=false",
				      "KUBE_CANARY_MESH_DEGREE=0",
				      "KUBE_CANARY_MESH_FULL_BELOW=3",
				      "KUBE_CANARY_PEERS_FAMILY=ipv4",
				      "KUBE_CANARY_PEERS_LINGER=0s",
				      "KUBE_CANARY_PEERS_MAX=1",
				      "KUBE_CANARY",
				      NULL };
	struct config config;

	(void)state;
	accept(FLAGS("--probe.timeout=3s", "--probe.max=5", "--mesh.degree=4"), environment,
	       &config);
	assert_true(config.probe_interval_ns == 2 * NS_PER_SECOND);
	assert_true(config.probe_timeout_ns == 3 * NS_PER_SECOND);
	assert_int_equal(config.peers_static_count, 3);
	assert_string_equal(config.peers_static[0], "a=10.0.0.1");
	assert_string_equal(config.peers_static[1], "10.0.0.2");
	assert_string_equal(config.peers_static[2], "c=10.0.0.3");
	assert_string_equal(config.bpf_pin_path, "/p");
	assert_int_equal(config.probe_protocol, CONFIG_PROTOCOL_ICMP);
	assert_int_equal(config.probe_flows, 2);
	assert_int_equal(config.stamp_port, 1);
	assert_int_equal(config.reflector, CONFIG_REFLECTOR_FALSE);
	assert_int_equal(config.mesh_degree, 4);
	assert_int_equal(config.mesh_full_below, 3);
	assert_int_equal(config.peers_family, CONFIG_FAMILY_IPV4);
	assert_true(config.peers_linger_ns == 0);
	assert_int_equal(config.peers_max, 1);
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
				      "KUBE_CANARY_STAMP_PORT=udp://10.96.0.9:862",
				      "KUBE_CANARY_STAMP_PORT_862_UDP_PORT=862",
				      NULL };
	struct config config;

	(void)state;
	accept(NULL, environment, &config);
	assert_int_equal(config.stamp_port, 862);
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
		assert_int_equal(config.web_listen_count, 1);
		assert_string_equal(config.web_listen[0].text, cases[i].value);
		assert_string_equal(config.web_listen[0].host, cases[i].host);
		assert_int_equal(config.web_listen[0].port, cases[i].port);
	}
}

static void listen_addresses_of_the_environment(void **state)
{
	char list[] = "KUBE_CANARY_WEB_LISTEN_ADDRESS=:0,:0,[::1]:80,127.0.0.1:80";
	char *const environment[] = { list, NULL };
	struct config config;

	(void)state;
	accept(NULL, environment, &config);
	assert_int_equal(config.web_listen_count, 4);
	assert_int_equal(config.web_listen[1].port, 0);
	assert_string_equal(config.web_listen[2].host, "::1");
	assert_string_equal(config.web_listen[3].text, "127.0.0.1:80");
	accept(FLAGS("--web.listen-address=:1"), environment, &config);
	assert_int_equal(config.web_listen_count, 1);
	assert_int_equal(config.web_listen[0].port, 1);
}

static void peers_with_series(void **state)
{
	static const struct {
		char *value;
		uint32_t count;
	} cases[] = {
		{ "all", UINT32_MAX }, { "none", 0 }, { "worst:1", 1 }, { "worst:5120", 5120 }
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct config config;

		accept(FLAGS("--metrics.per-peer", cases[i].value), NULL, &config);
		assert_true(config.metrics_per_peer == cases[i].count);
	}
}

static void help_comes_whatever_the_environment_says(void **state)
{
	char *const environment[] = { "KUBE_CANARY_PROBE_MAX=nonsense", NULL };
	struct config config;

	(void)state;
	accept(FLAGS("--help"), environment, &config);
	assert_true(config.help);
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
	row = (size_t)(option_find("probe.interval", 14, false) - options);
	assert_true(config_help_line(row, line, sizeof(line)));
	assert_string_equal(line,
			    "  --probe.interval=DURATION            time between two probes of "
			    "a peer (default 1s, "
			    "10ms to 1h) [KUBE_CANARY_PROBE_INTERVAL]");
	assert_true(config_help_line(row, line, 8));
	assert_string_equal(line, "  --pro");
	row = (size_t)(option_find("peers.linger", 12, false) - options);
	assert_true(config_help_line(row, line, sizeof(line)));
	assert_non_null(strstr(line, "(default 5m, 0s to 24h) [KUBE_CANARY_PEERS_LINGER]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_flag),
		cmocka_unit_test(flags_win_over_the_environment),
		cmocka_unit_test(what_kubernetes_sets_is_no_misspelt_option),
		cmocka_unit_test(listen_addresses),
		cmocka_unit_test(listen_addresses_of_the_environment),
		cmocka_unit_test(peers_with_series),
		cmocka_unit_test(help_comes_whatever_the_environment_says),
		cmocka_unit_test(durations),
		cmocka_unit_test(help_lists_every_option),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
