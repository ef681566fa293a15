/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON documents: their fields, that they are JSON whatever peers are called, and that they
 * come whole out of blocks.
 */
#include "unit/view_document.h"

#include "unit/json_strict.h"
#include "unit/view_world.h"
#include "unit/native_full.h"

/* The parser that judges here is judged first. */
static void the_parser_is_strict(void **state)
{
	static const char *const valid[] = { "{}",
					     "[]",
					     " [1,2.5,-0.5e+7] ",
					     "{\"a\":null}",
					     "\"\\u000a\\\"\xc3\xa9\"",
					     "[[true],[false]]" };
	static const char *const invalid[] = { "",	  "{",	       "[1,]",	   "{\"a\":1,}",
					       "01",	  "1.",	       "nul",	   "{} {}",
					       "{a:1}",	  "\"\n\"",    "\"\\x\"",  "\"\x80\"",
					       "[1 2]",	  "{\"a\" 1}", "\"\xc3\"", "\"\\u00g0\"",
					       "[[1],,]", ",1" };

	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		if (!json_is_valid(valid[i]))
			fail_msg("refused: %s", valid[i]);
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		if (json_is_valid(invalid[i]))
			fail_msg("taken: %s", invalid[i]);
}

static void offer(struct view_world *world, const char *address, const char *name, const char *zone,
		  enum probe_protocol protocol)
{
	struct peer_candidate candidate = { .probe = (uint8_t)protocol };

	assert_int_equal(address_parse(address, &candidate.address), 0);
	strcpy(candidate.name, name);
	strcpy(candidate.zone, zone);
	view_offer(world, &candidate);
}

static void numbers(struct view_world *world)
{
	world->stats[0] = (struct peer_stats){ .sent = 20,
					       .returned = 10,
					       .lost = 9,
					       .lost_forward = 2,
					       .lost_backward = 3,
					       .refused = 4,
					       .unstamped = 5,
					       .late = 6,
					       .duplicate = 7,
					       .reordered = 8,
					       .dropped = 1,
					       .variation_sum_ns = 2500 };
	world->recents[0] = (struct recent){ .since = { .ns = 1500000000 },
					     .last_rtt_ns = 30500,
					     .min_rtt_ns = 12000,
					     .loss = 6554,
					     .samples = 20,
					     .verdict = VERDICT_RETURNED,
					     .reply_ttl = 253,
					     .probe_ttl = 254 };
	world->natives[0].zero = 1;
	native_add(&world->natives[0], 12000);
	native_add(&world->natives[0], 30500);
	world->flow_losses[1] = (struct flow_loss){
		.judged = 212, .lost = 19, .recent = { 0x1ff }, .next = 12, .told = true
	};
}

