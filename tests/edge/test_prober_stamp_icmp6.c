/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMPv6 errors that somebody forges: a peer is refused by its own word about a probe to it alone,
 * whichever way the sockets are read. In a network namespace of its own; without one, or without
 * IPv6, left out.
 */
#include "edge/reflector_world.h"

#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "unit/cmocka_all.h"

#define NONCE	 UINT64_C(0x1122334455667788)
#define SEQUENCE 7
#define PROBER	 "fd00::1"
#define PEER	 "fd00::2"
#define OTHER	 "fd00::3"

struct heard {
	uint32_t refusals;
	struct echoed last;
	struct prober_stamp_errors errors;
};

struct error_message {
	struct icmp6_hdr icmp;
	struct ip6_hdr ip;
	struct udphdr udp;
	uint8_t probe[STAMP_BYTES];
};

/* Who says what of which packet; most of it is as in the refusal of a probe. */
struct forgery {
	const char *from;
	uint8_t type, code;
	const char *quoted_to;
	bool other_port;   /* quotes a packet to another one than the reflectors' */
	bool other_source; /* of another socket of this host */
	uint32_t quoted;   /* octets of the probe */
	uint32_t sequence; /* 0 is none in flight */
	uint32_t told, rejected, useless;
};

#define NOPORT ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT

static const struct forgery forgeries[] = {
	{ PEER, NOPORT, PEER, false, false, 44, SEQUENCE, 1, 0, 0 },
	{ PEER, NOPORT, PEER, false, false, 12, SEQUENCE, 1, 0, 0 },
	{ PEER, NOPORT, PEER, false, false, 11, SEQUENCE, 0, 1, 1 },
	{ PEER, NOPORT, PEER, false, false, 0, SEQUENCE, 0, 1, 1 },
	{ PEER, NOPORT, PEER, false, false, 44, 0, 1, 1, 1 },
	/* Somebody on the way, or nowhere near it; a peer of others' probes. */
	{ OTHER, NOPORT, PEER, false, false, 44, SEQUENCE, 0, 1, 1 },
	{ PROBER, NOPORT, PEER, false, false, 44, SEQUENCE, 0, 1, 1 },
	{ PEER, NOPORT, OTHER, false, false, 44, SEQUENCE, 0, 1, 1 },
	{ PEER, NOPORT, PEER, true, false, 44, SEQUENCE, 0, 1, 1 },
	/* Not ours at all. */
	{ PEER, NOPORT, PEER, false, true, 44, SEQUENCE, 0, 0, 0 },
	/* Whatever else may be wrong. */
	{ PEER, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, PEER, false, false, 44, SEQUENCE, 0,
	  0, 1 },
	{ PEER, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, PEER, false, false, 44, SEQUENCE, 0, 0,
	  1 },
	{ PEER, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, PEER, false, false, 44, SEQUENCE, 0, 0,
	  1 },
	/* Code 4 of another type; and the type and code of IPv4's port unreachable. */
	{ PEER, ICMP6_PARAM_PROB, 4, PEER, false, false, 44, SEQUENCE, 0, 0, 1 },
	{ PEER, ICMP6_TIME_EXCEEDED, 3, PEER, false, false, 44, SEQUENCE, 0, 0, 1 },
};

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	struct heard *heard = ctx;

	heard->refusals++;
	heard->last = *quoted;
	return quoted->sequence != 0;
}

static void on_reply(void *ctx, const struct echoed *reply, const uint8_t *payload, uint32_t length)
{
	(void)ctx;
	(void)reply;
	(void)payload;
	fail_msg("a reply of %u octets", length);
}

static void on_left(void *ctx, const struct echoed *probe, int64_t t1_real_ns)
{
	(void)ctx;
	(void)t1_real_ns;
	fail_msg("probe %u left", probe->sequence);
}

static bool on_stamps(void *ctx)
{
	(void)ctx;
	return true;
}

static void on_stamped_reply(void *ctx, const struct stamped_reply *reply)
{
	(void)ctx;
	fail_msg("a reply of %u octets", reply->length);
}

static void on_full(void *ctx, uint16_t flow)
{
	(void)ctx;
	fail_msg("flow %u is full", flow);
}

