/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the maps where there is no kernel half, writes into them what the programs would, and is the
 * producer of the ring. Must not know sockets, clocks, nor who reads the ring.
 */
#include "stand_in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "address_hash.h"
#include "instant.h"
#include "stamp.h"

/* Linux 6.3; without it hosts with vm.memfd_noexec=2 refuse. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif

/* Two readings of undisturbed clocks differ by what each is off, and by less than this. */
#define CLOCK_STEP_NS (10 * NS_PER_US)

#define RECORD_BYTES (BPF_RINGBUF_HDR_SZ + sizeof(struct kc_record))

_Static_assert(RECORD_BYTES % 8 == 0 && BPF_RINGBUF_HDR_SZ == 8, "a rest has room for a header");

struct stand_in {
	const struct kernel_memory *memory;
	struct kc_session *sessions;
	size_t sessions_bytes;
	char *ring; /* the consumer's page, the producer's page, the data */
	size_t ring_mapped_bytes;
	size_t page_bytes;
	int64_t offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC, by which stamps are told */
	bool offset_known;
	/* The same clock's, by the tightest of all readings since: against it steps are seen. */
	int64_t tightest_ns;
	int64_t tightest_error_ns;
};

/* --- the maps --- */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t sessions_size(const struct kernel_shape *shape)
{
	return sizeof(struct kc_session) * shape->session_capacity;
}

