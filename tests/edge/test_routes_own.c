/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of this machine, whatever it has, against what the C library says of them. Reads
 * only. Needs no privilege. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ifaddrs.h>
#include <net/if.h>

#include "probe_socket.h"
#include "routes.h"

#define SAID_MAX 512

struct said {
	uint32_t preferred; /* an interface, or 0 */
	uint32_t count;
	struct address addresses[SAID_MAX];
};

static bool is_preferred(void *ctx, uint32_t ifindex)
{
	const struct said *said = ctx;

	return ifindex == said->preferred;
}

static void remember(void *ctx, const struct address *address)
{
	struct said *said = ctx;

	if (said->count < SAID_MAX)
		said->addresses[said->count++] = *address;
}

static void ask(struct said *said, uint32_t preferred)
{
	struct routes *routes;

	*said = (struct said){ .preferred = preferred };
	assert_int_equal(routes_open(&routes), 0);
	assert_int_equal(routes_own_addresses(routes, is_preferred, remember, said), 0);
	routes_close(routes);
}

/* The address, or false for those of links, of loopback, and of interfaces that are down. */
static bool is_wanted(const struct ifaddrs *entry, struct address *ret)
{
	static const struct address loopback = { .octets = { [15] = 1 } };
	union socket_address own;

	if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP))
		return false;
	if (entry->ifa_addr->sa_family == AF_INET)
		memcpy(&own.ipv4, entry->ifa_addr, sizeof(own.ipv4));
	else if (entry->ifa_addr->sa_family == AF_INET6)
		memcpy(&own.ipv6, entry->ifa_addr, sizeof(own.ipv6));
	else
		return false;
	socket_address_read(&own, ret);
	if (address_is_ipv4(ret))
		return ret->octets[12] != 127;
	return !address_equal(ret, &loopback) &&
	       !(ret->octets[0] == 0xfe && ret->octets[1] >> 6 == 2);
}

/* How many of the loopback interfaces, or of the others, have it; or 1 if the preferred one does. */
static uint32_t holders(const struct ifaddrs *all, const struct address *address,
			uint32_t preferred, bool loopback)
{
	uint32_t count = 0;

	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		bool is_loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
		struct address other;

		if (is_wanted(entry, &other) && address_equal(&other, address) &&
		    is_loopback == loopback &&
		    (!preferred || if_nametoindex(entry->ifa_name) == preferred))
			count++;
	}
	return count;
}

static bool is_said(const struct said *said, const struct address *address)
{
	for (uint32_t i = 0; i < said->count; i++) {
		if (address_equal(&said->addresses[i], address))
			return true;
	}
	return false;
}

static void what_is_said_is_what_there_is(void **state)
{
	static struct said said;
	struct ifaddrs *all;
	struct address address;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	ask(&said, 0);
	for (uint32_t i = 0; i < said.count; i++)
		assert_true(holders(all, &said.addresses[i], 0, false) ||
			    holders(all, &said.addresses[i], 0, true));
	/* IPv6 addresses may be tentative, which cannot be seen here. */
	for (const struct ifaddrs *entry = all; entry && said.count < SAID_MAX;
	     entry = entry->ifa_next) {
		if (is_wanted(entry, &address) && address_is_ipv4(&address))
			assert_true(is_said(&said, &address));
	}
	freeifaddrs(all);
}

/* Whichever interface is preferred: its addresses, then all others, loopback's last. */
static void preferred_ones_come_first(void **state)
{
	static struct said said;
	struct ifaddrs *all;

	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next) {
		uint32_t preferred = if_nametoindex(entry->ifa_name);
		int step = 0;

		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET || !preferred)
			continue;
		ask(&said, preferred);
		for (uint32_t i = 0; i < said.count; i++) {
			const struct address *address = &said.addresses[i];
			bool of[] = {
				holders(all, address, preferred, false) > 0,
				holders(all, address, 0, false) >
					holders(all, address, preferred, false),
				holders(all, address, preferred, true) > 0,
				holders(all, address, 0, true) >
					holders(all, address, preferred, true),
			};

			while (step < 4 && !of[step])
				step++;
			assert_in_range(step, 0, 3);
		}
	}
	freeifaddrs(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_what_there_is),
		cmocka_unit_test(preferred_ones_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
