/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network's own tally of one peer's probes, and the comparison with what was counted. Knows
 * fates, not how they were found out.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include "unit/cmocka_all.h"

#include <stdlib.h>

#include "native.h"
#include "sim/fake_network.h"
#include "stats.h"

#define ANY_FLOWS 4

static inline uint64_t stats_verdicts(const struct peer_stats *stats)
{
	return stats->returned + stats->lost + stats->refused + stats->unstamped;
}

enum fate {
	FATE_RETURNED,
	FATE_LOST, /* late, or nobody knows where */
	FATE_LOST_FORWARD,
	FATE_LOST_BACKWARD,
	FATE_REFUSED,
	FATE_UNSTAMPED,
};

/* What must have been counted of the slot's present peer once all is settled. */
struct truth {
	uint64_t sent, returned, lost, refused, late, unstamped, duplicate, reordered, dropped;
	uint64_t lost_forward, lost_backward; /* of those in which the reflector was blameless */
	uint64_t rtt_sum_ns, variation_sum_ns;
	uint32_t buckets[STATS_BUCKETS];
	struct native_total native;
	/* Late, but its record found no room: whether it was seen in time to be lost, only the
	 * canary knows. */
	uint64_t ambiguous;
	/* Sent under a former label: whether it had its verdict by then, and adds nothing, only the
	 * canary knows. */
	uint64_t former_late, former_duplicate;
	/* Records that it had not read by then: the same may be said of what they tell. */
	uint64_t unread;
	uint64_t kernel_sent, kernel_returned;
	struct {
		bool answered;
		uint32_t sequence;
		int64_t rtt_ns;
	} flows[ANY_FLOWS];
};

static inline void truth_fate(struct truth *truth, enum fate fate, bool stamped)
{
	if (fate == FATE_REFUSED) {
		truth->refused++;
	} else if (fate == FATE_UNSTAMPED || !stamped) {
		truth->unstamped++;
	} else if (fate == FATE_RETURNED) {
		truth->returned++;
	} else {
		truth->lost++;
		truth->lost_forward += fate == FATE_LOST_FORWARD;
		truth->lost_backward += fate == FATE_LOST_BACKWARD;
	}
}

/* A reply that was paired in time: what it says about order. */
static inline void truth_in_time(struct truth *truth, const struct packet *packet)
{
	int64_t rtt_ns = packet->arrival_ns - packet->t1_ns - packet->message.residence_ns;
	uint16_t flow = packet->message.flow;

	truth->rtt_sum_ns += (uint64_t)rtt_ns;
	truth->buckets[stats_bucket(rtt_ns)]++;
	native_total_add(&truth->native, rtt_ns);
	if (truth->flows[flow].answered && packet->sequence < truth->flows[flow].sequence) {
		truth->reordered++;
		return;
	}
	if (truth->flows[flow].answered)
		truth->variation_sum_ns += (uint64_t)llabs(rtt_ns - truth->flows[flow].rtt_ns);
	truth->flows[flow].answered = true;
	truth->flows[flow].sequence = packet->sequence;
	truth->flows[flow].rtt_ns = rtt_ns;
}

static inline void truth_equal(uint32_t slot, const char *what, uint64_t counted, uint64_t truth)
{
	if (counted != truth)
		fail_msg("slot %u: %s is %llu, the network says %llu", slot, what,
			 (unsigned long long)counted, (unsigned long long)truth);
}

static inline void truth_between(uint32_t slot, const char *what, uint64_t counted, uint64_t truth,
				 uint64_t fewer, uint64_t more)
{
	if (counted + fewer < truth || counted > truth + more)
		fail_msg("slot %u: %s is %llu, the network says %llu, at most %llu fewer and %llu "
			 "more",
			 slot, what, (unsigned long long)counted, (unsigned long long)truth,
			 (unsigned long long)fewer, (unsigned long long)more);
}

/* All that was counted of a peer, whatever it was called meanwhile. */
static inline void stats_sum(struct peer_stats *sum, const struct peer_stats *stats)
{
	sum->sent += stats->sent;
	sum->returned += stats->returned;
	sum->lost += stats->lost;
	sum->lost_forward += stats->lost_forward;
	sum->lost_backward += stats->lost_backward;
	sum->refused += stats->refused;
	sum->unstamped += stats->unstamped;
	sum->late += stats->late;
	sum->duplicate += stats->duplicate;
	sum->reordered += stats->reordered;
	sum->dropped += stats->dropped;
	sum->rtt_sum_ns += stats->rtt_sum_ns;
	sum->variation_sum_ns += stats->variation_sum_ns;
	for (uint32_t i = 0; i < STATS_BUCKETS; i++)
		sum->buckets[i] += stats->buckets[i];
}

static inline void truth_compare(const struct truth *truth, const struct peer_stats *stats,
				 uint32_t slot)
{
	/* Of the ambiguous: how many were found taken before they were found overdue. */
	uint64_t moved = stats->dropped - truth->dropped;

	truth_equal(slot, "sent", stats->sent, truth->sent);
	truth_equal(slot, "refused", stats->refused, truth->refused);
	truth_equal(slot, "unstamped", stats->unstamped, truth->unstamped);
	truth_between(slot, "late", stats->late, truth->late, truth->unread, truth->former_late);
	truth_between(slot, "duplicate", stats->duplicate, truth->duplicate, truth->unread,
		      truth->former_duplicate);
	truth_equal(slot, "reordered", stats->reordered, truth->reordered);
	truth_equal(slot, "rtt_sum_ns", stats->rtt_sum_ns, truth->rtt_sum_ns);
	truth_equal(slot, "variation_sum_ns", stats->variation_sum_ns, truth->variation_sum_ns);
	truth_equal(slot, "returned", stats->returned, truth->returned + moved);
	truth_equal(slot, "lost", stats->lost + moved, truth->lost);
	assert_memory_equal(stats->buckets, truth->buckets, sizeof(stats->buckets));
	truth_between(slot, "dropped", stats->dropped, truth->dropped, 0, truth->ambiguous);
}

#endif
