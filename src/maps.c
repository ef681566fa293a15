/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps in this process's memory, and the consumer of the ring buffer after
 * Documentation/bpf/ringbuf.rst. Never calls bpf(); must not know what a record means.
 */
#include "maps.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of 4096 octets at least: a page holds what is left of any record that wraps. */
_Static_assert(BPF_RINGBUF_HDR_SZ + sizeof(struct kc_record) <= 4096, "a record fits a page");

struct area {
	void *start; /* NULL: not mapped */
	size_t bytes;
};

struct maps {
	struct kernel_memory memory;
	struct area arrays[KERNEL_MAP_SAMPLES]; /* every map before the ring that is ours too */
	struct area consumer; /* the page of the consumer's position, ours to write */
	struct area producer; /* its position's page, the data, its first page again */
	size_t page_bytes;
	uint32_t filled_bytes; /* high-water mark */
};

static int area_open(int fd, size_t bytes, int protection, size_t offset, struct area *ret)
{
	void *start = mmap(NULL, bytes, protection, MAP_SHARED, fd, (off_t)offset);

	if (start == MAP_FAILED)
		return -errno;
	*ret = (struct area){ .start = start, .bytes = bytes };
	return 0;
}

static void area_close(const struct area *area)
{
	if (area->start)
		munmap(area->start, area->bytes);
}

static int maps_open_arrays(struct maps *maps, const struct kernel *kernel)
{
	const struct kernel_shape *shape = &maps->memory.shape;
	const size_t bytes[KERNEL_MAP_SAMPLES] = {
		[KERNEL_MAP_CONTROL] = sizeof(struct kc_control),
		[KERNEL_MAP_COUNTERS] = sizeof(struct kc_counters),
		[KERNEL_MAP_ADDRESSES] = sizeof(struct kc_address) * shape->address_capacity,
		[KERNEL_MAP_PEERS] = sizeof(struct kc_peer) * shape->slots,
		[KERNEL_MAP_FLIGHTS] = sizeof(struct kc_flight) * shape->slots * shape->flows *
				       shape->window,
		[KERNEL_MAP_SESSIONS] = 0, /* the programs' own */
	};

	for (int i = 0; i < KERNEL_MAP_SAMPLES; i++) {
		int err = 0;

		if (bytes[i] > 0)
			err = area_open(kernel->maps[i], bytes[i], PROT_READ | PROT_WRITE, 0,
					&maps->arrays[i]);
		if (err)
			return err;
	}
	maps->memory.control = maps->arrays[KERNEL_MAP_CONTROL].start;
	maps->memory.counters = maps->arrays[KERNEL_MAP_COUNTERS].start;
	maps->memory.addresses = maps->arrays[KERNEL_MAP_ADDRESSES].start;
	maps->memory.peers = maps->arrays[KERNEL_MAP_PEERS].start;
	maps->memory.flights = maps->arrays[KERNEL_MAP_FLIGHTS].start;
	return 0;
}

static int maps_open_ring(struct maps *maps, int fd)
{
	size_t page_bytes = maps->page_bytes;
	int err;

	err = area_open(fd, page_bytes, PROT_READ | PROT_WRITE, 0, &maps->consumer);
	if (err)
		return err;
	/* The kernel offers the data twice in a row, so that a record that wraps is still in one
	 * piece. No record is larger than a page: the first of the second time is enough. */
	return area_open(fd, page_bytes + maps->memory.shape.ring_bytes + page_bytes, PROT_READ,
			 page_bytes, &maps->producer);
}

int maps_open(const struct kernel *kernel, const struct kernel_shape *shape, struct maps **ret)
{
	struct maps *maps = calloc(1, sizeof(*maps));
	int err;

	if (!maps)
		return -ENOMEM;
	maps->memory.shape = *shape;
	maps->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	err = maps_open_arrays(maps, kernel);
	if (!err)
		err = maps_open_ring(maps, kernel->maps[KERNEL_MAP_SAMPLES]);
	if (err) {
		maps_close(maps);
		return err;
	}
	*ret = maps;
	return 0;
}

void maps_close(struct maps *maps)
{
	if (!maps)
		return;
	for (int i = 0; i < KERNEL_MAP_SAMPLES; i++)
		area_close(&maps->arrays[i]);
	area_close(&maps->consumer);
	area_close(&maps->producer);
	free(maps);
}

const struct kernel_memory *maps_memory(const struct maps *maps)
{
	return &maps->memory;
}

static const struct kc_record *record_at(const char *data, unsigned long offset)
{
	return (const void *)(data + offset + BPF_RINGBUF_HDR_SZ);
}

/* So far behind: long enough for memory to answer, and still in the caches when its turn comes. */
#define COMING_BYTES (3 * (sizeof(struct kc_record) + BPF_RINGBUF_HDR_SZ))

uint32_t maps_drain(struct maps *maps, maps_record_fn *on_coming, maps_record_fn *on_record,
		    void *ctx)
{
	unsigned long *consumer_position = maps->consumer.start;
	const unsigned long *producer_position = maps->producer.start;
	const char *data = (const char *)maps->producer.start + maps->page_bytes;
	unsigned long mask = maps->memory.shape.ring_bytes - 1ul;
	unsigned long position = *consumer_position;
	/* Read once: what is produced meanwhile waits for the next time, so this ends. */
	unsigned long end = __atomic_load_n(producer_position, __ATOMIC_ACQUIRE);
	uint32_t count = 0;

	if (end - position > maps->filled_bytes)
		maps->filled_bytes = (uint32_t)(end - position);
	while (position < end) {
		const char *header = data + (position & mask);
		uint32_t length = __atomic_load_n((const uint32_t *)(const void *)header,
						  __ATOMIC_ACQUIRE);
		uint32_t bytes = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (length & BPF_RINGBUF_BUSY_BIT)
			break;
		/* Equal only for a record that is ours and was not discarded. */
		if (length == sizeof(struct kc_record)) {
			if (on_coming && end - position > COMING_BYTES)
				on_coming(ctx, record_at(data, (position + COMING_BYTES) & mask));
			on_record(ctx, record_at(data, position & mask));
			count++;
		}
		position += (bytes + BPF_RINGBUF_HDR_SZ + 7ul) & ~7ul;
		/* Each on its own: a full ring has room again at once. */
		__atomic_store_n(consumer_position, position, __ATOMIC_RELEASE);
	}
	return count;
}

uint32_t maps_take_filled(struct maps *maps)
{
	uint32_t filled_bytes = maps->filled_bytes;

	maps->filled_bytes = 0;
	return filled_bytes;
}
