/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stamped sockets of STAMP bring that is neither a probe nor its reply, over loopback:
 * packets that only look like probes, replies from elsewhere, errors of other packets. Each case
 * differs by one thing from one that is heard.
 */
#include "edge/stamp_responder.h"

#include <linux/net_tstamp.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "prober_stamp_state.h"
#include "unit/cmocka_all.h"

#define NONCE	   UINT64_C(0xbeef0001)
#define SEQUENCE   7
#define UDP_LENGTH (sizeof(struct udphdr) + STAMP_BYTES)

struct heard {
	uint32_t left;
	uint32_t replies;
	uint32_t refusals;
	struct echoed last;
};

/* Headers without those of the link, and a request. */
struct look {
	size_t ip_bytes;
	size_t bytes;
	uint8_t octets[sizeof(struct ip6_hdr) + UDP_LENGTH];
};

static const char *const own_texts[FAMILIES] = { "127.0.0.1", "::1" };

static void on_left(void *ctx, const struct echoed *probe, int64_t t1_real_ns)
{
	struct heard *heard = ctx;

	assert_true(t1_real_ns > 0);
	heard->left++;
	heard->last = *probe;
}

static bool on_stamps(void *ctx)
{
	(void)ctx;
	return true;
}

static void on_reply(void *ctx, const struct stamped_reply *reply)
{
	struct heard *heard = ctx;

	heard->replies++;
	heard->last = reply->echoed;
}

static void on_full(void *ctx, uint16_t flow)
{
	(void)ctx;
	(void)flow;
}

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	struct heard *heard = ctx;

	heard->refusals++;
	heard->last = *quoted;
	return quoted->nonce == NONCE;
}

static struct prober_stamp_errors hear(struct prober_stamp *prober, struct heard *heard)
{
	const struct prober_stamp_hearer hearer = {
		.ctx = heard,
		.on_left = on_left,
		.on_stamps = on_stamps,
		.on_reply = on_reply,
		.on_full = on_full,
		.on_refusal = on_refusal,
	};

	*heard = (struct heard){ .left = 0 };
	return prober_stamp_hear(prober, &hearer);
}

static struct prober_stamp *open_prober(uint16_t port_be)
{
	const struct prober_stamp_settings settings = {
		.flows = 1, .payload_size = STAMP_BYTES, .port_be = port_be, .stamped = true
	};
	struct prober_stamp *prober;

	assert_int_equal(prober_stamp_open(&settings, &prober), 0);
	return prober;
}

static int socket_of(const struct prober_stamp *prober, unsigned int family)
{
	return prober->sockets[prober_stamp_socket(0, family)].fd;
}

static void request_fill(uint8_t octets[STAMP_BYTES], uint64_t nonce)
{
	struct stamp_request request = { .sequence_be = htonl(SEQUENCE) };

	memcpy(request.timestamp, &nonce, sizeof(nonce));
	memcpy(octets, &request, STAMP_BYTES);
}

static struct look look_of(const struct prober_stamp *prober, unsigned int family)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_UDP };
	struct ip6_hdr ip6 = { .ip6_dst = in6addr_loopback };
	struct udphdr udp = { .source = prober->flow_ports_be[0],
			      .dest = prober->port_be,
			      .len = htons(UDP_LENGTH) };
	struct look look = { .ip_bytes = family == FAMILY_IPV4 ? sizeof(ip) : sizeof(ip6) };

	ip.daddr = htonl(INADDR_LOOPBACK);
	ip6.ip6_vfc = 6 << 4;
	ip6.ip6_nxt = IPPROTO_UDP;
	if (family == FAMILY_IPV4)
		memcpy(look.octets, &ip, sizeof(ip));
	else
		memcpy(look.octets, &ip6, sizeof(ip6));
	memcpy(look.octets + look.ip_bytes, &udp, sizeof(udp));
	request_fill(look.octets + look.ip_bytes + sizeof(udp), NONCE);
	look.bytes = look.ip_bytes + UDP_LENGTH;
	return look;
}

/* By the prober's own socket, as if it were a probe. */
static void send_from(const struct prober_stamp *prober, unsigned int family, uint16_t port_be,
		      const void *payload, size_t length)
{
	struct pollfd polled = { .fd = socket_of(prober, family), .events = POLLIN };
	socklen_t to_length;
	union endpoint to = endpoint_of(own_texts[family], port_be, &to_length);

	assert_int_equal(sendto(polled.fd, payload, length, 0, &to.any, to_length), length);
	assert_int_equal(poll(&polled, 1, WAIT_MS), 1);
}

/* How many probes are taken to have left when only this did, which is none. */
static uint32_t told_of(struct prober_stamp *prober, unsigned int family, const void *payload,
			size_t length)
{
	struct heard heard;

	send_from(prober, family, prober->port_be, payload, length);
	hear(prober, &heard);
	assert_int_equal(heard.replies + heard.refusals, 0);
	if (heard.left > 0) {
		struct address peer = address_of(own_texts[family]);

		assert_true(heard.last.nonce == NONCE && heard.last.sequence == SEQUENCE);
		assert_true(address_equal(&heard.last.peer, &peer));
	}
	return heard.left;
}

