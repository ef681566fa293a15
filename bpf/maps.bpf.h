/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory that both halves share, how it is touched, and the constants that user space settles
 * before load. All arrays are of fixed size and mmap-able: nothing here grows with traffic or with
 * CPUs. Layouts: kernel_abi.h. Must not know packets.
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>

#include "kernel_abi.h"
#include "place.bpf.h"
#include "stamp.h"

/* Read-only and known at load: the verifier sees values, not variables. */
const volatile struct kc_config config SEC(".rodata");
/* What the reflector says of itself. */
const volatile struct stamp_identity identity SEC(".rodata");

/* User space sets every max_entries before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_control);
} kc_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_counters);
} kc_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_address);
} kc_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_peer);
} kc_peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_flight);
} kc_flights SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kc_session);
} kc_sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} kc_samples SEC(".maps");

/* The other half reads and writes these at any time. */
#define READ_ONCE(place)	 (*(const volatile __typeof__(place) *)&(place))
#define WRITE_ONCE(place, value) (*(volatile __typeof__(place) *)&(place) = (value))

/* One more, at a distance from the map's value that is part of the instruction: where the compiler
 * makes one addition of several counters', the verifier without CAP_PERFMON refuses it. */
#define count(entry, field) count_at(entry, offsetof(__typeof__(*(entry)), field))

static __always_inline void count_at(void *entry, const __u32 offset)
{
#ifdef __bpf__
	asm volatile("lock *(u64 *)(%0 + %1) += %2"
		     :
		     : "r"(entry), "i"(offset), "r"(1ULL)
		     : "memory");
#else /* tests/fuzz */
	__sync_fetch_and_add((__u64 *)(entry + offset), 1);
#endif
}

struct array_key {
	__u32 before;
	__u32 index;
} PLACE;

static __always_inline void *array_at(void *array, __u32 index)
{
	struct array_key key;

	key.index = index;

	return bpf_map_lookup_elem(array, &key.index);
}

/* Without user space behind them the programs do nothing, whatever is left attached. */
static __always_inline bool is_inert(__u64 now_ns)
{
	const struct kc_control *control = array_at(&kc_control, 0);

	/* On either side: another CPU may have written a heartbeat after we read the clock. One
	 * that is further ahead is by another clock, and would keep us awake for long. */
	return !control || now_ns - READ_ONCE(control->heartbeat_ns) + config.inert_after_ns >
				   2 * config.inert_after_ns;
}

#endif
