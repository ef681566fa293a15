/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: what is to be done, whether it can be, and the only exit(). Owns the
 * configuration for the life of the process; must not know sockets, maps or probes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "check.h"
#include "command.h"
#include "config.h"
#include "directory.h"
#include "discovery_file.h"
#include "loader.h"
#include "log.h"
#include "ping.h"
#include "top.h"

#define EXIT_USAGE 2

extern char **environ;

/* Beside `run`, which is what the program is for: what a person on a node wants to type. */
static const struct command *const commands[] = {
	&check_command, &ping_command, &top_command, NULL, /* commands go before it */
};

static void print_help(void)
{
	char line[512];

	puts("Usage: kube-canary [run] [--option=value ...]\n"
	     "\n"
	     "Measures the round-trip time and loss to every peer with stamps taken inside\n"
	     "the kernel, and exports them to Prometheus. Flags win over the environment.\n"
	     "\n"
	     "Options:");
	for (size_t row = 0; config_help_line(row, line, sizeof(line)); row++)
		command_print_row(line, CONFIG_HELP_COLUMN);
	if (commands[0])
		puts("\nCommands:");
	for (const struct command *const *command = commands; *command; command++)
		printf("  %-10s %s\n", (*command)->name, (*command)->summary);
}

static int offer_peer(void *ctx, const struct peer_candidate *candidate)
{
	return directory_offer(ctx, candidate);
}

/* Reads the peers file once, so that a bad one is an error before anything starts. */
static int check_peers(const struct config *config)
{
	char error[DISCOVERY_ERROR_CAPACITY];
	const struct directory_settings settings = { .capacity = config->peers_max };
	struct directory *directory = NULL;
	int err;

	if (config->peers_file[0] == '\0')
		return 0;
	err = directory_open(&settings, &directory);
	if (err) {
		fprintf(stderr, "kube-canary: no memory for %u addresses\n", config->peers_max);
		return err;
	}
	directory_begin(directory, PEER_SOURCE_FILE);
	err = discovery_file_read(config->peers_file, offer_peer, directory, error);
	directory_abort(directory);
	directory_close(directory);
	if (err)
		fprintf(stderr, "kube-canary: %s\n", error);
	return err;
}

static bool is_address(const char *text)
{
	struct address address;

	return address_parse(text, &address) == 0;
}

static void fill_node_name(struct config *config)
{
	if (config->node_name[0] != '\0')
		return;
	if (gethostname(config->node_name, sizeof(config->node_name) - 1) ||
	    (!peer_name_is_valid(config->node_name, strlen(config->node_name)) &&
	     !is_address(config->node_name)))
		strcpy(config->node_name, "unknown");
}

static int run(int argc, char *const argv[])
{
	char error[CONFIG_ERROR_CAPACITY];
	struct config config;

	if (config_read(argc, argv, environ, &config, error)) {
		fprintf(stderr, "kube-canary: %s\n", error);
		return EXIT_USAGE;
	}
	if (config.help) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (config.version) {
		puts("kube-canary " VERSION " (" REVISION ")");
		return EXIT_SUCCESS;
	}
	if (check_peers(&config))
		return EXIT_USAGE;
	if (config.check_config) {
		puts("configuration OK");
		return EXIT_SUCCESS;
	}
	fill_node_name(&config);
	log_setup((enum log_level)config.log_level, config.log_format == CONFIG_LOG_JSON);
	return loader_run(&config, NULL);
}

/* Whatever else is opened would take their numbers, and our log lines would go there. */
static bool standard_descriptors_exist(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

static const struct command *find_command(const char *name)
{
	for (const struct command *const *command = commands; *command; command++) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
	}
	return NULL;
}

/* What was asked for and could not be told is no success. */
static int told(int status)
{
	if (status != EXIT_SUCCESS || (fflush(stdout) == 0 && !ferror(stdout)))
		return status;
	fputs("kube-canary: standard output could not be written\n", stderr);
	return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	int first = argc > 1 && strcmp(argv[1], "run") == 0 ? 2 : 1;

	if (!standard_descriptors_exist())
		exit(EXIT_FAILURE);
	if (command)
		exit(told(command->run(argc - 1, argv + 1)));
	exit(told(run(argc - first, argv + first)));
}
