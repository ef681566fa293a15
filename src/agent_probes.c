/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes out, and what comes back: connects the sockets, the ring and the clock to the core. Keeps
 * no account of probes; must not know who the peers are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "agent_state.h"
#include "log.h"
#include "stamp.h"

/* Replies that no ingress program saw are listened for again so long after the last time. */
#define LISTEN_EVERY_NS (30 * NS_PER_SECOND)

/* The UDP sockets must be emptied before they are full, and a refusal be read before its probe
 * expires; beyond that each reading costs two calls for each socket. */
#define RECEIVE_EVERY_NS (250 * NS_PER_MS)
/* Replies that wait in one socket, duplicates apart. Even where the buffer may not be larger than
 * any user's (net.core.rmem_max) and a driver takes 2 KiB for each, three times as many find room.
 */
#define UNREAD_MAX 64
/* Where no probe went out of them since, and of none the answer is awaited: what strangers send. */
#define RECEIVE_QUIET_NS NS_PER_SECOND

/* Above it somebody may be filling the sockets with ICMP errors: they are emptied on every tick,
 * which is right before probes go out, so that there is room for a refusal of these. */
#define USELESS_ERRORS_MAX 16

#define CLOCK_EVERY_NS NS_PER_SECOND

/* Each reply by itself, for whoever holds us against a capture. */
static void tell_record(const struct agent *agent, const struct kc_record *record)
{
	const struct peer *peer = peers_get(canary_peers(agent->canary), record->slot);
	char address[ADDRESS_TEXT_CAPACITY];

	address_format(&peer->address, address);
	log_debug("reply", LOG_TEXT("peer", address), LOG_INT("flow", record->flow),
		  LOG_INT("sequence", record->sequence),
		  LOG_INT("rtt_ns", record->t4_ns - record->t1_ns - record->residence_ns),
		  LOG_INT("residence_ns", record->residence_ns),
		  LOG_INT("counter", record->counter),
		  LOG_INT("duplicate", record->kind == KC_DUPLICATE));
}

static void on_coming(void *ctx, const struct kc_record *record)
{
	struct agent *agent = ctx;

	canary_expect_record(agent->canary, record);
}

static void on_record(void *ctx, const struct kc_record *record)
{
	struct agent *agent = ctx;

	if (agent->config->log_level == CONFIG_LOG_DEBUG &&
	    record->slot < peers_capacity(canary_peers(agent->canary)))
		tell_record(agent, record);
	/* Whoever wants to know when the reply was heard is told that before. */
	if (agent->ear)
		agent_listen(agent, agent->last_tick);
	canary_on_record(agent->canary, record);
}

void agent_drain(struct agent *agent)
{
	maps_drain(agent->maps, on_coming, on_record, agent);
}

static enum send_error send_error_reason(int err)
{
	switch (-err) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EINVAL: /* a blackhole route */
		return SEND_ERROR_UNREACHABLE;
	case EPERM:
	case EACCES:
		return SEND_ERROR_PERMISSION;
	case EMSGSIZE:
		return SEND_ERROR_TOO_LARGE;
	case ENOBUFS:
	case EAGAIN:
	case ENOMEM:
		return SEND_ERROR_NO_BUFFER;
	default:
		return SEND_ERROR_OTHER;
	}
}

static void count_send_error(struct agent *agent, const struct probe *probe, int err)
{
	enum send_error reason = send_error_reason(err);
	char address[ADDRESS_TEXT_CAPACITY];

	if (agent->send_errors[reason]++ == 0 && !agent->ear) {
		address_format(&probe->destination, address);
		log_warn("cannot send a probe; further ones are counted only",
			 LOG_TEXT("peer", address), LOG_ERRNO(err));
	}
}

static void after_send(struct agent *agent, const struct probe *probe, int err,
		       struct local_time at)
{
	if (err)
		count_send_error(agent, probe, err);
	else if (probe->protocol == PROBE_STAMP)
		agent->unread[probe->flow]++;
	canary_on_sent(agent->canary, probe, err);
	agent_tell_sent(agent, probe, err, at);
}

static void count_errors(struct agent *agent, struct prober_stamp_errors errors)
{
	agent->refusals_rejected += errors.rejected;
}

