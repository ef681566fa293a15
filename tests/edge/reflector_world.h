/* SPDX-License-Identifier: Apache-2.0 */
/* The user-space reflector on loopback, and those who ask it, in a network namespace of the test's
 * own; where none may be made, over the host's own loopback, without IPv6 and forgeries. */
#ifndef REFLECTOR_WORLD_H
#define REFLECTOR_WORLD_H

#include "edge/stamp_responder.h"

#include <linux/ipv6.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "loop.h"
#include "octets.h"
#include "reflector_state.h"
#include "sim/fake_memory.h"

#define SLOTS		4
#define SLOT_OF(family) (1 + (uint32_t)(family))
#define REPLY_NONE_MS	20 /* that no reply came: loopback delivers before sending returns */
#define ESTIMATE	0x1234
#define COUNTER(name)	offsetof(struct kc_counters, name)
#define FOR_EACH_FAMILY(world, family)             \
	for (int family = 0; family < 2; family++) \
		if ((world)->askers[family] >= 0)

struct world {
	struct kernel_memory memory;
	struct stamp_identity identity;
	struct reflector *reflector;
	uint16_t port_be;
	int askers[2]; /* bound to the peers' addresses; -1: no such family */
	bool is_own;   /* a namespace of its own */
};

static const char *const own_texts[2] = { "127.0.0.1", "fd00::1" };
static const char *const peer_texts[2] = { "127.0.0.2", "fd00::2" };
static const char *const stranger_texts[2] = { "127.0.0.3", "fd00::3" };
/* Of the host too, but not told to the reflector. */
static const char *const other_texts[2] = { "127.0.0.4", "fd00::4" };

/* 0 or -errno. */
static inline int lo_set_mtu(int mtu)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = ioctl(fd, SIOCSIFMTU, &request) < 0 ? -errno : 0;

	close(fd);
	return err;
}

static inline void lo_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static inline void lo_add_ipv6(const char *text)
{
	struct in6_ifreq request = { .ifr6_prefixlen = 128, .ifr6_ifindex = 1 };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	inet_pton(AF_INET6, text, &request.ifr6_addr);
	ioctl(fd, SIOCSIFADDR, &request);
	close(fd);
}

/* Once for each program; nothing of it is left when that ends. */
static inline bool world_is_own(void)
{
	static int known = -1;

	if (known >= 0)
		return known;
	known = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!known)
		return false;
	lo_up();
	for (int i = 1; i <= 4; i++) {
		char text[8];

		snprintf(text, sizeof(text), "fd00::%d", i);
		lo_add_ipv6(text);
	}
	return true;
}

/* The kernel begins to stamp a little after the first socket wants it: one that wants it as long as
 * the program runs. */
static inline void await_stamps(void)
{
	static int fd = -1;
	int on = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	uint16_t port_be = 0;
	socklen_t length;
	union endpoint self;

	if (fd >= 0)
		return;
	fd = bound_socket("127.0.0.1", &port_be);
	self = endpoint_of("127.0.0.1", port_be, &length);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &on, sizeof(on)), 0);
	for (int i = 0; i < WAIT_MS; i++) {
		_Alignas(struct cmsghdr) char control[256];
		struct msghdr header = { .msg_control = control,
					 .msg_controllen = sizeof(control) };

		assert_int_equal(sendto(fd, "", 0, 0, &self.any, length), 0);
		assert_int_equal(recvmsg(fd, &header, 0), 0);
		for (struct cmsghdr *one = CMSG_FIRSTHDR(&header); one;
		     one = CMSG_NXTHDR(&header, one))
			if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SO_TIMESTAMPING)
				return;
		poll(NULL, 0, 1);
	}
	fail_msg("the kernel stamps nothing");
}

static inline uint16_t free_port_be(void)
{
	uint16_t port_be = 0;
	int fd = bound_socket("0.0.0.0", &port_be);

	close(fd);
	return port_be;
}

static inline void world_tell_addresses(struct world *world)
{
	for (int family = 0; family < 2; family++) {
		struct address own = address_of(own_texts[family]);
		struct address peer = address_of(peer_texts[family]);

		assert_int_equal(addresses_set_own(&world->memory, &own, true), 0);
		assert_int_equal(addresses_insert(&world->memory, &peer, SLOT_OF(family)), 0);
	}
}

static inline void world_open(struct world *world)
{
	struct reflector_settings settings;

	memset(world, 0, sizeof(*world));
	world->is_own = world_is_own();
	await_stamps();
	world->memory = fake_memory_open(SLOTS, 1, 8, 0x5eed);
	world->memory.control->error_estimate_be = htons(ESTIMATE);
	world_tell_addresses(world);
	world->identity = (struct stamp_identity){ .version = 1, .name_length = 3, .name = "abc" };
	for (int i = 0; i < 2; i++) {
		uint16_t port_be = 0;

		world->askers[i] = bound_socket(peer_texts[i], &port_be);
	}
	assert_true(world->askers[0] >= 0);
	world->port_be = free_port_be();
	settings = (struct reflector_settings){ world->port_be, &world->identity };
	assert_int_equal(reflector_open(&settings, &world->reflector), 0);
	memset(&world->identity, 0xee, sizeof(world->identity)); /* it was copied */
	world->identity = (struct stamp_identity){ .version = 1, .name_length = 3, .name = "abc" };
	reflector_use(world->reflector, &world->memory, world->memory.sessions);
}

