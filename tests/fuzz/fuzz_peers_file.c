/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peers file as it comes in blocks of any size: discovery_file_read(), against a reader that has
 * the whole text before it; and each line by itself: peer_parse_line() there and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

/* The file, and the most that a read of it yields. */
static struct {
	struct input text;
	size_t block;
} file;

static ssize_t file_read(int fd, void *to, size_t bytes)
{
	size_t taken = bytes < file.block ? bytes : file.block;

	(void)fd;
	if (taken > file.text.length)
		taken = file.text.length;
	memcpy(to, file.text.octets, taken);
	file.text.octets += taken;
	file.text.length -= taken;
	return (ssize_t)taken;
}

#define read file_read
#include "../../src/discovery_file.c"
#undef read

static char path[32];

struct offers {
	uint32_t count;
	uint64_t digest;
};

static void digest_add(uint64_t *digest, const void *octets, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*digest = (*digest ^ ((const uint8_t *)octets)[i]) * 0x100000001b3ULL;
}

/* Written as a line, it is read as what it was. */
static void check_round_trip(const struct peer_candidate *candidate)
{
	static const char *const probes[] = { "", " probe=stamp", " probe=icmp" };
	char offender[PEER_NAME_CAPACITY], address[ADDRESS_TEXT_CAPACITY];
	char line[PEER_LINE_CAPACITY];
	struct peer_candidate again;
	const char *expected;

	require(address_why_no_host(&candidate->address) == NULL);
	require(!candidate->name[0] ||
		peer_name_is_valid(candidate->name, strlen(candidate->name)));
	require(peer_zone_is_valid(candidate->zone, strlen(candidate->zone)));
	require(candidate->probe <= PROBE_ICMP);
	address_format(&candidate->address, address);
	snprintf(line, sizeof(line), "%s %s%s%s%s", address, candidate->name,
		 probes[candidate->probe], candidate->zone[0] ? "\tzone=" : "", candidate->zone);
	require(peer_parse_line(line, &again, &expected, offender) == 1);
	require(memcmp(&again, candidate, sizeof(again)) == 0);
}

static int take(void *ctx, const struct peer_candidate *candidate)
{
	struct offers *offers = ctx;

	check_round_trip(candidate);
	digest_add(&offers->digest, candidate, sizeof(*candidate));
	return offers->count++ % 7 == 6 ? -ENOSPC : 0; /* which is no error */
}

/* Each option once. */
static void check_once(const char *line, const char *option)
{
	const char *first = strstr(line, option);
	const char *again = first ? strstr(first + 1, option) : NULL;
	const char *comment = strchr(line, '#');

	require(!again || (comment && comment < again));
}

/* The same by lines of the whole: as much as is before the first bad line. Returns its number, or
 * 0. */
static uint32_t read_whole(const uint8_t *octets, size_t length, struct offers *ret)
{
	uint32_t number = 0;

	*ret = (struct offers){ .count = 0 };
	for (size_t at = 0; at < length;) {
		const uint8_t *end = memchr(octets + at, '\n', length - at);
		size_t line_length = end ? (size_t)(end - octets) - at : length - at;
		char offender[PEER_NAME_CAPACITY];
		struct peer_candidate candidate;
		const char *expected = NULL;
		char *line;
		int result;

		number++;
		line = strndup((const char *)octets + at, line_length);
		if (line_length > 0 && octets[at + line_length - 1] == '\r' &&
		    strlen(line) == line_length)
			line[line_length - 1] = '\0';
		result = memchr(octets + at, '\0', line_length) || strlen(line) > PEER_LINE_CAPACITY
				 ? -EINVAL
				 : peer_parse_line(line, &candidate, &expected, offender);
		require(result >= -EINVAL && result <= 1);
		require(result != -EINVAL || !expected || strlen(expected) > 0);
		if (result == 1) {
			check_once(line, "probe=");
			check_once(line, "zone=");
		}
		free(line);
		if (result < 0)
			return number;
		if (result == 1)
			(void)take(ret, &candidate);
		at += line_length + 1;
	}
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd_create("peers", 0));
	return 0;
}

static void fuzz_file(struct input text, size_t block)
{
	char error[DISCOVERY_ERROR_CAPACITY] = "", where[32];
	struct offers offers = { .count = 0 }, expected;
	uint32_t bad_line = read_whole(text.octets, text.length, &expected);
	int result;

	file.text = text;
	file.block = block;
	result = discovery_file_read(path, take, &offers, error);
	require(result == (bad_line ? -EINVAL : 0));
	require(offers.count == expected.count && offers.digest == expected.digest);
	if (bad_line) {
		snprintf(where, sizeof(where), ", line %u: \"", bad_line);
		require(is_one_line(error, sizeof(error)) && strstr(error, where));
	}
}

static void fuzz_values(struct input input)
{
	char *text = input_text(&input, '\n');
	const char *expected = NULL;
	struct zone_network network;
	struct peer_candidate peer;

	if (peer_parse_static(text, &peer, &expected) == 1)
		check_round_trip(&peer);
	else
		require(expected && *expected);
	expected = NULL;
	if (zone_network_parse(text, &network, &expected) == 0) {
		require(network.zone[0] && peer_zone_is_valid(network.zone, strlen(network.zone)));
		require(network.length <= 128);
		/* Its first address is in it. */
		require(!strcmp(zone_network_of(&network, 1, &network.prefix), network.zone));
	} else {
		require(expected && *expected);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static const size_t blocks[] = { 1, 2, 7, 512, 4096 };
	struct input input = { octets, length };
	uint8_t first = input_octet(&input);

	fuzz_file(input, blocks[first % 5]);
	fuzz_values(input);
	return 0;
}
