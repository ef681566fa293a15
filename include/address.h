/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IP address of either family as 16 octets in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2), which is also how the kernel half sees it. No scope, no port, no name.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ADDRESS_TEXT_CAPACITY 46 /* INET6_ADDRSTRLEN, without needing its header */

struct address {
	uint8_t octets[16];
};

static const uint8_t address_ipv4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static inline bool address_is_ipv4(const struct address *address)
{
	uint64_t zeros;
	uint32_t ones;
	uint32_t prefix_end;

	/* Words: asked of every probe several times, and memcmp() may go octet by octet. */
	memcpy(&zeros, address->octets, sizeof(zeros));
	memcpy(&ones, address->octets + sizeof(zeros), sizeof(ones));
	memcpy(&prefix_end, address_ipv4_prefix + sizeof(zeros), sizeof(prefix_end));
	return zeros == 0 && ones == prefix_end;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
	uint64_t words[2][2];

	memcpy(words[0], a->octets, sizeof(words[0]));
	memcpy(words[1], b->octets, sizeof(words[1]));
	return words[0][0] == words[1][0] && words[0][1] == words[1][1];
}

/* Parses a literal of either family. 0, or -EINVAL (not an address) with *ret untouched. */
int address_parse(const char *text, struct address *ret);

/* Writes the usual text form (IPv4 dotted, IPv6 RFC 5952) and its terminating zero. */
void address_format(const struct address *address, char text[static ADDRESS_TEXT_CAPACITY]);

/* 0 when packets can be sent to it as one host; otherwise a phrase that says what it is instead,
 * such as "a multicast address" (also unspecified, link-local, loopback stays allowed). */
const char *address_why_no_host(const struct address *address);

#endif
