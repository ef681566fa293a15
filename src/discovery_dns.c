/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the DNS for peers, in rounds of both families of a name: owns the last good answer of each
 * name and family, and when to ask again. Must not know sockets, nor what becomes of an address.
 */
#include "discovery_dns.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#include "discovery_dns_state.h"
#include "log.h"
#include "loop.h"

#define CLASS_IN  1
#define TYPE_A	  1
#define TYPE_AAAA 28

static int open_questions(struct discovery_dns *dns, struct name *name)
{
	for (uint32_t i = 0; i < FAMILY_COUNT; i++) {
		struct question *question = &name->questions[i];

		question->dns = dns;
		question->name = name;
		question->six = i == 1;
		question->addresses = calloc(RECORDS_MAX, sizeof(*question->addresses));
		if (!question->addresses)
			return -ENOMEM;
	}
	return 0;
}

int discovery_dns_open(const struct discovery_dns_settings *settings, struct discovery_dns **ret)
{
	struct discovery_dns *dns = calloc(1, sizeof(*dns));
	int err = 0;

	if (!dns)
		return -ENOMEM;
	dns->servers = settings->servers;
	dns->ipv6_first = settings->ipv6_first;
	dns->totals = settings->totals;
	dns->count = settings->count;
	for (uint32_t i = 0; i < dns->count && !err; i++) {
		dns->names[i].text = settings->names[i];
		err = open_questions(dns, &dns->names[i]);
	}
	dns->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (dns->epoll_fd < 0)
		err = -errno;
	else if (!err && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		err = -ENOMEM;
	err = err ? err : discovery_dns_open_channels(dns);
	if (err) {
		discovery_dns_close(dns);
		return err;
	}
	*ret = dns;
	return 0;
}

void discovery_dns_close(struct discovery_dns *dns)
{
	if (!dns)
		return;
	discovery_dns_close_channels(dns);
	if (dns->epoll_fd >= 0)
		close(dns->epoll_fd);
	for (uint32_t i = 0; i < dns->count; i++) {
		for (uint32_t j = 0; j < FAMILY_COUNT; j++)
			free(dns->names[i].questions[j].addresses);
	}
	free(dns);
}

int discovery_dns_fd(const struct discovery_dns *dns)
{
	return dns->epoll_fd;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

/* Takes dns->scratch over; servers give the same addresses in another order each time. */
static void take_addresses(struct question *question, uint32_t count)
{
	struct discovery_dns *dns = question->dns;
	struct address *scratch = dns->scratch;
	uint32_t kept = 0;

	qsort(scratch, count, sizeof(*scratch), compare_addresses);
	for (uint32_t i = 0; i < count; i++) {
		if (kept == 0 || !address_equal(&scratch[kept - 1], &scratch[i]))
			scratch[kept++] = scratch[i];
	}
	if (kept == question->count &&
	    memcmp(scratch, question->addresses, kept * sizeof(*scratch)) == 0)
		return;
	memcpy(question->addresses, scratch, kept * sizeof(*scratch));
	question->count = kept;
	dns->changed = true;
}

/* One record into dns->scratch. */
static uint32_t read_record(struct question *question, int index, uint32_t count)
{
	struct discovery_dns *dns = question->dns;
	struct address *address = &dns->scratch[count];
	int ttl_seconds;

	if (question->six) {
		memcpy(address->octets, &dns->records.six[index].ip6addr, sizeof(address->octets));
		ttl_seconds = dns->records.six[index].ttl;
	} else {
		memcpy(address->octets, address_ipv4_prefix, sizeof(address_ipv4_prefix));
		memcpy(&address->octets[12], &dns->records.four[index].ipaddr, 4);
		ttl_seconds = dns->records.four[index].ttl;
	}
	if (ttl_seconds < question->ttl_seconds)
		question->ttl_seconds = ttl_seconds;
	if (!address_why_no_host(address))
		return count + 1;
	dns->totals->refused++;
	return count;
}

static int read_answer(struct question *question, const unsigned char *answer, int length)
{
	struct discovery_dns *dns = question->dns;
	int records = RECORDS_MAX;
	uint32_t count = 0;
	int status =
		question->six
			? ares_parse_aaaa_reply(answer, length, NULL, dns->records.six, &records)
			: ares_parse_a_reply(answer, length, NULL, dns->records.four, &records);

	if (status != ARES_SUCCESS)
		return status;
	question->ttl_seconds = INT32_MAX;
	for (int i = 0; i < records; i++)
		count = read_record(question, i, count);
	if (count == 0)
		return ARES_ENODATA;
	take_addresses(question, count);
	return ARES_SUCCESS;
}

static bool is_empty(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

/* What went wrong in a round, or NULL. That a name has no address in the one family, and never had
 * one, is nothing. */
static const struct question *judge_round(const struct name *name)
{
	bool any = false;

	for (uint32_t i = 0; i < FAMILY_COUNT; i++) {
		const struct question *question = &name->questions[i];

		if (question->status == ARES_SUCCESS)
			any = true;
		else if (!is_empty(question->status) || question->count > 0)
			return question;
	}
	return any ? NULL : &name->questions[0];
}

static void tell_round(struct name *name, const struct question *failed)
{
	uint32_t addresses = name->questions[0].count + name->questions[1].count;

	if (failed && name->failures == 1) {
		log_warn("a name is not answered with addresses: what it was answered last stays "
			 "in force",
			 LOG_TEXT("name", name->text), LOG_TEXT("type", failed->six ? "AAAA" : "A"),
			 LOG_TEXT("reason", ares_strerror(failed->status)),
			 LOG_INT("addresses", addresses));
	} else if (!failed && (name->failures > 0 || !name->answered)) {
		log_info("name answered", LOG_TEXT("name", name->text),
			 LOG_INT("addresses", addresses));
	}
}

static int64_t clamp_pause(int64_t pause_ns)
{
	if (pause_ns > DISCOVERY_DNS_PAUSE_MAX_NS)
		return DISCOVERY_DNS_PAUSE_MAX_NS;
	return pause_ns < DISCOVERY_DNS_PAUSE_MIN_NS ? DISCOVERY_DNS_PAUSE_MIN_NS : pause_ns;
}

static void end_round(struct discovery_dns *dns, struct name *name)
{
	int64_t pause_ns = DISCOVERY_DNS_PAUSE_MAX_NS;
	const struct question *failed = judge_round(name);
	uint32_t failures = failed ? name->failures + 1 : 0;

	name->silences++;
	for (uint32_t i = 0; i < FAMILY_COUNT; i++) {
		const struct question *question = &name->questions[i];
		int64_t ttl_ns = question->ttl_seconds * NS_PER_SECOND;

		if (question->status != ARES_SUCCESS)
			continue;
		name->silences = 0;
		dns->totals->success_unix_seconds = (uint64_t)(loop_unix_ns() / NS_PER_SECOND);
		if (ttl_ns < pause_ns)
			pause_ns = ttl_ns;
	}
	if (failures > 0) {
		/* A family that always fails does not slow the other one's first retry. */
		uint32_t row = name->silences ? name->silences : failures;
		/* Beyond 60 s it is clamped anyway. */
		int64_t retry_ns = DISCOVERY_DNS_PAUSE_MIN_NS << (row < 5 ? row - 1 : 4);

		dns->totals->failures++;
		/* A family that was answered does not wait for the other one. */
		if (retry_ns < pause_ns)
			pause_ns = retry_ns;
		name->failures = failures;
	}
	tell_round(name, failed);
	name->failures = failures;
	name->answered |= !failed;
	name->due = local_after(dns->now, clamp_pause(pause_ns));
}

static void on_answer(void *ctx, int status, int timeouts, unsigned char *answer, int length);

/* An answer may come before ares_search returns. */
static void ask(struct question *question, enum channel channel)
{
	ares_search(question->dns->channels[channel], question->name->text, CLASS_IN,
		    question->six ? TYPE_AAAA : TYPE_A, on_answer, question);
}

static void on_answer(void *ctx, int status, int timeouts, unsigned char *answer, int length)
{
	struct question *question = ctx;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION) /* we are closing */
		return;
	if (question->dns->truncated) {
		question->dns->truncated = false;
		ask(question, CHANNEL_TCP);
		return;
	}
	question->status = status == ARES_SUCCESS ? read_answer(question, answer, length) : status;
	if (--question->name->unanswered == 0)
		end_round(question->dns, question->name);
}

static void begin_round(struct name *name)
{
	name->unanswered = FAMILY_COUNT;
	for (uint32_t i = 0; i < FAMILY_COUNT; i++)
		ask(&name->questions[i], CHANNEL_UDP);
}

bool discovery_dns_run(struct discovery_dns *dns, struct local_time now)
{
	dns->now = now;
	discovery_dns_process(dns);
	for (uint32_t i = 0; i < dns->count; i++) {
		struct name *name = &dns->names[i];

		if (name->unanswered > 0 || local_since(now, name->due) < 0)
			continue;
		discovery_dns_renew_channels(dns);
		begin_round(name);
	}
	return dns->changed;
}

struct local_time discovery_dns_next(const struct discovery_dns *dns, struct local_time now)
{
	struct local_time next = local_after(now, DISCOVERY_DNS_PAUSE_MAX_NS);
	struct timeval room;

	for (uint32_t i = 0; i < dns->count; i++) {
		if (dns->names[i].unanswered == 0 && local_since(dns->names[i].due, next) < 0)
			next = dns->names[i].due;
	}
	for (uint32_t i = 0; i < CHANNEL_COUNT; i++) {
		int64_t wait_ns;

		if (!ares_timeout(dns->channels[i], NULL, &room))
			continue;
		wait_ns = room.tv_sec * NS_PER_SECOND + room.tv_usec * NS_PER_US;
		if (wait_ns < local_since(next, now))
			next = local_after(now, wait_ns);
	}
	return next;
}

void discovery_dns_offer(struct discovery_dns *dns, discovery_dns_offer_fn *offer, void *ctx)
{
	struct peer_candidate candidate = { .probe = PROBE_DEFAULT };
	uint64_t addresses = 0;

	for (uint32_t i = 0; i < dns->count * FAMILY_COUNT; i++) {
		uint32_t family = i / dns->count ^ dns->ipv6_first;
		const struct question *question = &dns->names[i % dns->count].questions[family];

		for (uint32_t j = 0; j < question->count; j++) {
			candidate.address = question->addresses[j];
			addresses += offer(ctx, &candidate) != -EEXIST;
		}
	}
	dns->totals->addresses = addresses;
	dns->changed = false;
}
