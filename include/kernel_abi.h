/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the two halves say to each other through maps: layouts only, no logic, shared with bpf/.
 * Field names are what `bpftool map dump` prints, so they are chosen for people.
 * All times are nanoseconds of CLOCK_MONOTONIC (bpf_ktime_get_ns); all sizes are asserted.
 */
#ifndef KERNEL_ABI_H
#define KERNEL_ABI_H

#include <linux/types.h>

/* t1_ns of a flight before the egress program and after the ingress program. Real stamps are
 * larger. */
#define KC_T1_ARMED 0 /* user space armed it, nothing left the machine yet */
#define KC_T1_TAKEN 1 /* a reply was paired with it */

/* One probe in flight. kc_flights[(slot * flows + flow) * window + (sequence & (window - 1))].
 * User space writes {t1_ns = ARMED, then nonce}; egress sets t1_ns once, ingress takes it once. */
struct kc_flight {
	__u64 nonce; /* 64 random bits, also in the packet; 0: nothing is in flight here */
	__u64 t1_ns;
};

enum kc_address_use {
	KC_ADDRESS_EMPTY = 0,	/* never used: a lookup may stop here */
	KC_ADDRESS_REMOVED = 1, /* used before: a lookup goes on */
	KC_ADDRESS_USED = 2,
};

/* An entry of the open-addressed table kc_addresses; see address_hash.h for where it stands. */
struct kc_address {
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 use;	  /* enum kc_address_use, written last */
	__u32 slot;
};

/* One peer, for people with bpftool: the kernel's own view of it. kc_peers[slot]. */
struct kc_peer {
	char address[48]; /* text; empty: the slot is free */
	__u64 sent;	  /* probes stamped at egress */
	__u64 returned;	  /* replies paired with a stamped probe, late ones included */
	__u64 reflected;  /* this peer's probes that we answered */
	__u64 last_rtt_ns;
	__u64 min_rtt_ns; /* 0 until the first reply */
};

/* What user space tells the programs while they run. kc_control[0]. */
struct kc_control {
	__u64 heartbeat_ns; /* programs are inert when this is older than config.inert_after_ns */
};

/* What the programs could not do. Each is exported. kc_counters[0]. */
struct kc_counters {
	__u64 ring_full;	  /* paired, but no room for the record: a dropped sample */
	__u64 rejected_source;	  /* our echo identifier from an address that is no peer's */
	__u64 rejected_truncated; /* too short to carry a nonce */
	__u64 rejected_nonce;	  /* no probe in flight with this sequence and nonce */
	__u64 rejected_checksum;
	__u64 rejected_unstamped; /* the probe it answers never passed our egress program */
};

enum kc_record_kind {
	KC_RETURNED = 1,  /* first reply to a stamped probe */
	KC_DUPLICATE = 2, /* a further one; t1_ns is KC_T1_TAKEN */
};

/* One reply, through the ring buffer kc_samples. */
struct kc_record {
	__u64 nonce; /* names the probe beyond doubt, whatever became of its slot meanwhile */
	__u64 t1_ns;
	__u64 t4_ns;
	__u32 slot;
	__u16 flow;
	__u16 sequence; /* low 16 bits */
	__u8 kind;	/* enum kc_record_kind */
	__u8 ttl;	/* of the reply as received */
	__u8 reserved[6];
};

/* Constants for the programs, in .rodata: known at load, so the verifier prunes by them. */
struct kc_config {
	__u64 inert_after_ns;
	__u32 window; /* probes in flight per flow, a power of two */
	__u32 flows;  /* per slot */
	__u32 address_capacity;
	__u32 hash_seed;
	__u16 icmp_id_be; /* identifier of our echo requests, network order */
	__u16 reserved[3];
};

_Static_assert(sizeof(struct kc_flight) == 16, "kc_flight");
_Static_assert(sizeof(struct kc_address) == 24, "kc_address");
_Static_assert(sizeof(struct kc_peer) == 88, "kc_peer");
_Static_assert(sizeof(struct kc_record) == 40, "kc_record");
_Static_assert(sizeof(struct kc_config) == 32, "kc_config");

#endif
