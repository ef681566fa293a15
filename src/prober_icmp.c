/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends echo probes: owns one raw ICMP and one raw ICMPv6 socket. All memory is taken at open. Must
 * not know peers or slots, nor keep account of what was sent.
 */
#include "prober_icmp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <time.h> /* for the next one, where the C library does not see to it */

#include <linux/errqueue.h>

#include "echo.h"
#include "probe_socket.h"

/* A limit, not memory that is taken: packets to neighbours that do not answer ARP are held for
 * seconds and count as ours. A rack of dead peers must not keep us from probing the living. */
#define SEND_BUFFER_PACKETS 2048

/* The replies of a batch; what comes above is not heard. */
#define RECEIVE_BUFFER_BYTES (2 * PROBE_BATCH * PROBE_SOCKET_OVERHEAD_BYTES)

#define IPV4_HEADER_MAX 60
#define REPLY_BYTES_MAX (IPV4_HEADER_MAX + ECHO_HEADER_BYTES + ECHO_PAYLOAD_MAX)

/* One protocol's way of saying the same. */
struct echo_family {
	int domain;
	int protocol;
	uint8_t request;
	uint8_t reply;
	bool ip_header; /* received packets begin with the IP header */
};

enum { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

static const struct echo_family echo_families[FAMILIES] = {
	[FAMILY_IPV4] = { AF_INET, IPPROTO_ICMP, ECHO_REQUEST, ECHO_REPLY, true },
	[FAMILY_IPV6] = { AF_INET6, IPPROTO_ICMPV6, ECHO_REQUEST_V6, ECHO_REPLY_V6, false },
};

struct prober_icmp {
	int fds[FAMILIES]; /* -1: the host does not have it */
	uint16_t icmp_id_be;
	bool wants_errors;
	/* Of the batch that is being sent. */
	struct mmsghdr messages[PROBE_BATCH];
	struct iovec parts[PROBE_BATCH][2]; /* what differs, and the shared zeros */
	union socket_address addresses[PROBE_BATCH];
	struct echo_probe probes[PROBE_BATCH];
	uint32_t places[PROBE_BATCH]; /* in the caller's batch */
	uint8_t padding[];	      /* zeros */
};

/* RFC 1071. All beyond this header is zero and adds nothing to the sum. */
static uint16_t echo_checksum(const struct echo_probe *probe)
{
	uint16_t words[sizeof(*probe) / sizeof(uint16_t)];
	uint32_t sum = 0;

	memcpy(words, probe, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int set_blocked(int fd, unsigned int family, bool blocked)
{
	struct icmp_filter filter = { .data = UINT32_MAX };
	struct icmp6_filter filter_v6;

	if (family == FAMILY_IPV4) {
		if (!blocked)
			filter.data = ~(1u << ECHO_REPLY);
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ? -errno
											 : 0;
	}
	ICMP6_FILTER_SETBLOCKALL(&filter_v6);
	if (!blocked)
		ICMP6_FILTER_SETPASS(ECHO_REPLY_V6, &filter_v6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter_v6, sizeof(filter_v6)) < 0
		       ? -errno
		       : 0;
}

/* Only replies that carry our identifier: the machine's other pings are none of our business. */
static int set_identifier_filter(int fd, const struct echo_family *family, uint16_t icmp_id_be)
{
	struct sock_filter code[] = {
		/* X: where the ICMP header starts */
		family->ip_header ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
				  : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, offsetof(struct echo_probe, type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family->reply, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct echo_probe, id_be)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(icmp_id_be), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, REPLY_BYTES_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	/* For good, whoever gets hold of the canary. */
	return probe_socket_set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
}

static int set_options(int fd, unsigned int family, const struct prober_icmp_settings *settings)
{
	int err = set_blocked(fd, family, true);

	if (!err)
		err = set_identifier_filter(fd, &echo_families[family], settings->icmp_id_be);
	if (!err)
		err = probe_socket_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES / 2);
	if (!err)
		err = probe_socket_set_path(fd, echo_families[family].domain, settings->dscp,
					    SEND_BUFFER_PACKETS, settings->payload_size);
	return err;
}

static int open_family(struct prober_icmp *prober, unsigned int family,
		       const struct prober_icmp_settings *settings)
{
	int fd = socket(echo_families[family].domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			echo_families[family].protocol);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	prober->fds[family] = fd;
	return set_options(fd, family, settings);
}

/* What stays the same from batch to batch. */
static void prepare_messages(struct prober_icmp *prober, uint32_t payload_size)
{
	for (uint32_t i = 0; i < PROBE_BATCH; i++) {
		prober->probes[i].id_be = prober->icmp_id_be;
		prober->parts[i][0].iov_base = &prober->probes[i];
		prober->parts[i][0].iov_len = sizeof(prober->probes[i]);
		prober->parts[i][1].iov_base = prober->padding;
		prober->parts[i][1].iov_len = ECHO_HEADER_BYTES + payload_size -
					      sizeof(prober->probes[i]);
		prober->messages[i].msg_hdr.msg_name = &prober->addresses[i];
		prober->messages[i].msg_hdr.msg_iov = prober->parts[i];
		prober->messages[i].msg_hdr.msg_iovlen = 2;
	}
}

int prober_icmp_open(const struct prober_icmp_settings *settings, struct prober_icmp **ret)
{
	struct prober_icmp *prober;
	int err;

	if (settings->payload_size < ECHO_PAYLOAD_MIN || settings->payload_size > ECHO_PAYLOAD_MAX)
		return -EINVAL;
	prober = calloc(1, sizeof(*prober) + settings->payload_size);
	if (!prober)
		return -ENOMEM;
	prober->icmp_id_be = settings->icmp_id_be;
	prober->fds[FAMILY_IPV4] = -1;
	prober->fds[FAMILY_IPV6] = -1;
	prepare_messages(prober, settings->payload_size);
	err = open_family(prober, FAMILY_IPV4, settings);
	if (!err)
		err = open_family(prober, FAMILY_IPV6, settings);
	if (err < 0) {
		prober_icmp_close(prober);
		return err;
	}
	*ret = prober;
	return 0;
}

void prober_icmp_close(struct prober_icmp *prober)
{
	if (!prober)
		return;
	for (unsigned int family = 0; family < FAMILIES; family++) {
		if (prober->fds[family] >= 0)
			close(prober->fds[family]);
	}
	free(prober);
}

static void write_message(struct prober_icmp *prober, uint32_t at, const struct probe *probe,
			  unsigned int family)
{
	struct echo_probe *echo = &prober->probes[at];

	echo->type = echo_families[family].request;
	echo->sequence_be = htons((uint16_t)probe->sequence);
	echo->nonce = probe->nonce;
	/* With IPv6 it is the kernel's work (RFC 3542 section 3.1). */
	echo->checksum = 0;
	if (family == FAMILY_IPV4)
		echo->checksum = echo_checksum(echo);
	prober->messages[at].msg_hdr.msg_namelen = socket_address_write(&prober->addresses[at],
									&probe->destination, 0);
}

static void send_family(struct prober_icmp *prober, unsigned int family, const struct probe *batch,
			uint32_t count, int *errors)
{
	int fd = prober->fds[family];
	uint32_t messages = 0;

	for (uint32_t i = 0; i < count; i++) {
		unsigned int of = address_is_ipv4(&batch[i].destination) ? FAMILY_IPV4
									 : FAMILY_IPV6;

		if (of != family || batch[i].protocol != PROBE_ICMP)
			continue;
		errors[i] = fd < 0 ? -EAFNOSUPPORT : 0;
		if (fd < 0)
			continue;
		write_message(prober, messages, &batch[i], family);
		prober->places[messages++] = i;
		if (messages == PROBE_BATCH) {
			probe_socket_send(fd, prober->messages, messages, prober->places, errors);
			messages = 0;
		}
	}
	probe_socket_send(fd, prober->messages, messages, prober->places, errors);
}

void prober_icmp_send(struct prober_icmp *prober, const struct probe *batch, uint32_t count,
		      int *errors)
{
	send_family(prober, FAMILY_IPV4, batch, count, errors);
	send_family(prober, FAMILY_IPV6, batch, count, errors);
}

uint32_t prober_icmp_fds(const struct prober_icmp *prober, int *ret)
{
	uint32_t count = 0;

	for (unsigned int family = 0; family < FAMILIES; family++) {
		if (prober->fds[family] >= 0)
			ret[count++] = prober->fds[family];
	}
	return count;
}

void prober_icmp_listen(struct prober_icmp *prober, bool listen)
{
	for (unsigned int family = 0; family < FAMILIES; family++) {
		if (prober->fds[family] >= 0)
			set_blocked(prober->fds[family], family, !listen);
	}
}

static bool checksum_holds(const uint8_t *message, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? message[i] : (uint32_t)message[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* True: the packet is a reply to a probe of ours. */
static bool parse_reply(const struct prober_icmp *prober, const struct echo_family *family,
			const uint8_t *packet, size_t length, struct echoed *ret)
{
	struct echo_probe echo;
	size_t offset = family->ip_header && length > 0 ? (packet[0] & 0xfu) * 4 : 0;

	if (length < offset + sizeof(echo))
		return false;
	memcpy(&echo, packet + offset, sizeof(echo));
	/* A raw socket for IPv6 gets verified messages only, one for IPv4 any. */
	if (family->ip_header && !checksum_holds(packet + offset, length - offset))
		return false;
	if (echo.type != family->reply || echo.code != 0 || echo.id_be != prober->icmp_id_be)
		return false;
	ret->sequence = ntohs(echo.sequence_be);
	ret->nonce = echo.nonce;
	return true;
}

uint32_t prober_icmp_receive(struct prober_icmp *prober, prober_icmp_reply_fn *on_reply, void *ctx)
{
	uint32_t replies = 0;

	for (unsigned int family = 0; family < FAMILIES; family++) {
		for (uint32_t i = 0; i < PROBE_BATCH && prober->fds[family] >= 0; i++) {
			uint8_t packet[REPLY_BYTES_MAX];
			union socket_address from = { .any.sa_family = AF_UNSPEC };
			socklen_t from_length = sizeof(from);
			ssize_t length = recvfrom(prober->fds[family], packet, sizeof(packet), 0,
						  &from.any, &from_length);
			struct echoed reply = { .flow = 0 };

			if (length < 0 && errno == EAGAIN)
				break;
			if (length < 0 || !parse_reply(prober, &echo_families[family], packet,
						       (size_t)length, &reply))
				continue;
			socket_address_read(&from, &reply.peer);
			on_reply(ctx, &reply);
			replies++;
		}
	}
	return replies;
}

int prober_icmp_want_errors(struct prober_icmp *prober)
{
	int err = 0;

	if (prober->fds[FAMILY_IPV4] >= 0)
		err = probe_socket_set(prober->fds[FAMILY_IPV4], IPPROTO_IP, IP_RECVERR, 1);
	if (!err && prober->fds[FAMILY_IPV6] >= 0)
		err = probe_socket_set(prober->fds[FAMILY_IPV6], IPPROTO_IPV6, IPV6_RECVERR, 1);
	prober->wants_errors = !err;
	return err;
}

/* False: the kernel's own word, such as that a packet is too large, which the send said already. */
static bool parse_error(struct msghdr *header, struct probe_error *ret)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	union socket_address from = { .any.sa_family = AF_UNSPEC };
	struct sock_extended_err error;
	size_t length;

	if (!control || control->cmsg_len < CMSG_LEN(sizeof(error)))
		return false;
	memcpy(&error, CMSG_DATA(control), sizeof(error));
	if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6)
		return false;
	length = control->cmsg_len - CMSG_LEN(sizeof(error));
	memcpy(&from, CMSG_DATA(control) + sizeof(error),
	       length < sizeof(from) ? length : sizeof(from));
	*ret = (struct probe_error){ .type = error.ee_type,
				     .code = error.ee_code,
				     .mtu = error.ee_info };
	socket_address_read(&from, &ret->from);
	return true;
}

/* The quote begins with the ICMP header, and need not be longer than the nonce. */
static bool receive_error(const struct prober_icmp *prober, unsigned int family,
			  prober_icmp_error_fn *on_error, void *ctx)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
	struct echo_probe echo = { .type = 0 };
	union socket_address to = { .any.sa_family = AF_UNSPEC };
	struct iovec part = { .iov_base = &echo, .iov_len = sizeof(echo) };
	struct msghdr header = { .msg_name = &to,
				 .msg_namelen = sizeof(to),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(prober->fds[family], &header, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct probe_error error;
	struct echoed quoted = { .flow = 0 };

	if (length < 0)
		return false;
	if (length < (ssize_t)sizeof(echo) || echo.type != echo_families[family].request ||
	    echo.id_be != prober->icmp_id_be || !parse_error(&header, &error))
		return true;
	quoted.sequence = ntohs(echo.sequence_be);
	quoted.nonce = echo.nonce;
	socket_address_read(&to, &quoted.peer);
	on_error(ctx, &quoted, &error);
	return true;
}

void prober_icmp_receive_errors(struct prober_icmp *prober, prober_icmp_error_fn *on_error,
				void *ctx)
{
	for (unsigned int family = 0; family < FAMILIES && prober->wants_errors; family++) {
		uint32_t left = PROBE_BATCH;

		while (prober->fds[family] >= 0 && left-- > 0 &&
		       receive_error(prober, family, on_error, ctx))
			continue;
	}
}
