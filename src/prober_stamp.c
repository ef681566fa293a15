/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the UDP sockets of STAMP, one for each flow and family, and sends the probes. All memory is
 * taken at open. Must not know peers or slots, nor keep account of what was sent.
 */
#include "prober_stamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prober_stamp_state.h"

/* A limit, not memory that is taken: packets to neighbours that do not answer ARP are held for
 * seconds and count as ours. A rack of dead peers must not keep us from probing the living. They
 * are spread over the flows. */
#define SEND_BUFFER_PACKETS 2048

/* The same for what comes between two calls of prober_stamp_receive: replies, and in the same room
 * ICMP errors, which anybody can send. A call empties what fits: the kernel counts the smallest
 * packet as 512 octets and more. While 200,000 errors a second come to one port there is room for
 * a refusal until 10 ms after a call, more than the RTT in a cluster. */
#define RECEIVE_BUFFER_BYTES (PROBER_STAMP_DRAIN_MAX * 512)

/* The kernel chooses a port for one family, which the other may have given away. */
#define PORT_TRIES 32

#define HOP_LIMIT 255 /* RFC 8762 section 4.2.1 */

static const int domains[FAMILIES] = { [FAMILY_IPV4] = AF_INET, [FAMILY_IPV6] = AF_INET6 };

static int set_options(int fd, unsigned int family, const struct prober_stamp_settings *settings)
{
	uint32_t largest = settings->payload_size > RECEIVED_BYTES_MAX ? settings->payload_size
								       : RECEIVED_BYTES_MAX;
	int receive_bytes = RECEIVE_BUFFER_BYTES / 2; /* the kernel doubles it */
	int err = probe_socket_set_path(fd, domains[family], settings->dscp,
					SEND_BUFFER_PACKETS / settings->flows, largest);

	if (!err && probe_socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_bytes) < 0)
		err = probe_socket_set(fd, SOL_SOCKET, SO_RCVBUF, receive_bytes);
	if (!err && family == FAMILY_IPV4) {
		err = probe_socket_set(fd, IPPROTO_IP, IP_TTL, HOP_LIMIT);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IP, IP_RECVERR, 1);
	} else if (!err) {
		err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT);
		if (!err)
			err = probe_socket_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
	if (!err && settings->stamped)
		err = prober_stamp_want_stamps(fd, domains[family]);
	return err;
}

/* To the port, or if it is 0 to one that the kernel chooses. */
static int bind_port(int fd, unsigned int family, uint16_t *port_be)
{
	static const struct address any[FAMILIES] = {
		[FAMILY_IPV4] = { .octets = { [10] = 0xff, [11] = 0xff } },
	};
	union socket_address address;
	socklen_t length = socket_address_write(&address, &any[family], *port_be);

	if (bind(fd, &address.any, length) < 0 || getsockname(fd, &address.any, &length) < 0)
		return -errno;
	*port_be = family == FAMILY_IPV4 ? address.ipv4.sin_port : address.ipv6.sin6_port;
	return 0;
}

static void close_flow(struct prober_stamp *prober, uint32_t flow)
{
	for (unsigned int family = 0; family < FAMILIES; family++) {
		struct pollfd *socket = &prober->sockets[prober_stamp_socket(flow, family)];

		if (socket->fd >= 0)
			close(socket->fd);
		socket->fd = -1;
	}
}

/* 0, or -errno: -EADDRINUSE where another port may serve. */
static int try_flow(struct prober_stamp *prober, uint32_t flow,
		    const struct prober_stamp_settings *settings)
{
	uint16_t port_be = 0;

	for (unsigned int family = 0; family < FAMILIES; family++) {
		int fd = socket(domains[family], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int err;

		if (fd < 0 && errno == EAFNOSUPPORT)
			continue;
		if (fd < 0)
			return -errno;
		prober->sockets[prober_stamp_socket(flow, family)].fd = fd;
		err = set_options(fd, family, settings);
		if (!err)
			err = bind_port(fd, family, &port_be);
		if (err)
			return err;
	}
	if (port_be == 0)
		return -EAFNOSUPPORT;
	prober->flow_ports_be[flow] = port_be;
	return port_be == settings->port_be ? -EADDRINUSE : 0;
}

static int open_flow(struct prober_stamp *prober, uint32_t flow,
		     const struct prober_stamp_settings *settings)
{
	int err = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
		close_flow(prober, flow);
		err = try_flow(prober, flow, settings);
	}
	return err;
}

