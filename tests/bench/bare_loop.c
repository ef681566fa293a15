/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that probing can cost: one socket, one timer, at each wake-up one recvmmsg until the
 * socket is empty and one sendmmsg. ICMP echo, or UDP of STAMP's size to port 862. No statistics,
 * no loss, no verdicts. What kube-canary's CPU per probe is held against, so its packets are as
 * kube-canary's are: never cut to fragments, which spares the kernel the choice of an
 * identification for each.
 *   bare_loop icmp|stamp FIRST-ADDRESS ADDRESSES PROBES-PER-SECOND WAKE-UPS-PER-SECOND OCTETS
 * OCTETS: of payload. Addresses follow one another. Until SIGTERM; then says what it sent, what
 * came back and how often it woke.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000L
#define STAMP_PORT    862
#define BATCH	      64   /* as PROBE_BATCH in include/canary.h */
#define OCTETS_MIN    12   /* a sequence in front */
#define OCTETS_MAX    1400 /* in one frame */
#define REPLY_MAX     2048
/* A tick's replies must have room: at 10,000 a second and 20 wake-ups, 500. */
#define BUFFER_BYTES (8 << 20)

struct packet {
	struct icmphdr icmp; /* unused with UDP */
	uint8_t payload[OCTETS_MAX];
};

struct bare_loop {
	bool icmp;
	int fd;
	int timer_fd;
	int epoll_fd;
	uint32_t first_address;
	uint32_t addresses;
	uint32_t rate;
	uint32_t wakes_per_second;
	uint32_t octets;
	uint64_t sent;
	uint64_t received;
	uint64_t wakes;
	uint64_t ticks;
	struct mmsghdr requests[BATCH];
	struct iovec request_parts[BATCH];
	struct sockaddr_in destinations[BATCH];
	struct packet packets[BATCH];
	struct mmsghdr replies[BATCH];
	struct iovec reply_parts[BATCH];
	uint8_t reply_octets[BATCH][REPLY_MAX];
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "bare_loop: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint16_t checksum(const void *octets, uint32_t length)
{
	const uint8_t *at = octets;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of all that stays the same. A packet's sum is then only that of its sequence. */
static void prepare(struct bare_loop *loop)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		struct packet *packet = &loop->packets[i];

		packet->icmp = (struct icmphdr){ .type = ICMP_ECHO };
		packet->icmp.un.echo.id = htons((uint16_t)getpid());
		loop->destinations[i].sin_family = AF_INET;
		loop->destinations[i].sin_port = htons(loop->icmp ? 0 : STAMP_PORT);
		loop->request_parts[i].iov_base = loop->icmp ? (void *)packet : packet->payload;
		loop->request_parts[i].iov_len = loop->octets +
						 (loop->icmp ? sizeof(packet->icmp) : 0);
		loop->requests[i].msg_hdr.msg_iov = &loop->request_parts[i];
		loop->requests[i].msg_hdr.msg_iovlen = 1;
		loop->requests[i].msg_hdr.msg_name = &loop->destinations[i];
		loop->requests[i].msg_hdr.msg_namelen = sizeof(loop->destinations[i]);
		loop->reply_parts[i].iov_base = loop->reply_octets[i];
		loop->reply_parts[i].iov_len = REPLY_MAX;
		loop->replies[i].msg_hdr.msg_iov = &loop->reply_parts[i];
		loop->replies[i].msg_hdr.msg_iovlen = 1;
	}
}

