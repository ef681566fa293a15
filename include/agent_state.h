/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary process's state, shared by the files that wire it: agent.c (loop),
 * agent_probes.c (probes out and back), agent_peers.c (who and where), agent_notices.c (what the
 * log says of them), agent_content.c (what is served). For them alone.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "canary.h"
#include "config.h"
#include "discovery_dns.h"
#include "discovery_file.h"
#include "exposition.h"
#include "http.h"
#include "loop.h"
#include "maps.h"
#include "prober_icmp.h"
#include "prober_stamp.h"
#include "routes.h"
#include "wall_clock.h"

struct agent {
	const struct config *config;
	struct loop *loop;
	struct maps *maps;
	struct canary *canary;
	struct prober_icmp *icmp;
	struct prober_stamp *stamp;
	struct routes *routes;
	struct discovery_file *file; /* NULL: no peers file */
	struct discovery_dns *dns;   /* NULL: no --peers.dns */
	struct http *http;
	int loader_fd;
	int status;
	bool listening;		/* to replies that the ingress program should have seen */
	uint64_t doubts_raised; /* as of the last look */
	struct local_time listen_until;
	struct local_time listen_again;
	struct local_time last_tick;
	struct wall_clock clock;
	struct local_time clock_at;    /* when to read it again */
	struct local_time receive_at;  /* when to read the UDP sockets again */
	uint32_t unread[KC_FLOWS_MAX]; /* probes sent since they were read */

	/* the reflector, and a local socket on its port */
	uint64_t refused_socket; /* kc_counters.refused_socket as of the last look */
	bool stands_back;
	struct local_time stood_back_at; /* last */

	/* who and where */
	uint32_t route_slot;	     /* the next to ask the kernel about; capacity: all are known */
	uint32_t neighbour_slot;     /* the next to ask about its neighbour, if need be */
	struct local_time routes_at; /* when to ask about all again */
	struct local_time sources_at; /* when to look at the peers file again */
	bool walk_again;	      /* the walk over the slots' routes, once it is through */
	uint64_t left_out_before;     /* interfaces_left_out at the end of the last walk */
	bool left_out;		      /* the last walk found more interfaces than are followed */
	bool surplus_told;
	bool own_failed; /* the last list of own addresses was not whole */
	struct {
		uint32_t ifindex;
		bool egress;
		bool ingress;
	} told[INTERFACE_CAPACITY]; /* what the log says of each interface */

	/* what is served */
	struct exposition exposition;
	struct exposition_cursor cursors[HTTP_SCRAPES];
	struct delay_histogram loop_delay;
	uint64_t send_errors[SEND_ERRORS];
	uint64_t refusals_rejected;
	uint64_t reload_failures;
	struct discovery_totals dns_totals;
	uint64_t reload_success_unix_seconds;
	uint8_t reload_last_ok;
};

/* agent_probes.c */
void agent_drain(struct agent *agent);
void agent_listen(struct agent *agent, struct local_time now);
void agent_send_due(struct agent *agent, struct local_time now);
void agent_follow_clock(struct agent *agent, struct local_time now);

/* agent_notices.c */
canary_notice_fn agent_tell_notice;
void agent_follow_reflector(struct agent *agent, struct local_time now);

/* agent_peers.c */
int agent_open_peers(struct agent *agent);
int agent_read_peers(struct agent *agent, struct local_time now);
void agent_read_own_addresses(struct agent *agent);
int agent_read_peers_file(struct agent *agent, struct local_time now);
void agent_ask_neighbours(struct agent *agent, struct local_time now);
void agent_follow_peers(struct agent *agent, struct local_time now);
void agent_follow_interfaces(struct agent *agent, struct local_time now);

/* agent_content.c */
void agent_fill_exposition(struct agent *agent);
void agent_fill_content(struct agent *agent, struct http_content *ret);

#endif
