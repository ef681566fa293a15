/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary top`: its command line, and how what is known is renewed. Must not know the
 * terminal.
 */
#include "top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_state.h"

/* So much of the time at most is spent on asking: one of ten. */
#define ASKING_SHARE 10
#define DELAY_MIN    0.1
#define DELAY_MAX    86400.0

struct reading {
	struct top *top;
	const char *operand;
	const char *sort;
	bool of_table; /* an option that is of the table alone was given */
};

/* --- renewal */

static void fail(struct top *top, const char *why)
{
	snprintf(top->problem, sizeof(top->problem), "%s", why);
	top->asking = TOP_ASKING_NOTHING;
}

static void take_peers(struct top *top, const char *body, size_t length)
{
	char error[TOP_ERROR_CAPACITY];
	struct top_peers shown = top->peers;

	if (top_data_read_peers(body, length, &top->incoming, error)) {
		fail(top, error);
		return;
	}
	top->peers = top->incoming;
	top->incoming = shown;
	top->status = top->status_incoming;
	top->known = true;
	top->problem[0] = '\0';
	top->asking = TOP_ASKING_NOTHING;
}

static void take_body(struct top *top, struct local_time now)
{
	char error[TOP_ERROR_CAPACITY];
	size_t length;
	const char *body = top_fetch_body(&top->fetch, &length);

	if (top->asking == TOP_ASKING_PEERS) {
		take_peers(top, body, length);
		return;
	}
	if (top_data_read_status(body, length, &top->status_incoming, error)) {
		fail(top, error);
		return;
	}
	top->asking = TOP_ASKING_PEERS;
	top_fetch_begin(&top->fetch, "/api/v1/peers", now);
}

bool top_renew(struct top *top, struct local_time now)
{
	int64_t took_ns;

	if (top->asking == TOP_ASKING_NOTHING) {
		if (top->control.paused || local_since(now, top->next_at) < 0)
			return false;
		top->asked_at = now;
		top->asking = top->json ? TOP_ASKING_PEERS : TOP_ASKING_STATUS;
		top_fetch_begin(&top->fetch, top->json ? "/api/v1/peers" : "/api/v1/status", now);
	}
	switch (top_fetch_step(&top->fetch, now)) {
	case TOP_FETCH_DONE:
		take_body(top, now);
		break;
	case TOP_FETCH_FAILED:
		fail(top, top->fetch.error);
		break;
	default:
		break;
	}
	if (top->asking != TOP_ASKING_NOTHING)
		return false;
	/* Who does not answer is not spared. */
	took_ns = *top->problem ? 0 : local_since(now, top->asked_at) * ASKING_SHARE;
	top->next_at = local_after(top->asked_at,
				   took_ns > top->delay_ns ? took_ns : top->delay_ns);
	top->done++;
	return true;
}

struct local_time top_due(const struct top *top)
{
	if (top->asking != TOP_ASKING_NOTHING)
		return top_fetch_deadline(&top->fetch);
	if (top->control.paused)
		return (struct local_time){ .ns = INT64_MAX };
	return top->next_at;
}

struct top_screenful top_screenful(const struct top *top)
{
	return (struct top_screenful){
		.status = top->known ? &top->status : NULL,
		.peers = &top->peers,
		.where = top->fetch.where,
		.problem = top->problem,
	};
}

/* --- the command line */

enum {
	OPTION_DELAY,
	OPTION_ITERATIONS,
	OPTION_ONCE,
	OPTION_OUTPUT,
	OPTION_VIEW,
	OPTION_SORT,
	OPTION_FILTER
};

static const struct command_option options[] = {
	[OPTION_DELAY] = { 'd', "delay", "SECONDS", "between one renewal and the next (2)" },
	[OPTION_ITERATIONS] = { 'n', "iterations", "COUNT", "renewals before it ends" },
	[OPTION_ONCE] = { 0, "once", NULL, "print the table and end" },
	[OPTION_OUTPUT] = { 'o', "output", "table|json",
			    "json: print the peers as the API has them, and end" },
	[OPTION_VIEW] = { 'v', "view", "peers|direction|flows", "what the rows show at first" },
	[OPTION_SORT] = { 's', "sort", "COLUMN",
			  "sorted by it at first; -COLUMN: the other way round" },
	[OPTION_FILTER] = { 'f', "filter", "WORDS",
			    "rows that have all of them in name, address, zone, health and more" },
};

static int refuse(char error[COMMAND_ERROR_CAPACITY], const char *value, const char *expected)
{
	snprintf(error, COMMAND_ERROR_CAPACITY, "got \"%.200s\", expected %s", value, expected);
	return -EINVAL;
}

static int take_delay(struct top *top, const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds >= DELAY_MIN && seconds <= DELAY_MAX) ||
	    strpbrk(value, "xXnN"))
		return refuse(error, value, "seconds from 0.1 to 86400");
	top->delay_ns = (int64_t)(seconds * (double)NS_PER_SECOND);
	return 0;
}

static int take_iterations(struct top *top, const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	size_t length = strlen(value);

	if (length == 0 || length > 9 || strspn(value, "0123456789") != length || atoi(value) == 0)
		return refuse(error, value, "a number from 1 to 999999999");
	top->iterations = (uint64_t)atoi(value);
	return 0;
}

static int take_view(struct top *top, const char *value, char error[COMMAND_ERROR_CAPACITY])
{
	for (enum top_view view = 0; view < TOP_VIEWS; view++) {
		if (strcmp(value, top_view_name(view)) != 0)
			continue;
		top_table_set_view(&top->control.table, view);
		return 0;
	}
	return refuse(error, value, "peers, direction or flows");
}

static int take_operand(struct reading *reading, const char *value,
			char error[COMMAND_ERROR_CAPACITY])
{
	if (reading->operand) {
		snprintf(error, COMMAND_ERROR_CAPACITY,
			 "got \"%.200s\" after \"%.200s\", expected one instance", value,
			 reading->operand);
		return -EINVAL;
	}
	reading->operand = value;
	if (top_fetch_parse(value, &reading->top->fetch))
		return refuse(error, value, "ADDRESS, ADDRESS:PORT, [IPV6]:PORT or a host's name");
	return 0;
}

static int take(void *ctx, const struct command_option *option, const char *value,
		char error[COMMAND_ERROR_CAPACITY])
{
	struct reading *reading = ctx;
	struct top *top = reading->top;

	if (!option)
		return take_operand(reading, value, error);
	reading->of_table |= option - options >= OPTION_VIEW;
	switch (option - options) {
	case OPTION_DELAY:
		return take_delay(top, value, error);
	case OPTION_ITERATIONS:
		return take_iterations(top, value, error);
	case OPTION_ONCE:
		top->iterations = 1;
		return 0;
	case OPTION_OUTPUT:
		top->json = strcmp(value, "json") == 0;
		return top->json || strcmp(value, "table") == 0
			       ? 0
			       : refuse(error, value, "table or json");
	case OPTION_VIEW:
		return take_view(top, value, error);
	case OPTION_SORT:
		reading->sort = value;
		return 0;
	default:
		if (strlen(value) >= TOP_FILTER_CAPACITY)
			return refuse(error, value, "at most 127 octets");
		strcpy(top->control.table.filter, value);
		return 0;
	}
}

/* Which columns there are depends on the view, which may come after. */
static int check(struct reading *reading)
{
	struct top_table *table = &reading->top->control.table;
	size_t count;
	const struct top_column *columns = top_columns(table->view, &count);

	if (reading->top->json && reading->of_table) {
		fprintf(stderr,
			"kube-canary top: --output=json prints all that the API has; --view, "
			"--sort and --filter are the table's\n");
		return COMMAND_EXIT_USAGE;
	}
	if (!reading->sort || top_table_sort_by(table, reading->sort))
		return -1;
	fprintf(stderr, "kube-canary top: --sort: got \"%.200s\", expected", reading->sort);
	for (size_t i = 0; i < count; i++) {
		/* Health is there twice: as a mark, and as a word. */
		if (i == 0 || strcmp(columns[i].name, columns[0].name) != 0)
			fprintf(stderr, " %s", columns[i].name);
	}
	fprintf(stderr, "\n");
	return COMMAND_EXIT_USAGE;
}

static int run_top(struct top *top)
{
	if (top_fetch_resolve(&top->fetch)) {
		fprintf(stderr, "kube-canary top: %s: %s\n", top->fetch.host, top->fetch.error);
		return EXIT_FAILURE;
	}
	if (top->json && top->iterations == 0)
		top->iterations = 1;
	if (top->json || top->iterations == 1 || !top_screen_is_interactive())
		return top_print(top);
	return top_show(top);
}

static int run(int argc, char *const argv[])
{
	struct top top = { .delay_ns = 2 * NS_PER_SECOND };
	struct reading reading = { .top = &top };
	int status;

	top_table_init(&top.control.table, top_screen_style());
	top_fetch_parse("127.0.0.1", &top.fetch);
	status = command_read(&top_command, argc, argv, take, &reading);
	if (status < 0)
		status = check(&reading);
	if (status < 0)
		status = run_top(&top);
	top_fetch_close(&top.fetch);
	top_data_free(&top.peers);
	top_data_free(&top.incoming);
	top_table_free(&top.control.table);
	return status;
}

const struct command top_command = {
	.name = "top",
	.summary = "a live table of an instance's peers, over its API",
	.operands = "[ADDRESS[:PORT]]",
	.options = options,
	.options_count = sizeof(options) / sizeof(options[0]),
	.run = run,
};
