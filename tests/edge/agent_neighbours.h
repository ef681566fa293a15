/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agent_probes.c calls and its tests do not look at: it does nothing. For one file alone,
 * which has the others.
 */
#ifndef AGENT_NEIGHBOURS_H
#define AGENT_NEIGHBOURS_H

#include "agent_state.h"
#include "log.h"

void canary_on_clock(struct canary *canary, const struct wall_clock *clock)
{
	(void)canary;
	(void)clock;
}

void canary_on_sent(struct canary *canary, const struct probe *probe, int error)
{
	(void)canary;
	(void)probe;
	(void)error;
}

void canary_on_record(struct canary *canary, const struct kc_record *record)
{
	(void)canary;
	(void)record;
}

void canary_on_overheard(struct canary *canary, const struct echoed *reply)
{
	(void)canary;
	(void)reply;
}

void canary_on_reply(struct canary *canary, const struct echoed *reply, const uint8_t *payload,
		     size_t length, struct local_time now)
{
	(void)canary;
	(void)reply;
	(void)payload;
	(void)length;
	(void)now;
}

bool canary_on_refused(struct canary *canary, const struct echoed *quoted)
{
	(void)canary;
	(void)quoted;
	return false;
}

struct interfaces *canary_interfaces(struct canary *canary)
{
	(void)canary;
	return NULL;
}

struct interface_doubts interfaces_doubts(const struct interfaces *interfaces)
{
	(void)interfaces;
	return (struct interface_doubts){ .unanswered = 0 };
}

struct peers *canary_peers(struct canary *canary)
{
	(void)canary;
	return NULL;
}

const struct canary_totals *canary_totals(const struct canary *canary)
{
	static const struct canary_totals totals;

	(void)canary;
	return &totals;
}

const struct peer *peers_get(const struct peers *peers, uint32_t slot)
{
	(void)peers;
	(void)slot;
	return NULL;
}

uint32_t peers_capacity(const struct peers *peers)
{
	(void)peers;
	return 0;
}

uint32_t maps_drain(struct maps *maps, maps_record_fn *on_coming, maps_record_fn *on_record,
		    void *ctx)
{
	(void)maps;
	(void)on_coming;
	(void)on_record;
	(void)ctx;
	return 0;
}

void canary_expect_record(const struct canary *canary, const struct kc_record *record)
{
	(void)canary;
	(void)record;
}

void prober_icmp_send(struct prober_icmp *prober, const struct probe *batch, uint32_t count,
		      int *errors)
{
	(void)prober;
	(void)batch;
	(void)count;
	(void)errors;
}

uint32_t prober_icmp_receive(struct prober_icmp *prober, prober_icmp_reply_fn *on_reply, void *ctx)
{
	(void)prober;
	(void)on_reply;
	(void)ctx;
	return 0;
}

void prober_icmp_listen(struct prober_icmp *prober, bool listen)
{
	(void)prober;
	(void)listen;
}

void agent_refuse_icmp(const struct probe *batch, uint32_t count, int *errors)
{
	(void)batch;
	(void)count;
	(void)errors;
}

struct local_time agent_last_tick(const struct agent *agent, struct local_time now)
{
	(void)agent;
	return now;
}

void agent_tell_sent(const struct agent *agent, const struct probe *probe, int error,
		     struct local_time at)
{
	(void)agent;
	(void)probe;
	(void)error;
	(void)at;
}

void agent_tell_heard(const struct agent *agent, const struct echoed *reply)
{
	(void)agent;
	(void)reply;
}

struct local_time loop_now(void)
{
	return (struct local_time){ .ns = 0 };
}

void wall_clock_read(struct wall_clock *ret)
{
	*ret = (struct wall_clock){ .offset_ns = 0 };
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       size_t count)
{
	(void)level;
	(void)message;
	(void)fields;
	(void)count;
}

struct log_field log_errno_field(int err)
{
	return LOG_INT("error", err);
}

#endif
