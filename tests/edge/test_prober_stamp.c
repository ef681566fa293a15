/* SPDX-License-Identifier: Apache-2.0 */
/* STAMP probes over loopback: what they are made of, which replies and errors are handed on, and
 * that one peer's errors are not another's. Needs no privilege but for forgeries, which are left
 * out without CAP_NET_RAW and CAP_NET_ADMIN. */
#include "edge/icmp_forger.h"
#include "edge/stamp_responder.h"

#define NONCE  0x1122334455667788ull
#define UNSAID 12345 /* of an error that was not written */

struct heard {
	uint32_t replies;
	uint32_t refusals;
	struct prober_stamp_errors errors;
	struct echoed reply; /* the last */
	uint32_t length;
	uint8_t payload[16384];
	struct echoed refused[64];
};

static void hear_reply(void *ctx, const struct echoed *reply, const uint8_t *payload,
		       uint32_t length)
{
	struct heard *heard = ctx;

	heard->replies++;
	heard->reply = *reply;
	heard->length = length;
	memcpy(heard->payload, payload, length);
}

/* All is in flight but sequence 0. */
static bool hear_refusal(void *ctx, const struct echoed *quoted)
{
	struct heard *heard = ctx;

	assert_true(heard->refusals < 64);
	heard->refused[heard->refusals++] = *quoted;
	return quoted->sequence != 0;
}

static struct prober_stamp *open_prober(uint16_t port_be, uint32_t flows, uint32_t payload_size)
{
	const struct prober_stamp_settings settings = {
		.flows = flows, .dscp = 46, .payload_size = payload_size, .port_be = port_be
	};
	struct prober_stamp *prober;

	assert_int_equal(prober_stamp_open(&settings, &prober), 0);
	return prober;
}

static struct probe probe_to(const char *text, uint16_t flow, uint32_t sequence)
{
	return (struct probe){
		.destination = address_of(text),
		.nonce = NONCE + sequence,
		.sequence = sequence,
		.flow = flow,
		.ssid = 0xabcd,
		.protocol = PROBE_STAMP,
	};
}

static void receive_once(struct prober_stamp *prober, struct heard *heard)
{
	struct prober_stamp_errors errors = prober_stamp_receive(prober, hear_reply, hear_refusal,
								 heard);

	heard->errors.rejected += errors.rejected;
	heard->errors.useless += errors.useless;
}

