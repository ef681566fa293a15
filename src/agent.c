/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary process: opens the edges, connects them to the core and runs the loop. What flows
 * where is canary.c's; here stands only which edge it comes from and goes to. Never calls bpf().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <signal.h>

#include "agent.h"
#include "agent_state.h"
#include "log.h"

/* Wake-ups are cheap, but not free: at most 20 a second while a batch holds what is due in that
 * time. */
#define TICK_MAX_NS (50 * NS_PER_MS)
#define TICK_MIN_NS NS_PER_MS

#define LISTEN_EVERY_NS (30 * NS_PER_SECOND)

static int64_t agent_tick_ns(const struct agent *agent)
{
	uint32_t peers = peers_count(canary_peers(agent->canary), PEER_PROBED);
	/* Each peer has a turn in every interval, and a batch holds the turns of one tick. */
	int64_t tick_ns = agent->config->probe_interval_ns;

	if (peers > PROBER_BATCH)
		tick_ns = agent->config->probe_interval_ns * PROBER_BATCH / peers;
	if (tick_ns > TICK_MAX_NS)
		return TICK_MAX_NS;
	return tick_ns < TICK_MIN_NS ? TICK_MIN_NS : tick_ns;
}

/* The next due instant, on the grid of ticks, so that what is due nearly together is done together.
 */
static void agent_schedule(struct agent *agent, struct local_time now)
{
	struct local_time due = canary_next_due(agent->canary, now);
	int64_t tick_ns = agent_tick_ns(agent);
	int64_t tick = (due.ns + tick_ns - 1) / tick_ns;

	if (tick * tick_ns <= now.ns)
		tick = now.ns / tick_ns + 1;
	loop_timer_at(agent->loop, (struct local_time){ .ns = tick * tick_ns });
}

/* Each reply by itself, for whoever holds us against a capture. */
static void tell_record(const struct agent *agent, const struct kc_record *record)
{
	const struct peer *peer = peers_get(canary_peers(agent->canary), record->slot);
	char address[ADDRESS_TEXT_CAPACITY];

	address_format(&peer->address, address);
	log_debug("reply", LOG_TEXT("peer", address), LOG_INT("sequence", record->sequence),
		  LOG_INT("rtt_ns", record->t4_ns - record->t1_ns),
		  LOG_INT("duplicate", record->kind == KC_DUPLICATE));
}

static void on_record(void *ctx, const struct kc_record *record)
{
	struct agent *agent = ctx;

	if (agent->config->log_level == CONFIG_LOG_DEBUG &&
	    record->slot < peers_capacity(canary_peers(agent->canary)))
		tell_record(agent, record);
	canary_on_record(agent->canary, record);
}

void agent_drain(struct agent *agent)
{
	maps_drain(agent->maps, on_record, agent);
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

	if (agent->send_errors[reason]++ == 0) {
		address_format(&probe->destination, address);
		log_warn("cannot send a probe; further ones are counted only",
			 LOG_TEXT("peer", address), LOG_ERRNO(err));
	}
}

static void send_due(struct agent *agent, struct local_time now)
{
	struct probe batch[PROBER_BATCH];
	int errors[PROBER_BATCH];
	uint32_t count;

	do {
		count = canary_due(agent->canary, now, batch, PROBER_BATCH);
		prober_send(agent->prober, batch, count, errors);
		for (uint32_t i = 0; i < count; i++) {
			if (errors[i])
				count_send_error(agent, &batch[i], errors[i]);
			canary_on_sent(agent->canary, &batch[i], errors[i]);
		}
	} while (count == PROBER_BATCH);
	agent->send_errors[SEND_ERROR_WINDOW_FULL] = canary_totals(agent->canary)->window_full;
}

