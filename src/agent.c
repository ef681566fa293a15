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
#include "footprint.h"
#include "log.h"
#include "seccomp.h"
#include "slot_index.h"
#include "text.h"
#include "turns.h"

/* While peers wait for their routes; half of it is for others. */
#define TICK_HURRIED_NS (2 * NS_PER_MS)

/* Long against what is answered or discovered at one time, short against the time between two. */
#define FORGET_EVERY_NS (3 * NS_PER_SECOND)

static int64_t agent_tick_ns(const struct agent *agent)
{
	uint32_t peers = peers_count(canary_peers(agent->canary), PEER_PROBED);

	if (agent->ear) /* who waits at a terminal is served at once */
		return TURNS_TICK_MIN_NS;
	return turns_tick_ns(agent->config->probe_interval_ns, peers, PROBE_BATCH);
}

/* Turns are due by the grid, not by when we woke up: one that lies just behind a tick would be
 * taken with this tick or with the next, as they happen to be late, and lost where two came with
 * one. */
struct local_time agent_last_tick(const struct agent *agent, struct local_time now)
{
	int64_t tick_ns = agent_tick_ns(agent);

	if (agent->ear)
		return now;
	return (struct local_time){ .ns = now.ns / tick_ns * tick_ns };
}

/* The next due instant, on the grid of ticks, so that what is due nearly together is done together.
 */
