/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary process's state, shared by the files that wire it: agent.c (loop), agent_probes.c
 * (probes out and back), agent_ear.c (another ear than HTTP's), agent_sources.c (who),
 * agent_routes.c (where), agent_interfaces.c (our programs there), agent_stand_in.c (without BPF),
 * agent_notices.c (what the log says of peers), agent_content.c (what is served), agent_manager.c
 * (what the service manager is told). For them alone.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "agent.h"
#include "api.h"
#include "canary.h"
#include "config.h"
#include "discovery_dns.h"
#include "discovery_file.h"
#include "exposition.h"
#include "http.h"
#include "loop.h"
#include "maps.h"
#include "page.h"
#include "prober_icmp.h"
#include "prober_stamp.h"
#include "reflector.h"
#include "routes.h"
#include "stand_in.h"
#include "wall_clock.h"

#define AGENT_DOCUMENTS 4

struct agent {
	const struct config *config;
	struct loop *loop;
	struct maps *maps;
	struct canary *canary;
	struct prober_icmp *icmp; /* NULL: without BPF */
	struct prober_stamp *stamp;
	struct stand_in *stand_in;   /* NULL: with BPF */
	struct reflector *reflector; /* NULL: the programs', or none */
	struct routes *routes;
	struct discovery_file *file; /* NULL: no peers file */
	struct discovery_dns *dns;   /* NULL: no --peers.dns */
	struct http *http;	     /* NULL: nothing is served */
	const struct agent_ear *ear; /* NULL: none */
	int loader_fd;
	int status;
	bool listening;		/* to replies that the ingress program should have seen */
	uint64_t doubts_raised; /* as of the last look */
	struct local_time listen_until;
	struct local_time listen_again;
	struct local_time last_tick;
	struct local_time forget_at; /* when to let go of code that was called once */
	struct wall_clock clock;
	struct local_time clock_at;    /* when to read it again */
	struct local_time receive_at;  /* when to read the UDP sockets again */
	uint32_t unread[KC_FLOWS_MAX]; /* probes sent since they were read */

	/* the reflector, and a local socket on its port */
	uint64_t refused_socket; /* kc_counters.refused_socket as of the last look */
	bool stands_back;
	struct local_time stood_back_at; /* last */

	/* who */
	struct local_time sources_at; /* when to look at them again */
	bool file_wanted;	      /* to be read again in the next tick */
	uint32_t file_surplus;	      /* of its last reading, what the directory had no room for */
	uint32_t dns_surplus;
	bool directory_surplus_told;
	bool peers_surplus_told;
	bool names_dropped_told;
	bool zones_dropped_told;
	struct local_time notices_until; /* the room for notices of single peers is used up */
	bool notices_cut;		 /* and that was said */

	/* where */
	struct local_time routes_at; /* when to ask about all again */
	struct {
		bool running;
		bool whole;	/* all questions were answered so far */
		uint32_t slot;	/* the next to ask about */
		uint32_t known; /* and then, of the directory */
	} walk;
	bool walked;		   /* at least once, all of them */
	uint32_t news_slot;	   /* the next that may be new; capacity: none */
	struct local_time news_at; /* when to look for new ones again */
	uint32_t neighbour_slot;   /* the next to ask about its neighbour, if need be */
	uint64_t left_out_before;  /* interfaces_left_out at the end of the last walk */
	bool left_out;		   /* the last walk found more interfaces than are followed */
	bool own_failed;	   /* the last list of own addresses was not whole */
	struct {
		uint32_t ifindex;
		bool egress;
		bool ingress;
	} told[INTERFACE_CAPACITY]; /* what the log says of each interface */

	/* what the service manager is told */
	struct {
		bool present;
		int64_t period_ns;	     /* it is told at least so often */
		struct local_time waits_for; /* from then on we are ready, come what may */
		struct local_time told_at;   /* last */
		struct word_standing told;
		uint32_t reloads_asked;
	} manager;

	/* what is served */
	struct exposition exposition;
	struct http_document documents[AGENT_DOCUMENTS];
	struct {
		enum accept_format format;
		union {
			struct exposition_cursor metrics;
			struct api_cursor api;
			struct page_cursor page;
		} cursor;
	} streams[HTTP_STREAMS];
	struct scrape_totals scrapes; /* of /metrics alone */
	uint32_t ring_filled_bytes;   /* as exposed: the most of the two below */
	uint32_t ring_running_bytes;  /* since ring_since */
	uint32_t ring_before_bytes;   /* in the while before that */
	struct local_time ring_since;
	uint16_t flow_ports[KC_FLOWS_MAX];
	uint8_t clock_synchronised;
	struct delay_histogram loop_delay;
	uint64_t send_errors[SEND_ERRORS];
	uint64_t refusals_rejected;
	uint64_t reload_failures;
	struct discovery_totals dns_totals;
	uint64_t reload_success_unix_seconds;
	uint8_t reload_last_ok;
};

/* agent.c: when the next tick is; to be called where work has come up between ticks. The last one
 * is at most `now`. */
void agent_schedule(struct agent *agent, struct local_time now);
struct local_time agent_last_tick(const struct agent *agent, struct local_time now);

/* agent_probes.c */
void agent_drain(struct agent *agent);
void agent_listen(struct agent *agent, struct local_time now);
void agent_send_due(struct agent *agent, struct local_time now);
void agent_follow_clock(struct agent *agent, struct local_time now);

/* agent_ear.c: nothing without one */
int agent_open_ear(struct agent *agent);
void agent_follow_ear(struct agent *agent, struct local_time now);
void agent_tell_sent(const struct agent *agent, const struct probe *probe, int error,
		     struct local_time at);
void agent_tell_heard(const struct agent *agent, const struct echoed *reply);

/* agent_stand_in.c: without BPF */
int agent_open_stand_in(struct agent *agent, const struct agent_inheritance *inheritance);
void agent_close_stand_in(struct agent *agent);
int agent_open_reflector(struct agent *agent);
struct prober_stamp_errors agent_hear(struct agent *agent);
void agent_answer_word(struct agent *agent, const struct word *word);
/* Probes that nothing can measure. */
void agent_refuse_icmp(const struct probe *batch, uint32_t count, int *errors);

/* agent_probes.c, for it */
void agent_on_reply(struct agent *agent, const struct echoed *reply, const uint8_t *payload,
		    uint32_t length);

/* agent_notices.c */
canary_notice_fn agent_tell_notice;
void agent_follow_reflector(struct agent *agent, struct local_time now);

/* agent_sources.c */
int agent_open_sources(struct agent *agent);
int agent_read_sources(struct agent *agent, struct local_time now);
void agent_want_peers_file(struct agent *agent, struct local_time now);
void agent_follow_sources(struct agent *agent, struct local_time now);

/* agent_routes.c */
int agent_open_routes(struct agent *agent);
void agent_read_own_addresses(struct agent *agent, struct local_time now);
void agent_ask_neighbours(struct agent *agent, struct local_time now);
/* Peers are new: their routes are asked for before all others'. */
void agent_expect_news(struct agent *agent, const struct canary_change *change,
		       struct local_time now);
void agent_follow_routes(struct agent *agent, struct local_time now);
/* When there is something to ask, which may be now; whether peers wait for it. */
struct local_time agent_routes_next(const struct agent *agent, struct local_time now);
bool agent_routes_hurried(const struct agent *agent);

/* agent_interfaces.c */
void agent_follow_interfaces(struct agent *agent, struct local_time now);

/* agent_manager.c */
void agent_open_manager(struct agent *agent, const struct agent_inheritance *inheritance,
			struct local_time now);
void agent_follow_manager(struct agent *agent, struct local_time now);
struct local_time agent_manager_next(const struct agent *agent, struct local_time otherwise);

/* agent_content.c */
void agent_fill_exposition(struct agent *agent);
void agent_fill_content(struct agent *agent, struct http_content *ret);

#endif
