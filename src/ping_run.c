/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the agent tells of each probe, and says when it is over. All counts but its own few
 * are the core's. Must not know how probes are sent, stamped or judged.
 */
#include "ping_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "ping_obstacles.h"
#include "samples.h"

/* What the core does not keep of a probe. */
struct attempt {
	uint64_t nonce;
	uint64_t number; /* of the target's, from 1; 0: none yet */
	int64_t sent_ns;
	int64_t heard_ns; /* 0: not yet */
	uint32_t sequence;
	bool refused; /* an ICMP error told of it */
	bool judged;  /* its fate is told */
};

struct progress {
	struct ping_style style;
	uint64_t attempts;
	uint64_t not_sent;
	uint64_t errors;
	struct local_time first_at;
	struct ping_figures kernel;
	struct ping_figures user;
};

struct ping_run {
	const struct ping_options *options;
	struct canary *canary;
	const struct prober_stamp *stamp;
	struct local_time started_at;
	bool placed;		  /* our programs were found to be where they must be */
	bool failed;		  /* and that was said */
	uint32_t window;	  /* a power of two */
	uint32_t target_count;	  /* and slots */
	struct attempt *attempts; /* [target_count * flows * window] */
	struct progress progress[];
};

int ping_run_open(const struct ping_options *options, const struct ping_target *targets,
		  struct ping_run **ret)
{
	struct ping_run *run =
		calloc(1, sizeof(*run) + options->target_count * sizeof(run->progress[0]));

	if (!run)
		return -ENOMEM;
	run->options = options;
	run->target_count = options->target_count;
	run->window = samples_window(options->timeout_ns, options->interval_ns, options->flows);
	run->attempts = calloc((size_t)run->target_count * options->flows * run->window,
			       sizeof(*run->attempts));
	if (!run->attempts) {
		ping_run_close(run);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < run->target_count; i++)
		run->progress[i].style = (struct ping_style){
			.name = targets[i].name,
			.address = targets[i].address,
			.bytes = options->size,
			.timeout_ns = options->timeout_ns,
			.user_time = options->user_time,
			.fragments = targets[i].fragments,
		};
	*ret = run;
	return 0;
}

void ping_run_close(struct ping_run *run)
{
	if (run)
		free(run->attempts);
	free(run);
}

/* --- whose, and which --- */

static const struct address *address_of(const struct ping_run *run, uint32_t slot)
{
	return &peers_get(canary_peers(run->canary), slot)->address;
}

/* There are as many slots as targets. NULL: not one of them. */
static struct progress *find_target(struct ping_run *run, const struct address *address)
{
	for (uint32_t i = 0; i < run->target_count; i++) {
		if (address_equal(&run->progress[i].style.address, address))
			return &run->progress[i];
	}
	return NULL;
}

static uint32_t find_slot(const struct ping_run *run, const struct progress *progress)
{
	uint32_t slot = 0;

	while (slot + 1 < run->target_count &&
	       !address_equal(address_of(run, slot), &progress->style.address))
		slot++;
	return slot;
}

static struct attempt *attempt_at(struct ping_run *run, const struct progress *progress,
				  uint16_t flow, uint32_t sequence)
{
	size_t target = (size_t)(progress - run->progress);

	return &run->attempts[(target * run->options->flows + flow) * run->window +
			      (sequence & (run->window - 1))];
}

static struct attempt *find_attempt(struct ping_run *run, const struct progress *progress,
				    const struct echoed *echoed)
{
	struct attempt *attempt;

	if (!progress || echoed->flow >= run->options->flows)
		return NULL;
	attempt = attempt_at(run, progress, echoed->flow, echoed->sequence);
	return attempt->number && attempt->nonce == echoed->nonce ? attempt : NULL;
}

/* --- what is said --- */

static void print(const struct ping_run *run, const char *line)
{
	int64_t now_ns = loop_unix_ns();

	if (run->options->quiet)
		return;
	if (run->options->dates)
		printf("[%lld.%06lld] ", now_ns / NS_PER_SECOND,
		       now_ns % NS_PER_SECOND / NS_PER_US);
	puts(line);
	fflush(stdout);
}

static struct ping_account account_of(struct ping_run *run, struct progress *progress,
				      struct local_time now)
{
	uint32_t slot = find_slot(run, progress);

	return (struct ping_account){
		.stats = canary_stats(run->canary, slot),
		.in_flight = canary_slot_in_flight(run->canary, slot),
		.not_sent = progress->not_sent,
		.errors = progress->errors,
		.elapsed_ns = progress->attempts ? local_since(now, progress->first_at) : 0,
		.kernel = &progress->kernel,
		.user = &progress->user,
	};
}

/* --- what the agent tells --- */

static void on_start(void *ctx, struct canary *canary, const struct prober_stamp *stamp)
{
	struct ping_run *run = ctx;
	char line[PING_LINE_CAPACITY];

	run->canary = canary;
	run->stamp = stamp;
	run->started_at = loop_now();
	for (uint32_t i = 0; i < run->target_count && !run->options->quiet; i++) {
		ping_line_start(&run->progress[i].style, run->options->stamp ? "STAMP" : "ICMP",
				line);
		puts(line);
	}
	fflush(stdout);
}

static void on_sent(void *ctx, const struct probe *probe, int error, struct local_time at)
{
	struct ping_run *run = ctx;
	struct progress *progress = find_target(run, &probe->destination);
	char line[PING_LINE_CAPACITY];

	if (!progress)
		return;
	if (progress->attempts++ == 0)
		progress->first_at = at;
	*attempt_at(run, progress, probe->flow,
		    probe->sequence) = (struct attempt){ .nonce = probe->nonce,
							 .number = progress->attempts,
							 .sent_ns = at.ns,
							 .sequence = probe->sequence };
	if (error) {
		progress->not_sent++;
		ping_line_not_sent(&progress->style, progress->attempts, error, line);
		print(run, line);
	}
	if (run->options->count && progress->attempts >= run->options->count)
		canary_end_turns(run->canary, probe->slot);
}

