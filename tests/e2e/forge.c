/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attacker on the wire: hears echo requests on an interface and answers each with a set of
 * forged replies, of which none may be believed. Counts what it sent, by what is wrong with it.
 * STAMP has an attacker of its own, storm.c. forge STATISTICS INTERFACE PROBES STRANGER4 STRANGER6
 * OTHER4 OTHER6 A stranger is no peer, an other one is. Ends by SIGTERM.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "signals.h"
#include "wire.h"

enum forgery { NONCE, SEQUENCE, STRANGER, OTHER_PEER, GARBAGE, TRUNCATED, CHECKSUM, FORGERIES };

static const char *const forgery_names[FORGERIES] = { "nonce",	    "sequence", "stranger",
						      "other_peer", "garbage",	"truncated",
						      "checksum" };

struct forger {
	struct wire wire;
	const char *statistics;
	unsigned long probes;	   /* answered at most */
	uint8_t sources[2][2][16]; /* [IPv4, IPv6][stranger, other peer] */
	unsigned long requests;
	unsigned long counts[FORGERIES];
	unsigned long errors;
	uint64_t random;
};

/* xorshift64 */
static uint64_t random_next(struct forger *forger)
{
	forger->random ^= forger->random << 13;
	forger->random ^= forger->random >> 7;
	forger->random ^= forger->random << 17;
	return forger->random;
}

static void swap(uint8_t *a, uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t octet = a[i];

		a[i] = b[i];
		b[i] = octet;
	}
}

static void set_length(uint8_t *octets, const struct frame_probe *probe)
{
	size_t bytes = probe->message_bytes;

	if (probe->address_bytes == 4)
		bytes += probe->message_offset - 14;
	octets[probe->address_bytes == 4 ? 16 : 18] = (uint8_t)(bytes >> 8);
	octets[probe->address_bytes == 4 ? 17 : 19] = (uint8_t)bytes;
}

static void mend_ipv4(uint8_t *octets, const struct frame_probe *probe)
{
	if (probe->address_bytes != 4)
		return;
	octets[24] = 0;
	octets[25] = 0;
	frame_put_sum(octets + 24, frame_sum(0, octets + 14, probe->message_offset - 14));
}

static void falsify(struct forger *forger, uint8_t *octets, struct frame_probe *probe,
		    enum forgery forgery)
{
	uint8_t *message = octets + probe->message_offset;
	uint8_t *source = octets + probe->addresses_offset;
	bool ipv6 = probe->address_bytes == 16;

	switch (forgery) {
	case NONCE:
		message[8 + random_next(forger) % 8] ^= (uint8_t)(1u << (random_next(forger) & 7));
		break;
	case SEQUENCE:
		message[7] = (uint8_t)(message[7] + 1);
		break;
	case STRANGER:
	case OTHER_PEER:
		memcpy(source, forger->sources[ipv6][forgery == OTHER_PEER], probe->address_bytes);
		break;
	case GARBAGE:
		for (size_t i = 6; i < probe->message_bytes; i++)
			message[i] = (uint8_t)random_next(forger);
		break;
	case TRUNCATED:
		probe->message_bytes = 8 + random_next(forger) % 8;
		set_length(octets, probe);
		break;
	default:
		break;
	}
}

static void forge(struct forger *forger, const uint8_t *request, size_t length,
		  const struct frame_probe *found, enum forgery forgery)
{
	uint8_t octets[2048];
	struct frame_probe probe = *found;
	uint8_t *source = octets + probe.addresses_offset;

	memcpy(octets, request, length);
	swap(octets, octets + 6, 6);
	swap(source, source + probe.address_bytes, probe.address_bytes);
	octets[probe.message_offset] = probe.address_bytes == 4 ? 0 : 129;
	falsify(forger, octets, &probe, forgery);
	mend_ipv4(octets, &probe);
	frame_mend(octets, &probe);
	if (forgery == CHECKSUM)
		octets[probe.message_offset + 2 + (random_next(forger) & 1)] ^= 1;
	if (wire_send(&forger->wire, octets, probe.message_offset + probe.message_bytes) == 0)
		forger->counts[forgery]++;
	else
		forger->errors++;
}

static void on_frame(void *ctx, uint8_t side, uint8_t *octets, size_t length, int64_t age_ns)
{
	struct forger *forger = ctx;
	struct frame_probe probe;

	(void)side;
	(void)age_ns;
	if (length > 2048 || !frame_find_probe(octets, length, &probe) || probe.reply ||
	    probe.stamp || forger->requests >= forger->probes)
		return;
	/* A reply in the name of the other peer to its own probe would be no forgery. */
	if (memcmp(probe.flow.replier, forger->sources[probe.address_bytes == 16][1],
		   probe.address_bytes) == 0)
		return;
	forger->requests++;
	for (int forgery = 0; forgery < FORGERIES; forgery++)
		forge(forger, octets, length, &probe, (enum forgery)forgery);
}

static int write_statistics(struct forger *forger)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", forger->statistics);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "requests %lu\n", forger->requests);
	for (int forgery = 0; forgery < FORGERIES; forgery++)
		fprintf(file, "%s %lu\n", forgery_names[forgery], forger->counts[forgery]);
	fprintf(file, "errors %lu\noverruns %lu\n", forger->errors, wire_overruns(&forger->wire));
	if (fclose(file) != 0 || rename(path, forger->statistics) != 0)
		return 1;
	return forger->errors || forger->wire.overruns ? 1 : 0;
}

static int run(struct forger *forger)
{
	struct pollfd fds[2] = { { .fd = forger->wire.fd, .events = POLLIN },
				 { .events = POLLIN } };
	enum signals_wish wish;

	fds[1].fd = signals_open();
	if (write_statistics(forger) != 0)
		return 1;
	for (;;) {
		poll(fds, 2, 1000);
		wire_receive(&forger->wire, 0, on_frame, forger);
		wish = signals_next(fds[1].fd);
		if (wish == SIGNALS_NONE)
			continue;
		if (write_statistics(forger) != 0)
			return 1;
		if (wish == SIGNALS_END)
			return 0;
	}
}

int main(int argc, char **argv)
{
	static struct forger forger = { .random = 88172645463325252ULL };
	int err;

	if (argc != 8)
		return fprintf(stderr, "forge: see the head of forge.c\n"), 2;
	forger.statistics = argv[1];
	forger.probes = strtoul(argv[3], NULL, 10);
	for (int kind = 0; kind < 2; kind++)
		if (inet_pton(AF_INET, argv[4 + 2 * kind], forger.sources[0][kind]) != 1 ||
		    inet_pton(AF_INET6, argv[5 + 2 * kind], forger.sources[1][kind]) != 1)
			return fprintf(stderr, "forge: no such addresses\n"), 2;
	err = wire_open(argv[2], &forger.wire);
	if (err != 0)
		return fprintf(stderr, "forge: %s: %s\n", argv[2], strerror(-err)), 2;
	return run(&forger);
}
