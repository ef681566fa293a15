/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces in short words, for their tests. */
#ifndef INTERFACES_FIXTURE_H
#define INTERFACES_FIXTURE_H

#include <stdio.h>
#include <string.h>

#include "interfaces.h"

#define SLOTS 8

static inline struct local_time at(int64_t ms)
{
	return (struct local_time){ .ns = ms * NS_PER_MS };
}

static inline void route(struct interfaces *interfaces, uint32_t slot, uint32_t first,
			 uint32_t second, int64_t ms)
{
	struct interface_name names[2] = { { .ifindex = first }, { .ifindex = second } };

	snprintf(names[0].name, sizeof(names[0].name), "eth%u", first);
	snprintf(names[1].name, sizeof(names[1].name), "eth%u", second);
	interfaces_route(interfaces, slot, names, first == 0 ? 0 : second == 0 ? 1 : 2, at(ms));
}

static inline void answer(struct interfaces *interfaces, uint32_t ifindex,
			  struct word_direction egress, struct word_direction ingress)
{
	const struct word word = {
		.kind = WORD_ATTACHED, .ifindex = ifindex, .egress = egress, .ingress = ingress
	};

	interfaces_on_word(interfaces, &word);
}

static const struct word_direction good = { .mode = HOOK_TCX };
static const struct word_direction bad = { .mode = HOOK_NONE, .error = 1 };

/* All that is to be said now, as "A3 D4 ". */
static inline const char *words(struct interfaces *interfaces, int64_t ms)
{
	static char text[256];
	struct word word;
	size_t length = 0;

	text[0] = '\0';
	while (interfaces_next_word(interfaces, at(ms), &word)) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%c%u ",
					   "?AD???EI"[word.kind], word.ifindex);
	}
	return text;
}

static inline const struct interface *find(const struct interfaces *interfaces, uint32_t ifindex)
{
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		if (interfaces_get(interfaces, i)->ifindex == ifindex)
			return interfaces_get(interfaces, i);
	}
	return NULL;
}

static inline struct interfaces *opened(void)
{
	struct interfaces *interfaces;

	assert_int_equal(interfaces_open(SLOTS, &interfaces), 0);
	return interfaces;
}

static inline bool in_doubt(const struct interfaces *interfaces)
{
	struct interface_doubts doubts = interfaces_doubts(interfaces);

	return doubts.unanswered > 0 || doubts.blind > 0;
}

#endif
