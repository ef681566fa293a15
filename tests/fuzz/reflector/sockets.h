/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel around the user-space reflector: two sockets that bring requests of the input's with
 * all that is told of them, and two clocks, of which one is set now and then. For
 * fuzz_reflector.c alone; must not know what is answered.
 */
#ifndef FUZZ_REFLECTOR_SOCKETS_H
#define FUZZ_REFLECTOR_SOCKETS_H

#include <errno.h>
#include <time.h> /* for the next one, where the C library does not see to it */

#include <linux/errqueue.h>

#include "bpf/stamp_packets.h"
#include "fuzz.h"
#include "reflector_state.h"
#include "sim/fake_memory.h"

#define FD	       1000 /* and one more, for the other family */
#define OWN_PORT       862
#define STEPS_MAX      64      /* of the wall clock, in one input */
#define STEP_LEAST_NS  1000000 /* beyond all that reading it may be off */
#define READING_MAX_NS 20000   /* between two readings */
#define STRETCH_BYTES  64

/* A packet as the kernel has it; what is not told to the reflector is zero. */
struct told {
	struct address source;
	struct address destination;
	uint16_t port_be;
	uint8_t ttl;
	uint8_t tos;
	bool is_ipv4;
	bool is_plain;
	bool send_fails;
	uint32_t dropped;     /* told with it, of those before */
	uint32_t steps_count; /* of the clock, when it was delivered */
	bool is_sure;	      /* that its stamp is by the clock as it stands */
	uint32_t bytes;	      /* of payload, as it came */
	int64_t arrived_ns;   /* CLOCK_MONOTONIC */
	int64_t stamp_ns;     /* CLOCK_REALTIME then; 0: none */
	uint8_t payload[STAMP_BYTES_MAX + 1];
};

static struct {
	struct input input;
	struct reflector *reflector;
	uint64_t random;
	int64_t mono_ns;
	int64_t unix_ns; /* as it was read last, and when */
	int64_t unix_mono_ns;
	struct {
		int64_t from_ns;
		int64_t offset_ns;
	} steps[STEPS_MAX];
	uint32_t steps_count;
	uint32_t step_in; /* readings of the clock; 0: none */
	int64_t step_ns;
	uint32_t emptied[FAMILIES];   /* so often since the last step */
	int64_t emptied_ns[FAMILIES]; /* what comes is younger */
	uint32_t overflow[FAMILIES];
	uint64_t dropped; /* of these, so many were told */
	uint64_t delivered;
	struct told told[REFLECTOR_BATCH];
	uint32_t count;
} kernel;

/* --- clocks --- */

static int64_t offset_at(int64_t mono_ns)
{
	uint32_t i = kernel.steps_count;

	while (i > 1 && kernel.steps[i - 1].from_ns > mono_ns)
		i--;
	return kernel.steps[i - 1].offset_ns;
}

/* Nobody sets it twice between two looks at it: that no program could see. */
static void clock_step(void)
{
	int64_t offset_ns = offset_at(kernel.mono_ns);
	bool noticed = kernel.reflector &&
		       llabs(kernel.reflector->real_offset_ns - offset_ns) <= 2 * READING_MAX_NS;

	if (kernel.step_in == 0 || --kernel.step_in > 0 || !noticed ||
	    kernel.steps_count == STEPS_MAX || kernel.mono_ns + offset_ns + kernel.step_ns < 0)
		return;
	kernel.steps[kernel.steps_count].from_ns = kernel.mono_ns;
	kernel.steps[kernel.steps_count++].offset_ns = offset_ns + kernel.step_ns;
	memset(kernel.emptied, 0, sizeof(kernel.emptied));
}

static void time_passes(void)
{
	kernel.mono_ns += (int64_t)(fake_random(&kernel.random) % READING_MAX_NS);
}

static struct local_time kernel_now(void)
{
	struct local_time now;

	clock_step();
	now.ns = kernel.mono_ns;
	time_passes();
	return now;
}

static int64_t kernel_unix_ns(void)
{
	clock_step();
	kernel.unix_mono_ns = kernel.mono_ns;
	kernel.unix_ns = kernel.mono_ns + offset_at(kernel.mono_ns);
	time_passes();
	return kernel.unix_ns;
}

/* --- sockets --- */

static int kernel_socket(int domain, int type, int protocol)
{
	require((type & SOCK_DGRAM) && protocol == 0);
	return domain == AF_INET ? FD : FD + 1;
}

static int kernel_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	union socket_address to;

	require((fd == FD || fd == FD + 1) && length <= sizeof(to));
	memcpy(&to, address, length);
	require((fd == FD ? to.ipv4.sin_port : to.ipv6.sin6_port) == htons(OWN_PORT));
	return 0;
}

