/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf/ compiled for user space, over helpers that do what the kernel's do (net/core/filter.c), and
 * insist on what the verifier insists on. Must not know what is expected of the programs.
 */
/* Checked, and in no way of the compiler's: clang 14 breaks down over UBSan's check of it. */
static inline const void *aligned(const void *place, unsigned long bytes)
{
	if ((unsigned long)place % bytes != 0)
		__builtin_trap();
	return place;
}

#define __builtin_assume_aligned(place, bytes) aligned(place, bytes)
#define config				       programs_config /* their .rodata, told by whoever runs them */
#define identity			       programs_identity
#include "canary.bpf.c"
#undef config
#undef identity

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "programs.h"

#define ROOM_BYTES (2 * PROGRAMS_PACKET_MAX)

static struct world *world;
static struct packet_facts *packet;
/* Where the programs access octets directly: below 4 GiB, as a context tells addresses in 32 bits.
 * The rest of it is poisoned. */
static __u8 *room;
static __u8 *linear;

void programs_open(void)
{
	room = mmap(NULL, ROOM_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	require(room != MAP_FAILED);
	ASAN_POISON_MEMORY_REGION(room, ROOM_BYTES);
}

static bool holds(__u32 offset, __u32 bytes)
{
	return offset <= 0x7fffffff && offset <= packet->bytes && bytes <= packet->bytes - offset;
}

static void *element(void *entries, size_t size, __u32 index, __u32 capacity)
{
	return index < capacity ? (char *)entries + size * index : NULL;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 index = *(const __u32 *)key;
	__u32 flights = world->slots * programs_config.flows * programs_config.window;

	if (map == &kc_control)
		return element(world->control, sizeof(*world->control), index, 1);
	if (map == &kc_counters)
		return element(world->counters, sizeof(*world->counters), index, 1);
	if (map == &kc_addresses)
		return element(world->addresses, sizeof(*world->addresses), index,
			       programs_config.address_capacity);
	if (map == &kc_peers)
		return element(world->peers, sizeof(*world->peers), index, world->slots);
	if (map == &kc_flights)
		return element(world->flights, sizeof(*world->flights), index, flights);
	require(map == &kc_sessions);
	return element(world->sessions, sizeof(*world->sessions), index,
		       programs_config.session_capacity);
}

__u64 bpf_ktime_get_ns(void)
{
	return world->times_ns[world->times_read == 0 ? world->times_read++ : 1];
}

/* No packet here has a stamp, of which this would tell the age. */
__u64 bpf_ktime_get_tai_ns(void)
{
	require(false);
	return 0;
}

long bpf_skb_load_bytes(const void *skb, __u32 offset, void *to, __u32 bytes)
{
	(void)skb;
	require(bytes > 0 && bytes <= 512); /* the stack */
	if (!holds(offset, bytes)) {
		memset(to, 0, bytes);
		return -14; /* EFAULT */
	}
	memcpy(to, packet->octets + offset, bytes);
	return 0;
}

static void write_octets(__u32 offset, const void *from, __u32 bytes)
{
	world->stores++;
	memcpy(packet->octets + offset, from, bytes);
	for (__u32 i = 0; i < bytes && offset + i < packet->linear; i++)
		linear[offset + i] = ((const __u8 *)from)[i];
}

long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 bytes,
			 __u64 flags)
{
	(void)skb;
	require(bytes > 0 && bytes <= 512 && (flags & ~(__u64)BPF_F_RECOMPUTE_CSUM) == 0);
	/* What was pulled cannot fail: see writing.bpf.h. */
	require(holds(offset, bytes));
	write_octets(offset, from, bytes);
	return 0;
}

long bpf_skb_pull_data(struct __sk_buff *skb, __u32 bytes)
{
	(void)skb;
	return bytes <= packet->bytes && !world->memory_short ? 0 : -12; /* ENOMEM */
}

long bpf_skb_get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, __u32 bytes,
			    __u64 flags)
{
	(void)skb;
	require(flags == 0);
	memset(key, 0, bytes);
	return world->tunnelled ? 0 : -22; /* EINVAL */
}

