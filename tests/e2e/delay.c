/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire between two interfaces on which everything takes longer: each frame from the right one so
 * many milliseconds, those from the left one nothing, ARP neither. Must not know what they are.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "transits.h"
#include "wire.h"

struct delay {
	int64_t delay_ns;
	struct wire wires[2];
	struct transits transits;
};

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void send_frame(struct delay *delay, uint8_t to, const uint8_t *octets, size_t length)
{
	int err = wire_send(&delay->wires[to], octets, length);

	if (err != 0)
		fprintf(stderr, "delay: a frame of %zu octets: %s\n", length, strerror(-err));
}

static void on_frame(void *ctx, uint8_t from, uint8_t *octets, size_t length, int64_t age_ns)
{
	static const uint8_t arp_be[2] = { ETH_P_ARP >> 8, ETH_P_ARP & 0xff };
	struct delay *delay = ctx;
	uint8_t to = !from;

	if (from == 0 || (length >= ETH_HLEN && memcmp(octets + 12, arp_be, 2) == 0)) {
		send_frame(delay, to, octets, length);
		return;
	}
	transits_push(&delay->transits, transit_new(octets, length, to),
		      now_ns() - age_ns + delay->delay_ns);
}

static int send_due(struct delay *delay)
{
	while (delay->transits.count > 0) {
		int64_t wait_ns = delay->transits.heap[0]->due_ns - now_ns();
		struct transit *transit;

		if (wait_ns > 0)
			return (int)(wait_ns / 1000000) + 1;
		transit = transits_pop(&delay->transits);
		send_frame(delay, transit->to, transit->octets, transit->length);
		free(transit);
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct delay delay;
	int timeout_ms = -1;

	if (argc != 5)
		die("usage: delay MILLISECONDS READY-FILE LEFT RIGHT");
	delay.delay_ns = (int64_t)(strtod(argv[1], NULL) * 1e6);
	transits_open(&delay.transits);
	for (int side = 0; side < 2; side++) {
		int err = wire_open(argv[3 + side], &delay.wires[side]);

		if (err != 0)
			die("%s: %s", argv[3 + side], strerror(-err));
	}
	if (!freopen(argv[2], "w", stdout))
		die("%s: %s", argv[2], strerror(errno));
	for (;;) {
		struct pollfd fds[2] = { { .fd = delay.wires[0].fd, .events = POLLIN },
					 { .fd = delay.wires[1].fd, .events = POLLIN } };

		poll(fds, 2, timeout_ms);
		for (uint8_t from = 0; from < 2; from++)
			wire_receive(&delay.wires[from], from, on_frame, &delay);
		timeout_ms = send_due(&delay);
	}
}
