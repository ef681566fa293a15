/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to address and back. The text form is written here and not by inet_ntop, since C libraries
 * differ in it and it becomes a label. Must not know what an address is used for.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>

#define GROUPS 8 /* of 16 bits in an IPv6 address */

int address_parse(const char *text, struct address *ret)
{
	struct address address;

	if (inet_pton(AF_INET6, text, address.octets) == 1) {
		*ret = address;
		return 0;
	}
	memcpy(address.octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
	if (inet_pton(AF_INET, text, address.octets + sizeof(address_ipv4_prefix)) == 1) {
		*ret = address;
		return 0;
	}
	return -EINVAL;
}

static char *append_number(char *end, unsigned int value, unsigned int base)
{
	char digits[5];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (count > 0)
		*end++ = digits[--count];
	return end;
}

static unsigned int address_group(const struct address *address, int group)
{
	return (unsigned int)address->octets[2 * group] << 8 | address->octets[2 * group + 1];
}

/* The first of the longest runs of two or more zero groups (RFC 5952 section 4.2) and its length;
 * where there is none, *ret_start is GROUPS. */
static int address_zero_run(const struct address *address, int *ret_start)
{
	int longest = 1;

	*ret_start = GROUPS;
	for (int start = 0; start < GROUPS; start++) {
		int length = 0;

		while (start + length < GROUPS && address_group(address, start + length) == 0)
			length++;
		if (length > longest) {
			longest = length;
			*ret_start = start;
		}
	}
	return longest;
}

void address_format(const struct address *address, char text[static ADDRESS_TEXT_CAPACITY])
{
	char *end = text;

	if (address_is_ipv4(address)) {
		for (int i = 12; i < 16; i++) {
			if (i > 12)
				*end++ = '.';
			end = append_number(end, address->octets[i], 10);
		}
		*end = '\0';
		return;
	}

	int start;
	int length = address_zero_run(address, &start);

	for (int group = 0; group < GROUPS; group++) {
		if (group == start) {
			*end++ = ':';
			*end++ = ':';
			group += length - 1;
			continue;
		}
		if (group > 0 && end[-1] != ':')
			*end++ = ':';
		end = append_number(end, address_group(address, group), 16);
	}
	*end = '\0';
}

const char *address_why_no_host(const struct address *address)
{
	static const uint8_t zeros[16];
	const uint8_t *octets = address->octets;

	if (address_is_ipv4(address)) {
		static const uint8_t ones[4] = { 255, 255, 255, 255 };

		if (memcmp(octets + 12, zeros, 4) == 0)
			return "the unspecified address";
		if (memcmp(octets + 12, ones, 4) == 0)
			return "the broadcast address";
		return octets[12] >> 4 == 14 ? "a multicast address" : 0;
	}
	if (memcmp(octets, zeros, 16) == 0)
		return "the unspecified address";
	if (octets[0] == 0xff)
		return "a multicast address";
	if (octets[0] == 0xfe && octets[1] >> 6 == 2)
		return "a link-local address, which needs an interface";
	return 0;
}
