/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attacker who sees probes only to learn addresses and ports, and then sends forgeries by the
 * hundred thousand: STAMP requests that must not be answered, or replies that must not be believed.
 * Counts what it sent by kind, and what came back.
 *   storm STATISTICS INTERFACE requests|replies|noise COUNT SEED VICTIM PEER STRANGER ELSEWHERE
 * Addresses of one family. The peer is one of the victim's, the stranger is not; elsewhere is not
 * the victim's. Begins some seconds after it has seen a probe of the victim's, when that one is
 * long over; ends by SIGTERM.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "signals.h"
#include "wire.h"

enum kind {
	VALID, /* from the peer: answered, but only as often as the rate allows */
	TLVS,  /* the same with garbage for TLVs */
	STRANGER,
	OWN_SOURCE,
	REFLECTOR_PORT,
	ELSEWHERE,
	SHORT,
	LYING,
	OPTIONS,
	BROADCAST,
	REQUEST_KINDS,
	/* replies */
	NONCE = REQUEST_KINDS,
	REPLY_STRANGER,
	REPLY_SHORT,
	REPLY_REPLAY, /* nonce and sequence of a probe long answered */
	REPLY_KINDS,
	/* frames of random octets, and valid requests with a few flipped bits */
	NOISE = REPLY_KINDS,
	FLIPPED,
	KINDS,
};

static const char *const kind_names[KINDS] = {
	"valid",       "tlvs",	       "stranger", "own_source", "reflector_port", "elsewhere",
	"short",       "lying",	       "options",  "broadcast",	 "nonce",	   "reply_stranger",
	"reply_short", "reply_replay", "noise",	   "flipped",
};

#define FRAME_MAX   1500
#define PAYLOAD_MAX 400
#define PORTS_MAX   8
#define LENGTH_AT   8 /* in a request's timestamp: what its reply may not exceed */
#define WAIT_NS	    3000000000LL
#define BURST	    32

struct storm {
	struct wire wire;
	const char *statistics;
	enum kind first, last; /* kinds of this run */
	unsigned long wanted;
	unsigned long sent;
	uint64_t random;
	size_t address_bytes;
	uint8_t victim[16], peer[16], stranger[16], elsewhere[16];
	uint8_t victim_mac[6], own_mac[6];
	uint16_t ports[PORTS_MAX]; /* the victim's, of its probes to the peer */
	uint32_t port_count;
	uint8_t replay[12]; /* sequence and timestamp */
	bool replayable;
	int64_t begin_ns;
	unsigned long counts[KINDS];
	unsigned long errors;
	unsigned long octets_out, octets_in;
	unsigned long replies, replies_to_others, replies_too_large;
};

