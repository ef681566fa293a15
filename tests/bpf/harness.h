/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of bpf/ loaded with small maps that are mapped here, and run over one packet at a
 * time by BPF_PROG_TEST_RUN; nothing is ever attached to an interface. Must not know what is
 * expected.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "address_hash.h"
#include "kernel_abi.h"
#include "packets.h"
#include "stamp_packets.h"

#pragma GCC diagnostic push /* generated: not in our style */
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "canary.skel.h"
#pragma GCC diagnostic pop

#define SLOTS		 4
#define FLOWS		 2
#define WINDOW		 8
#define ECHO_WINDOW	 (FLOWS * WINDOW)
#define SESSION_CAPACITY 8 /* so that every place is tried for every session */
#define ADDRESS_CAPACITY (6 * KC_ADDRESS_BUCKET)
#define HASH_SEED	 0x5eed
#define INERT_AFTER_NS	 3000000000ULL
#define RING_BYTES	 4096
#define RECORDS_MAX	 128
/* In the environment: as if the kernel had none. */
#define HARNESS_NO_TAI_CLOCK "HARNESS_NO_TAI_CLOCK"
#define SLOT_IPV4	     1
#define SLOT_IPV6	     2
/* Of the real clock, in the next era of NTP's: 2042. */
#define REAL_OFFSET_NS 2272147200123456789LL

struct harness {
	struct canary_bpf *skeleton;
	struct kc_control *control;
	struct kc_counters *counters;
	struct kc_address *addresses;
	struct kc_peer *peers;
	struct kc_flight *flights;
	struct kc_session *sessions;
	struct ring_buffer *ring;
	struct kc_record records[RECORDS_MAX]; /* the last harness_drain */
	unsigned record_count;
};

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static inline int on_record(void *ctx, void *data, size_t bytes)
{
	struct harness *harness = ctx;

	assert_int_equal(bytes, sizeof(struct kc_record));
	assert_true(harness->record_count < RECORDS_MAX);
	memcpy(&harness->records[harness->record_count++], data, bytes);
	return 0;
}

static inline unsigned harness_drain(struct harness *harness)
{
	harness->record_count = 0;
	assert_true(ring_buffer__consume(harness->ring) >= 0);
	return harness->record_count;
}

#define ADDRESS_PLACES (2 * KC_ADDRESS_BUCKET)

/* Where an address stands if its first `skip` places, of ADDRESS_PLACES, are not free. */
static inline struct kc_address *harness_place(struct harness *harness, const uint8_t octets[16],
					       uint32_t skip)
{
	uint32_t words[4], place;

	assert_true(skip < ADDRESS_PLACES);
	memcpy(words, octets, sizeof(words));
	place = kc_address_bucket(kc_address_hash(words, HASH_SEED), ADDRESS_CAPACITY,
				  skip / KC_ADDRESS_BUCKET);
	return &harness->addresses[place + skip % KC_ADDRESS_BUCKET];
}

static inline struct kc_address *harness_insert(struct harness *harness, const uint8_t octets[16],
						uint16_t slot)
{
	struct kc_address *place;
	uint32_t skip = 0;

	do
		place = harness_place(harness, octets, skip++);
	while (place->use != KC_ADDRESS_EMPTY);
	memcpy(place->address, octets, 16);
	place->slot = slot;
	place->own = slot == KC_SLOT_NONE;
	place->use = KC_ADDRESS_USED;
	return place;
}

static inline void harness_map_ipv4(const uint8_t ipv4[4], uint8_t octets[16])
{
	memset(octets, 0, 16);
	octets[10] = octets[11] = 0xff;
	memcpy(octets + 12, ipv4, 4);
}

/* Two peers and an address of our own in either family, nothing in flight, no session, counters at
 * zero, an empty ring, user space alive. */
static inline void harness_reset(struct harness *harness)
{
	uint8_t mapped[16];

	memset(harness->counters, 0, sizeof(*harness->counters));
	memset(harness->addresses, 0, ADDRESS_CAPACITY * sizeof(*harness->addresses));
	memset(harness->peers, 0, SLOTS * sizeof(*harness->peers));
	memset(harness->flights, 0, SLOTS * FLOWS * WINDOW * sizeof(*harness->flights));
	memset(harness->sessions, 0, SESSION_CAPACITY * sizeof(*harness->sessions));
	harness_map_ipv4(ipv4_peer, mapped);
	harness_insert(harness, mapped, SLOT_IPV4);
	harness_insert(harness, ipv6_peer, SLOT_IPV6);
	harness_map_ipv4(ipv4_own, mapped);
	harness_insert(harness, mapped, KC_SLOT_NONE);
	harness_insert(harness, ipv6_own, KC_SLOT_NONE);
	*harness->control = (struct kc_control){ .heartbeat_ns = now_ns(),
						 .real_offset_ns = REAL_OFFSET_NS,
						 .error_estimate_be = htons(ERROR_ESTIMATE + 1) };
	harness_drain(harness);
}

