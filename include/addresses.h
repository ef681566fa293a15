/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes kc_addresses, the table in which the programs find a peer's slot by its address, and what
 * our own are, while they read it. Must not know what a slot is for.
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "kernel_memory.h"

/* Capacity for at most `count` addresses: a load of three quarters, 32 octets for each. In 60,000
 * tables of the default size, full of addresses as nodes have them, each of which then gave way to
 * another, none of 640 million found no place. At a load of four fifths some did, in 1 to 50 tables
 * of a thousand. */
uint32_t addresses_capacity(uint32_t count);

/* Addresses of this machine that the reflector answers at; a node has a few, a host of virtual
 * services thousands, which nobody probes. */
#define ADDRESSES_OWN_MAX 64

/* 0, or -ENOSPC: all places that the address may stand at are taken. An address stands once, be it
 * a peer's, our own or both. slot: a slot, or KC_SLOT_KNOWN. */
int addresses_insert(const struct kernel_memory *memory, const struct address *address,
		     uint32_t slot);
/* No peer's any more; it stays if it is our own. */
void addresses_remove(const struct kernel_memory *memory, const struct address *address);

/* Our own, or not any more: beside what peer it is, which is not touched. 0 or -ENOSPC. */
int addresses_set_own(const struct kernel_memory *memory, const struct address *address, bool own);

/* Fetches what the programs look at first to find it. Changes nothing. */
void addresses_expect(const struct kernel_memory *memory, const struct address *address);

/* 0 and the slot of the peer, or -ENOENT: nobody's, or of a peer that has none. */
int addresses_find(const struct kernel_memory *memory, const struct address *address,
		   uint32_t *ret_slot);

#endif
