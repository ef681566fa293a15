/* SPDX-License-Identifier: Apache-2.0 */
/* The API's documents as `top` has them: what the API writes is read back, what is strange is not
 * known, and no document makes it take more than it is given. */
#include "unit/cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_data.h"
#include "unit/view_document.h"
#include "unit/view_world.h"

static char error[TOP_ERROR_CAPACITY];

static int read_peers(const char *document, struct top_peers *peers)
{
	return top_data_read_peers(document, strlen(document), peers, error);
}

static void what_the_api_writes_is_read_back(void **state)
{
	struct top_peers peers = { 0 };
	struct view_world world;
	uint32_t health = 0;
	char *whole;

	(void)state;
	view_open(&world, 256, RANKING_ALL);
	view_populate(&world, 200, 400);
	whole = document_text(DOCUMENT_PEERS, &world.exposition, 65536);
	assert_int_equal(read_peers(whole, &peers), 0);
	assert_int_equal(peers.count, 200);
	assert_string_equal(peers.peers[0].label, VIEW_HOSTILE);
	assert_string_equal(peers.peers[1].label, "node-1.rack-0.example");
	assert_string_equal(peers.peers[1].address, "10.0.1.7");
	assert_string_equal(peers.peers[1].zone, "zone-b");
	assert_string_equal(peers.peers[1].protocol, "stamp");
	assert_string_equal(peers.peers[49].protocol, "icmp");
	assert_int_equal(peers.peers[49].flow_count, 0);
	assert_int_equal(peers.peers[2].health, TOP_HEALTH_LOST);
	for (uint32_t slot = 0; slot < 200; slot++) {
		const struct top_peer *peer = &peers.peers[slot];
		const struct peer_stats *stats = &world.stats[slot];
		uint64_t in_shape = 0;

		assert_true(peer->sent == (double)stats->sent);
		assert_true(peer->lost_forward == (double)stats->lost_forward);
		assert_true(peer->lost_undetermined ==
			    (double)(stats->lost - stats->lost_forward - stats->lost_backward));
		assert_true(fabs(peer->min * 1e9 - (double)world.recents[slot].min_rtt_ns) < 0.5);
		for (unsigned int bin = 0; bin < TOP_SHAPE_BINS; bin++) {
			uint64_t expected = bin ? 0 : world.natives[slot].zero;

			for (unsigned int i = 0; bin && i < TOP_SHAPE_STEP; i++)
				expected += world.natives[slot].low[(bin - 1) * TOP_SHAPE_STEP + i];
			assert_int_equal(peer->shape[bin], expected);
			in_shape += expected;
		}
		assert_int_equal(in_shape, stats->returned);
		if (peer->flow_count > 0)
			assert_true(peer->flows[1].source_port == 50002);
	}
	for (int i = 0; i < TOP_HEALTHS; i++)
		health += peers.health[i];
	assert_int_equal(health, 200);
	free(whole);
	view_close(&world);
	top_data_free(&peers);
}

static void the_status_is_read_back(void **state)
{
	struct top_status status;
	struct view_world world;
	char *whole;

	(void)state;
	view_open(&world, 8, RANKING_ALL);
	view_populate(&world, 3, 10);
	whole = document_text(DOCUMENT_STATUS, &world.exposition, 65536);
	assert_int_equal(top_data_read_status(whole, strlen(whole), &status, error), 0);
	assert_string_equal(status.node, "node-0");
	assert_string_equal(status.zone, "zone-a");
	assert_int_equal(status.interface_count, 2);
	assert_string_equal(status.interfaces[0].egress, "tcx");
	assert_true(status.interfaces[0].attached);
	assert_string_equal(status.interfaces[1].name, "bond0.7");
	assert_string_equal(status.interfaces[1].egress, "clsact");
	assert_string_equal(status.interfaces[1].ingress, "not attached");
	assert_false(status.interfaces[1].attached);
	assert_true(status.clock_known && status.clock_synchronised);
	assert_true(status.interval == 1 && status.uptime == 100000);
	free(whole);
	view_close(&world);
}