static inline void *harness_map(const struct bpf_map *map, size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return memory == MAP_FAILED ? NULL : memory;
}

__attribute__((format(printf, 2, 0))) static inline int
harness_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, format, arguments) : 0;
}

static inline struct stamp_identity harness_identity(void)
{
	struct stamp_identity identity = { .version = 1,
					   .capabilities = 1,
					   .name_length = sizeof(identity.name),
					   .zone_length = 3,
					   .zone = "z\"\n" };

	for (size_t i = 0; i < sizeof(identity.name); i++)
		identity.name[i] = (char)('a' + i % 23);
	return identity;
}

static inline void harness_configure(struct canary_bpf *skeleton, bool reflector)
{
	struct stamp_identity identity = harness_identity();
	struct kc_config config = {
		.inert_after_ns = INERT_AFTER_NS,
		.window = WINDOW,
		.echo_window = ECHO_WINDOW,
		.flows = FLOWS,
		.address_capacity = ADDRESS_CAPACITY,
		.session_capacity = SESSION_CAPACITY,
		.hash_seed = HASH_SEED,
		.icmp_id_be = htons(PACKET_ID),
		.stamp_port_be = htons(STAMP_PORT),
		.reflector = reflector,
		.tai_clock = !getenv(HARNESS_NO_TAI_CLOCK) &&
			     libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS,
						     BPF_FUNC_ktime_get_tai_ns, NULL) == 1,
	};

	for (unsigned flow = 0; flow < FLOWS; flow++)
		config.flow_ports_be[flow] = htons((uint16_t)(FLOW_PORT + flow));
	memcpy(&skeleton->rodata->config, &config, sizeof(config));
	memcpy(&skeleton->rodata->identity, &identity, sizeof(identity));
	bpf_map__set_max_entries(skeleton->maps.kc_sessions, SESSION_CAPACITY);
	bpf_map__set_max_entries(skeleton->maps.kc_addresses, ADDRESS_CAPACITY);
	bpf_map__set_max_entries(skeleton->maps.kc_peers, SLOTS);
	bpf_map__set_max_entries(skeleton->maps.kc_flights, SLOTS * FLOWS * WINDOW);
	bpf_map__set_max_entries(skeleton->maps.kc_samples, RING_BYTES);
}

static inline void harness_close(struct harness *harness)
{
	if (!harness)
		return;
	ring_buffer__free(harness->ring);
	canary_bpf__destroy(harness->skeleton);
	free(harness);
}

/* NULL with errno where this is not root's machine, or BPF is out of reach. */
static inline struct harness *harness_open(bool reflector)
{
	struct harness *harness = calloc(1, sizeof(*harness));
	struct canary_bpf *skeleton;

	libbpf_set_print(harness_quiet);
	skeleton = harness->skeleton = canary_bpf__open();
	if (!skeleton)
		goto out;
	harness_configure(skeleton, reflector);
	if (canary_bpf__load(skeleton) != 0)
		goto out;
	harness->control = harness_map(skeleton->maps.kc_control, sizeof(*harness->control));
	harness->counters = harness_map(skeleton->maps.kc_counters, sizeof(*harness->counters));
	harness->addresses = harness_map(skeleton->maps.kc_addresses,
					 ADDRESS_CAPACITY * sizeof(*harness->addresses));
	harness->peers = harness_map(skeleton->maps.kc_peers, SLOTS * sizeof(*harness->peers));
	harness->flights = harness_map(skeleton->maps.kc_flights,
				       SLOTS * FLOWS * WINDOW * sizeof(*harness->flights));
	harness->sessions = harness_map(skeleton->maps.kc_sessions,
					SESSION_CAPACITY * sizeof(*harness->sessions));
	harness->ring = ring_buffer__new(bpf_map__fd(skeleton->maps.kc_samples), on_record, harness,
					 NULL);
	if (harness->control && harness->counters && harness->addresses && harness->peers &&
	    harness->flights && harness->sessions && harness->ring)
		return harness;
out:
	harness_close(harness);
	return NULL;
}

/* As harness_run_freely(), of a packet of tc's about which the kernel knows more than its octets:
 * its stamp of arrival, and what the programs noted in cb, which stays with it. */
