/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of libmicrohttpd's connections, as the release has it: who gets which, and that it is
 * the kernel's again afterwards. Must not know HTTP.
 */
#include "unit/cmocka_all.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is right behind the pools is not from malloc() here, but may be. */
static const void *behind;
static bool behind_freed;

static void free_but_behind(void *memory)
{
	behind_freed = memory && memory == behind;
	if (!behind_freed)
		free(memory);
}

#define free free_but_behind
#include "../../scripts/release/libmicrohttpd/pools.h"
#undef free
#include "http_state.h"

_Static_assert(POOLS >= HTTP_CONNECTED_MAX, "no connection's is from malloc()");
_Static_assert(POOL_BYTES >= HTTP_CONNECTION_MEMORY, "nor for its size");

static bool is_pool(const void *memory)
{
	uintptr_t at = (uintptr_t)memory;

	return at >= (uintptr_t)pools && at < (uintptr_t)pools + sizeof(pools);
}

/* As the kernel gives it; where its pages are larger, nothing goes back to it. */
static bool is_new(const unsigned char *memory)
{
	if (sysconf(_SC_PAGESIZE) > POOL_BYTES)
		return true;
	for (size_t i = 0; i < POOL_BYTES; i++)
		if (memory[i] != 0)
			return false;
	return true;
}

/* Of all pools, those that are in memory. */
static uint32_t resident_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	static unsigned char told[sizeof(pools) / 4096];
	uint32_t count = 0;

	if (page > POOL_BYTES) /* they are never given back there */
		return 0;
	assert_int_equal(mincore(pools, sizeof(pools), told), 0);
	for (size_t i = 0; i < sizeof(pools) / page; i++)
		count += told[i] & 1;
	return count;
}

/* Each its own, all of it. */
static void take_all(unsigned char *taken[POOLS])
{
	for (uint32_t i = 0; i < POOLS; i++) {
		taken[i] = pool_memory_take(HTTP_CONNECTION_MEMORY);
		assert_true(is_pool(taken[i]));
		assert_int_equal((uintptr_t)taken[i] % POOL_BYTES, 0);
		assert_true(is_new(taken[i]));
		memset(taken[i], (int)i + 1, POOL_BYTES);
	}
	for (uint32_t i = 0; i < POOLS; i++)
		assert_true(taken[i][0] == i + 1 && taken[i][POOL_BYTES - 1] == i + 1);
}

static void what_is_given_back_is_the_kernels(void **state)
{
	unsigned char *taken[POOLS];

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(resident_pages(), 0);
		take_all(taken);
		/* From the middle on: nobody else's goes with it. */
		for (uint32_t i = 0; i < POOLS; i++) {
			uint32_t other = (i + POOLS / 2 + 1) % POOLS;

			pool_memory_give(taken[(i + POOLS / 2) % POOLS]);
			if (i + 1 < POOLS)
				assert_true(taken[other][0] == other + 1 &&
					    taken[other][POOL_BYTES - 1] == other + 1);
		}
	}
	assert_int_equal(resident_pages(), 0);
}

static void more_than_there_are_is_mallocs(void **state)
{
	unsigned char *taken[POOLS];
	unsigned char *more, *again;

	(void)state;
	take_all(taken);
	more = pool_memory_take(HTTP_CONNECTION_MEMORY);
	assert_non_null(more);
	assert_false(is_pool(more));
	memset(more, 0xff, HTTP_CONNECTION_MEMORY);
	/* As soon as one is free it is the next one's, and no other. */
	pool_memory_give(taken[7]);
	again = pool_memory_take(1);
	assert_ptr_equal(again, taken[7]);
	assert_true(is_new(again));
	pool_memory_give(more); /* the sanitizer tells if that was not free() */
	for (uint32_t i = 0; i < POOLS; i++)
		pool_memory_give(taken[i]);
	assert_int_equal(resident_pages(), 0);
}

static void what_is_larger_is_mallocs(void **state)
{
	unsigned char *exact = pool_memory_take(POOL_BYTES);
	unsigned char *larger = pool_memory_take(POOL_BYTES + 1);

	(void)state;
	assert_true(is_pool(exact));
	assert_non_null(larger);
	assert_false(is_pool(larger));
	memset(larger, 0xff, POOL_BYTES + 1);
	pool_memory_give(larger);
	pool_memory_give(exact);
	behind = &pools[POOLS];
	pool_memory_give(&pools[POOLS]);
	assert_true(behind_freed);
	/* As malloc() and free() do. */
	pool_memory_give(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_back_is_the_kernels),
		cmocka_unit_test(more_than_there_are_is_mallocs),
		cmocka_unit_test(what_is_larger_is_mallocs),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
