/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A STAMP reflector in user space, that stamps truly: T2 by the kernel's receive stamp, T3 right
 * before it sends. A peer to compare with, and one whose residence time and format can be chosen.
 *   reflect STATISTICS [delay-us N] [format ntp|ptp] [stateless] [exact-length] [ordinary]
 * Port 862 of both families. Ends by SIGTERM. Written from RFC 8762 alone, with no header of ours
 * that knows packets.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

#define PORT	   862
#define PACKET_MIN 44
#define PACKET_MAX 9200
#define SESSIONS   65536 /* by the sender's port: enough for a test */
#define UNIX_EPOCH 2208988800ULL

struct reflector {
	const char *statistics;
	unsigned long delay_us;
	bool ptp;
	bool stateless;
	bool exact_length; /* longer requests are none */
	uint32_t counts[SESSIONS];
	unsigned long replies;
	unsigned long ignored;
};

static void put(uint8_t *at, uint64_t value, int octets)
{
	while (octets-- > 0) {
		at[octets] = (uint8_t)value;
		value >>= 8;
	}
}

static void put_time(const struct reflector *reflector, uint8_t *at, const struct timespec *time)
{
	uint64_t fraction = ((uint64_t)time->tv_nsec << 32) / 1000000000;

	if (reflector->ptp) {
		put(at, (uint64_t)time->tv_sec, 4);
		put(at + 4, (uint64_t)time->tv_nsec, 4);
	} else {
		put(at, (uint64_t)time->tv_sec + UNIX_EPOCH, 4);
		put(at + 4, fraction, 4);
	}
}

/* Own stamps as messages of the socket: when it came, and with what TTL. */
static void read_ancillary(struct msghdr *header, struct timespec *time, uint8_t *ttl)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
		int number;

		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(time, CMSG_DATA(part), sizeof(*time));
		} else if (part->cmsg_type == IP_TTL || part->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&number, CMSG_DATA(part), sizeof(number));
			*ttl = (uint8_t)number;
		}
	}
}

static void reply(struct reflector *reflector, int fd, uint8_t *packet, size_t length,
		  struct msghdr *header, uint16_t port)
{
	uint8_t request[PACKET_MIN];
	struct timespec time = { 0 };
	uint8_t ttl = 0;

	memcpy(request, packet, sizeof(request));
	read_ancillary(header, &time, &ttl);
	memset(packet, 0, PACKET_MIN);
	memcpy(packet, request, 4);
	if (!reflector->stateless)
		put(packet, reflector->counts[port]++, 4);
	put(packet + 12, reflector->ptp ? 0x4001 : 0x0001, 2);
	memcpy(packet + 14, request + 14, 2); /* SSID */
	put_time(reflector, packet + 16, &time);
	memcpy(packet + 24, request, 14); /* sequence, timestamp, error estimate */
	packet[40] = ttl;
	if (reflector->delay_us > 0)
		usleep((useconds_t)reflector->delay_us);
	clock_gettime(CLOCK_REALTIME, &time);
	put_time(reflector, packet + 4, &time);
	if (sendto(fd, packet, length, 0, header->msg_name, header->msg_namelen) == (ssize_t)length)
		reflector->replies++;
}

static void receive(struct reflector *reflector, int fd)
{
	static uint8_t packet[PACKET_MAX];
	struct sockaddr_in6 from;
	uint8_t control[256];
	struct iovec part = { .iov_base = packet, .iov_len = sizeof(packet) };
	struct msghdr header = { .msg_name = &from,
				 .msg_namelen = sizeof(from),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);

	if (length < 0)
		return;
	if (length < PACKET_MIN || (reflector->exact_length && length != PACKET_MIN))
		reflector->ignored++;
	else /* the port stands in the same place in both families */
		reply(reflector, fd, packet, (size_t)length, &header, ntohs(from.sin6_port));
}

static int open_socket(int family)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	bool is_ipv6 = family == AF_INET6;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	if (is_ipv6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof(one));
		return bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)) == 0 ? fd : -1;
	}
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4)) == 0 ? fd : -1;
}

static int write_statistics(const struct reflector *reflector)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", reflector->statistics);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "replies %lu\nignored %lu\n", reflector->replies, reflector->ignored);
	return fclose(file) != 0 || rename(path, reflector->statistics) != 0;
}

int main(int argc, char **argv)
{
	static struct reflector reflector;
	struct sched_param parameter = { .sched_priority = 40 };
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	enum signals_wish wish;
	bool punctual = true;

	if (argc < 2)
		return fprintf(stderr, "reflect: see the head of reflect.c\n"), 2;
	reflector.statistics = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "delay-us") == 0 && i + 1 < argc)
			reflector.delay_us = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "format") == 0 && i + 1 < argc)
			reflector.ptp = strcmp(argv[++i], "ptp") == 0;
		else if (strcmp(argv[i], "stateless") == 0)
			reflector.stateless = true;
		else if (strcmp(argv[i], "exact-length") == 0)
			reflector.exact_length = true;
		else if (strcmp(argv[i], "ordinary") == 0)
			punctual = false; /* scheduled like everybody */
		else
			return fprintf(stderr, "reflect: \"%s\"?\n", argv[i]), 2;
	}
	if (punctual && sched_setscheduler(0, SCHED_FIFO, &parameter) != 0)
		fprintf(stderr, "reflect: without real-time priority: %s\n", strerror(errno));
	fds[0].fd = open_socket(AF_INET);
	fds[1].fd = open_socket(AF_INET6);
	fds[2].fd = signals_open();
	if (fds[0].fd < 0 || fds[1].fd < 0)
		return fprintf(stderr, "reflect: port %d: %s\n", PORT, strerror(errno)), 2;
	if (write_statistics(&reflector) != 0)
		return 2;
	for (;;) {
		poll(fds, 3, -1);
		for (int i = 0; i < 2; i++)
			if (fds[i].revents & POLLIN)
				receive(&reflector, fds[i].fd);
		wish = signals_next(fds[2].fd);
		if (wish == SIGNALS_NONE)
			continue;
		if (write_statistics(&reflector) != 0 || wish == SIGNALS_END)
			return 0;
	}
}
