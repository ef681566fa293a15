/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire between two interfaces that does to probes what it is told to, seeded, and counts exactly
 * what it did. Each probe meets one fate at most. Everything else (ARP, neighbour
 * discovery, TCP) passes at once and untouched. Must not know who probes, nor what comes of it.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "signals.h"
#include "transits.h"
#include "wire.h"

enum fate { PASS, LOSE, DUPLICATE, REORDER, CORRUPT, LATE, FATES };

static const char *const fate_names[FATES] = { "passed",    "lost",	 "duplicated",
					       "reordered", "corrupted", "late" };

/* By number, so that one table reads them all. */
enum setting {
	DELAY_US,
	JITTER_US,     /* uniform, added; keeps the order */
	LOSS_FORWARD,  /* percent of requests */
	LOSS_BACKWARD, /* percent of replies, as the following */
	DUPLICATES,
	REORDERINGS,
	REORDER_AFTER, /* a held reply goes on after so many later ones of its flow */
	CORRUPTIONS,
	CORRUPT_REQUESTS,
	LATE_EVERY, /* each n-th reply comes LATE_US later than it would */
	LATE_US,
	DROP_FLOW, /* all requests of the n-th flow that is seen are lost, and no others by this */
	FRAMES,	   /* fates fall on so many requests, and so many replies, of each side */
	SEED,
	SETTINGS,
};

static const char *const setting_names[SETTINGS] = {
	[DELAY_US] = "delay-us",
	[JITTER_US] = "jitter-us",
	[LOSS_FORWARD] = "loss-forward",
	[LOSS_BACKWARD] = "loss-backward",
	[DUPLICATES] = "duplicate-percent",
	[REORDERINGS] = "reorder-percent",
	[REORDER_AFTER] = "reorder-after",
	[CORRUPTIONS] = "corrupt-percent",
	[CORRUPT_REQUESTS] = "corrupt-requests-percent",
	[LATE_EVERY] = "late-every",
	[LATE_US] = "late-us",
	[DROP_FLOW] = "drop-flow",
	[FRAMES] = "frames",
	[SEED] = "seed",
};

#define FLOWS_MAX 64