/* xorshift64 */
static uint64_t random_next(struct storm *storm)
{
	storm->random ^= storm->random << 13;
	storm->random ^= storm->random >> 7;
	storm->random ^= storm->random << 17;
	return storm->random;
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t put_ip(const struct storm *storm, uint8_t *octets, const uint8_t *source,
		     const uint8_t *destination, size_t options_bytes, size_t message_bytes)
{
	size_t bytes = storm->address_bytes;

	memcpy(octets, storm->victim_mac, 6);
	memcpy(octets + 6, storm->own_mac, 6);
	put16(octets + 12, bytes == 4 ? 0x0800 : 0x86dd);
	octets += 14;
	if (bytes == 4) {
		octets[0] = (uint8_t)(0x40 + 5 + options_bytes / 4);
		put16(octets + 2, 20 + options_bytes + message_bytes);
		octets[8] = 64;
		octets[9] = FRAME_UDP;
		memcpy(octets + 12, source, 4);
		memcpy(octets + 16, destination, 4);
		memset(octets + 20, 1, options_bytes); /* no operation */
		frame_put_sum(octets + 10, frame_sum(0, octets, 20 + options_bytes));
		return 14 + 20 + options_bytes;
	}
	octets[0] = 0x60;
	put16(octets + 4, options_bytes + message_bytes);
	octets[6] = options_bytes ? 60 : FRAME_UDP; /* destination options: padding */
	octets[7] = 64;
	memcpy(octets + 8, source, 16);
	memcpy(octets + 24, destination, 16);
	if (options_bytes) {
		octets[40] = FRAME_UDP;
		octets[42] = 1;
		octets[43] = (uint8_t)(options_bytes - 4);
	}
	return 14 + 40 + options_bytes;
}

static void send_frame(struct storm *storm, enum kind kind, const uint8_t *octets, size_t length)
{
	if (wire_send(&storm->wire, octets, length) != 0) {
		storm->errors++;
		return;
	}
	storm->counts[kind]++;
	storm->octets_out += length;
	storm->sent++;
}

static size_t payload_of(struct storm *storm, enum kind kind)
{
	if (kind == SHORT || kind == REPLY_SHORT)
		return (size_t)(random_next(storm) % 44);
	if (kind == TLVS)
		return 44 + (size_t)(random_next(storm) % (PAYLOAD_MAX - 44));
	return 44;
}

static const uint8_t *source_of(const struct storm *storm, enum kind kind)
{
	if (kind == STRANGER || kind == REPLY_STRANGER)
		return storm->stranger;
	return kind == OWN_SOURCE ? storm->victim : storm->peer;
}

static void fill_payload(struct storm *storm, enum kind kind, uint8_t *payload, size_t bytes,
			 size_t frame_bytes)
{
	bool reply = kind >= REQUEST_KINDS && kind < REPLY_KINDS;

	for (size_t i = 0; i < bytes; i++)
		payload[i] = (uint8_t)random_next(storm);
	if (!reply && bytes >= 44) {
		memset(payload + 16, 0, 28);
		put16(payload + LENGTH_AT, frame_bytes);
	}
	if (kind == REPLY_REPLAY && storm->replayable)
		memcpy(payload + 24, storm->replay, sizeof(storm->replay));
}

static void send_message(struct storm *storm, enum kind kind)
{
	uint8_t octets[FRAME_MAX] = { 0 };
	bool reply = kind >= REQUEST_KINDS && kind < REPLY_KINDS;
	size_t payload_bytes = payload_of(storm, kind);
	size_t options_bytes = kind == OPTIONS ? 8 : 0;
	size_t offset = put_ip(storm, octets, source_of(storm, kind),
			       kind == ELSEWHERE ? storm->elsewhere : storm->victim, options_bytes,
			       8 + payload_bytes);
	struct frame_probe probe = { .addresses_offset = storm->address_bytes == 4 ? 26 : 22,
				     .address_bytes = storm->address_bytes,
				     .message_offset = offset,
				     .message_bytes = 8 + payload_bytes,
				     .stamp = true };
	uint16_t port = (uint16_t)(1024 + random_next(storm) % 60000);
	uint8_t *message = octets + offset;

	if (reply)
		port = storm->ports[random_next(storm) % storm->port_count];
	if (kind == REFLECTOR_PORT)
		port = FRAME_STAMP_PORT;
	put16(message, reply ? FRAME_STAMP_PORT : port);
	put16(message + 2, reply ? port : FRAME_STAMP_PORT);
	put16(message + 4, 8 + payload_bytes);
	fill_payload(storm, kind, message + 8, payload_bytes, offset + 8 + payload_bytes);
	frame_mend(octets, &probe);
	if (kind == LYING) /* longer than IP has, or not even a header */
		put16(message + 4, random_next(storm) & 1 ? 53 + random_next(storm) % 60000
							  : random_next(storm) % 52);
	if (kind == BROADCAST)
		memset(octets, 0xff, 6);
	send_frame(storm, kind, octets, offset + 8 + payload_bytes);
}

/* Neither kind can be told beforehand what becomes of it; only that nobody else gets an answer. */
static void send_noise(struct storm *storm, enum kind kind)
{
	uint8_t octets[FRAME_MAX] = { 0 };
	size_t length = 14 + (size_t)(random_next(storm) % 300);
	size_t offset;

	if (kind == NOISE) {
		for (size_t i = 12; i < length; i++)
			octets[i] = (uint8_t)random_next(storm);
		memcpy(octets, storm->victim_mac, 6);
		memcpy(octets + 6, storm->own_mac, 6);
		put16(octets + 12, storm->address_bytes == 4 ? 0x0800 : 0x86dd);
		send_frame(storm, kind, octets, length);
		return;
	}
	offset = put_ip(storm, octets, storm->stranger, storm->victim, 0, 8 + 44);
	put16(octets + offset, 1024 + random_next(storm) % 60000);
	put16(octets + offset + 2, FRAME_STAMP_PORT);
	put16(octets + offset + 4, 8 + 44);
	length = offset + 8 + 44;
	for (uint64_t flips = 1 + random_next(storm) % 8; flips > 0; flips--)
		octets[14 + random_next(storm) % (length - 14)] ^=
			(uint8_t)(1u << (random_next(storm) & 7));
	send_frame(storm, kind, octets, length);
}

static void send_burst(struct storm *storm)
{
	for (int i = 0; i < BURST && storm->sent < storm->wanted; i++) {
		enum kind kind = (enum kind)(storm->first +
					     random_next(storm) % (storm->last - storm->first));

		if (kind >= REPLY_KINDS)
			send_noise(storm, kind);
		else
			send_message(storm, kind);
	}
}

static void learn(struct storm *storm, const uint8_t *octets, const struct frame_probe *probe)
{
	uint16_t port = ntohs(probe->flow.id_be);
	uint32_t i = 0;

	if (memcmp(probe->flow.requester, storm->victim, storm->address_bytes) != 0 ||
	    memcmp(probe->flow.replier, storm->peer, storm->address_bytes) != 0)
		return;
	memcpy(storm->own_mac, octets, 6);
	memcpy(storm->victim_mac, octets + 6, 6);
	if (!storm->replayable) {
		memcpy(storm->replay, octets + probe->message_offset + 8, sizeof(storm->replay));
		storm->replayable = true;
		storm->begin_ns = now_ns() + WAIT_NS;
	}
	while (i < storm->port_count && storm->ports[i] != port)
		i++;
	if (i == storm->port_count && i < PORTS_MAX)
		storm->ports[storm->port_count++] = port;
}

static void on_frame(void *ctx, uint8_t side, uint8_t *octets, size_t length, int64_t age_ns)
{
	struct storm *storm = ctx;
	struct frame_probe probe;

	(void)side;
	(void)age_ns;
	if (!frame_find_probe(octets, length, &probe) || !probe.stamp)
		return;
	if (!probe.reply) {
		learn(storm, octets, &probe);
		return;
	}
	if (memcmp(probe.flow.replier, storm->victim, storm->address_bytes) != 0 ||
	    probe.message_bytes < 8 + 44)
		return;
	storm->replies++;
	storm->octets_in += length;
	storm->replies_to_others += memcmp(probe.flow.requester, storm->peer,
					   storm->address_bytes) != 0;
	storm->replies_too_large +=
		length > frame_number(octets + probe.message_offset + 8 + 24 + LENGTH_AT);
}

static int write_statistics(struct storm *storm)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", storm->statistics);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "ports %u\nsent %lu\n", storm->port_count, storm->sent);
	for (int kind = 0; kind < KINDS; kind++)
		fprintf(file, "%s %lu\n", kind_names[kind], storm->counts[kind]);
	fprintf(file, "replies %lu\nreplies_to_others %lu\nreplies_too_large %lu\n", storm->replies,
		storm->replies_to_others, storm->replies_too_large);
	fprintf(file, "octets_out %lu\noctets_in %lu\nerrors %lu\noverruns %lu\n",
		storm->octets_out, storm->octets_in, storm->errors, wire_overruns(&storm->wire));
	return fclose(file) != 0 || rename(path, storm->statistics) != 0;
}

