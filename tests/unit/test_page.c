/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page as the server writes it: whole out of blocks, hostile names escaped, nothing that
 * its own policy forbids.
 */
#include "unit/view_document.h"

#include "page_parts.h"
#include "unit/sha256.h"
#include "unit/view_world.h"
#include "unit/native_full.h"

static void offer(struct view_world *world, const char *address, const char *name, const char *zone)
{
	struct peer_candidate candidate = { .probe = PROBE_STAMP };

	assert_int_equal(address_parse(address, &candidate.address), 0);
	strcpy(candidate.name, name);
	strcpy(candidate.zone, zone);
	view_offer(world, &candidate);
}

static void one_document(void **state)
{
	struct view_world world;
	const char *body;
	char *text;

	(void)state;
	view_open(&world, 160, RANKING_ALL);
	view_populate(&world, 150, 200);
	text = document_text(DOCUMENT_PAGE, &world.exposition, 24576);
	assert_int_equal(strncmp(text, "<!doctype html>\n<html lang=\"en\">", 32), 0);
	assert_string_equal(text + strlen(text) - 8, "</html>\n");
	assert_non_null(strstr(text, "<title>node-0 \xe2\x80\x93 kube-canary</title>"));
	assert_non_null(strstr(text, "zone zone-a \xc2\xb7 version 0.1.0 (abcdef0) \xc2\xb7 "
				     "up 1 d 3 h</p>"));
	/* All places are filled. */
	assert_int_equal(occurrences(text, "@"), occurrences(text, "@media "));
	body = strstr(text, "<tbody>\n");
	assert_non_null(body);
	/* A row for each peer, with as many cells as the head has. */
	assert_int_equal(occurrences(body, "<tr class="), 150);
	assert_int_equal(occurrences(body, "<th scope=row>"), 150);
	assert_int_equal(occurrences(body, "<td"),
			 150 * (occurrences(text, "<th scope=\"col\"") - 1));
	assert_int_equal(occurrences(text, "<caption"), 1);
	/* Health has a word and a mark. */
	assert_non_null(strstr(body, "<tr class=lost><td class=mark>\xe2\x9c\x95 lost<"));
	assert_non_null(strstr(body, "<tr class=refused><td class=mark>\xe2\x8a\x98 refused<"));
	assert_non_null(strstr(body, "<tr class=unknown><td class=mark>? unknown<"));
	assert_non_null(strstr(text, "<div><dt>Interface eth0<dd><span>egress tcx</span>"));
	assert_non_null(strstr(text, "ingress not attached: Operation not permitted</span>"));
	free(text);
	view_close(&world);
}