/* Until something was heard, since loopback may take its time. */
static void receive(struct prober_stamp *prober, struct heard *heard, uint32_t replies,
		    uint32_t refusals)
{
	for (int i = 0; i < WAIT_MS; i++) {
		receive_once(prober, heard);
		if (heard->replies >= replies && heard->refusals >= refusals)
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("%u replies and %u refusals", heard->replies, heard->refusals);
}

struct shape {
	uint32_t payload_size;
	bool ask;
	size_t length;
	uint16_t identity_at; /* 0: there is none */
	uint16_t padding_at;
	uint16_t padding_length;
};

static const struct shape shapes[] = {
	{ 44, false, 44, 0, 0, 0 },	     { 44, true, 368, 44, 0, 0 },
	{ 48, false, 48, 0, 44, 0 },	     { 48, true, 368, 44, 0, 0 },
	{ 371, false, 371, 0, 44, 323 },     { 371, true, 368, 44, 0, 0 },
	{ 372, true, 372, 44, 368, 0 },	     { 1000, false, 1000, 0, 44, 952 },
	{ 1000, true, 1000, 44, 368, 628 },  { 9168, false, 9168, 0, 44, 9120 },
	{ 9168, true, 9168, 44, 368, 8796 },
};

static void check_request(const struct request *request, const struct shape *shape)
{
	static const uint8_t head[16] = { 0x01, 0x02, 0x03, 0x04, 0xde, 0xad, 0xbe, 0xef,
					  0x00, 0x01, 0xf0, 0x0d, 0x9a, 0x3c, 0xab, 0xcd };
	uint8_t expected[16384] = { 0 };

	memcpy(expected, head, sizeof(head));
	if (shape->identity_at)
		memcpy(expected + shape->identity_at, "\x80\xf5\x01\x40", 4);
	if (shape->padding_at) {
		expected[shape->padding_at] = 0x80;
		expected[shape->padding_at + 1] = 1;
		expected[shape->padding_at + 2] = (uint8_t)(shape->padding_length >> 8);
		expected[shape->padding_at + 3] = (uint8_t)shape->padding_length;
	}
	assert_int_equal(request->length, shape->length);
	assert_memory_equal(request->octets, expected, shape->length);
	assert_int_equal(request->ttl, 255);
	assert_int_equal(request->tos, 46 << 2);
}

static void probes_are_what_the_rfc_draws(void **state)
{
	static const uint8_t timestamp[8] = { 0xde, 0xad, 0xbe, 0xef, 0x00, 0x01, 0xf0, 0x0d };
	static const char *const peers[] = { "127.0.0.1", "::1" };
	static struct request request;
	struct responder responder;

	(void)state;
	responder_open(&responder);
	for (size_t i = 0; i < 2 * sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *shape = &shapes[i / 2];
		struct probe probe = probe_to(peers[i % 2], 1, 0x01020304);
		struct prober_stamp *prober;
		int error = UNSAID;

		if (responder.fds[i % 2] < 0)
			continue;
		prober = open_prober(responder.port_be, 2, shape->payload_size);
		memcpy(&probe.nonce, timestamp, sizeof(timestamp));
		probe.ask = shape->ask;
		prober_stamp_send(prober, &probe, 1, htons(0x9a3c), &error);
		assert_int_equal(error, 0);
		read_request(responder.fds[i % 2], &request);
		check_request(&request, shape);
		assert_int_equal(source_port_be(&request), prober_stamp_port_be(prober, 1));
		prober_stamp_close(prober);
	}
	responder_close(&responder);
}

static void asking_is_each_probes_own(void **state)
{
	static struct request request;
	struct responder responder;
	struct prober_stamp *prober;
	struct probe batch[3];
	int errors[3];

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 48);
	for (uint32_t i = 0; i < 3; i++)
		batch[i] = probe_to("127.0.0.1", 0, i);
	batch[1].ask = true;
	for (int round = 0; round < 2; round++) {
		prober_stamp_send(prober, batch, 3, 0, errors);
		for (uint32_t i = 0; i < 3; i++) {
			read_request(responder.fds[0], &request);
			assert_int_equal(request.octets[3], i);
			assert_int_equal(request.length, i == 1 ? 368 : 48);
		}
	}
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void each_flow_has_a_port_of_its_own(void **state)
{
	static struct request request;
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, KC_FLOWS_MAX, 44);
	for (uint16_t flow = 0; flow < KC_FLOWS_MAX; flow++) {
		uint16_t port_be = prober_stamp_port_be(prober, flow);
		struct probe batch[2] = { probe_to("127.0.0.1", flow, flow),
					  probe_to("::1", flow, flow) };
		int errors[2];

		assert_true(port_be != 0 && port_be != responder.port_be);
		for (uint16_t other = 0; other < flow; other++)
			assert_int_not_equal(prober_stamp_port_be(prober, other), port_be);
		prober_stamp_send(prober, batch, 2, 0, errors);
		for (int i = 0; i < 2; i++) {
			if (responder.fds[i] < 0)
				continue;
			assert_int_equal(errors[i], 0);
			read_request(responder.fds[i], &request);
			assert_int_equal(source_port_be(&request), port_be);
		}
	}
	assert_int_equal(prober_stamp_port_be(prober, KC_FLOWS_MAX), 0);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void a_batch_of_all_sorts_is_sent_whole(void **state)
{
	enum { COUNT = 5 * PROBE_BATCH }; /* more of one socket than it sends at once */
	static struct request request;
	static struct probe batch[COUNT];
	static int errors[COUNT];
	bool seen[COUNT] = { false };
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 2, 44);
	for (uint32_t i = 0; i < COUNT; i++) {
		bool ipv6 = i % 3 == 2 && responder.fds[1] >= 0;

		batch[i] = probe_to(ipv6 ? "::1" : "127.0.0.1", i % 2, i);
		if (i % 5 == 4)
			batch[i].protocol = PROBE_ICMP;
		else if (i == 7)
			batch[i].flow = 2; /* which there is not */
		errors[i] = UNSAID;
	}
	prober_stamp_send(prober, batch, COUNT, 0, errors);
	for (int family = 0; family < 2; family++) {
		while (responder.fds[family] >= 0 && is_readable(responder.fds[family], 0)) {
			uint32_t sequence;

			read_request(responder.fds[family], &request);
			sequence = (uint32_t)request.octets[2] << 8 | request.octets[3];
			assert_in_range(sequence, 0, COUNT - 1);
			assert_false(seen[sequence]);
			seen[sequence] = true;
			assert_int_equal(source_port_be(&request),
					 prober_stamp_port_be(prober, batch[sequence].flow));
		}
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		int expected = i % 5 == 4 ? UNSAID : i == 7 ? -EINVAL : 0;

		assert_int_equal(errors[i], expected);
		assert_int_equal(seen[i], expected == 0);
	}
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void replies_are_handed_on(void **state)
{
	static const char *const peers[] = { "127.0.0.1", "::1" };
	static const struct {
		size_t length;
		uint32_t handed; /* 0: it is not */
	} cases[] = { { 0, 0 },	  { 16, 0 },	{ 43, 0 },    { 44, 44 },
		      { 60, 60 }, { 368, 368 }, { 369, 368 }, { 9168, 368 } };
	static struct request request;
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 3, 44);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe probe = probe_to(peers[i % 2], 2, 0x12345678);
		int fd = responder.fds[i % 2];
		uint32_t handed = cases[i / 2].handed;
		int error;

		if (fd < 0)
			continue;
		heard = (struct heard){ .replies = 0 };
		prober_stamp_send(prober, &probe, 1, 0, &error);
		read_request(fd, &request);
		answer(fd, &request, cases[i / 2].length);
		if (!handed)
			answer(fd, &request, 44); /* a mark behind it */
		receive(prober, &heard, 1, 0);
		assert_int_equal(heard.replies, 1);
		assert_int_equal(heard.length, handed ? handed : 44);
		assert_true(address_equal(&heard.reply.peer, &probe.destination));
		assert_int_equal(heard.reply.flow, 2);
		assert_int_equal(heard.reply.sequence, 0x5678);
		assert_true(heard.reply.nonce == probe.nonce);
		for (uint32_t at = 44; at < heard.length; at++)
			assert_int_equal(heard.payload[at], (uint8_t)at);
	}
	assert_int_equal(heard.refusals, 0);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void another_port_is_not_heard(void **state)
{
	static struct request request;
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;
	struct probe probe = probe_to("127.0.0.1", 0, 1);
	uint16_t port_be = 0;
	int stranger = bound_socket("127.0.0.1", &port_be);
	int error;

	(void)state;
	heard = (struct heard){ .replies = 0 };
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	prober_stamp_send(prober, &probe, 1, 0, &error);
	read_request(responder.fds[0], &request);
	for (int i = 0; i < 3; i++)
		answer(stranger, &request, 44);
	request.octets[3] = 9;
	answer(responder.fds[0], &request, 44);
	receive(prober, &heard, 1, 0);
	assert_int_equal(heard.replies, 1);
	assert_int_equal(heard.reply.sequence, 9);
	close(stranger);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void one_call_empties_the_sockets(void **state)
{
	enum { COUNT = 100 };
	static struct request request;
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	heard = (struct heard){ .replies = 0 };
	responder_open(&responder);
	prober = open_prober(responder.port_be, 2, 44);
	for (uint16_t flow = 0; flow < 2; flow++) {
		struct probe probe = probe_to("127.0.0.1", flow, flow);
		int error;

		prober_stamp_send(prober, &probe, 1, 0, &error);
		read_request(responder.fds[0], &request);
		for (int i = 0; i < COUNT; i++)
			answer(responder.fds[0], &request, 44);
	}
	/* On loopback all has arrived. */
	receive_once(prober, &heard);
	assert_int_equal(heard.replies, 2 * COUNT);
	receive_once(prober, &heard);
	assert_int_equal(heard.replies, 2 * COUNT);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void where_nobody_listens_is_a_refusal(void **state)
{
	static const char *const peers[] = { "127.0.0.1", "::1" };
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 2, 44);
	for (int i = 0; i < 2; i++) {
		struct probe probe = probe_to(peers[i], 1, 0x87654321);
		int error = UNSAID;

		if (responder.fds[i] < 0)
			continue;
		close(responder.fds[i]);
		responder.fds[i] = -1;
		heard = (struct heard){ .replies = 0 };
		probe.ask = i == 0;
		prober_stamp_send(prober, &probe, 1, 0, &error);
		assert_int_equal(error, 0);
		receive(prober, &heard, 0, 1);
		assert_int_equal(heard.refusals, 1);
		assert_int_equal(heard.replies, 0);
		assert_true(address_equal(&heard.refused[0].peer, &probe.destination));
		assert_int_equal(heard.refused[0].flow, 1);
		assert_int_equal(heard.refused[0].sequence, 0x4321);
		assert_true(heard.refused[0].nonce == probe.nonce);
		assert_int_equal(heard.errors.rejected + heard.errors.useless, 0);
	}
	prober_stamp_close(prober);
	responder_close(&responder);
}

/* Each refusal waits on the socket as an error of whatever is done with it next. */
static void a_refusal_is_nobody_elses_error(void **state)
{
	enum { COUNT = 40 };
	static struct request request;
	static struct heard heard;
	static struct probe batch[COUNT];
	static int errors[COUNT];
	struct responder responder;
	struct prober_stamp *prober;
	uint32_t came = 0;

	(void)state;
	heard = (struct heard){ .replies = 0 };
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	for (uint32_t i = 0; i < COUNT; i++) {
		batch[i] = probe_to(i % 2 ? "127.0.0.1" : "127.0.0.2", 0, i);
		errors[i] = UNSAID;
	}
	prober_stamp_send(prober, batch, COUNT, 0, errors);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(errors[i], 0);
	for (; came < COUNT / 2 && is_readable(responder.fds[0], WAIT_MS); came++) {
		read_request(responder.fds[0], &request);
		assert_int_equal(request.octets[3], 2 * came + 1);
		answer(responder.fds[0], &request, 44);
	}
	assert_int_equal(came, COUNT / 2);
	assert_false(is_readable(responder.fds[0], 0));
	/* In one call, replies as well as refusals. */
	receive_once(prober, &heard);
	assert_int_equal(heard.replies, COUNT / 2);
	assert_int_equal(heard.refusals, COUNT / 2);
	for (uint32_t i = 0; i < heard.refusals; i++)
		assert_int_equal(heard.refused[i].sequence, 2 * i);
	assert_int_equal(heard.errors.rejected, 1); /* sequence 0 */
	assert_int_equal(heard.errors.useless, 1);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void nor_that_of_the_next_batch(void **state)
{
	static struct request request;
	struct responder responder;
	struct prober_stamp *prober;

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	for (uint32_t i = 0; i < 6; i++) {
		struct probe probe = probe_to(i % 2 ? "127.0.0.1" : "127.0.0.2", 0, i);
		int error = UNSAID;

		prober_stamp_send(prober, &probe, 1, 0, &error);
		assert_int_equal(error, 0);
		if (i % 2 == 0)
			continue;
		read_request(responder.fds[0], &request);
		assert_int_equal(request.octets[3], i);
	}
	prober_stamp_close(prober);
	responder_close(&responder);
}

struct forgery {
	const char *from;
	uint8_t type, code;
	bool other_port; /* quotes a packet to another one than the reflectors' */
	uint32_t quoted; /* octets of the probe */
	bool refuses, rejected, useless;
};

static const struct forgery forgeries[] = {
	{ "127.0.0.1", 3, 3, false, 44, true, false, false },
	{ "127.0.0.1", 3, 3, false, 12, true, false, false },
	{ "127.0.0.1", 3, 3, false, 11, false, true, true },
	{ "127.0.0.1", 3, 3, false, 0, false, true, true },
	{ "127.0.0.2", 3, 3, false, 44, false, true, true }, /* a firewall on the way */
	{ "127.0.0.1", 3, 3, true, 44, false, true, true },
	{ "127.0.0.1", 3, 1, false, 44, false, false, true },
	{ "127.0.0.1", 3, 13, false, 44, false, false, true },
	{ "127.0.0.1", 12, 0, false, 44, false, false, true },
	{ "127.0.0.1", 12, 3, false, 44, false, false, true },
};

static void only_the_peer_itself_refuses(void **state)
{
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;
	struct forger forger;

	(void)state;
	if (!forger_open(&forger))
		skip();
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
		const struct forgery *forgery = &forgeries[i];

		heard = (struct heard){ .replies = 0 };
		forger_quote(&forger, prober_stamp_port_be(prober, 0),
			     forgery->other_port ? htons(9) : responder.port_be, 7, NONCE);
		forger_send(&forger, forgery->from, forgery->type, forgery->code, forgery->quoted);
		receive_once(prober, &heard);
		assert_int_equal(heard.refusals, forgery->refuses);
		assert_int_equal(heard.errors.rejected, forgery->rejected);
		assert_int_equal(heard.errors.useless, forgery->useless);
		if (!forgery->refuses)
			continue;
		assert_int_equal(heard.refused[0].sequence, 7);
		assert_true(heard.refused[0].nonce == NONCE);
	}
	forger_close(&forger);
	prober_stamp_close(prober);
	responder_close(&responder);
}

/* A refusal behind so many forgeries, and replies behind both. */
static void a_refusal_finds_room_among_forgeries(void **state)
{
	enum { FORGERIES = 2000 };
	static struct request request;
	static struct heard heard;
	struct responder responder;
	struct prober_stamp *prober;
	struct forger forger;
	struct probe probes[2] = { probe_to("127.0.0.2", 0, 1), probe_to("127.0.0.1", 0, 2) };
	int errors[2] = { UNSAID, UNSAID };

	(void)state;
	if (!forger_open(&forger))
		skip();
	heard = (struct heard){ .replies = 0 };
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	forger_quote(&forger, prober_stamp_port_be(prober, 0), responder.port_be, 0, NONCE);
	for (uint32_t i = 0; i < FORGERIES; i++)
		forger_send(&forger, "127.0.0.1", 3, 3, 0);
	prober_stamp_send(prober, probes, 2, 0, errors);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], 0);
	read_request(responder.fds[0], &request);
	answer(responder.fds[0], &request, 44);
	receive_once(prober, &heard);
	assert_int_equal(heard.refusals, 1);
	assert_int_equal(heard.refused[0].sequence, 1);
	assert_int_equal(heard.replies, 1);
	assert_int_equal(heard.errors.rejected, FORGERIES);
	assert_int_equal(heard.errors.useless, FORGERIES);
	forger_close(&forger);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void a_failed_send_is_its_own_probes(void **state)
{
	static struct request request;
	struct responder responder;
	struct prober_stamp *prober;
	struct probe batch[3];
	int errors[3] = { UNSAID, UNSAID, UNSAID };

	(void)state;
	responder_open(&responder);
	prober = open_prober(responder.port_be, 1, 44);
	batch[0] = probe_to("127.0.0.1", 0, 0);
	batch[1] = probe_to("255.255.255.255", 0, 1); /* not without SO_BROADCAST */
	batch[2] = probe_to("127.0.0.1", 0, 2);
	prober_stamp_send(prober, batch, 3, 0, errors);
	assert_int_equal(errors[0], 0);
	assert_in_range(-errors[1], 1, 4095);
	assert_int_equal(errors[2], 0);
	read_request(responder.fds[0], &request);
	read_request(responder.fds[0], &request);
	assert_int_equal(request.octets[3], 2);
	prober_stamp_close(prober);
	responder_close(&responder);
}

