/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovery from DNS with a name server in this process, at a time of the test's own.
 */
#ifndef DISCOVERY_DNS_FIXTURE_H
#define DISCOVERY_DNS_FIXTURE_H

#include <errno.h>
#include <stdlib.h>

#include "discovery_dns_state.h"
#include "dns_responder.h"
#include "log.h"

struct fixture {
	struct dns_responder responder;
	struct discovery_totals totals;
	struct discovery_dns *dns;
	struct local_time now; /* a time of the test's own */
	const char *names[2];
	struct address taken[8192];
	uint32_t taken_count;
	bool ipv6_first;
};

static inline void open_names(struct fixture *f, uint32_t count)
{
	struct discovery_dns_settings settings = { .names = f->names,
						   .count = count,
						   .ipv6_first = f->ipv6_first,
						   .servers = f->responder.servers,
						   .totals = &f->totals };

	assert_int_equal(discovery_dns_open(&settings, &f->dns), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_setup(LOG_LEVEL_ERROR, 0);
	responder_open(&f->responder);
	f->names[0] = "canaries.test.";
	f->names[1] = "others.test.";
	f->now.ns = NS_PER_SECOND;
	f->responder.four = (struct responder_records){ .count = 2, .first = 1, .ttl_seconds = 30 };
	f->responder.six = (struct responder_records){ .mode = RESPOND_NOTHING };
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	discovery_dns_close(f->dns);
	responder_close(&f->responder);
	free(f);
	return 0;
}

static inline int take(void *ctx, const struct peer_candidate *candidate)
{
	struct fixture *f = ctx;

	assert_string_equal(candidate->name, "");
	assert_int_equal(candidate->probe, PROBE_DEFAULT);
	for (uint32_t i = 0; i < f->taken_count; i++) {
		if (address_equal(&f->taken[i], &candidate->address))
			return -EEXIST;
	}
	f->taken[f->taken_count++] = candidate->address;
	return 0;
}

static inline int64_t pause_seconds(const struct fixture *f)
{
	return local_since(discovery_dns_next(f->dns, f->now), f->now) / NS_PER_SECOND;
}

static inline bool is_open(const struct fixture *f)
{
	for (uint32_t i = 0; i < f->dns->count; i++) {
		if (f->dns->names[i].unanswered > 0)
			return true;
	}
	return false;
}

/* Asks, and serves until all is answered, or given up. True: something changed, and it is taken. */
static inline bool round_changes(struct fixture *f)
{
	bool changed = discovery_dns_run(f->dns, f->now);

	for (int i = 0; i < 1000 && is_open(f); i++) {
		responder_pump(&f->responder, discovery_dns_fd(f->dns), 20);
		changed = discovery_dns_run(f->dns, f->now);
		/* What is open is given up in time. */
		assert_true(!is_open(f) || pause_seconds(f) < 60);
	}
	assert_true(!is_open(f) && pause_seconds(f) >= 5);
	f->taken_count = 0;
	if (changed)
		discovery_dns_offer(f->dns, take, f);
	assert_true(f->totals.addresses == f->taken_count || !changed);
	return changed;
}

static inline bool next_round_changes(struct fixture *f)
{
	f->now = local_after(f->now, 61 * NS_PER_SECOND);
	return round_changes(f);
}

static inline bool was_taken(const struct fixture *f, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	for (uint32_t i = 0; i < f->taken_count; i++) {
		if (address_equal(&f->taken[i], &address))
			return true;
	}
	return false;
}

#endif
