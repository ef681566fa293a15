/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the command line of a word such as `ping`, and prints its help. Must not know what any
 * command does.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX	120 /* longer lines are hard to read */
#define EXPLAINED_LEAST 24  /* columns, however narrow the terminal is */
#define HELP_COLUMN	33
#define ROW_CAPACITY	2048 /* wrapped, with its indents */

struct reading {
	const struct command *command;
	int argc;
	char *const *argv;
	int next; /* index of the argument after the one being read */
	command_take *take;
	void *ctx;
};

uint32_t command_columns(void)
{
	struct winsize size = { .ws_col = 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

void command_print_row(const char *row, size_t column)
{
	size_t explained = strlen(row) > column ? column : strlen(row);
	size_t columns = command_columns();
	char buffer[ROW_CAPACITY];
	struct text text = text_over(buffer, sizeof(buffer));

	if (!isatty(STDOUT_FILENO)) {
		puts(row);
		return;
	}
	if (explained > 0 && row[explained - 1] != ' ') {
		explained += strcspn(row + explained, " ");
		printf("%.*s\n%*s", (int)explained, row, (int)column, "");
		explained += strspn(row + explained, " ");
	} else {
		printf("%.*s", (int)explained, row);
	}
	text_append_wrapped(&text, row + explained, column,
			    columns > column + EXPLAINED_LEAST ? columns - column
							       : EXPLAINED_LEAST);
	printf("%.*s", (int)text.length, buffer);
}

void command_print_help(const struct command *command)
{
	char words[64], line[256];

	printf("Usage: kube-canary %s [OPTION...]%s%s\n\n%c%s.\n\nOptions:\n", command->name,
	       command->operands ? " " : "", command->operands ? command->operands : "",
	       command->summary[0] & ~0x20, command->summary + 1);
	for (size_t row = 0; row < command->options_count; row++) {
		const struct command_option *option = &command->options[row];

		snprintf(words, sizeof(words), "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
			 option->letter ? option->letter : ' ', option->letter ? "," : " ",
			 option->name, option->argument ? "=" : "",
			 option->argument ? option->argument : "");
		snprintf(line, sizeof(line), "  %-30s %s", words, option->help);
		command_print_row(line, HELP_COLUMN);
	}
	printf("  %-30s %s\n", "-h, --help", "this text");
}

static int refuse(const struct reading *reading, const char *what, size_t length, const char *why)
{
	fprintf(stderr, "kube-canary %s: %.*s: %s; see kube-canary %s --help\n",
		reading->command->name, (int)length, what, why, reading->command->name);
	return COMMAND_EXIT_USAGE;
}

static int take(const struct reading *reading, const struct command_option *option,
		const char *value)
{
	char error[COMMAND_ERROR_CAPACITY] = "";

	if (reading->take(reading->ctx, option, value, error) == 0)
		return -1;
	if (option)
		fprintf(stderr, "kube-canary %s: --%s: %s\n", reading->command->name, option->name,
			error);
	else
		fprintf(stderr, "kube-canary %s: %s\n", reading->command->name, error);
	return COMMAND_EXIT_USAGE;
}

/* `inline_value`: what follows within the same argument, or NULL. */
static int take_with_value(struct reading *reading, const struct command_option *option,
			   const char *inline_value, const char *as_written, size_t length)
{
	if (inline_value)
		return take(reading, option, inline_value);
	if (reading->next == reading->argc)
		return refuse(reading, as_written, length, "a value is missing");
	return take(reading, option, reading->argv[reading->next++]);
}

static int help(const struct reading *reading)
{
	command_print_help(reading->command);
	return EXIT_SUCCESS;
}

static int read_long(struct reading *reading, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);

	for (size_t row = 0; row < reading->command->options_count; row++) {
		const struct command_option *option = &reading->command->options[row];

		if (strlen(option->name) != length || strncmp(option->name, name, length) != 0)
			continue;
		if (option->argument)
			return take_with_value(reading, option, equals ? equals + 1 : NULL,
					       argument, length + 2);
		if (equals)
			return refuse(reading, argument, length + 2, "takes no value");
		return take(reading, option, NULL);
	}
	if (length == strlen("help") && strncmp(name, "help", length) == 0)
		return equals ? refuse(reading, argument, length + 2, "takes no value")
			      : help(reading);
	return refuse(reading, argument, length + 2, "no such option");
}

static const struct command_option *find_letter(const struct command *command, char letter)
{
	for (size_t row = 0; row < command->options_count; row++) {
		if (command->options[row].letter == letter)
			return &command->options[row];
	}
	return NULL;
}

static int read_letters(struct reading *reading, const char *argument)
{
	int status = -1;

	for (const char *letter = argument + 1; *letter && status < 0; letter++) {
		const struct command_option *option = find_letter(reading->command, *letter);
		char written[] = { '-', *letter, '\0' };

		if (!option && *letter == 'h')
			return help(reading);
		if (!option)
			return refuse(reading, written, 2, "no such option");
		if (option->argument)
			return take_with_value(reading, option, letter[1] ? letter + 1 : NULL,
					       written, 2);
		status = take(reading, option, NULL);
	}
	return status;
}

int command_read(const struct command *command, int argc, char *const argv[],
		 command_take *take_one, void *ctx)
{
	struct reading reading = { command, argc, argv, 1, take_one, ctx };
	int status = -1, operands_only = 0;

	while (reading.next < argc && status < 0) {
		const char *argument = argv[reading.next++];

		if (operands_only || argument[0] != '-' || argument[1] == '\0')
			status = take(&reading, NULL, argument);
		else if (strcmp(argument, "--") == 0)
			operands_only = 1;
		else if (argument[1] == '-')
			status = read_long(&reading, argument);
		else
			status = read_letters(&reading, argument);
	}
	return status;
}