void agent_schedule(struct agent *agent, struct local_time now)
{
	struct local_time due = canary_next_due(agent->canary, now);
	struct local_time routes_due = agent_routes_next(agent, now);
	int64_t tick_ns = agent_tick_ns(agent);
	int64_t tick;

	if (agent->dns) {
		struct local_time asked = discovery_dns_next(agent->dns, now);

		due = local_since(asked, due) < 0 ? asked : due;
	}
	due = local_since(routes_due, due) < 0 ? routes_due : due;
	if (agent->ear && local_since(agent->ear->next(agent->ear->ctx), due) < 0)
		due = agent->ear->next(agent->ear->ctx);
	due = agent->file_wanted ? now : due;
	due = agent_manager_next(agent, due);
	if (agent_routes_hurried(agent)) {
		tick_ns = TICK_HURRIED_NS;
		due = local_after(now, TICK_HURRIED_NS);
	}
	tick = (due.ns + tick_ns - 1) / tick_ns;

	if (tick * tick_ns <= now.ns)
		tick = now.ns / tick_ns + 1;
	loop_timer_at(agent->loop, (struct local_time){ .ns = tick * tick_ns });
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

static void agent_forget_rare(struct agent *agent, struct local_time now)
{
	if (local_since(now, agent->forget_at) < 0)
		return;
	footprint_forget_rare();
	agent->forget_at = local_after(now, FORGET_EVERY_NS);
}

static void on_timer(void *ctx, struct local_time now, int64_t late_ns)
{
	struct agent *agent = ctx;

	delay_histogram_add(&agent->loop_delay, late_ns);
	agent->last_tick = now;
	agent_follow_clock(agent, now);
	/* What a socket hears mostly stands in the ring as well, which tells more and is sooner
	 * read; both before it expires. But sockets that stamp fill the ring, and whoever wants to
	 * know when a reply was heard is told that first. */
	if (agent->stand_in || agent->ear) {
		agent_listen(agent, now);
		agent_drain(agent);
	} else {
		agent_drain(agent);
		agent_listen(agent, now);
	}
	agent_ask_neighbours(agent, now);
	canary_on_expiry(agent->canary, now);
	agent_send_due(agent, now);
	agent_follow_reflector(agent, now);
	agent_follow_sources(agent, now);
	agent_follow_routes(agent, now);
	agent_follow_interfaces(agent, now);
	agent_follow_manager(agent, now);
	if (agent->http && http_timeout_ms(agent->http) >= 0)
		on_http(agent, now);
	agent_follow_ear(agent, now);
	agent_forget_rare(agent, now);
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
			agent_schedule(agent, now); /* peers may wait for nothing else */
			break;
		case WORD_RELOAD:
			if (agent->ear) /* its terminal is gone */
				loop_stop(agent->loop);
			agent->manager.reloads_asked++;
			agent_want_peers_file(agent, now);
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

	if (number == SIGQUIT)
		agent->ear->interim(agent->ear->ctx);
	else if (number == SIGHUP && !agent->ear)
		agent_want_peers_file(agent, now);
	else
		loop_stop(agent->loop);
}

static enum canary_family agent_family(enum config_family family)
{
	switch (family) {
	case CONFIG_FAMILY_IPV4:
		return CANARY_FAMILY_IPV4;
	case CONFIG_FAMILY_IPV6:
		return CANARY_FAMILY_IPV6;
	case CONFIG_FAMILY_BOTH:
		return CANARY_FAMILY_BOTH;
	case CONFIG_FAMILY_AUTO:
		break;
	}
	return CANARY_FAMILY_AUTO;
}

/* --peers.zone, whose values the configuration has checked. Alive as long as the process. */
static void agent_set_networks(const struct config *config, struct canary_settings *settings)
{
	static struct zone_network networks[CONFIG_ZONES];
	const char *expected;

	settings->networks = networks;
	for (uint32_t i = 0; i < config->peers_zone_count; i++)
		if (zone_network_parse(config->peers_zones[i], &networks[settings->network_count],
				       &expected) == 0)
			settings->network_count++;
}

static int agent_open_core(struct agent *agent, const struct agent_inheritance *inheritance)
{
	const struct config *config = agent->config;
	struct canary_settings settings = {
		.interval_ns = config->probe_interval_ns,
		.timeout_ns = config->probe_timeout_ns,
		.protocol = config->probe_protocol == CONFIG_PROTOCOL_ICMP ? PROBE_ICMP
									   : PROBE_STAMP,
		.linger_ns = config->peers_linger_ns,
		.family = agent_family(config->peers_family),
		.peers_max = config->peers_max,
		.full_below = config->mesh_full_below,
		.degree = config->mesh_degree,
		.listed = config->metrics_per_peer,
		.notice = agent->ear ? NULL : agent_tell_notice,
		.notice_ctx = agent,
		.incurious = agent->ear != NULL,
		.sample = agent->ear ? agent->ear->sample : NULL,
		.sample_ctx = agent->ear ? agent->ear->ctx : NULL,
	};
	uint64_t random[4];
	int err;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	agent_set_networks(config, &settings);
	settings.nonce_key[0] = random[0];
	settings.nonce_key[1] = random[1];
	settings.phase_ns = (int64_t)(random[2] % (uint64_t)settings.interval_ns);
	if (agent->ear)
		settings.phase_ns = TURNS_AT_ONCE;
	settings.ssid_base = (uint16_t)random[3];
	memcpy(settings.node_name, config->node_name, sizeof(settings.node_name));
	slot_index_set_seed(inheritance->shape.hash_seed);
	err = maps_open(inheritance->kernel, &inheritance->shape, &agent->maps);
	if (!err && inheritance->stand_in)
		err = agent_open_stand_in(agent, inheritance);
	kernel_close_maps(inheritance->kernel);
	return err ? err : canary_open(&settings, maps_memory(agent->maps), &agent->canary);
}

static int agent_open_http(struct agent *agent)
{
	const struct config *config = agent->config;
	struct http_address addresses[CONFIG_LISTEN_ADDRESSES] = { 0 };
	struct http_content content;
	uint32_t failed = 0;
	int err;

	for (uint32_t i = 0; i < config->web_listen_count; i++) {
		memcpy(addresses[i].host, config->web_listen[i].host, sizeof(addresses[i].host));
		addresses[i].port = config->web_listen[i].port;
	}
	agent_fill_content(agent, &content);
	err = http_open(addresses, config->web_listen_count, &content, &agent->http, &failed);
	if (err)
		log_error("cannot listen", LOG_TEXT("address", config->web_listen[failed].text),
			  LOG_ERRNO(err));
	return err ? err : loop_add(agent->loop, http_fd(agent->http), on_http, agent);
}

static int agent_open_edges(struct agent *agent)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	static const int ear_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, 0 };
	int err;

	err = loop_open(&agent->loop);
	err = err ? err
		  : loop_signals(agent->loop, agent->ear ? ear_signals : signals, on_signal, agent);
	err = err ? err : loop_add(agent->loop, agent->loader_fd, on_word, agent);
	if (err) {
		log_error("cannot open the event loop", LOG_ERRNO(err));
		return err;
	}
	loop_on_timer(agent->loop, on_timer, agent);
	err = agent_open_routes(agent);
	err = err ? err : agent_open_sources(agent);
	err = err ? err : agent_open_reflector(agent);
	if (err)
		return err;
	return agent->ear ? agent_open_ear(agent) : agent_open_http(agent);
}

