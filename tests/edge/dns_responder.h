/* SPDX-License-Identifier: Apache-2.0 */
/* A name server on 127.0.0.1, UDP and TCP, that answers as a test wants; it runs when pumped. */
#ifndef DNS_RESPONDER_H
#define DNS_RESPONDER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RESPONDER_SLOW_MS 2500

enum responder_mode {
	RESPOND = 0,
	RESPOND_SERVFAIL = 2, /* these are RCODEs */
	RESPOND_NXDOMAIN = 3,
	RESPOND_REFUSED = 5,
	RESPOND_NOTHING = 100, /* no data */
	RESPOND_NEVER,
	RESPOND_TRUNCATED, /* over UDP; whole over TCP */
	RESPOND_SLOWLY,	   /* truncated; over TCP after longer than a datagram is waited for */
	RESPOND_NO_TCP,	   /* truncated, and TCP is closed on */
	RESPOND_GARBAGE,
};

struct responder_records {
	enum responder_mode mode;
	uint32_t count;
	uint32_t first; /* number of the first address */
	uint32_t ttl_seconds;
	bool reversed;
};

struct dns_responder {
	int udp;
	int tcp;
	int connection;	   /* 0: none */
	int64_t served_ms; /* when it is answered at the earliest */
	uint16_t port;
	char servers[64];
	struct responder_records four; /* 10.0.0.0 + number */
	struct responder_records six;  /* 2001:db8:: + number */
	uint32_t questions;
	uint32_t tcp_questions;
	uint8_t message[2 + 65535];
};

static inline int64_t responder_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A port of UDP that the kernel picks, and the same one of TCP, if nobody has that. */
static inline bool responder_bind(struct dns_responder *responder, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int size = 1 << 18;

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	responder->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	responder->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(responder->udp, (void *)address, length), 0);
	assert_int_equal(getsockname(responder->udp, (void *)address, &length), 0);
	setsockopt(responder->tcp, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (bind(responder->tcp, (void *)address, length) == 0)
		return true;
	close(responder->udp);
	close(responder->tcp);
	return false;
}

static inline void responder_open(struct dns_responder *responder)
{
	struct sockaddr_in address;
	int tries = 16;

	while (!responder_bind(responder, &address))
		assert_true(--tries > 0);
	assert_int_equal(listen(responder->tcp, 8), 0);
	responder->port = ntohs(address.sin_port);
	snprintf(responder->servers, sizeof(responder->servers), "127.0.0.1:%u", responder->port);
}

static inline void responder_close(struct dns_responder *responder)
{
	close(responder->udp);
	close(responder->tcp);
}

static inline size_t put_record(uint8_t *at, bool six, uint32_t number, uint32_t ttl_seconds)
{
	uint8_t record[28] = { 0xc0, 12, 0, six ? 28 : 1, 0, 1, [11] = six ? 16 : 4 };
	uint32_t four = htonl(0x0a000000 + number);
	uint32_t ttl = htonl(ttl_seconds);
	uint32_t tail = htonl(number);

	memcpy(&record[6], &ttl, 4);
	if (!six)
		memcpy(&record[12], &four, 4);
	else {
		memcpy(&record[12], "\x20\x01\x0d\xb8", 4);
		memcpy(&record[24], &tail, 4);
	}
	memcpy(at, record, six ? 28 : 16);
	return six ? 28 : 16;
}

/* Makes the question in `message` its answer; 0: none. */
static inline size_t responder_answer(struct dns_responder *responder, uint8_t *message, bool tcp)
{
	const struct responder_records *records;
	size_t length = 12;
	bool six;
	bool large;
	bool cut;

	responder->questions++;
	responder->tcp_questions += tcp;
	while (message[length])
		length += 1 + message[length];
	six = message[length + 2] == 28;
	length += 5;
	records = six ? &responder->six : &responder->four;
	if (records->mode == RESPOND_NEVER)
		return 0;
	large = records->mode == RESPOND_TRUNCATED || records->mode == RESPOND_SLOWLY ||
		records->mode == RESPOND_NO_TCP;
	cut = !tcp && large;
	message[2] = (uint8_t)(0x81 | (cut ? 2 : 0));
	message[3] = (uint8_t)(0x80 | (records->mode < RESPOND_NOTHING ? records->mode : 0));
	memset(&message[6], 0, 6);
	if (records->mode == RESPOND_GARBAGE) {
		message[6] = 0xff;
		return length;
	}
	if (records->mode != RESPOND && !large)
		return length;
	/* A part of the answer comes with the mark: nobody may take it for the whole. */
	for (uint32_t i = 0; i < (cut ? 1 : records->count); i++) {
		uint32_t number = records->first + (records->reversed ? records->count - 1 - i : i);

		length += put_record(message + length, six, number, records->ttl_seconds + i);
		message[6] = (uint8_t)((i + 1) >> 8);
		message[7] = (uint8_t)(i + 1);
	}
	return length;
}

static inline void responder_accept(struct dns_responder *responder)
{
	int fd = accept(responder->tcp, NULL, NULL);

	responder->served_ms = responder_ms();
	if (responder->four.mode == RESPOND_SLOWLY)
		responder->served_ms += RESPONDER_SLOW_MS;
	if (responder->four.mode == RESPOND_NO_TCP)
		close(fd);
	else
		responder->connection = fd;
}

static inline void responder_serve_tcp(struct dns_responder *responder)
{
	int fd = responder->connection;
	uint8_t *message = responder->message;
	size_t length;

	responder->connection = 0;
	if (recv(fd, message, 2, MSG_WAITALL) == 2) {
		length = (size_t)message[0] << 8 | message[1];
		assert_int_equal(recv(fd, message + 2, length, MSG_WAITALL), length);
		length = responder_answer(responder, message + 2, true);
		message[0] = (uint8_t)(length >> 8);
		message[1] = (uint8_t)length;
		assert_int_equal(send(fd, message, length + 2, MSG_NOSIGNAL), length + 2);
	}
	close(fd);
}

/* Answers what is there, waiting at most so long for it, or for `other` to be readable. */
static inline void responder_pump(struct dns_responder *responder, int other, int wait_ms)
{
	bool serve = responder->connection && responder_ms() >= responder->served_ms;
	struct pollfd sockets[] = { { .fd = responder->udp, .events = POLLIN },
				    { .fd = responder->tcp, .events = POLLIN },
				    { .fd = other, .events = POLLIN },
				    { .fd = serve ? responder->connection : -1,
				      .events = POLLIN } };
	struct sockaddr_in from;
	socklen_t from_length = sizeof(from);

	poll(sockets, 4, wait_ms);
	if (sockets[0].revents & POLLIN) {
		size_t length;

		recvfrom(responder->udp, responder->message, sizeof(responder->message), 0,
			 (void *)&from, &from_length);
		length = responder_answer(responder, responder->message, false);
		if (length)
			sendto(responder->udp, responder->message, length, 0, (void *)&from,
			       from_length);
	}
	if (sockets[1].revents & POLLIN)
		responder_accept(responder);
	if (sockets[3].revents & POLLIN)
		responder_serve_tcp(responder);
}

#endif
