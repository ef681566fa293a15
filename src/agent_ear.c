/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another ear than HTTP's: each probe's fate is told at once, by whatever socket wakes us, and
 * whoever listens says when it is over. Keeps no account of its own; must not know who listens.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent_state.h"
#include "log.h"
#include "probe_socket.h"

void agent_follow_ear(struct agent *agent, struct local_time now)
{
	if (agent->ear && !agent->ear->follow(agent->ear->ctx, now))
		loop_stop(agent->loop);
}

void agent_tell_sent(const struct agent *agent, const struct probe *probe, int error,
		     struct local_time at)
{
	if (agent->ear)
		agent->ear->sent(agent->ear->ctx, probe, error, at);
}

void agent_tell_heard(const struct agent *agent, const struct echoed *reply)
{
	if (agent->ear)
		agent->ear->heard(agent->ear->ctx, reply, loop_now());
}

static void on_error(void *ctx, const struct echoed *quoted, const struct probe_error *error)
{
	struct agent *agent = ctx;

	agent->ear->refused(agent->ear->ctx, quoted, error);
}

/* The reply's record was written before its packet came to the socket. */
static void on_arrival(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	if (agent->icmp)
		prober_icmp_receive_errors(agent->icmp, on_error, agent);
	agent_listen(agent, now);
	agent_drain(agent);
	agent_follow_ear(agent, now);
	agent_schedule(agent, now);
}

static int add_sockets(struct agent *agent, const int *fds, uint32_t count)
{
	int discovery = agent->ear->path_mtu_discovery;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		if (discovery >= 0)
			err = probe_socket_set_discovery(fds[i], discovery);
		if (!err)
			err = loop_add(agent->loop, fds[i], on_arrival, agent);
	}
	return err;
}

/* Of the protocol that is used, only. */
int agent_open_ear(struct agent *agent)
{
	int fds[2 * KC_FLOWS_MAX];
	int err;

	if (agent->config->probe_protocol == CONFIG_PROTOCOL_ICMP) {
		prober_icmp_listen(agent->icmp, true);
		agent->listening = true;
		err = prober_icmp_want_errors(agent->icmp);
		if (!err)
			err = add_sockets(agent, fds, prober_icmp_fds(agent->icmp, fds));
	} else {
		err = add_sockets(agent, fds, prober_stamp_fds(agent->stamp, fds));
	}
	if (err)
		log_error("cannot listen to replies", LOG_ERRNO(err));
	else
		agent->ear->start(agent->ear->ctx, agent->canary, agent->stamp);
	return err;
}
