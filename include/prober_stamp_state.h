/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What prober_stamp.c (opening, sending) and prober_stamp_receive.c share. For them alone.
 */
#ifndef PROBER_STAMP_STATE_H
#define PROBER_STAMP_STATE_H

#include <time.h> /* for the next one, where the C library does not see to it */

#include <linux/errqueue.h>
#include <poll.h>
#include <sys/socket.h>

#include "kernel_abi.h"
#include "probe_socket.h"
#include "prober_stamp.h"
#include "stamp.h"

enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

#define IDENTITY_TLV_BYTES (sizeof(struct stamp_tlv) + sizeof(struct stamp_identity))
#define RECEIVED_BYTES_MAX (STAMP_BYTES + IDENTITY_TLV_BYTES)
#define RECEIVE_BATCH	   16 /* what the memory is taken for: a flow of many peers */
#define RECEIVE_CONTROL_SIZE \
	CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))

struct receive_control {
	_Alignas(struct cmsghdr) char octets[RECEIVE_CONTROL_SIZE];
};

struct stamped_memory;

struct prober_stamp {
	struct stamped_memory *stamped;			/* NULL: programs stamp, not the sockets */
	struct pollfd sockets[FAMILIES * KC_FLOWS_MAX]; /* by flow and family; fd -1: none */
	uint32_t flows;
	uint16_t flow_ports_be[KC_FLOWS_MAX];
	uint16_t port_be; /* of the reflectors */

	/* Of the batch that is being sent. */
	struct mmsghdr messages[PROBE_BATCH];
	struct iovec parts[PROBE_BATCH][2]; /* the request, and its TLVs */
	union socket_address addresses[PROBE_BATCH];
	struct stamp_request requests[PROBE_BATCH];
	uint32_t places[PROBE_BATCH]; /* in the caller's batch */

	/* Of the batch that is being received. */
	struct mmsghdr received[RECEIVE_BATCH];
	struct iovec received_parts[RECEIVE_BATCH];
	union socket_address senders[RECEIVE_BATCH];
	struct receive_control controls[RECEIVE_BATCH];
	uint8_t payloads[RECEIVE_BATCH][RECEIVED_BYTES_MAX];

	/* TLVs of a request that does not ask, and of one that does: the same in all. */
	struct iovec tlvs[2];
	uint8_t tlv_octets[];
};

static inline uint32_t prober_stamp_socket(uint32_t flow, uint32_t family)
{
	return flow * FAMILIES + family;
}

/* What recvmmsg wrote last time is to be set anew. */
static inline void prober_stamp_reset(struct mmsghdr *messages, union socket_address *remotes,
				      uint32_t count, size_t control_bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_namelen = sizeof(remotes[i]);
		messages[i].msg_hdr.msg_controllen = (socklen_t)control_bytes;
		messages[i].msg_hdr.msg_flags = 0;
		remotes[i].any.sa_family = AF_UNSPEC;
	}
}

/* prober_stamp_receive.c: what the kernel tells of an ICMP error that quotes a packet of this
 * socket's port. */
struct icmp_error {
	bool port_unreachable;
	struct address from;
};
struct icmp_error prober_stamp_icmp_error(struct msghdr *header);
/* Whether a port unreachable refuses a probe. */
bool prober_stamp_is_refusal(uint16_t flow, const struct icmp_error *error,
			     const union socket_address *to, const uint8_t *payload,
			     uint32_t length, struct echoed *ret_quoted);
uint16_t prober_stamp_port_of_be(const union socket_address *address);
void prober_stamp_read_echo(const uint8_t *sequence, const uint8_t *nonce, struct echoed *ret);

/* prober_stamp_stamps.c. payload_bytes: of the largest probe. */
int stamped_memory_open(uint32_t payload_bytes, struct stamped_memory **ret);
void stamped_memory_close(struct stamped_memory *memory);
int prober_stamp_want_stamps(int fd, int domain);

#endif