static int kernel_close(int fd)
{
	require(fd == FD || fd == FD + 1);
	return 0;
}

/* All that the reflector asks to be told. */
static int kernel_set(int fd, int level, int name, int value)
{
	(void)level;
	(void)name;
	require((fd == FD || fd == FD + 1) && value != 0);
	return 0;
}

static int kernel_set_path(int fd, int domain, uint32_t dscp, uint32_t packets, uint32_t bytes)
{
	require(domain == (fd == FD ? AF_INET : AF_INET6) && dscp == 0 && packets > 0 && bytes > 0);
	return 0;
}

/* As put_cmsg() of the kernel: what does not fit is cut. */
static void put_control(struct msghdr *header, int level, int type, const void *value, size_t bytes)
{
	size_t left = REFLECTOR_CONTROL_BYTES - header->msg_controllen;
	struct cmsghdr *control = (void *)((char *)header->msg_control + header->msg_controllen);
	size_t length = CMSG_LEN(bytes), space = CMSG_SPACE(bytes);

	if (left < length)
		header->msg_flags |= MSG_CTRUNC;
	if (left < sizeof(*control))
		return;
	if (left < length)
		length = left;
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = (socklen_t)length;
	memcpy(CMSG_DATA(control), value, length - sizeof(*control));
	header->msg_controllen += (socklen_t)(space < left ? space : left);
}

static void put_stamp(struct msghdr *header, const struct told *told, uint8_t kind)
{
	struct scm_timestamping stamps = { 0 };

	stamps.ts[0].tv_sec = told->stamp_ns / NS_PER_SECOND;
	stamps.ts[0].tv_nsec = told->stamp_ns % NS_PER_SECOND;
	if (told->stamp_ns > 0 || (kind & 1))
		put_control(header, SOL_SOCKET, SCM_TIMESTAMPING, &stamps, sizeof(stamps));
}

static void put_overflow(struct msghdr *header, unsigned int family, struct told *told,
			 uint8_t kind)
{
	told->dropped = kind & 8 ? kind >> 4 : 0;
	if (!(kind & 8))
		return;
	kernel.overflow[family] += told->dropped;
	kernel.dropped += told->dropped;
	put_control(header, SOL_SOCKET, SO_RXQ_OVFL, &kernel.overflow[family], sizeof(uint32_t));
}

