/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kube-canary check`: its command line, which becomes a configuration as `run` would read it, the
 * order in which things are looked at, and how they are told. Must not know what is looked at.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check_state.h"

#define FLAGS_CAPACITY (CONFIG_STATIC_PEERS + 8)

extern char **environ;

enum { OPTION_OUTPUT, OPTION_QUIET, OPTION_OF_RUN };

static const struct command_option check_options[] = {
	{ 'o', "output", "text|json", "for people or for programs (default text)" },
	{ 'q', "quiet", NULL, "only what is wrong or could not be tried" },
	/* As `run` has them. */
	{ 0, "stamp.port", "N", "UDP port of the reflectors (default 862)" },
	{ 0, "timestamps", "auto|bpf|socket", "who is to stamp the packets (default auto)" },
	{ 0, "bpf.hook", "auto|tcx|clsact|xdp", "hook that is to be used (default auto)" },
	{ 0, "bpf.interfaces", "NAME,...", "interfaces (default: by the routes of the peers)" },
	{ 0, "web.listen-address", "[ADDRESS]:PORT", "where metrics will be served" },
	{ 0, "reflector", "true|false", "whether probes are to be answered" },
};

struct arguments {
	bool json;
	bool quiet;
	int count;
	char *flags[FLAGS_CAPACITY]; /* for config_read */
};

/* Handed on as a flag of `run`, whose reader says what is wrong with it. */
static int arguments_add(struct arguments *arguments, const char *name, const char *value,
			 char error[COMMAND_ERROR_CAPACITY])
{
	char *flag;

	if (arguments->count == FLAGS_CAPACITY) {
		snprintf(error, COMMAND_ERROR_CAPACITY, "\"%.100s\": at most %d peers", value,
			 CONFIG_STATIC_PEERS);
		return -E2BIG;
	}
	if (asprintf(&flag, "--%s=%s", name, value) < 0) {
		snprintf(error, COMMAND_ERROR_CAPACITY, "no memory");
		return -ENOMEM;
	}
	arguments->flags[arguments->count++] = flag;
	return 0;
}

static int arguments_take(void *ctx, const struct command_option *option, const char *value,
			  char error[COMMAND_ERROR_CAPACITY])
{
	struct arguments *arguments = ctx;

	if (!option)
		return arguments_add(arguments, "peers.static", value, error);
	if (option - check_options >= OPTION_OF_RUN)
		return arguments_add(arguments, option->name, value, error);
	if (option - check_options == OPTION_QUIET) {
		arguments->quiet = true;
		return 0;
	}
	arguments->json = strcmp(value, "json") == 0;
	if (arguments->json || strcmp(value, "text") == 0)
		return 0;
	snprintf(error, COMMAND_ERROR_CAPACITY, "\"%.100s\": expected text or json", value);
	return -EINVAL;
}

static void arguments_free(struct arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->flags[i]);
}

int check_read_line(const char *path, char *line, size_t capacity)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	if (!fgets(line, (int)capacity, file))
		err = ferror(file) ? -EIO : -ENODATA;
	else
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return err;
}

static bool terminal_has_colour(void)
{
	const char *refused = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!refused || *refused == '\0') && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static int tell(const struct check *check, const struct arguments *arguments)
{
	const struct findings_style style = {
		.columns = command_columns(),
		.colour = terminal_has_colour(),
		.problems_only = arguments->quiet,
	};
	char *buffer = malloc(FINDINGS_TEXT_CAPACITY);
	struct text text;
	bool failed;

	if (!buffer) {
		fputs("kube-canary check: no memory\n", stderr);
		return EXIT_FAILURE;
	}
	text = text_over(buffer, FINDINGS_TEXT_CAPACITY);
	if (arguments->json)
		findings_write_json(&check->findings, arguments->quiet, &text);
	else
		findings_write_text(&check->findings, &style, &text);
	failed = text.overflowed || fwrite(buffer, 1, text.length, stdout) != text.length ||
		 fflush(stdout) != 0;
	if (failed)
		fputs("kube-canary check: the findings could not be written\n", stderr);
	free(buffer);
	return failed || findings_count(&check->findings, FINDING_FAIL) > 0 ? EXIT_FAILURE
									    : EXIT_SUCCESS;
}

static int look(const struct arguments *arguments)
{
	char error[CONFIG_ERROR_CAPACITY];
	struct check *check = mmap(NULL, sizeof(*check), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = COMMAND_EXIT_USAGE;

	if (check == MAP_FAILED) {
		fputs("kube-canary check: no memory\n", stderr);
		return EXIT_FAILURE;
	}
	if (config_read(arguments->count, arguments->flags, environ, &check->config, error)) {
		fprintf(stderr, "kube-canary check: %s\n", error);
	} else {
		check_permissions(check);
		check_kernel(check);
		if (check->config.timestamps != CONFIG_TIMESTAMPS_SOCKET)
			check_trials(check);
		check_tier(check);
		check_seccomp(check);
		check_host(check);
		check_clocks(check);
		check_interfaces(check);
		status = tell(check, arguments);
	}
	munmap(check, sizeof(*check));
	return status;
}

static int run(int argc, char *const argv[])
{
	struct arguments arguments = { .count = 0 };
	int status = command_read(&check_command, argc, argv, arguments_take, &arguments);

	if (status < 0)
		status = look(&arguments);
	arguments_free(&arguments);
	return status;
}

const struct command check_command = {
	.name = "check",
	.summary = "tells whether and how kube-canary would work on this node",
	.operands = "[[NAME=]PEER...]",
	.options = check_options,
	.options_count = sizeof(check_options) / sizeof(check_options[0]),
	.run = run,
};
