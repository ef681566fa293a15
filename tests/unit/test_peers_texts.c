/* SPDX-License-Identifier: Apache-2.0 */
/* Names and zones of all lengths, set and taken away in any order: each slot has its own at any
 * time. */
#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "peers_state.h"

#define SLOTS 16
#define STEPS 20000

struct texts {
	char name[PEER_NAME_CAPACITY];
	char zone[PEER_ZONE_CAPACITY];
};

/* Half of them the longest or none. */
static void draw_text(char *ret, size_t capacity)
{
	size_t length = (size_t)rand() % (2 * capacity);

	if (length >= capacity)
		length = length % 2 ? capacity - 1 : 0;
	for (size_t i = 0; i < length; i++)
		ret[i] = (char)('a' + rand() % 26);
	ret[length] = '\0';
}

static size_t octets(const char *text)
{
	return text[0] ? 2 + strlen(text) + 1 : 0;
}

static void texts_are_kept(void **state)
{
	const struct peers_settings settings = { .capacity = SLOTS, .protocol = PROBE_STAMP };
	struct texts expected[SLOTS] = { 0 };
	struct peers *peers;
	size_t most = 0;

	(void)state;
	srand(20261123);
	assert_int_equal(peers_open(&settings, &peers), 0);
	peers->top = SLOTS;
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		peers_set_name(peers, slot, "");
		peers_set_zone(peers, slot, "");
	}
	for (int step = 0; step < STEPS; step++) {
		uint32_t slot = (uint32_t)rand() % SLOTS;
		size_t live = 0;

		if (rand() % 2) {
			draw_text(expected[slot].name, PEER_NAME_CAPACITY);
			peers_set_name(peers, slot, expected[slot].name);
		} else {
			draw_text(expected[slot].zone, PEER_ZONE_CAPACITY);
			peers_set_zone(peers, slot, expected[slot].zone);
		}
		for (slot = 0; slot < SLOTS; slot++) {
			assert_string_equal(peers_get(peers, slot)->name, expected[slot].name);
			assert_string_equal(peers_get(peers, slot)->zone, expected[slot].zone);
			live += octets(expected[slot].name) + octets(expected[slot].zone);
		}
		assert_int_equal(peers->texts.octets, live);
		if (peers->texts.end > most)
			most = peers->texts.end;
	}
	/* It was crowded, and never beyond what there is. */
	assert_in_range(most, 4096,
			SLOTS * (PEER_NAME_CAPACITY + PEER_ZONE_CAPACITY + 4) / 4 * 5 + 4096);
	peers_close(peers);
}

/* A slot's name and zone may be the same text; a text that stands is not written again. */
static void the_same_text_twice(void **state)
{
	const struct peers_settings settings = { .capacity = 1, .protocol = PROBE_STAMP };
	struct peers *peers;
	const char *name;

	(void)state;
	assert_int_equal(peers_open(&settings, &peers), 0);
	peers->top = 1;
	peers_set_name(peers, 0, "a");
	peers_set_zone(peers, 0, "a");
	name = peers_get(peers, 0)->name;
	peers_set_name(peers, 0, "a");
	assert_ptr_equal(peers_get(peers, 0)->name, name);
	for (int i = 0; i < 10000; i++)
		peers_set_name(peers, 0, i % 2 ? "b" : "cc");
	assert_string_equal(peers_get(peers, 0)->name, "b");
	assert_string_equal(peers_get(peers, 0)->zone, "a");
	assert_in_range(peers->texts.end, 0, 4096 + 64);
	peers_close(peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_kept),
		cmocka_unit_test(the_same_text_twice),
	};

	return cmocka_run_group_tests_name("peers_texts", tests, NULL, NULL);
}
