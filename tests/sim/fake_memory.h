/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps as plain memory, for tests without a kernel. Must not know what is written there.
 */
#ifndef FAKE_MEMORY_H
#define FAKE_MEMORY_H

#include <stdlib.h>

#include "addresses.h"
#include "kernel_memory.h"

#define FAKE_SESSIONS 64

static inline struct kernel_memory fake_memory_of(const struct kernel_shape *shape)
{
	size_t flights = (size_t)shape->slots * shape->flows * shape->window;
	struct kernel_memory memory = { .shape = *shape };

	memory.control = calloc(1, sizeof(*memory.control));
	memory.counters = calloc(1, sizeof(*memory.counters));
	memory.addresses = calloc(shape->address_capacity, sizeof(*memory.addresses));
	memory.peers = calloc(shape->slots, sizeof(*memory.peers));
	memory.flights = calloc(flights, sizeof(*memory.flights));
	memory.sessions = calloc(shape->session_capacity, sizeof(*memory.sessions));
	if (!memory.control || !memory.counters || !memory.addresses || !memory.peers ||
	    !memory.flights || !memory.sessions)
		abort();
	return memory;
}

static inline struct kernel_memory fake_memory_open(uint32_t slots, uint32_t flows, uint32_t window,
						    uint32_t hash_seed)
{
	struct kernel_shape shape = { .slots = slots,
				      .flows = flows,
				      .window = window,
				      .echo_window = window,
				      .address_capacity = addresses_capacity(slots),
				      .session_capacity = FAKE_SESSIONS,
				      .hash_seed = hash_seed };

	while (2 * shape.echo_window <= flows * window)
		shape.echo_window *= 2;
	return fake_memory_of(&shape);
}

static inline void fake_memory_close(struct kernel_memory *memory)
{
	free(memory->control);
	free(memory->counters);
	free(memory->addresses);
	free(memory->peers);
	free(memory->flights);
	free(memory->sessions);
}

/* 10.0.0.0 and the index: as many addresses as a test wants. */
static inline struct address fake_address(uint32_t index)
{
	struct address address = { .octets = { [10] = 0xff, [11] = 0xff, [12] = 10 } };

	address.octets[13] = (uint8_t)(index >> 16);
	address.octets[14] = (uint8_t)(index >> 8);
	address.octets[15] = (uint8_t)index;
	return address;
}

/* Of the same node, as its IPv6 address. */
static inline struct address fake_ipv6_address(uint32_t index)
{
	struct address address = { .octets = { 0xfd, [7] = 1 } };

	address.octets[14] = (uint8_t)(index >> 8);
	address.octets[15] = (uint8_t)index;
	return address;
}

/* xorshift64*: the same numbers from the same seed everywhere. */
static inline uint64_t fake_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

#endif