static void a_row(void **state)
{
	static const char expected[] =
		"<tr class=degraded><td class=mark>\xe2\x96\xb2 degraded"
		"<th scope=row><bdi>node-1</bdi><small>10.0.0.1 \xc2\xb7 stamp \xc2\xb7 "
		"not in metrics</small>"
		"<td class=zone>zone-b<td class=number>10\xc2\xa0%"
		"<td class=number>9<td class=wide>2 there, 3 back, 4 unknown"
		"<td class=number>30.5\xc2\xa0\xc2\xb5s<td class=\"number "
		"wide\">12.0\xc2\xa0\xc2\xb5s"
		"<td class=number>12.3\xc2\xa0\xc2\xb5s<td class=\"number "
		"wide\">29.7\xc2\xa0\xc2\xb5s"
		"<td class=number>30.4\xc2\xa0\xc2\xb5s"
		"<td class=shape><span class=spark aria-hidden=true>\xe2\x96\x88\xe2\x80\xaf"
		"\xe2\x80\xaf\xe2\x96\x88\xe2\x96\x88</span> <small>0.00\xc2\xa0\xc2\xb5s to "
		"30.5\xc2\xa0\xc2\xb5s</small>"
		"<td class=\"number wider\">0.25\xc2\xa0\xc2\xb5s"
		"<td class=\"number wider\">1 / 2<td class=\"wider bad\">port 50002: 9 of 100\n";
	struct view_world world;
	char block[4096];
	struct text text = text_over(block, sizeof(block) - 1);

	(void)state;
	view_open(&world, 4, 0);
	view_begin(&world);
	offer(&world, "10.0.0.1", "node-1", "zone-b");
	view_commit(&world);
	world.stats[0] = (struct peer_stats){ .sent = 20,
					      .returned = 10,
					      .lost = 9,
					      .lost_forward = 2,
					      .lost_backward = 3,
					      .variation_sum_ns = 2500 };
	world.recents[0] = (struct recent){ .last_rtt_ns = 30500,
					    .min_rtt_ns = 12000,
					    .loss = 6554,
					    .samples = 20,
					    .verdict = VERDICT_RETURNED,
					    .reply_ttl = 253,
					    .probe_ttl = 254 };
	world.natives[0].zero = 1;
	native_add(&world.natives[0], 12000);
	native_add(&world.natives[0], 30500);
	world.flow_losses[1] = (struct flow_loss){
		.judged = 12, .lost = 9, .recent = { 0x1ff }, .next = 12, .told = true
	};
	page_append_peer(&text, &world.exposition, 0);
	block[text.length] = '\0';
	assert_string_equal(block, expected);
	view_close(&world);
}

static void routers_are_told_from_the_hop_limit(void **state)
{
	static const struct {
		uint8_t probe, reply;
		const char *expected;
	} cases[] = {
		{ 255, 255, ">0 / 0<" },   { 0, 64, ">? / 0<" },   { 65, 64, ">63 / 0<" },
		{ 128, 129, ">0 / 126<" }, { 250, 60, ">5 / 4<" }, { 255, 0, ">\xe2\x80\x93<" },
		{ 1, 254, ">63 / 1<" },
	};
	struct view_world world;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_populate(&world, 1, 10);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char block[4096];
		struct text text = text_over(block, sizeof(block) - 1);

		world.recents[0].probe_ttl = cases[i].probe;
		world.recents[0].reply_ttl = cases[i].reply;
		page_append_peer(&text, &world.exposition, 0);
		block[text.length] = '\0';
		if (!strstr(strstr(block, "class=shape"), cases[i].expected))
			fail_msg("case %zu: %s", i, block);
	}
	view_close(&world);
}

static void names_are_shown_and_not_obeyed(void **state)
{
	static const char escaped[] = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;\xe2\x90\x8a";
	struct view_world world;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_begin(&world);
	offer(&world, "10.0.0.1", VIEW_HOSTILE, VIEW_HOSTILE);
	offer(&world, "10.0.0.2", "'&\xff\x7f\xe2\x80", "");
	view_commit(&world);
	world.exposition.node_name = VIEW_HOSTILE;
	world.exposition.node_zone = VIEW_HOSTILE;
	world.exposition.version = VIEW_HOSTILE;
	world.exposition.revision = VIEW_HOSTILE;
	text = document_text(DOCUMENT_PAGE, &world.exposition, 24576);
	assert_null(strstr(text, "<script>alert"));
	/* Name and zone of the peer; title, heading, zone, version and revision of the node. */
	assert_int_equal(occurrences(text, escaped), 7);
	assert_int_equal(occurrences(text, "alert(1)"), 7);
	assert_non_null(strstr(text,
			       "<bdi>&#39;&amp;\xef\xbf\xbd\xe2\x90\xa1\xef\xbf\xbd\xef\xbf\xbd"
			       "</bdi>"));
	free(text);
	view_close(&world);
}

/* What stands between two tags, from *at on. */
static const char *between(const char **at, const char *opening, const char *closing,
			   size_t *ret_length)
{
	const char *start = strstr(*at, opening);
	const char *end;

	if (!start)
		return NULL;
	start += strlen(opening);
	end = strstr(start, closing);
	assert_non_null(end);
	*ret_length = (size_t)(end - start);
	*at = end;
	return start;
}

