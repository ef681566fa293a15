/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface as a packet socket: whole frames in, with their age by the kernel's stamp, whole
 * frames out. Own frames are not heard. Counts what the socket had no room for.
 */
#ifndef WIRE_H
#define WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WIRE_FRAME_BYTES  65600
#define WIRE_BATCH	  64
#define WIRE_BUFFER_BYTES (64 << 20)

struct wire {
	int fd;
	uint64_t overruns;
};

typedef void wire_frame_fn(void *ctx, uint8_t side, uint8_t *octets, size_t length, int64_t age_ns);

static inline int wire_open(const char *interface, struct wire *ret)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int buffer_bytes = WIRE_BUFFER_BYTES;
	int one = 1;
	int fd;

	address.sll_ifindex = (int)if_nametoindex(interface);
	if (address.sll_ifindex == 0)
		return -errno;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret = (struct wire){ .fd = fd };
	return 0;
}

static inline int64_t wire_age_ns(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	struct timespec stamp;
	struct timespec now;

	if (!control || control->cmsg_type != SO_TIMESTAMPNS)
		return 0;
	memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - stamp.tv_sec) * 1000000000LL + (now.tv_nsec - stamp.tv_nsec);
}

/* At most a batch, so that what is due meanwhile does not wait. */
static inline void wire_receive(struct wire *wire, uint8_t side, wire_frame_fn *on_frame, void *ctx)
{
	static uint8_t octets[WIRE_FRAME_BYTES];

	for (int i = 0; i < WIRE_BATCH; i++) {
		char control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec vector = { .iov_base = octets, .iov_len = sizeof(octets) };
		struct msghdr header = { .msg_iov = &vector,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(wire->fd, &header, 0);

		if (length < 0)
			return;
		on_frame(ctx, side, octets, (size_t)length, wire_age_ns(&header));
	}
}

/* 0 or -errno. A device without room gets some more chances. */
static inline int wire_send(const struct wire *wire, const uint8_t *octets, size_t length)
{
	for (int attempt = 0; attempt < 1000; attempt++) {
		if (send(wire->fd, octets, length, 0) == (ssize_t)length)
			return 0;
		if (errno != ENOBUFS && errno != EAGAIN)
			break;
	}
	return -errno;
}

static inline uint64_t wire_overruns(struct wire *wire)
{
	struct tpacket_stats statistics = { 0 };
	socklen_t size = sizeof(statistics);

	if (getsockopt(wire->fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0)
		wire->overruns += statistics.tp_drops;
	return wire->overruns;
}

#endif