static inline int harness_run_knowing(const struct bpf_program *program, const uint8_t *octets,
				      size_t bytes, struct __sk_buff *known, struct frame *ret)
{
	struct __sk_buff out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = octets, .data_size_in = (uint32_t)bytes,
		    .data_out = ret->octets, .data_size_out = sizeof(ret->octets), .repeat = 1);

	if (known) {
		options.ctx_in = known;
		options.ctx_size_in = sizeof(*known);
		options.ctx_out = &out;
		options.ctx_size_out = sizeof(out);
	}
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0);
	if (known)
		memcpy(known->cb, out.cb, sizeof(known->cb));
	ret->bytes = options.data_size_out;
	return (int)options.retval;
}

/* Runs a program once, whatever it does: its verdict, and the packet as it came out of it. */
static inline int harness_run_freely(const struct bpf_program *program, const uint8_t *octets,
				     size_t bytes, struct frame *ret)
{
	return harness_run_knowing(program, octets, bytes, NULL, ret);
}

static inline bool is_xdp(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_XDP;
}

/* Runs a program once. The packet must come out as it went in, with the verdict that leaves it to
 * others; only a request that is reflected does not, see stamp_harness.h. */
static inline void harness_run(const struct bpf_program *program, const uint8_t *octets,
			       size_t bytes)
{
	struct frame out;

	assert_int_equal(harness_run_freely(program, octets, bytes, &out),
			 is_xdp(program) ? 2 /* XDP_PASS */ : TC_ACT_UNSPEC);
	assert_int_equal(out.bytes, bytes);
	assert_memory_equal(out.octets, octets, bytes);
}

/* The programs that a shape concerns, ended by NULL. */
struct programs {
	const struct bpf_program *egress;
	const struct bpf_program *ingress[3];
};

static inline struct programs programs_of(const struct harness *harness, const struct shape *shape)
{
	const struct canary_bpf *skeleton = harness->skeleton;

	if (shape->no_ethernet)
		return (struct programs){ skeleton->progs.kc_egress_l3,
					  { skeleton->progs.kc_ingress_l3 } };
	return (struct programs){ skeleton->progs.kc_egress,
				  { skeleton->progs.kc_ingress, skeleton->progs.kc_ingress_xdp } };
}

static inline uint16_t slot_of(const struct shape *shape)
{
	return shape->ipv6 ? SLOT_IPV6 : SLOT_IPV4;
}

static inline struct kc_flight *flight_at(struct harness *harness, const struct shape *shape)
{
	return &harness->flights[slot_of(shape) * FLOWS * WINDOW + SEQUENCE % ECHO_WINDOW];
}

/* A probe in flight; t1_ns KC_T1_ARMED as user space leaves it, else as egress does. */
static inline struct kc_flight *arm(struct harness *harness, const struct shape *shape,
				    uint64_t t1_ns)
{
	struct kc_flight *flight = flight_at(harness, shape);

	harness_reset(harness);
	*flight = (struct kc_flight){ .nonce = NONCE, .t1_ns = t1_ns };
	return flight;
}

/* Padded if it is short, as Ethernet does it; BPF_PROG_TEST_RUN too wants whole IP headers after
 * 14 octets. */
static inline void run_frame(const struct bpf_program *program, const struct frame *frame)
{
	harness_run(program, frame->octets, frame->bytes < 60 ? 60 : frame->bytes);
}

#define NO_COUNTER    SIZE_MAX
#define COUNTER(name) offsetof(struct kc_counters, name)

/* One at 1, the others at 0. */
static inline void assert_only_counter(const struct harness *harness, size_t offset)
{
	static const struct kc_counters zero;

	for (size_t i = 0; i < sizeof(zero); i += sizeof(uint64_t)) {
		uint64_t value;

		memcpy(&value, (const char *)harness->counters + i, sizeof(value));
		assert_int_equal(value, i == offset ? 1 : 0);
	}
}

/* Group set-up: *state stays NULL where we may load nothing, and then every test is skipped. What
 * the kernel refuses for another reason is a defect. */
static inline int open_harness(void **state)
{
	*state = harness_open(true);
	if (*state)
		return 0;
	print_message("BPF programs cannot be loaded here (%s; V=1 tells more)\n", strerror(errno));
	return errno == EPERM || errno == ENOSYS ? 0 : -1;
}

static inline int close_harness(void **state)
{
	harness_close(*state);
	return 0;
}

static inline struct harness *harness_or_skip(void **state)
{
	if (!*state)
		skip();
	return *state;
}

#endif