static void on_overheard(void *ctx, const struct address *source, uint16_t sequence, uint64_t nonce)
{
	struct agent *agent = ctx;

	canary_on_overheard(agent->canary, source, sequence, nonce);
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

static void listen_in_doubt(struct agent *agent, struct local_time now)
{
	bool doubt = is_worth_listening(agent, now);

	if (doubt || agent->listening)
		prober_receive(agent->prober, on_overheard, agent);
	if (doubt != agent->listening) {
		prober_listen(agent->prober, doubt);
		agent->listening = doubt;
	}
}

static void on_http(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;

	(void)now;
	http_run(agent->http);
	/* A scrape that has more to say goes on at once, but not before what is due. */
	if (http_timeout_ms(agent->http) == 0)
		loop_soon(agent->loop, on_http, agent);
}

static void on_timer(void *ctx, struct local_time now, int64_t late_ns)
{
	struct agent *agent = ctx;

	delay_histogram_add(&agent->loop_delay, late_ns);
	agent->last_tick = now;
	listen_in_doubt(agent, now);
	agent_drain(agent);
	agent_ask_neighbours(agent, now);
	canary_on_expiry(agent->canary, now);
	send_due(agent, now);
	agent_follow_peers(agent, now);
	agent_follow_interfaces(agent, now);
	if (http_timeout_ms(agent->http) >= 0)
		on_http(agent, now);
	agent_schedule(agent, now);
}

static void on_word(void *ctx, struct local_time now)
{
	struct agent *agent = ctx;
	struct word word;
	ssize_t length;

	while ((length = recv(agent->loader_fd, &word, sizeof(word), MSG_DONTWAIT)) > 0) {
		if (length != sizeof(word))
			continue;
		switch (word.kind) {
		case WORD_ATTACHED:
			interfaces_on_word(canary_interfaces(agent->canary), &word);
			agent_follow_interfaces(agent, now);
			break;
		case WORD_RELOAD:
			agent_read_peers_file(agent, now);
			break;
		case WORD_STOP:
			loop_stop(agent->loop);
			break;
		default:
			break;
		}
	}
	if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
		log_error("the loader is gone, ending");
		agent->status = EXIT_FAILURE;
		loop_stop(agent->loop);
	}
}

static void on_signal(void *ctx, int number, struct local_time now)
{
	struct agent *agent = ctx;

	if (number == SIGHUP)
		agent_read_peers_file(agent, now);
	else
		loop_stop(agent->loop);
}

static int agent_open_core(struct agent *agent, const struct agent_inheritance *inheritance)
{
	struct canary_settings settings = {
		.interval_ns = agent->config->probe_interval_ns,
		.timeout_ns = agent->config->probe_timeout_ns,
	};
	uint64_t random[3];
	int err;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	settings.nonce_key[0] = random[0];
	settings.nonce_key[1] = random[1];
	settings.phase_ns = (int64_t)(random[2] % (uint64_t)settings.interval_ns);
	err = maps_open(inheritance->kernel, &inheritance->shape, &agent->maps);
	kernel_close_maps(inheritance->kernel);
	return err ? err : canary_open(&settings, maps_memory(agent->maps), &agent->canary);
}

static int agent_open_edges(struct agent *agent)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	const struct config *config = agent->config;
	struct http_content content;
	int err;

	err = loop_open(&agent->loop);
	err = err ? err : loop_signals(agent->loop, signals, on_signal, agent);
	err = err ? err : loop_add(agent->loop, agent->loader_fd, on_word, agent);
	if (err) {
		log_error("cannot open the event loop", LOG_ERRNO(err));
		return err;
	}
	loop_on_timer(agent->loop, on_timer, agent);
	err = agent_open_peers(agent);
	if (err)
		return err;
	agent_fill_content(agent, &content);
	err = http_open(config->web_listen_host, config->web_listen_port, &content, &agent->http);
	err = err ? err : loop_add(agent->loop, http_fd(agent->http), on_http, agent);
	if (err) {
		log_error("cannot listen", LOG_TEXT("address", config->web_listen_address),
			  LOG_ERRNO(err));
	}
	return err;
}

static void agent_close(struct agent *agent)
{
	http_close(agent->http);
	discovery_file_close(agent->file);
	routes_close(agent->routes);
	canary_close(agent->canary);
	maps_close(agent->maps);
	loop_close(agent->loop);
}

int agent_run(const struct config *config, const struct agent_inheritance *inheritance)
{
	/* Static, not on the heap: there is one canary in a process, and its size is seen at link
	 * time. */
	static struct agent agent;
	int err;

	agent = (struct agent){
		.config = config,
		.prober = inheritance->prober,
		.loader_fd = inheritance->loader_fd,
		.status = EXIT_SUCCESS,
	};
	err = agent_open_core(&agent, inheritance);
	if (err)
		log_error("cannot map the kernel's half", LOG_ERRNO(err));
	err = err ? err : agent_open_edges(&agent);
	if (!err) {
		agent_fill_exposition(&agent);
		err = agent_read_peers(&agent, loop_now());
	}
	if (!err) {
		log_info("measuring", LOG_TEXT("node", config->node_name),
			 LOG_INT("port", http_port(agent.http)));
		loop_timer_at(agent.loop, loop_now());
		err = loop_run(agent.loop);
	}
	agent_close(&agent);
	return err ? EXIT_FAILURE : agent.status;
}