/* Octets of TLVs that make a request as large as wanted, or that it needs anyway. */
static uint32_t tlv_bytes(uint32_t payload_size, bool ask)
{
	uint32_t needed = ask ? IDENTITY_TLV_BYTES : 0;

	if (payload_size < STAMP_BYTES + needed + sizeof(struct stamp_tlv))
		return needed;
	return payload_size - STAMP_BYTES;
}

/* RFC 8972 section 4: the sender sets U in all. Values are zeros. */
static void write_tlv(uint8_t *octets, uint8_t type, uint32_t bytes)
{
	struct stamp_tlv tlv = {
		.flags = STAMP_TLV_UNRECOGNIZED,
		.type = type,
		.length_be = htons((uint16_t)(bytes - sizeof(tlv))),
	};

	memcpy(octets, &tlv, sizeof(tlv));
}

static void prepare_tlvs(struct prober_stamp *prober, uint32_t payload_size)
{
	uint8_t *octets = prober->tlv_octets;

	for (int ask = 0; ask < 2; ask++) {
		uint32_t bytes = tlv_bytes(payload_size, ask);
		uint32_t identity_bytes = ask ? IDENTITY_TLV_BYTES : 0;

		if (ask)
			write_tlv(octets, STAMP_TLV_IDENTITY, identity_bytes);
		if (bytes > identity_bytes)
			write_tlv(octets + identity_bytes, STAMP_TLV_EXTRA_PADDING,
				  bytes - identity_bytes);
		prober->tlvs[ask].iov_base = octets;
		prober->tlvs[ask].iov_len = bytes;
		octets += bytes;
	}
}

static void prepare_messages(struct prober_stamp *prober)
{
	for (uint32_t i = 0; i < PROBE_BATCH; i++) {
		prober->parts[i][0].iov_base = &prober->requests[i];
		prober->parts[i][0].iov_len = sizeof(prober->requests[i]);
		prober->messages[i].msg_hdr.msg_name = &prober->addresses[i];
		prober->messages[i].msg_hdr.msg_iov = prober->parts[i];
	}
	for (uint32_t i = 0; i < RECEIVE_BATCH; i++) {
		prober->received_parts[i].iov_base = prober->payloads[i];
		prober->received_parts[i].iov_len = sizeof(prober->payloads[i]);
		prober->received[i].msg_hdr.msg_name = &prober->senders[i];
		prober->received[i].msg_hdr.msg_iov = &prober->received_parts[i];
		prober->received[i].msg_hdr.msg_iovlen = 1;
		prober->received[i].msg_hdr.msg_control = &prober->controls[i];
	}
}

static bool settings_hold(const struct prober_stamp_settings *settings)
{
	bool size_holds = settings->payload_size == STAMP_BYTES ||
			  (settings->payload_size >= STAMP_BYTES + sizeof(struct stamp_tlv) &&
			   settings->payload_size <= STAMP_BYTES_MAX);

	return size_holds && settings->flows >= 1 && settings->flows <= KC_FLOWS_MAX &&
	       settings->dscp <= 63 && settings->port_be != 0;
}