static void agent_close(struct agent *agent)
{
	http_close(agent->http);
	discovery_file_close(agent->file);
	discovery_dns_close(agent->dns);
	routes_close(agent->routes);
	canary_close(agent->canary);
	agent_close_stand_in(agent);
	maps_close(agent->maps);
	loop_close(agent->loop);
}

static void tell_start(const struct agent *agent)
{
	const struct config *config = agent->config;
	const char *protocol = config->probe_protocol == CONFIG_PROTOCOL_ICMP ? "icmp" : "stamp";
	bool reflects = config->reflector == CONFIG_REFLECTOR_TRUE;
	char ports[CONFIG_LISTEN_ADDRESSES * 6] = ""; /* of each address, in order */
	struct text text = text_over(ports, sizeof(ports) - 1);

	if (config->mesh_degree == 0)
		protocol = "none, --mesh.degree=0";
	for (uint32_t i = 0; agent->http && i < config->web_listen_count; i++) {
		text_append(&text, i > 0 ? "," : "");
		text_append_uint(&text, http_port(agent->http, i));
	}
	log_info("measuring", LOG_TEXT("node", config->node_name), LOG_TEXT("port", ports),
		 LOG_TEXT("probes", protocol),
		 LOG_TEXT("timestamps", agent->stand_in ? "socket" : "bpf"),
		 LOG_TEXT("reflector", reflects ? "on" : "off, --reflector=false"));
}

static int agent_confine(const struct agent *agent)
{
	int err = agent->config->seccomp == CONFIG_SECCOMP_TRUE ? seccomp_enter(SECCOMP_CANARY) : 0;

	if (err) /* `kube-canary ping` has no such option */
		log_error(agent->ear ? "cannot enter seccomp"
				     : "cannot enter seccomp; --seccomp=false runs without",
			  LOG_ERRNO(err));
	return err;
}

int agent_run(const struct config *config, const struct agent_inheritance *inheritance)
{
	/* Static, not on the heap: there is one canary in a process, and its size is seen at link
	 * time. */
	static struct agent agent;
	int err;

	agent = (struct agent){
		.config = config,
		.icmp = inheritance->icmp,
		.stamp = inheritance->stamp,
		.loader_fd = inheritance->loader_fd,
		.ear = inheritance->ear,
		.status = EXIT_SUCCESS,
	};
	err = agent_open_core(&agent, inheritance);
	if (err)
		log_error("cannot map the kernel's half", LOG_ERRNO(err));
	err = err ? err : agent_open_edges(&agent);
	if (!err) {
		agent_fill_exposition(&agent);
		agent_follow_clock(&agent, loop_now());
		agent_read_own_addresses(&agent, loop_now());
		/* All is open; from here on it hears what others say. */
		err = agent_confine(&agent);
	}
	/* It was read before, but as another user and a moment ago. */
	if (!err && agent_read_sources(&agent, loop_now()) < 0) {
		agent.status = AGENT_EXIT_BAD_INPUT;
	} else if (!err) {
		tell_start(&agent);
		agent_open_manager(&agent, inheritance, loop_now());
		loop_timer_at(agent.loop, loop_now());
		footprint_forget_start();
		err = loop_run(agent.loop);
	}
	if (agent.ear && !err && agent.status == EXIT_SUCCESS)
		agent.status = agent.ear->end(agent.ear->ctx, loop_now());
	agent_close(&agent);
	return err ? EXIT_FAILURE : agent.status;
}
