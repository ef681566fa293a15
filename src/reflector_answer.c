/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes to the sockets of the user-space reflector, with all that the kernel tells of it, and
 * the replies that leave by them. What came is read in batches; replies go one by one, so that
 * nothing lies between T3 and the sending of its own. Must not know who may ask.
 */
#include <errno.h>
#include <time.h> /* for the next one, where the C library does not see to it */
#include <linux/errqueue.h>

#include "loop.h"
#include "reflector_state.h"

/* Of each socket in a call: a few milliseconds. */
#define ANSWER_MAX 256

/* Where it is from, of which IPv6's is the larger, and its TOS. */
#define REPLY_CONTROL_BYTES (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)))

/* What the kernel told of a packet. */
struct received {
	struct reflector_request request;
	bool is_stamped; /* T2 is known */
	int tos;
};

struct reply_control {
	_Alignas(struct cmsghdr) char octets[REPLY_CONTROL_BYTES];
};

static int control_int(const struct cmsghdr *control)
{
	int value;

	memcpy(&value, CMSG_DATA(control), sizeof(value));
	return value;
}

/* The software's stamp; zeros if there is none. */
static void read_stamp(const struct cmsghdr *control, struct received *ret)
{
	struct scm_timestamping stamps;
	const struct timespec *stamp = &stamps.ts[0];

	memcpy(&stamps, CMSG_DATA(control), sizeof(stamps));
	if (stamp->tv_sec == 0 && stamp->tv_nsec == 0)
		return;
	ret->request.t2_unix_ns = stamp->tv_sec * NS_PER_SECOND + stamp->tv_nsec;
	ret->is_stamped = true;
}

/* Told of the socket, by a packet that came after what it had no room for, or what was damaged. */
static void read_overflow(struct reflector *reflector, struct reflector_socket *socket,
			  const struct cmsghdr *control)
{
	uint32_t overflow = (uint32_t)control_int(control);

	reflector_count_dropped(&reflector->memory, overflow - socket->overflow);
	socket->overflow = overflow;
}

static void read_control_ipv4(const struct cmsghdr *control, struct received *ret)
{
	struct in_pktinfo info;

	switch (control->cmsg_type) {
	case IP_PKTINFO:
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		memcpy(ret->request.destination.octets, address_ipv4_prefix,
		       sizeof(address_ipv4_prefix));
		memcpy(ret->request.destination.octets + sizeof(address_ipv4_prefix),
		       &info.ipi_addr, sizeof(info.ipi_addr));
		break;
	case IP_TTL:
		ret->request.ttl = (uint8_t)control_int(control);
		break;
	case IP_TOS:
		ret->tos = *CMSG_DATA(control);
		break;
	default: /* options, the size of fragments */
		ret->request.is_plain = false;
	}
}

static void read_control_ipv6(const struct cmsghdr *control, struct received *ret)
{
	struct in6_pktinfo info;

	switch (control->cmsg_type) {
	case IPV6_PKTINFO:
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		memcpy(ret->request.destination.octets, &info.ipi6_addr, sizeof(info.ipi6_addr));
		break;
	case IPV6_HOPLIMIT:
		ret->request.ttl = (uint8_t)control_int(control);
		break;
	case IPV6_TCLASS:
		ret->tos = control_int(control);
		break;
	default: /* extension headers, the size of fragments */
		ret->request.is_plain = false;
	}
}

/* What is not told is 0: no address of ours, no TTL that a host sends. */
static struct received read_message(struct reflector *reflector, struct reflector_socket *socket,
				    uint32_t place)
{
	struct msghdr *header = &reflector->messages[place].msg_hdr;
	const union socket_address *sender = &reflector->senders[place];
	struct received received = {
		.request = {
			.source_port_be = sender->any.sa_family == AF_INET ? sender->ipv4.sin_port
									   : sender->ipv6.sin6_port,
			.is_ipv4 = sender->any.sa_family == AF_INET,
			.is_plain = !(header->msg_flags & MSG_CTRUNC),
			.bytes = header->msg_flags & MSG_TRUNC ? STAMP_BYTES_MAX + 1
							      : reflector->messages[place].msg_len,
			.payload = reflector->payloads[place],
		},
	};

	socket_address_read(sender, &received.request.source);
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		if (control->cmsg_level == IPPROTO_IP)
			read_control_ipv4(control, &received);
		else if (control->cmsg_level == IPPROTO_IPV6)
			read_control_ipv6(control, &received);
		else if (control->cmsg_type == SO_TIMESTAMPING)
			read_stamp(control, &received);
		else if (control->cmsg_type == SO_RXQ_OVFL)
			read_overflow(reflector, socket, control);
	}
	return received;
}

static void *control_add(struct msghdr *header, struct cmsghdr *control, int level, int type,
			 size_t bytes)
{
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = (socklen_t)CMSG_LEN(bytes); /* of musl it is one */
	header->msg_controllen += (socklen_t)CMSG_SPACE(bytes);
	return CMSG_DATA(control);
}

