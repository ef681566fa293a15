/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Empties the UDP sockets of STAMP: replies, and the error queues with their quotes of probes. Must
 * not know whether a probe is in flight: whoever is called holds what came against it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "prober_stamp_state.h"

/* Of a probe, what an ICMP error must quote: its sequence and its timestamp. */
#define QUOTED_BYTES (offsetof(struct stamp_request, timestamp) + sizeof(uint64_t))

struct receiver {
	prober_stamp_reply_fn *on_reply;
	prober_stamp_refusal_fn *on_refusal;
	void *ctx;
	struct prober_stamp_errors errors;
};

void prober_stamp_read_echo(const uint8_t *sequence, const uint8_t *nonce, struct echoed *ret)
{
	uint32_t sequence_be;

	memcpy(&sequence_be, sequence, sizeof(sequence_be));
	ret->sequence = (uint16_t)ntohl(sequence_be);
	memcpy(&ret->nonce, nonce, sizeof(ret->nonce));
}

uint16_t prober_stamp_port_of_be(const union socket_address *address)
{
	return address->any.sa_family == AF_INET ? address->ipv4.sin_port : address->ipv6.sin6_port;
}

static void handle_reply(const struct receiver *receiver, uint16_t flow,
			 const union socket_address *from, const uint8_t *payload, uint32_t length)
{
	struct echoed reply = { .flow = flow };

	if (length < STAMP_BYTES)
		return;
	socket_address_read(from, &reply.peer);
	prober_stamp_read_echo(payload + offsetof(struct stamp_reply, sender_sequence_be),
			       payload + offsetof(struct stamp_reply, sender_timestamp), &reply);
	receiver->on_reply(receiver->ctx, &reply, payload, length);
}

static void read_icmp_error(const struct cmsghdr *control, struct icmp_error *ret)
{
	bool ipv4 = control->cmsg_level == IPPROTO_IP;
	union socket_address from = { .any.sa_family = AF_UNSPEC };
	struct sock_extended_err error;
	size_t length = control->cmsg_len - CMSG_LEN(sizeof(error));

	memcpy(&error, CMSG_DATA(control), sizeof(error));
	if (ipv4)
		ret->port_unreachable = error.ee_origin == SO_EE_ORIGIN_ICMP &&
					error.ee_type == ICMP_DEST_UNREACH &&
					error.ee_code == ICMP_PORT_UNREACH;
	else
		ret->port_unreachable = error.ee_origin == SO_EE_ORIGIN_ICMP6 &&
					error.ee_type == ICMP6_DST_UNREACH &&
					error.ee_code == ICMP6_DST_UNREACH_NOPORT;
	/* SO_EE_OFFENDER: behind the error. */
	memcpy(&from, CMSG_DATA(control) + sizeof(error),
	       length < sizeof(from) ? length : sizeof(from));
	socket_address_read(&from, &ret->from);
}

struct icmp_error prober_stamp_icmp_error(struct msghdr *header)
{
	struct icmp_error found = { .port_unreachable = false };

	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		bool ipv4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
		bool ipv6 = control->cmsg_level == IPPROTO_IPV6 &&
			    control->cmsg_type == IPV6_RECVERR;

		if ((ipv4 || ipv6) &&
		    control->cmsg_len >= CMSG_LEN(sizeof(struct sock_extended_err)))
			read_icmp_error(control, &found);
	}
	return found;
}

/* A router or firewall on the way that rejects is not the peer, and what it does to probes is loss.
 */
bool prober_stamp_is_refusal(uint16_t flow, const struct icmp_error *error,
			     const union socket_address *to, const uint8_t *payload,
			     uint32_t length, struct echoed *ret_quoted)
{
	*ret_quoted = (struct echoed){ .flow = flow };
	if (!error->port_unreachable || length < QUOTED_BYTES)
		return false;
	socket_address_read(to, &ret_quoted->peer);
	if (!address_equal(&error->from, &ret_quoted->peer))
		return false;
	prober_stamp_read_echo(payload + offsetof(struct stamp_request, sequence_be),
			       payload + offsetof(struct stamp_request, timestamp), ret_quoted);
	return true;
}

