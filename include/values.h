/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal to the configuration: how the text of a value becomes the field of struct config that
 * its option names. One reader for each kind of option.
 */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>

#include "config.h"
#include "options.h"

/* Sets the field, or returns false and leaves all as it is. Not for switches, nor for
 * what may be given again. */
bool value_read(const struct option *option, const char *value, struct config *config);

/* ADDRESS:PORT, or false and *ret is as it was. */
bool value_parse_listen_address(const char *value, struct config_listen *ret);

/* What may be looked up: 1 to 253 letters, digits, '.', '-' or '_', no IP address, no label empty
 * or over 63; a dot at the end means that nothing is to be added. */
bool value_is_dns_name(const char *value);

#endif