static void each_field_is_as_in_a_probe(struct prober_stamp *prober, unsigned int family)
{
	static const struct {
		uint8_t ipv4, ipv6; /* of the octet in the IP header */
		uint8_t flipped;
	} of_ip[] = {
		{ 0, 0, 0x10 }, /* the version */
		{ 0, 6, 0x02 }, /* IPv4: the header's length; IPv6: what follows it */
		{ 9, 6, 0x01 }, /* what follows it */
	};
	struct look look = look_of(prober, family);

	/* Nothing else is wrong with it. */
	assert_int_equal(told_of(prober, family, look.octets, look.bytes), 1);
	for (size_t i = 0; i < sizeof(of_ip) / sizeof(of_ip[0]); i++) {
		uint8_t *octet =
			&look.octets[family == FAMILY_IPV4 ? of_ip[i].ipv4 : of_ip[i].ipv6];

		*octet ^= of_ip[i].flipped;
		assert_int_equal(told_of(prober, family, look.octets, look.bytes), 0);
		*octet ^= of_ip[i].flipped;
	}
	/* Both ports, and the length. */
	for (size_t i = 0; i < offsetof(struct udphdr, check); i++) {
		look.octets[look.ip_bytes + i] ^= 1;
		assert_int_equal(told_of(prober, family, look.octets, look.bytes), 0);
		look.octets[look.ip_bytes + i] ^= 1;
	}
	assert_int_equal(told_of(prober, family, "", 0), 0);
}

/* What is cut has its last octets, where a payload is looked for, anywhere. */
static void what_was_cut_is_no_probe(struct prober_stamp *prober, unsigned int family)
{
	static uint8_t many[16384];
	struct look look = look_of(prober, family);

	for (size_t shift = 0; shift < look.bytes; shift++) {
		for (size_t i = 0; i < sizeof(many); i++)
			many[i] = look.octets[(shift + i) % look.bytes];
		assert_int_equal(told_of(prober, family, many, sizeof(many) - 1), 0);
	}
}

static void what_has_no_stamp_did_not_leave(struct prober_stamp *prober, unsigned int family)
{
	int untold = SOF_TIMESTAMPING_TX_SOFTWARE;
	struct look look = look_of(prober, family);

	assert_int_equal(setsockopt(socket_of(prober, family), SOL_SOCKET, SO_TIMESTAMPING, &untold,
				    sizeof(untold)),
			 0);
	assert_int_equal(told_of(prober, family, look.octets, look.bytes), 0);
}

static void what_only_looks_like_a_probe_is_none(void **state)
{
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be);
	for (unsigned int family = 0; family < FAMILIES; family++) {
		if (responder.fds[family] < 0)
			continue;
		each_field_is_as_in_a_probe(prober, family);
		what_was_cut_is_no_probe(prober, family);
		what_has_no_stamp_did_not_leave(prober, family);
	}
	prober_stamp_close(prober);
	responder_close(&responder);
}

/* A reply that quotes the nonce, to the prober's port. */
static struct heard hear_reply_from(int fd, struct prober_stamp *prober, size_t length)
{
	struct stamp_reply reply = { .sender_sequence_be = htonl(SEQUENCE) };
	uint64_t nonce = NONCE;
	struct heard heard;
	socklen_t to_length;
	union endpoint to = endpoint_of("127.0.0.1", prober->flow_ports_be[0], &to_length);

	memcpy(reply.sender_timestamp, &nonce, sizeof(nonce));
	assert_int_equal(sendto(fd, &reply, length, 0, &to.any, to_length), length);
	assert_true(is_readable(prober->sockets[0].fd, WAIT_MS));
	hear(prober, &heard);
	return heard;
}

static void a_reply_is_from_the_reflectors_port_and_whole(void **state)
{
	uint16_t other_be = 0;
	int other = bound_socket("127.0.0.1", &other_be);
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be);
	heard = hear_reply_from(responder.fds[0], prober, STAMP_BYTES);
	assert_int_equal(heard.replies, 1);
	assert_true(heard.last.nonce == NONCE && heard.last.sequence == SEQUENCE);
	assert_int_equal(hear_reply_from(other, prober, STAMP_BYTES).replies, 0);
	/* Of a short one no octet is taken, where those of the last still stand. */
	heard = hear_reply_from(responder.fds[0], prober, STAMP_BYTES - 1);
	assert_int_equal(heard.replies, 1);
	assert_true(heard.last.nonce == 0 && heard.last.sequence == 0);
	prober_stamp_close(prober);
	responder_close(&responder);
	close(other);
}

/* Beside stamps, the queue has ICMP errors: of probes, and of what is none. */
static void a_refusal_is_of_a_probe(void **state)
{
	uint16_t other_be = 0;
	int other = bound_socket("127.0.0.1", &other_be);
	uint8_t request[STAMP_BYTES];
	struct prober_stamp_errors errors;
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be);
	responder_close(&responder);
	close(other);
	request_fill(request, NONCE);
	send_from(prober, FAMILY_IPV4, prober->port_be, request, sizeof(request));
	errors = hear(prober, &heard);
	assert_int_equal(heard.left, 1);
	assert_int_equal(heard.refusals, 1);
	assert_int_equal(errors.useless + errors.rejected, 0);
	/* To another port. */
	send_from(prober, FAMILY_IPV4, other_be, request, sizeof(request));
	errors = hear(prober, &heard);
	assert_int_equal(heard.left + heard.refusals, 0);
	assert_int_equal(errors.useless, 1);
	assert_int_equal(errors.rejected, 1);
	/* Of a probe that nobody knows. */
	request_fill(request, NONCE + 1);
	send_from(prober, FAMILY_IPV4, prober->port_be, request, sizeof(request));
	errors = hear(prober, &heard);
	assert_int_equal(heard.refusals, 1);
	assert_int_equal(errors.useless, 1);
	assert_int_equal(errors.rejected, 1);
	prober_stamp_close(prober);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_looks_like_a_probe_is_none),
		cmocka_unit_test(a_reply_is_from_the_reflectors_port_and_whole),
		cmocka_unit_test(a_refusal_is_of_a_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
