/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of bpf/ as functions of this process: what they are given, and what they did. Types
 * and two functions; must not know what is expected.
 */
#ifndef FUZZ_PROGRAMS_H
#define FUZZ_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_abi.h"

#define PROGRAMS_PACKET_MAX 16384

enum program {
	PROGRAM_EGRESS,
	PROGRAM_EGRESS_L3,
	PROGRAM_INGRESS,
	PROGRAM_INGRESS_L3,
	PROGRAM_REFLECT,
	PROGRAM_XDP,
	PROGRAMS,
};

/* The kernel around one packet. */
struct world {
	/* Maps, of the sizes that programs_config tells, which whoever runs them defines beside
	 * programs_identity: constants there. */
	struct kc_control *control;
	struct kc_counters *counters;
	struct kc_address *addresses;
	struct kc_peer *peers;
	struct kc_flight *flights;
	struct kc_session *sessions;
	uint32_t slots;
	/* The clock, as it is read one time after the other; the last stays. */
	uint64_t times_ns[2];
	uint32_t times_read;
	bool socket_exists;
	bool tunnelled;
	bool ring_full;
	bool memory_short;
	/* What came of it. */
	struct kc_record record;
	uint32_t records;
	uint32_t stores; /* calls that write into the packet */
};

/* A packet and what the kernel knows of it beside its octets. */
struct packet_facts {
	uint8_t *octets; /* of bytes, changed where the program does */
	size_t bytes;
	size_t linear; /* of these, those that can be accessed directly (tc) */
	uint16_t protocol_be;
	uint32_t pkt_type;
	uint32_t vlan_tci; /* 0: none */
	uint32_t gso_size;
};

/* Once. */
void programs_open(void);

/* The verdict. */
int programs_run(enum program program, struct world *world, struct packet_facts *packet);

#endif
