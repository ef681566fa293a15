/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the kernel's own stamps from the UDP sockets of STAMP: of probes as they left, from the
 * error queues, and of replies as they came. Must not know whether a probe is in flight, nor what a
 * stamp is good for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "prober_stamp_state.h"

/* The error queue gives a packet back as the device took it: IP and UDP, and before them whatever
 * the ways out may have put there, such as Ethernet with VLAN tags, or a tunnel. */
#define LINK_BYTES_MAX 160
#define FRAME_BYTES(payload_bytes) \
	(LINK_BYTES_MAX + sizeof(struct ip6_hdr) + sizeof(struct udphdr) + (payload_bytes))

/* Stamps, a TTL, and an error with who it comes from. */
#define STAMPED_CONTROL_SIZE                                                     \
	(CMSG_SPACE(sizeof(struct scm_timestamping)) + CMSG_SPACE(sizeof(int)) + \
	 RECEIVE_CONTROL_SIZE)

struct stamped_control {
	_Alignas(struct cmsghdr) char octets[STAMPED_CONTROL_SIZE];
};

struct batch {
	struct mmsghdr messages[RECEIVE_BATCH];
	struct iovec parts[RECEIVE_BATCH];
	union socket_address remotes[RECEIVE_BATCH];
	struct stamped_control controls[RECEIVE_BATCH];
	uint8_t *octets; /* [RECEIVE_BATCH][bytes] */
	uint32_t bytes;
};

/* Replies and what the error queue holds are in memory at once: these are told first. */
struct stamped_memory {
	struct batch replies;
	struct batch errors;
};

static int batch_open(struct batch *batch, uint32_t bytes)
{
	batch->octets = calloc(RECEIVE_BATCH, bytes);
	batch->bytes = bytes;
	if (!batch->octets)
		return -ENOMEM;
	for (uint32_t i = 0; i < RECEIVE_BATCH; i++) {
		batch->parts[i].iov_base = batch->octets + (size_t)i * bytes;
		batch->parts[i].iov_len = bytes;
		batch->messages[i].msg_hdr.msg_name = &batch->remotes[i];
		batch->messages[i].msg_hdr.msg_iov = &batch->parts[i];
		batch->messages[i].msg_hdr.msg_iovlen = 1;
		batch->messages[i].msg_hdr.msg_control = &batch->controls[i];
	}
	return 0;
}

int stamped_memory_open(uint32_t payload_bytes, struct stamped_memory **ret)
{
	struct stamped_memory *memory = calloc(1, sizeof(*memory));
	uint32_t largest = payload_bytes > RECEIVED_BYTES_MAX ? payload_bytes : RECEIVED_BYTES_MAX;
	int err;

	if (!memory)
		return -ENOMEM;
	err = batch_open(&memory->replies, RECEIVED_BYTES_MAX);
	if (!err)
		err = batch_open(&memory->errors, (uint32_t)FRAME_BYTES(largest));
	if (err) {
		stamped_memory_close(memory);
		return err;
	}
	*ret = memory;
	return 0;
}

void stamped_memory_close(struct stamped_memory *memory)
{
	if (!memory)
		return;
	free(memory->replies.octets);
	free(memory->errors.octets);
	free(memory);
}

int prober_stamp_want_stamps(int fd, int domain)
{
	int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
		     SOF_TIMESTAMPING_SOFTWARE;
	int err = probe_socket_set(fd, SOL_SOCKET, SO_TIMESTAMPING, wanted);

	if (err)
		return err;
	return domain == AF_INET ? probe_socket_set(fd, IPPROTO_IP, IP_RECVTTL, 1)
				 : probe_socket_set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

static int batch_receive(struct batch *batch, int fd, int flags)
{
	prober_stamp_reset(batch->messages, batch->remotes, RECEIVE_BATCH,
			   sizeof(batch->controls[0]));
	return recvmmsg(fd, batch->messages, RECEIVE_BATCH, flags | MSG_DONTWAIT, NULL);
}

/* --- what goes with a packet --- */

struct facts {
	int64_t stamp_real_ns; /* software stamp; 0: none */
	uint8_t ttl;
	bool left; /* a probe's own stamp, no error */
};

static void read_control(const struct cmsghdr *control, struct facts *facts)
{
	struct scm_timestamping stamps;
	struct sock_extended_err error;
	int value;

	if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPING &&
	    control->cmsg_len >= CMSG_LEN(sizeof(stamps))) {
		memcpy(&stamps, CMSG_DATA(control), sizeof(stamps));
		facts->stamp_real_ns = stamps.ts[0].tv_sec * NS_PER_SECOND + stamps.ts[0].tv_nsec;
		return;
	}
	if (control->cmsg_level != IPPROTO_IP && control->cmsg_level != IPPROTO_IPV6)
		return;
	if ((control->cmsg_type == IP_RECVERR || control->cmsg_type == IPV6_RECVERR) &&
	    control->cmsg_len >= CMSG_LEN(sizeof(error))) {
		memcpy(&error, CMSG_DATA(control), sizeof(error));
		facts->left = error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING &&
			      error.ee_info == SCM_TSTAMP_SND;
	} else if ((control->cmsg_type == IP_TTL || control->cmsg_type == IPV6_HOPLIMIT) &&
		   control->cmsg_len >= CMSG_LEN(sizeof(value))) {
		memcpy(&value, CMSG_DATA(control), sizeof(value));
		facts->ttl = (uint8_t)value;
	}
}

