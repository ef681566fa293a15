/* SPDX-License-Identifier: Apache-2.0 */
/* Sending in batches over a kernel of ours: whose error an error is, and how often it is tried. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe_socket.h"

#define MESSAGES 5
#define UNSAID	 12345

/* Fails each message so often with `err`; sends at most two at once. */
static struct {
	const struct mmsghdr *messages;
	uint32_t times[MESSAGES];
	int err;
	uint32_t sent[MESSAGES];
	uint32_t cleared;
} network;

static int network_send(int fd, const struct mmsghdr *messages, uint32_t count, int flags)
{
	uint32_t first = (uint32_t)(messages - network.messages);
	uint32_t sent = 0;

	assert_int_equal(fd, 42);
	assert_int_equal(flags, 0);
	assert_true(first + count == MESSAGES);
	for (; sent < count && sent < 2; sent++) {
		if (network.times[first + sent] > 0) {
			if (sent > 0)
				break;
			network.times[first + sent]--;
			errno = network.err;
			return -1;
		}
		network.sent[first + sent]++;
	}
	return (int)sent;
}

/* All of a batch in one call: sendmmsg() of musl makes many. */
long syscall(long number, ...)
{
	va_list rest;
	const struct mmsghdr *messages;
	uint32_t count;
	int fd;

	assert_int_equal(number, SYS_sendmmsg);
	va_start(rest, number);
	fd = va_arg(rest, int);
	messages = va_arg(rest, const struct mmsghdr *);
	count = va_arg(rest, uint32_t);
	number = network_send(fd, messages, count, va_arg(rest, int));
	va_end(rest);
	return number;
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	assert_int_equal(fd, 42);
	assert_int_equal(level, SOL_SOCKET);
	assert_int_equal(option, SO_ERROR);
	assert_int_equal(*length, sizeof(int));
	memset(value, 0, sizeof(int));
	network.cleared++;
	errno = 0;
	return 0;
}

struct failing {
	int err;
	uint32_t patience; /* so many failures in a row are not the probe's own */
};

static const struct failing failures[] = {
	{ ECONNREFUSED, 8 }, { EHOSTUNREACH, 8 }, { ENETUNREACH, 8 }, { EPROTO, 8 },
	{ EACCES, 8 },	     { ENOPROTOOPT, 8 },  { EMSGSIZE, 8 },    { EOPNOTSUPP, 8 },
	{ EHOSTDOWN, 8 },    { ENONET, 8 },	  { EPERM, 1 },	      { ENOBUFS, 1 },
	{ EAGAIN, 1 },	     { EINVAL, 1 },	  { ENETDOWN, 1 },
};

static void check(const struct failing *failing, uint32_t at, uint32_t times)
{
	static const uint32_t places[MESSAGES] = { 7, 5, 3, 1, 0 };
	struct mmsghdr messages[MESSAGES] = { 0 };
	bool fails = times > failing->patience;
	int errors[8];

	for (int i = 0; i < 8; i++)
		errors[i] = UNSAID;
	memset(&network, 0, sizeof(network));
	network.messages = messages;
	network.times[at] = times;
	network.err = failing->err;
	probe_socket_send(42, messages, MESSAGES, places, errors);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		bool failed = fails && i == at;

		assert_int_equal(network.sent[i], !failed);
		assert_int_equal(errors[places[i]], failed ? -failing->err : UNSAID);
		errors[places[i]] = UNSAID;
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(errors[i], UNSAID);
	assert_int_equal(network.times[at], 0); /* no try more than told */
	assert_int_equal(network.cleared, times);
}

static void an_error_of_icmp_is_nobodys_until_it_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		for (uint32_t at = 0; at < MESSAGES; at++) {
			for (uint32_t times = 0; times <= failures[i].patience + 1; times++)
				check(&failures[i], at, times);
		}
	}
}

static void each_message_has_its_own_tries(void **state)
{
	static const uint32_t times[MESSAGES] = { 8, 8, 100, 8, 8 };
	const uint32_t places[MESSAGES] = { 0, 1, 2, 3, 4 };
	struct mmsghdr messages[MESSAGES] = { 0 };
	int errors[MESSAGES] = { UNSAID, UNSAID, UNSAID, UNSAID, UNSAID };

	(void)state;
	memset(&network, 0, sizeof(network));
	network.messages = messages;
	memcpy(network.times, times, sizeof(times));
	network.err = ECONNREFUSED;
	probe_socket_send(42, messages, MESSAGES, places, errors);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		assert_int_equal(network.sent[i], i != 2);
		assert_int_equal(errors[i], i == 2 ? -ECONNREFUSED : UNSAID);
	}
	assert_int_equal(network.times[2], 100 - PROBE_SOCKET_RETRIES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_of_icmp_is_nobodys_until_it_stays),
		cmocka_unit_test(each_message_has_its_own_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