static struct heard hear(struct prober_stamp *prober, bool stamped)
{
	struct heard heard = { .refusals = 0 };
	const struct prober_stamp_hearer hearer = {
		.ctx = &heard,
		.on_left = on_left,
		.on_stamps = on_stamps,
		.on_reply = on_stamped_reply,
		.on_full = on_full,
		.on_refusal = on_refusal,
	};

	heard.errors = stamped ? prober_stamp_hear(prober, &hearer)
			       : prober_stamp_receive(prober, on_reply, on_refusal, &heard);
	return heard;
}

/* The kernel sums it up. */
static void forge(const struct forgery *forgery, uint16_t source_port_be, uint16_t port_be)
{
	struct error_message message = {
		.icmp = { .icmp6_type = forgery->type, .icmp6_code = forgery->code },
		.ip = { .ip6_hlim = 255 },
		.udp = { .source = forgery->other_source ? htons(9) : source_port_be,
			 .dest = forgery->other_port ? htons(9) : port_be,
			 .len = htons(sizeof(struct udphdr) + STAMP_BYTES) },
	};
	struct stamp_request request = { .sequence_be = htonl(forgery->sequence) };
	uint64_t nonce = NONCE;
	size_t length = offsetof(struct error_message, probe) + forgery->quoted;
	socklen_t from_length, to_length;
	union endpoint from = endpoint_of(forgery->from, 0, &from_length);
	union endpoint to = endpoint_of(PROBER, 0, &to_length);
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	assert_true(fd >= 0);
	memcpy(request.timestamp, &nonce, sizeof(nonce));
	memcpy(message.probe, &request, sizeof(request));
	message.ip.ip6_vfc = 6 << 4;
	message.ip.ip6_nxt = IPPROTO_UDP;
	message.ip.ip6_plen = message.udp.len;
	inet_pton(AF_INET6, PROBER, &message.ip.ip6_src);
	inet_pton(AF_INET6, forgery->quoted_to, &message.ip.ip6_dst);
	assert_int_equal(bind(fd, &from.any, from_length), 0);
	assert_int_equal(sendto(fd, &message, length, 0, &to.any, to_length), length);
	close(fd);
}

static void check_forgeries(bool stamped)
{
	uint16_t port_be = free_port_be();
	const struct prober_stamp_settings settings = {
		.flows = 1, .payload_size = STAMP_BYTES, .port_be = port_be, .stamped = stamped
	};
	struct address peer = address_of(PEER);
	struct prober_stamp *prober;

	assert_int_equal(prober_stamp_open(&settings, &prober), 0);
	for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
		const struct forgery *forgery = &forgeries[i];
		struct heard heard;

		forge(forgery, prober_stamp_port_be(prober, 0), port_be);
		heard = hear(prober, stamped);
		if (heard.refusals != forgery->told || heard.errors.rejected != forgery->rejected ||
		    heard.errors.useless != forgery->useless)
			fail_msg("forgery %zu: %u refusals, %u rejected, %u useless", i,
				 heard.refusals, heard.errors.rejected, heard.errors.useless);
		if (heard.refusals == 0)
			continue;
		assert_true(address_equal(&heard.last.peer, &peer));
		assert_true(heard.last.nonce == NONCE);
		assert_int_equal(heard.last.sequence, forgery->sequence);
	}
	prober_stamp_close(prober);
}

/* The kernel takes a moment to let an address be used. */
#define USABLE_TRIES 200
#define TRY_PAUSE_US 10000

static bool is_host(const char *text)
{
	for (int i = 0; i < USABLE_TRIES; i++) {
		uint16_t port_be = 0;
		int fd = bound_socket(text, &port_be);

		if (fd >= 0) {
			close(fd);
			return true;
		}
		usleep(TRY_PAUSE_US);
	}
	return false;
}

static void only_the_peer_itself_refuses(void **state)
{
	(void)state;
	if (!world_is_own() || !is_host(PROBER) || !is_host(PEER) || !is_host(OTHER)) {
		print_message("no network namespace, or no IPv6 in it\n");
		skip();
	}
	check_forgeries(false);
	check_forgeries(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_peer_itself_refuses),
	};

	return cmocka_run_group_tests_name("prober_stamp_icmp6", tests, NULL, NULL);
}
