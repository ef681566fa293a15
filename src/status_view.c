/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts peers by state, and reads what needs some arithmetic. Must not know in which format it is
 * shown.
 */
#include "status_view.h"

#include "reasons.h"

uint64_t status_unix_ns(const struct exposition *exposition, struct local_time instant)
{
	int64_t unix_ns = instant.ns + *exposition->real_offset_ns;

	return unix_ns > 0 ? (uint64_t)unix_ns : 0;
}

uint64_t delay_histogram_quantile_ns(const struct delay_histogram *histogram,
				     unsigned int per_mille)
{
	uint64_t count = 0;
	uint64_t below = 0;
	int64_t lower_ns = 0;
	double rank;

	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		count += histogram->buckets[i];
	rank = (double)count * per_mille / 1000;
	for (unsigned int i = 0; i < STATS_BOUNDS && count > 0; i++) {
		uint64_t here = histogram->buckets[i];

		if (here > 0 && (double)(below + here) >= rank) {
			double width_ns = (double)(stats_bounds_ns[i] - lower_ns);

			return (uint64_t)((double)lower_ns +
					  width_ns * (rank - (double)below) / (double)here);
		}
		below += here;
		lower_ns = stats_bounds_ns[i];
	}
	return (uint64_t)lower_ns;
}

static void count_peers(const struct exposition *exposition, struct status_view *ret)
{
	const struct peers *peers = exposition->peers;
	const struct directory *directory = exposition->directory;
	uint64_t others = 0;
	uint64_t in_slots;

	for (uint32_t slot = 0; slot < peers_capacity(peers); slot++) {
		const struct peer *peer = peers_get(peers, slot);

		if (!peer_is_live(peer))
			continue;
		ret->unnamed += peer->name[0] == '\0';
		ret->unlisted += !ranking_lists(exposition->ranking, slot);
	}
	for (uint32_t index = 0; index < directory_top(directory); index++) {
		const struct directory_entry *entry = directory_get(directory, index);

		others += entry->sources != 0 && !entry->own;
	}
	ret->discovered = directory_count(directory);
	ret->probed = peers_count(peers, PEER_PROBED);
	ret->resolving = peers_count(peers, PEER_RESOLVING);
	ret->lingering = peers_lingering(peers);
	ret->twin = peers_count(peers, PEER_TWIN);
	in_slots = ret->probed + ret->resolving + ret->twin - ret->lingering;
	ret->known = others > in_slots ? others - in_slots : 0;
}

void status_view_read(const struct exposition *exposition, struct status_view *ret)
{
	uint64_t started_unix_ns = exposition->process.start_time_unix_ns;

	*ret = (struct status_view){ 0 };
	count_peers(exposition, ret);
	peer_view_count(exposition, ret->health);
	ret->time_unix_ns = status_unix_ns(exposition, exposition->now);
	if (started_unix_ns > 0 && ret->time_unix_ns > started_unix_ns)
		ret->uptime_ns = ret->time_unix_ns - started_unix_ns;
	for (unsigned int i = 0; i < STATS_BUCKETS; i++)
		ret->loop_delays += exposition->loop_delay->buckets[i];
	if (ret->loop_delays > 0) {
		ret->loop_delay_p50_ns = delay_histogram_quantile_ns(exposition->loop_delay, 500);
		ret->loop_delay_p99_ns = delay_histogram_quantile_ns(exposition->loop_delay, 990);
	}
	for (unsigned int i = 0; i < REASONS_REFUSED; i++)
		ret->refused += reason_count(&reasons_refused[i], exposition->counters);
}