static void settings_are_bounded(void **state)
{
	static const struct prober_stamp_settings cases[] = {
		{ 0, 0, 44, 862, false },  { KC_FLOWS_MAX + 1, 0, 44, 862, false },
		{ 1, 64, 44, 862, false }, { 1, 0, 43, 862, false },
		{ 1, 0, 45, 862, false },  { 1, 0, 47, 862, false },
		{ 1, 0, 0, 862, false },   { 1, 0, STAMP_BYTES_MAX + 1, 862, false },
		{ 1, 0, 44, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prober_stamp *prober = NULL;

		assert_int_equal(prober_stamp_open(&cases[i], &prober), -EINVAL);
		assert_null(prober);
	}
	prober_stamp_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_what_the_rfc_draws),
		cmocka_unit_test(asking_is_each_probes_own),
		cmocka_unit_test(each_flow_has_a_port_of_its_own),
		cmocka_unit_test(a_batch_of_all_sorts_is_sent_whole),
		cmocka_unit_test(replies_are_handed_on),
		cmocka_unit_test(another_port_is_not_heard),
		cmocka_unit_test(one_call_empties_the_sockets),
		cmocka_unit_test(where_nobody_listens_is_a_refusal),
		cmocka_unit_test(a_refusal_is_nobody_elses_error),
		cmocka_unit_test(nor_that_of_the_next_batch),
		cmocka_unit_test(only_the_peer_itself_refuses),
		cmocka_unit_test(a_refusal_finds_room_among_forgeries),
		cmocka_unit_test(a_failed_send_is_its_own_probes),
		cmocka_unit_test(settings_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
