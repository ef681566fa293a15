/* SPDX-License-Identifier: Apache-2.0 */
/* Replies that nobody waits for: they do not stay in the sockets, refusals are heard beside them,
 * and what is sent next is whole. Over loopback, without privileges. */
#include "edge/stamp_responder.h"

#define NONCE  0x1122334455667788ull
#define SENT   (3 * PROBE_BATCH + 5) /* several calls, and one that is not full */
#define LENGTH 48		     /* with a TLV, so a probe is of two parts */

struct heard {
	uint32_t replies;
	uint32_t refusals;
};

static void hear_reply(void *ctx, const struct echoed *reply, const uint8_t *payload,
		       uint32_t length)
{
	struct heard *heard = ctx;

	(void)reply;
	(void)payload;
	(void)length;
	heard->replies++;
}

static bool hear_refusal(void *ctx, const struct echoed *quoted)
{
	struct heard *heard = ctx;

	(void)quoted;
	heard->refusals++;
	return true;
}

struct world {
	struct responder responder;
	struct prober_stamp *prober;
	struct heard heard;
};

static struct world opened(void)
{
	struct world world = { .heard.replies = 0 };
	struct prober_stamp_settings settings = { .flows = 1, .payload_size = LENGTH };

	responder_open(&world.responder);
	settings.port_be = world.responder.port_be;
	assert_int_equal(prober_stamp_open(&settings, &world.prober), 0);
	return world;
}

static void closed(struct world *world)
{
	prober_stamp_close(world->prober);
	responder_close(&world->responder);
}

static void send_to(struct world *world, const char *text, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct probe probe = { .destination = address_of(text),
				       .nonce = NONCE + i,
				       .sequence = i,
				       .protocol = PROBE_STAMP };
		int error = 0;

		prober_stamp_send(world->prober, &probe, 1, 0, &error);
		assert_int_equal(error, 0);
	}
}

/* Each as it should be, and answered. */
static void answer_all(struct world *world, int fd, uint32_t first, uint32_t count)
{
	static const uint8_t zeros[28];
	static struct request request;
	uint32_t sequence_be;
	uint64_t nonce;

	for (uint32_t i = first; i < first + count; i++) {
		read_request(fd, &request);
		assert_int_equal(request.length, LENGTH);
		memcpy(&sequence_be, request.octets, sizeof(sequence_be));
		memcpy(&nonce, request.octets + 4, sizeof(nonce));
		assert_int_equal(ntohl(sequence_be), i);
		assert_true(nonce == NONCE + i);
		assert_memory_equal(request.octets + 16, zeros, sizeof(zeros)); /* MBZ */
		answer(fd, &request, LENGTH);
	}
	assert_false(is_readable(world->responder.fds[0], 0));
}

static void receive(struct world *world, bool wanted)
{
	prober_stamp_receive(world->prober, wanted ? hear_reply : NULL, hear_refusal,
			     &world->heard);
}

static void check_unread(struct world *world, const char *address, int fd)
{
	send_to(world, address, 0, SENT);
	answer_all(world, fd, 0, SENT);
	receive(world, false);
	/* None is left for who asks then, and what is sent next is as before. */
	receive(world, true);
	assert_int_equal(world->heard.replies, 0);
	send_to(world, address, SENT, 2 * PROBE_BATCH);
	answer_all(world, fd, SENT, 2 * PROBE_BATCH);
	receive(world, true);
	assert_int_equal(world->heard.replies, 2 * PROBE_BATCH);
}

static void what_nobody_waits_for_is_let_go_of(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	(void)state;
	for (int family = 0; family < 2; family++) {
		struct world world = opened();
		int fd = world.responder.fds[family];

		if (fd >= 0)
			check_unread(&world, addresses[family], fd);
		closed(&world);
	}
}

static void refusals_are_heard_beside_it(void **state)
{
	struct world world = opened();

	(void)state;
	send_to(&world, "127.0.0.1", 0, 20);
	send_to(&world, "127.0.0.2", 20, 3); /* where nobody listens */
	answer_all(&world, world.responder.fds[0], 0, 20);
	receive(&world, false);
	assert_int_equal(world.heard.refusals, 3);
	receive(&world, true);
	assert_int_equal(world.heard.refusals, 3);
	assert_int_equal(world.heard.replies, 0);
	closed(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_waits_for_is_let_go_of),
		cmocka_unit_test(refusals_are_heard_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