static struct facts facts_of(struct msghdr *header)
{
	struct facts facts = { .stamp_real_ns = 0 };

	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control))
		read_control(control, &facts);
	return facts;
}

/* --- probes that left --- */

/* What stands before the payload: ret_peer, if these are the headers of a probe of the flow. */
static bool read_headers(const struct prober_stamp *prober, uint16_t flow, bool ipv4,
			 const uint8_t *headers, uint32_t payload_bytes, struct address *ret_peer)
{
	struct iphdr ip;
	struct ip6_hdr ip6;
	struct udphdr udp;
	size_t ip_bytes = ipv4 ? sizeof(ip) : sizeof(ip6);

	memcpy(&udp, headers + ip_bytes, sizeof(udp));
	if (udp.dest != prober->port_be || udp.source != prober->flow_ports_be[flow] ||
	    ntohs(udp.len) != sizeof(udp) + payload_bytes)
		return false;
	if (ipv4) {
		memcpy(&ip, headers, sizeof(ip));
		memcpy(ret_peer->octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
		memcpy(ret_peer->octets + sizeof(address_ipv4_prefix), &ip.daddr, 4);
		return ip.version == 4 && ip.ihl == sizeof(ip) / 4 && ip.protocol == IPPROTO_UDP;
	}
	memcpy(&ip6, headers, sizeof(ip6));
	memcpy(ret_peer->octets, &ip6.ip6_dst, 16);
	return ip6.ip6_vfc >> 4 == 6 && ip6.ip6_nxt == IPPROTO_UDP;
}

/* Its payload stands at the end of what the device took, and is of two sizes: our probes have no IP
 * options, no extension headers, and are never cut to fragments. */
static bool read_probe(const struct prober_stamp *prober, uint16_t flow, bool ipv4,
		       const uint8_t *frame, uint32_t length, struct echoed *ret)
{
	uint32_t headers_bytes = (uint32_t)((ipv4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) +
					    sizeof(struct udphdr));

	for (int ask = 0; ask < 2; ask++) {
		uint32_t payload_bytes = STAMP_BYTES + (uint32_t)prober->tlvs[ask].iov_len;
		const uint8_t *payload = frame + length - payload_bytes;

		if (length < headers_bytes + payload_bytes ||
		    !read_headers(prober, flow, ipv4, payload - headers_bytes, payload_bytes,
				  &ret->peer))
			continue;
		ret->flow = flow;
		prober_stamp_read_echo(payload + offsetof(struct stamp_request, sequence_be),
				       payload + offsetof(struct stamp_request, timestamp), ret);
		return true;
	}
	return false;
}

struct hearing {
	struct prober_stamp *prober;
	const struct prober_stamp_hearer *hearer;
	struct prober_stamp_errors errors;
	int fd;
	uint16_t flow;
	bool ipv4;
	bool stale; /* the clock was set: stamps that still wait may be of the one before */
};

static void hear_error(struct hearing *hearing, struct mmsghdr *message, const uint8_t *octets)
{
	const struct prober_stamp_hearer *hearer = hearing->hearer;
	const union socket_address *to = message->msg_hdr.msg_name;
	struct facts facts = facts_of(&message->msg_hdr);
	struct icmp_error error;
	struct echoed echoed;

	if (facts.left) {
		if (!hearing->stale && facts.stamp_real_ns > 0 &&
		    !(message->msg_hdr.msg_flags & MSG_TRUNC) &&
		    read_probe(hearing->prober, hearing->flow, hearing->ipv4, octets,
			       message->msg_len, &echoed))
			hearer->on_left(hearer->ctx, &echoed, facts.stamp_real_ns);
		return;
	}
	error = prober_stamp_icmp_error(&message->msg_hdr);
	if (prober_stamp_port_of_be(to) == hearing->prober->port_be &&
	    prober_stamp_is_refusal(hearing->flow, &error, to, octets, message->msg_len, &echoed) &&
	    hearer->on_refusal(hearer->ctx, &echoed))
		return;
	hearing->errors.rejected += error.port_unreachable;
	hearing->errors.useless++;
}

static void hear_errors(struct hearing *hearing)
{
	struct batch *batch = &hearing->prober->stamped->errors;
	int count = 1;

	for (int heard = 0; count > 0 && heard < PROBER_STAMP_DRAIN_MAX; heard += count) {
		count = batch_receive(batch, hearing->fd, MSG_ERRQUEUE);
		for (int i = 0; i < count; i++)
			hear_error(hearing, &batch->messages[i],
				   batch->octets + (size_t)i * batch->bytes);
	}
}

static void hear_reply(struct hearing *hearing, struct mmsghdr *message, const uint8_t *octets)
{
	const struct prober_stamp_hearer *hearer = hearing->hearer;
	const union socket_address *from = message->msg_hdr.msg_name;
	struct stamped_reply reply = { .echoed.flow = hearing->flow,
				       .payload = octets,
				       .length = message->msg_len };
	struct facts facts;

	if (prober_stamp_port_of_be(from) != hearing->prober->port_be)
		return;
	socket_address_read(from, &reply.echoed.peer);
	facts = facts_of(&message->msg_hdr);
	reply.t4_real_ns = facts.stamp_real_ns;
	reply.ttl = facts.ttl;
	if (reply.length >= STAMP_BYTES)
		prober_stamp_read_echo(octets + offsetof(struct stamp_reply, sender_sequence_be),
				       octets + offsetof(struct stamp_reply, sender_timestamp),
				       &reply.echoed);
	hearer->on_reply(hearer->ctx, &reply);
}

/* The stamp of a probe was queued before it left, hence before its reply was: whoever has taken
 * replies from the socket and then all that its error queue held has the stamps to them. */
static void hear_socket(struct hearing *hearing)
{
	struct batch *batch = &hearing->prober->stamped->replies;
	uint32_t retries = 0;

	for (int heard = 0; heard < PROBER_STAMP_DRAIN_MAX;) {
		int count = batch_receive(batch, hearing->fd, 0);
		bool ended = count <= 0 && errno == EAGAIN;

		hear_errors(hearing);
		hearing->stale |= !hearing->hearer->on_stamps(hearing->hearer->ctx);
		for (int i = 0; i < count; i++)
			hear_reply(hearing, &batch->messages[i],
				   batch->octets + (size_t)i * batch->bytes);
		/* An ICMP error is told once, and then the packets behind it. */
		if (ended || (count <= 0 && retries++ == PROBE_SOCKET_RETRIES))
			return;
		heard += count > 0 ? count : 0;
	}
}

/* What does not fit is dropped without a word, of the error queue without a count as well: but what
 * was too much is still there when we come. */
static bool is_full(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t length = sizeof(memory);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0 &&
	       memory[SK_MEMINFO_RMEM_ALLOC] >
		       memory[SK_MEMINFO_RCVBUF] - memory[SK_MEMINFO_RCVBUF] / 8;
}

struct prober_stamp_errors prober_stamp_hear(struct prober_stamp *prober,
					     const struct prober_stamp_hearer *hearer)
{
	struct hearing hearing = { .prober = prober, .hearer = hearer };
	uint32_t count = prober->flows * FAMILIES;
	bool full;

	if (poll(prober->sockets, count, 0) <= 0)
		return hearing.errors;
	for (uint32_t i = 0; i < count; i++) {
		const struct pollfd *socket = &prober->sockets[i];

		if (socket->fd < 0 || !socket->revents)
			continue;
		hearing.fd = socket->fd;
		hearing.flow = (uint16_t)(i / FAMILIES);
		hearing.ipv4 = i % FAMILIES == FAMILY_IPV4;
		full = is_full(socket->fd);
		hear_socket(&hearing);
		if (full)
			hearer->on_full(hearer->ctx, hearing.flow);
	}
	return hearing.errors;
}