/* In the kernel's order. options: more than a host sends; which, and how many octets. */
static void put_facts(struct msghdr *header, const struct told *told, uint8_t options)
{
	static const int names[] = { IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDR, IPV6_RECVFRAGSIZE };
	static const uint8_t octets[256];
	struct in_pktinfo four = { .ipi_ifindex = 2 };
	struct in6_pktinfo six = { .ipi6_ifindex = 2 };
	int ttl = told->ttl, tos = told->tos;

	memcpy(&four.ipi_addr, told->destination.octets + 12, sizeof(four.ipi_addr));
	memcpy(&six.ipi6_addr, told->destination.octets, sizeof(six.ipi6_addr));
	if (told->is_ipv4) {
		put_control(header, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
		put_control(header, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		put_control(header, IPPROTO_IP, IP_TOS, &told->tos, 1);
		if (!told->is_plain)
			put_control(header, IPPROTO_IP, options & 1 ? IP_RECVOPTS : IP_RECVFRAGSIZE,
				    octets, 4 + options % 37);
		return;
	}
	put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	put_control(header, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	put_control(header, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	for (int i = 0; i < 4 && !told->is_plain; i++)
		if (i == options % 4 || (options & 16 << i))
			put_control(header, IPPROTO_IPV6, names[i], octets, 8 + options);
}

/* --- packets --- */

/* Few of each family, so that some are known: peer, other peer, our own, stranger, and IPv4's as
 * IPv6 writes them. */
static struct address address_of(uint8_t which, bool is_ipv4)
{
	struct address address = { .octets = { 0xfd } };

	if (is_ipv4 || which % 8 == 7)
		memcpy(address.octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
	address.octets[15] = is_ipv4 || which % 8 != 7 ? which % 8 : 1;
	return address;
}

/* Much like a request, or like a reply of ours, or nothing of these. */
static void payload_make(struct told *told)
{
	uint8_t kind = input_octet(&kernel.input);
	size_t written = 0, stretch;

	memset(told->payload, 0, sizeof(told->payload));
	if (kind & 1) {
		struct stamp stamp;

		stamp_fill_request(&stamp, kind);
		memcpy(told->payload, stamp.payload, STAMP_BYTES);
		told->payload[15] = kind >> 6;
		written = STAMP_BYTES;
	}
	written += input_take(&kernel.input, told->payload + written,
			      kind & 2 ? input_octet(&kernel.input) : 0);
	stretch = kind & 4 ? input_octet(&kernel.input) * STRETCH_BYTES : 0;
	told->bytes = (uint32_t)(written + stretch);
	if (told->bytes > sizeof(told->payload))
		told->bytes = sizeof(told->payload);
	if (kind & 8) /* as it comes back from an echo, or from a reflector */
		octets_be(told->payload + (kind & 16 ? 16 : 28), 4,
			  (ntp_of_ns(told->arrived_ns + offset_at(told->arrived_ns)) >> 32) +
				  (uint64_t)(kind & 32 ? (int8_t)input_octet(&kernel.input) : 0));
}

static void told_make(struct told *told, unsigned int family)
{
	uint8_t who = input_octet(&kernel.input), kind = input_octet(&kernel.input);
	int64_t span_ns = kernel.mono_ns - kernel.emptied_ns[family];
	uint8_t age = kind & 1 ? input_octet(&kernel.input) : 0;

	told->is_ipv4 = family == FAMILY_IPV4;
	told->source = address_of(who & 7, told->is_ipv4);
	told->destination = address_of(who >> 3 & 7, told->is_ipv4);
	told->port_be = who >> 6 ? htons((uint16_t)(4000 + (who >> 6))) : input_u16(&kernel.input);
	told->is_plain = !(kind & 2);
	told->ttl = kind & 4 ? input_octet(&kernel.input) : 255;
	told->tos = kind & 8 ? input_octet(&kernel.input) : 0;
	told->send_fails = kind & 16;
	told->arrived_ns = kernel.mono_ns - (int64_t)((__int128)span_ns * age / 255);
	told->steps_count = kernel.steps_count;
	told->is_sure = kernel.steps_count == 1 || kernel.emptied[family] >= 2;
	told->stamp_ns = kind & 32 ? 0 : told->arrived_ns + offset_at(told->arrived_ns);
	payload_make(told);
	kernel.delivered++;
}

static void put_message(unsigned int family, struct mmsghdr *message, struct told *told)
{
	uint8_t kind = input_octet(&kernel.input);
	struct msghdr *header = &message->msg_hdr;

	require(header->msg_namelen == sizeof(union socket_address));
	require(header->msg_controllen == REFLECTOR_CONTROL_BYTES && header->msg_flags == 0);
	require(header->msg_iovlen == 1 && header->msg_iov->iov_len == STAMP_BYTES_MAX);
	told_make(told, family);
	header->msg_namelen = socket_address_write(header->msg_name, &told->source, told->port_be);
	if (family == FAMILY_IPV6) { /* ::ffff:… too, which is written as IPv4's */
		struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_port = told->port_be };

		memcpy(&from.sin6_addr, told->source.octets, 16);
		memcpy(header->msg_name, &from, sizeof(from));
		header->msg_namelen = sizeof(from);
	}
	message->msg_len = told->bytes < STAMP_BYTES_MAX ? told->bytes : STAMP_BYTES_MAX;
	memcpy(header->msg_iov->iov_base, told->payload, message->msg_len);
	if (told->bytes > STAMP_BYTES_MAX)
		header->msg_flags |= MSG_TRUNC;
	memset(header->msg_control, 0x5a, REFLECTOR_CONTROL_BYTES); /* padding is nobody's */
	header->msg_controllen = 0;
	put_stamp(header, told, kind);
	put_overflow(header, family, told, kind);
	put_facts(header, told, kind);
	if (header->msg_flags & MSG_CTRUNC)
		require(!told->is_plain);
}

static int kernel_receive(int fd, struct mmsghdr *messages, unsigned int wanted, int flags)
{
	unsigned int family = (unsigned int)(fd - FD);
	uint8_t count = input_octet(&kernel.input) % 32;

	require(family < FAMILIES && wanted == REFLECTOR_BATCH && flags == MSG_DONTWAIT);
	kernel.count = 0;
	count = count > wanted ? (uint8_t)wanted : count;
	while (kernel.count < count && kernel.input.length > 0) {
		put_message(family, &messages[kernel.count], &kernel.told[kernel.count]);
		kernel.count++;
	}
	if (kernel.count < wanted) {
		kernel.emptied_ns[family] = kernel.mono_ns;
		kernel.emptied[family]++;
	}
	time_passes();
	errno = EAGAIN;
	return kernel.count > 0 ? (int)kernel.count : -1;
}

#endif