static void each_field_is_there(void **state)
{
	static const char expected[] =
		"{\"api\":1,\"node\":\"node-0\",\"zone\":\"zone-a\",\"time\":1700100000.0,"
		"\"peers\":[\n"
		"{\"peer\":\"node-1\",\"address\":\"10.0.0.1\",\"family\":\"ipv4\","
		"\"zone\":\"zone-b\",\"protocol\":\"stamp\",\"state\":\"probed\","
		"\"listed\":true,\"health\":\"degraded\",\"since\":1700000001.5,"
		"\"probes\":{\"sent\":20,\"returned\":10,\"lost\":9,\"lost_forward\":2,"
		"\"lost_backward\":3,\"lost_undetermined\":4,\"refused\":4,\"unstamped\":5,"
		"\"late\":6,\"duplicate\":7,\"reordered\":8,\"dropped\":1},"
		"\"loss_recent\":0.1,\"rtt_seconds\":{\"last\":0.0000305,\"min\":0.000012,"
		"\"p50\":0.000012287,\"p90\":0.000029735,\"p99\":0.000030438},"
		"\"variation_seconds\":0.00000025,\"hop_limit\":{\"reply\":253,\"probe\":254},"
		"\"flows\":[{\"source_port\":50001,\"judged\":0,\"lost\":0,\"lost_recent\":0,"
		"\"stands_out\":false},"
		"{\"source_port\":50002,\"judged\":212,\"lost\":19,\"lost_recent\":9,"
		"\"stands_out\":true},"
		"{\"source_port\":50003,\"judged\":0,\"lost\":0,\"lost_recent\":0,"
		"\"stands_out\":false},"
		"{\"source_port\":50004,\"judged\":0,\"lost\":0,\"lost_recent\":0,"
		"\"stands_out\":false}],"
		"\"buckets\":[[0.000000953,1],[0.000012831,1],[0.000030517,1]]},\n"
		"{\"peer\":\"2001:db8::2\",\"address\":\"2001:db8::2\",\"family\":\"ipv6\","
		"\"zone\":\"\",\"protocol\":\"icmp\",\"state\":\"probed\",\"listed\":true,"
		"\"health\":\"unknown\",\"since\":1700000000.000000001,"
		"\"probes\":{\"sent\":0,\"returned\":0,\"lost\":0,\"lost_forward\":0,"
		"\"lost_backward\":0,\"lost_undetermined\":0,\"refused\":0,\"unstamped\":0,"
		"\"late\":0,\"duplicate\":0,\"reordered\":0,\"dropped\":0},"
		"\"loss_recent\":null,\"rtt_seconds\":{\"last\":null,\"min\":null,"
		"\"p50\":null,\"p90\":null,\"p99\":null},\"variation_seconds\":null,"
		"\"hop_limit\":{\"reply\":null,\"probe\":null},"
		"\"flows\":[],\"buckets\":[]}\n]}\n";
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_begin(&world);
	offer(&world, "10.0.0.1", "node-1", "zone-b", PROBE_STAMP);
	offer(&world, "2001:db8::2", "", "", PROBE_ICMP);
	view_commit(&world);
	numbers(&world);
	text = document_text(DOCUMENT_PEERS, &world.exposition, 24576);
	assert_string_equal(text, expected);
	assert_true(json_is_valid(text));
	free(text);
	view_close(&world);
}

static void nobody_is_a_list_too(void **state)
{
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	text = document_text(DOCUMENT_PEERS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_non_null(strstr(text, "\"peers\":[\n]}"));
	free(text);
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_non_null(strstr(text, "\"interfaces\":[]"));
	assert_non_null(strstr(text, "\"loop_delay_seconds\":{\"p50\":null,\"p99\":null}"));
	free(text);
	view_close(&world);
}

static void blocks_make_the_same_document(void **state)
{
	static const size_t capacities[] = { API_ROW_CAPACITY, API_ROW_CAPACITY + 1, 24576 };
	static const enum document documents[] = { DOCUMENT_PEERS, DOCUMENT_STATUS };
	struct view_world world;

	(void)state;
	view_open(&world, 310, RANKING_ALL);
	view_populate(&world, 300, 50);
	for (int i = 0; i < 2; i++) {
		char *whole = document_text(documents[i], &world.exposition, 1000000);

		assert_true(json_is_valid(whole));
		for (int k = 0; k < 3; k++) {
			char *text = document_text(documents[i], &world.exposition, capacities[k]);

			assert_string_equal(text, whole);
			free(text);
		}
		if (documents[i] == DOCUMENT_PEERS) {
			assert_int_equal(occurrences(whole, "\n{\"peer\":"), 300);
			assert_int_equal(occurrences(whole, "\"listed\":true"), 300);
		}
		free(whole);
	}
	view_close(&world);
}

static void who_is_not_listed_is_told_all_the_same(void **state)
{
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 10, 0);
	view_populate(&world, 5, 10);
	text = document_text(DOCUMENT_PEERS, &world.exposition, API_ROW_CAPACITY);
	assert_int_equal(occurrences(text, "\"listed\":false"), 5);
	free(text);
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_non_null(strstr(text, "\"unlisted\":5,"));
	free(text);
	view_close(&world);
}