static void handle_error(struct receiver *receiver, uint16_t flow, struct msghdr *header,
			 bool to_reflector, const uint8_t *payload, uint32_t length)
{
	struct icmp_error error = prober_stamp_icmp_error(header);
	struct echoed quoted;

	if (to_reflector &&
	    prober_stamp_is_refusal(flow, &error, header->msg_name, payload, length, &quoted) &&
	    receiver->on_refusal(receiver->ctx, &quoted))
		return;
	receiver->errors.rejected += error.port_unreachable;
	receiver->errors.useless++;
}

/* As recvmmsg. */
static int receive_batch(struct prober_stamp *prober, int fd, uint32_t count, int flags)
{
	prober_stamp_reset(prober->received, prober->senders, count, sizeof(prober->controls[0]));
	return recvmmsg(fd, prober->received, count, flags | MSG_DONTWAIT, NULL);
}

_Static_assert(PROBER_STAMP_DRAIN_MAX % PROBE_BATCH == 0, "whole batches");

/* Empties the socket of replies without a look at them: neither what they say nor whose they are
 * is copied. An error that came meanwhile ends it; the next call sees both. The messages are those
 * that are sent with, which are set anew for each probe. */
static void discard(struct prober_stamp *prober, int fd)
{
	uint32_t left = PROBER_STAMP_DRAIN_MAX;
	int count = PROBE_BATCH;

	while (left > 0 && count == PROBE_BATCH) {
		for (uint32_t i = 0; i < PROBE_BATCH; i++) {
			prober->messages[i].msg_hdr.msg_namelen = 0;
			prober->messages[i].msg_hdr.msg_iovlen = 0;
		}
		count = recvmmsg(fd, prober->messages, PROBE_BATCH, MSG_DONTWAIT, NULL);
		left -= PROBE_BATCH;
	}
}

/* flags: 0, or MSG_ERRQUEUE. calm: no error waits, so that what is less than asked for was all. */
static void drain(struct prober_stamp *prober, struct receiver *receiver, int fd, uint16_t flow,
		  int flags, bool calm)
{
	uint32_t left = PROBER_STAMP_DRAIN_MAX;
	uint32_t retries = 0;

	while (left > 0) {
		uint32_t wanted = left < RECEIVE_BATCH ? left : RECEIVE_BATCH;
		int count = receive_batch(prober, fd, wanted, flags);

		/* An ICMP error is told once, and then the packets behind it. */
		if (count <= 0 && (errno == EAGAIN || retries++ == PROBE_SOCKET_RETRIES))
			return;
		if (count > 0)
			retries = 0;
		for (int i = 0; i < count; i++) {
			const union socket_address *remote = &prober->senders[i];
			const uint8_t *payload = prober->payloads[i];
			uint32_t length = prober->received[i].msg_len;
			bool of_reflector = prober_stamp_port_of_be(remote) == prober->port_be;

			left--;
			if (flags & MSG_ERRQUEUE)
				handle_error(receiver, flow, &prober->received[i].msg_hdr,
					     of_reflector, payload, length);
			else if (of_reflector && receiver->on_reply)
				handle_reply(receiver, flow, remote, payload, length);
		}
		if (calm && count < (int)wanted)
			return;
	}
}

struct prober_stamp_errors prober_stamp_receive(struct prober_stamp *prober,
						prober_stamp_reply_fn *on_reply,
						prober_stamp_refusal_fn *on_refusal, void *ctx)
{
	struct receiver receiver = { .on_reply = on_reply, .on_refusal = on_refusal, .ctx = ctx };
	uint32_t count = prober->flows * FAMILIES;

	if (poll(prober->sockets, count, 0) <= 0)
		return receiver.errors;
	for (uint32_t i = 0; i < count; i++) {
		const struct pollfd *socket = &prober->sockets[i];
		uint16_t flow = (uint16_t)(i / FAMILIES);

		if (socket->fd < 0 || !socket->revents)
			continue;
		/* Beside errors replies are read in any case. */
		if (!on_reply && !(socket->revents & POLLERR)) {
			discard(prober, socket->fd);
			continue;
		}
		if (socket->revents & POLLERR)
			drain(prober, &receiver, socket->fd, flow, MSG_ERRQUEUE, false);
		drain(prober, &receiver, socket->fd, flow, 0, !(socket->revents & POLLERR));
	}
	return receiver.errors;
}
