/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the configuration share. */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include "unit/cmocka_all.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "instant.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static inline int read_all(char *const argv[], char *const environment[], struct config *ret,
			   char *ret_error)
{
	int argc = 0;

	while (argv && argv[argc])
		argc++;
	return config_read(argc, argv, environment, ret, ret_error);
}

static inline void accept(char *const argv[], char *const environment[], struct config *ret)
{
	char error[CONFIG_ERROR_CAPACITY] = "";

	if (read_all(argv, environment, ret, error))
		fail_msg("%s", error);
}

#define FLAGS(...) ((char *const[]){ __VA_ARGS__, NULL })

#endif
