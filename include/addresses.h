/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes kc_addresses, the table in which the programs find a peer's slot by its address, while
 * they read it. Must not know what a slot is for.
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stdint.h>

#include "address.h"
#include "kernel_memory.h"

/* Capacity for at most `count` addresses: a load of three eighths, 64 octets for each. */
uint32_t addresses_capacity(uint32_t count);

/* 0, or -ENOSPC: all places that the address may stand at are taken. An address stands once. */
int addresses_insert(const struct kernel_memory *memory, const struct address *address,
		     uint32_t slot);
void addresses_remove(const struct kernel_memory *memory, const struct address *address);

/* 0 and the slot, or -ENOENT. */
int addresses_find(const struct kernel_memory *memory, const struct address *address,
		   uint32_t *ret_slot);

#endif