static void only_live_peers_are_told(void **state)
{
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 10, RANKING_ALL);
	view_populate(&world, 5, 10);
	peers_set_state(world.peers, 1, PEER_OWN);
	peers_set_state(world.peers, 2, PEER_RESOLVING);
	text = document_text(DOCUMENT_PEERS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_int_equal(occurrences(text, "\n{\"peer\":"), 4);
	assert_null(strstr(text, "\"node-1."));
	assert_non_null(strstr(text, "\"state\":\"resolving\",\"listed\":true,"
				     "\"health\":\"unknown\""));
	free(text);
	view_close(&world);
}

static void names_are_escaped(void **state)
{
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_begin(&world);
	offer(&world, "10.0.0.1", VIEW_HOSTILE, "\\\"\x7f\x80", PROBE_STAMP);
	view_commit(&world);
	world.exposition.node_name = VIEW_HOSTILE;
	world.exposition.node_zone = "\xff\t";
	text = document_text(DOCUMENT_PEERS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_int_equal(occurrences(text, "\"<script>alert(1)</script>\\\"\\u000a\""), 2);
	assert_non_null(strstr(text, "\"zone\":\"\\\\\\\"\\u007f\xef\xbf\xbd\""));
	assert_non_null(strstr(text, "\"zone\":\"\xef\xbf\xbd\\u0009\""));
	free(text);
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_int_equal(occurrences(text, "\"<script>alert(1)</script>\\\"\\u000a\""), 1);
	free(text);
	view_close(&world);
}

/* Everything as long as it can be: the names of octets that become six, all buckets, all flows. */
static void the_longest_row_fits(void **state)
{
	static struct flow_loss flows[4 * KC_FLOWS_MAX];
	static const uint16_t ports[KC_FLOWS_MAX] = { 65535, 65535, 65535, 65535,
						      65535, 65535, 65535, 65535 };
	struct view_world world;
	char name[PEER_NAME_CAPACITY] = "";
	char zone[PEER_ZONE_CAPACITY] = "";
	char *text;

	(void)state;
	memset(name, 1, sizeof(name) - 1);
	memset(zone, 1, sizeof(zone) - 1);
	view_open(&world, 4, RANKING_ALL);
	view_begin(&world);
	offer(&world, "2001:db8:1111:2222:3333:4444:5555:6666", name, zone, PROBE_STAMP);
	view_commit(&world);
	world.exposition.flows = KC_FLOWS_MAX;
	world.exposition.flow_losses = flows;
	world.exposition.flow_ports = ports;
	memset(world.stats, 0xff, sizeof(*world.stats));
	native_fill(world.natives, 1);
	memset(world.recents, 0xff, sizeof(*world.recents));
	memset(flows, 0xff, sizeof(flows));
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		flows[i].next = 0;
		flows[i].told = flows[i].full = true;
	}
	world.recents[0].since.ns = 999999999999999999;
	world.exposition.node_name = name;
	world.exposition.node_zone = zone;
	text = document_text(DOCUMENT_PEERS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	print_message("longest row: %zu octets\n", strlen(strstr(text, "\n{\"peer\"")));
	free(text);
	view_close(&world);
}

static void the_longest_status_fits(void **state)
{
	struct view_world world;
	struct interface_name routes[INTERFACE_CAPACITY];
	struct word word;
	char name[PEER_NAME_CAPACITY] = "";
	char zone[256] = "";
	char *text;

	(void)state;
	memset(name, 1, sizeof(name) - 1);
	memset(zone, 1, sizeof(zone) - 1);
	view_open(&world, 4, RANKING_ALL);
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		routes[i] = (struct interface_name){ .ifindex = UINT32_MAX - i };
		memset(routes[i].name, 1, INTERFACE_NAME_CAPACITY - 1);
	}
	interfaces_route(world.interfaces, 0, routes, INTERFACE_CAPACITY,
			 (struct local_time){ .ns = 1 });
	while (interfaces_next_word(world.interfaces, (struct local_time){ .ns = 1 }, &word)) {
		word.kind = WORD_ATTACHED;
		word.egress.error = word.ingress.error = EILSEQ; /* the longest of the usual */
		interfaces_on_word(world.interfaces, &word);
	}
	memset(&world.counters, 0xff, sizeof(world.counters));
	memset(&world.dns, 0xff, sizeof(world.dns));
	world.exposition.node_name = name;
	world.exposition.node_zone = zone;
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	assert_int_equal(occurrences(text, "\"ifindex\":"), INTERFACE_CAPACITY);
	print_message("longest status: %zu octets\n", strlen(text));
	free(text);
	view_close(&world);
}

