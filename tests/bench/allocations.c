/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a dynamically linked program, tells who allocates: counts calls and bytes by the
 * address that called, in a file that it shares with its children and with whoever reads it. Makes
 * no system call after its start, so that a sandbox does not mind. Knows no module: the reader
 * finds the address in /proc/PID/maps.
 *   ALLOCATIONS=FILE LD_PRELOAD=allocations.so PROGRAM
 * FILE: an array of struct caller; unused ones are zero.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A power of two; several times as many as there are places in the program and its libraries. */
#define CALLERS 4096

/* Where the C library allocates for somebody (strdup, fopen), who that is stands not far up. */
#define DEPTH 12

struct caller {
	uint64_t address;
	uint64_t allocations;
	uint64_t frees;
	uint64_t bytes;	  /* allocated, by what is usable */
	uint64_t freed;	  /* bytes */
	uint64_t largest; /* bytes */
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void __libc_free(void *pointer);

static struct caller *callers;
static uintptr_t libc_from;
static uintptr_t libc_to;
static bool inside; /* kube-canary has one thread in each process */

static int find_libc(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	libc_from = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > libc_to)
			libc_to = end;
	}
	return 1;
}

__attribute__((constructor)) static void start(void)
{
	const char *name = getenv("ALLOCATIONS");
	void *frames[DEPTH];
	void *shared;
	int fd;

	if (!name)
		return;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, CALLERS * sizeof(*callers)) < 0)
		abort();
	shared = mmap(NULL, CALLERS * sizeof(*callers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	close(fd);
	dl_iterate_phdr(find_libc, NULL);
	backtrace(frames, DEPTH); /* loads what it needs now, not later */
	callers = shared;
}

/* The entry of who called, or NULL while there is none. */
static struct caller *caller_of(void *address)
{
	uintptr_t at = (uintptr_t)address;
	struct caller *caller;

	if (!callers)
		return NULL;
	if (at >= libc_from && at < libc_to && !inside) {
		void *frames[DEPTH];
		int count;

		inside = true;
		count = backtrace(frames, DEPTH);
		inside = false;
		/* The first two are of this file. */
		for (int i = 2; i < count && at >= libc_from && at < libc_to; i++)
			at = (uintptr_t)frames[i];
	}
	for (uint32_t i = 0; i < CALLERS; i++) {
		uint64_t expected = 0;

		caller = &callers[((at * 0x9e3779b97f4a7c15u >> 40) + i) & (CALLERS - 1)];
		if (__atomic_compare_exchange_n(&caller->address, &expected, at, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
		    expected == at)
			return caller;
	}
	abort(); /* not counted would be a lie */
}

static void *count_allocated(void *pointer, void *address)
{
	struct caller *caller = pointer ? caller_of(address) : NULL;
	uint64_t bytes;

	if (!caller)
		return pointer;
	bytes = malloc_usable_size(pointer);
	__atomic_fetch_add(&caller->allocations, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&caller->bytes, bytes, __ATOMIC_RELAXED);
	if (bytes > caller->largest)
		caller->largest = bytes;
	return pointer;
}

static void count_freed(void *pointer, void *address)
{
	struct caller *caller = pointer ? caller_of(address) : NULL;

	if (!caller)
		return;
	__atomic_fetch_add(&caller->frees, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&caller->freed, malloc_usable_size(pointer), __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
	return count_allocated(__libc_malloc(size), __builtin_return_address(0));
}

void *calloc(size_t count, size_t size)
{
	return count_allocated(__libc_calloc(count, size), __builtin_return_address(0));
}

void *realloc(void *pointer, size_t size)
{
	count_freed(pointer, __builtin_return_address(0));
	return count_allocated(__libc_realloc(pointer, size), __builtin_return_address(0));
}

void free(void *pointer)
{
	count_freed(pointer, __builtin_return_address(0));
	__libc_free(pointer);
}
