/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for the kernel half over maps of its own, with one peer. Must not know what is tried
 * with it.
 */
#ifndef STAND_IN_WORLD_H
#define STAND_IN_WORLD_H

#include <string.h>
#include <unistd.h>

#include "address_hash.h"
#include "instant.h"
#include "maps.h"
#include "stamp.h"
#include "stand_in.h"
#include "unit/cmocka_all.h"

#define SLOT	   2 /* the peer's */
#define SLOTS	   4
#define FLOWS	   2
#define WINDOW	   8
#define RING_BYTES 4096

#define OFFSET_NS INT64_C(1700000000000000000) /* CLOCK_REALTIME less CLOCK_MONOTONIC */
#define SENT_NS	  INT64_C(5000000000)
#define NONCE	  UINT64_C(0x1122334455667788)

struct world {
	struct kernel kernel;
	struct maps *maps;
	const struct kernel_memory *memory;
	struct stand_in *stand_in;
	struct kc_address *entry; /* the peer's */
	struct kc_record records[128];
	uint32_t count;
};

static const struct address peer = { .octets = { [10] = 0xff, 0xff, 198, 18, 0, 1 } };

static inline struct kc_address *place(const struct kernel_memory *memory,
				       const struct address *address, uint16_t slot)
{
	uint32_t words[4];
	struct kc_address *entry;

	memcpy(words, address->octets, sizeof(words));
	entry = &memory->addresses[kc_address_bucket(kc_address_hash(words, memory->shape.hash_seed),
						     memory->shape.address_capacity, 0)];
	while (entry->use == KC_ADDRESS_USED)
		entry++;
	memcpy(entry->address, address->octets, sizeof(entry->address));
	entry->slot = slot;
	entry->use = KC_ADDRESS_USED;
	return entry;
}

static inline int begin(void **state)
{
	static struct world world;
	const struct kernel_shape shape = {
		.slots = SLOTS,
		.flows = FLOWS,
		.window = WINDOW,
		.echo_window = WINDOW,
		.address_capacity = 8 * KC_ADDRESS_BUCKET,
		.session_capacity = 16,
		.hash_seed = 7,
		.ring_bytes = RING_BYTES,
	};

	world = (struct world){ .kernel = KERNEL_NONE };
	assert_int_equal(stand_in_make(&shape, &world.kernel), 0);
	for (int i = 0; i < KERNEL_PROGRAMS; i++)
		assert_int_equal(world.kernel.programs[i], -1);
	assert_int_equal(maps_open(&world.kernel, &shape, &world.maps), 0);
	world.memory = maps_memory(world.maps);
	assert_int_equal(stand_in_open(&world.kernel, world.memory, &world.stand_in), 0);
	for (int i = 0; i < KERNEL_MAPS; i++)
		close(world.kernel.maps[i]);
	assert_true(stand_in_follow_clock(world.stand_in, OFFSET_NS, 100));
	world.entry = place(world.memory, &peer, SLOT);
	*state = &world;
	return 0;
}

static inline int end(void **state)
{
	struct world *world = *state;

	stand_in_close(world->stand_in);
	maps_close(world->maps);
	return 0;
}

#endif
