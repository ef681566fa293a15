/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets go of the pages of the program's file that the start has touched, the BPF object, libbpf's
 * code, relocations, and of those that are seldom touched. Must not know what the process does. A
 * failure costs memory only.
 */
#include "footprint.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Read-only segments alone: what was written to, or relocated, is not in the file. The first object
 * is the program. */
static int forget_object(struct dl_phdr_info *object, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	/* The headers themselves are in the first. */
	for (size_t i = object->dlpi_phnum; i-- > 0;) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 1;
}

static void drop_range(uintptr_t start, uintptr_t end)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	start = (start + page - 1) & ~(page - 1);
	end &= ~(page - 1);
	/* Not unmapped: the heap would move in, among what forget_object() lets go of. */
	if (start < end)
		(void)mmap((void *)start, end - start, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* Where scripts/release/link.ld puts them. Not defined elsewhere, where all lies scattered: 0. */
extern const char footprint_cold_text[] __attribute__((weak));
extern const char footprint_scrape_text[] __attribute__((weak));
extern const char footprint_rare_text[] __attribute__((weak));
extern const char footprint_rare_text_end[] __attribute__((weak));
extern const char footprint_scrape_rodata[] __attribute__((weak));
extern const char footprint_rare_rodata[] __attribute__((weak));
extern const char footprint_rare_rodata_end[] __attribute__((weak));
extern const char footprint_cold_rodata_end[] __attribute__((weak));
extern const char footprint_loading_text[] __attribute__((weak));
extern const char footprint_loading_text_end[] __attribute__((weak));
extern const char footprint_loading_rodata[] __attribute__((weak));
extern const char footprint_loading_rodata_end[] __attribute__((weak));

struct range {
	const char *start;
	const char *end;
};

/* The pages that it begins and ends in may be of others too, which then fault once more. */
static void advise(const struct range *range, int advice)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)range->start & ~(page - 1);
	uintptr_t end = ((uintptr_t)range->end + page - 1) & ~(page - 1);

	if (start < end)
		(void)madvise((void *)start, end - start, advice);
}

/* Mappings of their own, beyond whose end the kernel maps no neighbours: what only errors and the
 * start call, and what a scrape calls, with which the rare ones behind it become one of their own
 * as well. Advice that changes nothing else: a core dump leaves out what is in the file anyway. */
static void set_apart(void)
{
	const struct range apart[] = {
		{ footprint_cold_text, footprint_loading_text },
		{ footprint_scrape_text, footprint_rare_text },
		{ footprint_scrape_rodata, footprint_rare_rodata },
		{ footprint_loading_rodata_end, footprint_cold_rodata_end },
	};

	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++)
		advise(&apart[i], MADV_DONTDUMP);
}

void footprint_drop_loading(const void *object, size_t object_bytes)
{
	drop_range((uintptr_t)object, (uintptr_t)object + object_bytes);
	drop_range((uintptr_t)footprint_loading_text, (uintptr_t)footprint_loading_text_end);
	drop_range((uintptr_t)footprint_loading_rodata, (uintptr_t)footprint_loading_rodata_end);
	set_apart();
}

void footprint_forget_rare(void)
{
	const struct range seldom[] = {
		{ footprint_cold_text, footprint_loading_text },
		{ footprint_scrape_text, footprint_rare_text_end },
		{ footprint_scrape_rodata, footprint_rare_rodata_end },
		{ footprint_loading_rodata_end, footprint_cold_rodata_end },
	};

	for (size_t i = 0; i < sizeof(seldom) / sizeof(seldom[0]); i++)
		advise(&seldom[i], MADV_DONTNEED);
}

void footprint_forget_start(void)
{
	(void)dl_iterate_phdr(forget_object, NULL);
}
