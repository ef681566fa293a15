/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all sockets that send probes have in common: addresses as the kernel wants them, options
 * that keep a probe whole, and sending in batches. Plumbing; must not know what a probe is.
 */
#ifndef PROBE_SOCKET_H
#define PROBE_SOCKET_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "address.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Returns the length that goes with it. */
socklen_t socket_address_write(union socket_address *ret, const struct address *address,
			       uint16_t port_be);
void socket_address_read(const union socket_address *from, struct address *ret);

/* 0 or -errno. */
int probe_socket_set(int fd, int level, int option, int value);

/* IP_PMTUDISC_*: whether what is too large is sent at all, and whether in fragments. */
int probe_socket_set_discovery(int fd, int discovery);

/* What the kernel adds to a packet in its own count, rounded up. */
#define PROBE_SOCKET_OVERHEAD_BYTES 1024

/* The DSCP; never fragmented, and no path MTU from somebody's ICMP is believed; room for so many
 * packets of this payload on their way out, as far as that is permitted. 0 or -errno. */
int probe_socket_set_path(int fd, int domain, uint32_t dscp, uint32_t packets,
			  uint32_t payload_bytes);

/* An ICMP error that somebody's packet brought about waits on the socket, and fails what is done
 * with it next, whomever that is for. Under a flood of them there is a new one as soon as one was
 * told: so often in a row it is tried again, which a hundred thousand a second do not outlast. */
#define PROBE_SOCKET_RETRIES 8

/* Sends all messages, whose padding is zero, as after calloc. The error of one that fails again and
 * again is in errors[places[i]] as -errno; the others are left as they are. Errors that no ICMP
 * brings get one retry only. */
void probe_socket_send(int fd, struct mmsghdr *messages, uint32_t count, const uint32_t *places,
		       int *errors);

#endif
