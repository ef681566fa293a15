/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies to STAMP probes, and the ICMP errors that quote them, as UDP sockets bring them:
 * prober_stamp_receive() over a kernel of ours. What is handed on is what stands in the packet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "identity.h"
#include "prober_stamp_state.h"

#define FD   1000
#define PORT 862

static struct {
	struct input input;
	uint32_t packets;
	uint32_t errors;
} kernel;

static int kernel_poll(struct pollfd *sockets, nfds_t count, int timeout)
{
	require(timeout == 0);
	for (nfds_t i = 0; i < count; i++)
		sockets[i].revents = (short)(POLLIN | (i % 2 ? 0 : POLLERR));
	return (int)count;
}

/* Of either family; few addresses, so that some are the same. */
static socklen_t put_address(struct input *input, void *to, uint16_t port_be)
{
	uint8_t kind = input_octet(input);
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
				    .sin_port = port_be,
				    .sin_addr.s_addr = htonl(0x0a000000u + (kind >> 6)) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = port_be };

	ipv6.sin6_addr.s6_addr[15] = kind >> 6;
	if (kind & 1)
		memcpy(to, &ipv6, sizeof(ipv6));
	else
		memcpy(to, &ipv4, sizeof(ipv4));
	return kind & 1 ? sizeof(ipv6) : sizeof(ipv4);
}

/* As put_cmsg() of the kernel: what does not fit is cut. */
static void put_control(struct input *input, struct msghdr *header)
{
	struct cmsghdr *control = header->msg_control;
	uint8_t kind = input_octet(input);
	struct {
		struct sock_extended_err error;
		struct sockaddr_in6 from;
	} value = { .error.ee_errno = ECONNREFUSED };
	size_t bytes = sizeof(value.error) + (kind & 4 ? sizeof(value.from) : kind >> 4);

	if (!(kind & 1)) {
		header->msg_controllen = 0;
		return;
	}
	value.error.ee_origin = kind & 2 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP;
	value.error.ee_type = kind & 2 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	value.error.ee_code = kind & 2 ? ICMP6_DST_UNREACH_NOPORT : ICMP_PORT_UNREACH;
	if (kind & 8)
		input_take(input, &value.error, sizeof(value.error));
	put_address(input, &value.from, 0);
	if (bytes > header->msg_controllen - sizeof(*control))
		bytes = header->msg_controllen - sizeof(*control);
	control->cmsg_len = CMSG_LEN(bytes);
	control->cmsg_level = kind & 2 ? IPPROTO_IPV6 : IPPROTO_IP;
	control->cmsg_type = kind & 2 ? IPV6_RECVERR : IP_RECVERR;
	memcpy(CMSG_DATA(control), &value, bytes);
	header->msg_controllen = CMSG_SPACE(bytes) < header->msg_controllen
					 ? CMSG_SPACE(bytes)
					 : header->msg_controllen;
}

static void put_message(struct mmsghdr *message, bool error)
{
	struct iovec *part = message->msg_hdr.msg_iov;
	uint8_t kind = input_octet(&kernel.input);
	size_t length = input_u16(&kernel.input);

	kernel.packets++;
	kernel.errors += error;
	if (message->msg_hdr.msg_iovlen == 0) { /* nor is its sender asked for */
		require(!error && message->msg_hdr.msg_namelen == 0);
		return;
	}
	if (kind & 1) /* else it has no name */
		message->msg_hdr.msg_namelen = put_address(&kernel.input, message->msg_hdr.msg_name,
							   htons(kind & 2 ? PORT : 863));
	else
		message->msg_hdr.msg_namelen = 0;
	if (error)
		put_control(&kernel.input, &message->msg_hdr);
	else
		message->msg_hdr.msg_controllen = 0;
	length = length < part->iov_len ? length : part->iov_len;
	length = length < kernel.input.length ? length : kernel.input.length;
	ASAN_UNPOISON_MEMORY_REGION(part->iov_base, part->iov_len);
	input_take(&kernel.input, part->iov_base, length);
	ASAN_POISON_MEMORY_REGION((uint8_t *)part->iov_base + length, part->iov_len - length);
	message->msg_len = (unsigned int)length;
}

static int kernel_recvmmsg(int fd, struct mmsghdr *messages, unsigned int wanted, int flags,
			   struct timespec *timeout)
{
	uint8_t count = input_octet(&kernel.input);

	require(fd == FD && wanted > 0 && !timeout && (flags & MSG_DONTWAIT));
	errno = count & 128 ? ECONNREFUSED : EAGAIN;
	if (kernel.input.length == 0 || count & 128)
		return -1;
	count = count % 4 + 1 < wanted ? count % 4 + 1 : (uint8_t)wanted;
	for (uint8_t i = 0; i < count; i++)
		put_message(&messages[i], (flags & MSG_ERRQUEUE) != 0);
	return count;
}

#define poll	 kernel_poll
#define recvmmsg kernel_recvmmsg
#include "../../src/prober_stamp_receive.c"

static struct prober_stamp prober;

static uint16_t low16(const uint8_t *octets)
{
	return (uint16_t)(octets[2] * 256 + octets[3]);
}

static void on_reply(void *ctx, const struct echoed *reply, const uint8_t *payload, uint32_t length)
{
	struct identity identity;

	require(length >= STAMP_BYTES && length <= RECEIVED_BYTES_MAX);
	require(reply->flow < prober.flows);
	require(reply->sequence == low16(payload + 24));
	require(memcmp(&reply->nonce, payload + 28, 8) == 0);
	(void)identity_parse(payload, length, &identity);
	++*(uint32_t *)ctx;
}

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	++*(uint32_t *)ctx;
	require(quoted->flow < prober.flows);
	return quoted->nonce & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct prober_stamp_errors errors;
	uint32_t handed_on = 0;

	kernel.input = (struct input){ octets, length };
	kernel.packets = kernel.errors = 0;
	prober.flows = 2;
	prober.port_be = htons(PORT);
	for (uint32_t i = 0; i < prober.flows * FAMILIES; i++)
		prober.sockets[i] = (struct pollfd){ .fd = i == 1 ? -1 : FD, .events = POLLIN };
	for (uint32_t i = 0; i < RECEIVE_BATCH; i++) {
		struct msghdr *header = &prober.received[i].msg_hdr;

		prober.received_parts[i] = (struct iovec){ prober.payloads[i], RECEIVED_BYTES_MAX };
		header->msg_name = &prober.senders[i];
		header->msg_iov = &prober.received_parts[i];
		header->msg_iovlen = 1;
		header->msg_control = &prober.controls[i];
		memset(&prober.senders[i], 0x5a, sizeof(prober.senders[i]));
	}
	/* Some unread. By the length alone, so that the corpus is worth as much as before. */
	errors = prober_stamp_receive(&prober, length % 16 == 15 ? NULL : on_reply, on_refusal,
				      &handed_on);
	require(errors.rejected <= errors.useless && errors.useless <= kernel.errors);
	require(handed_on <= kernel.packets);
	ASAN_UNPOISON_MEMORY_REGION(prober.payloads, sizeof(prober.payloads));
	return 0;
}
