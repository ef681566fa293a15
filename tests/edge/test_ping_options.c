/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `kube-canary ping`: every value as told, and what is wrong refused by name. */
#include "unit/cmocka_all.h"

#include <netinet/in.h>
#include <string.h>

#include "instant.h"
#include "ping_options.h"

static const struct command ping = { .name = "ping",
				     .summary = "x",
				     .operands = "TARGET...",
				     .options = ping_option_rows,
				     .options_count = PING_OPTIONS };

/* As words of a line, NULL at the end. */
static int read_line(char *const words[], struct ping_options *ret)
{
	int argc = 0;

	*ret = PING_OPTIONS_DEFAULT;
	while (words[argc])
		argc++;
	return command_read(&ping, argc, words, ping_options_take, ret);
}

static int take_one(const char *name, const char *value, struct ping_options *ret, char *error)
{
	*ret = PING_OPTIONS_DEFAULT;
	for (size_t row = 0; row < PING_OPTIONS; row++) {
		if (strcmp(ping_option_rows[row].name, name) == 0)
			return ping_options_take(ret, &ping_option_rows[row], value, error);
	}
	fail_msg("no option %s", name);
	return -1;
}

static void all_are_taken(void **state)
{
	char *words[] = {
		"ping",	   "-c5",    "-i",   ".2",	  "-W", "250ms",      "-w60",
		"a",	   "-s",     "1400", "-Qef",	  "-M", "dont",	      "--protocol=stamp",
		"-U4Dnqv", "--port", "8620", "--flows=8", "b",	"--hook=tcx", NULL
	};
	struct ping_options options;
	char error[COMMAND_ERROR_CAPACITY];

	(void)state;
	assert_int_equal(read_line(words, &options), -1);
	assert_int_equal(options.count, 5);
	assert_int_equal(options.interval_ns, 200 * NS_PER_MS);
	assert_int_equal(options.timeout_ns, 250 * NS_PER_MS);
	assert_int_equal(options.deadline_ns, 60 * NS_PER_SECOND);
	assert_int_equal(options.size, 1400);
	assert_int_equal(options.dscp, 46);
	assert_int_equal(options.path_mtu_discovery, IP_PMTUDISC_DONT);
	assert_true(options.stamp && options.user_time && options.dates && options.numeric &&
		    options.quiet && options.verbose);
	assert_int_equal(options.family, PING_FAMILY_IPV4);
	assert_int_equal(options.port, 8620);
	assert_int_equal(options.flows, 8);
	assert_string_equal(options.hook, "tcx");
	assert_int_equal(options.target_count, 2);
	assert_string_equal(options.targets[0], "a");
	assert_string_equal(options.targets[1], "b");
	assert_int_equal(ping_options_check(&options, error), 0);
}

static void bounds_are_kept(void **state)
{
	static const struct {
		const char *name, *value;
		bool taken;
	} cases[] = {
		{ "count", "1", true },
		{ "count", "1000000000", true },
		{ "count", "0", false },
		{ "count", "1000000001", false },
		{ "count", "", false },
		{ "count", " 1", false },
		{ "count", "+1", false },
		{ "count", "0x5", false },
		{ "count", "18446744073709551617", false },
		{ "interval", "0.01", true },
		{ "interval", "10ms", true },
		{ "interval", "0.009999999", false },
		{ "interval", "3600", true },
		{ "interval", "3600.000000001", false },
		{ "interval", "-1", false },
		{ "interval", "1.5.5", false },
		{ "interval", "1,5", false },
		{ "interval", "", false },
		{ "interval", ".", false },
		{ "interval", "inf", false },
		{ "interval", "18446744074", false },
		{ "interval", "99999999999999999999999999", false },
		{ "timeout", "4", true },
		{ "timeout", "4.000000001", false },
		{ "timeout", "0.01", true },
		{ "timeout", "0.0099999999", false },
		{ "deadline", "31536000", true },
		{ "deadline", "31536001", false },
		{ "size", "44", true },
		{ "size", "43", false },
		{ "size", "9168", true },
		{ "size", "9169", false },
		{ "tos", "252", true },
		{ "tos", "0xFC", true },
		{ "tos", "253", false },
		{ "tos", "256", false },
		{ "tos", "0x", false },
		{ "tos", "EF", false },
		{ "tos", "af44", false },
		{ "tos", "af43", true },
		{ "pmtudisc", "do", true },
		{ "pmtudisc", "probe", true },
		{ "pmtudisc", "d", false },
		{ "pmtudisc", "do|want", false },
		{ "pmtudisc", "", false },
		{ "protocol", "icmp", true },
		{ "protocol", "udp", false },
		{ "port", "65535", true },
		{ "port", "65536", false },
		{ "port", "0", false },
		{ "flows", "8", true },
		{ "flows", "9", false },
		{ "hook", "clsact", true },
		{ "hook", "xdp", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ping_options options;
		char error[COMMAND_ERROR_CAPACITY] = "";
		int err = take_one(cases[i].name, cases[i].value, &options, error);

		if ((err == 0) != cases[i].taken)
			fail_msg("--%s=%s: %d", cases[i].name, cases[i].value, err);
		if (err)
			assert_non_null(strstr(error, cases[i].value));
		assert_int_equal(err ? strncmp(error, "got \"", 5) : 0, 0);
	}
}

static void targets_have_room_for_so_many(void **state)
{
	struct ping_options options = PING_OPTIONS_DEFAULT;
	char error[COMMAND_ERROR_CAPACITY];

	(void)state;
	for (int i = 0; i < PING_TARGETS_MAX; i++)
		assert_int_equal(ping_options_take(&options, NULL, "a", error), 0);
	assert_int_not_equal(ping_options_take(&options, NULL, "a", error), 0);
	assert_non_null(strstr(error, "at most 64 targets"));
	assert_int_equal(options.target_count, PING_TARGETS_MAX);
}

static void what_does_not_go_together_is_refused(void **state)
{
	static const struct {
		char *words[6];
		const char *why;
	} cases[] = {
		{ { "ping", NULL }, "target" },
		{ { "ping", "a", "--flows=1", NULL }, "--flows" },
		{ { "ping", "a", "--port=862", NULL }, "--port" },
		{ { "ping", "a", "-Tstamp", "-s45", NULL }, "--size" },
		{ { "ping", "a", "-Tstamp", "-s47", NULL }, "--size" },
		{ { "ping", "a", "-Tstamp", "-s48", NULL }, NULL },
		{ { "ping", "a", "-s45", NULL }, NULL },
		{ { "ping", "a", "-Tstamp", "--flows=2", "--port=1", NULL }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ping_options options;
		char error[COMMAND_ERROR_CAPACITY] = "";

		assert_int_equal(read_line((char *const *)cases[i].words, &options), -1);
		assert_int_equal(ping_options_check(&options, error) == 0, cases[i].why == NULL);
		if (cases[i].why)
			assert_non_null(strstr(error, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_taken),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(targets_have_room_for_so_many),
		cmocka_unit_test(what_does_not_go_together_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