static __u32 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u32)sum;
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_bytes, __be32 *to, __u32 to_bytes, __u32 seed)
{
	__u64 sum = seed;

	require((from_bytes | to_bytes) % 4 == 0 && from_bytes + to_bytes <= 512);
	for (__u32 i = 0; i < from_bytes / 4; i++)
		sum += (__u32)~from[i];
	for (__u32 i = 0; i < to_bytes / 4; i++)
		sum += to[i];
	return fold(sum);
}

/* Where a checksum stands: at an even place, in the packet. */
static bool load_sum(__u32 offset, __u16 *ret)
{
	if (offset > 0xffff || offset & 1 || !holds(offset, 2))
		return false;
	memcpy(ret, packet->octets + offset, 2);
	return true;
}

long bpf_l3_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	__u16 sum;

	(void)skb;
	require(flags == 2 && load_sum(offset, &sum));
	sum = (__u16)~fold((__u64)(__u16)~sum + (__u16)~from + (__u16)to);
	write_octets(offset, &sum, 2);
	return 0;
}

long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	__u16 sum;

	(void)skb;
	require(flags == BPF_F_MARK_MANGLED_0 && from == 0 && load_sum(offset, &sum));
	if (sum == 0)
		return 0;
	sum = (__u16)~fold((__u64)(__u16)~sum + to);
	if (sum == 0)
		sum = 0xffff;
	write_octets(offset, &sum, 2);
	return 0;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	require(ifindex == 1 && flags == 0); /* back where it came from, out of the device */
	return TC_ACT_REDIRECT;
}

struct bpf_sock *bpf_sk_lookup_udp(void *ctx, struct bpf_sock_tuple *tuple, __u32 bytes,
				   __u64 netns, __u64 flags)
{
	static struct bpf_sock sock;

	(void)ctx;
	require((bytes == sizeof(tuple->ipv4) || bytes == sizeof(tuple->ipv6)) &&
		(__s32)netns == -1 && flags == 0);
	return world->socket_exists ? &sock : NULL;
}

long bpf_sk_release(void *sock)
{
	require(sock);
	return 0;
}

void *bpf_ringbuf_reserve(void *ring, __u64 bytes, __u64 flags)
{
	require(ring == &kc_samples && bytes == sizeof(world->record) && flags == 0);
	return world->ring_full ? NULL : &world->record;
}

void bpf_ringbuf_submit(void *record, __u64 flags)
{
	require(record == &world->record && flags == BPF_RB_NO_WAKEUP);
	world->records++;
}

static int run_skb(enum program program, size_t bytes)
{
	struct __sk_buff skb = {
		.len = (__u32)packet->bytes,
		.pkt_type = packet->pkt_type,
		.protocol = packet->protocol_be,
		.vlan_present = packet->vlan_tci != 0,
		.vlan_tci = packet->vlan_tci,
		.ifindex = 1,
		.gso_size = packet->gso_size,
		.data = (__u32)(unsigned long)linear,
		.data_end = (__u32)(unsigned long)(linear + bytes),
	};

	switch (program) {
	case PROGRAM_EGRESS:
		return kc_egress(&skb);
	case PROGRAM_EGRESS_L3:
		return kc_egress_l3(&skb);
	case PROGRAM_INGRESS:
		return kc_ingress(&skb);
	case PROGRAM_INGRESS_L3:
		return kc_ingress_l3(&skb);
	default:
		return kc_reflect(&skb);
	}
}

int programs_run(enum program program, struct world *around, struct packet_facts *with)
{
	size_t bytes = program == PROGRAM_XDP ? with->bytes : with->linear;
	int verdict;

	world = around;
	packet = with;
	require(bytes <= PROGRAMS_PACKET_MAX && bytes <= with->bytes);
	/* Aligned as the kernel does it: IP stands at a multiple of four. */
	linear = room + 64;
	if (program != PROGRAM_EGRESS_L3 && program != PROGRAM_INGRESS_L3)
		linear += 2;
	ASAN_UNPOISON_MEMORY_REGION(linear, bytes);
	memcpy(linear, with->octets, bytes);
	world->records = world->stores = world->times_read = 0;
	if (program == PROGRAM_XDP) {
		struct xdp_md xdp = { .data = (__u32)(unsigned long)linear,
				      .data_end = (__u32)(unsigned long)(linear + bytes) };

		verdict = kc_ingress_xdp(&xdp);
	} else {
		verdict = run_skb(program, bytes);
	}
	ASAN_POISON_MEMORY_REGION(room, ROOM_BYTES);
	return verdict;
}