int prober_stamp_open(const struct prober_stamp_settings *settings, struct prober_stamp **ret)
{
	struct prober_stamp *prober;
	int err = 0;

	if (!settings_hold(settings))
		return -EINVAL;
	prober = calloc(1, sizeof(*prober) + tlv_bytes(settings->payload_size, false) +
				   tlv_bytes(settings->payload_size, true));
	if (!prober)
		return -ENOMEM;
	for (uint32_t i = 0; i < FAMILIES * KC_FLOWS_MAX; i++)
		prober->sockets[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	prober->flows = settings->flows;
	prober->port_be = settings->port_be;
	prepare_tlvs(prober, settings->payload_size);
	prepare_messages(prober);
	if (settings->stamped)
		err = stamped_memory_open(settings->payload_size, &prober->stamped);
	for (uint32_t flow = 0; flow < settings->flows && !err; flow++)
		err = open_flow(prober, flow, settings);
	if (err) {
		prober_stamp_close(prober);
		return err;
	}
	*ret = prober;
	return 0;
}

void prober_stamp_close(struct prober_stamp *prober)
{
	if (!prober)
		return;
	for (uint32_t flow = 0; flow < prober->flows; flow++)
		close_flow(prober, flow);
	stamped_memory_close(prober->stamped);
	free(prober);
}

uint32_t prober_stamp_fds(const struct prober_stamp *prober, int *ret)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < prober->flows * FAMILIES; i++) {
		if (prober->sockets[i].fd >= 0)
			ret[count++] = prober->sockets[i].fd;
	}
	return count;
}

uint16_t prober_stamp_port_be(const struct prober_stamp *prober, uint16_t flow)
{
	return flow < prober->flows ? prober->flow_ports_be[flow] : 0;
}

static void write_message(struct prober_stamp *prober, uint32_t at, const struct probe *probe,
			  uint16_t error_estimate_be)
{
	struct stamp_request *request = &prober->requests[at];

	request->sequence_be = htonl(probe->sequence);
	memcpy(request->timestamp, &probe->nonce, sizeof(request->timestamp));
	request->error_estimate_be = error_estimate_be;
	request->ssid_be = htons(probe->ssid);
	/* One part alone, as most have, is less work for the kernel. */
	prober->parts[at][1] = prober->tlvs[probe->ask];
	prober->messages[at].msg_hdr.msg_iovlen = prober->tlvs[probe->ask].iov_len > 0 ? 2 : 1;
	prober->messages[at].msg_hdr.msg_namelen =
		socket_address_write(&prober->addresses[at], &probe->destination, prober->port_be);
}

/* Those of the batch that go out of this socket. */
static void send_from(struct prober_stamp *prober, uint32_t flow, unsigned int family,
		      const struct probe *batch, uint32_t count, uint16_t error_estimate_be,
		      int *errors)
{
	int fd = prober->sockets[prober_stamp_socket(flow, family)].fd;
	uint32_t messages = 0;

	for (uint32_t i = 0; i < count; i++) {
		unsigned int of = address_is_ipv4(&batch[i].destination) ? FAMILY_IPV4
									 : FAMILY_IPV6;

		if (batch[i].protocol != PROBE_STAMP || batch[i].flow != flow || of != family)
			continue;
		errors[i] = fd < 0 ? -EAFNOSUPPORT : 0;
		if (fd < 0)
			continue;
		write_message(prober, messages, &batch[i], error_estimate_be);
		prober->places[messages++] = i;
		if (messages == PROBE_BATCH) {
			probe_socket_send(fd, prober->messages, messages, prober->places, errors);
			messages = 0;
		}
	}
	probe_socket_send(fd, prober->messages, messages, prober->places, errors);
}

void prober_stamp_send(struct prober_stamp *prober, const struct probe *batch, uint32_t count,
		       uint16_t error_estimate_be, int *errors)
{
	uint32_t flows[FAMILIES] = { 0 }; /* bits: most batches do not need all sockets */

	for (uint32_t i = 0; i < count; i++) {
		if (batch[i].protocol != PROBE_STAMP)
			continue;
		errors[i] = -EINVAL; /* a flow that is not there */
		if (batch[i].flow < prober->flows)
			flows[address_is_ipv4(&batch[i].destination) ? FAMILY_IPV4 : FAMILY_IPV6] |=
				1u << batch[i].flow;
	}
	for (uint32_t flow = 0; flow < prober->flows; flow++) {
		for (unsigned int family = 0; family < FAMILIES; family++) {
			if (flows[family] & (1u << flow))
				send_from(prober, flow, family, batch, count, error_estimate_be,
					  errors);
		}
	}
}