static inline void world_close(struct world *world)
{
	reflector_close(world->reflector);
	fake_memory_close(&world->memory);
	for (int i = 0; i < 2; i++)
		if (world->askers[i] >= 0)
			close(world->askers[i]);
}

static inline void send_to(struct world *world, int fd, const char *text, const void *payload,
			   size_t length)
{
	socklen_t to_length;
	union endpoint to = endpoint_of(text, world->port_be, &to_length);

	assert_int_equal(sendto(fd, payload, length, 0, &to.any, to_length), length);
}

/* From the peer. */
static inline void ask(struct world *world, int family, const void *payload, size_t length)
{
	send_to(world, world->askers[family], own_texts[family], payload, length);
}

/* As the loop does it: when something is there. */
static inline void turn(struct world *world)
{
	struct pollfd polled[REFLECTOR_SOCKETS];
	int fds[REFLECTOR_SOCKETS];
	uint32_t count = reflector_fds(world->reflector, fds);

	for (uint32_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	assert_true(poll(polled, count, WAIT_MS) > 0);
	reflector_answer(world->reflector);
}

static inline uint64_t counters_total(const struct world *world)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(struct kc_counters) / sizeof(uint64_t); i++)
		sum += ((const __u64 *)world->memory.counters)[i];
	return sum;
}

/* RFC 8972 figure 1, with nothing behind; the timestamp is opaque. */
static inline void request_fill(uint8_t payload[STAMP_BYTES], uint32_t sequence, uint16_t ssid)
{
	memset(payload, 0, STAMP_BYTES);
	octets_be(payload, 4, sequence);
	octets_be(payload + 4, 8, 0x1122334455667788);
	octets_be(payload + 12, 2, 0xcabc); /* S and Z: PTP is the sender's affair */
	octets_be(payload + 14, 2, ssid);
}

/* An NTP timestamp as nanoseconds since 1970; written anew. */
static inline int64_t unix_ns_of(const uint8_t octets[8])
{
	int64_t seconds = (int64_t)value_be(octets, 4) - 2208988800;

	return seconds * 1000000000 + (int64_t)((value_be(octets + 4, 4) * 1000000000) >> 32);
}

/* The reply's own sequence. */
static inline uint32_t answered_with(struct world *world, int family, uint16_t ssid)
{
	static struct request reply;
	uint8_t payload[STAMP_BYTES];

	request_fill(payload, 7, ssid);
	ask(world, family, payload, sizeof(payload));
	turn(world);
	read_request(world->askers[family], &reply);
	assert_int_equal(reply.length, STAMP_BYTES);
	return (uint32_t)value_be(reply.octets, 4);
}

static inline int open_world(void **state)
{
	static struct world world;

	world_open(&world);
	*state = &world;
	return 0;
}

static inline int close_world(void **state)
{
	world_close(*state);
	return 0;
}

static inline uint64_t counter_value(const struct world *world, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)world->memory.counters + offset, sizeof(value));
	return value;
}

/* What waits is refused for this, and for nothing else. */
static inline void check_refused(struct world *world, int family, size_t counter)
{
	uint64_t before = counters_total(world), value = counter_value(world, counter);

	turn(world);
	assert_int_equal(counters_total(world), before + 1);
	assert_int_equal(counter_value(world, counter), value + 1);
	assert_false(is_readable(world->askers[family], REPLY_NONE_MS));
}

static inline void check_answered(struct world *world, int family, uint32_t sequence)
{
	uint64_t before = counters_total(world), reflected = world->memory.counters->reflected;

	assert_int_equal(answered_with(world, family, 0), sequence);
	assert_int_equal(counters_total(world), before + 1);
	assert_int_equal(world->memory.counters->reflected, reflected + 1);
}

static inline void check_from(const struct world *world, const struct request *reply,
			      const char *text)
{
	socklen_t length;
	union endpoint from = endpoint_of(text, world->port_be, &length);

	assert_int_equal(source_port_be(reply), world->port_be);
	assert_int_equal(reply->from.any.sa_family, from.any.sa_family);
	if (from.any.sa_family == AF_INET6)
		assert_memory_equal(&reply->from.ipv6.sin6_addr, &from.ipv6.sin6_addr, 16);
	else
		assert_int_equal(reply->from.ipv4.sin_addr.s_addr, from.ipv4.sin_addr.s_addr);
}

#endif
