/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own stamps from the sockets of STAMP, over loopback: of each probe as it left and of
 * each reply as it came, in an order in which they can be paired.
 */
#include "edge/stamp_responder.h"

#include "instant.h"
#include "loop.h"
#include "unit/cmocka_all.h"

#define NONCE	 UINT64_C(0xbeef0000)
#define PROBES	 48
#define FLOODING 20000

struct heard {
	uint32_t left;
	uint32_t replies;
	uint32_t unpaired; /* replies that came before the stamp of their probe */
	uint32_t readings; /* on_stamps */
	uint32_t full;
	uint32_t wrong;
	uint32_t short_ones;
	int64_t t1_ns[PROBES];
	int64_t t4_ns[PROBES];
	struct address peer;
	uint16_t flow;
	bool clock_was_set;
};

static void on_left(void *ctx, const struct echoed *probe, int64_t t1_real_ns)
{
	struct heard *heard = ctx;

	heard->left++;
	if (probe->sequence >= PROBES || probe->nonce != NONCE + probe->sequence ||
	    probe->flow != heard->flow || !address_equal(&probe->peer, &heard->peer))
		heard->wrong++;
	else
		heard->t1_ns[probe->sequence] = t1_real_ns;
}

static bool on_stamps(void *ctx)
{
	struct heard *heard = ctx;

	heard->readings++;
	return !heard->clock_was_set;
}

static void on_reply(void *ctx, const struct stamped_reply *reply)
{
	struct heard *heard = ctx;
	uint16_t sequence = reply->echoed.sequence;

	heard->replies++;
	if (reply->length < STAMP_BYTES) {
		heard->short_ones++;
		return;
	}
	if (sequence >= PROBES || reply->echoed.nonce != NONCE + sequence ||
	    !address_equal(&reply->echoed.peer, &heard->peer) || reply->ttl == 0) {
		heard->wrong++;
		return;
	}
	heard->unpaired += heard->t1_ns[sequence] == 0;
	heard->t4_ns[sequence] = reply->t4_real_ns;
}

static void on_full(void *ctx, uint16_t flow)
{
	struct heard *heard = ctx;

	heard->full++;
	heard->wrong += flow != heard->flow;
}

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	(void)ctx;
	(void)quoted;
	return false;
}

static void hear(struct prober_stamp *prober, struct heard *heard)
{
	const struct prober_stamp_hearer hearer = {
		.ctx = heard,
		.on_left = on_left,
		.on_stamps = on_stamps,
		.on_reply = on_reply,
		.on_full = on_full,
		.on_refusal = on_refusal,
	};

	prober_stamp_hear(prober, &hearer);
}

static struct prober_stamp *open_prober(uint16_t port_be, uint32_t payload_size)
{
	const struct prober_stamp_settings settings = {
		.flows = 2, .payload_size = payload_size, .port_be = port_be, .stamped = true
	};
	struct prober_stamp *prober;

	assert_int_equal(prober_stamp_open(&settings, &prober), 0);
	return prober;
}

static int send_probe(struct prober_stamp *prober, const struct heard *heard, uint16_t sequence)
{
	const struct probe probe = {
		.destination = heard->peer,
		.nonce = NONCE + sequence,
		.sequence = sequence,
		.flow = heard->flow,
		.protocol = PROBE_STAMP,
		.ask = sequence % 3 == 0,
	};
	int error = 0;

	prober_stamp_send(prober, &probe, 1, 0, &error);
	return error;
}

/* As a reflector would, as far as it matters here. */
static void reflect(const struct responder *responder, bool ipv6, uint32_t length)
{
	uint8_t request[STAMP_BYTES_MAX], reply[STAMP_BYTES] = { 0 };
	union endpoint from;
	socklen_t from_length = sizeof(from);

	assert_true(recvfrom(responder->fds[ipv6], request, sizeof(request), 0, &from.any,
			     &from_length) >= STAMP_BYTES);
	memcpy(reply + offsetof(struct stamp_reply, sender_sequence_be), request, 12);
	assert_int_equal(sendto(responder->fds[ipv6], reply, length, 0, &from.any, from_length),
			 length);
}

static void stamps_are_there_to_be_had(void **state)
{
	const char *missing = "untouched";

	(void)state;
	assert_int_equal(prober_stamp_try_stamps(&missing), 0);
	assert_null(missing);
}