static void on_heard(void *ctx, const struct echoed *reply, struct local_time at)
{
	struct ping_run *run = ctx;
	struct attempt *attempt = find_attempt(run, find_target(run, &reply->peer), reply);

	if (attempt && attempt->heard_ns == 0)
		attempt->heard_ns = at.ns;
}

static void on_refused(void *ctx, const struct echoed *quoted, const struct probe_error *error)
{
	struct ping_run *run = ctx;
	struct progress *progress = find_target(run, &quoted->peer);
	struct attempt *attempt = find_attempt(run, progress, quoted);
	char line[PING_LINE_CAPACITY];

	if (!attempt)
		return;
	attempt->refused = true;
	progress->errors++;
	/* The next ones will be cut to what the path takes. */
	if (error->mtu && ping_options_fragment(run->options))
		progress->style.fragments = true;
	if (attempt->judged)
		return;
	ping_line_error(&progress->style, attempt->number, error, line);
	print(run, line);
}

static void on_sample(void *ctx, const struct sample *sample)
{
	struct ping_run *run = ctx;
	struct progress *progress = find_target(run, address_of(run, sample->slot));
	struct attempt *attempt;
	char line[PING_LINE_CAPACITY];
	int64_t user_ns = -1;
	uint16_t port = 0;

	if (!progress)
		return;
	attempt = attempt_at(run, progress, sample->flow, sample->sequence);
	attempt->judged = true;
	if (attempt->heard_ns)
		user_ns = attempt->heard_ns - attempt->sent_ns;
	if (sample_has_rtt(sample)) {
		ping_figures_add(&progress->kernel, sample->rtt_ns);
		if (user_ns >= 0)
			ping_figures_add(&progress->user, user_ns);
	}
	if (run->options->flows > 1)
		port = ntohs(prober_stamp_port_be(run->stamp, sample->flow));
	/* An ICMP error has said why there is none. */
	if (sample->verdict == VERDICT_LOST && !sample->late && attempt->refused)
		return;
	if (ping_line_sample(&progress->style, sample, attempt->number, user_ns, port, line))
		print(run, line);
}

/* SIGQUIT, as ping(8). */
static void on_interim(void *ctx)
{
	struct ping_run *run = ctx;
	char line[PING_LINE_CAPACITY];

	for (uint32_t i = 0; i < run->target_count; i++) {
		struct ping_account account = account_of(run, &run->progress[i], loop_now());

		ping_interim(&run->progress[i].style, &account, line);
		fprintf(stderr, "%s\n", line);
	}
}

/* --- when it is over --- */

/* The answer of the loader, and each address's own, may be long in coming. */
static bool is_possible(struct ping_run *run)
{
	enum ping_placing placing = run->placed ? PING_PLACED : ping_find_placing(run->canary);

	run->placed = placing == PING_PLACED;
	if (placing == PING_NOT_PLACED)
		return false;
	for (uint32_t i = 0; i < run->target_count; i++) {
		if (ping_is_own(run->canary, &run->progress[i].style.address))
			return false;
	}
	return true;
}

static bool all_sent(const struct ping_run *run)
{
	for (uint32_t i = 0; i < run->target_count; i++) {
		if (run->progress[i].attempts < run->options->count)
			return false;
	}
	return run->options->count > 0;
}

static struct local_time on_next(void *ctx)
{
	const struct ping_run *run = ctx;

	if (run->options->deadline_ns == 0)
		return (struct local_time){ .ns = INT64_MAX };
	return local_after(run->started_at, run->options->deadline_ns);
}

static bool on_follow(void *ctx, struct local_time now)
{
	struct ping_run *run = ctx;

	if (!is_possible(run)) {
		run->failed = true;
		return false;
	}
	if (ferror(stdout)) /* nobody reads any more */
		return false;
	if (local_since(now, on_next(run)) >= 0)
		return false;
	return !all_sent(run) || canary_in_flight(run->canary) > 0;
}

/* With a count and a deadline, fewer answers than wanted are a failure, too. */
static bool is_answered(const struct ping_run *run, const struct peer_stats *stats)
{
	bool all = run->options->deadline_ns && run->options->count;

	return stats->returned >= (all ? run->options->count : 1);
}

static int on_end(void *ctx, struct local_time now)
{
	struct ping_run *run = ctx;
	int status = PING_ANSWERED;
	char text[PING_SUMMARY_CAPACITY];
	uint64_t sent = 0;

	if (run->failed)
		return PING_FAILED;
	for (uint32_t i = 0; i < run->target_count; i++) {
		struct ping_account account = account_of(run, &run->progress[i], now);

		ping_summary(&run->progress[i].style, &account, text);
		printf("\n%s", text);
		if (!is_answered(run, account.stats))
			status = PING_UNANSWERED;
		sent += account.stats->sent;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fputs("kube-canary ping: its output could not be written\n", stderr);
		return PING_FAILED;
	}
	return sent ? status : PING_FAILED;
}

struct agent_ear ping_run_ear(struct ping_run *run)
{
	return (struct agent_ear){
		.ctx = run,
		.path_mtu_discovery = run->options->path_mtu_discovery,
		.start = on_start,
		.sent = on_sent,
		.heard = on_heard,
		.refused = on_refused,
		.sample = on_sample,
		.interim = on_interim,
		.follow = on_follow,
		.next = on_next,
		.end = on_end,
	};
}