static void what_is_strange_is_not_known(void **state)
{
	struct top_peers peers = { 0 };
	const struct top_peer *peer;

	(void)state;
	assert_int_equal(
		read_peers("{\"new\":{\"x\":[1]},\"peers\":[{},"
			   "{\"peer\":7,\"health\":\"splendid\",\"probes\":[1],\"flows\":{},"
			   "\"rtt_seconds\":{\"last\":\"a\",\"min\":-1,\"p50\":1e999},"
			   "\"buckets\":[1,[],[1],[\"a\",2],[1e999,3],[-1,4],[0.1,-5],"
			   "[0.1,1e300],[0.000001,2,9]]},"
			   "null,3,[{}],{\"loss_recent\":null,\"flows\":[1,{\"judged\":2}]}]}",
			   &peers),
		0);
	assert_int_equal(peers.count, 3);
	peer = &peers.peers[1];
	assert_string_equal(peer->label, "");
	assert_int_equal(peer->health, TOP_HEALTH_UNKNOWN);
	assert_true(isnan(peer->sent) && isnan(peer->last) && isnan(peer->min) && isnan(peer->p50));
	assert_int_equal(peer->shape[TOP_SHAPE_BINS - 1], 3);
	/* 1 us lies in the first bucket that is not of zero; 0.1 s holds no more than it can. */
	assert_int_equal(peer->shape[1], 2);
	assert_int_equal(peer->flow_count, 0);
	assert_int_equal(peers.peers[2].flow_count, 2);
	assert_true(peers.peers[2].flows[1].judged == 2);
	top_data_free(&peers);
}

static void other_documents_are_refused(void **state)
{
	static const char *const others[] = { "[]", "{}", "7", "{\"peers\":{}}", "\"peers\"" };
	struct top_status status;
	struct top_peers peers = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(read_peers(others[i], &peers), -EPROTO);
		assert_non_null(strstr(error, "not of kube-canary"));
		assert_int_equal(top_data_read_status(others[i], strlen(others[i]), &status, error),
				 -EPROTO);
	}
	assert_int_equal(read_peers("<html>", &peers), -EPROTO);
	assert_string_equal(error, "not JSON at octet 0: no value");
	assert_int_equal(read_peers("{\"peers\":[{}]} x", &peers), -EPROTO);
	assert_int_equal(peers.count, 0);
	top_data_free(&peers);
}

static void what_is_too_much_is_left_out(void **state)
{
	const uint32_t count = TOP_PEERS_MAX + 5;
	char *document = malloc(count * 3UL + 32);
	char *end = document + sprintf(document, "{\"peers\":[{}");
	struct top_peers peers = { 0 };
	char name[600];

	(void)state;
	for (uint32_t i = 1; i < count; i++)
		end += sprintf(end, ",{}");
	strcpy(end, "]}");
	assert_int_equal(read_peers(document, &peers), 0);
	assert_int_equal(peers.count, TOP_PEERS_MAX);
	assert_int_equal(peers.surplus, 5);
	free(document);
	snprintf(name, sizeof(name),
		 "{\"peers\":[{\"zone\":\"%062dz\xc3\xa9\",\"flows\":[{},{},{},{},{},{},"
		 "{},{},{},{}]}]}",
		 0);
	assert_int_equal(read_peers(name, &peers), 0);
	assert_int_equal(strlen(peers.peers[0].zone), 63);
	assert_int_equal(peers.peers[0].flow_count, TOP_FLOWS_MAX);
	assert_int_equal(peers.surplus, 0);
	top_data_free(&peers);
}

/* A document that broke off takes nothing with it but the list it was read into. */
static void cut_anywhere(void **state)
{
	struct top_peers peers = { 0 };
	struct top_status status = { .node = "kept" };
	struct view_world world;
	char *whole, *node;
	size_t length;

	(void)state;
	view_open(&world, 8, RANKING_ALL);
	view_populate(&world, 3, 50);
	whole = document_text(DOCUMENT_PEERS, &world.exposition, 65536);
	node = document_text(DOCUMENT_STATUS, &world.exposition, 65536);
	length = strlen(whole);
	for (size_t cut = 0; cut + 1 < length; cut++) {
		char *piece = malloc(cut ? cut : 1);

		memcpy(piece, whole, cut);
		assert_int_equal(top_data_read_peers(piece, cut, &peers, error), -EPROTO);
		assert_int_equal(peers.count, 0);
		free(piece);
	}
	for (size_t cut = 0; cut + 1 < strlen(node); cut++)
		assert_int_equal(top_data_read_status(node, cut, &status, error), -EPROTO);
	assert_string_equal(status.node, "kept");
	free(whole);
	free(node);
	view_close(&world);
	top_data_free(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_api_writes_is_read_back),
		cmocka_unit_test(the_status_is_read_back),
		cmocka_unit_test(what_is_strange_is_not_known),
		cmocka_unit_test(other_documents_are_refused),
		cmocka_unit_test(what_is_too_much_is_left_out),
		cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
