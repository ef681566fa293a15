/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of addresses and the zones that they are in: how people write them, and which one an
 * address is in. Must not know whose addresses those are.
 */
#include <errno.h>
#include <string.h>

#include "peer_candidate.h"

#define BITS	  128
#define BITS_IPV4 32

static const char *const expected_form = "ZONE=CIDR, such as zone-a=10.1.0.0/16";
static const char *const expected_zone = "a zone of 1 to 63 letters, digits, '.', '-' or '_'";
static const char *const expected_range =
	"a range of IP addresses, such as 10.1.0.0/16 or 2001:db8:1::/48";
static const char *const expected_zeros =
	"a range whose bits behind the prefix are zero, such as 10.1.0.0/16";

/* Whether the first `length` bits are the same. */
static bool prefix_equal(const struct address *a, const struct address *b, uint32_t length)
{
	uint32_t octets = length / 8, bits = length % 8;

	if (memcmp(a->octets, b->octets, octets) != 0)
		return false;
	return bits == 0 || (a->octets[octets] ^ b->octets[octets]) >> (8 - bits) == 0;
}

static bool is_zero_behind(const struct address *address, uint32_t length)
{
	struct address prefix = { 0 };
	uint32_t octets = length / 8, bits = length % 8;

	memcpy(prefix.octets, address->octets, octets);
	if (bits)
		prefix.octets[octets] = (uint8_t)(address->octets[octets] & 0xff << (8 - bits));
	return address_equal(&prefix, address);
}

/* A decimal number without sign or leading zeros, 0 to 128. -1: it is none. */
static int parse_length(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int length = 0;

	if (digits == 0 || digits > 3 || text[digits] || (digits > 1 && text[0] == '0'))
		return -1;
	for (; *text; text++)
		length = 10 * length + (*text - '0');
	return length <= BITS ? length : -1;
}

static const char *parse_range(const char *text, struct zone_network *network)
{
	const char *slash = strchr(text, '/');
	char address[ADDRESS_TEXT_CAPACITY];
	int length;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return expected_range;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	length = parse_length(slash + 1);
	if (length < 0 || address_parse(address, &network->prefix) < 0)
		return expected_range;
	/* ::ffff:10.1.0.0/112 is an IPv4 range as well, but its length is of 128 already. */
	if (!strchr(address, ':')) {
		if (length > BITS_IPV4)
			return expected_range;
		length += BITS - BITS_IPV4;
	}
	network->length = (uint8_t)length;
	return is_zero_behind(&network->prefix, network->length) ? NULL : expected_zeros;
}

int zone_network_parse(const char *text, struct zone_network *ret, const char **ret_expected)
{
	struct zone_network network = { 0 };
	const char *equals = strchr(text, '=');
	const char *expected = expected_form;

	if (equals) {
		size_t length = (size_t)(equals - text);

		expected = expected_zone;
		if (length > 0 && peer_zone_is_valid(text, length)) {
			memcpy(network.zone, text, length);
			expected = parse_range(equals + 1, &network);
		}
	}
	if (expected) {
		*ret_expected = expected;
		return -EINVAL;
	}
	*ret = network;
	return 0;
}

const char *zone_network_of(const struct zone_network *networks, uint32_t count,
			    const struct address *address)
{
	const struct zone_network *longest = NULL;

	for (uint32_t i = 0; i < count; i++) {
		const struct zone_network *network = &networks[i];

		if (longest && network->length <= longest->length)
			continue;
		/* ::/0 is all of IPv6, and holds no IPv4 address. */
		if (prefix_equal(&network->prefix, address, network->length) &&
		    address_is_ipv4(&network->prefix) == address_is_ipv4(address))
			longest = network;
	}
	return longest ? longest->zone : "";
}