static void exchange(const struct responder *responder, const char *peer, uint32_t payload_size)
{
	struct prober_stamp *prober = open_prober(responder->port_be, payload_size);
	struct heard heard = { .peer = address_of(peer), .flow = 1 };
	int64_t before_ns = loop_unix_ns();

	for (uint16_t i = 0; i < PROBES; i++) {
		assert_int_equal(send_probe(prober, &heard, i), 0);
		reflect(responder, strchr(peer, ':') != NULL, STAMP_BYTES);
	}
	for (int i = 0; i < WAIT_MS && heard.replies < PROBES; i++) {
		hear(prober, &heard);
		poll(NULL, 0, 1);
	}
	assert_int_equal(heard.left, PROBES);
	assert_int_equal(heard.replies, PROBES);
	assert_int_equal(heard.wrong, 0);
	assert_int_equal(heard.unpaired, 0);
	assert_true(heard.readings >= PROBES / 16);
	for (int i = 0; i < PROBES; i++) {
		assert_true(heard.t1_ns[i] >= before_ns);
		assert_true(heard.t4_ns[i] > heard.t1_ns[i]);
		assert_true(heard.t4_ns[i] <= loop_unix_ns());
	}
	prober_stamp_close(prober);
}

static void each_probe_and_each_reply_has_its_stamp(void **state)
{
	static const uint32_t sizes[] = { 44, 48, 371, 372, 1472, STAMP_BYTES_MAX };
	struct responder responder;

	(void)state;
	responder_open(&responder);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		exchange(&responder, "127.0.0.1", sizes[i]);
		if (responder.fds[1] >= 0)
			exchange(&responder, "::1", sizes[i]);
	}
	responder_close(&responder);
}

/* It gets no stamp, and no other one its place. */
static void what_was_not_sent_disturbs_nobody(void **state)
{
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard = { .peer = address_of("127.0.0.1") };
	struct heard nowhere = { .peer = address_of("255.255.255.255") };

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 44);
	for (uint16_t i = 0; i < PROBES; i++) {
		if (i % 2 == 0) {
			assert_int_not_equal(send_probe(prober, &nowhere, i), 0);
			continue;
		}
		assert_int_equal(send_probe(prober, &heard, i), 0);
		reflect(&responder, false, i == 1 ? STAMP_BYTES - 1 : STAMP_BYTES);
	}
	for (int i = 0; i < WAIT_MS && heard.replies < PROBES / 2; i++) {
		hear(prober, &heard);
		poll(NULL, 0, 1);
	}
	assert_int_equal(heard.left, PROBES / 2);
	assert_int_equal(heard.wrong, 0);
	assert_int_equal(heard.unpaired, 0);
	assert_int_equal(heard.short_ones, 1);
	for (int i = 0; i < PROBES; i++)
		assert_int_equal(heard.t1_ns[i] != 0, i % 2);
	prober_stamp_close(prober);
	responder_close(&responder);
}

/* Those of the socket that noticed it are forgotten by who hears it; those that wait in another one
 * are of the clock before, too. */
static void after_a_set_clock_no_waiting_stamp_is_told(void **state)
{
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard = { .peer = address_of("127.0.0.1"), .flow = 0 };

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 44);
	for (heard.flow = 0; heard.flow < 2; heard.flow++) {
		assert_int_equal(send_probe(prober, &heard, heard.flow), 0);
		reflect(&responder, false, STAMP_BYTES);
	}
	poll(NULL, 0, 50);
	heard.flow = 0;
	heard.clock_was_set = true;
	hear(prober, &heard);
	assert_int_equal(heard.left, 1);
	assert_int_equal(heard.replies, 2);
	assert_int_equal(heard.t1_ns[1], 0);
	prober_stamp_close(prober);
	responder_close(&responder);
}

/* Whatever is told then, it is told that something may be missing; and when there is room again, no
 * more. */
static void a_full_socket_is_told(void **state)
{
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard = { .peer = address_of("127.0.0.1"), .flow = 1 };
	uint32_t full;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 44);
	for (uint32_t i = 0; i < FLOODING; i++)
		send_probe(prober, &heard, (uint16_t)(i % PROBES));
	for (int i = 0; i < 20; i++)
		hear(prober, &heard);
	assert_true(heard.full > 0);
	assert_true(heard.left < FLOODING);
	assert_int_equal(heard.wrong, 0);
	full = heard.full;
	send_probe(prober, &heard, 1);
	hear(prober, &heard);
	assert_int_equal(heard.full, full);
	prober_stamp_close(prober);
	responder_close(&responder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_are_there_to_be_had),
		cmocka_unit_test(each_probe_and_each_reply_has_its_stamp),
		cmocka_unit_test(what_was_not_sent_disturbs_nobody),
		cmocka_unit_test(after_a_set_clock_no_waiting_stamp_is_told),
		cmocka_unit_test(a_full_socket_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