void agent_send_due(struct agent *agent, struct local_time now)
{
	struct probe batch[PROBE_BATCH];
	int errors[PROBE_BATCH];
	struct local_time at, tick = agent_last_tick(agent, now);
	uint32_t count;

	do {
		count = canary_due(agent->canary, tick, now, batch, PROBE_BATCH);
		memset(errors, 0, sizeof(errors));
		at = loop_now();
		prober_stamp_send(agent->stamp, batch, count, agent->clock.error_estimate_be,
				  errors);
		if (agent->icmp)
			prober_icmp_send(agent->icmp, batch, count, errors);
		else
			agent_refuse_icmp(batch, count, errors);
		for (uint32_t i = 0; i < count; i++)
			after_send(agent, &batch[i], errors[i], at);
		/* Their own stamps take room in the sockets. */
		if (agent->stand_in && count == PROBE_BATCH)
			count_errors(agent, agent_hear(agent));
	} while (count == PROBE_BATCH);
	agent->send_errors[SEND_ERROR_WINDOW_FULL] = canary_totals(agent->canary)->window_full;
}

void agent_on_reply(struct agent *agent, const struct echoed *reply, const uint8_t *payload,
		    uint32_t length)
{
	agent_tell_heard(agent, reply);
	canary_on_reply(agent->canary, reply, payload, length, agent->last_tick);
}

static void on_reply(void *ctx, const struct echoed *reply, const uint8_t *payload, uint32_t length)
{
	agent_on_reply(ctx, reply, payload, length);
}

static bool on_refusal(void *ctx, const struct echoed *quoted)
{
	struct agent *agent = ctx;

	return canary_on_refused(agent->canary, quoted);
}

static void on_overheard(void *ctx, const struct echoed *reply)
{
	struct agent *agent = ctx;

	agent_tell_heard(agent, reply);
	canary_on_overheard(agent->canary, reply);
}

static void receive_stamp(struct agent *agent, struct local_time now)
{
	int64_t patience_ns = agent->config->probe_timeout_ns / 2;
	struct prober_stamp_errors errors;
	bool full = agent->ear != NULL;
	bool quiet, awaited;
	int64_t late_ns = local_since(now, agent->receive_at);

	/* Whatever the sockets stamped is in them alone. */
	if (agent->stand_in) {
		count_errors(agent, agent_hear(agent));
		return;
	}
	quiet = canary_in_flight(agent->canary) == 0;
	for (uint32_t flow = 0; flow < agent->config->probe_flows; flow++) {
		full = full || agent->unread[flow] > UNREAD_MAX;
		quiet = quiet && agent->unread[flow] == 0;
	}
	if (!full && late_ns < (quiet ? RECEIVE_QUIET_NS : 0))
		return;
	awaited = agent->ear || canary_awaits_reply(agent->canary);
	errors = prober_stamp_receive(agent->stamp, awaited ? on_reply : NULL, on_refusal, agent);
	count_errors(agent, errors);
	memset(agent->unread, 0, sizeof(agent->unread));
	if (patience_ns > RECEIVE_EVERY_NS)
		patience_ns = RECEIVE_EVERY_NS;
	if (errors.useless > USELESS_ERRORS_MAX)
		patience_ns = 0;
	agent->receive_at = local_after(now, patience_ns);
}

/* Where no reply comes any more, the sockets tell whether the network or our ingress program is to
 * blame: for a few probes when a peer comes under doubt and now and then after, since it costs the
 * reading of all replies; for as long as one is known to be unseen. */
static bool is_worth_listening(struct agent *agent, struct local_time now)
{
	struct interface_doubts doubts = interfaces_doubts(canary_interfaces(agent->canary));

	if (doubts.raised != agent->doubts_raised || local_since(now, agent->listen_again) >= 0) {
		agent->doubts_raised = doubts.raised;
		agent->listen_until = local_after(now, 3 * agent->config->probe_interval_ns +
							       agent->config->probe_timeout_ns);
		agent->listen_again = local_after(agent->listen_until, LISTEN_EVERY_NS);
	}
	return doubts.blind > 0 ||
	       (doubts.unanswered > 0 && local_since(now, agent->listen_until) < 0);
}

static void receive_icmp(struct agent *agent, struct local_time now)
{
	bool doubt;

	if (!agent->icmp)
		return;
	doubt = agent->ear || is_worth_listening(agent, now);
	if (doubt || agent->listening)
		prober_icmp_receive(agent->icmp, on_overheard, agent);
	if (doubt != agent->listening) {
		prober_icmp_listen(agent->icmp, doubt);
		agent->listening = doubt;
	}
}

void agent_listen(struct agent *agent, struct local_time now)
{
	receive_stamp(agent, now);
	receive_icmp(agent, now);
}

void agent_follow_clock(struct agent *agent, struct local_time now)
{
	if (local_since(now, agent->clock_at) < 0)
		return;
	wall_clock_read(&agent->clock);
	agent->clock_synchronised = (ntohs(agent->clock.error_estimate_be) & STAMP_SYNCHRONIZED) !=
				    0;
	canary_on_clock(agent->canary, &agent->clock);
	agent->clock_at = local_after(now, CLOCK_EVERY_NS);
}
