/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is known of a peer, and judges it. Must not know in which format it is shown.
 */
#include "peer_view.h"

const char *peer_health_name(enum peer_health health)
{
	static const char *const names[HEALTHS] = {
		[HEALTH_OK] = "ok",	      [HEALTH_DEGRADED] = "degraded",
		[HEALTH_LOST] = "lost",	      [HEALTH_REFUSED] = "refused",
		[HEALTH_UNKNOWN] = "unknown",
	};

	return names[health];
}

static const char *state_name(const struct peer *peer)
{
	if (peer->lingering)
		return "lingering";
	return peer->state == PEER_PROBED ? "probed" : "resolving";
}

/* Flows are used in turn: nothing comes back on any of them. */
static bool all_lost_lately(const struct recent *recent, uint32_t flow_count)
{
	return recent->lost_run >= (flow_count > HEALTH_LOST_RUN ? flow_count : HEALTH_LOST_RUN);
}

static bool one_stands_out(const struct flow_loss *flows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (flows[i].told)
			return true;
	}
	return false;
}

static enum peer_health judge(const struct peer *peer, const struct recent *recent,
			      const struct flow_loss *flows, uint32_t count)
{
	if (peer->state != PEER_PROBED || recent->verdict == VERDICT_NONE ||
	    recent->verdict == VERDICT_UNSTAMPED)
		return HEALTH_UNKNOWN;
	if (recent->verdict == VERDICT_REFUSED)
		return HEALTH_REFUSED;
	if (recent->verdict == VERDICT_LOST && all_lost_lately(recent, count))
		return HEALTH_LOST;
	if (recent->loss > HEALTH_LOSS || one_stands_out(flows, count))
		return HEALTH_DEGRADED;
	return HEALTH_OK;
}

static const struct flow_loss *flows_of(const struct exposition *exposition, uint32_t slot,
					uint32_t *ret_count)
{
	bool echo = peers_get(exposition->peers, slot)->probe == PROBE_ICMP;

	*ret_count = echo ? 1 : exposition->flows;
	return &exposition->flow_losses[(size_t)slot * exposition->flows];
}

static void read_numbers(const struct exposition *exposition, uint32_t slot, struct peer_view *ret)
{
	const struct peer_stats *stats = &exposition->stats[slot];
	uint64_t known = stats->lost_forward + stats->lost_backward;

	ret->stats = stats;
	ret->undetermined = stats->lost > known ? stats->lost - known : 0;
	/* Two are needed for one difference. */
	ret->has_variation = stats->returned > 1;
	if (ret->has_variation)
		ret->variation_ns = stats->variation_sum_ns / stats->returned;
	ret->native = (struct native_total){ 0 };
	native_total_sum(&ret->native, &exposition->natives[slot]);
	ret->has_rtt = native_total_count(&ret->native) > 0;
	ret->p50_ns = (uint64_t)native_total_quantile_ns(&ret->native, 500);
	ret->p90_ns = (uint64_t)native_total_quantile_ns(&ret->native, 900);
	ret->p99_ns = (uint64_t)native_total_quantile_ns(&ret->native, 990);
}

bool peer_view_read(const struct exposition *exposition, uint32_t slot, struct peer_view *ret)
{
	const struct peer *peer = peers_get(exposition->peers, slot);

	if (!peer_is_live(peer))
		return false;
	ret->peer = peer;
	ret->slot = slot;
	ret->recent = &exposition->recents[slot];
	ret->state = state_name(peer);
	ret->family = address_is_ipv4(&peer->address) ? "ipv4" : "ipv6";
	ret->protocol = peer->probe == PROBE_STAMP ? "stamp" : "icmp";
	ret->listed = ranking_lists(exposition->ranking, slot);
	peers_label(exposition->peers, slot, ret->label);
	address_format(&peer->address, ret->address);
	ret->flows = flows_of(exposition, slot, &ret->flow_count);
	read_numbers(exposition, slot, ret);
	ret->health = judge(peer, ret->recent, ret->flows, ret->flow_count);
	return true;
}

void peer_view_count(const struct exposition *exposition, uint32_t ret[static HEALTHS])
{
	for (unsigned int i = 0; i < HEALTHS; i++)
		ret[i] = 0;
	for (uint32_t slot = 0; slot < peers_capacity(exposition->peers); slot++) {
		const struct peer *peer = peers_get(exposition->peers, slot);
		const struct flow_loss *flows;
		uint32_t count;

		if (!peer_is_live(peer))
			continue;
		flows = flows_of(exposition, slot, &count);
		ret[judge(peer, &exposition->recents[slot], flows, count)]++;
	}
}