static int run(struct storm *storm)
{
	struct pollfd fds[2] = { { .fd = storm->wire.fd, .events = POLLIN }, { .events = POLLIN } };
	enum signals_wish wish;

	fds[1].fd = signals_open();
	if (write_statistics(storm) != 0)
		return 1;
	for (;;) {
		bool storming = storm->replayable && storm->sent < storm->wanted &&
				now_ns() >= storm->begin_ns;

		poll(fds, 2, storming ? 0 : 100);
		wire_receive(&storm->wire, 0, on_frame, storm);
		if (storming)
			send_burst(storm);
		wish = signals_next(fds[1].fd);
		if (wish == SIGNALS_NONE)
			continue;
		if (write_statistics(storm) != 0)
			return 1;
		if (wish == SIGNALS_END)
			return 0;
	}
}

int main(int argc, char **argv)
{
	static struct storm storm;
	int family;
	int err;

	if (argc != 10)
		return fprintf(stderr, "storm: see the head of storm.c\n"), 2;
	family = strchr(argv[6], ':') ? AF_INET6 : AF_INET;
	storm.statistics = argv[1];
	storm.first = argv[3][0] == 'n' ? NOISE : strcmp(argv[3], "replies") == 0 ? NONCE : VALID;
	storm.last = argv[3][0] == 'n'		       ? KINDS
		     : strcmp(argv[3], "replies") == 0 ? REPLY_KINDS
						       : REQUEST_KINDS;
	storm.wanted = strtoul(argv[4], NULL, 10);
	storm.random = 88172645463325252ULL ^ strtoull(argv[5], NULL, 10) << 20;
	storm.address_bytes = family == AF_INET ? 4 : 16;
	if (inet_pton(family, argv[6], storm.victim) != 1 ||
	    inet_pton(family, argv[7], storm.peer) != 1 ||
	    inet_pton(family, argv[8], storm.stranger) != 1 ||
	    inet_pton(family, argv[9], storm.elsewhere) != 1)
		return fprintf(stderr, "storm: no such addresses\n"), 2;
	err = wire_open(argv[2], &storm.wire);
	if (err != 0)
		return fprintf(stderr, "storm: %s: %s\n", argv[2], strerror(-err)), 2;
	return run(&storm);
}