static unsigned int check_hashes(const char *text, const char *opening, const char *closing,
				 const char *directive)
{
	const char *policy = strstr(page_policy(), directive);
	char hash[SHA256_BASE64_CAPACITY];
	char wanted[sizeof(hash) + 16];
	unsigned int count = 0;
	const char *found;
	size_t length;

	assert_non_null(policy);
	while ((found = between(&text, opening, closing, &length))) {
		sha256_base64(found, length, hash);
		snprintf(wanted, sizeof(wanted), "'sha256-%s'", hash);
		found = strstr(policy, wanted);
		/* Of this directive and not of the next. */
		assert_non_null(found);
		assert_true(found < strchr(policy, ';'));
		count++;
	}
	return count;
}

static void the_policy_allows_what_is_there_and_nothing_else(void **state)
{
	static const char *const directives[] = {
		"default-src 'none'", "connect-src 'self'",	"base-uri 'none'",
		"form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"
	};
	char empty[SHA256_BASE64_CAPACITY];
	struct view_world world;
	char *text;

	(void)state;
	sha256_base64("", 0, empty);
	assert_string_equal(empty, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	view_open(&world, 4, RANKING_ALL);
	view_populate(&world, 3, 10);
	text = document_text(DOCUMENT_PAGE, &world.exposition, 24576);
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		assert_non_null(strstr(page_policy(), directives[i]));
	assert_null(strstr(page_policy(), "unsafe"));
	assert_null(strstr(page_policy(), "*"));
	assert_int_equal(check_hashes(text, "<style>", "</style>", "style-src "), 1);
	assert_int_equal(check_hashes(text, "<script>", "</script>", "script-src "), 2);
	assert_int_equal(occurrences(page_policy(), "sha256-"), 3);
	/* No other form of either. */
	assert_int_equal(occurrences(text, "<style"), 1);
	assert_int_equal(occurrences(text, "<script"), 2);
	free(text);
	view_close(&world);
}

static void nothing_is_fetched_or_executed_from_elsewhere(void **state)
{
	static const char *const forbidden[] = {
		"https:",	  "http:",     "//cdn",	       "@import",
		"url(",		  "innerHTML", "eval(",	       "insertAdjacentHTML",
		"document.write", "outerHTML", "javascript:",  " style=",
		"Function(",	  " onclick",  " onload",      " onerror",
		"<iframe",	  "<object",   "<form action", "src=",
	};
	struct view_world world;
	char *own;
	char *text;

	(void)state;
	view_open(&world, 4, RANKING_ALL);
	view_populate(&world, 3, 10);
	text = document_text(DOCUMENT_PAGE, &world.exposition, 24576);
	/* The name of SVG looks like an address and is none. */
	while ((own = strstr(text, "http://www.w3.org/2000/svg")))
		memset(own, ' ', strlen("http://www.w3.org/2000/svg"));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (strstr(text, forbidden[i]))
			fail_msg("the page has %s", forbidden[i]);
	free(text);
	view_close(&world);
}

static void blocks_make_the_same_page(void **state)
{
	static const size_t capacities[] = { PAGE_ROW_CAPACITY, PAGE_ROW_CAPACITY + 1, 20011, 24576,
					     32768 };
	struct view_world world;
	char *whole;

	(void)state;
	view_open(&world, 310, RANKING_ALL);
	view_populate(&world, 300, 50);
	whole = document_text(DOCUMENT_PAGE, &world.exposition, 1000000);
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		char *text = document_text(DOCUMENT_PAGE, &world.exposition, capacities[i]);

		assert_string_equal(text, whole);
		free(text);
	}
	free(whole);
	view_close(&world);
}

