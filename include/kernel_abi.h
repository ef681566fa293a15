/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the two halves say to each other through maps: layouts only, no logic, shared with bpf/.
 * Field names are what `bpftool map dump` prints, so they are chosen for people.
 * All times are nanoseconds of CLOCK_MONOTONIC (bpf_ktime_get_ns); all sizes are asserted.
 */
#ifndef KERNEL_ABI_H
#define KERNEL_ABI_H

#include <linux/types.h>

/* t1_ns of a flight: before the egress program, after it, and after the ingress program. Stamps are
 * even. */
#define KC_T1_ARMED 0 /* user space armed it, nothing left the machine yet */
#define KC_T1_SEEN  1 /* bit beside a stamp: a reply with its nonce was seen, but not accepted */
#define KC_T1_TAKEN 1 /* a reply was paired with it, and took the stamp */

/* One probe in flight. STAMP: kc_flights[(slot * flows + flow) * window + (sequence & (window -
 * 1))]; ICMP: kc_flights[slot * flows * window + (sequence & (echo_window - 1))].
 * User space writes {t1_ns = ARMED, then nonce}; egress sets t1_ns once, ingress takes it once. */
struct kc_flight {
	__u64 nonce; /* 64 random bits, also in the packet; 0: nothing is in flight here */
	__u64 t1_ns;
};

enum kc_address_use {
	KC_ADDRESS_EMPTY = 0,	/* as all that follow in its bucket: a lookup goes no further */
	KC_ADDRESS_REMOVED = 1, /* used before: a lookup goes on */
	KC_ADDRESS_USED = 2,
};

/* An address that is no peer's: one of our own. */
#define KC_SLOT_NONE 0xffff
/* Of a peer that we do not probe: it may ask, but has no reply to give. */
#define KC_SLOT_KNOWN 0xfffe

/* An entry of kc_addresses; see address_hash.h for where it stands. It serves replies, as whose
 * they are, and the reflector, as who may ask and what are our own. */
struct kc_address {
	__u8 address[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 slot;	  /* or KC_SLOT_NONE, KC_SLOT_KNOWN */
	__u8 own;	  /* 1: an address of this machine, at which the reflector answers */
	__u8 use;	  /* enum kc_address_use, written last */
	/* The rate limit of what is reflected to this address: the theoretical arrival time of the
	 * generic cell rate algorithm, in units of 2^16 ns; the programs write it. */
	__u32 reflect_at;
};

/* One session that we reflect (RFC 8972 section 3), in an open-addressed table whose places are
 * taken over from the longest unused. kc_sessions[]. */
struct kc_session {
	__u64 key;     /* place in kc_addresses << 32 | source port << 16 | SSID; 0: free */
	__u32 count;   /* packets answered: the next reply's sequence; 0 in a free place */
	__u32 used_at; /* in units of 2^16 ns */
};

/* Number of flows, each a source port of its own, at most. */
#define KC_FLOWS_MAX 8

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
	__u64 heartbeat_ns;   /* programs are inert when this is older than config.inert_after_ns */
	__s64 real_offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC: for T2 and T3 */
	__u16 error_estimate_be; /* of that clock; see stamp.h */
	__u16 reserved[3];
};

/* What the programs could not do. Each is exported. kc_counters[0]. */
struct kc_counters {
	__u64 ring_full;	  /* paired, but no room for the record: a dropped sample */
	__u64 rejected_source;	  /* to our identifier or port, from an address that is no peer's */
	__u64 rejected_truncated; /* too short, or too long, or its lengths contradict each other */
	__u64 rejected_nonce;	  /* no probe in flight with this sequence and nonce */
	__u64 rejected_checksum;
	__u64 rejected_unstamped; /* the probe it answers never passed our egress program */
	__u64 rejected_residence; /* T3 before T2, or T3 - T2 above T4 - T1 */

	__u64 reflected; /* requests answered */
	/* Not sent to this host on the link, or not by one host; tagged for another device; or come
	 * through a tunnel whose far end only the metadata of each packet tells. */
	__u64 refused_host;
	__u64 refused_destination; /* to an address that is not our own */
	__u64 refused_source;	   /* from an address that is no peer's */
	/* From port 0, or from the port that our own reflector has: another one there would answer
	 * our answer. Of those at other ports it knows nothing: refused_loop. */
	__u64 refused_port;
	/* It has our own time where only a reply has one: what we once sent, come back from another
	 * reflector at whatever port or from an echo service. Each turn of a loop bears our T2 or
	 * T3 there, so it ends here with the first, whatever the other's clock says. */
	__u64 refused_loop;
	/* IP options, extension headers, fragments, or a TTL of 0: not as a host would send it. */
	__u64 refused_options;
	__u64 refused_length; /* shorter than STAMP_BYTES, or lengths that contradict each other */
	__u64 refused_socket; /* a local socket owns the port */
	__u64 refused_checksum; /* of IPv4's header or of UDP; over IPv6 also if UDP has none */
	__u64 refused_rate;	/* more than KC_REFLECT_RATE a second from this peer */
	__u64 refused_failed;	/* the kernel did not let it be rewritten */

	__u64 arrivals_stamped; /* records of KC_RETURNED whose T4 is by the kernel's own stamp */
};

/* To each peer; the burst is one second's. */
#define KC_REFLECT_RATE 100

enum kc_record_kind {
	KC_RETURNED = 1,  /* first reply to a stamped probe */
	KC_DUPLICATE = 2, /* a further one; t1_ns is KC_T1_TAKEN */
};

/* One reply, through the ring buffer kc_samples. */
struct kc_record {
	__u64 nonce; /* names the probe beyond doubt, whatever became of its slot meanwhile */
	__u64 t1_ns;
	__u64 t4_ns;
	__u64 residence_ns; /* T3 - T2; 0 for ICMP */
	__u32 slot;
	__u32 counter; /* the reflector's sequence; 0 for ICMP */
	__u16 flow;
	__u16 sequence;	 /* low 16 bits */
	__u8 kind;	 /* enum kc_record_kind */
	__u8 ttl;	 /* of the reply as received */
	__u8 sender_ttl; /* of the probe as the reflector received it; 0 for ICMP */
	__u8 reserved;
};

/* Constants for the programs, in .rodata: known at load, so the verifier prunes by them. */
struct kc_config {
	__u64 inert_after_ns;
	__u32 window;	   /* probes in flight per flow, a power of two */
	__u32 echo_window; /* per slot of an ICMP peer, which has one flow in the place of all */
	__u32 flows;	   /* per slot, at most KC_FLOWS_MAX */
	__u32 address_capacity;
	__u32 session_capacity;
	__u32 hash_seed;
	__u16 icmp_id_be;		   /* identifier of our echo requests, network order */
	__u16 stamp_port_be;		   /* of reflectors, ours and others' */
	__u16 flow_ports_be[KC_FLOWS_MAX]; /* source ports of our probes; 0: none */
	__u8 reflector;			   /* 1: requests are answered */
	__u8 tai_clock;			   /* 1: the kernel has bpf_ktime_get_tai_ns */
	__u8 reserved[2];
};

_Static_assert(sizeof(struct kc_flight) == 16, "kc_flight");
_Static_assert(sizeof(struct kc_address) == 24, "kc_address");
_Static_assert(sizeof(struct kc_peer) == 88, "kc_peer");
_Static_assert(sizeof(struct kc_session) == 16, "kc_session");
_Static_assert(sizeof(struct kc_control) == 24, "kc_control");
_Static_assert(sizeof(struct kc_record) == 48, "kc_record");
_Static_assert(sizeof(struct kc_config) == 56, "kc_config");

#endif
