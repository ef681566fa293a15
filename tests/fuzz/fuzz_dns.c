/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers from DNS as c-ares hands them over, in any order and with any status: what becomes of
 * their records, of the last good ones, and when it is asked again. c-ares' own parser is real;
 * its channels are not.
 */
#include <ares.h>
#include <arpa/nameser.h>

#include "fuzz.h"
#include "log.h"

static struct question_asked {
	ares_callback callback;
	void *ctx;
	int type;
} asked[64];
static unsigned int asked_count;

static void search(ares_channel channel, const char *name, int class, int type,
		   ares_callback callback, void *ctx)
{
	(void)channel;
	require(*name && class == 1 && asked_count < 64);
	asked[asked_count++] =
		(struct question_asked){ .callback = callback, .ctx = ctx, .type = type };
}

#define ares_search	       search
#define ares_timeout(c, m, tv) ((void)(c), (void)(m), (void)(tv), (struct timeval *)NULL)
#include "../../src/discovery_dns.c"

int discovery_dns_open_channels(struct discovery_dns *dns)
{
	(void)dns;
	return 0;
}

void discovery_dns_close_channels(struct discovery_dns *dns)
{
	(void)dns;
}

void discovery_dns_renew_channels(struct discovery_dns *dns)
{
	(void)dns;
}

void discovery_dns_process(struct discovery_dns *dns)
{
	(void)dns;
}

static const char *const names[] = { "canaries.test.", "others.test." };
static struct discovery_totals totals;
static struct discovery_dns *dns;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct discovery_dns_settings settings = { .names = names, .count = 2, .totals = &totals };

	(void)argc;
	(void)argv;
	log_setup(LOG_LEVEL_ERROR, 0);
	return discovery_dns_open(&settings, &dns);
}

static void reset(void)
{
	for (uint32_t i = 0; i < dns->count; i++) {
		struct name *name = &dns->names[i];

		name->unanswered = name->failures = 0;
		name->due = (struct local_time){ 0 };
		name->answered = false;
		for (uint32_t j = 0; j < FAMILY_COUNT; j++)
			name->questions[j].count = 0;
	}
	dns->changed = dns->truncated = false;
	totals = (struct discovery_totals){ 0 };
	asked_count = 0;
}

/* An answer whose form is right, with records of the input's: up to 255, of the type or not. */
static uint8_t *build_answer(struct input *input, int type, size_t *ret_length)
{
	static const uint8_t question[] = { 1, 'n', 0, 0, 0, 0, 1 };
	uint8_t count = input_octet(input), *answer = calloc(1, 12 + 7 + 255 * 28),
		*at = answer + 12;

	answer[2] = 0x81;
	answer[3] = 0x80;
	answer[5] = 1;
	answer[7] = count;
	memcpy(at, question, sizeof(question));
	at[4] = (uint8_t)type;
	at += sizeof(question);
	for (uint8_t i = 0; i < count; i++) {
		uint8_t kind = input_octet(input);
		int of = kind & 64 ? input_octet(input) : type;
		uint8_t bytes = of == 1 ? 4 : 16;

		memcpy(at,
		       (uint8_t[]){ 0xc0, 12, 0, (uint8_t)of, 0, 1, 0, 0, 0, kind & 63, 0, bytes },
		       12);
		if (kind & 128)
			input_take(input, at + 6, 4);
		input_take(input, at + 12, bytes);
		at += 12 + bytes;
	}
	*ret_length = (size_t)(at - answer);
	return answer;
}

static void check_question(const struct question *question)
{
	require(question->count <= RECORDS_MAX);
	for (uint32_t i = 0; i < question->count; i++) {
		const struct address *address = &question->addresses[i];

		require(address_why_no_host(address) == NULL);
		require(i == 0 || memcmp(&address[-1], address, sizeof(*address)) < 0);
	}
}

/* One question is answered. Whatever is no good answer leaves the last good one in force. */
static void answer(struct input *input)
{
	struct question_asked one = asked[--asked_count];
	struct question *question = one.ctx;
	uint8_t kind = input_octet(input);
	uint32_t count_before = question->count;
	struct address first_before = question->addresses[0];
	bool again = (kind & 0x80) && (kind & 4);
	size_t length;
	uint8_t *octets = kind & 1 ? build_answer(input, one.type, &length)
				   : input_piece(input, input_u16(input), &length);
	int status = kind & 2 ? kind >> 2 : ARES_SUCCESS;

	dns->truncated = again;
	require(one.type == (question->six ? 28 : 1));
	one.callback(one.ctx, status, 0, octets, (int)length);
	free(octets);
	check_question(question);
	if (status == ARES_EDESTRUCTION)
		question->name->unanswered--;
	if (again && status != ARES_EDESTRUCTION)
		return; /* asked once more */
	if (question->status != ARES_SUCCESS || status != ARES_SUCCESS)
		require(question->count == count_before &&
			(!count_before || address_equal(question->addresses, &first_before)));
	else if (question->name->unanswered == 0)
		require(question->count > 0);
}

static int take(void *ctx, const struct peer_candidate *candidate)
{
	uint32_t *count = ctx;

	require(address_why_no_host(&candidate->address) == NULL && !candidate->name[0]);
	return (*count)++ % 5 == 4 ? -EEXIST : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct local_time now = { .ns = NS_PER_SECOND };
	struct input input = { octets, length };

	reset();
	for (int round = 0; round < 4 && input.length > 0; round++) {
		uint32_t count = 0, expected = 0;

		discovery_dns_run(dns, now);
		while (asked_count > 0)
			answer(&input);
		for (uint32_t i = 0; i < dns->count; i++) {
			int64_t pause_ns = local_since(dns->names[i].due, now);

			require(dns->names[i].unanswered == 0 || input.length == 0);
			require(dns->names[i].unanswered > 0 ||
				local_since(now, dns->names[i].due) >= 0 ||
				(pause_ns >= DISCOVERY_DNS_PAUSE_MIN_NS &&
				 pause_ns <= DISCOVERY_DNS_PAUSE_MAX_NS));
			for (uint32_t j = 0; j < FAMILY_COUNT; j++)
				expected += dns->names[i].questions[j].count;
			dns->names[i].unanswered = 0;
		}
		discovery_dns_offer(dns, take, &count);
		require(count == expected && totals.addresses == count - count / 5);
		require(local_since(discovery_dns_next(dns, now), now) <=
			DISCOVERY_DNS_PAUSE_MAX_NS);
		now = local_after(now, 61 * NS_PER_SECOND);
	}
	return 0;
}
