/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the configuration: what its files share while it is being read. config.c reads flags
 * and environment, config_lists.c the options that may be given again, config_checks.c knows what
 * no single option can tell, config_refusals.c words what is wrong.
 */
#ifndef CONFIG_STATE_H
#define CONFIG_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "options.h"

#define CONFIG_LISTS 4 /* options that may be given again */

/* The configuration in the making, and who is speaking. */
struct reading {
	struct config config;
	uint64_t given; /* bit = row of the table */
	uint64_t given_by_flags;
	const struct option *option;
	bool variable;
	/* Lists in the environment, cut at their commas. */
	struct {
		char *text;
		size_t length;
	} lists[CONFIG_LISTS];
	char *ret_error;
};

static inline uint64_t option_bit(const struct option *option)
{
	return UINT64_C(1) << (option - options);
}

/* Lists: one value of a flag, or the whole value of a variable. 0, or -EINVAL and it is said. */
bool config_list_is(const struct option *option);
int config_list_read_value(struct reading *reading, const char *value);
int config_list_read_variable(struct reading *reading, char *list);
/* Of those that nobody gave: their defaults. */
void config_lists_default(struct reading *reading);
/* Puts the commas of the environment back. */
void config_lists_restore(const struct reading *reading);

/* Whether the options go together. 0, or -EINVAL and it is said. */
int config_check(struct reading *reading);

/* The error says that whoever is speaking gave this value. value NULL: there is none. expected
 * NULL: what the table says of the option. -EINVAL. */
int config_refuse(const struct reading *reading, const char *value, const char *expected);
/* It is no option, or variable: `whole` is what was given, up to the end of `name`. -EINVAL. */
int config_refuse_unknown(const struct reading *reading, const char *what, const char *whole,
			  const char *name, size_t length);
/* An empty line, for what is said of several options together. */
struct text config_error_line(const struct reading *reading);

#endif
