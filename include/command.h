/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words after the program's name (`kube-canary ping`): how one is described, and how its
 * command line is read by that description, which --help, the man page and the shells' completion
 * share. Must not know what any command does.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define COMMAND_ERROR_CAPACITY 512
#define COMMAND_EXIT_USAGE     2

struct command_option {
	char letter;	      /* 0: none */
	const char *name;     /* without dashes; never NULL */
	const char *argument; /* as --help names it; alternatives as "a|b|c". NULL: a switch */
	const char *help;     /* a phrase in lower case, without a full stop */
};

struct command {
	const char *name;
	const char *summary;  /* a phrase */
	const char *operands; /* as the usage shows them, such as "TARGET…"; NULL: none */
	const struct command_option *options;
	size_t options_count;
	/* argv[0] is the command's name. Returns the exit status. */
	int (*run)(int argc, char *const argv[]);
};

/*
 * Takes one option with its value (NULL for a switch), or an operand (option NULL). Returns 0, or
 * not 0 after having said in `error` which value was given and what was expected.
 */
typedef int command_take(void *ctx, const struct command_option *option, const char *value,
			 char error[COMMAND_ERROR_CAPACITY]);

/*
 * Reads a command line: -c5, -c 5, -46, --count=5, --count 5, operands anywhere, `--` before those
 * that begin with a dash, -h and --help. Returns -1 to carry on, or the exit status: 0 after help,
 * COMMAND_EXIT_USAGE after having told on standard error what was wrong.
 */
int command_read(const struct command *command, int argc, char *const argv[], command_take *take,
		 void *ctx);

/* What --help prints. */
void command_print_help(const struct command *command);

/* One row of it, whose explanation begins at the column or, if what is explained is longer, after
 * the next space. Wrapped on a terminal; a program that reads it gets one line. */
void command_print_row(const char *row, size_t column);

/* Of the terminal that standard output is, up to what is easy to read; 80 if it is none. */
uint32_t command_columns(void);

#endif
