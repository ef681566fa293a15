/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager hears, at a socket of either kind; and which variables mean what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify.h"

/* Bound to what NOTIFY_SOCKET would say of it. */
static int manager_open(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(length <= sizeof(address.sun_path));
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	length += offsetof(struct sockaddr_un, sun_path) + (name[0] == '@' ? 0 : 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, (socklen_t)length), 0);
	return fd;
}

static void assert_hears(int fd, const char *expected)
{
	char heard[256];
	ssize_t length = recv(fd, heard, sizeof(heard), 0);

	if (!expected) {
		assert_int_equal(length, -1);
		return;
	}
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(heard, expected, strlen(expected));
}

static int say(const struct notify *notify, const char *lines)
{
	return notify_send(notify, lines, strlen(lines));
}

static int forget(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static void without_a_manager_nothing_is_said(void **state)
{
	static const char *const names[] = { NULL, "" };
	struct notify notify;

	(void)state;
	setenv("WATCHDOG_USEC", "1000000", 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i])
			setenv("NOTIFY_SOCKET", names[i], 1);
		assert_int_equal(notify_open(&notify), 0);
		assert_int_equal(notify.fd, -1);
		assert_int_equal(notify.watchdog_ns, 0);
		assert_int_equal(say(&notify, "READY=1\n"), 0);
		notify_close(&notify);
	}
}

static void it_is_heard_at(const char *name)
{
	struct notify notify;
	int manager = manager_open(name);

	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_true(fcntl(notify.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(say(&notify, "READY=1\nSTATUS=fine\n"), 0);
	assert_int_equal(say(&notify, "WATCHDOG=1\n"), 0);
	assert_hears(manager, "READY=1\nSTATUS=fine\n");
	assert_hears(manager, "WATCHDOG=1\n");
	assert_hears(manager, NULL);
	assert_string_equal(getenv("NOTIFY_SOCKET"), name);
	notify_close(&notify);
	assert_int_equal(notify.fd, -1);
	close(manager);
}

static void abstract_names_are_heard(void **state)
{
	char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@kc-test-notify/%d", (int)getpid());
	it_is_heard_at(name);
	memset(longest, 'a', sizeof(longest) - 1);
	memcpy(longest, name, strlen(name));
	longest[sizeof(longest) - 1] = '\0';
	it_is_heard_at(longest);
}

static void paths_are_heard(void **state)
{
	char name[96];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/kc-test-notify-%d", (int)getpid());
	it_is_heard_at(name);
	unlink(name);
}

/* The manager was started anew: another socket, the same name. */
static void a_manager_that_comes_back_is_heard(void **state)
{
	struct notify notify;
	char name[96];
	int manager;

	(void)state;
	snprintf(name, sizeof(name), "/tmp/kc-test-notify-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(&notify), 0);
	assert_int_equal(say(&notify, "READY=1\n"), -ENOENT);
	close(manager_open(name));
	assert_int_equal(say(&notify, "READY=1\n"), -ECONNREFUSED);
	unlink(name);
	manager = manager_open(name);
	assert_int_equal(say(&notify, "READY=1\n"), 0);
	assert_hears(manager, "READY=1\n");
	close(manager);
	unlink(name);
	notify_close(&notify);
}

/* Else a stuck manager would stop us. */
static void a_manager_that_does_not_listen_is_not_waited_for(void **state)
{
	struct notify notify;
	char name[64];
	int manager, err = 0;

	(void)state;
	snprintf(name, sizeof(name), "@kc-test-notify/%d", (int)getpid());
	manager = manager_open(name);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_open(&notify), 0);
	for (int i = 0; i < 100000 && err == 0; i++)
		err = say(&notify, "WATCHDOG=1\n");
	assert_int_equal(err, -EAGAIN);
	assert_hears(manager, "WATCHDOG=1\n");
	assert_int_equal(say(&notify, "WATCHDOG=1\n"), 0);
	notify_close(&notify);
	close(manager);
}

static void other_names_are_refused(void **state)
{
	char abstract[110], path[109];
	const char *const names[] = { "relative", "@", "/", "vsock:2:1234", abstract, path };
	struct notify notify;

	(void)state;
	memset(abstract, 'a', sizeof(abstract));
	abstract[0] = '@';
	abstract[sizeof(abstract) - 1] = '\0'; /* 109 octets, 108 have room */
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0'; /* 108 octets, and a zero */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		assert_int_equal(notify_open(&notify), -EINVAL);
		assert_int_equal(notify.fd, -1);
		assert_int_equal(say(&notify, "READY=1\n"), 0);
	}
}

static void the_watchdog_is_ours_or_none(void **state)
{
	char ours[24], others[24];
	const struct {
		const char *usec;
		const char *pid;
		int64_t expected_ns;
	} cases[] = {
		{ NULL, NULL, 0 },
		{ "30000000", NULL, 30000000000 },
		{ "30000000", ours, 30000000000 },
		{ "30000000", others, 0 },
		{ "30000000", "", 0 },
		{ "30000000", "x", 0 },
		{ NULL, ours, 0 },
		{ "0", ours, 0 },
		{ "1", ours, 1000 },
		{ "", ours, 0 },
		{ "-1", ours, 0 },
		{ " 1", ours, 0 },
		{ "1s", ours, 0 },
		{ "9223372036854775", ours, 9223372036854775000 },
		{ "9223372036854776", ours, 0 },
		{ "18446744073709551616", ours, 0 },
	};
	struct notify notify;

	(void)state;
	snprintf(ours, sizeof(ours), "%d", (int)getpid());
	snprintf(others, sizeof(others), "%d", (int)getppid());
	setenv("NOTIFY_SOCKET", "@kc-test-notify", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (cases[i].usec)
			setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid)
			setenv("WATCHDOG_PID", cases[i].pid, 1);
		assert_int_equal(notify_open(&notify), 0);
		assert_int_equal(notify.watchdog_ns, cases[i].expected_ns);
		notify_close(&notify);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_manager_nothing_is_said, forget),
		cmocka_unit_test_setup(abstract_names_are_heard, forget),
		cmocka_unit_test_setup(paths_are_heard, forget),
		cmocka_unit_test_setup(a_manager_that_comes_back_is_heard, forget),
		cmocka_unit_test_setup(a_manager_that_does_not_listen_is_not_waited_for, forget),
		cmocka_unit_test_setup(other_names_are_refused, forget),
		cmocka_unit_test_setup(the_watchdog_is_ours_or_none, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
