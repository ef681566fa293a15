/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tap or tun device in a network namespace of this process's own, with one of our programs at its
 * tc ingress: real packets, of kinds that BPF_PROG_TEST_RUN does not make. By clsact, which every
 * kernel has. Must not know what is expected.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "harness.h"

#define DEVICE_NAME   "device"
#define DEVICE_WAIT   2000 /* milliseconds until an answer is missed */
#define DEVICE_HEADER sizeof(struct virtio_net_hdr)

static const uint8_t device_mac[6] = { 2, 0, 0, 0, 0, 1 };

struct device {
	int fd;
	int control_fd;
	unsigned index;
	bool has_ethernet;
};

static inline void device_close(struct device *device)
{
	close(device->fd);
	close(device->control_fd);
}

/* No words of the kernel's own on it. */
static inline void device_silence(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/" DEVICE_NAME "/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) < 0)
		print_message("IPv6 stays on\n");
	close(fd);
}

static inline int device_up(struct device *device)
{
	struct ifreq request = { .ifr_name = DEVICE_NAME };

	device->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (device->has_ethernet) {
		request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(request.ifr_hwaddr.sa_data, device_mac, sizeof(device_mac));
		if (ioctl(device->control_fd, SIOCSIFHWADDR, &request) != 0)
			return -1;
	}
	request.ifr_mtu = PACKET_CAPACITY;
	if (ioctl(device->control_fd, SIOCSIFMTU, &request) != 0)
		return -1;
	device_silence();
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(device->control_fd, SIOCSIFFLAGS, &request) != 0)
		return -1;
	device->index = if_nametoindex(DEVICE_NAME);
	return 0;
}

static inline int device_attach(const struct device *device, const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)device->index,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = bpf_program__fd(program));

	return bpf_tc_hook_create(&hook) != 0 ? -1 : bpf_tc_attach(&hook, &options);
}

/* kind: IFF_TAP or IFF_TUN, with other flags. In a namespace of its own; -1 with errno where there
 * are none. */
static inline int device_open(struct device *ret, int kind, const struct bpf_program *program)
{
	struct ifreq request = { .ifr_name = DEVICE_NAME,
				 .ifr_flags = (short)(kind | IFF_NO_PI | IFF_VNET_HDR) };
	struct device device = { .fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK),
				 .control_fd = -1,
				 .has_ethernet = kind & IFF_TAP };

	if (device.fd < 0 || ioctl(device.fd, TUNSETIFF, &request) != 0 ||
	    device_up(&device) != 0 || device_attach(&device, program) != 0) {
		device_close(&device);
		return -1;
	}
	*ret = device;
	return 0;
}

/* As if it came over the wire, the first octets (0: all) apart from the others. */
static inline void device_receive(const struct device *device, const struct frame *frame,
				  const struct virtio_net_hdr *header, size_t first)
{
	struct iovec parts[] = { { (void *)(uintptr_t)header, DEVICE_HEADER },
				 { (void *)(uintptr_t)frame->octets, first ? first : frame->bytes },
				 { (void *)(uintptr_t)(frame->octets + first),
				   frame->bytes - first } };

	assert_int_equal(writev(device->fd, parts, first ? 3 : 2), DEVICE_HEADER + frame->bytes);
}

/* Whether something went out. */
static inline bool device_sent(const struct device *device, int wait_ms, struct frame *ret)
{
	struct pollfd waiting = { .fd = device->fd, .events = POLLIN };
	struct virtio_net_hdr header;
	struct iovec parts[] = { { &header, sizeof(header) },
				 { ret->octets, sizeof(ret->octets) } };
	ssize_t bytes;

	if (poll(&waiting, 1, wait_ms) <= 0)
		return false;
	bytes = readv(device->fd, parts, 2);
	assert_true(bytes > (ssize_t)sizeof(header));
	ret->bytes = (size_t)bytes - sizeof(header);
	return true;
}

#endif