static void open_socket(struct bare_loop *loop)
{
	struct icmp_filter {
		uint32_t data;
	} filter = { .data = ~(1u << ICMP_ECHOREPLY) };
	int bytes = BUFFER_BYTES;
	int discover = IP_PMTUDISC_PROBE;

	loop->fd = loop->icmp ? socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP)
			      : socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (loop->fd < 0)
		die("socket");
	if (loop->icmp &&
	    setsockopt(loop->fd, SOL_RAW, 1 /* ICMP_FILTER */, &filter, sizeof(filter)) < 0)
		die("ICMP_FILTER");
	if (setsockopt(loop->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(loop->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		die("socket buffers");
	if (setsockopt(loop->fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) < 0)
		die("IP_MTU_DISCOVER");
}

static void open_timer(struct bare_loop *loop)
{
	long period_ns = NS_PER_SECOND / loop->wakes_per_second;
	struct itimerspec setting = {
		.it_value = { .tv_nsec = 1 },
		.it_interval = { .tv_sec = period_ns / NS_PER_SECOND,
				 .tv_nsec = period_ns % NS_PER_SECOND },
	};
	struct epoll_event event = { .events = EPOLLIN };

	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	loop->epoll_fd = epoll_create1(0);
	if (loop->timer_fd < 0 || loop->epoll_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) < 0 ||
	    timerfd_settime(loop->timer_fd, 0, &setting, NULL) < 0)
		die("timer");
}

static void drain(struct bare_loop *loop)
{
	int count;

	do {
		count = recvmmsg(loop->fd, loop->replies, BATCH, 0, NULL);
		if (count > 0)
			loop->received += (uint64_t)count;
	} while (count == BATCH);
}

static void send_batch(struct bare_loop *loop, uint32_t count)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t number = loop->sent + i;
		struct packet *packet = &loop->packets[i];
		uint32_t sequence_be = htonl((uint32_t)(number / loop->addresses));

		memcpy(packet->payload, &sequence_be, sizeof(sequence_be));
		loop->destinations[i].sin_addr.s_addr =
			htonl(loop->first_address + (uint32_t)(number % loop->addresses));
		if (!loop->icmp)
			continue;
		packet->icmp.un.echo.sequence = htons((uint16_t)ntohl(sequence_be));
		packet->icmp.checksum = 0;
		/* Beyond this all is zero and adds nothing. */
		packet->icmp.checksum =
			htons(checksum(packet, sizeof(packet->icmp) + sizeof(sequence_be)));
	}
	while (first < count) {
		int sent = sendmmsg(loop->fd, &loop->requests[first], count - first, 0);

		if (sent < 0)
			die("sendmmsg");
		first += (uint32_t)sent;
	}
	loop->sent += count;
}

static void tick(struct bare_loop *loop)
{
	uint64_t expirations;
	uint64_t wanted;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	loop->wakes++;
	loop->ticks += expirations;
	wanted = loop->ticks * loop->rate / loop->wakes_per_second;
	drain(loop);
	while (loop->sent < wanted)
		send_batch(loop,
			   wanted - loop->sent < BATCH ? (uint32_t)(wanted - loop->sent) : BATCH);
}

static uint32_t number(const char *text, uint32_t least, uint32_t most, const char *what)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < least || value > most) {
		fprintf(stderr, "bare_loop: %s \"%s\": expected %u to %u\n", what, text, least,
			most);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	static struct bare_loop loop;
	struct sigaction action = { .sa_handler = on_signal };
	struct in_addr first;

	if (argc != 7 || (strcmp(argv[1], "icmp") != 0 && strcmp(argv[1], "stamp") != 0) ||
	    inet_pton(AF_INET, argv[2], &first) != 1) {
		fprintf(stderr, "usage: bare_loop icmp|stamp FIRST-ADDRESS ADDRESSES "
				"PROBES-PER-SECOND WAKE-UPS-PER-SECOND OCTETS\n");
		return 2;
	}
	loop.icmp = strcmp(argv[1], "icmp") == 0;
	loop.first_address = ntohl(first.s_addr);
	loop.addresses = number(argv[3], 1, UINT16_MAX, "addresses");
	loop.rate = number(argv[4], 1, 1000000, "probes per second");
	loop.wakes_per_second = number(argv[5], 1, 10000, "wake-ups per second");
	loop.octets = number(argv[6], OCTETS_MIN, OCTETS_MAX, "octets");
	prepare(&loop);
	open_socket(&loop);
	open_timer(&loop);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	while (!ended) {
		struct epoll_event event;

		if (epoll_wait(loop.epoll_fd, &event, 1, -1) > 0)
			tick(&loop);
	}
	drain(&loop);
	printf("sent %lu\nreceived %lu\nwakes %lu\n", (unsigned long)loop.sent,
	       (unsigned long)loop.received, (unsigned long)loop.wakes);
	return 0;
}
