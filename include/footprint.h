/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stays resident of the program's own file. Must not know what the process does.
 */
#ifndef FOOTPRINT_H
#define FOOTPRINT_H

#include <stddef.h>

/* Lets go of all that was read of the program so far, the start's code and data for the most part:
 * what is still needed comes back as it is touched. Once, right before a process's loop, which the
 * release build keeps apart from what only the start calls (scripts/release/link.ld). Costs a few
 * page faults, no memory and no I/O while the file is cached. */
void footprint_forget_start(void);

/* The BPF object, and in the release build the code and constants that only loading it needs:
 * libbpf but for its system calls, and what it stands on. Nobody touches them again: their whole
 * pages become inaccessible, or they would come back with their neighbours, of which the kernel
 * maps as many as are cached. */
void footprint_drop_loading(const void *object, size_t object_bytes);

/* What is called now and then at most (scripts/release/hot-functions): scrapes, discovery, the web
 * page, attaching, errors. To be called when it has been, or again and again; costs nothing but
 * four system calls where it was not. Nothing outside the release build. */
void footprint_forget_rare(void);

#endif
