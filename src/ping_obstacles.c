/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why `kube-canary ping` cannot measure, said on standard error. Must not know probes.
 */
#include "ping_obstacles.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

#define ESCAPE_OCTETS 6 /* of one octet, at most */

/* Whoever named the interface shall not write on the terminal. */
static void say_not_attached(const char *interface, const char *why)
{
	char name[ESCAPE_OCTETS * INTERFACE_NAME_CAPACITY];
	struct text text = text_over(name, sizeof(name));

	text_append_json(&text, interface);
	fprintf(stderr, "kube-canary ping: cannot attach to %.*s: %s\n", (int)text.length, name,
		why);
}

enum ping_placing ping_find_placing(struct canary *canary)
{
	const struct interfaces *interfaces = canary_interfaces(canary);
	uint32_t waiting = 0, found = 0;

	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		const struct interface *interface = interfaces_get(interfaces, i);
		int error = interface->egress.error ? interface->egress.error
						    : interface->ingress.error;

		if (interface->ifindex == 0)
			continue;
		found++;
		waiting += !interface->answered;
		if (!interface->answered || interface_in_place(interface))
			continue;
		say_not_attached(interface->name,
				 error ? strerror(error) : "no word from the loader");
		return PING_NOT_PLACED;
	}
	return found > 0 && waiting == 0 ? PING_PLACED : PING_PLACING;
}

bool ping_is_own(const struct canary *canary, const struct address *address)
{
	const struct directory *directory = canary_directory(canary);
	uint32_t index = directory_find(directory, address);
	char text[ADDRESS_TEXT_CAPACITY];

	if (index == DIRECTORY_END || !directory_get(directory, index)->own)
		return false;
	address_format(address, text);
	fprintf(stderr,
		"kube-canary ping: %s is an address of this host: what is sent there passes no "
		"interface where it could be stamped\n",
		text);
	return true;
}
