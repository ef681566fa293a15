/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets go of the pages of the program's file that the start has touched: the BPF object, libbpf's
 * code, relocations. Must not know what the process does. A failure costs memory only.
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

void footprint_forget_start(void)
{
	(void)dl_iterate_phdr(forget_object, NULL);
}
