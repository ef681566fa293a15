/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of STAMP peers in one process: answers at every IPv4 address that is local here, from
 * the address that was asked, statelessly and without any TLV. Written from RFC 8762 alone, with no
 * header of ours that knows packets.
 *   everywhere STATISTICS
 * Port 862. STATISTICS, at the start and on SIGUSR1: how many replies were sent, how many different
 * addresses were asked, and when (seconds of CLOCK_REALTIME) the last new one of them was. Ends by
 * SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"

#define PORT	     862
#define PACKET_MIN   44
#define PACKET_MAX   9200
#define BATCH	     64
#define BUFFER_BYTES (8 << 20)
#define UNIX_EPOCH   2208988800ULL

struct everywhere {
	const char *statistics;
	uint8_t asked[65536 / 8]; /* by the address' low 16 bits */
	unsigned long addresses;
	unsigned long replies;
	struct timespec newest;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_in from[BATCH];
	uint8_t packets[BATCH][PACKET_MAX];
	uint8_t controls[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void put(uint8_t *at, uint64_t value, int octets)
{
	while (octets-- > 0) {
		at[octets] = (uint8_t)value;
		value >>= 8;
	}
}

static void put_time(uint8_t *at, const struct timespec *time)
{
	put(at, (uint64_t)time->tv_sec + UNIX_EPOCH, 4);
	put(at + 4, ((uint64_t)time->tv_nsec << 32) / 1000000000, 4);
}

/* The address that was asked; the same message makes the kernel answer from it. */
static struct in_pktinfo *asked_at(struct msghdr *header)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(header);

	if (!part || part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO)
		return NULL;
	return (struct in_pktinfo *)CMSG_DATA(part);
}

static void mark(struct everywhere *everywhere, uint32_t address_be, const struct timespec *now)
{
	uint16_t low = (uint16_t)ntohl(address_be);
	uint8_t bit = (uint8_t)(1 << (low % 8));

	if (everywhere->asked[low / 8] & bit)
		return;
	everywhere->asked[low / 8] |= bit;
	everywhere->addresses++;
	everywhere->newest = *now;
}

/* RFC 8762 section 4.3.1, stateless. T2 is T3: both are when we look. */
static void make_reply(uint8_t *packet, uint32_t length, const struct timespec *now)
{
	uint8_t request[PACKET_MIN];

	memcpy(request, packet, sizeof(request));
	memset(packet, 0, length);
	memcpy(packet, request, 4);
	put_time(packet + 4, now);
	put(packet + 12, 0x0001, 2);
	memcpy(packet + 14, request + 14, 2); /* SSID */
	put_time(packet + 16, now);
	memcpy(packet + 24, request, 14); /* sequence, timestamp, error estimate */
	packet[40] = 64;
}

/* Whether there is a reply in the place of the request. */
static bool answer(struct everywhere *everywhere, struct mmsghdr *message,
		   const struct timespec *now)
{
	struct in_pktinfo *info = asked_at(&message->msg_hdr);

	if (!info || message->msg_len < PACKET_MIN)
		return false;
	mark(everywhere, info->ipi_addr.s_addr, now);
	info->ipi_spec_dst = info->ipi_addr;
	info->ipi_ifindex = 0;
	make_reply(message->msg_hdr.msg_iov->iov_base, message->msg_len, now);
	message->msg_hdr.msg_iov->iov_len = message->msg_len;
	return true;
}

static void receive(struct everywhere *everywhere, int fd)
{
	struct timespec now;
	int count, replies = 0;

	for (int i = 0; i < BATCH; i++) {
		everywhere->parts[i] = (struct iovec){ everywhere->packets[i], PACKET_MAX };
		everywhere->messages[i].msg_hdr =
			(struct msghdr){ .msg_name = &everywhere->from[i],
					 .msg_namelen = sizeof(everywhere->from[i]),
					 .msg_iov = &everywhere->parts[i],
					 .msg_iovlen = 1,
					 .msg_control = everywhere->controls[i],
					 .msg_controllen = sizeof(everywhere->controls[i]) };
	}
	count = recvmmsg(fd, everywhere->messages, BATCH, MSG_DONTWAIT, NULL);
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < count; i++)
		if (answer(everywhere, &everywhere->messages[i], &now))
			everywhere->messages[replies++] = everywhere->messages[i];
	for (int sent = 0; sent < replies;) {
		int more = sendmmsg(fd, everywhere->messages + sent, (unsigned int)(replies - sent),
				    0);

		if (more > 0)
			everywhere->replies += (unsigned long)more;
		sent += more > 0 ? more : 1;
	}
}

static int open_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bytes = BUFFER_BYTES;
	int one = 1;

	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

static int write_statistics(const struct everywhere *everywhere)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", everywhere->statistics);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "replies %lu\naddresses %lu\nnewest %lld.%09ld\n", everywhere->replies,
		everywhere->addresses, (long long)everywhere->newest.tv_sec,
		everywhere->newest.tv_nsec);
	return fclose(file) != 0 || rename(path, everywhere->statistics) != 0;
}

int main(int argc, char **argv)
{
	static struct everywhere everywhere;
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	enum signals_wish wish;

	if (argc != 2)
		return fprintf(stderr, "everywhere: see the head of everywhere.c\n"), 2;
	everywhere.statistics = argv[1];
	fds[0].fd = open_socket();
	fds[1].fd = signals_open();
	if (fds[0].fd < 0)
		return fprintf(stderr, "everywhere: port %d: %s\n", PORT, strerror(errno)), 2;
	if (write_statistics(&everywhere) != 0)
		return 2;
	for (;;) {
		poll(fds, 2, -1);
		if (fds[0].revents & POLLIN)
			receive(&everywhere, fds[0].fd);
		wish = signals_next(fds[1].fd);
		if (wish == SIGNALS_NONE)
			continue;
		if (write_statistics(&everywhere) != 0 || wish == SIGNALS_END)
			return 0;
	}
}