/* Names of octets that become six, and as many interfaces as there can be. */
static void the_longest_parts_fit(void **state)
{
	struct interface_name routes[INTERFACE_CAPACITY];
	struct view_world world;
	struct word word;
	char name[PEER_NAME_CAPACITY] = "";
	char zone[PEER_ZONE_CAPACITY] = "";
	char *text;

	(void)state;
	memset(name, '"', sizeof(name) - 1);
	memset(zone, '"', sizeof(zone) - 1);
	view_open(&world, 40, RANKING_ALL);
	view_begin(&world);
	for (int i = 0; i < 30; i++) {
		char address[ADDRESS_TEXT_CAPACITY];

		snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:%x",
			 0x6000 + i);
		name[0] = (char)('a' + i);
		offer(&world, address, name, zone);
	}
	view_commit(&world);
	for (uint32_t i = 0; i < INTERFACE_CAPACITY; i++) {
		routes[i] = (struct interface_name){ .ifindex = i + 1 };
		memset(routes[i].name, '"', INTERFACE_NAME_CAPACITY - 1);
	}
	interfaces_route(world.interfaces, 0, routes, INTERFACE_CAPACITY,
			 (struct local_time){ .ns = 1 });
	while (interfaces_next_word(world.interfaces, (struct local_time){ .ns = 1 }, &word)) {
		word.kind = WORD_ATTACHED;
		word.egress.error = word.ingress.error = EILSEQ;
		interfaces_on_word(world.interfaces, &word);
	}
	memset(world.stats, 0xff, 40 * sizeof(*world.stats));
	for (uint32_t slot = 0; slot < 40; slot++)
		native_fill(&world.natives[slot], 1);
	world.exposition.node_name = name;
	world.exposition.node_zone = zone;
	text = document_text(DOCUMENT_PAGE, &world.exposition, PAGE_ROW_CAPACITY);
	assert_int_equal(occurrences(text, "<tr class="), 30);
	assert_int_equal(occurrences(text, "<div><dt>Interface "), INTERFACE_CAPACITY);
	print_message("longest part: %zu octets\n",
		      (size_t)(strstr(text, "</dl>") - strstr(text, "<dl ")));
	free(text);
	view_close(&world);
}

static void durations_have_three_digits(void **state)
{
	static const struct {
		uint64_t value_ns;
		const char *expected;
	} cases[] = {
		{ 0, "0.00 us" },	  { 4, "0.00 us" },	     { 5, "0.01 us" },
		{ 999, "1.00 us" },	  { 1000, "1.00 us" },	     { 9994, "9.99 us" },
		{ 9995, "10.0 us" },	  { 30500, "30.5 us" },	     { 99949, "99.9 us" },
		{ 99950, "100 us" },	  { 999499, "999 us" },	     { 999500, "1.00 ms" },
		{ 12340000, "12.3 ms" },  { 999499999, "999 ms" },   { 999500000, "1.00 s" },
		{ 4294967295, "4.29 s" }, { 61000000000, "61.0 s" }, { 123456000000, "123 s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[32];
		char block[32];
		struct text text = text_over(block, sizeof(block) - 1);
		const char *space = strchr(cases[i].expected, ' ');

		/* The table is written with signs that any editor shows. */
		snprintf(expected, sizeof(expected), "%.*s\xc2\xa0%s",
			 (int)(space - cases[i].expected), cases[i].expected,
			 strcmp(space, " us") == 0 ? "\xc2\xb5s" : space + 1);
		page_append_duration(&text, cases[i].value_ns);
		block[text.length] = '\0';
		assert_string_equal(block, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_document),
		cmocka_unit_test(a_row),
		cmocka_unit_test(routers_are_told_from_the_hop_limit),
		cmocka_unit_test(names_are_shown_and_not_obeyed),
		cmocka_unit_test(the_policy_allows_what_is_there_and_nothing_else),
		cmocka_unit_test(nothing_is_fetched_or_executed_from_elsewhere),
		cmocka_unit_test(blocks_make_the_same_page),
		cmocka_unit_test(the_longest_parts_fit),
		cmocka_unit_test(durations_have_three_digits),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