/* From the address that was asked, in the class of the question, and by the way that routes tell,
 * as all that this host sends goes. Bound to the interface where the question came in, IPv4 would
 * look for the peer itself on that link where no route leads to it from there, and nobody would
 * hear. */
static void reply_address(const struct received *received, struct msghdr *header)
{
	const uint8_t *from = received->request.destination.octets;
	struct cmsghdr *control = header->msg_control;
	struct cmsghdr *next;

	header->msg_controllen = 0;
	if (received->request.is_ipv4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 };

		memcpy(&info.ipi_spec_dst, from + sizeof(address_ipv4_prefix),
		       sizeof(info.ipi_spec_dst));
		memcpy(control_add(header, control, IPPROTO_IP, IP_PKTINFO, sizeof(info)), &info,
		       sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = 0 };

		memcpy(&info.ipi6_addr, from, sizeof(info.ipi6_addr));
		memcpy(control_add(header, control, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info)),
		       &info, sizeof(info));
	}
	next = (struct cmsghdr *)(void *)((char *)control + header->msg_controllen);
	memcpy(control_add(header, next, received->request.is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
			   received->request.is_ipv4 ? IP_TOS : IPV6_TCLASS, sizeof(int)),
	       &received->tos, sizeof(int));
}

/* T3 is no earlier than T2 where both are of one clock. */
static bool reply_send(struct reflector *reflector, int fd, uint32_t place,
		       const struct received *received)
{
	struct reply_control control;
	struct iovec part = { .iov_base = reflector->payloads[place],
			      .iov_len = received->request.bytes };
	struct msghdr header = {
		.msg_name = &reflector->senders[place],
		.msg_namelen = reflector->messages[place].msg_hdr.msg_namelen,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.octets,
	};
	struct local_time now;
	int64_t t3_unix_ns;

	memset(&control, 0, sizeof(control));
	reply_address(received, &header);
	if (!reflector_clocks(reflector, &now, &t3_unix_ns) ||
	    t3_unix_ns < received->request.t2_unix_ns)
		return false;
	reflector_write_t3(reflector->payloads[place], t3_unix_ns);
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* unix_ns: of the same moment as now. */
static void message_answer(struct reflector *reflector, struct reflector_socket *socket,
			   uint32_t place, struct local_time now, int64_t unix_ns)
{
	struct received received = read_message(reflector, socket, place);
	struct reflector_request *request = &received.request;
	struct reflector_asker asker;
	int64_t age_ns;

	if (socket->stale > 0) {
		socket->stale--;
		received.is_stamped = false;
	}
	/* For the guards; it is not told. */
	if (!received.is_stamped)
		request->t2_unix_ns = unix_ns;
	age_ns = unix_ns - request->t2_unix_ns;
	request->arrived = local_after(now, age_ns > 0 ? -age_ns : 0);
	if (!reflector_judge(&reflector->memory, reflector->port_be, request, &asker))
		return;
	if (received.is_stamped) {
		reflector_write(&reflector->memory, &reflector->identity, request, &asker,
				reflector->payloads[place]);
		if (reply_send(reflector, socket->fd, place, &received)) {
			reflector_count_answered(&reflector->memory, &asker);
			return;
		}
	}
	reflector_count_failed(&reflector->memory, &asker);
}

/* As recvmmsg. What it wrote last time is to be set anew. */
static int receive_batch(struct reflector *reflector, int fd)
{
	for (uint32_t i = 0; i < REFLECTOR_BATCH; i++) {
		struct msghdr *header = &reflector->messages[i].msg_hdr;

		header->msg_namelen = sizeof(reflector->senders[i]);
		header->msg_controllen = sizeof(reflector->controls[i]);
		header->msg_flags = 0;
	}
	return recvmmsg(fd, reflector->messages, REFLECTOR_BATCH, MSG_DONTWAIT, NULL);
}

static void socket_answer(struct reflector *reflector, struct reflector_socket *socket)
{
	for (uint32_t i = 0; i < ANSWER_MAX / REFLECTOR_BATCH; i++) {
		uint32_t steps = reflector->steps;
		int count = receive_batch(reflector, socket->fd);
		struct local_time now;
		int64_t unix_ns;

		reflector_clocks(reflector, &now, &unix_ns);
		for (int place = 0; place < count; place++)
			message_answer(reflector, socket, (uint32_t)place, now, unix_ns);
		/* All that was there; or an error, which is nothing to us. */
		if (count < REFLECTOR_BATCH && reflector->steps == steps) {
			socket->stale = 0;
			return;
		}
	}
}

void reflector_answer(struct reflector *reflector)
{
	if (!reflector->memory.control)
		return;
	for (unsigned int family = 0; family < FAMILIES; family++)
		if (reflector->sockets[family].fd >= 0)
			socket_answer(reflector, &reflector->sockets[family]);
}
