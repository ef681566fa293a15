/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: what is too long, too much, or does not go together. */
#include "unit/config_reading.h"

#include "samples.h"

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

static void longest_names_fit(void **state)
{
	static const struct {
		const char *option;
		size_t longest;
	} cases[] = { { "--node.name=", 253 }, { "--node.zone=", 63 } };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const size_t start = strlen(cases[i].option);
		char flag[512] = "";
		char error[CONFIG_ERROR_CAPACITY];
		struct config config;

		strcpy(flag, cases[i].option);
		memset(flag + start, 'a', cases[i].longest);
		accept(FLAGS(flag), NULL, &config);
		assert_string_equal(i == 0 ? config.node_name : config.node_zone, flag + start);
		flag[start + cases[i].longest] = 'a';
		assert_int_equal(read_all(FLAGS(flag), NULL, &config, error), -EINVAL);
	}
}

/* Padding is a TLV, in STAMP probes only. */
static void sizes_of_probes(void **state)
{
	static const struct {
		char *size;
		bool stamp;
		bool icmp;
	} cases[] = {
		{ "43", false, false }, { "44", true, true },	  { "45", false, true },
		{ "46", false, true },	{ "47", false, true },	  { "48", true, true },
		{ "9168", true, true }, { "9169", false, false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char error[CONFIG_ERROR_CAPACITY];
		struct config config;

		assert_int_equal(
			read_all(FLAGS("--probe.size", cases[i].size), NULL, &config, error),
			cases[i].stamp ? 0 : -EINVAL);
		assert_int_equal(
			read_all(FLAGS("--probe.protocol=icmp", "--probe.size", cases[i].size),
				 NULL, &config, error),
			cases[i].icmp ? 0 : -EINVAL);
	}
}

static void probes_in_flight_are_bounded(void **state)
{
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	assert_int_equal(
		read_all(FLAGS("--probe.interval=10ms", "--probe.timeout=4s", "--probe.max=5120"),
			 NULL, &config, error),
		-EINVAL);
	assert_non_null(strstr(error, "--probe.max, --probe.flows and --probe.timeout: got 5120 "
				      "peers with 4 flows of up to "));
	assert_non_null(strstr(error, "--probe.interval"));
	assert_non_null(strstr(error, "at most 1048576"));
	accept(FLAGS("--probe.interval=10ms", "--probe.timeout=4s", "--probe.max=32"), NULL,
	       &config);
	accept(FLAGS("--probe.max=5120"), NULL, &config);
	accept(FLAGS("--probe.max=5120", "--probe.flows=8"), NULL, &config);
}

/* Each flow has a window of its own, in which its probes follow each other more slowly; the rest of
 * the division and what the windows are rounded up by is what more flows cost. */
static void flows_count_among_the_probes_in_flight(void **state)
{
	static char *const flows[] = { "1", "2", "3", "4", "5", "6", "7", "8" };

	(void)state;
	for (uint32_t i = 0; i < LENGTH(flows); i++) {
		uint32_t window = samples_window(4 * NS_PER_SECOND, 10 * NS_PER_MS, i + 1);
		uint32_t most = 1048576 / (window * (i + 1));
		char error[CONFIG_ERROR_CAPACITY];
		char maximum[16];
		char expected[64];
		struct config config;

		snprintf(maximum, sizeof(maximum), "%u", most);
		accept(FLAGS("--probe.interval=10ms", "--probe.timeout=4s", "--probe.max", maximum,
			     "--probe.flows", flows[i]),
		       NULL, &config);
		snprintf(maximum, sizeof(maximum), "%u", most + 1);
		assert_int_equal(read_all(FLAGS("--probe.interval=10ms", "--probe.timeout=4s",
						"--probe.max", maximum, "--probe.flows", flows[i]),
					  NULL, &config, error),
				 -EINVAL);
		snprintf(expected, sizeof(expected), "got %s peers with %s flows of up to %u ",
			 maximum, flows[i], window);
		assert_non_null(strstr(error, expected));
	}
}

static void long_texts_are_cut(void **state)
{
	static char value[4096] = "--node.name=";
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	(void)state;
	memset(value + 12, '\xff', sizeof(value) - 13);
	assert_int_equal(read_all(FLAGS(value), NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "\\xff...\", "
				      "expected letters, digits, dots, dashes and underscores, "
				      "1 to 253 of them"));
	memcpy(value, "--", 2);
	memset(value + 2, '\xff', sizeof(value) - 3);
	assert_int_equal(read_all(FLAGS(value), NULL, &config, error), -EINVAL);
	assert_non_null(strstr(error, "...\", expected one of"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_peers_are_bounded),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(sizes_of_probes),
		cmocka_unit_test(probes_in_flight_are_bounded),
		cmocka_unit_test(flows_count_among_the_probes_in_flight),
		cmocka_unit_test(long_texts_are_cut),
	};

	return cmocka_run_group_tests_name("config_bounds", tests, NULL, NULL);
}
