/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others in our log: one line, one write, well-formed in both formats, cut or not. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "unit/json_strict.h"

static struct {
	char octets[4096];
	size_t length;
	unsigned int writes;
} written;

static ssize_t line_write(int fd, const void *octets, size_t length)
{
	require(fd == STDERR_FILENO && length < sizeof(written.octets));
	memcpy(written.octets, octets, length);
	written.octets[length] = '\0';
	written.length = length;
	written.writes++;
	return (ssize_t)length;
}

static int line_poll(struct pollfd *targets, nfds_t count, int timeout)
{
	require(count == 1 && timeout == 0);
	targets[0].revents = POLLOUT;
	return 1;
}

#define write line_write
#define poll  line_poll
#include "../../src/log.c"
#undef write
#undef poll

/* Nothing in it that a terminal obeys: neither C0 nor C1. */
static void check_line(void)
{
	require(written.writes == 1 && written.length <= LOG_LINE_CAPACITY);
	require(strlen(written.octets) == written.length);
	require(written.octets[written.length - 1] == '\n');
	written.octets[--written.length] = '\0';
	require(is_one_line(written.octets, sizeof(written.octets)));
	require(is_utf8(written.octets, written.length));
	for (size_t i = 0; i + 1 < written.length; i++)
		require((uint8_t)written.octets[i] != 0xc2 ||
			(uint8_t)written.octets[i + 1] >= 0xa0);
}

/* KEY=VALUE, separated by one space each; values quoted where that is needed. */
static void check_logfmt(void)
{
	const char *at = written.octets;

	for (;;) {
		size_t key = strspn(at, "abcdefghijklmnopqrstuvwxyz");

		require(key > 0 && at[key] == '=');
		at += key + 1;
		if (*at == '"') {
			at = json_skip_string(at);
			require(at);
		} else {
			at += strcspn(at, " \"\\=");
		}
		if (!*at)
			return;
		require(*at == ' ');
		at++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct input input = { octets, length };
	uint8_t facts = input_octet(&input);
	char *message = input_text(&input, '\0');
	char *first = input_text(&input, '\0');
	char *second = input_text(&input, '\0');

	for (int json = 0; json < 2; json++) {
		written.writes = 0;
		log_setup(LOG_LEVEL_INFO, json);
		log_info(message, LOG_TEXT("first", first), LOG_INT("number", (int64_t)facts << 55),
			 LOG_TEXT("second", second), LOG_ERRNO(facts));
		check_line();
		if (json)
			require(json_is_valid(written.octets) && written.octets[0] == '{');
		else
			check_logfmt();
	}
	free(message);
	free(first);
	free(second);
	return 0;
}