static void how_this_node_stands(void **state)
{
	static const char *const expected[] = {
		"{\"api\":1,\"node\":\"node-0\",\"zone\":\"zone-a\",\"version\":\"0.1.0\","
		"\"revision\":\"abcdef0\",\"timestamps\":\"bpf\",\"time\":1700100000.0,\"started\":"
		"1700000000.0,"
		"\"uptime_seconds\":100000.0,",
		"{\"name\":\"eth0\",\"ifindex\":2,"
		"\"egress\":{\"attached\":true,\"mode\":\"tcx\",\"error\":null},"
		"\"ingress\":{\"attached\":true,\"mode\":\"tcx\",\"error\":null}}",
		"\"ingress\":{\"attached\":false,\"mode\":\"none\","
		"\"error\":\"Operation not permitted\"}",
		"\"peers\":{\"discovered\":150,\"known\":0,\"probed\":150,\"resolving\":0,"
		"\"lingering\":0,\"unnamed\":0,\"unlisted\":0,\"twin\":0}",
		"\"health\":{\"ok\":",
		"\"lost\":2,\"refused\":1,\"unknown\":1}",
		"\"probe\":{\"interval_seconds\":1.0,\"timeout_seconds\":1.0,\"flows\":4,"
		"\"in_flight\":3}",
		"\"reflector\":{\"reflected\":123456,\"refused\":{\"host\":0,\"destination\":0,"
		"\"source\":12,\"port\":0,",
		"\"discovery\":{\"dns\":{\"last_success\":1700000000,\"failures\":0,"
		"\"addresses\":160,\"refused\":0},"
		"\"file\":{\"last_success\":1700000000,\"failures\":0,\"last_ok\":true}}",
		"\"clock\":{\"synchronised\":true}",
		"\"loop_delay_seconds\":{\"p50\":0.0000",
		"\"limits\":{\"peers_max\":160,\"probe_max\":160,\"ring_bytes\":65536,"
		"\"zones\":64,\"interfaces\":32}",
		"\"surplus\":{\"peers_max\":0,\"probe_max\":0,\"zones\":0}",
	};
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 160, RANKING_ALL);
	view_populate(&world, 150, 200);
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_true(json_is_valid(text));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (!strstr(text, expected[i]))
			fail_msg("not in it: %s\n%s", expected[i], text);
	free(text);
	view_close(&world);
}

static void interfaces_that_nobody_needs_are_not_told(void **state)
{
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_populate(&world, 1, 1);
	interfaces_route(world.interfaces, 0, &(struct interface_name){ 2, "eth0" }, 1,
			 (struct local_time){ .ns = 2 });
	text = document_text(DOCUMENT_STATUS, &world.exposition, API_ROW_CAPACITY);
	assert_non_null(strstr(text, "\"eth0\""));
	assert_null(strstr(text, "bond0.7"));
	free(text);
	text = document_text(DOCUMENT_PAGE, &world.exposition, PAGE_ROW_CAPACITY);
	assert_non_null(strstr(text, "Interface eth0<"));
	assert_null(strstr(text, "bond0.7"));
	free(text);
	view_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parser_is_strict),
		cmocka_unit_test(each_field_is_there),
		cmocka_unit_test(nobody_is_a_list_too),
		cmocka_unit_test(blocks_make_the_same_document),
		cmocka_unit_test(who_is_not_listed_is_told_all_the_same),
		cmocka_unit_test(only_live_peers_are_told),
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(the_longest_row_fits),
		cmocka_unit_test(the_longest_status_fits),
		cmocka_unit_test(how_this_node_stands),
		cmocka_unit_test(interfaces_that_nobody_needs_are_not_told),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
