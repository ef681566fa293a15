/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the last verdicts of each flow and compares flows of one peer. Must not know ports, peers
 * or logs.
 */
#include "flow_loss.h"

/* Shares are compared in integers, in parts of this. */
#define SHARE_WHOLE 1000000000ULL

uint32_t flow_loss_recent(const struct flow_loss *flow)
{
	if (!(flow->recent[0] | flow->recent[1])) /* mostly, and counting them is a call */
		return 0;
	return (uint32_t)(__builtin_popcountll(flow->recent[0]) +
			  __builtin_popcountll(flow->recent[1]));
}

/* Verdicts that the ring holds. */
static uint32_t flow_loss_held(const struct flow_loss *flow)
{
	return flow->full ? FLOW_LOSS_RECENT : flow->next;
}

static uint64_t flow_loss_share(const struct flow_loss *flow)
{
	return flow_loss_recent(flow) * SHARE_WHOLE / flow_loss_held(flow);
}

static bool flow_loss_stands_out(const struct flow_loss *flows, uint32_t count, uint32_t flow)
{
	uint64_t others_share = 0;
	uint32_t others = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i == flow || flow_loss_held(&flows[i]) == 0)
			continue;
		others_share += flow_loss_share(&flows[i]);
		others++;
	}
	return others > 0 &&
	       flow_loss_share(&flows[flow]) * others >= FLOW_LOSS_MULTIPLE * others_share;
}

static void flow_loss_remember(struct flow_loss *flow, bool lost)
{
	uint64_t bit = 1ULL << flow->next % 64;
	uint64_t *recent = &flow->recent[flow->next / 64];

	*recent = lost ? *recent | bit : *recent & ~bit;
	flow->next++;
	if (flow->next == FLOW_LOSS_RECENT) {
		flow->next = 0;
		flow->full = true;
	}
	flow->judged++;
	flow->lost += lost;
}

bool flow_loss_add(struct flow_loss *flows, uint32_t count, uint32_t flow, bool lost)
{
	struct flow_loss *own = &flows[flow];

	flow_loss_remember(own, lost);
	if (flow_loss_recent(own) < FLOW_LOSS_MIN) {
		own->told = false;
		return false;
	}
	if (own->told || !flow_loss_stands_out(flows, count, flow))
		return false;
	own->told = true;
	return true;
}
