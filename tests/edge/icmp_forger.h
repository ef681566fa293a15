/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who sends ICMP errors over loopback that quote a probe, or what he makes of one. */
#ifndef ICMP_FORGER_H
#define ICMP_FORGER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FORGER_PAYLOAD_AT 36 /* behind the ICMP, IP and UDP headers */

struct forger {
	int fd;
	uint8_t message[FORGER_PAYLOAD_AT + 44];
};

/* False: it is not permitted, or the prober may not have room for many errors (CAP_NET_ADMIN). */
static inline bool forger_open(struct forger *forger)
{
	int room = 1 << 20;

	memset(forger, 0, sizeof(*forger));
	forger->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (forger->fd < 0) {
		assert_int_equal(errno, EPERM);
		return false;
	}
	if (setsockopt(forger->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) == 0)
		return true;
	close(forger->fd);
	return false;
}

static inline void forger_close(struct forger *forger)
{
	close(forger->fd);
}

/* Of a probe from 127.0.0.1 to 127.0.0.1. */
static inline void forger_quote(struct forger *forger, uint16_t source_port_be,
				uint16_t destination_port_be, uint32_t sequence, uint64_t nonce)
{
	static const uint8_t ip[20] = { 0x45, 0, 0,   72, 0, 0, 0x40, 0, 255, IPPROTO_UDP,
					0,    0, 127, 0,  0, 1, 127,  0, 0,   1 };
	uint32_t sequence_be = htonl(sequence);
	uint8_t *quote = forger->message + 8;

	memcpy(quote, ip, sizeof(ip));
	memcpy(quote + 20, &source_port_be, 2);
	memcpy(quote + 22, &destination_port_be, 2);
	quote[25] = 52;
	memcpy(quote + 28, &sequence_be, 4);
	memcpy(quote + 32, &nonce, 8);
}

static inline void forger_send(struct forger *forger, const char *from, uint8_t type, uint8_t code,
			       uint32_t quoted_bytes)
{
	size_t length = FORGER_PAYLOAD_AT + quoted_bytes;
	struct sockaddr_in source = { .sin_family = AF_INET };
	struct sockaddr_in victim = { .sin_family = AF_INET };
	uint32_t sum = 0;

	inet_pton(AF_INET, from, &source.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &victim.sin_addr);
	forger->message[0] = type;
	forger->message[1] = code;
	memset(forger->message + 2, 0, 2);
	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)forger->message[i] << (i % 2 ? 0 : 8);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	forger->message[2] = (uint8_t)(~sum >> 8);
	forger->message[3] = (uint8_t)~sum;
	assert_int_equal(bind(forger->fd, (struct sockaddr *)&source, sizeof(source)), 0);
	assert_int_equal(sendto(forger->fd, forger->message, length, 0, (struct sockaddr *)&victim,
				sizeof(victim)),
			 length);
}

#endif
