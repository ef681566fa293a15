/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: options that do not go together are named together, and those that do are taken. */
#include "unit/config_reading.h"

#define ARGUMENTS 6

#define BESIDE_SOCKETS                                                                      \
	" beside it, expected none of --bpf.hook, --bpf.interfaces and --bpf.pin-path: no " \
	"program is loaded that they could be for"
#define LISTENS(one, other)                                                                  \
	"--web.listen-address: got " one " and " other ", expected addresses none of which " \
	"has another one's among its own, or other ports"

struct set {
	char *argv[ARGUMENTS];
	const char *error; /* NULL: they go together */
};

static void check_sets(const struct set *sets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *const environment[] = { NULL };
		char error[CONFIG_ERROR_CAPACITY] = "";
		struct config config;
		int err = read_all(sets[i].argv, environment, &config, error);

		assert_string_equal(error, sets[i].error ? sets[i].error : "");
		assert_int_equal(err, sets[i].error ? -EINVAL : 0);
	}
}

static void options_of_bpf_are_refused_beside_sockets(void **state)
{
	static const struct set sets[] = {
		{ { "--timestamps=socket", "--bpf.hook=xdp" },
		  "--timestamps=socket: got --bpf.hook" BESIDE_SOCKETS },
		{ { "--bpf.interfaces=eth0,eth1", "--timestamps=socket" },
		  "--timestamps=socket: got --bpf.interfaces" BESIDE_SOCKETS },
		{ { "--bpf.pin-path=/sys/fs/bpf/kc", "--timestamps=socket", "--bpf.hook=clsact",
		    "--bpf.interfaces=eth0" },
		  "--timestamps=socket: got --bpf.hook, --bpf.interfaces, "
		  "--bpf.pin-path" BESIDE_SOCKETS },
		{ { "--timestamps=socket", "--bpf.hook=auto", "--bpf.interfaces=auto" }, NULL },
		{ { "--timestamps=auto", "--bpf.hook=xdp", "--bpf.interfaces=eth0" }, NULL },
		{ { "--timestamps=bpf", "--bpf.pin-path=/sys/fs/bpf/kc" }, NULL },
	};

	(void)state;
	check_sets(sets, sizeof(sets) / sizeof(sets[0]));
}

static void addresses_to_listen_on_do_not_collide(void **state)
{
	static const struct set sets[] = {
		{ { "--web.listen-address=127.0.0.1:10862", "--web.listen-address=:10862" },
		  LISTENS("127.0.0.1:10862", ":10862") },
		{ { "--web.listen-address=[::]:1", "--web.listen-address=[::1]:1" },
		  LISTENS("[::]:1", "[::1]:1") },
		{ { "--web.listen-address=[::]:1", "--web.listen-address=:1" },
		  LISTENS("[::]:1", ":1") },
		{ { "--web.listen-address=[::1]:1", "--web.listen-address=127.0.0.1:1",
		    "--web.listen-address=0.0.0.0:1" },
		  LISTENS("127.0.0.1:1", "0.0.0.0:1") },
		{ { "--web.listen-address=0.0.0.0:1", "--web.listen-address=127.0.0.1:1" },
		  LISTENS("0.0.0.0:1", "127.0.0.1:1") },
		{ { "--web.listen-address=0.0.0.0:1", "--web.listen-address=[::]:1" },
		  LISTENS("0.0.0.0:1", "[::]:1") },
		{ { "--web.listen-address=[fd00::1]:1", "--web.listen-address=[fd00:0::1]:1" },
		  LISTENS("[fd00::1]:1", "[fd00:0::1]:1") },
		{ { "--web.listen-address=:1", "--web.listen-address=:2" }, NULL },
		{ { "--web.listen-address=:0", "--web.listen-address=127.0.0.1:0" }, NULL },
		{ { "--web.listen-address=0.0.0.0:1", "--web.listen-address=[::1]:1" }, NULL },
		{ { "--web.listen-address=127.0.0.1:1", "--web.listen-address=127.0.0.2:1",
		    "--web.listen-address=[::1]:1" },
		  NULL },
	};

	(void)state;
	check_sets(sets, sizeof(sets) / sizeof(sets[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_bpf_are_refused_beside_sockets),
		cmocka_unit_test(addresses_to_listen_on_do_not_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