static int map_make(const char *name, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	int err;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int stand_in_make(const struct kernel_shape *shape, struct kernel *ret)
{
	const struct {
		const char *name;
		size_t bytes;
	} maps[KERNEL_MAPS] = {
		[KERNEL_MAP_CONTROL] = { "kc_control", sizeof(struct kc_control) },
		[KERNEL_MAP_COUNTERS] = { "kc_counters", sizeof(struct kc_counters) },
		[KERNEL_MAP_ADDRESSES] = { "kc_addresses",
					   sizeof(struct kc_address) * shape->address_capacity },
		[KERNEL_MAP_PEERS] = { "kc_peers", sizeof(struct kc_peer) * shape->slots },
		[KERNEL_MAP_FLIGHTS] = { "kc_flights", sizeof(struct kc_flight) * shape->slots *
							       shape->flows * shape->window },
		[KERNEL_MAP_SESSIONS] = { "kc_sessions", sessions_size(shape) },
		/* maps.c maps the data's first page once more behind it: no record wraps, so that
		 * nothing is ever read there. */
		[KERNEL_MAP_SAMPLES] = { "kc_samples", 3 * page_size() + shape->ring_bytes },
	};
	struct kernel kernel = KERNEL_NONE;

	for (int i = 0; i < KERNEL_MAPS; i++) {
		int fd = map_make(maps[i].name, maps[i].bytes);

		if (fd < 0) {
			while (i-- > 0)
				close(kernel.maps[i]);
			return fd;
		}
		kernel.maps[i] = fd;
	}
	*ret = kernel;
	return 0;
}

static int map_open(int fd, size_t bytes, void **ret)
{
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (start == MAP_FAILED)
		return -errno;
	*ret = start;
	return 0;
}

int stand_in_open(const struct kernel *kernel, const struct kernel_memory *memory,
		  struct stand_in **ret)
{
	struct stand_in *stand_in = calloc(1, sizeof(*stand_in));
	void *start = NULL;
	int err;

	if (!stand_in)
		return -ENOMEM;
	stand_in->memory = memory;
	stand_in->page_bytes = page_size();
	stand_in->sessions_bytes = sessions_size(&memory->shape);
	stand_in->ring_mapped_bytes = 2 * stand_in->page_bytes + memory->shape.ring_bytes;
	err = map_open(kernel->maps[KERNEL_MAP_SESSIONS], stand_in->sessions_bytes, &start);
	if (!err) {
		stand_in->sessions = start;
		err = map_open(kernel->maps[KERNEL_MAP_SAMPLES], stand_in->ring_mapped_bytes,
			       &start);
	}
	if (err) {
		stand_in_close(stand_in);
		return err;
	}
	stand_in->ring = start;
	*ret = stand_in;
	return 0;
}

void stand_in_close(struct stand_in *stand_in)
{
	if (!stand_in)
		return;
	if (stand_in->sessions)
		munmap(stand_in->sessions, stand_in->sessions_bytes);
	if (stand_in->ring)
		munmap(stand_in->ring, stand_in->ring_mapped_bytes);
	free(stand_in);
}

struct kc_session *stand_in_sessions(const struct stand_in *stand_in)
{
	return stand_in->sessions;
}

/* --- the ring --- */

/* False: no room. Documentation/bpf/ringbuf.rst; positions only ever grow. */
static bool ring_put(struct stand_in *stand_in, const struct kc_record *record)
{
	unsigned long *consumer_position = (void *)stand_in->ring;
	unsigned long *producer_position = (void *)(stand_in->ring + stand_in->page_bytes);
	char *data = stand_in->ring + 2 * stand_in->page_bytes;
	unsigned long capacity = stand_in->memory->shape.ring_bytes;
	unsigned long position = *producer_position;
	unsigned long rest = capacity - (position & (capacity - 1));
	unsigned long skipped = rest < RECORD_BYTES ? rest : 0;
	uint32_t header = sizeof(*record);
	char *place;

	if (position + skipped + RECORD_BYTES -
		    __atomic_load_n(consumer_position, __ATOMIC_ACQUIRE) >
	    capacity)
		return false;
	if (skipped > 0) {
		uint32_t discarded = (uint32_t)(skipped - BPF_RINGBUF_HDR_SZ) |
				     BPF_RINGBUF_DISCARD_BIT;

		memcpy(data + (position & (capacity - 1)), &discarded, sizeof(discarded));
		position += skipped;
	}
	place = data + (position & (capacity - 1));
	memcpy(place + BPF_RINGBUF_HDR_SZ, record, sizeof(*record));
	memcpy(place, &header, sizeof(header));
	__atomic_store_n(producer_position, position + RECORD_BYTES, __ATOMIC_RELEASE);
	return true;
}

/* --- the clock --- */

/* All that left and was not answered yet, of one flow or of all; returns whether there was any. */
static bool forget_stamps(struct stand_in *stand_in, uint32_t flow, uint32_t flows)
{
	const struct kernel_shape *shape = &stand_in->memory->shape;
	bool any = false;

	for (uint32_t slot = 0; slot < shape->slots; slot++) {
		struct kc_flight *first = &stand_in->memory->flights[(size_t)shape->window *
								     (slot * shape->flows + flow)];

		for (uint32_t i = 0; i < flows * shape->window; i++) {
			if (first[i].t1_ns <= KC_T1_TAKEN)
				continue;
			first[i].t1_ns = KC_T1_ARMED;
			any = true;
		}
	}
	return any;
}

bool stand_in_follow_clock(struct stand_in *stand_in, int64_t offset_ns, int64_t error_ns)
{
	int64_t moved_ns = offset_ns - stand_in->tightest_ns;
	int64_t tolerated_ns = CLOCK_STEP_NS + error_ns + stand_in->tightest_error_ns;
	bool first = !stand_in->offset_known;
	bool stepped = !first && (moved_ns > tolerated_ns || moved_ns < -tolerated_ns);

	/* A reading that was disturbed must not hide steps from those that come after it. */
	if (first || stepped || error_ns < stand_in->tightest_error_ns) {
		stand_in->tightest_ns = offset_ns;
		stand_in->tightest_error_ns = error_ns;
	}
	/* T1 and T4 by the same offset: what one reading of it is off is in no round-trip time. */
	if (!first && !stepped)
		return true;
	if (stepped)
		forget_stamps(stand_in, 0, stand_in->memory->shape.flows);
	stand_in->offset_ns = offset_ns;
	stand_in->offset_known = true;
	return first;
}

void stand_in_on_full(struct stand_in *stand_in, uint16_t flow)
{
	if (forget_stamps(stand_in, flow, 1))
		stand_in->memory->counters->ring_full++;
}

/* --- pairing, as the programs do it --- */

static bool find_slot(const struct stand_in *stand_in, const struct address *address,
		      uint32_t *ret_slot)
{
	const struct kernel_shape *shape = &stand_in->memory->shape;
	uint32_t words[4], hash;

	memcpy(words, address->octets, sizeof(words));
	hash = kc_address_hash(words, shape->hash_seed);
	for (uint32_t half = 0; half < 2; half++) {
		uint32_t bucket = kc_address_bucket(hash, shape->address_capacity, half);
		const struct kc_address *entry = &stand_in->memory->addresses[bucket];

		for (int i = 0; i < KC_ADDRESS_BUCKET && entry->use != KC_ADDRESS_EMPTY;
		     i++, entry++) {
			if (entry->use != KC_ADDRESS_USED ||
			    memcmp(entry->address, address->octets, sizeof(entry->address)) != 0)
				continue;
			*ret_slot = entry->slot;
			return entry->slot < shape->slots;
		}
	}
	return false;
}

static struct kc_flight *flight_of(const struct stand_in *stand_in, uint32_t slot,
				   const struct echoed *echoed)
{
	const struct kernel_shape *shape = &stand_in->memory->shape;

	return &stand_in->memory
			->flights[(size_t)shape->window * (slot * shape->flows + echoed->flow) +
				  (echoed->sequence & (shape->window - 1))];
}

void stand_in_on_left(struct stand_in *stand_in, const struct echoed *probe, int64_t t1_real_ns)
{
	int64_t t1_ns = t1_real_ns - stand_in->offset_ns;
	struct kc_flight *flight;
	uint32_t slot;

	/* Before this machine was up: by a clock that was set meanwhile. */
	if (t1_ns <= KC_T1_TAKEN || probe->nonce == 0 || !find_slot(stand_in, &probe->peer, &slot))
		return;
	flight = flight_of(stand_in, slot, probe);
	/* Only once: a packet may pass several devices, such as a tunnel's and the one below. */
	if (flight->nonce != probe->nonce || flight->t1_ns != KC_T1_ARMED)
		return;
	flight->t1_ns = ((uint64_t)t1_ns + KC_T1_SEEN) & ~(uint64_t)KC_T1_SEEN;
	stand_in->memory->peers[slot].sent++;
}

static uint64_t load_timestamp(const uint8_t octets[8])
{
	uint32_t words[2];

	memcpy(words, octets, sizeof(words));
	return (uint64_t)ntohl(words[0]) << 32 | ntohl(words[1]);
}

/* T3 - T2, in the format that the reply tells; negative if they are the wrong way round, or none.
 * Eras wrap. */
static int64_t residence_of(const struct stamp_reply *reply)
{
	uint64_t t2 = load_timestamp(reply->receive_timestamp);
	uint64_t t3 = load_timestamp(reply->timestamp);
	int64_t span = (int64_t)(t3 - t2);
	int64_t t2_ns = (int64_t)(t2 & UINT32_MAX), t3_ns = (int64_t)(t3 & UINT32_MAX);

	if (!(reply->error_estimate_be & htons(STAMP_PTP)))
		return span < 0 ? -1
				: (span >> 32) * NS_PER_SECOND +
					  (int64_t)(((uint64_t)(span & UINT32_MAX) *
						     NS_PER_SECOND) >>
						    32);
	if (t2_ns >= NS_PER_SECOND || t3_ns >= NS_PER_SECOND)
		return -1;
	return (int32_t)((t3 >> 32) - (t2 >> 32)) * NS_PER_SECOND + t3_ns - t2_ns;
}

static void update_peer(struct kc_peer *peer, uint64_t rtt_ns)
{
	peer->returned++;
	peer->last_rtt_ns = rtt_ns;
	if (peer->min_rtt_ns == 0 || rtt_ns < peer->min_rtt_ns)
		peer->min_rtt_ns = rtt_ns;
}

/* T1, KC_T1_TAKEN for a duplicate, or KC_T1_ARMED for what fails a check, which is counted. */
static uint64_t accept_reply(struct kc_flight *flight, struct kc_counters *counters,
			     const struct kc_record *record)
{
	uint64_t t1_ns = flight->t1_ns;
	int64_t residence_ns = (int64_t)record->residence_ns;

	if (record->nonce == 0 || flight->nonce != record->nonce) {
		counters->rejected_nonce++;
		return KC_T1_ARMED;
	}
	if (t1_ns == KC_T1_ARMED) {
		counters->rejected_unstamped++;
		return KC_T1_ARMED;
	}
	if (residence_ns < 0 ||
	    (t1_ns != KC_T1_TAKEN && residence_ns > (int64_t)record->t4_ns - (int64_t)t1_ns)) {
		counters->rejected_residence++;
		flight->t1_ns = t1_ns | KC_T1_SEEN;
		return KC_T1_ARMED;
	}
	flight->t1_ns = KC_T1_TAKEN;
	return t1_ns == KC_T1_TAKEN ? t1_ns : t1_ns & ~(uint64_t)KC_T1_SEEN;
}

void stand_in_on_reply(struct stand_in *stand_in, const struct stand_in_reply *reply)
{
	struct kc_counters *counters = stand_in->memory->counters;
	struct kc_record record = { .nonce = reply->echoed.nonce,
				    .flow = reply->echoed.flow,
				    .sequence = reply->echoed.sequence,
				    .ttl = reply->ttl };
	struct stamp_reply packet;

	if (!find_slot(stand_in, &reply->echoed.peer, &record.slot)) {
		counters->rejected_source++;
		return;
	}
	if (reply->length < sizeof(packet)) {
		counters->rejected_truncated++;
		return;
	}
	if (reply->t4_real_ns <= stand_in->offset_ns)
		return;
	memcpy(&packet, reply->payload, sizeof(packet));
	record.t4_ns = (uint64_t)(reply->t4_real_ns - stand_in->offset_ns);
	record.residence_ns = (uint64_t)residence_of(&packet);
	record.counter = ntohl(packet.sequence_be);
	record.sender_ttl = packet.sender_ttl;
	record.t1_ns = accept_reply(flight_of(stand_in, record.slot, &reply->echoed), counters,
				    &record);
	if (record.t1_ns == KC_T1_ARMED)
		return;
	record.kind = record.t1_ns == KC_T1_TAKEN ? KC_DUPLICATE : KC_RETURNED;
	if (record.kind == KC_RETURNED)
		update_peer(&stand_in->memory->peers[record.slot],
			    record.t4_ns - record.t1_ns - record.residence_ns);
	if (!ring_put(stand_in, &record))
		counters->ring_full++;
	else if (record.kind == KC_RETURNED)
		counters->arrivals_stamped++;
}