struct relay {
	double settings[SETTINGS];
	const char *statistics;
	struct wire wires[2];
	struct transits transits;
	struct transit *held;
	uint64_t random;
	int64_t last_due_ns[2];	      /* jitter keeps the order */
	uint64_t counts[2][2][FATES]; /* [side of the prober][request, reply] */
	uint64_t seen[2][2];
	uint64_t other_frames;
	struct frame_flow flows[FLOWS_MAX]; /* as seen */
	size_t flow_count;
	uint64_t send_errors;
	int64_t worst_lag_ns;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* splitmix64 */
static uint64_t random_next(struct relay *relay)
{
	uint64_t z = relay->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* One draw decides, so that fates exclude each other and their counts add up. */
static enum fate draw_fate(struct relay *relay, int side, int reply)
{
	static const int percents[2][FATES] = {
		{ [LOSE] = LOSS_FORWARD, [CORRUPT] = CORRUPT_REQUESTS },
		{ [LOSE] = LOSS_BACKWARD,
		  [DUPLICATE] = DUPLICATES,
		  [REORDER] = REORDERINGS,
		  [CORRUPT] = CORRUPTIONS },
	};
	double draw = (double)(random_next(relay) >> 11) / 9007199254740992.0 * 100;
	uint64_t late_every = (uint64_t)relay->settings[LATE_EVERY];
	uint64_t nth = ++relay->seen[side][reply];

	if ((double)nth > relay->settings[FRAMES])
		return PASS;
	if (reply && late_every && nth % late_every == 0)
		return LATE;
	for (int fate = LOSE; fate < LATE; fate++) {
		double percent = percents[reply][fate] ? relay->settings[percents[reply][fate]] : 0;

		if (draw < percent)
			return (enum fate)fate;
		draw -= percent;
	}
	return PASS;
}

/* Whether it is a request of the flow that is to be dropped. */
static bool is_dropped(struct relay *relay, const struct frame_probe *probe)
{
	size_t nth = 0;

	if (relay->settings[DROP_FLOW] < 1 || probe->reply)
		return false;
	while (nth < relay->flow_count && !frame_flow_equal(&relay->flows[nth], &probe->flow))
		nth++;
	if (nth == relay->flow_count) {
		if (nth == FLOWS_MAX)
			die("more than %d flows", FLOWS_MAX);
		relay->flows[relay->flow_count++] = probe->flow;
	}
	return (double)nth + 1 == relay->settings[DROP_FLOW];
}

/* A later reply of a flow passed: those held back for it may follow. */
static void release_held(struct relay *relay, const struct frame_flow *flow, int64_t due_ns)
{
	struct transit **link = &relay->held;

	while (*link) {
		struct transit *transit = *link;

		if (!frame_flow_equal(&transit->flow, flow) || --transit->passes > 0) {
			link = &transit->next;
			continue;
		}
		*link = transit->next;
		transits_push(&relay->transits, transit, due_ns);
	}
}

static void hold(struct relay *relay, struct transit *transit)
{
	struct transit **link = &relay->held;

	while (*link)
		link = &(*link)->next;
	transit->passes = (uint32_t)relay->settings[REORDER_AFTER];
	*link = transit;
}

static int64_t due_of(struct relay *relay, int64_t arrival_ns, uint8_t to)
{
	uint64_t jitter_ns = (uint64_t)(relay->settings[JITTER_US] * 1000);
	int64_t due_ns = arrival_ns + (int64_t)(relay->settings[DELAY_US] * 1000);

	if (jitter_ns > 0)
		due_ns += (int64_t)(random_next(relay) % jitter_ns);
	if (due_ns < relay->last_due_ns[to])
		due_ns = relay->last_due_ns[to];
	relay->last_due_ns[to] = due_ns;
	return due_ns;
}

static void send_frame(struct relay *relay, uint8_t to, const uint8_t *octets, size_t length)
{
	if (wire_send(&relay->wires[to], octets, length) != 0)
		relay->send_errors++;
}

static void on_frame(void *ctx, uint8_t from, uint8_t *octets, size_t length, int64_t age_ns)
{
	struct relay *relay = ctx;
	uint8_t to = !from;
	struct frame_probe probe;
	struct transit *transit;
	int64_t due_ns;
	enum fate fate;
	uint8_t side;

	if (!frame_find_probe(octets, length, &probe)) {
		relay->other_frames++;
		send_frame(relay, to, octets, length);
		return;
	}
	side = probe.reply ? to : from;
	fate = draw_fate(relay, side, probe.reply);
	if (is_dropped(relay, &probe))
		fate = LOSE;
	relay->counts[side][probe.reply][fate]++;
	if (fate == LOSE)
		return;
	if (fate == CORRUPT)
		frame_corrupt(octets, &probe, random_next(relay));
	due_ns = now_ns(CLOCK_MONOTONIC) - age_ns;
	if (fate == LATE)
		due_ns += (int64_t)((relay->settings[DELAY_US] + relay->settings[LATE_US]) * 1000);
	else
		due_ns = due_of(relay, due_ns, to);
	transit = transit_new(octets, length, to);
	transit->flow = probe.flow;
	if (fate == REORDER) {
		hold(relay, transit);
		return;
	}
	transits_push(&relay->transits, transit, due_ns);
	if (fate == DUPLICATE)
		transits_push(&relay->transits, transit_new(octets, length, to), due_ns);
	if (probe.reply && (fate == PASS || fate == DUPLICATE))
		release_held(relay, &probe.flow, due_ns);
}

static void send_due(struct relay *relay)
{
	while (relay->transits.count > 0) {
		int64_t lag_ns = now_ns(CLOCK_MONOTONIC) - relay->transits.heap[0]->due_ns;
		struct transit *transit;

		if (lag_ns < 0)
			return;
		if (lag_ns > relay->worst_lag_ns)
			relay->worst_lag_ns = lag_ns;
		transit = transits_pop(&relay->transits);
		send_frame(relay, transit->to, transit->octets, transit->length);
		free(transit);
	}
}

/* As `name value` lines, put in place at once so that a reader never sees half of them. Returns how
 * many frames this tool itself lost. */
static uint64_t write_statistics(struct relay *relay)
{
	static const char *const sides[2] = { "left", "right" };
	static const char *const kinds[2] = { "requests", "replies" };
	uint64_t overruns = wire_overruns(&relay->wires[0]) + wire_overruns(&relay->wires[1]);
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", relay->statistics);
	file = fopen(path, "we");
	if (!file)
		die("%s: %s", path, strerror(errno));
	for (int side = 0; side < 2; side++)
		for (int kind = 0; kind < 2; kind++) {
			fprintf(file, "%s_%s %lu\n", sides[side], kinds[kind],
				relay->seen[side][kind]);
			for (int fate = 0; fate < FATES; fate++)
				fprintf(file, "%s_%s_%s %lu\n", sides[side], kinds[kind],
					fate_names[fate], relay->counts[side][kind][fate]);
		}
	if (relay->settings[DROP_FLOW] >= 1 &&
	    relay->settings[DROP_FLOW] <= (double)relay->flow_count)
		fprintf(file, "dropped_port %u\n",
			ntohs(relay->flows[(size_t)relay->settings[DROP_FLOW] - 1].id_be));
	fprintf(file, "other_frames %lu\nworst_lag_us %ld\nsend_errors %lu\noverruns %lu\n",
		relay->other_frames, relay->worst_lag_ns / 1000, relay->send_errors, overruns);
	if (fclose(file) != 0 || rename(path, relay->statistics) != 0)
		die("%s: %s", relay->statistics, strerror(errno));
	return overruns + relay->send_errors;
}

/* The kernel wakes late by some ten microseconds: the last of the wait is spun. */
#define SPIN_NS 60000

static void wait_for_work(struct relay *relay, int signals)
{
	struct pollfd fds[3] = { { .fd = relay->wires[0].fd, .events = POLLIN },
				 { .fd = relay->wires[1].fd, .events = POLLIN },
				 { .fd = signals, .events = POLLIN } };
	struct timespec timeout = { 0 };
	int64_t wait_ns = 1000000000;

	if (relay->transits.count > 0)
		wait_ns = relay->transits.heap[0]->due_ns - now_ns(CLOCK_MONOTONIC) - SPIN_NS;
	if (wait_ns > 0) {
		timeout.tv_sec = wait_ns / 1000000000;
		timeout.tv_nsec = wait_ns % 1000000000;
	}
	ppoll(fds, 3, &timeout, NULL);
}

static int run(struct relay *relay, int signals)
{
	uint64_t own_losses;

	for (;;) {
		enum signals_wish wish;

		wait_for_work(relay, signals);
		for (uint8_t from = 0; from < 2; from++)
			wire_receive(&relay->wires[from], from, on_frame, relay);
		send_due(relay);
		wish = signals_next(signals);
		if (wish == SIGNALS_NONE)
			continue;
		own_losses = write_statistics(relay);
		if (wish == SIGNALS_END)
			return own_losses == 0 ? 0 : 1;
	}
}

static void read_options(int argc, char **argv, struct relay *relay)
{
	struct option options[SETTINGS + 2] = { { "statistics", required_argument, NULL,
						  SETTINGS } };
	int number;

	for (int i = 0; i < SETTINGS; i++)
		options[i + 1] = (struct option){ setting_names[i], required_argument, NULL, i };
	relay->settings[FRAMES] = 1e15;
	relay->settings[REORDER_AFTER] = 1;
	while ((number = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *end;

		if (number == '?')
			exit(2);
		if (number == SETTINGS) {
			relay->statistics = optarg;
			continue;
		}
		relay->settings[number] = strtod(optarg, &end);
		if (*optarg == 0 || *end != 0 || !(relay->settings[number] >= 0))
			die("--%s: \"%s\" is no positive number", setting_names[number], optarg);
	}
	if (argc - optind != 2 || !relay->statistics || relay->settings[REORDER_AFTER] < 1)
		die("usage: relay --statistics FILE [--option NUMBER ...] LEFT RIGHT");
}

/* Forwards on time: before everybody else, timers without slack, memory that is there. */
static void become_punctual(void)
{
	struct sched_param parameter = { .sched_priority = 50 };

	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	mlockall(MCL_CURRENT);
	if (sched_setscheduler(0, SCHED_FIFO, &parameter) != 0)
		fprintf(stderr, "relay: without real-time priority: %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	static struct relay relay;
	int signals;

	read_options(argc, argv, &relay);
	relay.random = (uint64_t)relay.settings[SEED];
	transits_open(&relay.transits);
	signals = signals_open();
	for (int side = 0; side < 2; side++) {
		int err = wire_open(argv[optind + side], &relay.wires[side]);

		if (err != 0)
			die("%s: %s", argv[optind + side], strerror(-err));
	}
	become_punctual();
	write_statistics(&relay);
	return run(&relay, signals);
}
