/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF object: sized, loaded, its maps and programs as descriptors. The only includer of
 * libbpf's object API and of the skeleton. Loader side; must not know interfaces.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel_memory.h"
#include "stamp.h"

enum kernel_map {
	KERNEL_MAP_CONTROL,
	KERNEL_MAP_COUNTERS,
	KERNEL_MAP_ADDRESSES,
	KERNEL_MAP_PEERS,
	KERNEL_MAP_FLIGHTS,
	KERNEL_MAP_SESSIONS,
	KERNEL_MAP_SAMPLES,
	KERNEL_MAPS,
};

/* Ethernet or, on L3 devices such as tun or wireguard, packets that begin with the IP header. */
enum kernel_program {
	KERNEL_EGRESS_ETHERNET,
	KERNEL_EGRESS_L3,
	KERNEL_INGRESS_ETHERNET,
	KERNEL_INGRESS_L3,
	/* -1 as their descriptors unless asked for and accepted by the kernel: replies are paired
	 * by XDP, which never reflects, and tc only reflects. */
	KERNEL_INGRESS_XDP,
	KERNEL_REFLECT,
	KERNEL_PROGRAMS,
};

struct kernel_settings {
	struct kernel_shape shape;
	uint16_t icmp_id_be;
	uint16_t stamp_port_be;
	uint16_t flow_ports_be[KC_FLOWS_MAX]; /* 0 beyond shape.flows */
	bool reflector;
	struct stamp_identity identity; /* what the reflector says of itself */
	uint64_t inert_after_ns;
	bool with_xdp;	      /* it takes long to verify, and CAP_PERFMON on most kernels */
	const char *pin_path; /* NULL: not pinned */
};

/* What was made under the folder of pins: others may put theirs in its place. */
struct kernel_pins {
	dev_t device;
	ino_t files[KERNEL_MAPS]; /* 0: none */
	bool folder;
	int lock_fd; /* of the folder: it is ours while this is open; -1: nothing is pinned */
};

/* What is left of a loaded object once libbpf's memory is given back. */
struct kernel {
	int maps[KERNEL_MAPS];
	int programs[KERNEL_PROGRAMS];
	struct kernel_pins pins;
};

/* Nothing in it, for kernel_close. */
#define KERNEL_NONE                                                         \
	((struct kernel){ .maps = { [0 ... KERNEL_MAPS - 1] = -1 },         \
			  .programs = { [0 ... KERNEL_PROGRAMS - 1] = -1 }, \
			  .pins.lock_fd = -1 })

/* 0 or -errno, which is the caller's to tell; libbpf's own words go to the log at debug. */
int kernel_open(const struct kernel_settings *settings, struct kernel *ret);
/* The BPF object within the program: nobody but kernel_open reads it. */
const void *kernel_object(size_t *ret_bytes);
void kernel_close(struct kernel *kernel);
/* One half of it: each of the two processes keeps only what it uses. Pins go with the programs. */
void kernel_close_maps(struct kernel *kernel);
void kernel_close_programs(struct kernel *kernel);
/* Removes the pins that kernel_open made under pin_path, and the folder if it made that. */
void kernel_unpin(const struct kernel_pins *pins, const char *pin_path);

#endif
